"""What the frame around every page needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from spilno.community.queries import open_messages
from spilno.interfaces.web.access import may_add_workspace
from spilno.team.models import Person


@dataclass(frozen=True)
class Entry:
    """One entry of the sidebar. ``voice``: "out" (from the brand), "in" (from the community) or "both"."""

    key: str
    label: str
    url: str
    voice: str
    current: bool
    count: int | None = None
    available: bool = True


def _entries(request: Any) -> list[Entry]:
    workspace = getattr(request, "workspace", None)
    if workspace is None:
        return []
    rows = [
        ("today", _("Today"), "both"),
        ("initiatives", _("Initiatives"), "out"),
        ("plan", _("Plan"), "out"),
        ("inbox", _("Inbox"), "in"),
        ("community", _("Community"), "in"),
        ("results", _("Results"), "both"),
        ("networks", _("Networks"), "both"),
        ("library", _("Library"), "both"),
        ("settings", _("Settings"), "both"),
    ]
    current = getattr(request, "section", "") or _section(request)
    entries = []
    for key, label, voice in rows:
        try:
            url = reverse(key, args=[workspace.slug])
        except NoReverseMatch:
            continue
        waiting = _unanswered(request) or None if key == "inbox" else None
        entries.append(Entry(key, label, url, voice, key == current, count=waiting))
    return entries


def _unanswered(request: Any) -> int:
    """How many messages wait for an answer; a page that counted them already says so."""
    known: int | None = getattr(request, "unanswered", None)
    return open_messages(request.workspace).count() if known is None else known


def _section(request: Any) -> str:
    match = request.resolver_match
    return match.view_name.partition(":")[0].partition("-")[0] if match and match.view_name else ""


def frame(request: HttpRequest) -> dict[str, Any]:
    """Sidebar, workspaces of this person, theme. Lazily, so that partial updates pay nothing."""
    user = getattr(request, "user", None)
    signed_in = bool(user and user.is_authenticated)

    def workspaces() -> list[Person]:
        if not signed_in:
            return []
        if (known := getattr(request, "memberships", None)) is not None:
            return list(known)
        return list(
            Person.objects.select_related("workspace")
            .filter(user=user, is_active=True)
            .order_by("workspace__name")
        )

    return {
        "nav": SimpleLazyObject(lambda: _entries(request)),
        "workspace": getattr(request, "workspace", None),
        "person": getattr(request, "person", None),
        "memberships": SimpleLazyObject(workspaces),
        "may_add_workspace": may_add_workspace(user),
        "theme": request.COOKIES.get("theme") or getattr(user, "theme", "") or "auto",
        "languages": [("uk", "Українська"), ("en", "English"), ("ru", "Русский")],
        "language": getattr(request, "LANGUAGE_CODE", "uk"),
    }
