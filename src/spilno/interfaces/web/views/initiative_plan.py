"""An initiative's tab "Plan": its posts by time, and its reserve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from spilno.channels.models import Channel
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.composing import Composer, Target, from_item
from spilno.interfaces.web.views.initiative_frame import frame_context, initiative_or_404
from spilno.kernel import clock
from spilno.plan import queries
from spilno.plan.models import Item, Media
from spilno.publishing.queries import changes_soon
from spilno.team.permissions import Permission, may


@dataclass(frozen=True)
class PlannedItem:
    """A row of an initiative's plan."""

    item: Item
    title: str
    targets: Sequence[Target]
    picture: Media | None
    url: str

    @property
    def reserve(self) -> bool:
        return self.item.reserve


@dataclass(frozen=True)
class InitiativePlanPage:
    planned: Sequence[PlannedItem]
    reserve: Sequence[PlannedItem]
    may_edit: bool
    new_url: str
    reserve_url: str
    here: str
    looks_again: bool  # something leaves now or in a moment


@require_GET
@needs(Permission.VIEW)
def initiative_plan(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    """An initiative's posts by time, and its reserve."""
    workspace, now = request.workspace, clock.now()
    found = initiative_or_404(request, initiative)
    here = reverse("initiatives-plan", args=[workspace.slug, initiative])
    channels = {one.pk: one for one in Channel.objects.filter(workspace=workspace)}
    rows = [_row(request, one, channels, here) for one in queries.of_initiative(found)]
    new_url = f"{reverse('plan-new', args=[workspace.slug])}?initiative={initiative}&next={quote(here)}"
    page = InitiativePlanPage(
        planned=[one for one in rows if not one.reserve],
        reserve=[one for one in rows if one.reserve],
        may_edit=may(request.person, Permission.PLAN_EDIT),
        new_url=new_url,
        reserve_url=f"{new_url}&reserve=1",
        here=here,
        looks_again=any(
            one.delivery is not None and changes_soon(one.delivery, now)
            for row in rows
            for one in row.targets
        ),
    )
    frame = frame_context(request, found, "plan")
    return render(request, "plan/initiative.html", {"page": page, "frame": frame})


def _row(request: WorkspaceRequest, item: Item, channels: dict[UUID, Channel], here: str) -> PlannedItem:
    composer = Composer(
        workspace=request.workspace,
        typed=from_item(item, request.workspace.time_zone),
        language=request.LANGUAGE_CODE,
        item=item,
    )
    pictures = queries.media_of(item)
    return PlannedItem(
        item=item,
        title=queries.title_of(item.title, item.text) or _("Without words yet"),
        targets=[composer.target_of(one, channels[one.channel_id]) for one in item.variants.all()],
        picture=pictures[0] if pictures else None,
        url=f"{reverse('plan-item', args=[request.workspace.slug, item.pk])}?next={quote(here)}",
    )


urlpatterns = [
    path("initiatives/<slug:initiative>/plan/", initiative_plan, name="initiatives-plan"),
]
