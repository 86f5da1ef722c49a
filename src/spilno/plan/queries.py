"""Reading the plan.

The state of a delivery is read through the variant's reverse relation, as a plain string: publishing lies
above this room, which knows no life cycle. Missing means that nothing is scheduled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, F, Prefetch, Q, QuerySet, prefetch_related_objects
from django.urls import reverse

from spilno.briefs.models import Initiative
from spilno.channels.access import network_of
from spilno.kernel.errors import UserError
from spilno.plan import renditions, stored
from spilno.plan.fitting import by_hand, fitting_of
from spilno.plan.media import facts_of, public_url
from spilno.plan.models import Item, Media, Rendition, Variant
from spilno.plan.writing import links as dressing
from spilno.plan.writing import mentions
from spilno.team.models import Workspace
from spilno.toolkit.media.facts import Facts
from spilno.toolkit.media.recipe import Fitting, Recipe, as_file
from spilno.toolkit.networks.base import MediaFile, Outgoing

USES = 50  # of a file that are looked at


def text_of(variant: Variant) -> str:
    """Its own text, or the item's common one."""
    return variant.text or variant.item.text


def words_of(variant: Variant, names: mentions.Names | None = None) -> str:
    """:func:`text_of` as it reads on its network: ``@names`` are who they are there.

    :param names: the workspace's table, if it was read already.
    """
    text = text_of(variant)
    if "@" not in text:
        return text
    known = mentions.names_for(variant.workspace_id, [text]) if names is None else names
    return mentions.resolved(text, variant.channel.network, known)


def link_of(variant: Variant) -> str:
    """The link that goes out with it: the typed one, or the address of the post that the item leads to.

    Empty as long as that post is not out (:func:`outgoing` refuses then).
    """
    item = variant.item
    if item.link_to_id is not None and not item.link:
        return address_of(item.link_to_id)
    rules = dressing.rules_for(variant.workspace_id) if item.link else dressing.AS_IT_IS
    return _link_of(variant, {}, rules)


def link_to_check(variant: Variant) -> str:
    """:func:`link_of`, with a short link that is still to be made already as long as it will be."""
    link = link_of(variant)
    if (
        not link
        or variant.item.link_to_id
        or any(one.target == variant.item.link for one in variant.links.all())
    ):
        return link
    short = dressing.mode_of(variant.item, dressing.rules_for(variant.workspace_id)) == "short"
    return dressing.to_come() if short else link


def _link_of(variant: Variant, addresses: Mapping[UUID, str], rules: dressing.Rules) -> str:
    item = variant.item
    if not item.link:
        return addresses.get(item.link_to_id, "") if item.link_to_id else ""
    # A post that leads to one of our public pages carries its own short link, so that its visits are known.
    short = next((one.code for one in variant.links.all() if one.target == item.link), "")
    if short:
        return f"{settings.SPILNO_PUBLIC_URL}{reverse('public-link', args=[short])}"
    return dressing.dressed(variant, item.link, rules)


def address_of(item_id: UUID) -> str:
    """Where the item's post can be seen: the first published one that has an address; "" as long as there is none."""
    return addresses_of([item_id]).get(item_id, "")


def addresses_of(item_ids: Collection[UUID]) -> dict[UUID, str]:
    """:func:`address_of` of many; those without an address are left out."""
    found = (
        Variant.objects.filter(item_id__in=item_ids, delivery__state="published")
        .exclude(delivery__external_url="")
        .order_by("-position")
        .values_list("item_id", "delivery__external_url")
    )
    return dict(found)  # of an item's several the one with the lowest position is last and stays


def media_of(item: Item) -> list[Media]:
    """The item's pictures in their order."""
    return [one.media for one in sorted(item.itemmedia_set.all(), key=lambda one: one.position)]


def title_of(title: str, text: str, *, most: int = 80) -> str:
    """What to call an item: its title, else the beginning of its text, at most ``most`` characters."""
    words = title or next((line.strip() for line in text.splitlines() if line.strip()), "")
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def media_files(
    media: Iterable[Media], *, now: datetime | None = None, made: Mapping[UUID, Rendition] | None = None
) -> tuple[MediaFile, ...]:
    """Files as networks take them. With ``now`` they carry a public address (valid for a day from then).

    :param made: what is sent in place of a file, by the file's id.
    """
    return tuple(_media_file(one, now, (made or {}).get(one.pk)) for one in media)


def _media_file(media: Media, now: datetime | None, rendition: Rendition | None) -> MediaFile:
    facts = Facts.from_json(rendition.facts) if rendition else facts_of(media)
    name = rendition.file if rendition else str(media.file.name)
    url = public_url(media, now, rendition) if now else ""
    return as_file(facts, path=stored.path_of(name), alt=media.alt, url=url)


def outgoing(*, variant: Variant, key: str, now: datetime) -> Outgoing:
    """The variant ready to leave, read anew: what is in the database now, not what was when it was scheduled.

    :param key: the delivery's own key, stable over all attempts.
    :raises UserError: those of :func:`composed`.
    """
    return composed(
        variant=Variant.objects.select_related("item", "item__link_to", "workspace", "channel").get(
            pk=variant.pk
        ),
        key=key,
        now=now,
    )


def composed(*, variant: Variant, key: str, now: datetime) -> Outgoing:
    """:func:`outgoing` of a variant that was read this moment, with its item. Its files are on this machine.

    :raises UserError: ``item_deleted``; ``linked_post_not_out`` if the item leads to a post without an address yet;
        ``media_not_ready`` if a file is still being made into what the network takes, or fetched (look again in a
        few seconds); ``media_failed`` (``name``, ``reason``) if that is not possible.
    """
    found = composed_many(variants=[variant], keys={variant.pk: key}, now=now)[variant.pk]
    if isinstance(found, UserError):
        raise found
    fetch(found)
    return found


def fetch(post: Outgoing) -> None:
    """Have a post's files on this machine. Costs nothing where they are kept on it.

    :raises UserError: ``media_not_ready`` if the storage does not answer; ``media_failed`` if a file is gone.
    """
    for one in post.media:
        try:
            stored.fetch(one.path)
        except FileNotFoundError:
            raise UserError(
                "media_failed", field="media", name=one.path.name, reason="media_file_gone"
            ) from None
        except stored.StorageTrouble as trouble:
            raise UserError("media_not_ready", field="media", name=one.path.name) from trouble


def composed_many(
    *, variants: Sequence[Variant], keys: Mapping[UUID, str], now: datetime
) -> dict[UUID, Outgoing | UserError]:
    """:func:`composed` of many, by variant id, in a number of queries that does not grow with them.

    What cannot leave stands there as its error. Files are not fetched: call :func:`fetch` before speaking to a network
    (never inside a transaction). What is to be converted and was not is begun.

    :param keys: each variant's delivery's key.
    """
    if not variants:
        return {}
    prefetch_related_objects(variants, "item", "workspace")
    prefetch_related_objects([one.item for one in variants], "link_to", "itemmedia_set__media")
    linked = {one.item.link_to_id for one in variants if one.item.link_to_id and not one.item.link}
    addresses = addresses_of(linked) if linked else {}
    if with_link := [one for one in variants if one.item.link]:
        prefetch_related_objects(with_link, "links", "channel")
        prefetch_related_objects([one.item for one in with_link], "extra", "initiative")
    rules = dressing.rules_of({one.workspace_id for one in with_link}) if with_link else {}
    links = {
        one.pk: _link_of(one, addresses, rules.get(one.workspace_id, dressing.AS_IT_IS)) for one in variants
    }
    naming = [one for one in variants if "@" in text_of(one)]
    if naming:
        prefetch_related_objects(naming, "channel")
    names = mentions.names_of({one.workspace_id for one in naming}) if naming else {}
    made = _renditions([one for one in variants if one.item.itemmedia_set.all()], links, now)
    found: dict[UUID, Outgoing | UserError] = {}
    for one in variants:
        try:
            text = words_of(one, names.get(one.workspace_id, mentions.NOBODY))
            found[one.pk] = _composed(one, keys[one.pk], text, links[one.pk], made.get(one.pk, {}), now)
        except UserError as error:
            found[one.pk] = error
    return found


def _composed(
    variant: Variant,
    key: str,
    text: str,
    link: str,
    made: Mapping[UUID, Rendition | UserError],
    now: datetime,
) -> Outgoing:
    item = variant.item
    if item.deleted_at is not None:
        raise UserError("item_deleted")
    if item.link_to is not None and not link:
        raise UserError("linked_post_not_out", title=title_of(item.link_to.title, item.link_to.text))
    ready = {}
    for pk, one in made.items():
        if isinstance(one, UserError):
            raise one
        ready[pk] = one
    return Outgoing(
        key=key,
        placement=variant.placement,
        text=text,
        media=media_files(media_of(item), now=now, made=ready),
        link=link,
        language=variant.workspace.language,
    )


def _renditions(
    variants: Sequence[Variant], links: Mapping[UUID, str], now: datetime
) -> dict[UUID, dict[UUID, Rendition | UserError]]:
    """What is sent in place of files, by variant and file; in place of what is not there, why."""
    if not variants:
        return {}
    prefetch_related_objects(variants, "channel")
    wanted: list[tuple[Variant, Media, Fitting]] = []
    for variant in variants:
        try:
            place = network_of(variant.channel).placement(variant.placement)
        except (KeyError, UserError):
            continue  # the caller asks for the placement as well, and says so
        if by_hand(variant.channel, place, link=bool(links[variant.pk])):
            continue
        wanted += [(variant, one, fitting_of(one, variant.channel, place)) for one in media_of(variant.item)]
    prefetch_related_objects([media for _variant, media, fit in wanted if fit.recipe], "renditions")
    found: dict[UUID, dict[UUID, Rendition | UserError]] = {}
    for variant, media, fit in wanted:
        if fit.hitch is not None:
            problem = UserError("media_failed", field="media", name=media.name, reason=fit.hitch.code)
            found.setdefault(variant.pk, {})[media.pk] = problem
        elif fit.recipe is not None:
            row = next((one for one in media.renditions.all() if one.key == fit.recipe.key), None)
            found.setdefault(variant.pk, {})[media.pk] = _ready(media, fit.recipe, row, now)
    return found


def _ready(media: Media, recipe: Recipe, row: Rendition | None, now: datetime) -> Rendition | UserError:
    if row is None:
        renditions.want(media=media, recipe=recipe, wanted_at=now, now=now)
    elif row.state == Rendition.State.READY:
        return row
    elif row.state == Rendition.State.FAILED:
        return UserError(
            "media_failed", field="media", name=media.name, reason=row.error_code, **row.error_params
        )
    return UserError("media_not_ready", field="media", name=media.name)


def items(workspace: Workspace) -> QuerySet[Item]:
    """Items that are not deleted."""
    return Item.objects.filter(workspace=workspace, deleted_at=None)


def item_of(workspace: Workspace, pk: UUID) -> Item | None:
    """One item with everything a page about it needs; deleted ones too, because deleting can be undone."""
    return (
        Item.objects.filter(workspace=workspace, pk=pk)
        .select_related("workspace", "initiative", "link_to", "owner", "extra")
        .prefetch_related(
            "itemmedia_set__media",
            Prefetch("variants", Variant.objects.select_related("channel", "delivery").order_by("position")),
        )
        .first()
    )


# ------------------------------------------------------------------------------------------------ initiative


def of_initiative(initiative: Initiative) -> list[Item]:
    """An initiative's items, reserve included, with variants, channels and deliveries, by time (undated
    last).
    """
    variants = Variant.objects.select_related("channel", "delivery").order_by("position")
    found = (
        items(initiative.workspace)
        .filter(initiative=initiative)
        .select_related("extra")
        .prefetch_related(Prefetch("variants", variants), "itemmedia_set__media")
    )

    def when(item: Item) -> tuple[bool, float]:
        times = [one.publish_at.timestamp() for one in item.variants.all() if one.publish_at]
        return (not times, min(times, default=item.created_at.timestamp()))

    return sorted(found, key=when)


@dataclass(frozen=True)
class FailedMedia:
    """A file that cannot be made into what a coming post's network takes, and why."""

    variant: Variant
    media: Media
    code: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Use:
    """A file that has to be converted for a post: what it becomes, and how far that is (``None``: not begun)."""

    variant: Variant
    media: Media
    fit: Fitting
    rendition: Rendition | None


def uses_of(media: Media) -> list[Use]:
    """Posts (not deleted) for whose networks the file is converted, the next to leave first."""
    found = (
        Variant.objects.filter(workspace=media.workspace_id, item__media=media, item__deleted_at=None)
        .select_related("item", "channel")
        .prefetch_related("item__itemmedia_set__media")
        .order_by(F("publish_at").asc(nulls_last=True))[:USES]
    )
    made = {one.key: one for one in renditions.of_media(media)}
    uses = []
    for variant in found:
        if any(one.pk == media.pk for one, _recipe in renditions.needed(variant)):
            place = network_of(variant.channel).placement(variant.placement)
            fit = fitting_of(media, variant.channel, place)
            assert fit.recipe is not None
            uses.append(Use(variant, media, fit, made.get(fit.recipe.key)))
    return uses


def failed_media(*, workspace: Workspace, now: datetime) -> list[FailedMedia]:
    """Coming posts whose files could not be converted, the next first: somebody has to act before their time."""
    failed = Rendition.objects.filter(workspace=workspace, state=Rendition.State.FAILED)
    rows = {(one.media_id, one.key): one for one in failed}
    if not rows:
        return []
    coming = (
        Variant.objects.filter(
            workspace=workspace, publish_at__gt=now, item__deleted_at=None,
            item__media__in={pk for pk, _key in rows},
        )
        .exclude(delivery__state="published")
        .select_related("item__owner", "channel__owner")
        .prefetch_related("item__itemmedia_set__media")
        .order_by("publish_at")
        .distinct()
    )  # fmt: skip
    return [
        FailedMedia(variant, media, row.error_code, row.error_params)
        for variant in coming
        for media, recipe in renditions.needed(variant)
        if (row := rows.get((media.pk, recipe.key))) is not None
    ]


# ------------------------------------------------------------------------------------------------ library


def library(workspace: Workspace) -> QuerySet[Media]:
    """The workspace's pictures, newest first, each with ``uses``: how many items (not deleted) show it."""
    return (
        Media.objects.filter(workspace=workspace)
        .annotate(
            uses=Count("items", filter=Q(items__deleted_at=None), distinct=True),
            kept_by_deleted=Count("items", filter=Q(items__deleted_at__isnull=False), distinct=True),
        )
        .order_by(F("created_at").desc(), "pk")
    )
