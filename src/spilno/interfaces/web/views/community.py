"""Community: who are we for, and how are they?"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from spilno.community import queries
from spilno.community.models import Message
from spilno.community.queries import CommunityCard, Face
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.kernel import clock
from spilno.team.permissions import Permission, may

FACES = 25
ALL_FACES = 1000


@dataclass(frozen=True)
class CommunitiesPage:
    """All communities of the workspace."""

    cards: list[CommunityCard]
    may_add: bool


@dataclass(frozen=True)
class CommunityPage:
    """One community. ``more``: people who are known but not listed. ``may_see_people``: their names too."""

    card: CommunityCard
    faces: list[Face]
    more: int
    inside: int
    outside: int
    latest: list[Message]
    may_see_people: bool


@needs(Permission.VIEW)
@require_safe
def communities(request: WorkspaceRequest) -> HttpResponse:
    """The communities side by side."""
    page = CommunitiesPage(
        cards=queries.cards(request.workspace, now=clock.now()),
        may_add=may(request.person, Permission.TEAM_MANAGE),
    )
    return render(request, "community/communities.html", {"page": page})


@needs(Permission.VIEW)
@require_safe
def community(request: WorkspaceRequest, community: str) -> HttpResponse:
    """One community: its channels, initiatives, people and words."""
    card = queries.card_of(request.workspace, community, now=clock.now())
    if card is None:
        raise Http404
    faces = queries.faces(request.workspace, card, most=ALL_FACES if "all" in request.GET else FACES)
    scopes = queries.scopes(request.workspace, card)
    page = CommunityPage(
        card=card,
        faces=faces,
        more=max(0, card.seen - len(faces)),
        inside=scopes.get("internal", 0),
        outside=scopes.get("external", 0),
        latest=queries.latest(request.workspace, card.community, most=8),
        may_see_people=may(request.person, Permission.PERSONAL_DATA_VIEW),
    )
    return render(request, "community/community.html", {"page": page})


urlpatterns: list[URLPattern] = [
    path("community/", communities, name="community"),
    path("community/<slug:community>/", community, name="community-one"),
]
