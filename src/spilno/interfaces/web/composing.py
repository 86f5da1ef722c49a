"""The composer's form: what was typed, what it means, and what the page shows of it.

Nothing typed is ever lost: :class:`Typed` keeps every word as it came, right or wrong, and the page is drawn from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from spilno.briefs.models import Initiative
from spilno.channels.models import Channel
from spilno.interfaces.web import plan_marks
from spilno.interfaces.web.looks import SHORTER, Offer, Preview
from spilno.interfaces.web.reading import uuid_of
from spilno.kernel import wall_clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.pages.addresses import is_public_page
from spilno.plan import checks, conflicts, mending, queries
from spilno.plan.conflicts import Hint, Place
from spilno.plan.models import Item, Media, Variant
from spilno.plan.services import Draft, VariantDraft
from spilno.plan.writing import links, mentions
from spilno.plan.writing.extras import Extra
from spilno.publishing.comments.services import can_comment
from spilno.publishing.composition import LOCKED, SCHEDULED
from spilno.publishing.models import Delivery
from spilno.team.models import Workspace
from spilno.team.services import slug_for
from spilno.toolkit.language.differences import difference, excerpt
from spilno.toolkit.networks.base import Placement


@dataclass(frozen=True)
class Typed:
    """The form as typed. Targets are ``"CHANNEL:PLACEMENT"``; times are wall clock, ``"2026-11-22T18:00"``."""

    title: str = ""
    text: str = ""
    link: str = ""
    link_to: str = ""
    initiative: str = ""
    reserve: bool = False
    at: str = ""
    media: tuple[str, ...] = ()
    alts: Mapping[str, str] = field(default_factory=dict)
    to: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, str] = field(default_factory=dict)
    sides: Mapping[str, str] = field(default_factory=dict)  # answers where clocks change, by the time's field
    tags: str = ""
    link_mode: str = ""
    first_comment: str = ""
    pillar: str = ""
    version: int = 0


def from_post(post: QueryDict) -> Typed:
    """What the browser sent. Line ends become those of Unix, as everywhere else."""

    def said(name: str) -> str:
        return post.get(name, "").replace("\r\n", "\n").replace("\x00", "")

    def prefixed(prefix: str) -> dict[str, str]:
        return {key.removeprefix(prefix): said(key) for key in post if key.startswith(prefix)}

    return Typed(
        title=said("title"),
        text=said("text"),
        link=said("link").strip(),
        link_to=said("link_to"),
        initiative=said("initiative"),
        reserve=post.get("reserve") == "1",
        at=said("at"),
        media=tuple(dict.fromkeys(post.getlist("media"))),
        alts=prefixed("alt-"),
        to=tuple(dict.fromkeys(one for one in post.getlist("to") if one)),
        texts=prefixed("text-"),
        times=prefixed("at-"),
        sides=prefixed("side-"),
        tags=said("tags"),
        link_mode=said("link_mode"),
        first_comment=said("first_comment"),
        pillar=said("pillar"),
        version=int(version) if (version := said("version")).isdecimal() else 0,
    )


def from_item(item: Item, zone: str, *, tags: str = "") -> Typed:
    """The form of a saved item. The common time is the first channel's; others are shown where they differ.

    :param tags: their names, with commas between them.
    """
    variants, extra = list(item.variants.all()), getattr(item, "extra", None)
    at = next((wall(one.publish_at, zone) for one in variants if one.publish_at), "")
    return Typed(
        title=item.title,
        text=item.text,
        link=item.link,
        link_to=str(item.link_to_id or ""),
        initiative=str(item.initiative_id or ""),
        reserve=item.reserve,
        at=at,
        media=tuple(str(one.pk) for one in queries.media_of(item)),
        to=tuple(key_of(one) for one in variants),
        texts={key_of(one): one.text for one in variants},
        times={
            key_of(one): shown for one in variants if (shown := wall(one.publish_at, zone)) and shown != at
        },
        tags=tags,
        link_mode=extra.link_mode if extra else "",
        first_comment=extra.first_comment if extra else "",
        pillar=str(extra.pillar_id or "") if extra else "",
        version=item.version,
    )


def key_of(variant: Variant) -> str:
    return f"{variant.channel_id}:{variant.placement}"


wall = wall_clock.shown


@dataclass(frozen=True)
class Target:
    """A place where the post can go: one placement of one channel."""

    key: str
    channel: Channel
    placement: Placement | None
    label: str  # of the placement
    alone: bool  # the channel has no other placement
    chosen: bool
    text: str  # own words; empty: the common ones
    at: str  # own time; empty: the common one
    state: str = ""
    locked: bool = False
    delivery: Delivery | None = None

    @property
    def state_word(self) -> str:
        return plan_marks.word(self.state) if self.state else ""

    when: datetime | None = None  # when it went out, or shall

    @property
    def scheduled(self) -> bool:
        return self.state in SCHEDULED


class Composer:
    """The form of one item (or of a new one) over what the workspace has."""

    def __init__(
        self, *, workspace: Workspace, typed: Typed, language: str, item: Item | None = None
    ) -> None:
        self.workspace, self.typed, self.language, self.item = workspace, typed, language, item
        self.described: list[Media] = []  # pictures whose description was changed, once `media` was asked for
        self.variants = {key_of(one): one for one in item.variants.all()} if item else {}

    @cached_property
    def media(self) -> list[Media]:
        """The chosen pictures that this workspace has, in their order, with the descriptions as typed."""
        ids = [found for one in self.typed.media if (found := uuid_of(one))]
        known = {one.pk: one for one in Media.objects.filter(workspace=self.workspace, pk__in=ids)}
        pictures = [known[one] for one in ids if one in known]
        for one in pictures:
            typed = self.typed.alts.get(str(one.pk))
            if typed is not None and typed.strip() != one.alt:
                self.described.append(one)
                one.alt = typed
        return pictures

    @cached_property
    def targets(self) -> list[Target]:
        """Every place the post can go, those of channels that are gone only if the post is there already."""
        found: list[Target] = []
        for channel in Channel.objects.filter(workspace=self.workspace).order_by("name"):
            places = checks.placements_of(channel)
            known = {one.key for one in places}
            lost = [
                one.placement
                for one in self.variants.values()
                if one.channel_id == channel.pk and one.placement not in known
            ]
            if not channel.is_active and not any(
                one.channel_id == channel.pk for one in self.variants.values()
            ):
                continue
            everywhere: list[Placement | str] = [*places, *lost]
            for place in everywhere:
                found.append(self._target(channel, place, alone=len(places) < 2))
        return found

    def _target(self, channel: Channel, place: Placement | str, *, alone: bool) -> Target:
        placement = place if isinstance(place, Placement) else None
        key = f"{channel.pk}:{place.key if isinstance(place, Placement) else place}"
        variant = self.variants.get(key)
        delivery = getattr(variant, "delivery", None) if variant else None
        state = delivery.state if delivery else ""
        locked = state in LOCKED
        return Target(
            key=key,
            channel=channel,
            placement=placement,
            label=pick(placement.label, self.language) if placement else str(place),
            alone=alone,
            chosen=locked or key in self.typed.to,
            text=variant.text if locked and variant else self.typed.texts.get(key, ""),
            at=self.typed.times.get(key, ""),
            state=state,
            locked=locked,
            delivery=delivery,
            when=(delivery.published_at if delivery else None) or (variant.publish_at if variant else None),
        )

    def target_of(self, variant: Variant, channel: Channel) -> Target:
        """The target of a saved variant, without asking for all the others."""
        places = {one.key: one for one in checks.placements_of(channel)}
        return self._target(channel, places.get(variant.placement, variant.placement), alone=len(places) < 2)

    @property
    def chosen(self) -> list[Target]:
        """The places the post goes to, in the order of the item's variants, then of choosing."""
        order = {key: number for number, key in enumerate((*self.variants, *self.typed.to))}
        return sorted((one for one in self.targets if one.chosen), key=lambda one: order.get(one.key, 0))

    @property
    def locked(self) -> bool:
        """Something is out or on its way: words, link and pictures stay as they are."""
        return any(one.locked for one in self.targets)

    @property
    def scheduled(self) -> bool:
        return any(one.scheduled for one in self.targets)

    @cached_property
    def initiatives(self) -> list[tuple[str, str]]:
        found = Initiative.objects.filter(workspace=self.workspace).order_by("-ends_on")
        return [
            (str(one.pk), pick(one.title, self.language))
            for one in found
            if one.archived_at is None or str(one.pk) == self.typed.initiative
        ]

    @cached_property
    def link_items(self) -> list[tuple[str, str]]:
        """Other posts that this one can lead to: of the same initiative, or the newest."""
        found = queries.items(self.workspace).order_by("-updated_at")
        initiative = uuid_of(self.typed.initiative)
        if initiative:
            found = found.filter(initiative_id=initiative)
        if self.item:
            found = found.exclude(pk=self.item.pk)
        rows = list(found[:50])
        chosen = uuid_of(self.typed.link_to)
        if chosen and chosen not in {one.pk for one in rows}:
            rows += queries.items(self.workspace).filter(pk=chosen)
        return [
            (str(one.pk), queries.title_of(one.title, one.text) or _("Without words yet")) for one in rows
        ]

    def previews(self) -> list[Preview]:
        """How it will look and what is wrong with it, for each chosen place."""
        typed_link, awaits = self.typed.link, False
        if not typed_link and self.typed.link_to:
            typed_link = self._linked_address
            awaits = not typed_link
        names = mentions.names_for(
            self.workspace.pk, (self.typed.text, self.typed.first_comment, *self.typed.texts.values())
        )
        found = []
        for one in self.chosen:
            own, common = one.text.strip(), self.typed.text.strip()
            text = mentions.resolved(own or common, one.channel.network, names)
            link = self._link_of(one, typed_link) if self.typed.link else typed_link
            verdict = checks.check(
                channel=one.channel,
                placement=one.key.partition(":")[2],
                text=text,
                media=self.media,
                link=link,
                awaits_link=awaits,
            )
            pictures = tuple(
                {
                    "url": reverse("library-small", args=[self.workspace.slug, picture.pk]),
                    "alt": picture.alt,
                    "kind": picture.kind,
                    "badge": picture.badge,
                }
                for picture in self.media
            )
            offer = None
            if any(problem.code in SHORTER for problem in verdict.problems) and not one.locked:
                offer = self._shorter(one, own or common, link, names)
            found.append(
                Preview(
                    target=one,
                    verdict=verdict,
                    at=one.at or self.typed.at,
                    link=link,
                    media=pictures,
                    offer=offer,
                    differs=excerpt(difference(common, own), around=40) if own and own != common else (),
                    said=text,
                    comment=mentions.resolved(self.typed.first_comment.strip(), one.channel.network, names)
                    if can_comment(one.channel)
                    else "",
                )
            )
        return found

    @cached_property
    def _rules(self) -> links.Rules:
        return links.rules_for(self.workspace.pk)

    @property
    def usual_link_mode(self) -> str:
        """How links go out in this workspace."""
        return str(self._rules.mode)

    @property
    def link_mode(self) -> str:
        """How the link goes out: as chosen, else as the workspace has it."""
        return self.typed.link_mode or self._rules.mode

    def _link_of(self, target: Target, link: str) -> str:
        """The typed link as it goes out there; a short one that is still to be made is drawn as long as it will be."""
        variant = self.variants.get(target.key)
        if (
            variant is not None
            and variant.item.link == link
            and (target.locked or self.link_mode == "short" or is_public_page(link))
        ):
            made = queries.link_of(variant)
            if made != link and "utm_" not in made:
                return made
        if self.link_mode == "short" or is_public_page(link):
            return links.to_come()
        if self.link_mode != "utm":
            return link
        slug = self._initiative_slug
        said = links.values(
            channel=target.channel,
            placement=target.key.partition(":")[2],
            initiative=slug,
            item=self.item.key if self.item else self._key_to_come,
        )
        return links.with_parameters(link, links.parameters(self._rules, said))

    @property
    def _key_to_come(self) -> str:
        return slug_for(self.typed.title or self.typed.text[:60] or "post", longest=50)

    @cached_property
    def _initiative_slug(self) -> str:
        pk = uuid_of(self.typed.initiative)
        found = (
            Initiative.objects.filter(workspace=self.workspace, pk=pk).values_list("slug", flat=True)
            if pk
            else ()
        )
        return next(iter(found), "")

    def _shorter(self, target: Target, text: str, link: str, names: mentions.Names) -> Offer | None:
        """A shorter text that fits, as it would be typed."""
        made = mending.shorter(
            channel=target.channel, placement=target.key.partition(":")[2], text=text, media=self.media, link=link,
            names=names,
        )  # fmt: skip
        return Offer(made, excerpt(difference(text, made), around=60)) if made else None

    @cached_property
    def _linked_address(self) -> str:
        target = self._link_to()
        return queries.address_of(target.pk) if target else ""

    def _link_to(self) -> Item | None:
        pk = uuid_of(self.typed.link_to)
        return queries.items(self.workspace).filter(pk=pk).first() if pk else None

    def draft(self, *, reserve: bool) -> Draft:
        """What was typed, as the domain takes it.

        :raises UserError: ``time_not_understood``, ``time_does_not_exist``, ``time_is_ambiguous`` with ``field`` set to
            the form's field; ``unknown_channel``.
        """
        known = {one.key: one for one in self.targets}
        if any(one not in known for one in self.typed.to):
            raise UserError("unknown_channel", field="channels")
        variants = []
        for one in self.chosen:
            variant = self.variants.get(one.key)
            own = one.text.strip()
            variants.append(
                VariantDraft(
                    channel=one.channel,
                    placement=one.key.partition(":")[2],
                    # Words that are the common ones again are not words of its own.
                    text=variant.text
                    if one.locked and variant
                    else ("" if own == self.typed.text.strip() else own),
                    publish_at=variant.publish_at if one.locked and variant else self._moment(one),
                )
            )
        initiative = uuid_of(self.typed.initiative)
        found = (
            Initiative.objects.filter(workspace=self.workspace, pk=initiative).first() if initiative else None
        )
        if self.typed.initiative and found is None:
            raise UserError("unknown_initiative", field="initiative", slug=self.typed.initiative[:80])
        link_to = self._link_to()
        if self.typed.link_to and link_to is None:
            raise UserError("unknown_item", field="link_to")
        return Draft(
            title=self.typed.title,
            text=self.typed.text,
            link=self.typed.link,
            link_to=None if self.typed.link else link_to,
            initiative=found,
            reserve=reserve,
            media=self.media,
            variants=variants,
            extra=Extra(self.typed.link_mode, self.typed.first_comment, self._pillar()),
        )

    def _pillar(self) -> str:
        pk = uuid_of(self.typed.pillar)
        return str(pk) if pk else ""

    def _moment(self, target: Target) -> datetime | None:
        typed, name = (target.at, f"at-{target.key}") if target.at else (self.typed.at, "at")
        if not typed:
            return None
        variant = self.variants.get(target.key)
        zone = self.workspace.time_zone
        if variant is not None and wall(variant.publish_at, zone) == typed[:16]:
            # Unchanged: to the second what it was, also in an hour that comes twice.
            return variant.publish_at
        try:
            return wall_clock.read(typed, zone, side=self.typed.sides.get(name, ""))
        except UserError as error:
            error.field = name
            raise
        except ValueError:
            raise UserError("time_not_understood", field=name) from None

    def hints(self, now: datetime) -> list[Hint]:
        """What to point out about times and words: too near another post, said already. Six queries at most."""
        places = []
        for one in self.chosen:
            if one.locked:
                continue
            try:
                at = self._moment(one)
            except UserError:
                at = None
            places.append(Place(one.channel.pk, at, one.text.strip() or self.typed.text))
        item = self.item.pk if self.item else None
        return conflicts.of_draft(workspace=self.workspace, item_id=item, places=places, now=now)


def with_media(typed: Typed, stored: Sequence[Media]) -> Typed:
    """The form with pictures that were uploaded along with it."""
    return replace(typed, media=tuple(dict.fromkeys((*typed.media, *(str(one.pk) for one in stored)))))
