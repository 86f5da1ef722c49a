"""The plan as rows of a table, in the form that can be imported again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from spilno.kernel.texts import pick
from spilno.plan import tags
from spilno.plan.calendar import Slot
from spilno.plan.models import ItemMedia, Variant
from spilno.plan.transfer import columns
from spilno.plan.transfer.columns import COLUMNS, DRAFT, RESERVE, SCHEDULED, SIDES, STATES
from spilno.team.models import Workspace
from spilno.toolkit.networks.registry import all_networks


def headings(language: str) -> list[str]:
    """The row above the others."""
    return [columns.heading(one, language) for one in COLUMNS]


def table_of(
    *, workspace: Workspace, slots: Sequence[Slot], scheduled: frozenset[str], language: str
) -> list[list[str]]:
    """One row for each post, time, placement and text; channels that share them share the row. Four queries.

    :param scheduled: states of deliveries that are written as "scheduled"; all others are drafts.
    """
    zone = ZoneInfo(workspace.time_zone)
    items = {one.item_id for one in slots}
    texts: dict[UUID, tuple[str, str, str, str, str]] = {
        pk: (own or common, title, link, pick(initiative, language), key)
        for pk, own, common, title, link, initiative, key in Variant.objects.filter(
            workspace=workspace, pk__in=[one.variant_id for one in slots]
        ).values_list(
            "pk", "text", "item__text", "item__title", "item__link", "item__initiative__title", "item__key"
        )
    }
    worn = tags.of_items(items)
    pictures: dict[UUID, list[str]] = {}
    for item, name in (
        ItemMedia.objects.filter(item_id__in=items).order_by("position").values_list("item_id", "media__name")
    ):
        pictures.setdefault(item, []).append(name)
    grouped: dict[tuple[UUID, datetime, str, str, str], list[Slot]] = {}
    for one in slots:
        state = SCHEDULED if one.state in scheduled else RESERVE if one.reserve else DRAFT
        grouped.setdefault((one.item_id, one.at, one.placement, state, texts[one.variant_id][0]), []).append(
            one
        )
    several = {item for item in items if sum(key[0] == item for key in grouped) > 1} if grouped else set()
    rows = []
    for (item, at, placement, state, text), some in grouped.items():
        _text, title, link, initiative, key = texts[some[0].variant_id]
        local = at.astimezone(zone)
        rows.append(
            [
                f"{local:%Y-%m-%d}", _clock(local, language), "; ".join(one.channel for one in some), text, title,
                link, ", ".join(pictures.get(item, ())), _placement(some[0].network, placement, language),
                STATES.get(language, STATES["en"])[state], initiative, ", ".join(worn.get(item, ())),
                key if item in several else "",
            ]
        )  # fmt: skip
    return rows


def _clock(local: datetime, language: str) -> str:
    """The time of day; in an hour that comes twice with the word that says which."""
    other = local.replace(fold=1 - local.fold)
    if other.utcoffset() == local.utcoffset():
        return f"{local:%H:%M}"
    words = SIDES["later" if local.fold else "earlier"]
    return f"{local:%H:%M} {words[{'en': 0, 'uk': 1, 'ru': 2}.get(language, 0)]}"


def _placement(network: str, key: str, language: str) -> str:
    known = all_networks().get(network)
    place = next((one for one in known.placements if one.key == key), None) if known else None
    return pick(place.label, language) if place else key
