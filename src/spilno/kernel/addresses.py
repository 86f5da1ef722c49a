"""Addresses that people type and networks answer: only those of the web are kept, whatever else a link could do."""

from __future__ import annotations

from urllib.parse import urlsplit

LONGEST = 1000


def is_web_address(text: str) -> bool:
    """Is it a whole ``http`` or ``https`` address with a host, without blanks, at most :data:`LONGEST` characters?

    Anything else (``javascript:``, ``data:``, half an address) is not shown as a link and not asked for.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(host)
        and len(text) <= LONGEST
        and not any(one.isspace() or not one.isprintable() for one in text)
    )


def web_address(text: str) -> str:
    """What a network said an address is, if it is one of the web; else nothing."""
    return text if is_web_address(text) else ""
