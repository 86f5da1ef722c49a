"""The event as a calendar file (RFC 5545)."""

from __future__ import annotations

from datetime import UTC, datetime

from icalendar import Calendar, Event

from spilno.kernel.texts import pick
from spilno.pages.addresses import page_address
from spilno.pages.models import PublicPage


def event_file(page: PublicPage, *, language: str, now: datetime, cancel_url: str = "") -> bytes:
    """An ``.ics`` file with the page's event. Times are UTC, so that no calendar has to know our zone's rules.

    :raises ValueError: if the page has no event.
    """
    if page.starts_at is None:
        raise ValueError("a page without an event has no calendar file")
    workspace = page.workspace

    def text(value: dict[str, str]) -> str:
        return pick(value, language, workspace.language)

    calendar = Calendar()
    calendar.add("prodid", "-//Spilno//registration//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    event = Event()
    event.add("uid", f"{page.pk}@spilno")
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", page.starts_at.astimezone(UTC))
    if page.ends_at is not None:
        event.add("dtend", page.ends_at.astimezone(UTC))
    event.add("summary", text(page.title))
    if place := text(page.place):
        event.add("location", place)
    event.add("url", page_address(page))
    event.add(
        "description", "\n\n".join(one for one in (text(page.body), page_address(page), cancel_url) if one)
    )
    calendar.add_component(event)
    return bytes(calendar.to_ical())
