"""What a contingency plan can do: publish a reserve item, remind a channel's owner.

An action is a small dict that a case folder can carry as it is: ``{"publish": ITEM_KEY}`` or
``{"remind": CHANNEL_KEY}``. Keys are those of the initiative's items and of the workspace's channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from spilno.briefs.models import Initiative
from spilno.channels.models import Channel
from spilno.contingency.models import Checkpoint
from spilno.kernel.errors import UserError
from spilno.plan.models import Item, Variant
from spilno.plan.queries import title_of

PUBLISH, REMIND = "publish", "remind"


@dataclass(frozen=True)
class Place:
    """Where a reserve item would go. ``state``: of its delivery, "" if there is none."""

    channel: str
    network: str
    placement: str
    state: str


@dataclass(frozen=True)
class ActionView:
    """An action with what a page needs to say it in words.

    ``problem``: why it could not be done now: ``item_gone``, ``item_without_channel``, ``item_out``,
    ``channel_gone`` or "".
    """

    kind: str
    key: str
    label: str
    item_id: UUID | None = None
    places: tuple[Place, ...] = ()
    person: str = ""
    network: str = ""
    problem: str = ""


def checked(initiative: Initiative, actions: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The actions as they are kept: known ones, each once, in their order.

    :raises UserError: ``actions_missing``, ``unknown_action``, ``unknown_reserve_item``, ``unknown_channel``.
    """
    kept: list[dict[str, str]] = []
    for action in actions:
        kind, key = _read(action)
        if {kind: key} not in kept:
            kept.append({kind: key})
    if not kept:
        raise UserError("actions_missing", field="actions")
    wanted = {
        kind: {key for one in kept for k, key in one.items() if k == kind} for kind in (PUBLISH, REMIND)
    }
    items = Item.objects.filter(initiative=initiative, key__in=wanted[PUBLISH], reserve=True, deleted_at=None)
    if lost := wanted[PUBLISH] - set(items.values_list("key", flat=True)):
        raise UserError("unknown_reserve_item", field="actions", key=min(lost))
    channels = Channel.objects.filter(
        workspace_id=initiative.workspace_id, key__in=wanted[REMIND], is_active=True
    )
    if lost := wanted[REMIND] - set(channels.values_list("key", flat=True)):
        raise UserError("unknown_channel", field="actions", key=min(lost))
    return kept


def _read(action: Mapping[str, Any]) -> tuple[str, str]:
    if len(action) != 1:
        raise UserError("unknown_action", field="actions", action=", ".join(map(str, action))[:80])
    kind, key = next(iter(action.items()))
    if kind not in (PUBLISH, REMIND) or not isinstance(key, str) or not key:
        raise UserError("unknown_action", field="actions", action=str(kind)[:80])
    return kind, key


def views_of(checkpoints: Iterable[Checkpoint]) -> dict[UUID, tuple[ActionView, ...]]:
    """Each checkpoint's actions in words, by the checkpoint's id: three queries for any number of them."""
    chosen = list(checkpoints)
    if not chosen:
        return {}
    item_keys = {
        key for one in chosen for action in one.actions for kind, key in action.items() if kind == PUBLISH
    }
    channel_keys = {
        key for one in chosen for action in one.actions for kind, key in action.items() if kind == REMIND
    }
    variants = Variant.objects.select_related("channel", "delivery").order_by("position")
    items = {
        (one.initiative_id, one.key): one
        for one in Item.objects.filter(
            initiative__in={one.initiative_id for one in chosen}, key__in=item_keys, deleted_at=None
        ).prefetch_related(Prefetch("variants", variants))
    }
    channels = {
        (one.workspace_id, one.key): one
        for one in Channel.objects.filter(
            workspace__in={one.workspace_id for one in chosen}, key__in=channel_keys
        ).select_related("owner")
    }
    return {
        one.pk: tuple(
            _publish_view(key, items.get((one.initiative_id, key)))
            if kind == PUBLISH
            else _remind_view(key, channels.get((one.workspace_id, key)))
            for action in one.actions
            for kind, key in action.items()
        )
        for one in chosen
    }


def _publish_view(key: str, item: Item | None) -> ActionView:
    if item is None:
        return ActionView(PUBLISH, key, key, problem="item_gone")
    places = tuple(
        Place(one.channel.name, one.channel.network, one.placement, _state(one))
        for one in item.variants.all()
    )
    problem = ""
    if not places:
        problem = "item_without_channel"
    elif all(place.state == "published" for place in places):
        problem = "item_out"
    label = title_of(item.title, item.text) or item.key
    return ActionView(PUBLISH, key, label, item_id=item.pk, places=places, problem=problem)


def _remind_view(key: str, channel: Channel | None) -> ActionView:
    if channel is None:
        return ActionView(REMIND, key, key, problem="channel_gone")
    return ActionView(
        REMIND,
        key,
        channel.name,
        person=channel.owner.name if channel.owner else "",
        network=channel.network,
        problem="" if channel.is_active else "channel_gone",
    )


def _state(variant: Variant) -> str:
    delivery = getattr(variant, "delivery", None)
    return delivery.state if delivery else ""
