"""How the plan's states look: one table for calendar, list, shelf and composer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from spilno.plan.calendar import Slot
from spilno.publishing.states import AHEAD, NEEDS_ATTENTION, DeliveryState
from spilno.toolkit.networks import registry

_S = DeliveryState

# state → (the calendar's look, icon). The word beside it is the state's own.
LOOKS: dict[str, tuple[str, str]] = {
    _S.FAILED: ("late", "failed"),
    _S.MISSED: ("late", "missed"),
    _S.NEEDS_PERSON: ("ask", "uncertain"),
    _S.REMINDED: ("ask", "hand"),
    _S.UNCERTAIN: ("ask", "uncertain"),
    _S.HELD: ("draft", "held"),
    _S.WAITING: ("", "waiting"),
    _S.COMMITTING: ("", "send"),
    _S.PREPARING: ("", "clock"),
    _S.PREPARED: ("", "clock"),
    _S.QUEUED: ("", "clock"),
    "": ("draft", "edit"),
    _S.CANCELLED: ("draft", "close"),
    _S.PUBLISHED: ("done", "check"),
}
# Of several channels the most urgent one speaks for the post.
_URGENCY = {state: number for number, state in enumerate(LOOKS)}

# What one can filter by → delivery states ("" is: nothing scheduled).
GROUPS: dict[str, tuple[str, ...]] = {
    "draft": ("", _S.CANCELLED),
    "scheduled": (*(one for one in AHEAD if one != _S.HELD), _S.COMMITTING, _S.UNCERTAIN),
    "attention": (*NEEDS_ATTENTION, _S.HELD),
    "published": (_S.PUBLISHED,),
}
GROUP_LABELS: Mapping[str, Any] = {
    "draft": gettext_lazy("Drafts"),
    "scheduled": gettext_lazy("Scheduled"),
    "attention": gettext_lazy("Need attention"),
    "published": gettext_lazy("Published"),
}

MOVABLE = frozenset({"", _S.CANCELLED, _S.HELD, _S.MISSED, *AHEAD})
"""States in which a post can be given another time."""

_GROUP_OF = {state: key for key, states in GROUPS.items() for state in states}


def group_of(state: str) -> str:
    """The key of the group that a state belongs to."""
    return _GROUP_OF.get(state, "attention")


def word(state: str) -> str:
    """The state in words; nothing scheduled is a draft."""
    return str(_S(state).label) if state else _("Draft")


def most_urgent(states: Iterable[str]) -> str:
    """The state that speaks for several channels."""
    return min(states, key=lambda one: _URGENCY.get(one, 0), default="")


@dataclass(frozen=True)
class Mark:
    """A network's small mark, as the ``net`` tag and the calendar draw it."""

    short: str
    color: str
    label: str


def mark_of(network: str, language: str) -> Mark:
    """The mark of a network's key; a neutral one if this installation does not know the network."""
    found = registry.all_networks().get(network)
    if found is None:
        return Mark("?", "var(--muted)", network)
    return Mark(found.short, found.color, found.label.get(language) or found.label.get("en") or network)


@dataclass(slots=True)
class Entry:
    """A post at one time, on one or several channels: what stands in the calendar and in the list.

    Made by the thousand: read, never changed.
    """

    slots: tuple[Slot, ...]

    @property
    def first(self) -> Slot:
        return self.slots[0]

    @property
    def item_id(self) -> UUID:
        return self.slots[0].item_id

    @property
    def at(self) -> datetime:
        return self.slots[0].at

    @property
    def key(self) -> str:
        """What names it in addresses: ``ITEM@SECONDS``."""
        slot = self.slots[0]
        return f"{slot.item_id}@{int(slot.at.timestamp())}"

    @property
    def state(self) -> str:
        if len(self.slots) == 1:
            return self.slots[0].state
        return most_urgent(one.state for one in self.slots)

    @property
    def state_word(self) -> str:
        return word(self.state)

    @property
    def movable(self) -> bool:
        """At least one channel can still be moved."""
        return any(one.state in MOVABLE for one in self.slots)

    @property
    def channels(self) -> str:
        return ", ".join(dict.fromkeys(one.channel for one in self.slots))

    @property
    def networks(self) -> tuple[str, ...]:
        return tuple(sorted({one.network for one in self.slots}))


def entries(slots: Iterable[Slot]) -> list[Entry]:
    """Variants of one post at one time become one entry; the order stays."""
    grouped: dict[tuple[Any, Any], tuple[Slot, ...]] = {}
    for slot in slots:
        key = (slot.item_id, slot.at)
        known = grouped.get(key)
        grouped[key] = (*known, slot) if known else (slot,)
    return [Entry(group) for group in grouped.values()]
