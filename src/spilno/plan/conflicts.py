"""What one should know about a time or a text before it goes out: too near another post, or said already.

These are hints, never errors: who plans decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import F, Value
from django.db.models.functions import Coalesce, Left, NullIf

from spilno.channels.models import Channel
from spilno.plan import schedule
from spilno.plan.calendar import Wanted, narrowed, short
from spilno.plan.models import Variant
from spilno.team.models import Workspace
from spilno.toolkit.language.likeness import ALIKE, likeness, plain, signatures

WITHIN = timedelta(days=14)
"""The same text within so many days is pointed out."""

ROWS = 12_000  # variants that are looked at, at most
LETTERS = 400  # of each text
PER_BUCKET = 25  # texts with the same beginning that are compared with one


@dataclass(frozen=True)
class Hint:
    """``kind``: ``"close"`` (``minutes`` from another post of the channel), ``"same"`` (``likeness`` 0–100) or
    ``"quiet"`` (in the channel's quiet hours) or ``"holiday"`` (``title`` is its name).
    """

    kind: str
    channel: str
    title: str = ""
    at: datetime | None = None  # of the other post
    item_id: UUID | None = None  # the other post
    minutes: int = 0
    likeness: float = 0.0


class Place(NamedTuple):
    """Where a draft would go. ``at`` ``None``: no time yet; ``text``: as it would be read there."""

    channel_id: UUID
    at: datetime | None
    text: str


class _Standing(NamedTuple):
    item_id: UUID
    channel_id: UUID
    at: datetime
    title: str
    text: str


def of_draft(
    *, workspace: Workspace, item_id: UUID | None, places: Sequence[Place], now: datetime
) -> list[Hint]:
    """What to point out about a draft, channel by channel: five queries."""
    if not places:
        return []
    times = [one.at or now for one in places]
    first, last = min(times), max(times)
    # Places years apart would read everything between them.
    last = min(last, first + 4 * WITHIN)
    names = dict(Channel.objects.filter(workspace=workspace).values_list("pk", "name"))
    rules = schedule.rules_of(
        workspace=workspace,
        channels=[one.channel_id for one in places if one.channel_id in names],
        first=first.date(),
        after=last.date() + timedelta(days=2),
    )
    others = [
        one
        for one in _standing(workspace, first - WITHIN, last + WITHIN)
        if item_id is None or one.item_id != item_id
    ]
    found: list[Hint] = []
    for place in places:
        channel = names.get(place.channel_id, "")
        one = rules.get(place.channel_id)
        if one is not None and place.at is not None:
            if one.is_quiet(place.at):
                found.append(Hint("quiet", channel))
            if holiday := one.holidays.get(place.at.date()):
                found.append(Hint("holiday", channel, title=holiday))
            found += _close(place, channel, one.min_gap, others)
        found += _same(place, names, others, now)
    unique = {
        (one.kind, one.item_id, one.channel if one.kind != "same" else ""): one for one in reversed(found)
    }
    return list(reversed(unique.values()))


def _close(place: Place, channel: str, gap: timedelta, others: Iterable[_Standing]) -> list[Hint]:
    assert place.at is not None
    gap = max(gap, timedelta(minutes=1))
    return [
        Hint(
            "close", channel, one.title, one.at, one.item_id, minutes=int(abs(one.at - place.at).total_seconds()) // 60
        )
        for one in others
        if one.channel_id == place.channel_id and abs(one.at - place.at) < gap
    ][:3]  # fmt: skip


def _same(place: Place, names: dict[UUID, str], others: Iterable[_Standing], now: datetime) -> list[Hint]:
    text, around = plain(place.text[:LETTERS]), place.at or now
    if not text:
        return []
    hits = [
        Hint("same", names.get(one.channel_id, ""), one.title, one.at, one.item_id, likeness=score)
        for one in others
        if abs(one.at - around) <= WITHIN and (score := likeness(text, plain(one.text))) >= ALIKE
    ]
    return sorted(hits, key=lambda one: -one.likeness)[:3]


def in_period(
    *, workspace: Workspace, start: datetime, end: datetime, wanted: Wanted
) -> dict[tuple[UUID, int], list[Hint]]:
    """What to point out on a calendar, by post and time (seconds since 1970): at most six queries."""
    shown = set(
        narrowed(Variant.objects.filter(workspace=workspace, item__deleted_at=None).order_by(), wanted)
        # What is out cannot be mended any more.
        .filter(publish_at__gte=start, publish_at__lt=end, delivery__published_at=None)
        .values_list("pk", flat=True)[:ROWS]
    )
    rows = _standing(workspace, start - WITHIN, end + WITHIN, with_pk=True)
    names = dict(Channel.objects.filter(workspace=workspace).values_list("pk", "name"))
    rules = schedule.rules_of(workspace=workspace, channels=list(names), first=start.date(), after=end.date())
    found: dict[tuple[UUID, int], list[Hint]] = {}

    def say(pk: UUID, one: _Standing, hint: Hint) -> None:
        if pk in shown:
            found.setdefault((one.item_id, int(one.at.timestamp())), []).append(hint)

    by_channel: dict[UUID, list[tuple[UUID, _Standing]]] = {}
    for pk, one in rows:
        by_channel.setdefault(one.channel_id, []).append((pk, one))
    for channel, standing in by_channel.items():
        gap = max(rules[channel].min_gap if channel in rules else timedelta(0), timedelta(minutes=1))
        for (pk, one), (other_pk, other) in pairwise(standing):
            apart = other.at - one.at
            if apart < gap and one.item_id != other.item_id:
                minutes = int(apart.total_seconds()) // 60
                name = names.get(channel, "")
                say(pk, one, Hint("close", name, other.title, other.at, other.item_id, minutes))
                say(other_pk, other, Hint("close", name, one.title, one.at, one.item_id, minutes))
    _say_again(rows, names, say)
    return found


def _say_again(rows: Sequence[tuple[UUID, _Standing]], names: dict[UUID, str], say: Any) -> None:
    """Posts that say the same as another one within :data:`WITHIN`."""
    # The same words again and again (a weekly greeting) are one text: its latest post stands for all of them.
    buckets: dict[str, dict[str, tuple[UUID, _Standing]]] = {}
    known: dict[str, tuple[str, Sequence[str]]] = {}
    for pk, one in rows:
        if one.text not in known:
            words = plain(one.text)
            known[one.text] = (words, signatures(words))
        text, keys = known[one.text]
        met: set[UUID] = set()
        for key in keys:
            bucket = buckets.setdefault(key, {})
            nearest = [text] if text in bucket else list(bucket)[-PER_BUCKET:]
            for other_text in nearest:
                other_pk, other = bucket[other_text]
                if other.item_id == one.item_id or other_pk in met or one.at - other.at > WITHIN:
                    continue
                if (score := likeness(text, other_text)) >= ALIKE:
                    met.add(other_pk)
                    for left, left_row, right in ((pk, one, other), (other_pk, other, one)):
                        hint = Hint(
                            "same", names.get(right.channel_id, ""), right.title, right.at, right.item_id, 0, score
                        )  # fmt: skip
                        say(left, left_row, hint)
            bucket.pop(text, None)
            bucket[text] = (pk, one)


def _standing(workspace: Workspace, start: datetime, end: datetime, *, with_pk: bool = False) -> list[Any]:
    """What stands or stood there, by time; of very full weeks the first :data:`ROWS`."""
    rows = (
        Variant.objects.filter(
            workspace=workspace, publish_at__gte=start, publish_at__lt=end, item__deleted_at=None
        )
        .annotate(
            words=Left(Coalesce(NullIf(F("text"), Value("")), F("item__text")), LETTERS),
        )
        .order_by("publish_at", "pk")
        .values_list("pk", "item_id", "channel_id", "publish_at", "item__title", "words")[:ROWS]
    )
    found = [
        (pk, _Standing(item, channel, at.astimezone(UTC), short(title or words), words))
        for pk, item, channel, at, title, words in rows
        if at is not None
    ]
    return list(found) if with_pk else [one for _pk, one in found]
