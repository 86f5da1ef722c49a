"""KPI values straight from rows: the toolkit's own way, and the yardstick for the one in SQL.

Simple and slow on purpose: every rule of the definitions is spelled out once on plain rows, so that a test
can hold the database's answers against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from .catalogue import get
from .formulas import (
    Duration,
    Missing,
    Value,
    evaluate,
    survival_quantile,
    survival_share,
    total,
)
from .model import Aggregate, Definition, Empty, Formula, Input, Source, Subject, Unit


@dataclass(frozen=True)
class FactRow:
    """Something that happened. ``key`` names it for ever: two rows of one kind and key are the same fact."""

    key: str
    kind: str
    occurred_at: datetime  # aware
    subject: str = ""
    actor: str = ""
    actor_scope: str = ""  # "internal", "external", or unknown
    amount: Decimal | None = None
    currency: str = ""
    channel: str = ""
    channel_purpose: str = ""  # "brand" or "community"
    item: str = ""  # the plan item (post) it is attributed to
    utm: Mapping[str, str] = field(default_factory=dict)  # "source", "medium", "campaign"

    def column(self, name: str) -> str:
        """The value that a definition's ``field`` or ``where`` means by ``name``."""
        if name.startswith("utm_"):
            return self.utm.get(name.removeprefix("utm_"), "")
        return str(getattr(self, name))


@dataclass(frozen=True)
class ObservationRow:
    """A counter as it stood at a time. No row means unknown; a 0 is a 0."""

    subject: str
    metric: str
    value: Decimal
    observed_at: datetime  # aware
    subject_kind: str = ""  # "channel", "item"; empty: not told, fits both


@dataclass(frozen=True)
class Period:
    """Days ``start`` to ``end``, both included, in the workspace's zone.

    ``baseline_on`` is the day from which growth is measured (an initiative's ``public_from``): the baseline
    is the last observation before it. By default the first day.
    """

    start: date
    end: date
    zone: str
    baseline_on: date | None = None

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"the period ends ({self.end}) before it starts ({self.start})")

    @property
    def begin(self) -> datetime:
        """First moment of the period, aware."""
        return _midnight(self.start, self.zone)

    @property
    def finish(self) -> datetime:
        """First moment after the period, aware: half-open, so that no moment belongs to two periods."""
        return _midnight(self.end + timedelta(days=1), self.zone)

    @property
    def baseline(self) -> datetime:
        """The moment before which the baseline is looked for, aware."""
        return _midnight(self.baseline_on or self.start, self.zone)

    def previous(self) -> Period:
        """The equally long period that ends the day before this one starts."""
        days = (self.end - self.start).days + 1
        return Period(self.start - timedelta(days=days), self.start - timedelta(days=1), self.zone)

    def until(self, day: date) -> Period:
        """The same period, cut off after ``day``."""
        return Period(self.start, day, self.zone, self.baseline_on)


def compute(
    definition: Definition,
    rows: Iterable[FactRow],
    observations: Iterable[ObservationRow],
    period: Period,
    *,
    channel: str = "",
    item: str = "",
    currency: str = "",
) -> Value:
    """The metric's value in the period, over everything given or for one ``channel`` or ``item`` (post).

    ``currency`` is the one that money is expected in; rows in another give no value (``MIXED_CURRENCIES``),
    because a sum that leaves some out would be wrong. Raises ``ValueError`` if the metric cannot be asked
    about such a subject.
    """
    for kind, subject in ((Subject.CHANNEL, channel), (Subject.ITEM, item)):
        if subject and not definition.accepts(kind):
            raise ValueError(f"{definition.key} cannot be asked about one {kind}")
    facts = [
        row
        for row in _once(rows)
        if (not channel or row.channel == channel) and (not item or row.item == item)
    ]
    readings = [one for one in observations if not (channel or item) or one.subject == (item or channel)]
    reader = _Rows(definition, facts, readings, period, currency, channel or item)
    return reader.value()


def curve(
    definition: Definition,
    rows: Iterable[FactRow],
    observations: Iterable[ObservationRow],
    period: Period,
    *,
    channel: str = "",
    item: str = "",
    currency: str = "",
) -> tuple[tuple[date, Decimal | None], ...]:
    """The value as it stood at the end of each day of the period (growth: from its baseline day on)."""
    rows, observations = tuple(rows), tuple(observations)
    day = period.baseline_on or period.start if definition.formula is Formula.CUMULATIVE else period.start
    points: list[tuple[date, Decimal | None]] = []
    while day <= period.end:
        value = compute(
            definition, rows, observations, period.until(day), channel=channel, item=item, currency=currency
        )
        points.append((day, value.value))
        day += timedelta(days=1)
    return tuple(points)


class _Rows:
    """One question, answered from rows."""

    def __init__(
        self,
        definition: Definition,
        facts: Sequence[FactRow],
        observations: Sequence[ObservationRow],
        period: Period,
        currency: str,
        subject: str,
    ) -> None:
        self.definition = definition
        self.facts = facts
        self.observations = observations
        self.period = period
        self.currency = currency
        self.subject = subject
        self.problem = Missing.NONE
        self.rows: dict[str, int] = {}

    def value(self) -> Value:
        definition = self.definition
        if definition.formula is Formula.SURVIVAL:
            number, missing = self.survival()
            inputs: dict[str, Decimal | None] = {}
        else:
            inputs = {name: self.aggregate(one) for name, one in definition.inputs.items()}
            number, missing = evaluate(definition, inputs)
        if self.problem is not Missing.NONE:
            number, missing = None, self.problem
        return Value(
            metric=definition.key,
            version=definition.version,
            value=number,
            unit=definition.unit,
            period_from=self.period.start,
            period_to=self.period.end,
            time_zone=self.period.zone,
            inputs=inputs,
            rows=self.rows,
            currency=self.currency if definition.unit is Unit.MONEY else "",
            subject=self.subject,
            missing=missing,
        )

    def aggregate(self, one: Input) -> Decimal | None:
        if one.source is Source.METRIC:
            other = get(one.metric)
            period = self.period.previous() if one.previous else self.period
            made = _Rows(other, self.facts, self.observations, period, self.currency, self.subject).value()
            self.rows[one.name] = sum(made.rows.values())
            return made.value
        if one.source is Source.OBSERVATIONS:
            return self.observed(one)
        return self.counted(one)

    # ------------------------------------------------------------------------------------------------- facts

    def chosen(self, one: Input) -> list[FactRow]:
        """Facts of the period that the input is about."""
        return [
            row
            for row in self.facts
            if row.kind in one.kinds
            and self.period.begin <= row.occurred_at < self.period.finish
            and all(row.column(column) in values for column, values in one.where.items())
        ]

    def counted(self, one: Input) -> Decimal | None:
        chosen = self.chosen(one)
        self.rows[one.name] = len(chosen)
        if not chosen and one.empty is Empty.MISSING:
            return None
        if one.aggregate is Aggregate.COUNT:
            return Decimal(len(chosen))
        if one.aggregate is Aggregate.SUM:
            return self.added(chosen)
        return Decimal(len(self.different(one, chosen)))

    def added(self, chosen: Sequence[FactRow]) -> Decimal | None:
        currencies = {row.currency for row in chosen if row.currency and row.amount is not None}
        if self.currency:
            currencies.add(self.currency)
        if len(currencies) > 1:
            self.problem = Missing.MIXED_CURRENCIES
            return None
        self.currency = next(iter(currencies), "")
        return sum((row.amount for row in chosen if row.amount is not None), Decimal(0))

    def different(self, one: Input, chosen: Sequence[FactRow]) -> set[str]:
        found = {_identity(row, one.field) for row in chosen} - {""}
        if not one.unless:
            return found
        latest: dict[str, tuple[datetime, bool]] = {}
        for row in self.facts:
            if row.kind in (*one.kinds, *one.unless) and row.occurred_at < self.period.finish:
                who = _identity(row, one.field)
                moment = (row.occurred_at, row.kind in one.unless)
                latest[who] = max(latest.get(who, moment), moment)
        return {who for who in found if not latest[who][1]}

    def survival(self) -> tuple[Decimal | None, Missing]:
        """Durations in the metric's unit, open ones watched up to the end of the period."""
        one = self.definition.input
        unit = {Unit.SECONDS: 1, Unit.MINUTES: 60, Unit.HOURS: 3600}.get(self.definition.unit, 86400)
        chosen = self.chosen(one)
        self.rows[one.name] = len(chosen)
        durations = []
        for row in chosen:
            ends = [
                other.occurred_at
                for other in self.facts
                if other.kind in one.until
                and other.subject == row.subject
                and row.occurred_at <= other.occurred_at < self.period.finish
            ]
            length = Decimal(str(((min(ends, default=self.period.finish)) - row.occurred_at).total_seconds()))
            durations.append(Duration(length / unit, bool(ends)))
        if self.definition.statistic == "share":
            return survival_share(durations, Decimal(self.definition.at_days or 0))
        return survival_quantile(durations, Decimal("0.9" if self.definition.statistic == "p90" else "0.5"))

    # ------------------------------------------------------------------------------------------ observations

    def observed(self, one: Input) -> Decimal | None:
        standing = self.standing(one)
        self.rows[one.name] = len(standing)
        if one.aggregate is Aggregate.SUM:
            if self.definition.pair:
                standing = {key: value for key, value in standing.items() if key[0] in self.paired()}
            return total(standing.values())
        by_subject: dict[str, Decimal] = {}
        for metric in reversed(one.metrics):  # the first counter that a subject has wins
            by_subject |= {subject: value for (subject, name), value in standing.items() if name == metric}
        if len(by_subject) > 1 and one.subject not in self.definition.additive_over:
            needed = self.definition.subject_required
            self.problem = Missing.SUBJECT_NEEDED if needed else Missing.NOT_ADDITIVE
            return None
        return total(by_subject.values())

    def standing(self, one: Input) -> dict[tuple[str, str], Decimal]:
        """(subject, counter) → its last reading in the input's time."""
        growing = self.definition.formula is Formula.CUMULATIVE
        begin = self.period.baseline if growing else self.period.begin
        latest: dict[tuple[str, str], tuple[datetime, Decimal]] = {}
        for row in self.observations:
            if row.metric not in one.metrics or row.subject_kind not in ("", one.subject):
                continue
            if one.aggregate is Aggregate.BASELINE:
                inside = row.observed_at < self.period.baseline
            else:
                inside = begin <= row.observed_at < self.period.finish
            if inside:
                key, reading = (row.subject, row.metric), (row.observed_at, row.value)
                latest[key] = max(latest.get(key, reading), reading)
        return {key: value for key, (_, value) in latest.items()}

    def paired(self) -> set[str]:
        """Subjects that report something of every input."""
        sides = [{subject for subject, _ in self.standing(one)} for one in self.definition.inputs.values()]
        return set.intersection(*sides)


def _once(rows: Iterable[FactRow]) -> list[FactRow]:
    """Each fact once, whatever the order; of two that claim one key, the one that happened later."""
    kept: dict[tuple[str, str], FactRow] = {}
    for row in rows:
        name = (row.kind, row.key)
        if name not in kept or (row.occurred_at, repr(row)) > (kept[name].occurred_at, repr(kept[name])):
            kept[name] = row
    return list(kept.values())


def _identity(row: FactRow, columns: Sequence[str]) -> str:
    """The first of the columns that is not empty, with its name, so that a key never equals a person."""
    return next((f"{column}:{row.column(column)}" for column in columns if row.column(column)), "")


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(zone))
