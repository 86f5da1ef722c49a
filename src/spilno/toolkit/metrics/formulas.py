"""From aggregates to values: the arithmetic of the KPI catalogue, exact and without rows.

Missing is not zero; a ratio is taken after aggregation; a denominator of 0 gives no value, neither 0 nor
infinity. All numbers are :class:`decimal.Decimal`; shares are fractions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum

from .model import Definition, Formula, Operation, Unit

PRECISION = 28
"""Significant digits of a quotient; what is exact in so many digits (454 / 400 − 1 = 0.135) stays exact."""


class Missing(StrEnum):
    """Why there is no value."""

    NONE = ""
    NOT_REPORTED = "not_reported"  # nobody told us
    NO_BASELINE = "no_baseline"  # nothing observed before the start
    ZERO_DENOMINATOR = "zero_denominator"
    NOT_ADDITIVE = "not_additive"  # several subjects whose numbers must not be added up
    SUBJECT_NEEDED = "subject_needed"  # ask about one channel or post
    MIXED_CURRENCIES = "mixed_currencies"  # there is no one sum of several currencies


@dataclass(frozen=True)
class Value:
    """A KPI's value with everything needed to say where it came from.

    ``value`` is in ``unit`` (share as a fraction, money in ``currency``), ``None`` if unknown, and then
    ``missing`` says why. Days are inclusive and meant in ``time_zone``. ``inputs`` holds the aggregates the
    formula was given, by the input's name; ``rows`` how many facts and readings went into each.
    """

    metric: str
    version: int
    value: Decimal | None
    unit: Unit
    period_from: date
    period_to: date
    time_zone: str
    inputs: Mapping[str, Decimal | None] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    currency: str = ""
    subject: str = ""
    missing: Missing = Missing.NONE


def evaluate(definition: Definition, inputs: Mapping[str, Decimal | None]) -> tuple[Decimal | None, Missing]:
    """The value of a metric from its aggregated inputs, and why there is none if there is none.

    ``inputs`` holds one number (or ``None`` for unknown) for every input of the definition, by name.
    Durations cannot be aggregated to one number: for survival use :func:`survival_share` and
    :func:`survival_quantile`.
    """
    if set(inputs) != set(definition.inputs):
        raise ValueError(f"{definition.key} needs the inputs {', '.join(definition.inputs)}")
    formula = definition.formula
    if formula is Formula.SURVIVAL:
        raise ValueError(f"{definition.key}: survival is computed from durations, not from one number")
    if formula is Formula.RATIO:
        return ratio(inputs["numerator"], inputs["denominator"], scale=definition.scale)
    if formula is Formula.CUMULATIVE:
        return growth(inputs["baseline"], inputs["last"])
    if formula is Formula.DERIVED:
        if definition.operation is Operation.GROWTH:
            return growth(inputs["previous"], inputs["current"])
        return difference(inputs["current"], inputs["previous"])
    (value,) = inputs.values()
    return value, Missing.NONE if value is not None else Missing.NOT_REPORTED


def ratio(
    numerator: Decimal | None, denominator: Decimal | None, *, scale: Decimal = Decimal(1)
) -> tuple[Decimal | None, Missing]:
    """numerator / denominator × scale; no value if either is unknown or the denominator is 0."""
    if numerator is None or denominator is None:
        return None, Missing.NOT_REPORTED
    if denominator == 0:
        return None, Missing.ZERO_DENOMINATOR
    with localcontext(prec=PRECISION):
        return _plain(numerator * scale / denominator), Missing.NONE


def growth(baseline: Decimal | None, last: Decimal | None) -> tuple[Decimal | None, Missing]:
    """last / baseline − 1, as a fraction."""
    if baseline is None:
        return None, Missing.NO_BASELINE
    if last is None:
        return None, Missing.NOT_REPORTED
    if baseline == 0:
        return None, Missing.ZERO_DENOMINATOR
    with localcontext(prec=PRECISION):
        # One division instead of a quotient that is then reduced by 1: no digits are lost to cancellation.
        return _plain((last - baseline) / baseline), Missing.NONE


def difference(current: Decimal | None, previous: Decimal | None) -> tuple[Decimal | None, Missing]:
    """current − previous."""
    if current is None or previous is None:
        return None, Missing.NOT_REPORTED
    return _plain(current - previous), Missing.NONE


def total(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of what is known; ``None`` if nothing is known. An explicit 0 counts as known."""
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None


def reached(definition: Definition, value: Decimal | None, target: Decimal | None) -> bool | None:
    """Is the target met? ``None`` if the value or the target is unknown or neither direction is better."""
    if value is None or target is None or definition.better == "none":
        return None
    return value >= target if definition.better == "up" else value <= target


def _plain(value: Decimal) -> Decimal:
    """Without trailing zeros and without an exponent: 0.135, 40000."""
    value = value.normalize()
    return (
        value.quantize(Decimal(1)) if value == value.to_integral_value() and value.adjusted() < 20 else value
    )


# --------------------------------------------------------------------------------------------------- survival


@dataclass(frozen=True)
class Duration:
    """How long something has lasted (in any one unit), and whether it ended or is still open (censored)."""

    length: Decimal
    ended: bool


def survival_curve(durations: Sequence[Duration]) -> tuple[tuple[Decimal, Decimal], ...]:
    """Kaplan–Meier: (length, share still lasting after it) at each length at which something ended.

    What is still open counts as lasting as long as it was watched. Source: Kaplan & Meier 1958.
    """
    at_risk = len(durations)
    share = Decimal(1)
    curve: list[tuple[Decimal, Decimal]] = []
    for length in sorted({one.length for one in durations}):
        here = [one for one in durations if one.length == length]
        ended = sum(one.ended for one in here)
        if ended:
            with localcontext(prec=PRECISION):
                share = share * (at_risk - ended) / at_risk
            curve.append((length, _plain(share)))
        at_risk -= len(here)
    return tuple(curve)


def survival_share(durations: Sequence[Duration], at: Decimal) -> tuple[Decimal | None, Missing]:
    """The share still lasting after ``at``; no value if nothing was watched that long."""
    if not durations or max(one.length for one in durations) < at:
        return None, Missing.NOT_REPORTED
    passed = [share for length, share in survival_curve(durations) if length <= at]
    return (passed[-1] if passed else Decimal(1)), Missing.NONE


def survival_quantile(durations: Sequence[Duration], share_ended: Decimal) -> tuple[Decimal | None, Missing]:
    """The length by which ``share_ended`` (0.5 for the median, 0.9 for p90) have ended.

    No value while fewer have ended: "not known yet" is the truth, a number would be too short.
    """
    for length, lasting in survival_curve(durations):
        if 1 - lasting >= share_ended:
            return length, Missing.NONE
    return None, Missing.NOT_REPORTED
