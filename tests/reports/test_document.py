"""The report object and its JSON: the contract that `spilno report --format json` keeps."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from spilno.reports.document import Named, as_json, target_result, to_json
from spilno.toolkit.metrics import Period, compute, get
from tests.reports.sample import case_report

D = Decimal


@pytest.fixture(scope="module")
def answer() -> dict:
    return json.loads(json.dumps(to_json(case_report())))


def test_the_reference_case_gives_the_agreed_targets(answer: dict) -> None:
    keys = ("metric", "subject", "baseline", "target", "value", "reached")
    assert [tuple(one[key] for key in keys) for one in answer["targets"]] == [
        ("members_growth", "facebook-group", 400, 0.1, 0.135, True),
        ("leads", None, None, 40, 44, True),
        ("catalogue_outsiders", None, None, 5, 5, True),
        ("catalogue_items", None, None, 110, 115, True),
        ("catalogue_exchanged", None, None, 90, 100, True),
        ("donations", None, None, "35000 UAH", "39000 UAH", True),
    ]
    assert answer["initiative"] == "charity-book-sale"
    assert answer["period"] == {"from": "2021-05-03", "to": "2021-06-30"}


def test_numbers_are_exact_in_the_text_of_the_json() -> None:
    text = json.dumps(to_json(case_report()))
    assert '"value": 0.135,' in text
    assert '"value": 44,' in text
    assert "0.13500000" not in text


def test_posts_say_when_in_the_workspaces_zone(answer: dict) -> None:
    post = next(one for one in answer["posts"] if one["key"] == "story-link")
    assert post["published_at"] == "2021-06-04T12:05:00+03:00"
    assert (post["channel"], post["network"], post["placement"]) == ("instagram", "instagram", "story")
    assert post["metrics"] == {"impressions": 847, "link_clicks": 86, "reach": 756, "replies": 2}
    assert post["by_hand"] is True
    silent = next(one for one in answer["posts"] if one["key"] == "catalogue-post")
    assert silent["metrics"] == {
        "leads": 44
    }  # what the group does not report is not there, least of all as 0


def test_a_utc_time_is_shown_with_the_zones_offset() -> None:
    report = case_report(generated_at=datetime(2021, 12, 1, 22, 30, tzinfo=UTC))
    assert to_json(report)["generated_at"] == "2021-12-02T00:30:00+02:00"
    assert report.today == date(2021, 12, 2)


@pytest.mark.parametrize(
    ("number", "unit", "currency", "expected"),
    [
        (None, "count", "", None),
        (None, "money", "UAH", None),
        (D("0"), "count", "", 0),
        (D("44.0000"), "count", "", 44),
        (D("0.1350"), "share", "", 0.135),
        (D("39000.0000"), "money", "UAH", "39000 UAH"),
        (D("1250.5"), "money", "EUR", "1250.50 EUR"),
        (D("0"), "money", "UAH", "0 UAH"),
        (D("4E+4"), "money", "UAH", "40000 UAH"),
    ],
)
def test_values_as_json(number, unit, currency, expected) -> None:
    made = as_json(number, unit=unit, currency=currency)
    assert (made, type(made)) == (expected, type(expected))


def test_a_target_without_a_value_is_null_with_its_reason() -> None:
    period = Period(date(2021, 6, 1), date(2021, 6, 30), "Europe/Kyiv")
    definition = get("members_growth")
    made = target_result(
        definition,
        compute(definition, (), (), period, channel="group"),
        language="en",
        target=D("0.1"),
        subject=Named("group", "Our group"),
    )
    answer = to_json(replace(case_report("en"), targets=(made,)))["targets"][0]
    assert (answer["value"], answer["reached"], answer["missing"]) == (None, None, "no_baseline")
    assert (answer["baseline"], answer["target"]) == (None, 0.1)


def test_the_verdict_over_all_targets() -> None:
    report = case_report()
    assert report.all_reached is True
    unknown = replace(report.targets[0], reached=None)
    behind = replace(report.targets[0], reached=False)
    assert replace(report, targets=(*report.targets[1:], unknown)).all_reached is None
    assert replace(report, targets=(*report.targets[1:], unknown, behind)).all_reached is False
    assert replace(report, targets=()).all_reached is None
