"""Filters that write values in the reader's language and the workspace's time zone.

``None`` and missing names become "—" (unknown, which is not nought). The language is the active one, the zone is
the active one (the workspace's, set by the middleware). From Python call ``spilno.toolkit.language.formats``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import get_language

from spilno.kernel import texts
from spilno.kernel.money import Money
from spilno.toolkit.language import formats

register = template.Library()


def _language() -> str:
    return (get_language() or "uk")[:2]


def _missing(value: Any) -> bool:
    return formats.value_is_unknown(value)


@register.filter
def number(value: Any, places: int = 1) -> str:
    """``{{ 39000.5|number }}`` → ``39 000,5``; the argument is the greatest number of decimals."""
    return formats.number(None if _missing(value) else value, _language(), places=places)


@register.filter
def signed(value: Any, places: int = 1) -> str:
    """``{{ 4|signed }}`` → ``+4``; ``−4`` with a real minus."""
    return formats.number(None if _missing(value) else value, _language(), places=places, signed=True)


@register.filter
def share(value: Any, places: int = 1) -> str:
    """``{{ 0.135|share }}`` → ``13,5 %``."""
    return formats.share(None if _missing(value) else value, _language(), places=places)


@register.filter
def change(value: Any) -> str:
    """A relative change: ``{{ 0.135|change }}`` → ``+13,5 %``."""
    return formats.share(None if _missing(value) else value, _language(), signed=True)


@register.filter
def money(value: Any, currency: str = "") -> str:
    """``{{ amount|money:"UAH" }}`` → ``39 000 ₴``; a ``Money`` brings its own currency."""
    if isinstance(value, Money):
        return formats.money(value.amount, value.currency, _language())
    if _missing(value):
        return formats.UNKNOWN
    return (
        formats.money(value, currency, _language())
        if currency
        else formats.number(value, _language(), places=2)
    )


@register.filter
def duration(value: Any) -> str:
    """Seconds (or a ``timedelta``): ``{{ 13200|duration }}`` → ``3 год 40 хв``."""
    if hasattr(value, "total_seconds"):
        value = value.total_seconds()
    return formats.duration(None if _missing(value) else value, _language())


@register.simple_tag
def measure(value: Any, unit: str, currency: str = "", signed: bool = False) -> str:
    """A KPI's value by its unit: ``{% measure value metric.unit workspace.currency %}``."""
    return formats.measure(
        None if _missing(value) else value, unit, _language(), currency=currency, signed=signed
    )


@register.filter
def when(value: Any) -> str:
    """Date and time in the workspace's zone: ``22 листопада, 18:00``."""
    return formats.when(_moment(value), _language(), zone=timezone.get_current_timezone(), now=timezone.now())


@register.filter
def when_short(value: Any) -> str:
    """``22 лист., 18:00``, for tables and rows."""
    return formats.when(
        _moment(value), _language(), zone=timezone.get_current_timezone(), now=timezone.now(), short=True
    )


@register.filter
def clock(value: Any) -> str:
    """Only the time of day: ``18:00``."""
    moment = _moment(value)
    return formats.clock(moment, _language(), timezone.get_current_timezone()) if moment else formats.UNKNOWN


@register.filter
def day(value: Any, how: str = "") -> str:
    """``22 листопада``; ``{{ d|day:"weekday" }}`` → ``неділя, 22 листопада``; ``{{ d|day:"short" }}`` → ``22 лист.``"""
    local = _local_day(value)
    return formats.day(
        local, _language(), today=timezone.localdate(), weekday=how == "weekday", short=how == "short"
    )


@register.filter
def until(first: Any, last: Any) -> str:
    """``{{ starts_on|until:ends_on }}`` → ``1–30 червня 2021``."""
    return formats.period(_local_day(first), _local_day(last), _language())


@register.filter
def ago(value: Any) -> str:
    """``3 години тому``, ``через 2 години``."""
    return formats.ago(_moment(value), _language(), now=timezone.now())


@register.filter
def iso(value: Any) -> str:
    """For ``<time datetime="…">``: ISO 8601, aware times in UTC; "" if unknown."""
    if _missing(value):
        return ""
    if isinstance(value, datetime) and value.tzinfo:
        value = value.astimezone(UTC)
    return str(value.isoformat())


@register.filter
def pick(value: Mapping[str, str] | str | None, fallback: str = "uk") -> str:
    """The text of a LocalText in the reader's language, else in ``fallback``, else in any."""
    return texts.pick(value, _language(), fallback)


def _moment(value: Any) -> datetime | None:
    if _missing(value):
        return None
    if not isinstance(value, datetime):
        raise TypeError(f"needs an aware datetime, got {value!r}")
    if value.tzinfo is None:
        raise ValueError("a time without a zone cannot be shown: make it aware first")
    return value


def _local_day(value: Any) -> date | None:
    if _missing(value):
        return None
    if isinstance(value, datetime):
        return timezone.localdate(value) if value.tzinfo else value.date()
    if not isinstance(value, date):
        raise TypeError(f"needs a date, got {value!r}")
    return value
