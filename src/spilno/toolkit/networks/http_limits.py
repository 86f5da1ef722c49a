"""Times and limits as networks write them into the heads of their answers."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

LONGEST_WAIT = 7 * 24 * 3600.0
"""Seconds. A network that wants more patience means something else, or is none."""


def http_date(value: str | None) -> datetime | None:
    """An HTTP date as aware UTC, ``None`` if there is none or it is unreadable."""
    if not value:
        return None
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def moment(value: Any) -> datetime | None:
    """An ISO 8601 time (also ``+0000``, as Meta writes it) as aware UTC; ``None`` if it is none."""
    if not isinstance(value, str) or not value:
        return None
    text = re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", value.replace("Z", "+00:00"))
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:  # the first or the last day that there is
        return None


def wait_of(
    headers: httpx.Headers, date: datetime | None, seconds: float | None
) -> tuple[float | None, datetime | None]:
    """How long to wait, and until when if the server's own clock tells."""
    retry_at: datetime | None = None
    after = headers.get("Retry-After", "").strip()
    if seconds is None and after:
        if _NUMBER.fullmatch(after):
            seconds = float(after)
        else:
            retry_at = http_date(after)
    if seconds is None and retry_at is None:
        retry_at = reset_at(headers, date)
    if seconds is None and retry_at is not None and date is not None:
        seconds = (retry_at - date).total_seconds()
    if seconds is not None:
        seconds = min(max(0.0, seconds), LONGEST_WAIT) if math.isfinite(seconds) else None
    if seconds is not None and date is not None:
        retry_at = date + timedelta(seconds=seconds)
    return seconds, retry_at


_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)


def reset_at(headers: httpx.Headers, date: datetime | None) -> datetime | None:
    """``RateLimit-Reset`` and its ``X-`` form: an epoch (Bluesky), a time (Mastodon) or seconds (IETF draft)."""
    for name in ("RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"):
        value = headers.get(name, "").strip()
        if _NUMBER.fullmatch(value):
            number = int(float(value))
            if number > 1_000_000_000:
                return datetime.fromtimestamp(number, UTC) if number < 100_000_000_000 else None
            return date + timedelta(seconds=number) if date is not None else None
        if (read := moment(value)) is not None:
            return read
    return None


def quota_of(headers: httpx.Headers, *names: str) -> tuple[int, int | None, float | None] | None:
    """What is left, of how many, and seconds till it is whole, from ``RateLimit-*`` headers or their ``X-`` form.

    ``None`` if the answer does not tell.
    """
    for prefix in names or ("RateLimit", "X-RateLimit"):
        left, most = headers.get(f"{prefix}-Remaining", ""), headers.get(f"{prefix}-Limit", "")
        if not re.fullmatch(r"\d{1,12}", left.strip(), re.ASCII):
            continue
        date = http_date(headers.get("Date"))
        until = reset_at(headers, date)
        seconds = None if until is None or date is None else max(0.0, (until - date).total_seconds())
        # The number may carry the window behind it: "5000;w=3600" (IETF draft).
        limit = re.match(r"\s*(\d{1,12})(?:\s*;|\s*$)", most, re.ASCII)
        return int(left), int(limit[1]) if limit else None, seconds
    return None
