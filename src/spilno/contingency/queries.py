"""Reading contingency plans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from spilno.briefs.models import Initiative
from spilno.contingency.actions import ActionView, views_of
from spilno.contingency.models import Checkpoint, Proposal, ProposalState, Reminder
from spilno.plan.models import Item
from spilno.team.models import Person, Workspace
from spilno.toolkit.metrics import Better, Definition, get


@dataclass(frozen=True)
class CheckpointView:
    """A checkpoint with its actions and, once it looked, what came of it.

    ``seen`` is ``None`` if the value was unknown; ask ``fired_at`` whether it looked at all.
    """

    id: UUID
    initiative: Initiative
    stage: str
    at: datetime
    metric: str
    definition: Definition | None
    channel: str
    below: Decimal
    actions: tuple[ActionView, ...]
    fired_at: datetime | None
    seen: Decimal | None
    proposal: Proposal | None

    @property
    def above_is_behind(self) -> bool:
        """Is a greater value the worse one?"""
        return self.definition is not None and self.definition.better is Better.DOWN

    @property
    def is_open(self) -> bool:
        """Does it wait for a decision?"""
        return self.proposal is not None and self.proposal.state == ProposalState.OPEN

    @property
    def can_act(self) -> bool:
        """Is there anything that accepting would do?"""
        return any(not one.problem for one in self.actions)


def checkpoints(initiative: Initiative) -> list[CheckpointView]:
    """An initiative's checkpoints in the order of their moments: four queries for any number."""
    rows = _checkpoints(initiative.workspace).filter(initiative=initiative).order_by("at", "position")
    return _views(list(rows))


def open_proposals(workspace: Workspace) -> list[CheckpointView]:
    """What waits for a decision, oldest first: four queries for any number."""
    rows = (
        _checkpoints(workspace)
        .filter(proposal__state=ProposalState.OPEN, initiative__archived_at=None)
        .order_by("proposal__created_at")
    )
    return _views(list(rows))


def checkpoint_of(initiative: Initiative, checkpoint_id: UUID) -> Checkpoint:
    """:raises Checkpoint.DoesNotExist: there is none in *this* initiative."""
    return Checkpoint.objects.select_related("workspace", "initiative").get(
        pk=checkpoint_id, initiative=initiative, workspace_id=initiative.workspace_id
    )


def proposal_of(initiative: Initiative, proposal_id: UUID) -> Proposal:
    """:raises Proposal.DoesNotExist: there is none in *this* initiative."""
    return Proposal.objects.select_related("checkpoint").get(
        pk=proposal_id, checkpoint__initiative=initiative, workspace_id=initiative.workspace_id
    )


def reserve_of(initiative: Initiative) -> QuerySet[Item]:
    """The initiative's items that go out only if the plan calls for them."""
    return (
        Item.objects.filter(initiative=initiative, reserve=True, deleted_at=None)
        .prefetch_related("variants__channel")
        .order_by("created_at")
    )


def open_reminders(workspace: Workspace, *, person: Person | None = None) -> QuerySet[Reminder]:
    """Reminders nobody ticked off yet; ``person``: only theirs and those that are nobody's."""
    found = Reminder.objects.filter(
        workspace=workspace, done_at=None, proposal__checkpoint__initiative__archived_at=None
    ).select_related("channel", "person", "proposal__checkpoint__initiative")
    return found.filter(person__in=[person]) | found.filter(person=None) if person else found


def reminder_of(workspace: Workspace, reminder_id: UUID) -> Reminder:
    """:raises Reminder.DoesNotExist: there is none in *this* workspace."""
    return Reminder.objects.select_related("channel", "proposal__checkpoint__workspace").get(
        pk=reminder_id, workspace=workspace
    )


def _checkpoints(workspace: Workspace) -> QuerySet[Checkpoint]:
    return Checkpoint.objects.filter(workspace=workspace).select_related(
        "initiative", "channel", "proposal__decided_by"
    )


def _views(rows: list[Checkpoint]) -> list[CheckpointView]:
    actions = views_of(rows)
    return [
        CheckpointView(
            id=one.pk,
            initiative=one.initiative,
            stage=one.stage,
            at=one.at,
            metric=one.metric,
            definition=_definition(one.metric),
            channel=one.channel.name if one.channel else "",
            below=one.below,
            actions=actions[one.pk],
            fired_at=one.fired_at,
            seen=one.seen,
            proposal=_proposal(one),
        )
        for one in rows
    ]


def _proposal(checkpoint: Any) -> Proposal | None:
    return getattr(checkpoint, "proposal", None)


def _definition(metric: str) -> Definition | None:
    try:
        return get(metric)
    except KeyError:
        return None
