"""Writing the plan: items, and one variant of them per channel and placement.

Publishing is above this room. Whoever changes an item asks there first which variants must not change any
more (in flight or published) and hands their ids down as ``locked``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, ProtectedError

from spilno.briefs.models import Initiative
from spilno.channels import access
from spilno.channels.models import Channel
from spilno.kernel.addresses import is_web_address
from spilno.kernel.errors import Conflict, UserError
from spilno.kernel.ids import new_id
from spilno.plan import renditions
from spilno.plan.media import delete_media, describe_media, store_media
from spilno.plan.models import Item, ItemMedia, Media, Variant
from spilno.plan.writing import extras
from spilno.team import audit
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require
from spilno.team.services import slug_for

__all__ = [
    "Draft", "VariantDraft", "create_item", "delete_item", "delete_media", "describe_media", "put_variant",
    "remove_variant", "restore_item", "save_draft", "store_media", "update_item",
]  # fmt: skip

TEXT_MOST = 60_000
MEDIA_MOST = 20


class _Same:
    """Leave as it is."""


SAME: Any = _Same()


@dataclass(frozen=True)
class VariantDraft:
    """A variant as a person wants it.

    ``placement`` empty: the network's usual one. ``text`` empty: the item's common text. ``publish_at``: aware
    UTC, ``None`` for no time yet.
    """

    channel: Channel
    placement: str = "post"
    text: str = ""
    publish_at: datetime | None = None


@dataclass(frozen=True)
class Draft:
    """An item with all its variants as a person wants it, saved as a whole."""

    title: str = ""
    text: str = ""
    link: str = ""
    link_to: Item | None = None
    initiative: Initiative | None = None
    reserve: bool = False
    media: Sequence[Media] = ()
    variants: Sequence[VariantDraft] = field(default_factory=tuple)
    extra: extras.Extra | None = None  # None: as it is


@transaction.atomic
def create_item(
    *,
    workspace: Workspace,
    by: Person | None,
    now: datetime,
    title: str = "",
    text: str = "",
    link: str = "",
    link_to: Item | None = None,
    initiative: Initiative | None = None,
    reserve: bool = False,
    key: str = "",
    media: Iterable[Media] = (),
    owner: Person | None = None,
) -> Item:
    """A piece of content without channels yet. ``key`` (unique in its initiative) is made from the words if
    empty.

    :raises UserError: ``item_key_taken``, ``link_not_an_address``, ``text_far_too_long``,
        ``too_many_pictures``, ``link_to_itself``, ``unknown_initiative``, ``unknown_item``,
        ``unknown_media``.
    """
    require(by, Permission.PLAN_EDIT)
    pictures = list(media)
    _check_content(workspace, text=text, link=link, link_to=link_to, initiative=initiative, media=pictures)
    if key and _keys(workspace, initiative).filter(key=key).exists():
        raise UserError("item_key_taken", field="key", key=key)
    item = Item.objects.create(
        workspace=workspace,
        key=key or _new_key(workspace, initiative, title or text),
        initiative=initiative,
        title=title.strip()[:200],
        text=text.strip(),
        link=link.strip(),
        link_to=link_to,
        owner=owner or by,
        reserve=reserve,
        created_at=now,
        updated_at=now,
    )
    _set_media(item, pictures)
    _log(item, by, now, "item.created")
    return item


@transaction.atomic
def update_item(
    *,
    item: Item,
    by: Person | None,
    now: datetime,
    expected_version: int,
    title: str = SAME,
    text: str = SAME,
    link: str = SAME,
    link_to: Item | None = SAME,
    initiative: Initiative | None = SAME,
    reserve: bool = SAME,
    media: Sequence[Media] = SAME,
    owner: Person | None = SAME,
    locked: Collection[UUID] = (),
) -> Item:
    """Change an item; what is not named stays. Returns it with its new version.

    :param expected_version: the version that was read before editing.
    :param locked: ids of variants in flight or published: then text, link and pictures cannot change any
        more.
    :raises Conflict: ``item_changed`` if somebody changed it meanwhile; nothing was overwritten.
    :raises UserError: ``item_is_out``, ``item_deleted`` and those of :func:`create_item`.
    """
    require(by, Permission.PLAN_EDIT)
    item = _claim(item, expected_version, now)
    pictures = _media_of(item) if media is SAME else list(media)
    wanted: dict[str, Any] = {
        "title": item.title if title is SAME else title.strip()[:200],
        "text": item.text if text is SAME else text.strip(),
        "link": item.link if link is SAME else link.strip(),
        "link_to": item.link_to if link_to is SAME else link_to,
        "initiative": item.initiative if initiative is SAME else initiative,
        "reserve": item.reserve if reserve is SAME else reserve,
        "owner": item.owner if owner is SAME else owner,
    }
    content = {key: wanted[key] for key in ("text", "link", "link_to")}
    same_media = pictures == _media_of(item)
    if locked and (not same_media or any(getattr(item, key) != value for key, value in content.items())):
        raise UserError("item_is_out", field="text")
    _check_content(item.workspace, **content, initiative=wanted["initiative"], media=pictures, item=item)
    if wanted["initiative"] != item.initiative and (
        _keys(item.workspace, wanted["initiative"]).filter(key=item.key).exists()
    ):
        item.key = _new_key(item.workspace, wanted["initiative"], wanted["title"] or wanted["text"])
    for key, value in wanted.items():
        setattr(item, key, value)
    item.save()
    if not same_media:
        _set_media(item, pictures)
        renditions.want_for_item(item, now=now)
    _log(item, by, now, "item.changed", version=item.version)
    return item


@transaction.atomic
def save_draft(
    *,
    workspace: Workspace,
    draft: Draft,
    by: Person | None,
    now: datetime,
    item: Item | None = None,
    expected_version: int = 0,
    locked: Collection[UUID] = (),
) -> Item:
    """Save an item with all its variants at once, as the composer shows them: all of it or nothing.

    Variants that ``draft`` does not name are removed. ``locked`` as in :func:`update_item`; a locked variant
    stays exactly as it is.

    :raises Conflict: ``item_changed``.
    :raises UserError: ``channel_twice``, ``variant_is_out`` and those of :func:`update_item`,
        :func:`put_variant`.
    """
    content: dict[str, Any] = {
        "title": draft.title,
        "text": draft.text,
        "link": draft.link,
        "link_to": draft.link_to,
        "initiative": draft.initiative,
        "reserve": draft.reserve,
        "media": draft.media,
    }
    if item is None:
        saved = create_item(workspace=workspace, by=by, now=now, **content)
    else:
        saved = update_item(
            item=item, by=by, now=now, expected_version=expected_version, locked=locked, **content
        )
    wanted = {(one.channel.pk, one.placement): one for one in draft.variants}
    if len(wanted) < len(draft.variants):
        raise UserError("channel_twice", field="channels")
    for variant in saved.variants.select_related("channel"):
        if (variant.channel_id, variant.placement) not in wanted:
            _remove(variant, locked)
    for position, one in enumerate(draft.variants):
        _put(saved, one, position=position, locked=locked)
    if draft.extra is not None:
        if locked and draft.extra.first_comment.strip() != extras.of(saved).first_comment:
            raise UserError("item_is_out", field="first_comment")
        extras.put(item=saved, extra=draft.extra, workspace=workspace)
    renditions.want_for_item(saved, now=now)
    return saved


@transaction.atomic
def put_variant(
    *,
    item: Item,
    channel: Channel,
    by: Person | None,
    now: datetime,
    placement: str = "post",
    text: str = "",
    publish_at: datetime | None = None,
    locked: Collection[UUID] = (),
) -> Variant:
    """The item on a channel and placement: made, or changed if it is there.

    :param publish_at: aware UTC; ``None``: no time yet.
    :raises UserError: ``unknown_channel``, ``channel_disconnected``, ``unknown_placement``, ``variant_is_out``,
        ``item_deleted``.
    """
    require(by, Permission.PLAN_EDIT)
    if item.deleted_at is not None:
        raise UserError("item_deleted")
    variant = _put(item, VariantDraft(channel, placement, text, publish_at), position=None, locked=locked)
    Item.objects.filter(pk=item.pk).update(version=F("version") + 1, updated_at=now)
    if publish_at is not None:
        renditions.want_for_item(item, now=now)
    return variant


@transaction.atomic
def remove_variant(
    *, variant: Variant, by: Person | None, now: datetime, locked: Collection[UUID] = ()
) -> None:
    """Take the item off a channel. What is scheduled must be called off first.

    :raises UserError: ``variant_is_out``, ``variant_is_scheduled``.
    """
    require(by, Permission.PLAN_EDIT)
    _remove(variant, locked)
    Item.objects.filter(pk=variant.item_id).update(version=F("version") + 1, updated_at=now)


@transaction.atomic
def delete_item(*, item: Item, by: Person | None, now: datetime, locked: Collection[UUID] = ()) -> None:
    """Put an item away; :func:`restore_item` brings it back. Its deliveries have to be called off first.

    :raises UserError: ``item_is_out`` if something of it is in flight or published.
    """
    require(by, Permission.PLAN_EDIT)
    if locked:
        raise UserError("item_is_out")
    changed = Item.objects.filter(pk=item.pk, deleted_at=None).update(
        deleted_at=now, updated_at=now, version=F("version") + 1
    )
    if changed:
        _log(item, by, now, "item.deleted")


@transaction.atomic
def restore_item(*, item: Item, by: Person | None, now: datetime) -> None:
    """Undo :func:`delete_item`. Times are kept; nothing is scheduled again by itself."""
    require(by, Permission.PLAN_EDIT)
    changed = (
        Item.objects.filter(pk=item.pk)
        .exclude(deleted_at=None)
        .update(deleted_at=None, updated_at=now, version=F("version") + 1)
    )
    if changed:
        _log(item, by, now, "item.restored")


# ------------------------------------------------------------------------------------------------ inside


def _claim(item: Item, expected_version: int, now: datetime) -> Item:
    """Take the version that was read: of two editors only one gets it."""
    claimed = Item.objects.filter(pk=item.pk, version=expected_version, deleted_at=None).update(
        version=F("version") + 1, updated_at=now
    )
    fresh = Item.objects.select_related("workspace", "initiative", "link_to", "owner").get(pk=item.pk)
    if not claimed:
        if fresh.deleted_at is not None:
            raise UserError("item_deleted")
        raise Conflict("item_changed", version=fresh.version)
    return fresh


def _check_content(
    workspace: Workspace,
    *,
    text: str,
    link: str,
    link_to: Item | None,
    initiative: Initiative | None,
    media: Sequence[Media],
    item: Item | None = None,
) -> None:
    if len(text) > TEXT_MOST:
        raise UserError("text_far_too_long", field="text", limit=TEXT_MOST)
    if link.strip() and not is_web_address(link.strip()):
        raise UserError("link_not_an_address", field="link")
    if initiative is not None and initiative.workspace_id != workspace.pk:
        raise UserError("unknown_initiative", field="initiative", slug=initiative.slug)
    if link_to is not None:
        if link_to.workspace_id != workspace.pk or link_to.deleted_at is not None:
            raise UserError("unknown_item", field="link_to")
        if item is not None and link_to.pk == item.pk:
            raise UserError("link_to_itself", field="link_to")
    if any(one.workspace_id != workspace.pk for one in media):
        raise UserError("unknown_media", field="media")
    if len(media) > MEDIA_MOST:
        raise UserError("too_many_pictures", field="media", limit=MEDIA_MOST)


def _keys(workspace: Workspace, initiative: Initiative | None) -> Any:
    return Item.objects.filter(workspace=workspace, initiative=initiative)


def _new_key(workspace: Workspace, initiative: Initiative | None, words: str) -> str:
    # Random and not counted up: two people may save at the same moment, and counting reads every key there
    # is.
    key = slug_for(words[:60] or "post", longest=50)
    if _keys(workspace, initiative).filter(key=key).exists():
        key = f"{key}-{new_id().hex[-8:]}"
    return key


def _media_of(item: Item) -> list[Media]:
    return [one.media for one in item.itemmedia_set.select_related("media").order_by("position")]


def _set_media(item: Item, media: Iterable[Media]) -> None:
    item.itemmedia_set.all().delete()
    unique = {one.pk: one for one in media}.values()
    ItemMedia.objects.bulk_create(
        ItemMedia(item=item, media=one, position=position) for position, one in enumerate(unique)
    )


def _put(item: Item, draft: VariantDraft, *, position: int | None, locked: Collection[UUID]) -> Variant:
    channel = draft.channel
    if channel.workspace_id != item.workspace_id:
        raise UserError("unknown_channel", field="channels")
    known = item.variants.filter(channel=channel, placement=draft.placement).first()
    if known is not None and known.pk in locked:
        # Its time is history and its words are read by others; saying the same again is no change.
        if draft.text.strip() != known.text or draft.publish_at != known.publish_at:
            raise UserError("variant_is_out", field="text", channel=channel.name)
        return known
    if known is None:
        if not channel.is_active:
            raise UserError("channel_disconnected", field="channels", name=channel.name)
        try:
            access.network_of(channel).placement(draft.placement)
        except KeyError:
            known_places = ", ".join(one.key for one in access.network_of(channel).placements)
            raise UserError(
                "unknown_placement", field="placement", placement=draft.placement, known=known_places
            ) from None
        if position is None:
            position = (item.variants.aggregate(last=Max("position"))["last"] or 0) + 1
        known = Variant(workspace_id=item.workspace_id, item=item, channel=channel, placement=draft.placement)
    if len(draft.text) > TEXT_MOST:
        raise UserError("text_far_too_long", field="text", limit=TEXT_MOST)
    known.text = draft.text.strip()
    known.publish_at = draft.publish_at
    if position is not None:
        known.position = position
    known.save()
    return known


def _remove(variant: Variant, locked: Collection[UUID]) -> None:
    if variant.pk in locked:
        raise UserError("variant_is_out", field="channels", channel=variant.channel.name)
    try:
        with transaction.atomic():
            variant.delete()
    except ProtectedError:
        raise UserError("variant_is_scheduled", field="channels", channel=variant.channel.name) from None


def _log(item: Item, by: Person | None, now: datetime, action: str, **detail: Any) -> None:
    audit.record(
        workspace=item.workspace, by=by, action=action, object_kind="item", object_id=item.pk, now=now,
        initiative_id=item.initiative_id, title=item.title, **detail,
    )  # fmt: skip
