"""Numbers, money, shares and times as people write them in Ukrainian, English and Russian.

Patterns come from CLDR (through Babel); where the field writes otherwise, the difference is named at the function.
Nothing here reads the clock, and ``None`` is always :data:`UNKNOWN`: unknown is not nought.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeAlias

from babel.dates import format_date, format_timedelta
from babel.numbers import format_decimal, get_currency_symbol

Number: TypeAlias = int | float | Decimal

UNKNOWN = "—"
MINUS = "−"
_NBSP = "\N{NO-BREAK SPACE}"

# CLDR shows foreign currencies by their code; these signs are understood everywhere.
_SIGNS = {"UAH": "₴", "USD": "$", "EUR": "€", "GBP": "£", "PLN": "zł", "CZK": "Kč", "JPY": "¥", "CHF": "CHF"}
_SECONDS = {"s": 1, "seconds": 1, "minutes": 60, "hours": 3600}
_DURATIONS = {
    "uk": ("дн.", "год", "хв", "с"),
    "en": ("d", "h", "min", "s"),
    "ru": ("дн.", "ч", "мин", "с"),
}


def _decimal(value: Number) -> Decimal:
    # str() keeps what a float shows: Decimal(0.135) would be 0.13500000000000000888.
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _round(value: Decimal, places: int) -> Decimal:
    """Half away from nought, as people round (Python's default would make 0.125 → 0.12); never "−0"."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP) + 0


def _signed(value: Decimal, text: str, signed: bool) -> str:
    text = text.replace("-", MINUS)
    return f"+{text}" if signed and value > 0 else text


def number(value: Number | None, language: str, *, places: int = 1, signed: bool = False) -> str:
    """``39000.5`` → ``"39 000,5"``: at most ``places`` decimals, none if they are noughts."""
    if value is None:
        return UNKNOWN
    rounded = _round(_decimal(value), places)
    pattern = "#,##0" + ("." + "#" * places if places else "")
    return _signed(rounded, format_decimal(rounded, pattern, locale=language), signed)


def share(value: Number | None, language: str, *, places: int | None = None, signed: bool = False) -> str:
    """A fraction as per cent: ``0.135`` → ``"13,5 %"`` (uk, ru), ``"13.5%"`` (en).

    ``places``: decimals at most; unless given one, and two below 1 %, where one would hide most of it.
    """
    if value is None:
        return UNKNOWN
    if places is None:
        places = 2 if abs(_decimal(value)) < Decimal("0.01") else 1
    text = number(_decimal(value) * 100, language, places=places, signed=signed)
    return f"{text}%" if language == "en" else f"{text}{_NBSP}%"


def money(value: Number | None, currency: str, language: str, *, signed: bool = False) -> str:
    """``39000, "UAH"`` → ``"39 000 ₴"`` (uk, ru), ``"₴39,000"`` (en); decimals only when there are any."""
    if value is None:
        return UNKNOWN
    rounded = _round(_decimal(value), 2)
    whole = rounded == rounded.to_integral_value()
    text = format_decimal(rounded, "#,##0" if whole else "#,##0.00", locale=language)
    sign = _SIGNS.get(currency) or get_currency_symbol(currency, locale=language)
    if language != "en":
        return _signed(rounded, f"{text}{_NBSP}{sign}", signed)
    glue = _NBSP if len(sign) > 1 else ""
    minus, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return _signed(rounded, f"{minus}{sign}{glue}{digits}", signed)


def duration(seconds: Number | None, language: str) -> str:
    """Seconds as the two largest units: ``13200`` → ``"3 год 40 хв"``; under a minute in seconds."""
    if seconds is None:
        return UNKNOWN
    days_word, hours_word, minutes_word, seconds_word = _DURATIONS.get(language, _DURATIONS["en"])
    total = int(_round(_decimal(seconds), 0))
    sign, total = (MINUS, -total) if total < 0 else ("", total)
    if total < 60:
        return f"{sign}{total}{_NBSP}{seconds_word}"
    minutes = (total + 30) // 60 if total >= 3600 else total // 60
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    rest_seconds = total % 60 if total < 3600 else 0
    parts = [(days, days_word), (hours, hours_word), (minutes, minutes_word), (rest_seconds, seconds_word)]
    first = next(index for index, (amount, _) in enumerate(parts) if amount)
    shown = [f"{amount}{_NBSP}{word}" for amount, word in parts[first : first + 2] if amount]
    return sign + " ".join(shown)


def value_is_unknown(value: object) -> bool:
    """Whether there is no value; ``""`` is what a template gives for a missing name."""
    return value is None or value == ""


def measure(
    value: Number | None, unit: str, language: str, *, currency: str | None = None, signed: bool = False
) -> str:
    """A KPI's value by its unit: ``count``, ``share`` (fraction), ``money``, ``seconds``, ``minutes``, ``hours``,
    ``index`` (−1…1, always with its sign)."""
    if value is None:
        return UNKNOWN
    if unit in ("share", "%"):
        return share(value, language, signed=signed)
    if unit == "money" and currency:
        return money(value, currency, language, signed=signed)
    if unit in _SECONDS:
        return duration(_decimal(value) * _SECONDS[unit], language)
    if unit == "index":
        return number(value, language, places=2, signed=True)
    return number(value, language, signed=signed)


def _date(value: date, pattern: str, language: str) -> str:
    """By an explicit pattern: day before month in English too, and no "р." or "г." after the year, as CLDR would."""
    return format_date(value, pattern, locale=language)


def day(value: date | None, language: str, *, today: date, weekday: bool = False, short: bool = False) -> str:
    """``"22 листопада"``; the year only if it is not the year of ``today``; ``short`` → ``"22 лист."``."""
    if value is None:
        return UNKNOWN
    pattern = "d MMM" if short else "d MMMM"
    text = _date(value, pattern if value.year == today.year else f"{pattern} y", language)
    return f"{_date(value, 'EEEE', language)}, {text}" if weekday else text


def clock(value: datetime, language: str, zone: tzinfo) -> str:
    """``"18:00"`` in ``zone``; 24 hours in every language, as in a posting schedule."""
    return f"{value.astimezone(zone):%H:%M}"


def when(value: datetime | None, language: str, *, zone: tzinfo, now: datetime, short: bool = False) -> str:
    """``"22 листопада, 18:00"`` in ``zone``, with the year if it is another one than now."""
    if value is None:
        return UNKNOWN
    local = value.astimezone(zone)
    today = now.astimezone(zone).date()
    return f"{day(local.date(), language, today=today, short=short)}, {clock(value, language, zone)}"


def period(first: date | None, last: date | None, language: str) -> str:
    """``"1–30 червня 2021"``, ``"28 травня – 3 червня 2021"``; "—" if an end is unknown."""
    if first is None or last is None:
        return UNKNOWN
    end = _date(last, "d MMMM y", language)
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{end}"
    start = _date(first, "d MMMM" if first.year == last.year else "d MMMM y", language)
    return f"{start} – {end}"


def ago(value: datetime | None, language: str, *, now: datetime) -> str:
    """``"3 години тому"``, ``"через 2 години"``; granular enough to act on, never seconds."""
    if value is None:
        return UNKNOWN
    delta = value - now
    if abs(delta) < timedelta(minutes=1):
        return {"uk": "щойно", "ru": "только что"}.get(language, "just now")
    text = format_timedelta(delta, granularity="minute", add_direction=True, locale=language, threshold=1.2)
    return str(text)
