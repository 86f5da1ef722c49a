"""When a channel likes to post, on real days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from spilno.kernel.ids import new_id
from spilno.plan.slots import Rules, free, is_taken, next_free, slots_on

KYIV = ZoneInfo("Europe/Kyiv")
MONDAY = date(2026, 11, 23)


def rules(*slots: tuple[int, str], **more: object) -> Rules:
    times = tuple((day, time.fromisoformat(at)) for day, at in slots)
    return Rules(channel_id=new_id(), zone="Europe/Kyiv", slots=times, **more)  # type: ignore[arg-type]


def walls(found: object) -> list[str]:
    return [f"{one.astimezone(KYIV):%a %d %H:%M}" for one in found]  # type: ignore[attr-defined]


def kyiv(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KYIV).astimezone(UTC)


def test_slots_of_a_week_in_their_order() -> None:
    week = rules((2, "18:00"), (0, "10:00"), (0, "09:00"))
    assert walls(slots_on(week, MONDAY, MONDAY + timedelta(days=8))) == [
        "Mon 23 09:00", "Mon 23 10:00", "Wed 25 18:00", "Mon 30 09:00", "Mon 30 10:00",
    ]  # fmt: skip


def test_an_hour_that_a_day_does_not_have_is_no_slot_and_one_that_comes_twice_is_one() -> None:
    sundays = rules((6, "03:30"), (6, "10:00"))
    spring, autumn = date(2027, 3, 28), date(2026, 10, 25)
    assert walls(slots_on(sundays, spring, spring + timedelta(days=1))) == ["Sun 28 10:00"]
    found = list(slots_on(sundays, autumn, autumn + timedelta(days=1)))
    assert walls(found) == ["Sun 25 03:30", "Sun 25 10:00"]
    assert found[0] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "the first of the two"


def test_quiet_hours_go_over_midnight() -> None:
    quiet = rules(
        (0, "07:59"), (0, "08:00"), (0, "21:59"), (0, "22:00"), quiet_from=time(22), quiet_to=time(8)
    )
    assert walls(slots_on(quiet, MONDAY, MONDAY + timedelta(days=1))) == ["Mon 23 08:00", "Mon 23 21:59"]
    noon = rules((0, "11:59"), (0, "12:30"), (0, "13:00"), quiet_from=time(12), quiet_to=time(13))
    assert walls(slots_on(noon, MONDAY, MONDAY + timedelta(days=1))) == ["Mon 23 11:59", "Mon 23 13:00"]


def test_holidays_are_left_out() -> None:
    daily = rules(*((day, "12:00") for day in range(7)), holidays={date(2026, 11, 24): "A day off"})
    assert walls(slots_on(daily, MONDAY, MONDAY + timedelta(days=3))) == ["Mon 23 12:00", "Wed 25 12:00"]


def test_a_slot_is_free_if_nothing_stands_near() -> None:
    day = rules((0, "10:00"), (0, "11:00"), (0, "12:00"), min_gap=timedelta(minutes=45))
    after = MONDAY + timedelta(days=1)
    taken = [kyiv("2026-11-23T11:20")]
    assert walls(free(day, MONDAY, after, taken=taken, not_before=kyiv("2026-11-23T00:00"))) == [
        "Mon 23 10:00"
    ]
    exactly = [kyiv("2026-11-23T10:45")]
    assert walls(free(day, MONDAY, after, taken=exactly, not_before=kyiv("2026-11-23T00:00"))) == [
        "Mon 23 10:00", "Mon 23 12:00",
    ], "a whole gap away is far enough"  # fmt: skip
    assert walls(free(day, MONDAY, after, taken=[], not_before=kyiv("2026-11-23T11:30"))) == ["Mon 23 12:00"]


def test_one_after_the_other_and_not_for_ever() -> None:
    weekly = rules((0, "10:00"))
    found = next_free(weekly, taken=[kyiv("2026-11-30T10:00")], not_before=kyiv("2026-11-23T09:00"))
    assert walls([next(found), next(found)]) == ["Mon 23 10:00", "Mon 07 10:00"]
    assert len(list(found)) < 20
    assert list(next_free(rules(), taken=[], not_before=kyiv("2026-11-23T09:00"))) == []


moments = st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 1)).map(lambda one: one.replace(tzinfo=UTC))


@given(at=moments, taken=st.lists(moments, max_size=30), minutes=st.integers(0, 300))
def test_near_is_what_counting_says(at: datetime, taken: list[datetime], minutes: int) -> None:
    gap = timedelta(minutes=max(1, minutes))
    assert is_taken(at, sorted(taken), timedelta(minutes=minutes)) == any(
        abs(one - at) < gap for one in taken
    )


minutes_of_day = st.times().map(lambda one: one.replace(second=0, microsecond=0))


@given(
    slots=st.lists(st.tuples(st.integers(0, 6), minutes_of_day), max_size=12),
    taken=st.lists(moments, max_size=20),
    gap=st.integers(0, 240),
)
def test_queue_and_calendar_agree_on_what_is_free(
    slots: list[tuple[int, time]], taken: list[datetime], gap: int
) -> None:
    """The first that the queue would take is the first that the calendar shows as free."""
    one = Rules(channel_id=new_id(), zone="Europe/Kyiv", slots=tuple(slots), min_gap=timedelta(minutes=gap))
    begin = kyiv("2026-11-05T13:00")
    shown = free(one, date(2026, 11, 5), date(2027, 3, 1), taken=taken, not_before=begin)
    assert next(next_free(one, taken=taken, not_before=begin), None) == next(iter(shown), None)
    given_out = list(next_free(one, taken=taken, not_before=begin))
    apart = timedelta(minutes=max(1, gap))
    assert all(after - before >= apart for before, after in pairwise(given_out))
