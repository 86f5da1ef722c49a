"""Inbox: who said what to us, where, and whether somebody took care of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as __
from django.views.decorators.http import require_POST, require_safe

from spilno.channels.models import Channel
from spilno.community import queries, services
from spilno.community.models import Message
from spilno.community.queries import Post
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.kernel import clock
from spilno.team.permissions import Permission, may

PER_PAGE = 40
STATES = ("open", "handled")


@dataclass(frozen=True)
class InboxPage:
    """The messages of a filter, and the posts that people talk about."""

    state: str
    segments: list[dict[str, Any]]
    rows: Page  # type: ignore[type-arg]
    channels: list[Channel]
    channel: str
    posts: list[Post]
    waiting: int
    any: bool  # was anything ever said to us?
    connected: bool  # is there a channel at all?
    may_handle: bool
    here: str
    more: str


@needs(Permission.VIEW)
@require_safe
def inbox(request: WorkspaceRequest) -> HttpResponse:
    """What waits, or what was taken care of."""
    return render(request, "inbox/inbox.html", {"page": _page(request)})


def _page(request: WorkspaceRequest) -> InboxPage:
    workspace = request.workspace
    state = request.GET.get("state", "open")
    state = state if state in STATES else "open"
    channels = list(
        Channel.objects.filter(pk__in=Message.objects.filter(workspace=workspace).values("channel_id"))
    )
    chosen = next((one for one in channels if one.key == request.GET.get("channel")), None)
    found = queries.messages(workspace)
    waiting = queries.open_messages(workspace).count()
    if chosen is not None:
        found = found.filter(channel=chosen)
    found = found.filter(handled_at=None) if state == "open" else found.exclude(handled_at=None)
    rows = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    base = reverse("inbox", args=[workspace.slug])
    keep = {"channel": chosen.key} if chosen else {}

    def address(**more: Any) -> str:
        query = urlencode({**keep, **more})
        return f"{base}?{query}" if query else base

    return InboxPage(
        state=state,
        segments=[
            {"key": "open", "label": __("To handle"), "url": address(), "count": waiting or None},
            {"key": "handled", "label": __("Handled"), "url": address(state="handled")},
        ],
        rows=rows,
        channels=channels,
        channel=chosen.key if chosen else "",
        posts=queries.talked_about(workspace),
        waiting=waiting,
        any=bool(channels),
        connected=bool(channels) or Channel.objects.filter(workspace=workspace, is_active=True).exists(),
        may_handle=may(request.person, Permission.CONVERSATION_HANDLE),
        here=request.get_full_path(),
        more=address(state=state, page=rows.next_page_number()) if rows.has_next() else "",
    )


@needs(Permission.CONVERSATION_HANDLE)
@require_POST
def handle(request: WorkspaceRequest, message: UUID) -> HttpResponse:
    """Taken care of. What comes back offers to undo it."""
    found = _message_or_404(request, message)
    services.handle(message=found, by=request.person, now=clock.now())
    return _answer(request, message)


@needs(Permission.CONVERSATION_HANDLE)
@require_POST
def reopen(request: WorkspaceRequest, message: UUID) -> HttpResponse:
    """It still waits."""
    found = _message_or_404(request, message)
    services.reopen(message=found, by=request.person, now=clock.now())
    return _answer(request, message)


def _message_or_404(request: WorkspaceRequest, pk: UUID) -> Message:
    found = queries.message_of(request.workspace, pk)
    if found is None:
        raise Http404
    return found


def _answer(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """The row as it is now; without scripts, back to where the button was."""
    if request.htmx:
        context = {
            "one": _message_or_404(request, pk),
            "may_handle": True,
            "just": True,
            "waiting": queries.open_messages(request.workspace).count(),
        }
        return render(request, "inbox/_message.html", context)
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        target = reverse("inbox", args=[request.workspace.slug])
    return redirect(target)


urlpatterns: list[URLPattern] = [
    path("inbox/", inbox, name="inbox"),
    path("inbox/<uuid:message>/handled/", handle, name="inbox-handle"),
    path("inbox/<uuid:message>/open/", reopen, name="inbox-reopen"),
]
