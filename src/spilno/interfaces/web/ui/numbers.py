"""Numbers and time: KPI tiles, gauges, charts, calendars, timelines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template
from django.utils.translation import gettext as _

from spilno.interfaces.web.ui.markup import attributes, component, item_values
from spilno.toolkit.language import formats

register = template.Library()


@component(register, "kpi")
def kpi(
    label: Any,
    value: Any = None,
    target: Any = None,
    baseline: Any = None,
    unit: str = "count",
    currency: str = "",
    state: str = "",
    reached: bool | None = None,
    note: Any = "",
    href: str = "",
    change: bool = False,
    big: bool = False,
    shown: str = "",
    target_shown: str = "",
    better: str = "up",
) -> dict[str, Any]:
    """A value, its target and a bar with a tick at the target.

    ``unit``: count · share (fraction) · money · seconds · index. ``state``: reached · behind · open · unknown;
    without it ``reached`` decides. ``change`` writes ``+13,5 %``. ``better="down"``: less is better (a response
    time), so the bar shows the value and the tick the limit. ``shown``/``target_shown`` replace the formatting.
    """
    value = None if formats.value_is_unknown(value) else value
    target = None if formats.value_is_unknown(target) else target
    if value is None:
        state = "unknown"
    elif not state:
        state = "reached" if reached else "open"
    words = {"reached": _("reached"), "behind": _("behind"), "unknown": _("not known yet")}
    target_text = target_shown or (shown_value(target, unit, currency, change) if target is not None else "")
    scale = max(abs(float(value or 0)), abs(float(target or 0)))
    return {
        "label": label,
        "state": state,
        "state_word": words.get(state, ""),
        "shown": shown or shown_value(value, unit, currency, change),
        "target_text": target_text,
        "baseline_text": "" if formats.value_is_unknown(baseline) else shown_value(baseline, unit, currency),
        "note": note,
        "href": href,
        "big": big,
        "to": _part(value, scale),
        "at": _part(target, scale),
        "has_bar": target is not None,
        "better": better,
    }


def shown_value(value: Any, unit: str, currency: str = "", signed: bool = False) -> str:
    """A value in its unit and the active language; "—" if unknown."""
    from spilno.interfaces.web.templatetags.format import measure

    return str(measure(value, unit, currency, signed))


def _part(value: Any, scale: float) -> str:
    """``value`` as a part of ``scale`` for CSS, within 0…1."""
    if value is None or not scale:
        return "0"
    return f"{min(max(float(value) / scale, 0.0), 1.0):.4f}"


@component(register, "gauge")
def gauge(
    label: Any = "",
    value: Any = None,
    target: Any = None,
    expected: Any = None,
    low: Any = None,
    high: Any = None,
    forecast: Any = None,
    unit: str = "count",
    currency: str = "",
    state: str = "",
    small: bool = False,
    key: bool = True,
) -> dict[str, Any]:
    """Value, expected by now, forecast band and target on one line, and the same in words.

    ``low``/``high``: the forecast's interval; ``forecast``: its middle. Any of them may be unknown.
    ``key=False`` leaves out the words below the line (they stay for screen readers).
    """
    numbers = [value, target, expected, low, high, forecast]
    value, target, expected, low, high, forecast = (
        None if formats.value_is_unknown(one) else one for one in numbers
    )
    scale = max((abs(float(one)) for one in (value, target, high) if one is not None), default=0.0) * 1.02
    texts = {
        name: shown_value(one, unit, currency) if one is not None else ""
        for name, one in (
            ("value", value),
            ("target", target),
            ("expected", expected),
            ("low", low),
            ("high", high),
            ("forecast", forecast),
        )
    }
    if not state:
        reached = value is not None and target is not None and value >= target
        state = "unknown" if value is None else "reached" if reached else "open"
    words = {"reached": _("reached"), "behind": _("behind")}
    return {
        "label": label,
        "state": state,
        "state_word": words.get(state, ""),
        "texts": texts,
        "shown": shown_value(value, unit, currency),
        "parts": unit in ("count", "money"),  # "23 of 60"; "2 % of 3 %" would be another number
        "to": _part(value, scale),
        "goal": _part(target, scale) if target is not None else "",
        "now": _part(expected, scale) if expected is not None else "",
        "band": (_part(low, scale), _part(high, scale)) if low is not None and high is not None else None,
        "small": small,
        "key": key,
    }


@component(register, "progress")
def progress(value: Any = None, of: Any = 1, label: Any = "", note: Any = "") -> dict[str, Any]:
    """How far long work is: ``value`` of ``of``; without a value it only shows that it runs."""
    known = not formats.value_is_unknown(value)
    return {
        "known": known,
        "to": _part(value if known else None, float(of or 1)),
        "label": label,
        "note": note,
    }


@component(register, "timeline")
def timeline(events: Iterable[Any]) -> dict[str, Any]:
    """What happened, in order. Events have ``title``, ``at``, ``note``, ``tone``, ``icon``, ``by``, ``url``; ``took``
    (how long, in words) and ``record`` (pairs of label and value, folded).
    """
    names = ("title", "at", "note", "tone", "icon", "by", "url", "took", "record")
    return {"events": [item_values(one, names) for one in events]}


@component(register, "steps")
def steps(items: Iterable[Any]) -> dict[str, Any]:
    """What is done and what is still missing. Items: ``label``, ``done``, ``note``, ``url``, ``action``."""
    names = ("label", "done", "note", "url", "action")
    rows = [item_values(one, names) for one in items]
    upcoming = next((one for one in rows if not one["done"]), None)
    if upcoming:
        upcoming["next"] = True
    return {"items": rows}


@component(register, "chart")
def chart(
    spec: Mapping[str, Any] | None,
    id: str,
    sentence: Any = "",
    note: Any = "",
    table: Mapping[str, Sequence[Any]] | None = None,
    height: int = 250,
) -> dict[str, Any]:
    """A figure from a Vega-Lite spec: a sentence above, the drawing, and its table behind it.

    Colours in the spec are written ``"token:voice"``; the theme's own colours replace them, and again when the
    theme changes. ``table``: ``{"columns": […], "rows": [[…], …]}``. ``id`` must be unique on the page.
    """
    return {
        "spec": spec,
        "id": id,
        "spec_id": f"{id}-spec",
        "sentence": sentence,
        "note": note,
        "table": table,
        "height": height,
    }


@component(register, "calendar", takes_context=True)
def calendar(
    context: template.Context,
    events_url: str,
    move_url: str = "",
    create_url: str = "",
    view: str = "month",
    **attrs: Any,
) -> dict[str, Any]:
    """The calendar of FullCalendar; what it asks of the addresses is in ``docs/interface.md``."""
    workspace = context.get("workspace")
    return {
        "events_url": events_url,
        "move_url": move_url,
        "create_url": create_url,
        "view": view,
        "zone": getattr(workspace, "time_zone", ""),
        "attrs": attributes(attrs),
    }
