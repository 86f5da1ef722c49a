"""Approvals in words, and as the pages draw them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from spilno.channels.models import Channel
from spilno.plan import checks
from spilno.plan.approvals import queries
from spilno.plan.approvals.queries import Said, Waiting
from spilno.plan.approvals.rules import OWNER, Standing, State
from spilno.plan.models import Item
from spilno.plan.queries import link_of
from spilno.team.models import Workspace, role_labels

TONES = {State.APPROVED: "good", State.CHANGES: "late", State.WAITING: "ask", State.NOT_NEEDED: "line"}


def state_word(state: State) -> str:
    return {
        State.NOT_NEEDED: _("Needs no approval"),
        State.WAITING: _("Waits for approval"),
        State.CHANGES: _("Changes wanted"),
        State.APPROVED: _("Approved"),
    }[state]


def part_word(part: str, names: Mapping[str, str]) -> str:
    """Who is meant: a name, or a role in the reader's language."""
    kind, _colon, key = part.partition(":")
    if part == OWNER:
        return _("the workspace's owner")
    if kind == "role":
        return role_labels([key])[0]
    return names.get(part, _("somebody who is gone"))


@dataclass(frozen=True)
class Asked:
    """One approver of a stage and what they said: ``"approve"``, ``"changes"`` or ``""``."""

    name: str
    said: str = ""
    guest: bool = False


@dataclass(frozen=True)
class StageLine:
    name: str
    needs_all: bool
    current: bool
    asked: tuple[Asked, ...]


def stage_lines(standing: Standing, names: Mapping[str, str]) -> list[StageLine]:
    """The stages with everybody's word."""
    lines = []
    for number, stage in enumerate(standing.stages, 1):
        said: dict[str, str] = {}
        for one in standing.voices:
            if one.stage_id == stage.id:
                for part in one.as_whom:
                    said[part] = "approve" if one.approves else "changes"
        asked = [
            Asked(part_word(one, names), said.pop(one, ""), one.startswith("guest:"))
            for one in stage.approvers
        ]
        asked += [Asked(part_word(one, names), word) for one, word in said.items() if one == OWNER]
        label = stage.name or _("Stage %(number)s") % {"number": number}
        current = standing.stage is not None and standing.stage.id == stage.id
        lines.append(StageLine(label, stage.needs_all, current, tuple(asked)))
    return lines


@dataclass(frozen=True)
class Card:
    """A variant as it will look, and how far its approval is."""

    channel: Channel
    placement: str
    story: bool
    sent: str
    link: str
    link_title: str
    media: Sequence[Mapping[str, str]]
    by_hand: bool
    waiting: Waiting
    state: State
    word: str
    tone: str
    stages: list[StageLine] = field(default_factory=list)

    @property
    def variant(self) -> Any:
        return self.waiting.variant


def cards(
    found: Sequence[Waiting],
    *,
    workspace: Workspace,
    media: Sequence[Mapping[str, str]],
    placement_word: Any,
    parts: Collection[str] = (),
) -> list[Card]:
    """The item's variants, drawn. ``placement_word`` writes a placement in the reader's language."""
    everybody = {part for one in found for stage in one.standing.stages for part in stage.approvers}
    names = queries.names_of(everybody, workspace)
    made = []
    for one in found:
        verdict = checks.check_variant(one.variant)
        place = next(
            (p for p in checks.placements_of(one.variant.channel) if p.key == one.variant.placement), None
        )
        link = link_of(one.variant)
        made.append(
            Card(
                channel=one.variant.channel,
                placement=placement_word(place) if place else one.variant.placement,
                story=place is not None and not place.text_allowed,
                sent=verdict.sent,
                link="" if link and link in verdict.sent else link,
                link_title=link.partition("://")[2].rstrip("/"),
                media=media,
                by_hand=verdict.by_hand,
                waiting=one,
                state=one.standing.state,
                word=state_word(one.standing.state),
                tone=TONES[one.standing.state],
                stages=stage_lines(one.standing, names),
            )
        )
    return made


def events(history: Sequence[Said]) -> list[dict[str, Any]]:
    """The history as the ``timeline`` tag draws it."""
    drawn = []
    for one in history:
        title = {
            "": _("Asked for approval"),
            "approve": _("Approved"),
            "changes": _("Changes wanted"),
        }[one.verdict]
        if one.channels:
            title = f"{title} · {', '.join(one.channels)}"
        if not one.stands and one.verdict:
            title = _("%(what)s (of an earlier version)") % {"what": title}
        tone = {"approve": "good", "changes": "late"}.get(one.verdict, "") if one.stands else ""
        icon = {"": "bell", "approve": "check", "changes": "edit"}[one.verdict]
        drawn.append(
            {"title": title, "at": one.at, "note": one.text, "tone": tone, "icon": icon, "by": one.name}
        )
    return drawn


@dataclass(frozen=True)
class ApprovalStrip:
    """The line above the composer's buttons: how far approval is, in one sentence."""

    word: str
    tone: str
    note: str


def strip_of(item: Item) -> ApprovalStrip | None:
    """``None`` if nothing of the item needs anybody's approval."""
    found = [one for one in queries.of_item(item) if one.standing.state is not State.NOT_NEEDED]
    if not found:
        return None
    changes = next((one.standing.changes for one in found if one.standing.changes is not None), None)
    if changes is not None:
        note = f"{changes.name}: {changes.comment}"
        return ApprovalStrip(state_word(State.CHANGES), TONES[State.CHANGES], note)
    waiting = [one for one in found if one.standing.state is State.WAITING]
    if not waiting:
        return ApprovalStrip(state_word(State.APPROVED), TONES[State.APPROVED], "")
    parts = {part for one in waiting for part in one.standing.missing}
    names = queries.names_of(parts, item.workspace)
    note = ", ".join(sorted(part_word(one, names) for one in parts))
    return ApprovalStrip(state_word(State.WAITING), TONES[State.WAITING], note)
