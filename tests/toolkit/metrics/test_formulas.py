"""Arithmetic: exact, and no number where there is none."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spilno.toolkit.metrics import Missing, evaluate, get, reached
from spilno.toolkit.metrics.formulas import (
    Duration,
    growth,
    ratio,
    survival_curve,
    survival_quantile,
    survival_share,
    total,
)

D = Decimal


def test_growth_is_exact() -> None:
    value, missing = growth(D(400), D(454))
    assert (str(value), missing) == ("0.135", Missing.NONE)


@pytest.mark.parametrize(
    ("baseline", "last", "missing"),
    [
        (None, D(5), Missing.NO_BASELINE),
        (D(5), None, Missing.NOT_REPORTED),
        (D(0), D(5), Missing.ZERO_DENOMINATOR),
    ],
)
def test_growth_without_a_value_says_why(baseline, last, missing) -> None:
    assert growth(baseline, last) == (None, missing)


def test_an_explicit_zero_is_a_value() -> None:
    assert ratio(D(0), D(10)) == (D(0), Missing.NONE)
    assert growth(D(10), D(0)) == (D(-1), Missing.NONE)
    assert total([D(0), None]) == D(0)


def test_a_denominator_of_zero_gives_neither_zero_nor_infinity() -> None:
    assert ratio(D(5), D(0)) == (None, Missing.ZERO_DENOMINATOR)
    assert ratio(None, D(0)) == (None, Missing.NOT_REPORTED)


def test_ratio_scales() -> None:
    assert ratio(D(300), D(40000), scale=D(1000)) == (D("7.5"), Missing.NONE)


def test_evaluate_wants_exactly_the_inputs_of_the_definition() -> None:
    with pytest.raises(ValueError, match="needs the inputs baseline, last"):
        evaluate(get("members_growth"), {"last": D(5)})


def test_reached_follows_the_better_direction() -> None:
    assert reached(get("leads"), D(40), D(40)) is True
    assert reached(get("leads"), D(39), D(40)) is False
    assert reached(get("cost_per_lead"), D(39), D(40)) is True
    assert reached(get("cost_per_lead"), D(41), D(40)) is False
    assert reached(get("leads"), None, D(40)) is None
    assert reached(get("leads"), D(40), None) is None


# Freireich et al. 1963 (6-mercaptopurine): the textbook example of Kaplan–Meier, with its published values.
REMISSION = [6, 6, 6, 7, 10, 13, 16, 22, 23]
STILL = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
TRIAL = [Duration(D(one), True) for one in REMISSION] + [Duration(D(one), False) for one in STILL]


def test_survival_gives_the_published_curve() -> None:
    published = {6: "0.857", 7: "0.807", 10: "0.753", 13: "0.690", 16: "0.627", 22: "0.538", 23: "0.448"}
    curve = {int(at): f"{share:.3f}" for at, share in survival_curve(TRIAL)}
    assert curve == published


def test_survival_median_counts_what_is_open() -> None:
    assert survival_quantile(TRIAL, D("0.5")) == (D(23), Missing.NONE)
    assert survival_quantile(TRIAL, D("0.9")) == (None, Missing.NOT_REPORTED)
    assert f"{survival_share(TRIAL, D(12))[0]:.3f}" == "0.753"
    assert survival_share(TRIAL, D(36)) == (None, Missing.NOT_REPORTED)
    assert survival_share([], D(1)) == (None, Missing.NOT_REPORTED)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30))
def test_without_open_ones_survival_is_the_plain_share(lengths: list[int]) -> None:
    durations = [Duration(D(one), True) for one in lengths]
    for at, share in survival_curve(durations):
        lasting = sum(one > at for one in lengths)
        assert abs(share - D(lasting) / len(lengths)) < D("1e-20")


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_growth_undone_gives_the_last_value_back(baseline: int, last: int) -> None:
    value, _ = growth(D(baseline), D(last))
    assert round(baseline * (1 + value), 12) == last
