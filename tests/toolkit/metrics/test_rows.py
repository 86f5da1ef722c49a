"""Values from rows: the rules of the KPI catalogue, as examples and as properties."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.toolkit.metrics.test_definitions import DERIVED, GOOD, RATIO, SURVIVAL

from spilno.toolkit.metrics import FactRow, Missing, ObservationRow, Period, compute, curve, get
from spilno.toolkit.metrics.reading import read

D = Decimal
JUNE = Period(date(2021, 6, 1), date(2021, 6, 30), "Europe/Kyiv")


def at(day: int, hour: int = 12, month: int = 6) -> datetime:
    return datetime(2021, month, day, hour, tzinfo=UTC)


def fact(key: str, kind: str = "lead", day: int = 10, **more) -> FactRow:
    return FactRow(key=key, kind=kind, occurred_at=more.pop("occurred_at", at(day)), **more)


def seen(metric: str, value: int, day: int, subject: str = "post-1", month: int = 6) -> ObservationRow:
    kind = "channel" if metric in ("members", "followers") else "item"
    return ObservationRow(subject, metric, D(value), at(day, month=month), kind)


def value(key: str, facts=(), observations=(), period: Period = JUNE, **more):
    return compute(get(key), facts, observations, period, **more)


def test_days_are_those_of_the_workspace() -> None:
    last_minute = fact("a", occurred_at=datetime(2021, 6, 30, 20, 59, tzinfo=UTC))  # 23:59 in Kyiv
    too_late = fact("b", occurred_at=datetime(2021, 6, 30, 21, 0, tzinfo=UTC))  # 00:00 on 1 July
    assert value("leads", [last_minute, too_late]).value == 1
    assert value("leads", [last_minute, too_late], period=replace(JUNE, zone="UTC")).value == 2


def test_a_period_has_its_days_also_when_the_clocks_change() -> None:
    march = Period(date(2021, 3, 28), date(2021, 3, 28), "Europe/Kyiv")
    assert march.finish - march.begin == timedelta(hours=24)  # wall clock
    assert march.finish.timestamp() - march.begin.timestamp() == 23 * 3600


def test_a_period_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="ends"):
        Period(date(2021, 6, 2), date(2021, 6, 1), "UTC")


def test_nothing_recorded_is_zero_but_nothing_reported_is_missing() -> None:
    assert value("leads").value == 0
    assert value("donations", currency="UAH").value == 0
    for key in ("reach", "impressions", "engagement_rate_reach", "ctr"):
        assert (value(key).value, value(key).missing) == (None, Missing.NOT_REPORTED)
    assert value("impressions", observations=[seen("impressions", 0, 5)]).value == 0


def test_spend_that_nobody_told_us_is_not_zero() -> None:
    assert value("cost_per_lead", [fact("a")]).value is None
    spent = fact("s", "spend", amount=D(300), currency="UAH")
    made = value("cost_per_lead", [fact("a"), fact("b"), spent], currency="UAH")
    assert (made.value, made.currency) == (D(150), "UAH")
    assert value("cost_per_lead", [spent]).missing is Missing.ZERO_DENOMINATOR


def test_the_same_person_counts_once_and_the_unnamed_each_for_themselves() -> None:
    rows = [fact("a", actor="oksana"), fact("b", actor="oksana"), fact("c"), fact("d")]
    assert value("leads", rows).value == 3


def test_somebody_unknown_is_not_an_outsider() -> None:
    rows = [
        fact("a", "item_given", actor="guest", actor_scope="external"),
        fact("b", "item_exchanged", actor="guest", actor_scope="external"),
        fact("c", "item_given", actor="", actor_scope="external"),
        fact("d", "item_given", actor="who", actor_scope=""),
        fact("e", "item_given", actor="ours", actor_scope="internal"),
    ]
    assert value("catalogue_outsiders", rows).value == 1


def test_a_cancelled_registration_is_out_and_a_renewed_one_is_in() -> None:
    rows = [
        fact("a", "registration", 1, actor="one"),
        fact("b", "registration", 2, actor="two"),
        fact("c", "registration_cancelled", 3, actor="two"),
        fact("d", "registration", 4, actor="three"),
        fact("e", "registration_cancelled", 5, actor="three"),
        fact("f", "registration", 6, actor="three"),
    ]
    assert value("registrations", rows).value == 2
    assert value("registrations", rows, period=JUNE.until(date(2021, 6, 5))).value == 1


def test_attendance_is_credited_by_where_the_registration_came_from() -> None:
    rows = [
        fact("a", "attendance", actor="one", channel="page", channel_purpose="brand"),
        fact("b", "attendance", actor="two", channel="group", channel_purpose="community"),
        fact("c", "attendance", actor="three"),
    ]
    assert value("attendance_general", rows).value == 1
    assert value("attendance_community", rows).value == 1


def test_two_currencies_have_no_sum() -> None:
    rows = [
        fact("a", "donation", amount=D(300), currency="UAH"),
        fact("b", "donation", amount=D(10), currency="EUR"),
    ]
    made = value("donations", rows, currency="UAH")
    assert (made.value, made.missing) == (None, Missing.MIXED_CURRENCIES)
    assert value("donations", rows[1:], currency="UAH").missing is Missing.MIXED_CURRENCIES
    only = value("donations", rows[:1])
    assert (only.value, only.currency) == (D(300), "UAH")


def test_reach_of_two_posts_does_not_add_up_but_impressions_do() -> None:
    readings = [
        seen("reach", 100, 5),
        seen("reach", 90, 5, "post-2"),
        seen("impressions", 120, 5),
        seen("impressions", 100, 5, "post-2"),
    ]
    made = value("reach", observations=readings)
    assert (made.value, made.missing) == (None, Missing.NOT_ADDITIVE)
    assert value("reach", observations=readings, item="post-2").value == 90
    assert value("impressions", observations=readings).value == 220


def test_a_channels_own_reach_is_not_a_posts() -> None:
    readings = [
        seen("reach", 100, 5),
        ObservationRow("page", "reach", D(5000), at(5), "channel"),
    ]
    assert value("reach", observations=readings).value == 100


def test_a_counter_is_read_last_not_added_up_over_time() -> None:
    readings = [seen("impressions", 50, 3), seen("impressions", 120, 5), seen("impressions", 80, 4)]
    assert value("impressions", observations=readings).value == 120
    assert value("impressions", observations=readings, period=JUNE.until(date(2021, 6, 4))).value == 80


def test_a_rate_is_the_ratio_of_sums_over_posts_that_report_both() -> None:
    readings = [
        seen("reach", 100, 5),
        seen("likes", 10, 5),
        seen("replies", 2, 5),
        seen("reach", 1000, 5, "post-2"),
        seen("likes", 8, 5, "post-2"),
        seen("reach", 5000, 5, "silent"),  # reports no engagement: unknown, not zero
        seen("likes", 70, 5, "group-post"),  # reports no reach
    ]
    made = value("engagement_rate_reach", observations=readings)
    assert made.inputs == {"numerator": D(20), "denominator": D(1100)}
    assert made.value == D(20) / D(1100)  # the mean of ratios would be 0.064


def test_growth_takes_the_last_reading_before_the_start_and_the_last_of_the_end() -> None:
    period = Period(date(2021, 5, 3), date(2021, 6, 30), "Europe/Kyiv", date(2021, 6, 1))
    readings = [
        seen("members", 390, 1, "group", month=5),
        seen("members", 400, 31, "group", month=5),
        seen("members", 401, 1, "group"),
        seen("members", 454, 30, "group"),
        seen("members", 470, 1, "group", month=7),
        seen("followers", 2000, 31, "page", month=5),
        seen("followers", 2500, 30, "page"),
    ]
    made = value("members_growth", observations=readings, period=period, channel="group")
    assert made.value == D("0.135")
    assert made.inputs == {"baseline": D(400), "last": D(454)}
    page = value("members_growth", observations=readings, period=period, channel="page")
    assert page.value == D("0.25")
    assert value("members_growth", observations=readings, period=period).missing is Missing.SUBJECT_NEEDED
    late = value("members_growth", observations=readings[2:4], period=period, channel="group")
    assert (late.value, late.missing) == (None, Missing.NO_BASELINE)
    silent = value("members_growth", observations=readings[:2], period=period, channel="group")
    assert (silent.value, silent.missing) == (None, Missing.NOT_REPORTED)


def test_a_curve_ends_where_the_value_is() -> None:
    rows = [fact("a", day=1), fact("b", day=3, actor="x"), fact("c", day=5, actor="x")]
    points = curve(get("leads"), rows, (), JUNE.until(date(2021, 6, 5)))
    assert [int(number) for _, number in points] == [1, 1, 2, 2, 2]
    assert points[0][0] == date(2021, 6, 1)


def test_a_metric_is_only_asked_about_what_it_can_be_asked_about() -> None:
    with pytest.raises(ValueError, match="catalogue_items cannot be asked about one channel"):
        value("catalogue_items", channel="group")


def test_survival_and_derived_kinds_compute() -> None:
    made = read(GOOD + RATIO + SURVIVAL + DERIVED.format(key="change_of_leads", of="leads")).definitions
    rows = [
        fact("q1", "message", occurred_at=at(10, 9), subject="q1"),
        fact("q2", "message", occurred_at=at(10, 9), subject="q2"),
        fact("q3", "message", occurred_at=at(10, 9), subject="q3"),
        fact("r1", "reply", occurred_at=at(10, 10), subject="q1"),
        fact("r2", "reply", occurred_at=at(10, 12), subject="q2"),
    ]
    assert compute(made["response_time"], rows, (), JUNE).value == 180  # q3 is still open
    leads = [fact("a"), fact("b"), fact("c", occurred_at=at(20, month=5))]
    assert compute(made["change_of_leads"], leads, (), JUNE).value == 1


# ------------------------------------------------------------------------------------------------- properties

people = st.sampled_from(["", "olha", "petro", "ivan", "guest-1", "guest-2"])
channels = st.sampled_from(["", "page", "group"])


@st.composite
def facts(draw) -> list[FactRow]:
    kinds = ["lead", "donation", "item_given", "item_exchanged", "registration", "registration_cancelled"]
    rows = []
    for number in range(draw(st.integers(0, 25))):
        rows.append(
            FactRow(
                key=f"f{number}",
                kind=draw(st.sampled_from(kinds)),
                occurred_at=at(1) + timedelta(hours=draw(st.integers(-200, 900))),
                actor=draw(people),
                actor_scope=draw(st.sampled_from(["internal", "external", ""])),
                amount=D(draw(st.integers(0, 10**6))) / 100,
                currency="UAH",
                channel=draw(channels),
            )
        )
    return rows


KEYS = [
    "leads",
    "donations",
    "catalogue_items",
    "catalogue_exchanged",
    "catalogue_outsiders",
    "registrations",
]


@given(facts(), st.randoms())
def test_order_does_not_matter_and_a_fact_counts_once(rows: list[FactRow], random) -> None:
    again = rows + rows[: len(rows) // 2]
    random.shuffle(again)
    for key in KEYS:
        assert value(key, again) == value(key, rows)


@given(facts(), st.integers(0, 29))
def test_what_is_additive_over_time_adds_up_over_a_split(rows: list[FactRow], days: int) -> None:
    cut = JUNE.start + timedelta(days=days)
    first, rest = JUNE.until(cut), replace(JUNE, start=cut + timedelta(days=1)) if cut < JUNE.end else None
    for key in KEYS:
        whole = value(key, rows).value
        parts = value(key, rows, period=first).value + (value(key, rows, period=rest).value if rest else 0)
        if "time" in get(key).additive_over:
            assert parts == whole
        elif key != "registrations":  # a cancellation in the second part takes back what the first one had
            assert parts >= whole


@given(facts())
def test_money_adds_up_over_channels_and_people_need_not(rows: list[FactRow]) -> None:
    named = [row for row in rows if row.channel]
    for key in ("donations", "leads"):
        whole = value(key, named).value
        parts = sum(value(key, named, channel=channel).value for channel in ("page", "group"))
        assert parts == whole if "channel" in get(key).additive_over else parts >= whole


def test_one_person_in_two_channels_is_one_person() -> None:
    rows = [fact("a", actor="olha", channel="page"), fact("b", actor="olha", channel="group")]
    assert value("leads", rows).value == 1
    assert sum(value("leads", rows, channel=one).value for one in ("page", "group")) == 2


readings = st.lists(
    st.builds(
        lambda subject, metric, number, hours: ObservationRow(
            subject, metric, D(number), at(1) + timedelta(hours=hours), "item"
        ),
        st.sampled_from(["post-1", "post-2", "post-3"]),
        st.sampled_from(["reach", "impressions", "likes", "link_clicks"]),
        st.integers(0, 1000),
        st.integers(-50, 800),
    ),
    max_size=20,
)


@given(readings, st.randoms())
def test_readings_may_come_in_any_order_and_twice(rows: list[ObservationRow], random) -> None:
    again = rows * 2
    random.shuffle(again)
    for key in ("reach", "impressions", "engagement_rate_reach", "ctr"):
        ours, theirs = value(key, observations=rows), value(key, observations=again)
        assert (ours.value, ours.missing) == (theirs.value, theirs.missing)


@given(readings)
def test_a_post_that_reports_nothing_changes_nothing(rows: list[ObservationRow]) -> None:
    """Missing stays missing: taking a silent post in must not pull a rate down."""
    lonely = [seen("likes", 50, 5, "without-reach")]
    key = "engagement_rate_reach"
    assert value(key, observations=rows + lonely).value == value(key, observations=rows).value
