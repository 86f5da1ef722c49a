from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spilno.briefs.values import as_typed, baseline_unit, read_number
from spilno.kernel.errors import UserError
from spilno.toolkit.metrics import Unit, get


@pytest.mark.parametrize(
    ("typed", "unit", "value"),
    [
        ("10 %", Unit.SHARE, "0.10"),
        ("10", Unit.SHARE, "0.10"),
        ("13,5%", Unit.SHARE, "0.135"),
        ("0.5", Unit.SHARE, "0.005"),
        ("−2 %", Unit.SHARE, "-0.02"),
        ("40", Unit.COUNT, "40"),
        ("1 200", Unit.COUNT, "1200"),
        ("35,000", Unit.COUNT, "35000"),
        ("35 000", Unit.MONEY, "35000"),
        ("35\u00a0000 ₴", Unit.MONEY, "35000"),
        ("35\u202f000,50 грн", Unit.MONEY, "35000.5"),
        ("₴35,000.50", Unit.MONEY, "35000.5"),
        ("1.234.567", Unit.MONEY, "1234567"),
        ("1’500", Unit.MONEY, "1500"),
        ("2,5", Unit.HOURS, "2.5"),
        ("-0,34", Unit.INDEX, "-0.34"),
    ],
)
def test_numbers_are_read_as_people_write_them(typed: str, unit: Unit, value: str) -> None:
    assert read_number(typed, unit) == Decimal(value)


@pytest.mark.parametrize(
    ("typed", "unit", "code"),
    [
        ("", Unit.COUNT, "number_missing"),
        ("   ", Unit.COUNT, "number_missing"),
        ("багато", Unit.COUNT, "not_a_number"),
        ("40 leads", Unit.COUNT, "not_a_number"),
        ("10 %", Unit.COUNT, "not_a_number"),
        ("1,2,3", Unit.COUNT, "not_a_number"),
        ("NaN", Unit.MONEY, "not_a_number"),
        ("Infinity", Unit.MONEY, "not_a_number"),
        ("1e9", Unit.COUNT, "not_a_number"),
        ("9" * 100, Unit.COUNT, "not_a_number"),
        ("2,5", Unit.COUNT, "number_must_be_whole"),
        ("9" * 20, Unit.COUNT, "number_too_large"),
        ("12,345 %", Unit.SHARE, "number_too_precise"),
    ],
)
def test_what_is_no_number_is_refused_with_a_reason(typed: str, unit: Unit, code: str) -> None:
    with pytest.raises(UserError) as refused:
        read_number(typed, unit, field="baseline")
    assert (refused.value.code, refused.value.field) == (code, "baseline")


@given(
    st.decimals(min_value=-(10**9), max_value=10**9, places=4, allow_nan=False, allow_infinity=False),
    st.sampled_from([Unit.HOURS, Unit.INDEX, Unit.POINTS]),
    st.sampled_from([",", "."]),
)
def test_what_the_field_shows_can_be_saved_again(value: Decimal, unit: Unit, sign: str) -> None:
    assert read_number(as_typed(value, unit, decimal_sign=sign), unit) == value


@given(st.integers(min_value=0, max_value=10**8))
def test_shares_and_counts_come_back_as_they_were(number: int) -> None:
    assert read_number(as_typed(Decimal(number) / 10_000, Unit.SHARE), Unit.SHARE) == Decimal(number) / 10_000
    assert read_number(as_typed(Decimal(number), Unit.COUNT), Unit.COUNT) == number


def test_growth_starts_from_a_number_of_people() -> None:
    assert baseline_unit(get("members_growth")) is Unit.COUNT
    assert baseline_unit(get("ctr")) is Unit.SHARE
