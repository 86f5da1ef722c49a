"""Bringing a version of a post back: a saving like any other, which makes a new version and respects what is out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.plan import queries
from spilno.plan.models import Item, Media, Variant
from spilno.plan.services import Draft, VariantDraft
from spilno.plan.writing import extras, versions
from spilno.plan.writing.models import ItemVersion, Pillar
from spilno.publishing import composition
from spilno.team.models import Person


@dataclass(frozen=True)
class Restored:
    """``gone``: how many files and channels of the version are not there any more and were left out."""

    item: Item
    gone: int


@transaction.atomic
def restore(
    *, item: Item, version: ItemVersion, by: Person | None, now: datetime, expected_version: int
) -> Restored:
    """Let the item say again what it said then. Times that are over stay as they are now.

    :raises Conflict: ``item_changed``.
    :raises UserError: ``item_is_out`` if something of it is out and words, link or pictures would change, and those
        of :func:`spilno.publishing.composition.save`.
    """
    if version.item_id != item.pk:
        raise UserError("unknown_item")
    locked = composition.locked_among(composition.hold(item))
    content = version.content
    known = {
        str(one.pk): one for one in Media.objects.filter(workspace=item.workspace_id, pk__in=content["media"])
    }
    variants, gone = _variants(item, content, locked, now)
    draft = Draft(
        title=content["title"],
        text=content["text"],
        link=content["link"],
        link_to=queries.items(item.workspace).filter(pk=content["link_to"]).first()
        if content["link_to"]
        else None,
        initiative=item.initiative,
        reserve=item.reserve,
        media=[known[one] for one in content["media"] if one in known],
        variants=variants,
        extra=extras.Extra(
            content.get("link_mode", ""), content.get("first_comment", ""), _known_pillar(item, content)
        ),
    )
    saved = composition.save(
        workspace=item.workspace, draft=draft, by=by, now=now, item=item, expected_version=expected_version,
        restored=version.number,
    )  # fmt: skip
    return Restored(saved, gone + len(content["media"]) - len(draft.media))


def _known_pillar(item: Item, content: dict[str, Any]) -> str:
    said = content.get("pillar", "")
    return said if said and Pillar.objects.filter(workspace=item.workspace_id, pk=said).exists() else ""


def _variants(
    item: Item, content: dict[str, Any], locked: set[UUID], now: datetime
) -> tuple[list[VariantDraft], int]:
    """The version's places; what is out or on its way stays as it is, in the version or not."""
    standing = {f"{one.channel_id}:{one.placement}": one for one in item.variants.select_related("channel")}
    channels = {str(one.pk): one for one in Channel.objects.filter(workspace=item.workspace_id)}
    found, gone = [], 0
    wanted = versions.by_target(content)
    for key, variant in standing.items():
        if variant.pk in locked and key not in wanted:
            found.append(_same(variant))
    for key, said in wanted.items():
        held, channel = standing.get(key), channels.get(said["channel"])
        if held is not None and held.pk in locked:
            found.append(_same(held))
        elif channel is None or (held is None and not channel.is_active):
            gone += 1
        else:
            at = datetime.fromisoformat(said["at"]) if said["at"] else None
            if at is not None and at < now:
                at = held.publish_at if held else None
            found.append(VariantDraft(channel, said["placement"], said["text"], at))
    return found, gone


def _same(variant: Variant) -> VariantDraft:
    return VariantDraft(variant.channel, variant.placement, variant.text, variant.publish_at)
