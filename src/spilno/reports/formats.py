"""Numbers, money and days as the reader's language writes them. Unknown is "—"."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, get_currency_precision, get_currency_symbol

UNKNOWN = "—"
NBSP = "\u00a0"
MINUS = "−"

_TIMES = {
    "minutes": {"uk": "хв", "en": "min", "ru": "мин"},
    "hours": {"uk": "год", "en": "h", "ru": "ч"},
    "seconds": {"uk": "с", "en": "s", "ru": "с"},
}
_POINTS = {"uk": "в.\u00a0п.", "en": "pp", "ru": "п.\u00a0п."}


def number(
    value: Decimal | None, *, unit: str = "count", currency: str = "", language: str, signed: bool = False
) -> str:
    """A value for people: ``39 000 ₴``, ``13,5 %``, ``+13,5 %`` (``signed``), ``44``; "—" if unknown.

    ``value`` is in ``unit`` of the KPI catalogue: a share is a fraction. Shares show one decimal (two below 1 %),
    other numbers at most two; minus is a real minus sign, groups are kept together by no-break spaces.
    """
    if value is None:
        return UNKNOWN
    if unit == "share":
        text = _decimal(value * 100, 2 if 0 < abs(value) < Decimal("0.01") else 1, language)
        text += "%" if language == "en" else f"{NBSP}%"
    elif unit == "money":
        text = _money(value, currency, language)
    elif unit in _TIMES:
        text = f"{_decimal(value, 1, language)}{NBSP}{_TIMES[unit][language]}"
    elif unit == "points":
        text = f"{_decimal(value, 1, language)}{NBSP}{_POINTS[language]}"
    else:
        text = _decimal(value, 2, language)
    text = text.replace("-", MINUS)
    return f"+{text}" if signed and value > 0 else text


def step(value: Decimal, *, unit: str, currency: str = "", language: str) -> str:
    """A difference of two values of ``unit``: of shares in percentage points, else as the values themselves."""
    if unit == "share":
        return number(value * 100, unit="points", language=language)
    return number(value, unit=unit, currency=currency, language=language)


def plural(value: Decimal | int, language: str) -> str:
    """The CLDR plural category of a number, as it is shown: ``one``, ``few``, ``many``, ``other``."""
    shown = Decimal(value)
    exact = int(shown) if shown == shown.to_integral_value() else shown
    return str(Locale.parse(language).plural_form(exact))


def day(value: date, language: str, *, year: bool = True) -> str:
    """``30 червня 2021``."""
    return format_date(value, "d MMMM y" if year else "d MMMM", locale=language)


def short_day(value: date, language: str) -> str:
    """``30 чер``, for axes: the month's first three letters, as people write it."""
    month = format_date(value, "MMM", locale=language).rstrip(".")
    return f"{value.day}{NBSP}{month[:3]}"


def span(start: date, end: date, language: str) -> str:
    """``1–30 червня 2021``, ``3 травня – 30 червня 2021``, ``20 грудня 2020 – 5 січня 2021``."""
    if start == end:
        return day(start, language)
    if (start.year, start.month) == (end.year, end.month):
        return f"{start.day}–{day(end, language)}"
    return f"{day(start, language, year=start.year != end.year)} – {day(end, language)}"


def moment(value: datetime, zone: str, language: str) -> str:
    """``3 червня, 12:05`` in the zone."""
    local = value.astimezone(ZoneInfo(zone))
    return f"{day(local.date(), language, year=False)}, {format_time(local, 'HH:mm', locale=language)}"


def _decimal(value: Decimal, places: int, language: str) -> str:
    rounded = round(value, places)
    pattern = "#,##0" + (f".{'#' * places}" if places else "")
    return format_decimal(rounded, pattern, locale=language)


def _money(value: Decimal, currency: str, language: str) -> str:
    """Whole amounts without decimals; the symbol after the number in every language of ours."""
    places = get_currency_precision(currency) if currency else 2
    rounded = round(value, places)
    whole = rounded == rounded.to_integral_value()
    pattern = "#,##0" if whole or not places else "#,##0." + "0" * places
    text = format_decimal(rounded, pattern, locale=language)
    return f"{text}{NBSP}{_symbol(currency)}" if currency else text


def _symbol(currency: str) -> str:
    """The sign that people write, which some languages hide behind the code; else the code."""
    return min((get_currency_symbol(currency, locale=one) for one in ("uk", "en")), key=len)
