"""How far approvals are, computed from rules and decisions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet, prefetch_related_objects

from spilno.kernel.ids import hash_token
from spilno.plan.approvals.models import (
    ApprovalDecision,
    ApprovalFlow,
    ApprovalStage,
    Approver,
    GuestReviewer,
    ReviewLink,
    Verdict,
)
from spilno.plan.approvals.rules import OWNER, Stage, Standing, State, Voice, standing
from spilno.plan.models import Item, Variant
from spilno.plan.queries import media_of, text_of
from spilno.team.models import AuditEntry, Person, Workspace

MOST = 200
AHEAD = ("queued", "preparing", "prepared", "waiting", "held")
"""Deliveries' states in which a post is still to leave; publishing lies above this room."""

NOT_NEEDED = Standing(State.NOT_NEEDED)


def mark_of(variant: Variant, *, with_time: bool = False) -> str:
    """SHA-256 of what an approval is about: everything people will see, and where; its time if that counts.

    The variant comes with its item; pictures are read if they were not.
    """
    item = variant.item
    seen = [
        str(variant.channel_id),
        variant.placement,
        text_of(variant),
        item.link,
        str(item.link_to_id or ""),
        [[one.sha256, one.alt] for one in media_of(item)],
        variant.publish_at.isoformat() if with_time and variant.publish_at else "",
    ]
    extra = getattr(item, "extra", None)
    if extra is not None and extra.first_comment:
        seen.append(extra.first_comment)
    return hashlib.sha256(json.dumps(seen, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Flows:
    """The rules of some workspaces."""

    by_channel: dict[tuple[UUID, UUID | None], ApprovalFlow]

    def of(self, variant: Variant) -> ApprovalFlow | None:
        """What holds for the variant: its channel's flow, else the workspace's; ``None`` if nobody is asked."""
        found = self.by_channel.get((variant.workspace_id, variant.channel_id)) or self.by_channel.get(
            (variant.workspace_id, None)
        )
        return found if found is not None and found.stages.all() else None


def flows(workspaces: Collection[UUID]) -> Flows:
    """The rules of these workspaces: one query if there are none, else three."""
    stages = ApprovalStage.objects.order_by("position")
    found = ApprovalFlow.objects.filter(workspace__in=workspaces).prefetch_related(
        Prefetch("stages", stages), "stages__approvers"
    )
    return Flows({(one.workspace_id, one.channel_id): one for one in found})


def key_of(approver: Approver) -> str:
    """The approver's part, as decisions name it."""
    if approver.guest_id is not None:
        return f"guest:{approver.guest_id}"
    return f"person:{approver.person_id}" if approver.person_id is not None else f"role:{approver.role}"


def parts_of(person: Person) -> frozenset[str]:
    """All parts that a person can take in somebody's stage."""
    parts = {f"person:{person.pk}", *(f"role:{one}" for one in person.roles)}
    return frozenset(parts | {OWNER} if person.is_owner else parts)


def stages_of(flow: ApprovalFlow) -> tuple[Stage, ...]:
    return tuple(
        Stage(one.pk, one.name, one.needs == "all", tuple(key_of(who) for who in one.approvers.all()))
        for one in flow.stages.all()
    )


def standings(variants: Sequence[Variant], rules: Flows | None = None) -> dict[UUID, Standing]:
    """How far each variant's approval is; a bounded number of queries, one where nobody is asked.

    Variants come with their items.
    """
    rules = rules or flows({one.workspace_id for one in variants})
    asked = {one.pk: flow for one in variants if (flow := rules.of(one)) is not None}
    result = {one.pk: NOT_NEEDED for one in variants}
    if not asked:
        return result
    concerned = [one for one in variants if one.pk in asked]
    prefetch_related_objects([one.item for one in concerned], "itemmedia_set__media", "extra")
    marks = {one.pk: mark_of(one, with_time=asked[one.pk].again_on_time) for one in concerned}
    voices: dict[UUID, list[Voice]] = {}
    for said in ApprovalDecision.objects.filter(variant__in=asked, mark__in=set(marks.values())):
        if marks[said.variant_id] == said.mark:
            voices.setdefault(said.variant_id, []).append(_voice(said))
    for one in concerned:
        result[one.pk] = standing(stages_of(asked[one.pk]), voices.get(one.pk, []))
    return result


def unapproved(variants: Sequence[Variant]) -> set[UUID]:
    """Those that must not leave yet. Asked at the moment of sending."""
    return {pk for pk, one in standings(variants).items() if not one.may_leave}


def _voice(one: ApprovalDecision) -> Voice:
    voter = f"guest:{one.guest_id}" if one.guest_id is not None else f"person:{one.person_id}"
    return Voice(
        one.stage_id, voter, frozenset(one.as_whom), one.verdict == Verdict.APPROVE, one.name, one.comment,
        one.at,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ who is asked


def _open(workspace: Workspace) -> QuerySet[Variant]:
    """Variants that wait for nothing but approval: asked for, or already scheduled."""
    return (
        Variant.objects.filter(workspace=workspace, item__deleted_at=None)
        .filter(Q(delivery__state__in=AHEAD) | Q(item__approval_asks__isnull=False, delivery__isnull=True))
        .select_related("item__owner", "item__initiative", "channel")
        .order_by("publish_at", "item_id", "position")
        .distinct()
    )


@dataclass(frozen=True)
class Waiting:
    """A variant that is not approved yet, and how far it is."""

    variant: Variant
    standing: Standing
    mark: str


def waiting(workspace: Workspace) -> list[Waiting]:
    """All that is asked for and not approved, the next to leave first, at most :data:`MOST`."""
    rules = flows({workspace.pk})
    if not any(one.stages.all() for one in rules.by_channel.values()):
        return []
    variants = list(_open(workspace)[:MOST])
    found = standings(variants, rules)
    return [_waiting(one, found[one.pk], rules) for one in variants if not found[one.pk].may_leave]


def _waiting(variant: Variant, state: Standing, rules: Flows) -> Waiting:
    flow = rules.of(variant)
    return Waiting(variant, state, mark_of(variant, with_time=bool(flow and flow.again_on_time)))


def is_asked(one: Waiting, parts: Collection[str]) -> bool:
    """Is it the turn of whoever can take these parts, and have they not spoken yet?"""
    return one.standing.state is State.WAITING and bool(set(one.standing.missing) & set(parts))


def waiting_for(person: Person) -> list[Waiting]:
    """What waits for this person's word. A workspace's owner is asked only where they are named."""
    return [one for one in waiting(person.workspace) if is_asked(one, parts_of(person) - {OWNER})]


def of_item(item: Item, rules: Flows | None = None) -> list[Waiting]:
    """The item's variants and how far each is, also those that need nobody."""
    variants = list(item.variants.select_related("item", "channel").order_by("position"))
    for one in variants:
        one.item = item
    rules = rules or flows({item.workspace_id})
    found = standings(variants, rules)
    return [_waiting(one, found[one.pk], rules) for one in variants]


def names_of(parts: Iterable[str], workspace: Workspace) -> dict[str, str]:
    """People and guests by part; roles are words of the interface and not among them."""
    wanted = [one.partition(":") for one in parts]
    people = [key for kind, _, key in wanted if kind == "person"]
    guests = [key for kind, _, key in wanted if kind == "guest"]
    names: dict[str, str] = {}
    for kind, found, keys in (
        ("person", Person.objects.filter(workspace=workspace, pk__in=people), people),
        ("guest", GuestReviewer.objects.filter(workspace=workspace, pk__in=guests), guests),
    ):
        if keys:
            names |= {f"{kind}:{pk}": name for pk, name in found.values_list("pk", "name")}
    return names


def people_of(part: str, workspace: Workspace) -> QuerySet[Person]:
    """Who can take the part today."""
    kind, _, key = part.partition(":")
    active = Person.objects.filter(workspace=workspace, is_active=True).select_related("user")
    if kind == "person":
        return active.filter(pk=key)
    return active.filter(roles__contains=[key]) if kind == "role" else active.none()


def contributors(item: Item) -> set[UUID]:
    """Ids of those who wrote it: its owner, and everybody who saved a change."""
    wrote = AuditEntry.objects.filter(
        workspace_id=item.workspace_id, object_id=item.pk, action__in=("item.created", "item.changed"),
        person__isnull=False,
    ).values_list("person_id", flat=True)  # fmt: skip
    return {pk for pk in (*wrote, item.owner_id) if pk is not None}


def link_of(*, token: str, now: datetime) -> ReviewLink | None:
    """The guest's link, ``None`` if it never was, is over, was revoked, or its guest is no longer asked."""
    return (
        ReviewLink.objects.select_related("workspace", "guest")
        .filter(token_hash=hash_token(token), revoked_at=None, expires_at__gt=now, guest__is_active=True)
        .first()
    )


def for_guest(link: ReviewLink) -> list[Waiting]:
    """What the link shows: its posts' variants in which this guest is asked, also those that are decided."""
    part = f"guest:{link.guest_id}"
    variants = list(
        Variant.objects.filter(item__in=link.items.all(), item__deleted_at=None, workspace=link.workspace)
        .select_related("item", "channel")
        .order_by("publish_at", "item_id", "position")[:MOST]
    )
    rules = flows({link.workspace_id})
    found = standings(variants, rules)
    return [
        _waiting(one, found[one.pk], rules)
        for one in variants
        if any(part in stage.approvers for stage in found[one.pk].stages)
    ]


def may_speak(standing: Standing, parts: Collection[str]) -> bool:
    """Would a word of whoever can take these parts be taken now? (Their own work is another question.)"""
    if not standing.stages:
        return False
    if standing.stage is not None and set(parts) & {*standing.stage.approvers, OWNER}:
        return True
    return any(one.voter in parts for one in standing.voices)


@dataclass(frozen=True)
class Said:
    """One line of an item's approval history: asked (``verdict`` empty) or decided."""

    at: datetime
    name: str
    verdict: str = ""
    text: str = ""
    channels: tuple[str, ...] = ()
    stands: bool = True  # about the content as it is now


def history(item: Item, current: Collection[str]) -> list[Said]:
    """What was asked and said of an item, the latest first. ``current``: marks of the content as it is now."""
    asks = [
        Said(one.at, one.by.name if one.by else "", text=one.note)
        for one in item.approval_asks.select_related("by")
    ]
    decisions = ApprovalDecision.objects.filter(variant__item=item).select_related("variant__channel")
    grouped: dict[tuple[datetime, str, str, str, bool], list[str]] = {}
    for one in decisions:
        key = (one.at, one.name, one.verdict, one.comment, one.mark in current)
        grouped.setdefault(key, []).append(one.variant.channel.name)
    said = [Said(*key[:4], tuple(names), key[4]) for key, names in grouped.items()]
    return sorted([*asks, *said], key=lambda one: one.at, reverse=True)


def links(workspace: Workspace, now: datetime) -> QuerySet[ReviewLink]:
    """Guests' links that still work, the newest first."""
    return (
        ReviewLink.objects.filter(workspace=workspace, revoked_at=None, expires_at__gt=now)
        .select_related("guest", "created_by")
        .prefetch_related("items")
    )
