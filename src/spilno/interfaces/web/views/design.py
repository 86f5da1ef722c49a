"""``/design``: every component with every state, in both themes. For staff; the numbers are made up."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from spilno.interfaces.web.ui.marks import STATES

# Two marks that belong to no real network.
ROUND = {"short": "Aa", "color": "oklch(0.55 0.16 250)", "label": "Aa"}
SQUARE = {"short": "Bb", "color": "oklch(0.55 0.18 350)", "label": "Bb"}

LEADS = [
    0,
    0,
    1,
    3,
    6,
    8,
    10,
    10,
    11,
    13,
    14,
    19,
    19,
    23,
    25,
    25,
    26,
    28,
    31,
    31,
    31,
    32,
    34,
    37,
    38,
    40,
    41,
    41,
    44,
    44,
]


class SampleForm(forms.Form):
    """One field of each kind."""

    question = forms.CharField(label=_("Main question"), help_text=_("Which task must this content solve?"))
    text = forms.CharField(label=_("Text"), widget=forms.Textarea(attrs={"rows": 4}))
    link = forms.URLField(label=_("Link"), required=False, assume_scheme="https")
    goes_on = forms.DateField(label=_("Date"), widget=forms.DateInput())
    goes_at = forms.DateTimeField(label=_("Date and time"), widget=forms.DateTimeInput())
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[("initiative", _("Initiative")), ("event", _("Event")), ("achievement", _("Achievement"))],
    )
    market = forms.ChoiceField(
        label=_("Market"),
        widget=forms.RadioSelect,
        choices=[("b2b", _("Companies (B2B)")), ("b2c", _("People (B2C)"))],
    )
    days = forms.MultipleChoiceField(
        label=_("Days"),
        widget=forms.CheckboxSelectMultiple,
        choices=[("mon", _("Monday")), ("wed", _("Wednesday")), ("fri", _("Friday"))],
        required=False,
    )
    remind = forms.BooleanField(label=_("Remind me an hour before"), required=False)
    picture = forms.FileField(label=_("File"), required=False)


def _staff(request: HttpRequest) -> None:
    if not request.user.is_staff:  # type: ignore[union-attr]
        raise PermissionDenied


def _spec() -> dict[str, Any]:
    """Leads over a month with target, forecast band and posts: the pattern of all charts."""
    first = date(2021, 6, 1)
    rows = [
        {"day": (first + timedelta(days=index)).isoformat(), "leads": value}
        for index, value in enumerate(LEADS)
    ]
    middle, slope = 14, LEADS[14]
    band = [
        {"day": rows[day]["day"], "low": slope + (day - middle) * 0.8, "high": slope + (day - middle) * 1.67}
        for day in range(middle, 30)
    ]
    posts = [{"day": rows[day]["day"], "post": f"№ {day}"} for day in (1, 2, 3)]
    day_axis = {
        "field": "day",
        "type": "temporal",
        "title": None,
        "axis": {"format": "%-d %b", "tickCount": 4},
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "layer": [
            {
                "data": {"values": band},
                "mark": {"type": "area", "color": "token:voice", "opacity": 0.16},
                "encoding": {
                    "x": day_axis,
                    "y": {"field": "low", "type": "quantitative", "title": None, "scale": {"domainMax": 50}},
                    "y2": {"field": "high"},
                },
            },
            {
                "data": {"values": [{"target": 40, "day": rows[-1]["day"]}]},
                "layer": [
                    {"mark": {"type": "rule", "strokeDash": [4, 4]}, "encoding": {"y": {"datum": 40}}},
                    {
                        "mark": {"type": "text", "align": "left", "dx": 6, "dy": 2},
                        "encoding": {"x": day_axis, "y": {"datum": 40}, "text": {"value": "ціль 40"}},
                    },
                ],
            },
            {
                "data": {"values": rows},
                "mark": {"type": "line"},
                "encoding": {"x": day_axis, "y": {"field": "leads", "type": "quantitative"}},
            },
            {
                "data": {"values": rows[-1:]},
                "encoding": {"x": day_axis, "y": {"field": "leads", "type": "quantitative"}},
                "layer": [
                    {"mark": {"type": "point", "opacity": 1}},
                    {
                        "mark": {
                            "type": "text",
                            "align": "left",
                            "dx": 8,
                            "dy": -6,
                            "fontWeight": 650,
                            "color": "token:voice-ink",
                        },
                        "encoding": {"text": {"field": "leads"}},
                    },
                ],
            },
            {
                "data": {"values": posts},
                "mark": {
                    "type": "point",
                    "shape": "square",
                    "color": "token:brand",
                    "size": 90,
                    "opacity": 1,
                },
                "encoding": {"x": day_axis, "y": {"datum": 2}, "tooltip": {"field": "post"}},
            },
        ],
    }


def _sample_forms() -> tuple[SampleForm, SampleForm]:
    filled = SampleForm(
        initial={
            "question": "Щоб менеджери з інших компаній дізналися про каталог",
            "text": "У травні ми зібрали понад 80 книжок.",
            "goes_on": date(2026, 11, 26),
            "goes_at": datetime(2026, 11, 26, 18, 0),  # noqa: DTZ001 - a form shows wall clock
            "market": "b2b",
            "days": ["mon", "fri"],
            "remind": True,
        }
    )
    wrong = SampleForm(
        data={"question": "", "text": "", "link": "not a link", "goes_on": "31.02.2026", "market": ""}
    )
    wrong.is_valid()
    wrong.add_error(None, _("The deadline is after the publishing date."))
    return filled, wrong


@login_required
@require_GET
def design(request: HttpRequest) -> HttpResponse:
    """All components, twice: on light and on dark."""
    _staff(request)
    filled, wrong = _sample_forms()
    now = datetime.now(UTC)
    kinds = [
        {"key": "brief", "label": "Бриф", "url": "#"},
        {"key": "agreement", "label": "Домовленість", "url": "#"},
        {"key": "plan", "label": "План", "url": "#", "count": 12},
        {"key": "results", "label": "Результати", "url": "#"},
        {"key": "log", "label": "Журнал", "url": "#"},
    ]
    context = {
        "themes": ("light", "dark"),
        "colours": [
            "paper",
            "surface",
            "hover",
            "ink",
            "muted",
            "faint",
            "line",
            "brand",
            "brand-soft",
            "voice",
            "voice-soft",
            "good",
            "good-soft",
            "late",
            "late-soft",
        ],
        "pictures": ["page", "chat", "people", "chart", "plug", "search", "done", "lost", "broken", "lock"],
        "states": [(key, key.replace("_", " ")) for key in STATES],
        "tabs": kinds,
        "views": [
            {"key": "calendar", "label": "Календар", "url": "#", "icon": "plan"},
            {"key": "board", "label": "Дошка", "url": "#", "icon": "table"},
        ],
        "trail": [("Ініціативи", "#"), ("Благодійний ярмарок книг", "#"), ("Результати", "")],
        "net_a": ROUND,
        "net_b": SQUARE,
        "donations": Decimal(39000),
        "events": [
            {
                "title": "Надіслано",
                "at": now - timedelta(hours=5),
                "tone": "out",
                "icon": "send",
                "by": "Taras Melnyk",
            },
            {
                "title": "Мережа не відповіла",
                "note": "Час очікування вийшов; ми не надсилаємо вдруге",
                "at": now - timedelta(hours=5) + timedelta(seconds=30),
                "icon": "uncertain",
            },
            {
                "title": "Знайдено в стрічці",
                "at": now - timedelta(hours=4, minutes=58),
                "tone": "good",
                "icon": "check",
                "url": "#",
            },
            {"title": "Перший коментар", "at": now - timedelta(hours=3), "tone": "in", "icon": "message"},
        ],
        "steps": [
            {"label": "Головне запитання", "done": True},
            {
                "label": "Вимірна ціль із датою",
                "note": "Хоча б одна: скільки і до коли",
                "url": "#",
                "action": "Додати",
            },
            {"label": "Мережі", "url": "#"},
            {"label": "Дедлайн контенту", "url": "#"},
        ],
        "spec": _spec(),
        "table": {
            "columns": ["День", "Ліди"],
            "rows": [[f"{i + 1} червня", v] for i, v in enumerate(LEADS) if i % 7 == 0],
        },
        "form": filled,
        "wrong": wrong,
        "now": now,
        "starts": date(2021, 6, 1),
        "ends": date(2021, 6, 30),
        "title": {
            "uk": "Благодійний ярмарок книг",
            "en": "Charity book sale",
            "ru": "Благотворительная книжная ярмарка",
        },
    }
    return render(request, "design.html", context)


@login_required
@require_POST
def design_check(request: HttpRequest) -> HttpResponse:
    """What a counter asks: the length of a text, its limit, its problems."""
    _staff(request)
    text = request.POST.get("text", "")
    problems = ["Спільнота не любить великих літер"] if re.search(r"\b[А-ЯІЇЄҐA-Z]{6,}\b", text) else []
    return JsonResponse({"length": len(text), "limit": 300, "problems": problems})


@login_required
@require_GET
def design_events(request: HttpRequest) -> HttpResponse:
    """A month of sample events in the form that the calendar takes."""
    _staff(request)
    first = datetime.fromisoformat(request.GET["start"]).replace(tzinfo=None)
    looks = [
        ("out", "done", "Мітап у четвер"),
        ("out", "", "Хто вже з нами"),
        ("out", "draft", "Каталог книг"),
    ]
    looks += [
        ("in", "", "Зустріч спільноти"),
        ("out", "late", "Сторіс із посиланням"),
        ("out", "ask", "Підсумок тижня"),
    ]
    rows = []
    for index in range(24):
        voice, look, title = looks[index % len(looks)]
        start = first + timedelta(days=index * 1.4, hours=9 + index % 9)
        rows.append(
            {
                "id": str(index),
                "title": title,
                "start": start.replace(minute=30 * (index % 2), second=0).isoformat(timespec="minutes"),
                "url": "/design/panel/",
                "voice": voice,
                "look": look,
                "network": ROUND if index % 3 else SQUARE,
            }
        )
    return JsonResponse(rows, safe=False)


@login_required
@require_POST
def design_move(request: HttpRequest, event: str) -> HttpResponse:
    """Even events may be moved; odd ones show how a refusal looks."""
    _staff(request)
    if int(event) % 2:
        return JsonResponse({"problem": "Цей допис уже вийшов."}, status=409)
    return JsonResponse({"message": "Перенесено"})


@login_required
@require_GET
def design_panel(request: HttpRequest) -> HttpResponse:
    """What htmx puts into the panel."""
    _staff(request)
    return render(request, "design/panel.html", {"net_a": ROUND})


urlpatterns = [
    path("design/", design, name="design"),
    path("design/check/", design_check, name="design-check"),
    path("design/events/", design_events, name="design-events"),
    path("design/move/<str:event>/", design_move, name="design-move"),
    path("design/panel/", design_panel, name="design-panel"),
]
