"""Saying who has to agree, asking them, and taking their word down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from spilno.channels.models import Channel
from spilno.kernel.errors import Conflict, NotAllowed, UserError
from spilno.kernel.ids import hash_token, new_token
from spilno.plan.approvals import queries
from spilno.plan.approvals.models import (
    ApprovalAsk,
    ApprovalDecision,
    ApprovalFlow,
    ApprovalStage,
    Approver,
    GuestReviewer,
    Needs,
    ReviewLink,
    Verdict,
)
from spilno.plan.approvals.rules import OWNER, Stage, Standing, State
from spilno.plan.models import Item, Variant
from spilno.team import audit
from spilno.team.models import Language, Person, Role, Workspace
from spilno.team.permissions import Permission, require

STAGES_MOST = 5
APPROVERS_MOST = 20
COMMENT_MOST = 5_000
LINK_DAYS = 14
LINK_DAYS_MOST = 90
OUT = ("committing", "uncertain", "needs_person", "published")
"""Deliveries' states in which it is too late for an approval to matter; publishing lies above this room."""


@dataclass(frozen=True)
class StageDraft:
    """A stage as a person wants it. ``id``: of the stage that it was, so that what was decided there goes on counting.
    ``approvers``: parts, ``person:<id>``, ``role:<key>`` or ``guest:<id>``.
    """

    approvers: Sequence[str]
    needs: str = Needs.ANY
    name: str = ""
    id: UUID | None = None


# ------------------------------------------------------------------------------------------------ rules


@transaction.atomic
def save_flow(
    *,
    workspace: Workspace,
    by: Person | None,
    now: datetime,
    channel: Channel | None,
    stages: Sequence[StageDraft],
    own_allowed: bool = False,
    again_on_time: bool = False,
) -> ApprovalFlow:
    """Write the stages of a channel, or (``channel`` ``None``) of all channels that have none of their own.

    :raises UserError: ``unknown_channel``, ``too_many_stages``, ``stage_without_approvers``, ``unknown_approver``.
    """
    require(by, Permission.CHANNEL_MANAGE)
    if channel is not None and channel.workspace_id != workspace.pk:
        raise UserError("unknown_channel", field="channel")
    if len(stages) > STAGES_MOST:
        raise UserError("too_many_stages", field="stages", most=STAGES_MOST)
    flow, _made = ApprovalFlow.objects.update_or_create(
        workspace=workspace, channel=channel,
        defaults={"own_allowed": own_allowed, "again_on_time": again_on_time, "updated_at": now},
    )  # fmt: skip
    standing = {one.pk: one for one in flow.stages.all()}
    kept = [one.id for one in stages if one.id in standing]
    flow.stages.exclude(pk__in=kept).delete()
    for number, pk in enumerate(kept):  # out of the way first: positions are there once
        ApprovalStage.objects.filter(pk=pk).update(position=1000 + number)
    for position, draft in enumerate(stages):
        parts = list(dict.fromkeys(draft.approvers))
        if not parts:
            raise UserError("stage_without_approvers", field="stages", number=position + 1)
        if len(parts) > APPROVERS_MOST:
            raise UserError("too_many_approvers", field="stages", most=APPROVERS_MOST)
        needs = draft.needs if draft.needs in Needs.values else Needs.ANY
        values = {"position": position, "name": draft.name.strip()[:60], "needs": needs}
        if draft.id in standing:
            stage = standing[draft.id]
            ApprovalStage.objects.filter(pk=stage.pk).update(**values)
            stage.approvers.all().delete()
        else:
            stage = ApprovalStage.objects.create(flow=flow, **values)
        Approver.objects.bulk_create([_approver(workspace, stage, one) for one in parts])
    audit.record(
        workspace=workspace, by=by, action="approval.rules_changed", object_kind="approval_flow",
        object_id=flow.pk, now=now, channel=channel.name if channel else "", stages=len(stages),
    )  # fmt: skip
    return flow


def _approver(workspace: Workspace, stage: ApprovalStage, part: str) -> Approver:
    kind, _, key = part.partition(":")
    try:
        if kind == "person":
            return Approver(
                stage=stage, person=Person.objects.get(workspace=workspace, pk=key, is_active=True)
            )
        if kind == "guest":
            guest = GuestReviewer.objects.get(workspace=workspace, pk=key, is_active=True)
            return Approver(stage=stage, guest=guest)
        if kind == "role" and key in Role.values:
            return Approver(stage=stage, role=key)
    except (Person.DoesNotExist, GuestReviewer.DoesNotExist, ValidationError):
        pass
    raise UserError("unknown_approver", field="stages")


@transaction.atomic
def drop_flow(*, workspace: Workspace, by: Person | None, now: datetime, channel: Channel) -> None:
    """Let a channel follow the workspace's rules again."""
    require(by, Permission.CHANNEL_MANAGE)
    gone, _rows = ApprovalFlow.objects.filter(workspace=workspace, channel=channel).delete()
    if gone:
        audit.record(
            workspace=workspace, by=by, action="approval.rules_dropped", object_kind="channel",
            object_id=channel.pk, now=now, channel=channel.name,
        )  # fmt: skip


@transaction.atomic
def save_guest(
    *, workspace: Workspace, by: Person | None, now: datetime, name: str, email: str, language: str
) -> GuestReviewer:
    """A guest who can be asked; the same address is the same guest.

    :raises UserError: ``guest_name_missing``, ``not_an_email``.
    """
    require(by, Permission.CHANNEL_MANAGE)
    email = email.strip().lower()
    if not name.strip():
        raise UserError("guest_name_missing", field="name")
    try:
        validate_email(email)
    except ValidationError:
        raise UserError("not_an_email", field="email", email=email[:80]) from None
    guest, _made = GuestReviewer.objects.update_or_create(
        workspace=workspace, email=email,
        defaults={
            "name": name.strip()[:120], "is_active": True,
            "language": language if language in Language.values else workspace.language,
        },
        create_defaults={
            "name": name.strip()[:120], "created_at": now,
            "language": language if language in Language.values else workspace.language,
        },
    )  # fmt: skip
    audit.record(
        workspace=workspace, by=by, action="approval.guest_saved", object_kind="guest_reviewer",
        object_id=guest.pk, now=now,
    )  # fmt: skip
    return guest


@transaction.atomic
def forget_guest(*, guest: GuestReviewer, by: Person | None, now: datetime) -> None:
    """Ask this guest no more: their links end, and stages go on without them.

    :raises UserError: ``guest_is_only_approver`` if a stage would ask nobody any more.
    """
    require(by, Permission.CHANNEL_MANAGE)
    for one in Approver.objects.filter(guest=guest).select_related("stage"):
        if one.stage.approvers.count() == 1:
            raise UserError("guest_is_only_approver", name=guest.name)
    Approver.objects.filter(guest=guest).delete()
    guest.links.filter(revoked_at=None).update(revoked_at=now)
    guest.is_active = False
    guest.save(update_fields=["is_active"])
    audit.record(
        workspace=guest.workspace, by=by, action="approval.guest_dropped", object_kind="guest_reviewer",
        object_id=guest.pk, now=now,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ asking


@transaction.atomic
def ask(*, item: Item, by: Person | None, now: datetime, note: str = "") -> ApprovalAsk:
    """Ask for approval of an item. Letters leave by a job.

    :raises UserError: ``item_deleted``, ``no_approval_needed`` if everything may leave as it is.
    """
    require(by, Permission.PLAN_EDIT)
    if item.deleted_at is not None:
        raise UserError("item_deleted")
    open_ = [one for one in queries.of_item(item) if not one.standing.may_leave]
    if not open_:
        raise UserError("no_approval_needed")
    made = ApprovalAsk.objects.create(
        workspace_id=item.workspace_id, item=item, by=by, note=note.strip()[:500], at=now,
        marks=sorted({one.mark for one in open_}),
    )  # fmt: skip
    _log(item, by, now, "approval.asked")
    return made


def ask_if_needed(*, item: Item, by: Person | None, now: datetime) -> ApprovalAsk | None:
    """Ask, unless everything may leave or this very content was asked about before. For what is scheduled."""
    rules = queries.flows({item.workspace_id})
    if not rules.by_channel:
        return None
    marks = {one.mark for one in queries.of_item(item, rules) if not one.standing.may_leave}
    asked = {mark for one in item.approval_asks.all() for mark in one.marks}
    return ask(item=item, by=by, now=now) if marks - asked else None


@transaction.atomic
def open_link(
    *,
    workspace: Workspace,
    guest: GuestReviewer,
    items: Iterable[Item],
    by: Person | None,
    now: datetime,
    days: int = LINK_DAYS,
) -> tuple[ReviewLink, str]:
    """A link for a guest, and its token, which is not kept anywhere.

    :param days: how long it works, 1 to :data:`LINK_DAYS_MOST`.
    :raises UserError: ``bad_link_days``, ``unknown_guest``, ``unknown_item``.
    """
    require(by, Permission.PLAN_EDIT)
    shown = list(items)
    if not 1 <= days <= LINK_DAYS_MOST:
        raise UserError("bad_link_days", field="days", most=LINK_DAYS_MOST)
    if guest.workspace_id != workspace.pk or not guest.is_active:
        raise UserError("unknown_guest", field="guest")
    if not shown or any(one.workspace_id != workspace.pk or one.deleted_at is not None for one in shown):
        raise UserError("unknown_item", field="items")
    token = new_token(24)
    link = ReviewLink.objects.create(
        workspace=workspace, guest=guest, token_hash=hash_token(token), created_by=by, created_at=now,
        expires_at=now + timedelta(days=days),
    )  # fmt: skip
    link.items.set(shown)
    audit.record(
        workspace=workspace, by=by, action="approval.link_opened", object_kind="review_link", object_id=link.pk,
        now=now, posts=len(shown),
    )  # fmt: skip
    return link, token


@transaction.atomic
def revoke_link(*, link: ReviewLink, by: Person | None, now: datetime) -> None:
    """End a guest's link at once."""
    require(by, Permission.PLAN_EDIT)
    if ReviewLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=now):
        audit.record(
            workspace=link.workspace, by=by, action="approval.link_revoked", object_kind="review_link",
            object_id=link.pk, now=now,
        )  # fmt: skip


# ------------------------------------------------------------------------------------------------ deciding


@dataclass(frozen=True)
class Decided:
    """What a word changed. ``next_asked``: others are asked now; ``final``: approved, or changes are wanted."""

    decisions: tuple[ApprovalDecision, ...]
    after: Mapping[UUID, Standing] = field(default_factory=dict)
    next_asked: bool = False
    final: bool = False


@transaction.atomic
def decide(
    *,
    item: Item,
    seen: Mapping[UUID, str],
    verdict: str,
    now: datetime,
    by: Person | None = None,
    guest: GuestReviewer | None = None,
    comment: str = "",
) -> Decided:
    """A person's (or guest's) word about variants of an item, exactly as they saw them.

    :param seen: variant id → mark of the content that was on the screen.
    :raises Conflict: ``content_changed`` if it is another by now: nothing was noted.
    :raises UserError: ``unknown_verdict``, ``comment_missing`` (who wants changes says which), ``comment_too_long``,
        ``own_approval``, ``nothing_to_approve``, ``too_late_to_approve``.
    :raises NotAllowed: if it is not theirs to decide.
    """
    if (by is None) == (guest is None):
        raise ValueError("either a person or a guest decides")
    comment = comment.strip()
    if verdict not in Verdict.values:
        raise UserError("unknown_verdict")
    if verdict == Verdict.CHANGES and not comment:
        raise UserError("comment_missing", field="comment")
    if len(comment) > COMMENT_MOST:
        raise UserError("comment_too_long", field="comment", most=COMMENT_MOST)
    # An edit comes before this (and is seen) or after it (and asks again): editing takes the same row first.
    item = Item.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=item.pk)
    if item.deleted_at is not None:
        raise UserError("item_deleted")
    concerned = {one.variant.pk: one for one in queries.of_item(item) if one.variant.pk in seen}
    if not concerned or len(concerned) < len(seen):
        raise UserError("nothing_to_approve")
    if any(one.mark != seen[pk] for pk, one in concerned.items()):
        raise Conflict("content_changed")
    out = Variant.objects.filter(pk__in=concerned, delivery__state__in=OUT)
    if out.exists():
        raise UserError("too_late_to_approve")
    who = by or guest
    assert who is not None
    parts = queries.parts_of(by) if by else frozenset({f"guest:{who.pk}"})
    if by is not None:
        _not_ones_own(item, by, [one.variant for one in concerned.values()])
    decisions = []
    for one in concerned.values():
        stage, as_whom = _stage_for(one.standing, parts, verdict)
        decisions.append(
            ApprovalDecision(
                workspace_id=item.workspace_id, variant=one.variant, stage_id=stage.id, mark=one.mark,
                verdict=verdict, person=by, guest=guest, name=who.name,
                as_whom=sorted(as_whom), comment=comment, at=now,
            )
        )  # fmt: skip
    ApprovalDecision.objects.bulk_create(decisions)
    _log(item, by, now, f"approval.{verdict}")
    after = {one.variant.pk: one.standing for one in queries.of_item(item)}
    before_stages = {pk: one.standing.stage for pk, one in concerned.items()}
    next_asked = any(
        after[pk].state is State.WAITING and after[pk].stage != before_stages[pk] for pk in concerned
    )
    if next_asked:
        ApprovalAsk.objects.create(
            workspace_id=item.workspace_id, item=item, by=by, at=now,
            marks=sorted(one.mark for one in concerned.values()),
        )  # fmt: skip
    final = any(after[pk].state in (State.APPROVED, State.CHANGES) for pk in concerned)
    return Decided(tuple(decisions), after, next_asked, final)


def _stage_for(standing: Standing, parts: frozenset[str], verdict: str) -> tuple[Stage, frozenset[str]]:
    """The stage at which these parts may speak now: the one that is asked; else, to take back an approval or a wish
    for changes, the last one where they have a part.
    """
    if not standing.stages:
        raise UserError("nothing_to_approve")
    theirs = [one for one in standing.stages if parts & set(one.approvers)]
    current = standing.stage
    if current is not None and current in theirs:
        return current, parts & set(current.approvers)
    at = {one.stage_id for one in standing.voices if one.voter in parts}
    spoke = next((one for one in reversed(standing.stages) if one.id in at), None)
    if spoke is not None:
        return spoke, parts & {*spoke.approvers, OWNER}
    if OWNER in parts and current is not None:
        return current, frozenset({OWNER})
    if verdict == Verdict.CHANGES and theirs:
        return theirs[-1], parts & set(theirs[-1].approvers)
    raise NotAllowed("approve")


def _not_ones_own(item: Item, by: Person, variants: Sequence[Variant]) -> None:
    rules = queries.flows({item.workspace_id})
    strict = [flow for one in variants if (flow := rules.of(one)) is not None and not flow.own_allowed]
    if strict and by.pk in queries.contributors(item):
        raise UserError("own_approval")


def _log(item: Item, by: Person | None, now: datetime, action: str, **detail: object) -> None:
    audit.record(
        workspace=item.workspace, by=by, action=action, object_kind="item", object_id=item.pk, now=now,
        initiative_id=item.initiative_id, title=item.title, **detail,
    )  # fmt: skip


def note_opened(*, link: ReviewLink, now: datetime) -> None:
    """The guest has seen the link's page."""
    ReviewLink.objects.filter(pk=link.pk, opened_at=None).update(opened_at=now)
