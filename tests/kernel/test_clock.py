from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from spilno.kernel import clock
from spilno.kernel.errors import UserError


def test_an_hour_that_does_not_exist_is_asked_about() -> None:
    with pytest.raises(UserError, match="time_does_not_exist"):
        clock.from_wall(datetime(2027, 3, 28, 3, 30), "Europe/Kyiv")


def test_an_hour_that_comes_twice_is_asked_about() -> None:
    with pytest.raises(UserError, match="time_is_ambiguous"):
        clock.from_wall(datetime(2026, 10, 25, 3, 30), "Europe/Kyiv")


def test_wall_time_becomes_utc() -> None:
    assert clock.from_wall(datetime(2026, 11, 22, 12, 0), "Europe/Kyiv") == datetime(
        2026, 11, 22, 10, 0, tzinfo=UTC
    )


def test_a_day_begins_where_the_workspace_is() -> None:
    assert clock.day_start(date(2026, 7, 1), "Europe/Kyiv") == datetime(2026, 6, 30, 21, 0, tzinfo=UTC)
    assert clock.local_day(datetime(2026, 6, 30, 21, 0, tzinfo=UTC), "Europe/Kyiv") == date(2026, 7, 1)
