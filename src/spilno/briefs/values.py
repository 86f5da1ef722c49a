"""Numbers of targets as people type them: "10 %", "35 000 ₴", "1 200,50"."""

from __future__ import annotations

import re
from decimal import Decimal

from spilno.kernel.errors import UserError
from spilno.toolkit.metrics import Definition, Formula, Unit

LARGEST = Decimal(10) ** 13  # what the columns of targets and checkpoints hold before the point
_STEP = Decimal("0.0001")  # and after it

_SPACES = re.compile(r"[\s\u00a0\u202f\u2009'’]+")
_MONEY_WORDS = re.compile(r"(₴|\$|€|£|zł|грн\.?|гривень|uah|usd|eur|gbp|pln)", re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?\d{1,3}([.,]\d{3})+")
_PLAIN = re.compile(r"[+-]?\d+([.,]\d+)?")
_BOTH = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d+|[+-]?\d{1,3}(?:\.\d{3})+,\d+")


def baseline_unit(definition: Definition) -> Unit:
    """The unit in which the baseline is named: growth is a share, but it grows from a number of people."""
    return Unit.COUNT if definition.formula is Formula.CUMULATIVE else definition.unit


def may_be_negative(definition: Definition) -> bool:
    """Is a value below nought something that the metric can have?"""
    return definition.unit in (Unit.POINTS, Unit.INDEX) or definition.formula in (
        Formula.CUMULATIVE,
        Formula.DERIVED,
    )


def read_number(text: str, unit: Unit, *, field: str = "value") -> Decimal:
    """What somebody typed, in the unit's own scale: a share as a fraction ("10 %" and "10" are both 0.10).

    Spaces and apostrophes may group digits; comma and point are both decimal signs, except that in counts and
    money groups of exactly three digits are thousands ("35,000" is 35000).

    :raises UserError: ``number_missing``, ``not_a_number``, ``number_must_be_whole``, ``number_too_large``,
        ``number_too_precise``; ``field`` is handed on.
    """
    typed = text.strip()
    if not typed:
        raise UserError("number_missing", field=field)
    if len(typed) > 60:
        raise UserError("not_a_number", field=field, typed=typed[:60] + "…")
    digits = _SPACES.sub("", typed).replace("−", "-")
    if unit is Unit.MONEY:
        digits = _MONEY_WORDS.sub("", digits)
    elif unit is Unit.SHARE and digits.endswith("%"):
        digits = digits[:-1]
    grouped = unit in (Unit.COUNT, Unit.MONEY) and _GROUPED.fullmatch(digits)
    if grouped:
        digits = digits.replace(",", "").replace(".", "")
    elif _BOTH.fullmatch(digits):
        thousands = "," if digits.rfind(".") > digits.rfind(",") else "."
        digits = digits.replace(thousands, "").replace(",", ".")
    elif _PLAIN.fullmatch(digits):
        digits = digits.replace(",", ".")
    else:
        raise UserError("not_a_number", field=field, typed=typed)
    value = Decimal(digits)
    if unit is Unit.COUNT and value != value.to_integral_value():
        raise UserError("number_must_be_whole", field=field, typed=typed)
    return storable(value / 100 if unit is Unit.SHARE else value, field=field)


def storable(value: Decimal, *, field: str = "value") -> Decimal:
    """``value`` if the columns can hold it exactly; a target is never rounded behind anybody's back.

    :raises UserError: ``number_too_large``, ``number_too_precise``, ``not_a_number`` (infinities).
    """
    if not value.is_finite():
        raise UserError("not_a_number", field=field, typed=str(value))
    if abs(value) >= LARGEST:
        raise UserError("number_too_large", field=field)
    kept = value.quantize(_STEP)
    if kept != value:
        raise UserError("number_too_precise", field=field)
    return kept


def as_typed(value: Decimal | None, unit: Unit, *, decimal_sign: str = ",") -> str:
    """A value as somebody would type it into the field, without unit signs: 0.10 of a share is "10"."""
    if value is None:
        return ""
    shown = value * 100 if unit is Unit.SHARE else value
    text = f"{shown:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(".", decimal_sign)
