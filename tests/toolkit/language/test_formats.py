"""How numbers, money and times are written in the three languages."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spilno.toolkit.language import formats

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
KYIV = ZoneInfo("Europe/Kyiv")
S = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("language", "expected"), [("uk", f"39{S}000,5"), ("en", "39,000.5"), ("ru", f"39{S}000,5")]
)
def test_number_in_each_language(language: str, expected: str) -> None:
    assert formats.number(39000.5, language) == expected


def test_number_rounds_as_people_do_and_hides_noughts() -> None:
    assert formats.number(Decimal("0.125"), "uk", places=2) == "0,13"
    assert formats.number(40.0, "uk") == "40"
    assert formats.number(-0.04, "uk") == "0"


def test_signs_are_real_minus_and_plus_only_when_asked() -> None:
    assert formats.number(-4, "uk") == "−4"
    assert formats.number(4, "uk", signed=True) == "+4"
    assert formats.number(0, "uk", signed=True) == "0"


def test_share_of_the_reference_case() -> None:
    assert formats.share(0.135, "uk", signed=True) == f"+13,5{S}%"
    assert formats.share(Decimal("0.135"), "en") == "13.5%"
    assert formats.share(0.0035, "en") == "0.35%"  # one decimal would make it 0.4
    assert formats.share(0.0035, "en", places=1) == "0.4%"


def test_money_shows_the_sign_of_the_currency() -> None:
    assert formats.money(39000, "UAH", "uk") == f"39{S}000{S}₴"
    assert formats.money(39000, "UAH", "en") == "₴39,000"
    assert formats.money(Decimal("12.5"), "EUR", "ru") == f"12,50{S}€"
    assert formats.money(Decimal("-12.5"), "EUR", "en") == "−€12.50"


def test_a_currency_without_a_sign_keeps_its_code() -> None:
    assert "SEK" in formats.money(5, "SEK", "en")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, f"0{S}с"),
        (45, f"45{S}с"),
        (90, f"1{S}хв 30{S}с"),
        (2880, f"48{S}хв"),
        (13200, f"3{S}год 40{S}хв"),
        (86400, f"1{S}дн."),
        (100_000, f"1{S}дн. 3{S}год"),
    ],
)
def test_duration_has_at_most_two_units(seconds: int, expected: str) -> None:
    assert formats.duration(seconds, "uk") == expected


@given(st.integers(min_value=0, max_value=10**8))
def test_a_duration_is_never_empty(seconds: int) -> None:
    assert formats.duration(seconds, "en")[0].isdigit()


def test_when_is_in_the_given_zone() -> None:
    assert formats.when(NOW, "uk", zone=KYIV, now=NOW) == "22 листопада, 18:00"
    assert formats.when(NOW, "en", zone=KYIV, now=NOW, short=True) == "22 Nov, 18:00"


def test_the_day_may_be_another_one_in_the_zone() -> None:
    late = datetime(2026, 12, 31, 22, 30, tzinfo=UTC)
    assert formats.when(late, "uk", zone=KYIV, now=late) == "1 січня, 00:30"


def test_another_year_is_named() -> None:
    assert formats.day(date(2021, 6, 1), "uk", today=NOW.date()) == "1 червня 2021"
    assert formats.day(date(2026, 6, 1), "uk", today=NOW.date(), weekday=True) == "понеділок, 1 червня"


def test_period_says_the_month_once() -> None:
    assert formats.period(date(2021, 6, 1), date(2021, 6, 30), "uk") == "1–30 червня 2021"
    assert formats.period(date(2021, 5, 28), date(2021, 6, 3), "en") == "28 May – 3 June 2021"
    assert formats.period(date(2020, 12, 30), date(2021, 1, 2), "ru") == "30 декабря 2020 – 2 января 2021"
    assert formats.period(date(2021, 6, 1), date(2021, 6, 1), "uk") == "1 червня 2021"


def test_ago_looks_both_ways() -> None:
    assert formats.ago(NOW - timedelta(hours=3), "uk", now=NOW) == "3 години тому"
    assert formats.ago(NOW + timedelta(hours=2), "en", now=NOW) == "in 2 hours"
    assert formats.ago(NOW - timedelta(seconds=20), "ru", now=NOW) == "только что"


def test_unknown_is_not_nought() -> None:
    unknown = {
        formats.number(None, "uk"),
        formats.share(None, "uk"),
        formats.money(None, "UAH", "uk"),
        formats.duration(None, "uk"),
        formats.day(None, "uk", today=NOW.date()),
        formats.when(None, "uk", zone=KYIV, now=NOW),
        formats.period(date(2021, 6, 1), None, "uk"),
        formats.ago(None, "uk", now=NOW),
        formats.measure(None, "share", "uk"),
    }
    assert unknown == {"—"}
    assert formats.number(0, "uk") == "0"


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("count", 44, "44"),
        ("share", 0.135, f"13,5{S}%"),
        ("money", 39000, f"39{S}000{S}₴"),
        ("seconds", 2880, f"48{S}хв"),
        ("minutes", 48, f"48{S}хв"),
        ("hours", Decimal("1.5"), f"1{S}год 30{S}хв"),
        ("index", 0.34, "+0,34"),
    ],
)
def test_measure_by_unit(unit: str, value: float, expected: str) -> None:
    assert formats.measure(value, unit, "uk", currency="UAH") == expected
