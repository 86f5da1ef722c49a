"""Every saved change of an item's content is kept, so that it can be read and brought back.

Saving the same again makes no version; several savings by one person within :data:`FOLD` are one. Of an item
:data:`KEPT` versions stay, and its first. What was changed elsewhere (a post dragged in the calendar, an import) is
noted as such with the next saving.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from spilno.plan.models import Item, ItemMedia, Tag, Variant
from spilno.plan.writing import extras
from spilno.plan.writing.models import ItemVersion, Presence, Why
from spilno.team.models import Person

FOLD = timedelta(minutes=10)
KEPT = 100
WORDS = (
    "title", "text", "link", "link_to", "link_mode", "first_comment", "initiative", "pillar", "tags", "media",
)  # fmt: skip


def content_of(item: Item) -> dict[str, Any]:
    """What the database says of the item's content now, as plain JSON.

    ``title``, ``text``, ``link``, ``link_to``, ``initiative`` (ids or ``""``), ``tags`` (names), ``media`` (ids in
    their order), ``link_mode``, ``first_comment``, ``pillar``, and ``variants``: ``channel``, ``placement``, ``text``,
    ``at`` (ISO 8601 in UTC, or ``""``).
    """
    row = Item.objects.values("title", "text", "link", "link_to_id", "initiative_id").get(pk=item.pk)
    media = ItemMedia.objects.filter(item=item).order_by("position").values_list("media_id", flat=True)
    variants = Variant.objects.filter(item=item).order_by("position", "pk")
    return {
        "title": row["title"],
        "text": row["text"],
        "link": row["link"],
        "link_to": str(row["link_to_id"] or ""),
        "initiative": str(row["initiative_id"] or ""),
        "tags": ", ".join(Tag.objects.filter(items=item).order_by("name").values_list("name", flat=True)),
        "media": [str(one) for one in media],
        **extras.of(item).as_content(),
        "variants": [
            {
                "channel": str(channel),
                "placement": placement,
                "text": text,
                "at": at.isoformat() if at else "",
            }
            for channel, placement, text, at in variants.values_list(
                "channel_id", "placement", "text", "publish_at"
            )
        ],
    }


def of(item: Item) -> QuerySet[ItemVersion]:
    """The item's versions, the newest first."""
    return ItemVersion.objects.filter(item=item, workspace=item.workspace_id).select_related("by")


def catch_up(*, item: Item, now: datetime) -> None:
    """Keep what the item says before it is changed, unless it is kept already. In the change's transaction."""
    last = of(item).first()
    content = content_of(item)
    if last is None:
        _add(item, content, 1, by=item.owner, at=item.updated_at, why=Why.FIRST)
    elif changed(last.content, content):
        _add(item, content, last.number + 1, by=None, at=now, why=Why.ELSEWHERE)


def note(*, item: Item, by: Person | None, now: datetime, restored: int | None = None) -> ItemVersion | None:
    """Keep what the item says after it was saved. ``None`` if nothing of it changed.

    :param restored: number of the version that was brought back.
    """
    content, last = content_of(item), of(item).first()
    if last is None:
        return _add(item, content, 1, by=by, at=now, why=Why.FIRST)
    if not changed(last.content, content):
        return None
    if restored is None and _folds(last, by, now):
        last.content, last.made_at, last.item_version = content, now, _version_of(item)
        last.save(update_fields=["content", "made_at", "item_version"])
        return last
    why = Why.SAVED if restored is None else Why.RESTORED
    made = _add(item, content, last.number + 1, by=by, at=now, why=why, restored=restored)
    ItemVersion.objects.filter(item=item, number__gt=1, number__lte=made.number - KEPT).delete()
    return made


def _folds(last: ItemVersion, by: Person | None, now: datetime) -> bool:
    """Is this the same sitting? Not while somebody else has the post open: they compare with what they read."""
    return (
        by is not None
        and last.by_id == by.pk
        and last.why == Why.SAVED
        and now - last.begun_at < FOLD
        and not Presence.objects.filter(item=last.item_id, until__gt=now).exclude(person=by).exists()
    )


def _version_of(item: Item) -> int:
    return Item.objects.values_list("version", flat=True).get(pk=item.pk)


def _add(
    item: Item,
    content: Mapping[str, Any],
    number: int,
    *,
    by: Person | None,
    at: datetime,
    why: Why,
    restored: int | None = None,
) -> ItemVersion:
    return ItemVersion.objects.create(
        workspace_id=item.workspace_id, item=item, number=number, item_version=_version_of(item), by=by,
        why=why, restored=restored, content=content, begun_at=at, made_at=at,
    )  # fmt: skip


def read_at(item: Item, version: int) -> ItemVersion | None:
    """What the item said when its ``version`` was read; ``None`` if that is not known any more."""
    return of(item).filter(item_version__lte=version).first()


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Sequence[str]:
    """What differs between two contents: keys of :data:`WORDS` and of variants ``channel:placement``."""
    found = [key for key in WORDS if (before.get(key) or "") != (after.get(key) or "")]
    old, new = by_target(before), by_target(after)
    return [*found, *(key for key in dict.fromkeys((*old, *new)) if old.get(key) != new.get(key))]


def by_target(content: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """A content's variants by ``channel:placement``."""
    return {f"{one['channel']}:{one['placement']}": one for one in content.get("variants", ())}
