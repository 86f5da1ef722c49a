"""The rows behind a number: exactly the facts and readings that its value was computed from."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from spilno.channels.models import Channel
from spilno.facts.models import Fact, Observation
from spilno.facts.queries import effective, observations
from spilno.measurement.questions import Question, Scope
from spilno.plan.models import Variant
from spilno.team.models import Workspace
from spilno.toolkit.metrics import Aggregate, Formula, Input, Source, Subject, get

_FILTERS = ("actor_scope", "utm_source", "utm_medium", "utm_campaign")


def facts_behind(workspace: Workspace, question: Question) -> QuerySet[Fact]:
    """The facts that count, with those that take somebody out again (a cancellation); the latest first."""
    inputs = [one for one in _inputs(question) if one.source is Source.FACTS]
    if not inputs:
        return Fact.objects.none()
    chosen = Q()
    for one in inputs:
        where = Q(kind__in=one.kinds)
        for column, allowed in one.where.items():
            if column == "channel_purpose":
                channels = Channel.objects.filter(workspace=workspace, purpose__in=allowed)
                where &= Q(channel_id__in=channels.values("pk"))
            elif column in _FILTERS:
                where &= Q(**{f"{column}__in": allowed})
        chosen |= where | Q(kind__in=(*one.unless, *one.until))
    scope, period = question.scope, question.period
    rows = effective(workspace).filter(
        chosen,
        occurred_at__gte=period.begin,
        occurred_at__lt=period.finish,
        **_until("occurred_at", question),
    )
    if scope.initiative_id is not None:
        rows = rows.filter(initiative_id=scope.initiative_id)
    if scope.channel_id is not None:
        rows = rows.filter(channel_id=scope.channel_id)
    if scope.item_id is not None:
        rows = rows.filter(item_id=scope.item_id)
    return rows.order_by("-occurred_at", "-pk")


def readings_behind(workspace: Workspace, question: Question) -> QuerySet[Observation]:
    """The readings of the counters, from the one that a growth is measured from on; the latest first."""
    inputs = [one for one in _inputs(question) if one.source is Source.OBSERVATIONS]
    if not inputs:
        return Observation.objects.none()
    period = question.period
    rows = observations(workspace).filter(
        observed_at__lt=period.finish,
        metric__in={metric for one in inputs for metric in one.metrics},
        **_until("observed_at", question),
    )
    subjects = Q()
    for kind in {one.subject for one in inputs}:
        subjects |= _subjects(workspace, question.scope, kind)
    rows = rows.filter(subjects)
    begin = period.begin
    if question.definition.formula is Formula.CUMULATIVE:
        begin = period.baseline
        if any(one.aggregate is Aggregate.BASELINE for one in inputs):
            before = rows.filter(observed_at__lt=begin).order_by("-observed_at").first()
            begin = before.observed_at if before else begin
    return rows.filter(observed_at__gte=begin).order_by("-observed_at", "subject_id", "metric")


def _inputs(question: Question) -> list[Input]:
    """The definition's own inputs and those of the metrics that it is derived from."""
    found: list[Input] = []
    for one in question.definition.inputs.values():
        found.extend(get(one.metric).inputs.values() if one.source is Source.METRIC else [one])
    return found


def _until(column: str, question: Question) -> dict[str, datetime]:
    return {f"{column}__lte": question.as_of} if question.as_of else {}


def _subjects(workspace: Workspace, scope: Scope, kind: Subject | None) -> Q:
    where = Q(subject_kind=str(kind)) if kind else Q()
    if kind is Subject.CHANNEL and scope.channel_id is not None:
        return where & Q(subject_id=scope.channel_id)
    variants = Variant.objects.filter(workspace=workspace, item__deleted_at=None)
    narrowed = False
    for name, value in (
        ("item__initiative_id", scope.initiative_id),
        ("channel_id", scope.channel_id),
        ("item_id", scope.item_id),
    ):
        if value is not None:
            variants, narrowed = variants.filter(**{name: value}), True
    if not narrowed:
        return where
    return where & Q(subject_id__in=variants.values("channel_id" if kind is Subject.CHANNEL else "pk"))
