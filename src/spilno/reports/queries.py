"""Filling the results report from the database: the same few queries however large the initiative is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from django.utils import translation

from spilno.briefs.models import Brief, Initiative, Target
from spilno.channels import access
from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.measurement import attribution
from spilno.measurement.values import TargetValue, question_of, target_curves, target_values
from spilno.pages.links import OWN_MEDIA
from spilno.plan import stored
from spilno.plan.models import ItemMedia, Media
from spilno.plan.queries import title_of
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.reports.document import (
    CurvePoint,
    Named,
    Part,
    PostResult,
    ResultsReport,
    TargetResult,
    target_result,
)
from spilno.reports.sentences import spoken
from spilno.team.models import Community, Department, Person, Role, Workspace
from spilno.toolkit.networks import registry

Address = Callable[[Target], str]
"""Where the facts behind a target are shown; interfaces know."""

MOST_PARTS = 6

_UNTITLED = {"uk": "Допис без тексту", "en": "Post without text", "ru": "Публикация без текста"}


def results_report(
    *,
    workspace: Workspace,
    initiative: Initiative,
    language: str,
    now: datetime,
    facts_address: Address | None = None,
    picture_address: Callable[[Media], str] | None = None,
) -> ResultsReport:
    """The initiative's results as they stand now, in ``language``.

    :param facts_address: makes the link from a figure to its facts.
    :param picture_address: makes the address of a post's picture, for pages.
    """
    initiative.workspace = workspace  # saves asking for it
    brief = Brief.objects.filter(initiative=initiative).first()
    community = Community.objects.filter(initiatives=initiative).first()
    owner = Person.objects.select_related("department").filter(pk__in=[initiative.owner_id]).first()
    fallback = workspace.language
    with translation.override(language):
        kind = Named(initiative.kind, str(initiative.get_kind_display()))
    posts, parts_by_post = _posts(workspace, initiative, language, now, picture_address)
    return spoken(
        ResultsReport(
            workspace=workspace.name,
            slug=initiative.slug,
            title=pick(initiative.title, language, fallback),
            kind=kind,
            community=pick(community.name, language, fallback) if community else "",
            owner=owner.name if owner else "",
            department=pick(owner.department.name, language, fallback) if owner and owner.department else "",
            question=pick(brief.task, language, fallback) if brief else "",
            audience=pick(brief.audience, language, fallback) if brief else "",
            period_from=initiative.starts_on,
            period_to=initiative.ends_on,
            time_zone=workspace.time_zone,
            language=language,
            generated_at=now,
            currency=workspace.currency,
            targets=_targets(workspace, initiative, language, now, parts_by_post, facts_address),
            posts=posts,
            learned=pick(initiative.learned, language, fallback),
        )
    )


# --------------------------------------------------------------------------------------------------- targets


def _targets(
    workspace: Workspace,
    initiative: Initiative,
    language: str,
    now: datetime,
    parts_by_post: Mapping[str, Sequence[Part]],
    facts_address: Address | None,
) -> tuple[TargetResult, ...]:
    values = target_values(initiative, now)
    targets = [one.target for one in values]
    curves = target_curves(targets, initiative, now)
    tags = attribution.by_tag([question_of(one, initiative, now) for one in targets])
    ours = Channel.objects.filter(workspace=workspace).values_list("key", "name")
    channels = dict(ours) if any(tags) else {}
    departments = {
        one.key: pick(one.name, language, workspace.language)
        for one in Department.objects.filter(workspace=workspace)
    }
    with translation.override(language):
        roles = {key: str(label) for key, label in Role.choices}
    results = []
    for one, points, by_tag in zip(values, curves, tags, strict=True):
        named = [
            Part(tag_label(*tag, language=language, channels=channels), number)
            for tag, number in by_tag.items()
        ]
        parts = _largest(named) if named else list(parts_by_post.get(one.target.metric, ()))
        results.append(
            target_result(
                one.definition,
                one.value,
                language=language,
                target=one.target.value,
                baseline=one.target.baseline,
                subject=_subject(one),
                currency=workspace.currency,
                due_on=one.target.due_on,
                department=departments.get(one.definition.department, one.definition.department),
                role=roles.get(one.definition.role, one.definition.role),
                curve=[CurvePoint(day, value) for day, value in points],
                parts=parts,
                facts_url=facts_address(one.target) if facts_address else "",
            )
        )
    return tuple(results)


def _subject(one: TargetValue) -> Named | None:
    channel = one.target.channel
    return Named(channel.key, channel.name) if channel else None


def _largest(parts: Sequence[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: (-part.value, part.label))[:MOST_PARTS]


def tag_label(source: str, medium: str, *, language: str, channels: Mapping[str, str] | None = None) -> str:
    """A link's tag as people say it: the network's and the placement's own names where the tag is theirs.

    Our own short links carry a channel's key; ``channels`` (key → name) says which channel that is.
    """
    if channels and source in channels and medium in OWN_MEDIA:
        return channels[source]
    network = registry.all_networks().get(source)
    if network is None:
        # Tags say "facebook" where several networks of ours live: any of them knows the placement's name.
        near = [
            one for key, one in registry.all_networks().items() if source and key.startswith(f"{source}_")
        ]
        placement = next((each for one in near for each in one.placements if each.key == medium), None)
        head = source.capitalize()
    else:
        placement = next((each for each in network.placements if each.key == medium), None)
        head = pick(network.label, language)
    tail = pick(placement.label, language).lower() if placement else medium
    return ", ".join(part for part in (head, tail) if part)


# ----------------------------------------------------------------------------------------------------- posts


@dataclass(frozen=True)
class _Sides:
    """What is shown of a channel's network."""

    network: Named
    mark: str
    color: str
    placements: Mapping[str, str]


def _posts(
    workspace: Workspace,
    initiative: Initiative,
    language: str,
    now: datetime,
    picture_address: Callable[[Media], str] | None,
) -> tuple[tuple[PostResult, ...], dict[str, list[Part]]]:
    """What went out, with its numbers; and for each metric of the targets, its parts by post."""
    deliveries = list(
        Delivery.objects.filter(
            workspace=workspace,
            state=DeliveryState.PUBLISHED,
            variant__item__initiative=initiative,
            variant__item__deleted_at=None,
        )
        .select_related("variant__item", "channel")
        .order_by("published_at", "variant__position")
    )
    readings = attribution.last_readings(workspace, [one.variant_id for one in deliveries])
    pictures = _pictures([one.variant.item_id for one in deliveries])
    targets = Target.objects.filter(brief__initiative=initiative, channel=None).select_related("brief")
    questions = [question_of(one, initiative, now) for one in targets]
    questions = [one for one in questions if attribution.attributable(one.definition)]
    found = dict(zip([one.definition.key for one in questions], attribution.by_post(questions), strict=True))
    placed = dict(zip(found, attribution.by_place(questions), strict=True))
    titles = {
        one.variant.item_id: title_of(one.variant.item.title, one.variant.text or one.variant.item.text)
        or _UNTITLED[language]
        for one in deliveries
    }
    sides: dict[str, _Sides] = {}
    # An item that went out once: its facts are that post's. Else only facts that name the channel are, and
    # only if the item went out there once.
    alone = _alone(one.variant.item_id for one in deliveries)
    alone_there = _alone((one.variant.item_id, one.channel_id) for one in deliveries)
    posts = []
    for one in deliveries:
        item, picture = one.variant.item, pictures.get(one.variant.item_id)
        side = sides.setdefault(one.channel.network, _sides(one.channel, language))
        there = (item.pk, one.channel_id)
        outcomes: dict[str, Decimal] = {}
        for metric, of_items in found.items():
            if item.pk in alone and item.pk in of_items:
                outcomes[metric] = of_items[item.pk]
            elif item.pk not in alone and there in alone_there and there in placed[metric]:
                outcomes[metric] = placed[metric][there]
        posts.append(
            PostResult(
                key=item.key,
                title=titles[item.pk],
                text=one.variant.text or item.text,
                channel=Named(one.channel.key, one.channel.name),
                network=side.network,
                network_mark=side.mark,
                network_color=side.color,
                placement=Named(
                    one.variant.placement, side.placements.get(one.variant.placement, one.variant.placement)
                ),
                published_at=one.published_at or one.due_at,
                url=one.external_url,
                by_hand=one.channel.by_hand,
                image_path=_path(picture),
                image_url=picture_address(picture) if picture and picture_address else "",
                image_alt=picture.alt if picture else "",
                metrics={**readings.get(one.variant_id, {}), **outcomes},
            )
        )
    parts = {
        metric: _largest([Part(titles[item], number) for item, number in by_item.items() if item in titles])
        for metric, by_item in found.items()
    }
    return tuple(posts), {metric: some for metric, some in parts.items() if len(some) > 1}


Name = TypeVar("Name", bound=Hashable)


def _alone(names: Iterable[Name]) -> set[Name]:
    """What is there exactly once."""
    return {name for name, times in Counter(names).items() if times == 1}


def _pictures(items: Sequence[UUID]) -> dict[UUID, Media]:
    """The first picture of each item."""
    found: dict[UUID, Media] = {}
    for one in ItemMedia.objects.filter(item__in=items).select_related("media").order_by("-position"):
        found[one.item_id] = one.media
    return found


def _path(picture: Media | None) -> Path | None:
    if picture is None or not picture.mime.startswith("image/"):
        return None
    try:
        path = stored.local(str(picture.file.name))
    except (
        OSError,
        ValueError,
        stored.StorageTrouble,
    ):  # gone, or its storage is away: the report does without
        return None
    return path if path.is_file() else None


def _sides(channel: Channel, language: str) -> _Sides:
    try:
        network = access.network_of(channel)
    except UserError:  # its file is gone from this installation; what it did stays
        return _Sides(Named(channel.network, channel.network), channel.network[:2].title(), "", {})
    return _Sides(
        Named(network.key, pick(network.label, language)),
        network.short,
        network.color,
        {one.key: pick(one.label, language) for one in network.placements},
    )
