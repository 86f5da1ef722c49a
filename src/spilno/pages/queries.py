"""Reading public pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from spilno.briefs.models import Initiative
from spilno.facts.models import Kind
from spilno.facts.queries import effective
from spilno.pages.addresses import link_address, page_address
from spilno.pages.models import Entry, PageKind, PublicPage, TrackedLink
from spilno.plan.models import Variant
from spilno.plan.queries import title_of


class Door(StrEnum):
    """Whether a page lets people in."""

    OPEN = "open"
    CLOSED = "closed"  # by a person
    FULL = "full"
    OVER = "over"  # the event has begun


def door(page: PublicPage, *, now: datetime, taken: int) -> Door:
    """Does the page let somebody in now, with so many seats taken?"""
    if page.kind == PageKind.REGISTRATION and page.starts_at is not None and page.starts_at <= now:
        return Door.OVER
    if not page.is_open:
        return Door.CLOSED
    if page.capacity is not None and taken >= page.capacity:
        return Door.FULL
    return Door.OPEN


def seats_taken(page: PublicPage) -> int:
    """People who are registered and did not cancel."""
    return Entry.objects.filter(page=page, cancelled_at=None).count()


def public_page(slug: str) -> PublicPage | None:
    """The page behind ``/p/<slug>/``; none for an initiative that was put away."""
    return (
        PublicPage.objects.filter(slug=slug, initiative__archived_at=None)
        .select_related("workspace", "initiative")
        .first()
    )


def entry_of(*, slug: str, token: str) -> Entry | None:
    """The entry that a cancel link stands for."""
    return (
        Entry.objects.filter(token=token, page__slug=slug)
        .select_related("page__workspace", "page__initiative", "workspace", "link__variant")
        .first()
    )


def link_of_code(code: str) -> TrackedLink | None:
    """The tracked link of a code, with the post that carried it."""
    return (
        TrackedLink.objects.filter(code=code).select_related("workspace", "variant").first()
        if 0 < len(code) <= 16
        else None
    )


def pages_of(initiative: Initiative) -> list[PublicPage]:
    """The initiative's public pages, registration first."""
    found = PublicPage.objects.filter(workspace_id=initiative.workspace_id, initiative=initiative)
    return sorted(found, key=lambda one: (one.kind != PageKind.REGISTRATION, one.created_at))


def entries(page: PublicPage) -> QuerySet[Entry]:
    """What people typed into the page, newest first; the cancelled ones too."""
    return (
        Entry.objects.filter(page=page, workspace_id=page.workspace_id)
        .select_related("link__variant__item", "link__variant__channel")
        .order_by("-created_at")
    )


@dataclass(frozen=True)
class PostLink:
    """A short link and what came through it. ``title``: the post that carries it; empty for one of no post."""

    link: TrackedLink
    address: str
    title: str
    channel: str
    network: str
    visits: int
    entries: int


@dataclass(frozen=True)
class PageView:
    """A public page as its makers see it."""

    page: PublicPage
    address: str
    door: Door
    taken: int
    cancelled: int
    visits: int
    links: tuple[PostLink, ...]

    @property
    def is_event(self) -> bool:
        """Is it an event's registration, not a lead form?"""
        return self.page.kind == PageKind.REGISTRATION

    @property
    def left(self) -> int | None:
        """Free seats; ``None`` without a limit."""
        return None if self.page.capacity is None else max(0, self.page.capacity - self.taken)

    @property
    def links_used(self) -> list[PostLink]:
        """Links through which somebody came."""
        return [one for one in self.links if one.visits or one.entries]

    @property
    def links_unused(self) -> list[PostLink]:
        """Links through which nobody came yet."""
        return [one for one in self.links if not (one.visits or one.entries)]

    @property
    def conversion(self) -> float | None:
        """Entries per visit; ``None`` without visits, or if more came than were counted (not all may be)."""
        return self.taken / self.visits if self.visits >= self.taken > 0 else None


def page_view(page: PublicPage, *, now: datetime) -> PageView:
    """The page with its numbers: visits and entries by the post that brought them."""
    rows = Entry.objects.filter(page=page).aggregate(
        taken=Count("pk", filter=Q(cancelled_at=None)),
        cancelled=Count("pk", filter=Q(cancelled_at__isnull=False)),
    )
    visits = (
        effective(page.workspace)
        .filter(initiative_id=page.initiative_id, kind=Kind.VISIT)
        .order_by()
        .values_list("item_id", "channel_id")
        .annotate(n=Count("pk"))
    )
    by_post = {(item, channel): n for item, channel, n in visits}
    return PageView(
        page=page,
        address=page_address(page),
        door=door(page, now=now, taken=rows["taken"]),
        taken=rows["taken"],
        cancelled=rows["cancelled"],
        visits=sum(by_post.values()),
        links=_links(page, by_post),
    )


def _links(page: PublicPage, visits: dict[tuple[UUID | None, UUID | None], int]) -> tuple[PostLink, ...]:
    found = TrackedLink.objects.filter(workspace_id=page.workspace_id, target=page_address(page))
    entered = dict(
        Entry.objects.filter(page=page, cancelled_at=None, link__isnull=False)
        .order_by()
        .values_list("link_id")
        .annotate(n=Count("pk"))
    )
    made = []
    for link in found.select_related("variant__item", "variant__channel"):
        variant = link.variant
        made.append(
            PostLink(
                link=link,
                address=link_address(link),
                title=title_of(variant.item.title, variant.item.text) if variant else "",
                channel=variant.channel.name if variant else "",
                network=variant.channel.network if variant else "",
                visits=visits.get((variant.item_id, variant.channel_id), 0) if variant else 0,
                entries=entered.get(link.pk, 0),
            )
        )
    return tuple(sorted(made, key=lambda one: (-one.entries, -one.visits, one.title)))


def without_link(page: PublicPage) -> QuerySet[Variant]:
    """Posts of the initiative that are not out and have no short link to the page."""
    return (
        Variant.objects.filter(
            workspace_id=page.workspace_id,
            item__initiative_id=page.initiative_id,
            item__deleted_at=None,
            delivery__published_at=None,
        )
        .exclude(links__target=page_address(page))
        .select_related("item__initiative", "channel", "workspace")
    )
