"""Watching checkpoints, and deciding on what they propose."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from spilno.briefs.briefing import check_channel, check_number
from spilno.briefs.models import Initiative
from spilno.briefs.values import LARGEST
from spilno.channels.models import Channel
from spilno.contingency import actions as doing
from spilno.contingency.models import Checkpoint, Proposal, ProposalState, Reminder
from spilno.kernel.clock import local_day
from spilno.kernel.errors import Conflict, UserError
from spilno.measurement import values
from spilno.plan.models import Item, Variant
from spilno.plan.queries import title_of
from spilno.plan.services import update_item
from spilno.publishing import services as publishing
from spilno.team import audit
from spilno.team.models import Person
from spilno.team.permissions import Permission, may, require
from spilno.toolkit.metrics import Better, Definition, get

log = logging.getLogger(__name__)

STAGE_LENGTH = 80


class HasValue(Protocol):
    """What :func:`spilno.measurement.values.value_of` gives: ``value`` is ``None`` when it is unknown."""

    @property
    def value(self) -> Decimal | None: ...


ValueOf = Callable[..., HasValue]


@transaction.atomic
def add_checkpoint(
    *,
    initiative: Initiative,
    by: Person | None,
    now: datetime,
    stage: str,
    at: datetime,
    metric: str,
    below: Decimal,
    actions: Iterable[Mapping[str, Any]],
    channel: Channel | None = None,
) -> Checkpoint:
    """At the moment ``at``, look at ``metric``; if it is behind ``below``, propose ``actions``.

    ``below`` is in the metric's unit (a share as a fraction). For a metric that is better when it is small
    (cost per lead) "behind" means above. A person cannot set a moment that has passed; an import can.

    :raises UserError: ``stage_missing``, ``stage_long``, ``unknown_metric``, ``target_channel_missing``,
        ``target_channel_not_wanted``, ``unknown_channel``, ``target_negative``, ``number_too_large`` …,
        ``checkpoint_in_past``, ``checkpoint_after_end``, ``checkpoint_twice``, ``actions_missing``,
        ``unknown_action``, ``unknown_reserve_item``.
    """
    require(by, Permission.CONTINGENCY_DECIDE)
    name = " ".join(stage.split())
    if not name:
        raise UserError("stage_missing", field="stage")
    if len(name) > STAGE_LENGTH:
        raise UserError("stage_long", field="stage", limit=STAGE_LENGTH)
    try:
        definition = get(metric)
    except KeyError as error:
        raise UserError("unknown_metric", field="metric", metric=metric[:60]) from error
    check_channel(definition, channel, initiative.workspace_id)
    threshold = check_number(definition, below, definition.unit, field="below")
    if by is not None and at <= now:
        raise UserError("checkpoint_in_past", field="at")
    if at > _end(initiative):
        raise UserError("checkpoint_after_end", field="at")
    kept = doing.checked(initiative, actions)
    try:
        with transaction.atomic():
            checkpoint = Checkpoint.objects.create(
                workspace=initiative.workspace,
                initiative=initiative,
                stage=name,
                at=at,
                metric=metric,
                channel=channel,
                below=threshold,
                actions=kept,
            )
    except IntegrityError as error:
        raise UserError("checkpoint_twice", field="stage", stage=name) from error
    _note(checkpoint, by, now, "checkpoint.added", at=at.isoformat(), below=str(threshold))
    return checkpoint


@transaction.atomic
def remove_checkpoint(*, checkpoint: Checkpoint, by: Person | None, now: datetime) -> None:
    """Only before it looked: what it saw and what was decided stays on record. Removing it twice is no error.

    :raises UserError: ``checkpoint_fired``.
    """
    require(by, Permission.CONTINGENCY_DECIDE)
    gone, _rows = Checkpoint.objects.filter(pk=checkpoint.pk, fired_at=None).delete()
    if gone:
        _note(checkpoint, by, now, "checkpoint.removed")
    elif Checkpoint.objects.filter(pk=checkpoint.pk).exists():
        raise UserError("checkpoint_fired")


def check_due(*, now: datetime, value_of: ValueOf | None = None) -> int:
    """Look at every checkpoint whose moment has come, each once however many workers look. Returns how many.

    Behind, or unknown, becomes an open proposal: missing is not zero, so an unknown value is shown as unknown
    and asks a person to look. A checkpoint of an initiative that is over (an imported case) only notes what the
    value was at its moment: there is nothing left to propose. ``value_of``: as
    :func:`spilno.measurement.values.value_of`.
    """
    read = value_of or values.value_of
    due = Checkpoint.objects.filter(fired_at=None, at__lte=now, initiative__archived_at=None).select_related(
        "workspace", "initiative", "channel"
    )
    looked = 0
    for checkpoint in due.order_by("at"):
        try:
            looked += _look(checkpoint, now, read)
        except Exception:
            # One that cannot be computed must not keep the others from being looked at; it is tried again.
            log.exception("Checkpoint %s cannot be looked at", checkpoint.pk)
    return looked


def _look(checkpoint: Checkpoint, now: datetime, value_of: ValueOf) -> bool:
    initiative = checkpoint.initiative
    over = local_day(now, checkpoint.workspace.time_zone) > initiative.ends_on
    seen = value_of(
        workspace=checkpoint.workspace,
        metric=checkpoint.metric,
        initiative=initiative,
        channel=checkpoint.channel,
        as_of=checkpoint.at if over else now,
    ).value
    behind = seen is None or is_behind(get(checkpoint.metric), seen, checkpoint.below)
    with transaction.atomic():
        # The claim and what follows from it are one: nobody can fire it again, and nothing fires half.
        claimed = Checkpoint.objects.filter(pk=checkpoint.pk, fired_at=None).update(
            fired_at=now, seen=_kept(seen)
        )
        if not claimed:
            return False
        detail = {"seen": None if seen is None else str(seen), "below": str(checkpoint.below)}
        if not behind or over:
            _note(checkpoint, None, now, "checkpoint.looked", **detail)
            return True
        Proposal.objects.create(workspace=checkpoint.workspace, checkpoint=checkpoint, created_at=now)
        _note(checkpoint, None, now, "proposal.opened", **detail)
        return True


def is_behind(definition: Definition, value: Decimal, threshold: Decimal) -> bool:
    """Is the value worse than the threshold? For metrics better when small, worse is above."""
    return value > threshold if definition.better is Better.DOWN else value < threshold


@transaction.atomic
def accept(*, proposal: Proposal, by: Person | None, now: datetime) -> Proposal:
    """Do what was proposed. The reserve was agreed on with the plan, so the right to decide is enough to publish.

    Each action stands for itself: what fails is written into the results and does not undo the others.

    :raises Conflict: ``proposal_decided``: somebody was faster.
    :raises UserError: ``proposal_nothing_done`` if not a single action could be done; the proposal stays open.
    """
    require(by, Permission.CONTINGENCY_DECIDE)
    current = _decide(proposal, ProposalState.ACCEPTED, by, now)
    results: list[dict[str, Any]] = []
    for action in current.checkpoint.actions:
        for kind, key in action.items():
            do = _publish if kind == doing.PUBLISH else _remind
            results += do(current, key, by, now)
    if all(one["outcome"] == "failed" for one in results):
        raise UserError("proposal_nothing_done", reasons=[(one["code"], one["params"]) for one in results])
    current.results = results
    current.save(update_fields=["results"])
    done = [one["outcome"] for one in results]
    _note(
        current.checkpoint, by, now, "proposal.accepted",
        published=done.count("published"), reminded=done.count("reminded"), failed=done.count("failed"),
    )  # fmt: skip
    return current


@transaction.atomic
def dismiss(*, proposal: Proposal, by: Person | None, now: datetime) -> Proposal:
    """Decide to do nothing.

    :raises Conflict: ``proposal_decided``: somebody was faster.
    """
    require(by, Permission.CONTINGENCY_DECIDE)
    current = _decide(proposal, ProposalState.DISMISSED, by, now)
    _note(current.checkpoint, by, now, "proposal.dismissed")
    return current


def reminder_done(*, reminder: Reminder, by: Person, now: datetime) -> None:
    """The person did what they were reminded of. Twice is once."""
    if reminder.person_id != by.pk:
        require(by, Permission.CONTINGENCY_DECIDE)
    with transaction.atomic():
        if Reminder.objects.filter(pk=reminder.pk, done_at=None).update(done_at=now, done_by=by):
            _note(reminder.proposal.checkpoint, by, now, "reminder.done", channel=reminder.channel.name)


def _decide(proposal: Proposal, state: ProposalState, by: Person | None, now: datetime) -> Proposal:
    mine = Proposal.objects.filter(pk=proposal.pk, state=ProposalState.OPEN).update(
        state=state, decided_at=now, decided_by=by
    )
    current = Proposal.objects.select_related(
        "workspace", "decided_by", "checkpoint__workspace", "checkpoint__initiative__owner"
    ).get(pk=proposal.pk)
    if not mine:
        who = current.decided_by.name if current.decided_by else ""
        raise Conflict("proposal_decided", who=who, state=str(current.get_state_display()))
    return current


def _publish(proposal: Proposal, key: str, by: Person | None, now: datetime) -> list[dict[str, Any]]:
    item = Item.objects.filter(initiative=proposal.checkpoint.initiative_id, key=key, deleted_at=None).first()
    if item is None:
        return [_result(doing.PUBLISH, key, key, error=UserError("item_gone"))]
    title = title_of(item.title, item.text) or key
    if not Variant.objects.filter(item=item).exists():
        return [_result(doing.PUBLISH, key, title, error=UserError("item_without_channel"))]
    results: list[dict[str, Any]] = []
    try:
        with transaction.atomic():
            if item.reserve:
                # The plan called for it: from now on it is a post like any other.
                update_item(item=item, by=None, now=now, expected_version=item.version, reserve=False)
            results += _leave(item, key, title, by if may(by, Permission.PUBLISH) else None, now)
            if all(one["outcome"] == "failed" for one in results):
                raise _NothingLeft
    except _NothingLeft:
        pass  # it stays in reserve; the results say why
    except UserError as error:
        return [_result(doing.PUBLISH, key, title, error=error)]
    return results


class _NothingLeft(Exception):
    """Undoes taking an item out of reserve."""


def _leave(item: Item, key: str, title: str, by: Person | None, now: datetime) -> list[dict[str, Any]]:
    results = []
    for variant in Variant.objects.filter(item=item).select_related("channel", "item", "workspace"):
        try:
            with transaction.atomic():
                publishing.publish_now(variant=variant, by=by, now=now)
        except UserError as error:
            results.append(_result(doing.PUBLISH, key, title, channel=variant.channel.name, error=error))
        else:
            results.append(
                _result(doing.PUBLISH, key, title, channel=variant.channel.name, outcome="published")
            )
    return results


def _remind(proposal: Proposal, key: str, by: Person | None, now: datetime) -> list[dict[str, Any]]:
    channel = (
        Channel.objects.filter(workspace=proposal.workspace, key=key, is_active=True)
        .select_related("owner")
        .first()
    )
    if channel is None:
        return [_result(doing.REMIND, key, key, error=UserError("channel_gone"))]
    person = channel.owner or proposal.checkpoint.initiative.owner or by
    Reminder.objects.create(
        workspace=proposal.workspace, proposal=proposal, channel=channel, person=person, created_at=now
    )
    from spilno.contingency.jobs import send_reminders  # jobs call services

    send_reminders.defer()
    return [
        _result(
            doing.REMIND, key, channel.name, channel=channel.name, outcome="reminded",
            person=person.name if person else "",
        )
    ]  # fmt: skip


def _result(
    do: str,
    key: str,
    label: str,
    *,
    channel: str = "",
    outcome: str = "failed",
    person: str = "",
    error: UserError | None = None,
) -> dict[str, Any]:
    return {
        "do": do,
        "key": key,
        "label": label,
        "channel": channel,
        "outcome": outcome,
        "person": person,
        "code": error.code if error else "",
        "params": {name: str(value) for name, value in error.params.items()} if error else {},
    }


def _end(initiative: Initiative) -> datetime:
    zone = ZoneInfo(initiative.workspace.time_zone)
    return datetime.combine(initiative.ends_on + timedelta(days=1), time.min, zone)


def _kept(seen: Decimal | None) -> Decimal | None:
    # Only for showing what was seen: a quotient has more digits than the column.
    if seen is None or abs(seen) >= LARGEST:
        return None
    return seen.quantize(Decimal("0.0001"))


def _note(checkpoint: Checkpoint, by: Person | None, now: datetime, action: str, **detail: Any) -> None:
    audit.record(
        workspace=checkpoint.workspace, by=by, action=action, object_kind="checkpoint",
        object_id=checkpoint.pk, now=now, initiative_id=checkpoint.initiative_id,
        stage=checkpoint.stage, metric=checkpoint.metric, **detail,
    )  # fmt: skip
