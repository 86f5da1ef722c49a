"""The curve of a target over time, as one Vega-Lite spec for page, PDF and slides.

Colours are written ``token:NAME``, as in every chart of the interface: the page puts its theme's colours there, and
:func:`colored` does the same where there is no page. Days are whole numbers from the period's first day on, and
every label is written here: so neither the reader's time zone nor the renderer's locale can change a chart.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from . import fonts
from .document import PostResult, ResultsReport, TargetResult
from .formats import day, moment, number, short_day
from .palette import as_hex, colors
from .words import word

FONT = "Onest Variable, Onest, system-ui, sans-serif"
HEIGHT = 200  # px, of the plot
MARK = 15  # px, side of a post's mark
LANE = 18  # px, from one row of marks to the next
MARK_GAP = 6  # px, between the axis and the first row of marks
AROUND = 44  # px, above the plot and below it for the axis
LANES = 3  # rows of marks before they may overlap


# What each kind of mark looks like. In the marks themselves: a page's configuration would win over a style.
STYLES: dict[str, Any] = {
    "voice-area": {"color": "token:voice", "opacity": 0.13},
    "voice-line": {
        "color": "token:voice",
        "strokeWidth": 2.6,
        "strokeJoin": "round",
        "strokeCap": "round",
    },
    "voice-hover": {"color": "token:voice", "filled": True, "size": 160, "opacity": 0},
    "voice-end": {"color": "token:voice", "filled": True, "size": 62, "opacity": 1},
    "target-line": {"color": "token:ink", "strokeDash": [4, 4], "strokeWidth": 1.1},
    "target-label": {"color": "token:ink", "fontSize": 11.5},
    "value-label": {"color": "token:voice-ink", "fontSize": 13, "fontWeight": 700},
    "post-line": {"color": "token:brand", "strokeOpacity": 0.3, "strokeWidth": 1},
    "post-letters": {"color": "#ffffff", "fontSize": 8, "fontWeight": 700},
}

# The frame that the page gives every chart (frontend/js/chart.js), for where there is no page.
FRAME: dict[str, Any] = {
    "background": "transparent",
    "aria": False,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "token:muted",
        "labelFontSize": 11.5,
        "gridColor": "token:line",
        "domain": False,
        "ticks": False,
        "labelPadding": 8,
    },
    "axisX": {"grid": False},
}


@dataclass(frozen=True)
class Mark:
    """Posts of one network that went out on one day, or on days too near to tell apart.

    ``days`` in days from the first day; the mark stands on the first of them.
    """

    days: tuple[int, ...]
    lane: int
    letters: str
    color: str
    title: str


def curve_spec(
    target: TargetResult, report: ResultsReport, *, width: int | str = "container", height: int = HEIGHT
) -> dict[str, Any] | None:
    """Vega-Lite 6 spec of the target's curve with its posts, with ``token:NAME`` for colours.

    ``width`` of the whole in px or ``"container"``, ``height`` of the plot.
    ``None`` if fewer than two days have a value: a dot is no curve.
    ``usermeta.height`` is the height of the whole in px, axis and marks included, for the room kept for it.
    """
    known = [(point.day, point.value) for point in target.curve if point.value is not None]
    if len(known) < 2:
        return None
    first, final = report.period_from, _final_day(report)
    days = max((final - first).days, 1)
    language = report.language
    nominal = width if isinstance(width, int) else 560

    def shown(value: Decimal) -> str:
        return number(
            value, unit=target.unit, currency=target.currency, language=language, signed=target.is_change
        )

    values = [value for _, value in known]
    ticks = nice_ticks([*values, *([target.target] if target.target is not None else [])], height // 34)
    tick_days = axis_days(first, final, most=5 if nominal >= 420 else 3)
    rows = [
        {"day": (when - first).days, "value": float(value), "label": f"{day(when, language)}: {shown(value)}"}
        for when, value in known
    ]
    marks = post_marks(report.posts, report, nominal)
    lanes = 1 + max((mark.lane for mark in marks), default=-1)
    x = {
        "field": "day",
        "type": "quantitative",
        "scale": {"domain": [0, days], "nice": False, "zero": False},
        "axis": {
            "values": [(one - first).days for one in tick_days],
            "labelExpr": _lookup({(one - first).days: short_day(one, language) for one in tick_days}),
            "labelPadding": 8 + lanes * LANE,
            "labelFlush": True,
            "labelOverlap": True,
            "labelSeparation": 10,
            "tickCount": 2 * len(tick_days),  # a smaller count of the page's would thin the values out
            "grid": False,
            "title": None,
        },
    }
    y = {
        "field": "value",
        "type": "quantitative",
        "scale": {"domain": [float(ticks[0]), float(ticks[-1])], "nice": False},
        "axis": {
            "values": [float(one) for one in ticks],
            "tickCount": 2 * len(ticks),
            "labelExpr": _lookup({float(one): _short(one, target, language) for one in ticks}),
            "title": None,
        },
    }
    end = rows[-1]
    last_label = shown(known[-1][1])
    # The target's words stay clear of the value's own: above the line if the value ends below it.
    label_target = word("target", language, value=shown(target.target)) if target.target is not None else ""
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "area", **STYLES["voice-area"], "interpolate": "monotone"},
            "encoding": {"x": x, "y": y, "y2": {"datum": max(float(ticks[0]), 0.0)}},
        },
    ]
    if marks:
        layers.append(_post_rules(marks, x, height))
    if target.target is not None:
        layers.append(
            {
                "data": {"values": [{"value": float(target.target)}]},
                "mark": {"type": "rule", **STYLES["target-line"]},
                "encoding": {"y": y},
            }
        )
    layers += [
        {
            "mark": {"type": "line", **STYLES["voice-line"], "interpolate": "monotone"},
            "encoding": {"x": x, "y": y},
        },
        {
            "mark": {"type": "point", **STYLES["voice-hover"], "tooltip": {"signal": "datum.label"}},
            "encoding": {"x": x, "y": y},
        },
        {
            "data": {"values": [end]},
            "mark": {"type": "point", **STYLES["voice-end"]},
            "encoding": {"x": x, "y": y},
        },
        *_end_labels(end, last_label, target, label_target, x, y, height),
    ]
    if marks:
        layers += _post_layers(marks, x, height)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": target.sentence or target.title,
        "width": width,
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": {"left": 4, "right": 6, "top": 10, "bottom": 6},
        "data": {"values": rows},
        "layer": layers,
        "usermeta": {"height": height + lanes * LANE + AROUND},
    }


def colored(spec: dict[str, Any], theme: str) -> dict[str, Any]:
    """A copy of the spec with ``token:NAME`` replaced by the colour of the ``"light"`` or ``"dark"`` theme."""
    tone = colors(theme)

    def dress(one: Any) -> Any:
        if isinstance(one, str) and one.startswith("token:"):
            return tone[one.removeprefix("token:")]
        if isinstance(one, dict):
            return {key: dress(value) for key, value in one.items()}
        return [dress(value) for value in one] if isinstance(one, list) else one

    return dress(spec)  # type: ignore[no-any-return]


def curve_svg(target: TargetResult, report: ResultsReport, *, width: int, height: int = HEIGHT) -> str | None:
    """The curve drawn as SVG in light colours, for PDF and slides; ``None`` without a curve."""
    spec = curve_spec(target, report, width=width, height=height)
    if spec is None:
        return None
    import vl_convert  # heavy: only where it is used

    _register_fonts()
    dressed = colored(spec | {"config": FRAME}, "light")
    drawn: str = vl_convert.vegalite_to_svg(dressed, allowed_base_urls=[])
    return drawn


@cache
def _register_fonts() -> None:
    import vl_convert

    if folder := fonts.ensure():
        vl_convert.register_font_directory(str(folder))


# --------------------------------------------------------------------------------------------------------- posts


def post_marks(posts: Sequence[PostResult], report: ResultsReport, width: int) -> tuple[Mark, ...]:
    """Marks of the posts in the period, in as few rows as keep them apart at ``width`` px.

    Posts of one network whose marks would cover each other share one mark; its words name them all.
    """
    zone = ZoneInfo(report.time_zone)
    final = _final_day(report)
    scale = width / max((final - report.period_from).days, 1)
    groups: list[tuple[list[int], list[PostResult]]] = []
    latest: dict[str, tuple[list[int], list[PostResult]]] = {}
    for post in sorted(posts, key=lambda one: (one.published_at, one.key)):
        when = post.published_at.astimezone(zone).date()
        if not report.period_from <= when <= final:
            continue
        at = (when - report.period_from).days
        near = latest.get(post.network.key)
        if near and (at - near[0][0]) * scale < MARK + 2:
            near[0].append(at)
            near[1].append(post)
        else:
            latest[post.network.key] = ([at], [post])
            groups.append(latest[post.network.key])
    free_from = [-math.inf] * LANES
    marks = []
    for days, group in groups:
        left = days[0] * scale
        lane = next((row for row in range(LANES) if free_from[row] <= left), free_from.index(min(free_from)))
        free_from[lane] = left + MARK + 2
        titles = [
            f"{moment(one.published_at, report.time_zone, report.language)} · {one.title}" for one in group
        ]
        marks.append(
            Mark(
                days=tuple(dict.fromkeys(days)),
                lane=lane,
                letters=group[0].network_mark,
                color=as_hex(group[0].network_color, colors("light")["brand"]),
                title="\n".join(titles),
            )
        )
    return tuple(marks)


def _final_day(report: ResultsReport) -> date:
    """The period's last day, or a later one if a curve goes on."""
    return max([report.period_to, *(one.curve[-1].day for one in report.targets if one.curve)])


def _post_rules(marks: Sequence[Mark], x: Mapping[str, Any], height: int) -> dict[str, Any]:
    """A thin line up from each day with a post, so that one sees what the curve did from there on."""
    return {
        "data": {"values": [{"day": at} for at in sorted({at for mark in marks for at in mark.days})]},
        "mark": {"type": "rule", **STYLES["post-line"]},
        "encoding": {"x": x, "y": {"value": 0}, "y2": {"value": height + MARK_GAP}},
    }


def _post_layers(marks: Sequence[Mark], x: Mapping[str, Any], height: int) -> list[dict[str, Any]]:
    """The marks themselves, under the axis, a row of them at a time."""
    layers: list[dict[str, Any]] = []
    for lane in sorted({mark.lane for mark in marks}):
        rows = [
            {"day": mark.days[0], "letters": mark.letters, "color": mark.color, "title": mark.title}
            for mark in marks
            if mark.lane == lane
        ]
        middle = {"value": height + MARK_GAP + MARK / 2 + lane * LANE}
        layers += [
            {
                "data": {"values": rows},
                "mark": {
                    "type": "rect",
                    "width": MARK,
                    "height": MARK,
                    "cornerRadius": 4,
                    "opacity": 1,
                    "tooltip": {"signal": "datum.title"},
                },
                "encoding": {
                    "x": x,
                    "y": middle,
                    "color": {"field": "color", "type": "nominal", "scale": None},
                },
            },
            {
                "data": {"values": rows},
                "mark": {"type": "text", **STYLES["post-letters"], "baseline": "middle", "align": "center"},
                "encoding": {"x": x, "y": middle, "text": {"field": "letters", "type": "nominal"}},
            },
        ]
    return layers


# ---------------------------------------------------------------------------------------------------------- axes


def nice_ticks(values: Sequence[Decimal], most: int = 6) -> tuple[Decimal, ...]:
    """Round steps from (at most) zero up to (at least) the largest value; at least two, at most ``most`` + 1."""
    low, high = min([Decimal(0), *values]), max([Decimal(0), *values])
    reach = high - low or Decimal(1)
    size = Decimal(10) ** (reach / most).adjusted()
    step = next(size * one for one in (1, 2, Decimal("2.5"), 5, 10) if reach / (size * one) <= most)
    start = math.floor(low / step)
    stop = max(math.ceil(high / step), start + 1)
    return tuple((step * position).normalize() + 0 for position in range(start, stop + 1))


def axis_days(first: date, final: date, *, most: int) -> tuple[date, ...]:
    """First and last day and evenly between them, at most ``most``."""
    days = (final - first).days
    pieces = max(min(most - 1, days), 1)
    return tuple(first + timedelta(days=round(days * piece / pieces)) for piece in range(pieces + 1))


def _short(value: Decimal, target: TargetResult, language: str) -> str:
    return number(value, unit=target.unit, currency=target.currency, language=language)


def _lookup(labels: Mapping[float, str]) -> str:
    """A Vega expression that turns an axis value into its label.

    Compared in millionths: a tick such as 0.15 may come back from the scale as 0.15000000000000002.
    """
    keys = json.dumps([round(key * 1_000_000) for key in labels])
    texts = json.dumps(list(labels.values()), ensure_ascii=False)
    return f"{texts}[indexof({keys}, round(datum.value * 1000000))]"


def _end_labels(
    end: Mapping[str, Any],
    label: str,
    target: TargetResult,
    label_target: str,
    x: Mapping[str, Any],
    y: Mapping[str, Any],
    height: int,
) -> list[dict[str, Any]]:
    """The value at the curve's end and the target's words at the right edge, kept from covering each other."""
    low, high = y["scale"]["domain"]
    days = x["scale"]["domain"][1]

    def pixels(value: float) -> float:
        return float(height * (1 - (value - low) / (high - low)))

    value_y = pixels(end["value"])
    layers: list[dict[str, Any]] = []
    value_dy, target_dy = 0.0, 0.0
    if target.target is not None:
        target_y = pixels(float(target.target))
        at_edge = end["day"] > days * 0.86
        overlap = 17 - abs(value_y - target_y)
        if at_edge and overlap > 0:
            up = -1 if value_y <= target_y else 1
            value_dy, target_dy = up * overlap / 2, -up * overlap / 2
        layers.append(
            {
                "data": {"values": [{"value": float(target.target), "text": label_target}]},
                "mark": {
                    "type": "text",
                    **STYLES["target-label"],
                    "align": "left",
                    "baseline": "middle",
                    "dx": 8,
                    "dy": target_dy,
                },
                "encoding": {
                    "x": {"value": {"expr": "width"}},
                    "y": y,
                    "text": {"field": "text", "type": "nominal"},
                },
            }
        )
    layers.append(
        {
            "data": {"values": [{**end, "text": label}]},
            "mark": {
                "type": "text",
                **STYLES["value-label"],
                "align": "left",
                "baseline": "middle",
                "dx": 8,
                "dy": value_dy,
            },
            "encoding": {
                "x": x,
                "y": y,
                "text": {"field": "text", "type": "nominal"},
            },
        }
    )
    return layers
