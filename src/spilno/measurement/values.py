"""KPI values, computed by the database from facts and observations, a bounded number of queries for any page.

The formulas are ``toolkit.metrics``'; here is only where their inputs come from. A value is never stored: it is
what the facts say, as of the moment asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from spilno.briefs.models import Initiative, Target
from spilno.channels.models import Channel
from spilno.kernel import clock
from spilno.measurement import counting, reading
from spilno.measurement.counting import Counted, Split
from spilno.measurement.questions import Question, Scope, period_of
from spilno.measurement.reading import Read
from spilno.plan.models import Item
from spilno.team.models import Workspace
from spilno.toolkit.metrics import (
    Aggregate,
    Definition,
    Empty,
    Formula,
    Input,
    Missing,
    Period,
    Source,
    Subject,
    Unit,
    Value,
    evaluate,
    get,
    reached,
)
from spilno.toolkit.metrics.formulas import Duration, survival_quantile, survival_share, total

DEFAULT_DAYS = 30
"""Without an initiative or a period, so many days up to the moment asked for."""

Curve = list[tuple[date, Decimal | None]]

_SECONDS = {Unit.SECONDS: 1, Unit.MINUTES: 60, Unit.HOURS: 3600}


@dataclass(frozen=True)
class TargetValue:
    """A target and what became of it.

    ``baseline`` and ``last`` are what a growth was measured from and to (in the counter's unit); else ``None``.
    ``reached`` is ``None`` while nobody can say.
    """

    target: Target
    definition: Definition
    value: Value
    baseline: Decimal | None
    last: Decimal | None
    reached: bool | None


def value_of(
    *,
    workspace: Workspace,
    metric: str,
    initiative: Initiative | None = None,
    channel: Channel | None = None,
    item: Item | None = None,
    as_of: datetime | None,
    period: Period | None = None,
) -> Value:
    """The metric's value as of a moment.

    :param as_of: aware; later facts and readings are left out. ``None``: the whole period.
    :param period: by default the initiative's; without either, the :data:`DEFAULT_DAYS` days up to ``as_of``.
    :raises KeyError: if the catalogue has no such metric.
    :raises ValueError: if the metric cannot be asked about one channel or post.
    """
    question = _question(workspace, metric, initiative, channel, item, as_of, period)
    return answer([question])[0]


def curve(
    *,
    workspace: Workspace,
    metric: str,
    initiative: Initiative | None = None,
    channel: Channel | None = None,
    item: Item | None = None,
    as_of: datetime | None,
    period: Period | None = None,
) -> Curve:
    """The value as it stood at the end of each day, up to the moment asked for; arguments as :func:`value_of`."""
    return curves([_question(workspace, metric, initiative, channel, item, as_of, period)])[0]


def target_values(initiative: Initiative, now: datetime) -> list[TargetValue]:
    """Every target of the initiative's brief as it stands now, in the brief's order."""
    return target_values_of([initiative], now)[initiative.pk]


def target_values_of(initiatives: Iterable[Initiative], now: datetime) -> dict[UUID, list[TargetValue]]:
    """Targets of many initiatives, in a number of queries that does not depend on how many there are."""
    known = {one.pk: one for one in initiatives}
    targets = list(
        Target.objects.filter(brief__initiative__in=known)
        .select_related("brief", "channel")
        .order_by("brief_id", "position")
    )
    questions = [question_of(one, known[one.brief.initiative_id], now) for one in targets]
    result: dict[UUID, list[TargetValue]] = {pk: [] for pk in known}
    for target, question, value in zip(targets, questions, answer(questions), strict=True):
        result[target.brief.initiative_id].append(_target_value(target, question.definition, value))
    return result


def target_curves(targets: Sequence[Target], initiative: Initiative, now: datetime) -> list[Curve]:
    """The curve of each target up to now, in two queries for all of them."""
    return curves([question_of(one, initiative, now) for one in targets])


def question_of(target: Target, initiative: Initiative, now: datetime) -> Question:
    """What a target asks: its metric, its channel, up to its day or now."""
    definition = get(target.metric)
    return Question(
        definition=definition,
        scope=Scope(initiative.workspace_id, initiative.pk, target.channel_id),
        period=period_of(initiative, due_on=target.due_on),
        as_of=now,
        currency=initiative.workspace.currency,
    )


def answer(questions: Sequence[Question]) -> list[Value]:
    """The values of many questions at once: two queries, three if something is survival."""
    everything = _with_parts(questions)
    flat = [one for one, _ in everything]
    counted, read = counting.count(flat), reading.read(flat)
    lengths = counting.durations(flat)
    values: dict[int, Value] = {}
    # Parts come after what needs them: answer from the back.
    for number in reversed(range(len(flat))):
        question, parts = everything[number]
        material = _Material(
            question,
            {
                name: counted[number, name].get(None, Counted())
                for name in question.definition.inputs
                if (number, name) in counted
            },
            {name: read[number, name] for name in question.definition.inputs if (number, name) in read},
            {name: lengths[number, name] for name in question.definition.inputs if (number, name) in lengths},
            {name: values[part] for name, part in parts.items()},
        )
        values[number] = material.value()
    return [values[number] for number in range(len(questions))]


def curves(questions: Sequence[Question]) -> list[Curve]:
    """The curves of many questions at once."""
    by_day: list[Curve | None] = [None] * len(questions)
    simple = [
        number
        for number, one in enumerate(questions)
        if one.definition.formula not in (Formula.DERIVED, Formula.SURVIVAL)
    ]
    flat = [questions[number] for number in simple]
    counted, read = counting.count(flat, Split.DAY), reading.read(flat, by_day=True)
    for position, number in enumerate(simple):
        names = questions[number].definition.inputs
        by_day[number] = _curve(
            questions[number],
            {name: counted[position, name] for name in names if (position, name) in counted},
            {name: read[position, name] for name in names if (position, name) in read},
        )
    for number, question in enumerate(questions):
        if by_day[number] is None:
            days = _days(question)
            asked = [replace(question, period=question.period.until(one)) for one in days]
            by_day[number] = [(day, value.value) for day, value in zip(days, answer(asked), strict=True)]
    return [one or [] for one in by_day]


# ------------------------------------------------------------------------------------------------- one question


def _question(
    workspace: Workspace,
    metric: str,
    initiative: Initiative | None,
    channel: Channel | None,
    item: Item | None,
    as_of: datetime | None,
    period: Period | None,
) -> Question:
    definition = get(metric)
    for kind, subject in ((Subject.CHANNEL, channel), (Subject.ITEM, item)):
        if subject is not None and not definition.accepts(kind):
            raise ValueError(f"{metric} cannot be asked about one {kind}")
    if period is None:
        if initiative is not None:
            period = period_of(initiative)
        elif as_of is not None:
            today = clock.local_day(as_of, workspace.time_zone)
            period = Period(today - timedelta(days=DEFAULT_DAYS - 1), today, workspace.time_zone)
        else:
            raise ValueError("say which initiative, which period or as of when")
    return Question(
        definition,
        Scope(
            workspace.pk,
            initiative.pk if initiative else None,
            channel.pk if channel else None,
            item.pk if item else None,
        ),
        period,
        as_of,
        workspace.currency,
    )


def _with_parts(questions: Sequence[Question]) -> list[tuple[Question, dict[str, int]]]:
    """The questions and, after them, those about other metrics that they are derived from."""
    result: list[tuple[Question, dict[str, int]]] = [(one, {}) for one in questions]
    number = 0
    while number < len(result):
        question, parts = result[number]
        for name, one in question.definition.inputs.items():
            if one.source is Source.METRIC:
                period = question.period.previous() if one.previous else question.period
                parts[name] = len(result)
                result.append((replace(question, definition=get(one.metric), period=period), {}))
        number += 1
    return result


@dataclass
class _Material:
    """Everything that one question's inputs are made of."""

    question: Question
    counted: dict[str, Counted]
    read: dict[str, list[Read]]
    lengths: dict[str, list[Duration]] = field(default_factory=dict)
    parts: dict[str, Value] = field(default_factory=dict)
    problem: Missing = Missing.NONE

    def value(self) -> Value:
        definition, question = self.question.definition, self.question
        rows: dict[str, int] = {}
        inputs: dict[str, Decimal | None] = {}
        if definition.formula is Formula.SURVIVAL:
            lengths = self.lengths.get(definition.input.name, [])
            rows[definition.input.name] = len(lengths)
            number, missing = _survival(definition, lengths)
        else:
            standing = {
                name: {(one.subject, one.metric): one.value for one in some}
                for name, some in self.read.items()
            }
            for name, one in definition.inputs.items():
                if one.source is Source.METRIC:
                    inputs[name] = self.parts[name].value
                    rows[name] = sum(self.parts[name].rows.values())
                elif one.source is Source.OBSERVATIONS:
                    inputs[name] = self.observed(one, standing)
                    rows[name] = len(standing.get(name, {}))
                else:
                    inputs[name] = self.added(one)
                    rows[name] = self.counted[name].rows
            number, missing = evaluate(definition, inputs)
        if self.problem is not Missing.NONE:
            number, missing = None, self.problem
        return Value(
            metric=definition.key,
            version=definition.version,
            value=number,
            unit=definition.unit,
            period_from=question.period.start,
            period_to=question.last_day,
            time_zone=question.period.zone,
            inputs=inputs,
            rows=rows,
            currency=self.currency() if definition.unit is Unit.MONEY else "",
            subject=str(question.scope.item_id or question.scope.channel_id or ""),
            missing=missing,
        )

    def currency(self) -> str:
        found = {one for some in self.counted.values() for one in some.currencies}
        return self.question.currency or next(iter(sorted(found)), "")

    def added(self, one: Input) -> Decimal | None:
        counted = self.counted[one.name]
        if counted.rows == 0 and one.empty is Empty.MISSING:
            return None
        if len(counted.currencies | ({self.question.currency} - {""})) > 1:
            self.problem = Missing.MIXED_CURRENCIES
            return None
        return counted.number

    def observed(self, one: Input, standing: dict[str, dict[tuple[UUID, str], Decimal]]) -> Decimal | None:
        """The rules of ``toolkit.metrics.rows``: see there."""
        definition = self.question.definition
        here = standing.get(one.name, {})
        if one.aggregate is Aggregate.SUM:
            if definition.pair:
                sides = [{subject for subject, _ in standing.get(name, {})} for name in definition.inputs]
                both = set.intersection(*sides)
                here = {key: value for key, value in here.items() if key[0] in both}
            return total(here.values())
        by_subject: dict[UUID, Decimal] = {}
        for metric in reversed(one.metrics):  # the first counter that a subject has wins
            by_subject |= {subject: value for (subject, name), value in here.items() if name == metric}
        if len(by_subject) > 1 and one.subject not in definition.additive_over:
            needed = definition.subject_required
            self.problem = Missing.SUBJECT_NEEDED if needed else Missing.NOT_ADDITIVE
            return None
        return total(by_subject.values())


def _curve(
    question: Question,
    changes: dict[str, dict[Any, Counted]],
    read: dict[str, list[Read]],
) -> Curve:
    """One question, answered for the end of every day."""
    definition = question.definition
    so_far = _Material(question, {name: Counted() for name in changes}, read)
    standing: dict[str, dict[tuple[UUID, str], Decimal]] = {
        name: {(one.subject, one.metric): one.value for one in some if one.day is None}
        for name, some in read.items()
    }
    readings: dict[date, list[tuple[str, Read]]] = defaultdict(list)
    for name, some in read.items():
        for one in some:
            if one.day is not None:
                readings[one.day].append((name, one))
    points: Curve = []
    for day in _days(question):
        for name, one in readings.get(day, ()):
            standing[name][one.subject, one.metric] = one.value
        inputs: dict[str, Decimal | None] = {}
        so_far.problem = Missing.NONE
        for name, asked in definition.inputs.items():
            if asked.source is Source.OBSERVATIONS:
                inputs[name] = so_far.observed(asked, standing)
            else:
                so_far.counted[name].add(changes[name].get(day, Counted()))
                inputs[name] = so_far.added(asked)
        number, _ = evaluate(definition, inputs)
        points.append((day, None if so_far.problem is not Missing.NONE else number))
    return points


def _days(question: Question) -> list[date]:
    """First to last day of a curve (growth: from its baseline day on)."""
    period = question.period
    first = period.start
    if question.definition.formula is Formula.CUMULATIVE and period.baseline_on:
        first = period.baseline_on
    return [first + timedelta(days=one) for one in range((question.last_day - first).days + 1)]


def _survival(definition: Definition, lengths: Sequence[Duration]) -> tuple[Decimal | None, Missing]:
    unit = _SECONDS.get(definition.unit, 86400)
    durations = [Duration(one.length / unit, one.ended) for one in lengths]
    if definition.statistic == "share":
        return survival_share(durations, Decimal(definition.at_days or 0))
    return survival_quantile(durations, Decimal("0.9" if definition.statistic == "p90" else "0.5"))


def _target_value(target: Target, definition: Definition, value: Value) -> TargetValue:
    baseline = last = None
    if definition.formula is Formula.CUMULATIVE:
        baseline, last = value.inputs.get("baseline"), value.inputs.get("last")
        if baseline is None and target.baseline is not None and value.missing is Missing.NO_BASELINE:
            # Nobody read the counter before the start, but the brief says where it stood.
            baseline = target.baseline
            number, missing = evaluate(definition, {"baseline": baseline, "last": last})
            value = replace(
                value, value=number, missing=missing, inputs={**value.inputs, "baseline": baseline}
            )
    return TargetValue(
        target, definition, value, baseline, last, reached(definition, value.value, target.value)
    )
