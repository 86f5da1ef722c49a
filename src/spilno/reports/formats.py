"""What a report writes differently from a page: differences in points, days with their year, short days for axes.

Everything else is :mod:`spilno.toolkit.language.formats`, so that a report and the page it came from say the same.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from spilno.toolkit.language import formats
from spilno.toolkit.language.formats import UNKNOWN

__all__ = ["NBSP", "UNKNOWN", "day", "moment", "number", "plural", "short_day", "span", "step"]

NBSP = "\u00a0"
_POINTS = {"uk": "в.\u00a0п.", "en": "pp", "ru": "п.\u00a0п."}


def number(
    value: Decimal | None, *, unit: str = "count", currency: str = "", language: str, signed: bool = False
) -> str:
    """A value of the KPI catalogue for people: ``39 000 ₴``, ``13,5 %``, ``+13,5 %`` (``signed``); "—" if unknown."""
    return formats.measure(value, unit, language, currency=currency, signed=signed)


def step(value: Decimal, *, unit: str, currency: str = "", language: str) -> str:
    """A difference of two values of ``unit``: of shares in percentage points, else as the values themselves."""
    if unit == "share":
        return f"{formats.number(value * 100, language)}{NBSP}{_POINTS[language]}"
    return number(value, unit=unit, currency=currency, language=language)


def plural(value: Decimal | int, language: str) -> str:
    """The CLDR plural category of a number, as it is shown: ``one``, ``few``, ``many``, ``other``."""
    shown = Decimal(value)
    exact = int(shown) if shown == shown.to_integral_value() else shown
    return str(Locale.parse(language).plural_form(exact))


def day(value: date, language: str, *, year: bool = True) -> str:
    """``30 червня 2021``. A report is read years later: the year stands there unless the place says it already."""
    return format_date(value, "d MMMM y" if year else "d MMMM", locale=language)


def short_day(value: date, language: str) -> str:
    """``30 чер``, for axes: the month's first three letters, as people write it."""
    month = format_date(value, "MMM", locale=language).rstrip(".")
    return f"{value.day}{NBSP}{month[:3]}"


def span(start: date, end: date, language: str) -> str:
    """``1–30 червня 2021``, ``3 травня – 30 червня 2021``, ``20 грудня 2020 – 5 січня 2021``."""
    return formats.period(start, end, language)


def moment(value: datetime, zone: str, language: str) -> str:
    """``3 червня, 12:05`` in the zone."""
    here = ZoneInfo(zone)
    return (
        f"{day(value.astimezone(here).date(), language, year=False)}, {formats.clock(value, language, here)}"
    )
