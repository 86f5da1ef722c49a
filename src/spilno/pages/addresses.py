"""Where public pages and short links are found, and where a short link leads."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.urls import reverse

from spilno.pages.models import Entry, PublicPage, TrackedLink

UTM = ("utm_source", "utm_medium", "utm_campaign")
TOLD = (*UTM, "utm_content")
"""What the address behind a short link is told."""
LINK = "l"
"""Query parameter that carries a short link's code to our own page, so that a registration knows its post."""


def page_address(page: PublicPage) -> str:
    """The page's full public address."""
    return f"{settings.SPILNO_PUBLIC_URL}{reverse('public-page', args=[page.slug])}"


def cancel_address(entry: Entry) -> str:
    """Where whoever registered can cancel. Whoever has the address can."""
    return f"{settings.SPILNO_PUBLIC_URL}{reverse('public-cancel', args=[entry.page.slug, entry.token])}"


def link_address(link: TrackedLink) -> str:
    """The short address that counts."""
    return f"{settings.SPILNO_PUBLIC_URL}{reverse('public-link', args=[link.code])}"


def destination(link: TrackedLink) -> str:
    """Where the short link leads: its stored target with utm parameters.

    What the target says itself is left as it is. Only our own public pages are told the code.
    """
    parts = urlsplit(link.target)
    query = parse_qsl(parts.query, keep_blank_values=True)
    there = {name for name, _ in query}
    query += [(name, getattr(link, name)) for name in TOLD if getattr(link, name) and name not in there]
    if is_public_page(link.target) and LINK not in there:
        query.append((LINK, link.code))
    return urlunsplit(parts._replace(query=urlencode(query)))


def is_public_page(address: str) -> bool:
    """Is it one of this installation's public pages?"""
    ours, theirs = urlsplit(settings.SPILNO_PUBLIC_URL), urlsplit(address)
    return ours[:2] == theirs[:2] and theirs.path.startswith(reverse("public-page", args=["x"])[: -len("x/")])
