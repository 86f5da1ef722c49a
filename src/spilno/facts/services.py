"""Writing the record. Nothing is changed or deleted: a correction is a row that names the one it corrects.

A fact is named by where it came from: ``source``, ``source_key`` and ``kind``. Taking the same thing in twice
changes nothing; the same name with other content corrects; a withdrawal is a correction that is ``void``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction

from spilno.facts.models import Fact, Observation
from spilno.kernel.models import Row

BATCH = 2_000
"""Rows looked up and written at a time, so that a long file needs no long memory."""

_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class NewFact:
    """What is to be recorded; the columns of :class:`~spilno.facts.models.Fact` without the book-keeping.

    ``occurred_at`` is aware. ``amount`` is kept to four decimals, in ``currency`` (ISO 4217).
    """

    kind: str
    source_key: str
    occurred_at: datetime
    initiative_id: UUID | None = None
    channel_id: UUID | None = None
    item_id: UUID | None = None
    subject: str = ""
    actor: str = ""
    actor_scope: str = ""
    amount: Decimal | None = None
    currency: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewObservation:
    """A counter as it stood at ``observed_at`` (aware). ``subject_id``: a channel or, for a post, its variant."""

    subject_kind: str
    subject_id: UUID
    metric: str
    value: Decimal
    observed_at: datetime


@dataclass(frozen=True)
class Counts:
    """What taking rows in did to the record."""

    created: int = 0
    corrected: int = 0
    withdrawn: int = 0
    unchanged: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Counts)))

    @property
    def changed(self) -> int:
        """Rows that were there and are different now."""
        return self.corrected + self.withdrawn


_CONTENT = tuple(one.name for one in fields(NewFact) if one.name not in ("kind", "source_key"))


def record(
    *,
    workspace: Row,
    kind: str,
    occurred_at: datetime,
    now: datetime,
    source: str,
    source_key: str,
    initiative_id: UUID | None = None,
    channel_id: UUID | None = None,
    item_id: UUID | None = None,
    subject: str = "",
    actor: str = "",
    actor_scope: str = "",
    amount: Decimal | None = None,
    currency: str = "",
    utm_source: str = "",
    utm_medium: str = "",
    utm_campaign: str = "",
    data: Mapping[str, Any] | None = None,
) -> Fact:
    """Record what happened, once. Returns the row that now stands: the old one if nothing is new.

    Safe to call at the same time from several workers: one of them writes, the others find it written.
    """
    new = _plain(
        NewFact(
            kind=kind,
            source_key=source_key,
            occurred_at=occurred_at,
            initiative_id=initiative_id,
            channel_id=channel_id,
            item_id=item_id,
            subject=subject,
            actor=actor,
            actor_scope=actor_scope,
            amount=amount,
            currency=currency,
            utm_source=utm_source,
            utm_medium=utm_medium,
            utm_campaign=utm_campaign,
            data=dict(data or {}),
        )
    )
    while True:
        before = _standing(workspace, source, source_key, kind)
        if before is not None and not before.void and _same(before, new):
            return before
        row = _fact(workspace, source, new, before, now)
        if _written(Fact, row):
            return row


def withdraw(*, workspace: Row, source: str, source_key: str, kind: str, now: datetime) -> Fact | None:
    """Say that it did not happen after all. Returns the void row, ``None`` if nothing stood there."""
    while True:
        before = _standing(workspace, source, source_key, kind)
        if before is None or before.void:
            return None
        row = _void(before, now)
        if _written(Fact, row):
            return row


def record_many(
    *,
    workspace: Row,
    source: str,
    facts: Iterable[NewFact],
    now: datetime,
    complete: Collection[str] = (),
) -> Counts:
    """Record a stream of facts in one transaction, two queries per :data:`BATCH` of them.

    :param facts: each (kind, source_key) at most once; of two the later one stands.
    :param complete: kinds of which ``facts`` is everything there is: what stood of ``source`` and is missing now
        is withdrawn.
    """
    counts = Counts()
    seen: set[tuple[str, str]] = set()
    with transaction.atomic():
        for batch in _batches(facts):
            news = {(one.kind, one.source_key): _plain(one) for one in batch}
            seen |= news.keys()
            standing = {
                (row.kind, row.source_key): row
                for row in Fact.objects.filter(
                    workspace_id=workspace.pk,
                    source=source,
                    source_key__in={key for _, key in news},
                    corrected_by__isnull=True,
                )
            }
            rows, created, unchanged = [], 0, len(batch) - len(news)
            for name, new in news.items():
                before = standing.get(name)
                if before is None:
                    created += 1
                elif not before.void and _same(before, new):
                    unchanged += 1
                    continue
                rows.append(_fact(workspace, source, new, before, now))
            Fact.objects.bulk_create(rows)
            counts += Counts(created=created, corrected=len(rows) - created, unchanged=unchanged)
        if complete:
            gone = Fact.objects.filter(
                workspace_id=workspace.pk,
                source=source,
                kind__in=list(complete),
                corrected_by__isnull=True,
                void=False,
            ).iterator(BATCH)
            voids = (_void(row, now) for row in gone if (row.kind, row.source_key) not in seen)
            for some in _batches(voids):
                Fact.objects.bulk_create(some)
                counts += Counts(withdrawn=len(some))
    return counts


def observe(
    *,
    workspace: Row,
    subject_kind: str,
    subject_id: UUID,
    metric: str,
    value: Decimal,
    observed_at: datetime,
    now: datetime,
    source: str,
) -> Observation | None:
    """Note a counter as it stood at a time. ``None`` if just that was noted already.

    Another value for the same moment, counter and source is a correction.
    """
    value = _four(value)
    while True:
        before = Observation.objects.filter(
            workspace_id=workspace.pk,
            subject_id=subject_id,
            metric=metric,
            observed_at=observed_at,
            source=source,
            corrected_by__isnull=True,
        ).first()
        if before is not None and not before.void and before.value == value:
            return None
        new = NewObservation(subject_kind, subject_id, metric, value, observed_at)
        row = _observation(workspace, source, new, before, now)
        if _written(Observation, row):
            return row


def observe_many(
    *,
    workspace: Row,
    source: str,
    observations: Iterable[NewObservation],
    now: datetime,
    complete: bool = False,
) -> Counts:
    """Note a stream of counters in one transaction, two queries per :data:`BATCH` of them.

    :param complete: ``observations`` is everything of ``source``: what stood and is missing now is withdrawn.
    """
    counts = Counts()
    seen: set[tuple[UUID, str, datetime]] = set()
    with transaction.atomic():
        for batch in _batches(observations):
            news = {
                (one.subject_id, one.metric, one.observed_at): replace(one, value=_four(one.value))
                for one in batch
            }
            seen |= news.keys()
            standing = {
                (row.subject_id, row.metric, row.observed_at): row
                for row in Observation.objects.filter(
                    workspace_id=workspace.pk,
                    source=source,
                    subject_id__in={one[0] for one in news},
                    observed_at__in={one[2] for one in news},
                    corrected_by__isnull=True,
                )
            }
            rows, created, unchanged = [], 0, len(batch) - len(news)
            for name, new in news.items():
                before = standing.get(name)
                if before is None:
                    created += 1
                elif not before.void and before.value == new.value:
                    unchanged += 1
                    continue
                rows.append(_observation(workspace, source, new, before, now))
            Observation.objects.bulk_create(rows)
            counts += Counts(created=created, corrected=len(rows) - created, unchanged=unchanged)
        if complete:
            gone = Observation.objects.filter(
                workspace_id=workspace.pk, source=source, corrected_by__isnull=True, void=False
            ).iterator(BATCH)
            voids = (
                _observation(workspace, source, row, row, now, void=True)
                for row in gone
                if (row.subject_id, row.metric, row.observed_at) not in seen
            )
            for some in _batches(voids):
                Observation.objects.bulk_create(some)
                counts += Counts(withdrawn=len(some))
    return counts


# --------------------------------------------------------------------------------------------------- the rows


def _plain(new: NewFact) -> NewFact:
    """As the database will give it back, so that comparing with what stands is exact."""
    return new if new.amount is None else replace(new, amount=_four(new.amount))


def _four(value: Decimal) -> Decimal:
    return Decimal(value).quantize(_PLACES)


def _standing(workspace: Row, source: str, source_key: str, kind: str) -> Fact | None:
    return Fact.objects.filter(
        workspace_id=workspace.pk,
        source=source,
        source_key=source_key,
        kind=kind,
        corrected_by__isnull=True,
    ).first()


def _same(row: Fact, new: NewFact) -> bool:
    return all(getattr(row, name) == getattr(new, name) for name in _CONTENT)


def _fact(workspace: Row, source: str, new: NewFact, before: Fact | None, now: datetime) -> Fact:
    return Fact(
        workspace_id=workspace.pk,
        kind=new.kind,
        source=source,
        source_key=new.source_key,
        recorded_at=now,
        revision=before.revision + 1 if before else 0,
        corrects=before,
        **{name: getattr(new, name) for name in _CONTENT},
    )


def _void(before: Fact, now: datetime) -> Fact:
    return Fact(
        workspace_id=before.workspace_id,
        kind=before.kind,
        source=before.source,
        source_key=before.source_key,
        recorded_at=now,
        revision=before.revision + 1,
        corrects=before,
        void=True,
        **{name: getattr(before, name) for name in _CONTENT},
    )


def _observation(
    workspace: Row,
    source: str,
    new: NewObservation | Observation,
    before: Observation | None,
    now: datetime,
    *,
    void: bool = False,
) -> Observation:
    return Observation(
        workspace_id=workspace.pk,
        subject_kind=new.subject_kind,
        subject_id=new.subject_id,
        metric=new.metric,
        value=new.value,
        observed_at=new.observed_at,
        recorded_at=now,
        source=source,
        revision=before.revision + 1 if before else 0,
        corrects=before,
        void=void,
    )


def _written(model: type[Fact] | type[Observation], row: Fact | Observation) -> bool:
    """Insert unless somebody was faster; the unique constraints decide who was."""
    model.objects.bulk_create([row], ignore_conflicts=True)  # type: ignore[list-item]
    return model.objects.filter(pk=row.pk).exists()


def _batches(things: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(things)
    while batch := list(islice(iterator, BATCH)):
        yield batch
