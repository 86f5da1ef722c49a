"""The curve of a target: the numbers in the picture are those of the report, in the tokens' colours."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spilno.reports.charts import axis_days, colored, curve_spec, curve_svg, nice_ticks, post_marks
from spilno.reports.document import CurvePoint
from spilno.reports.palette import TOKENS, as_hex, colors, oklch_hex
from tests.reports.sample import case_report

D = Decimal
TOKEN_FILE = Path(__file__).parents[2] / "frontend" / "tokens.css"


@pytest.fixture(scope="module")
def report():
    return case_report("uk")


def texts(svg: str) -> list[str]:
    return [text.replace("\u00a0", " ") for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def test_the_spec_holds_the_curve_and_the_target(report) -> None:
    leads = report.targets[1]
    spec = curve_spec(leads, report)
    rows = spec["data"]["values"]
    assert [row["value"] for row in rows] == [float(point.value) for point in leads.curve]
    assert (rows[0]["day"], rows[-1]["day"]) == (0, 58)
    assert rows[-1]["label"].replace("\u00a0", " ") == "30 червня 2021: 44"
    assert any(layer.get("data", {}).get("values") == [{"value": 40.0}] for layer in spec["layer"])
    json.dumps(spec)


def test_the_picture_shows_value_target_days_and_networks_in_the_readers_words(report) -> None:
    svg = curve_svg(report.targets[1], report, width=640)
    shown = texts(svg)
    assert {"44", "ціль 40", "3 тра", "30 чер", "Fg", "Ig", "0", "50"} <= set(shown)
    english = curve_svg(case_report("en").targets[5], case_report("en"), width=640)
    assert {"₴39,000", "target ₴35,000", "3 May", "30 Jun"} <= set(texts(english))


def test_growth_begins_at_its_baseline_day_and_shows_shares(report) -> None:
    spec = curve_spec(report.targets[0], report, width=640)
    assert spec["data"]["values"][0]["day"] == 29  # 1 June
    assert {"+13,5 %", "ціль +10 %", "0 %"} <= set(texts(curve_svg(report.targets[0], report, width=640)))


def test_less_than_two_days_are_no_curve(report) -> None:
    leads = report.targets[1]
    for curve in ((), leads.curve[:1], (CurvePoint(date(2021, 6, 1), None),) * 5):
        assert curve_spec(replace(leads, curve=curve), report) is None
        assert curve_svg(replace(leads, curve=curve), report, width=300) is None


def test_a_day_without_a_value_is_left_out_not_drawn_as_zero(report) -> None:
    leads = report.targets[1]
    holes = tuple(replace(point, value=None) if point.day.day % 2 else point for point in leads.curve)
    rows = curve_spec(replace(leads, curve=holes), report)["data"]["values"]
    assert len(rows) == sum(point.value is not None for point in holes)


def test_the_spec_names_tokens_and_no_colours_but_those_of_networks(report) -> None:
    spec = curve_spec(report.targets[1], report)
    networks = {mark.color for mark in post_marks(report.posts, report, 560)}
    written = json.dumps(spec)
    assert set(re.findall(r"#[0-9a-f]{6}|oklch\([^)]*\)", written)) == networks | {"#ffffff"}
    assert set(re.findall(r'"token:([a-z-]+)"', written)) <= set(TOKENS)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_either_theme_puts_its_colours_there(report, theme: str) -> None:
    spec = curve_spec(report.targets[1], report)
    dressed = colored(spec, theme)
    assert "token:" not in json.dumps(dressed)
    line = next(layer["mark"] for layer in dressed["layer"] if layer["mark"]["type"] == "line")
    assert line["color"] == colors(theme)["voice"]
    assert "token:" in json.dumps(spec)  # the spec itself stays as it was


def test_the_room_kept_for_a_chart_is_the_room_it_takes(report) -> None:
    leads = report.targets[1]
    for posts in ((), report.posts):
        some = replace(report, posts=posts)
        tall = int(re.search(r'height="(\d+)', curve_svg(leads, some, width=560))[1])
        assert abs(curve_spec(leads, some)["usermeta"]["height"] - tall) <= 4


def test_colours_are_those_of_the_interfaces_tokens() -> None:
    css = TOKEN_FILE.read_text(encoding="utf-8")
    found = dict(re.findall(r"--([a-z-]+):\s*light-dark\((oklch\([^)]*\), oklch\([^)]*\))\)", css))
    for name, pair in TOKENS.items():
        written = [tuple(map(float, one.split())) for one in re.findall(r"oklch\(([^)]*)\)", found[name])]
        assert written == [tuple(map(float, one)) for one in pair], name


def test_oklch_becomes_the_srgb_that_browsers_show() -> None:
    """Values from the CSS Color 4 specification's examples, and the ends of the scale."""
    assert oklch_hex(1, 0, 0) == "#ffffff"
    assert oklch_hex(0, 0, 0) == "#000000"
    assert oklch_hex(0.62796, 0.25768, 29.234) == "#ff0000"
    assert oklch_hex(0.86644, 0.29483, 142.495) == "#00ff00"
    assert oklch_hex(0.45201, 0.31321, 264.052) == "#0000ff"
    assert as_hex("oklch(62.796% 0.25768 29.234)", "x") == "#ff0000"
    assert as_hex("#A1B2C3", "x") == "#a1b2c3"
    assert as_hex("red; background: url(x)", "#000000") == "#000000"


def test_marks_stand_on_their_days_in_the_workspaces_zone(report) -> None:
    late = replace(report.posts[0], published_at=datetime(2021, 6, 2, 21, 30, tzinfo=UTC))  # 3 June in Kyiv
    (mark,) = post_marks([late], report, 640)
    assert mark.days == (31,)
    outside = replace(report.posts[0], published_at=datetime(2021, 7, 5, tzinfo=UTC))
    assert post_marks([outside], report, 640) == ()


def test_marks_do_not_cover_each_other(report) -> None:
    wide = post_marks(report.posts, report, 2400)
    assert [(mark.letters, mark.days, mark.lane) for mark in wide] == [
        ("Fg", (30,), 0),
        ("Ig", (31,), 0),
        ("Ig", (32,), 0),
    ]
    narrow = post_marks(report.posts, report, 240)
    assert [(mark.letters, mark.days, mark.lane) for mark in narrow] == [
        ("Fg", (30,), 0),
        ("Ig", (31, 32), 1),
    ]
    assert narrow[1].title.count("\n") == 3  # all four stories are named


@given(st.lists(st.decimals(-(10**7), 10**7, places=4), min_size=1, max_size=8), st.integers(2, 8))
def test_ticks_are_round_few_and_around_everything(values: list[Decimal], most: int) -> None:
    ticks = nice_ticks(values, most)
    assert ticks[0] <= min(0, *values)
    assert ticks[-1] >= max(0, *values)
    assert 2 <= len(ticks) <= most + 2
    steps = {later - earlier for earlier, later in pairwise(ticks)}
    assert len(steps) == 1
    digits = steps.pop().normalize().as_tuple().digits
    assert digits in ((1,), (2,), (2, 5), (5,))


def test_days_of_the_axis() -> None:
    first, final = date(2021, 6, 1), date(2021, 6, 30)
    made = axis_days(first, final, most=5)
    assert (made[0], made[-1], len(made)) == (first, final, 5)
    assert axis_days(first, date(2021, 6, 2), most=5) == (first, date(2021, 6, 2))
