"""The plan as a calendar for other programs: making the addresses, and what stands behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import condition, require_GET, require_POST

from spilno.channels.models import Channel
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.plan_marks import word
from spilno.interfaces.web.reading import uuid_of
from spilno.kernel import clock
from spilno.plan import feeds
from spilno.plan.models import CalendarFeed
from spilno.publishing.states import DeliveryState
from spilno.team.permissions import Permission


@dataclass(frozen=True)
class Line:
    """One calendar that can be subscribed to. ``feed`` ``None``: it has no address yet."""

    name: str
    network: str
    channel: str  # its id; "" for one's own
    feed: CalendarFeed | None
    address: str


@dataclass(frozen=True)
class FeedsPage:
    lines: Sequence[Line]


@require_GET
@needs(Permission.VIEW)
def overview(request: WorkspaceRequest) -> HttpResponse:
    """One's own calendars."""
    mine = {one.channel_id: one for one in CalendarFeed.objects.filter(person=request.person)}
    channels = Channel.objects.filter(workspace=request.workspace, is_active=True).order_by("name")
    lines = [_line(_("My posts, my channels, my deadlines"), "", None, mine.get(None))]
    lines += [_line(one.name, one.network, one.pk, mine.get(one.pk)) for one in channels]
    return render(request, "plan/feeds.html", {"page": FeedsPage(lines)})


def _line(name: str, network: str, channel: UUID | None, feed: CalendarFeed | None) -> Line:
    address = ""
    if feed is not None:
        address = settings.SPILNO_PUBLIC_URL + reverse("calendar-feed", args=[feeds.token_of(feed)])
    return Line(name, network, str(channel or ""), feed, address)


@require_POST
@needs(Permission.VIEW)
def change(request: WorkspaceRequest) -> HttpResponse:
    """``do=open``: a (new) address; ``do=close``: withdraw it. ``channel``: which one, nothing for one's own."""
    now, pk = clock.now(), uuid_of(request.POST.get("channel", ""))
    channel = Channel.objects.filter(workspace=request.workspace, pk=pk).first() if pk else None
    if pk and channel is None:
        raise Http404
    if request.POST.get("do") == "close":
        found = CalendarFeed.objects.select_related("person__workspace", "channel").filter(
            person=request.person, channel=channel
        )
        for one in found:
            feeds.close_feed(feed=one, now=now)
        messages.success(request, _("The address does not work any more."))
    else:
        feeds.open_feed(person=request.person, channel=channel, now=now)
        messages.success(
            request, _("Here is the address. Whoever has it sees the plan: keep it to yourself.")
        )
    return redirect("plan-feeds", request.workspace.slug)


def _etag(request: HttpRequest, token: str) -> str | None:
    """Calendars ask every few minutes; what has not changed since is not sent again."""
    made = _file(token)
    request.feed_file = made  # type: ignore[attr-defined]
    return f'"{hashlib.sha256(made).hexdigest()[:32]}"' if made else None


def _file(token: str) -> bytes | None:
    now = clock.now()
    feed = feeds.feed_at(token=token, now=now)
    if feed is None:
        return None
    language = feed.person.user.language if feed.person.user else feed.workspace.language
    address = reverse("plan-item", args=[feed.workspace.slug, UUID(int=0)]).replace(
        str(UUID(int=0)), "{item}"
    )
    with translation.override(language):
        states = {"": word(""), **{one: word(one) for one in DeliveryState.values}}
        return feeds.calendar_file(
            feed=feed,
            now=now.replace(minute=0, second=0, microsecond=0),
            states=states,
            address=settings.SPILNO_PUBLIC_URL + address,
            language=language,
        )


@require_GET
@condition(etag_func=_etag)
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The calendar at a secret address; needs no sign-in. An address that is not known is not found, whatever it is."""
    made = getattr(request, "feed_file", None)
    if made is None:
        raise Http404
    response = HttpResponse(made, content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = 'inline; filename="spilno.ics"'
    response.headers["Cache-Control"] = "private, max-age=300"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


urlpatterns = [
    path("plan/feeds/", overview, name="plan-feeds"),
    path("plan/feeds/change/", change, name="plan-feeds-change"),
]
public_urlpatterns = [path("calendar/<str:token>.ics", feed, name="calendar-feed")]
