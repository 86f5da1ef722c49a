from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spilno.kernel.wall_clock import SIDES, DoubtfulTime, from_wall, moved_days, offset_minutes, read, shown

KYIV = "Europe/Kyiv"
ZONES = (KYIV, "Europe/Lisbon", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana")


def test_a_skipped_hour_means_one_of_its_two_neighbours() -> None:
    with pytest.raises(DoubtfulTime) as caught:
        read("2027-03-28T03:30", KYIV)
    assert caught.value.code == "time_does_not_exist"
    assert [shown(one, KYIV) for one in caught.value.moments] == ["2027-03-28T02:30", "2027-03-28T04:30"]
    assert shown(read("2027-03-28T03:30", KYIV, side="later"), KYIV) == "2027-03-28T04:30"


def test_an_hour_that_comes_twice_means_one_of_two() -> None:
    with pytest.raises(DoubtfulTime) as caught:
        read("2026-10-25T03:30", KYIV)
    assert caught.value.code == "time_is_ambiguous"
    first, second = caught.value.moments
    assert second - first == timedelta(hours=1)
    assert {shown(one, KYIV) for one in (first, second)} == {"2026-10-25T03:30"}
    assert read("2026-10-25T03:30", KYIV, side="earlier") == first
    assert read("2026-10-25T03:30", KYIV, side="later") == second
    with pytest.raises(DoubtfulTime):
        read("2026-10-25T03:30", KYIV, side="sideways")


@given(
    wall=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),
    zone=st.sampled_from(ZONES),
    side=st.sampled_from(SIDES),
)
def test_what_is_saved_is_what_is_shown(wall: datetime, zone: str, side: str) -> None:
    """Without a doubt the clock says what was typed; a doubt has two answers, and each one is answered exactly."""
    wall = wall.replace(second=0, microsecond=0)
    try:
        at = from_wall(wall, zone)
        doubt = None
    except DoubtfulTime as raised:
        doubt = raised
        at = from_wall(wall, zone, side=side)
    if doubt is not None:
        assert doubt.moments[0] < doubt.moments[1]
        assert at == doubt.moments[SIDES.index(side)]
        if doubt.code == "time_does_not_exist":
            return
    assert shown(at, zone) == f"{wall:%Y-%m-%dT%H:%M}"
    assert at.tzinfo is UTC


@given(at=st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)), days=st.integers(-40, 40))
def test_days_are_days_of_the_wall_clock(at: datetime, days: int) -> None:
    moment = at.replace(tzinfo=UTC, second=0, microsecond=0)
    try:
        moved = moved_days(moment, days, KYIV)
    except DoubtfulTime:
        return
    local = ZoneInfo(KYIV)
    assert moved.astimezone(local).time() == moment.astimezone(local).time()
    assert moved.astimezone(local).date() - moment.astimezone(local).date() == timedelta(days=days)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-13-01T10:00", "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        read(text, KYIV)


def test_a_bare_day_and_an_offset() -> None:
    assert shown(read("2026-11-22", KYIV), KYIV) == "2026-11-22T12:00"
    assert read("2026-11-22T12:00+02:00", "America/New_York") == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_how_far_two_zones_are_apart_depends_on_the_day() -> None:
    assert offset_minutes(datetime(2026, 1, 1, tzinfo=UTC), KYIV, "Europe/Lisbon") == -120
    assert offset_minutes(datetime(2026, 3, 10, tzinfo=UTC), KYIV, "America/New_York") == -360
    assert offset_minutes(datetime(2026, 1, 1, tzinfo=UTC), KYIV, "America/New_York") == -420
