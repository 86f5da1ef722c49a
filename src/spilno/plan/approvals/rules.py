"""How decisions make an approval. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

OWNER = "owner"
"""The part of a workspace's owner, who may decide at any stage so that nothing hangs on somebody who is away."""


class State(StrEnum):
    NOT_NEEDED = "not_needed"
    WAITING = "waiting"
    CHANGES = "changes"
    APPROVED = "approved"


@dataclass(frozen=True)
class Stage:
    """One stage as it is today. ``approvers``: ``person:<id>``, ``role:<key>``, ``guest:<id>``."""

    id: UUID
    name: str
    needs_all: bool
    approvers: tuple[str, ...]


@dataclass(frozen=True)
class Voice:
    """A decision about the content as it is now."""

    stage_id: UUID | None
    voter: str  # who spoke: "person:<id>" or "guest:<id>"
    as_whom: frozenset[str]
    approves: bool
    name: str
    comment: str
    at: datetime


@dataclass(frozen=True)
class Standing:
    """How far a variant is.

    ``stage``: the one that is asked now (``None`` if approved or nobody is asked). ``missing``: its approvers that
    have not spoken. ``changes``: the voice that wants changes. ``voices``: what counts, oldest first.
    """

    state: State
    stages: tuple[Stage, ...] = ()
    stage: Stage | None = None
    missing: tuple[str, ...] = ()
    changes: Voice | None = None
    voices: tuple[Voice, ...] = ()

    @property
    def may_leave(self) -> bool:
        return self.state in (State.NOT_NEEDED, State.APPROVED)


def standing(stages: Sequence[Stage], voices: Sequence[Voice]) -> Standing:
    """What the voices (any order) make of the stages.

    Of each voter only the latest word at a stage counts. Stages go one after the other: a word at a stage that is not
    reached yet waits there. Somebody who wants changes stops everything until the content changes or they approve.
    """
    if not stages:
        return Standing(State.NOT_NEEDED)
    known = {one.id for one in stages}
    latest: dict[tuple[UUID | None, str], Voice] = {}
    for one in sorted(voices, key=lambda voice: voice.at):
        if one.stage_id in known:
            latest[(one.stage_id, one.voter)] = one
    counting = tuple(sorted(latest.values(), key=lambda voice: voice.at))
    refusal = next((one for one in reversed(counting) if not one.approves), None)
    all_stages = tuple(stages)
    for stage in all_stages:
        missing = _missing(stage, [one for one in counting if one.stage_id == stage.id and one.approves])
        if refusal is not None and (missing or refusal.stage_id == stage.id):
            return Standing(State.CHANGES, all_stages, stage, missing, refusal, counting)
        if missing:
            return Standing(State.WAITING, all_stages, stage, missing, None, counting)
    return Standing(State.APPROVED, all_stages, voices=counting)


def _missing(stage: Stage, approvals: Collection[Voice]) -> tuple[str, ...]:
    spoken = frozenset[str]().union(*(one.as_whom for one in approvals))
    if OWNER in spoken:
        return ()
    left = tuple(one for one in stage.approvers if one not in spoken)
    if not stage.needs_all and len(left) < len(stage.approvers):
        return ()
    return left
