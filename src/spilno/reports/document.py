"""The results report: one object from which page, PDF and JSON are made (later slides and spreadsheet).

Nothing here reads a database. Whoever fills a report builds its targets with :func:`target_result`, its posts by
hand, and passes the whole to :func:`spilno.reports.sentences.spoken`, which writes what the charts say.
Unknown is ``None`` everywhere: missing is not zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from spilno.toolkit.metrics import Definition, Formula, Missing, Unit, Value, reached


@dataclass(frozen=True)
class Named:
    """A key and the name that people read, in the report's language."""

    key: str
    label: str


@dataclass(frozen=True)
class CurvePoint:
    """The value as it stood at the end of ``day``."""

    day: date
    value: Decimal | None


@dataclass(frozen=True)
class Part:
    """A part of a target's value by where it came from, e.g. the link's tag."""

    label: str
    value: Decimal


@dataclass(frozen=True)
class TargetResult:
    """One target and what became of it.

    ``value``, ``target`` in ``unit`` (a share is a fraction; money in ``currency``). ``baseline`` and ``last`` are
    in ``level_unit``: for growth the counter before the start and at the end (400 and 454), else the baseline
    that the brief states, in the value's own unit.
    """

    metric: str
    label: str
    unit: str
    target: Decimal | None
    value: Decimal | None
    reached: bool | None
    better: str = "up"
    description: str = ""
    subject: Named | None = None
    currency: str = ""
    baseline: Decimal | None = None
    last: Decimal | None = None
    level_unit: str = "count"
    is_change: bool = False  # growth: shown with its sign
    noun: Mapping[str, str] = field(default_factory=dict)  # plural category → word after a number
    due_on: date | None = None
    department: str = ""
    role: str = ""
    department_key: str = ""
    role_key: str = ""
    definition_version: int = 1
    curve: tuple[CurvePoint, ...] = ()
    parts: tuple[Part, ...] = ()
    missing: str = ""  # why there is no value (`toolkit.metrics.Missing`)
    sentence: str = ""
    facts_url: str = ""

    @property
    def title(self) -> str:
        """The label with its subject: "Приріст аудиторії · PM community"."""
        return f"{self.label} · {self.subject.label}" if self.subject else self.label


@dataclass(frozen=True)
class PostResult:
    """One post that went out. ``metrics`` by counter or KPI key; ``None`` and absent both mean unknown."""

    key: str
    title: str
    text: str
    channel: Named
    network: Named
    network_mark: str  # two letters
    network_color: str  # oklch() or #rrggbb
    placement: Named
    published_at: datetime  # aware
    url: str = ""
    by_hand: bool = False
    image_path: Path | None = None
    image_url: str = ""
    image_alt: str = ""
    metrics: Mapping[str, Decimal | None] = field(default_factory=dict)


@dataclass(frozen=True)
class ResultsReport:
    """Everything a results report says. Texts are already in ``language``; days are meant in ``time_zone``."""

    workspace: str
    slug: str
    title: str
    kind: Named
    community: str
    owner: str
    department: str
    question: str
    audience: str
    period_from: date
    period_to: date
    time_zone: str
    language: str
    generated_at: datetime  # aware
    currency: str = ""
    targets: tuple[TargetResult, ...] = ()
    posts: tuple[PostResult, ...] = ()
    metric_labels: Mapping[str, str] = field(default_factory=dict)  # heads of the posts' numbers, by key
    learned: str = ""
    notes: tuple[str, ...] = ()  # what is unknown and why
    headline: str = ""  # "Усі цілі досягнуто: 6 з 6"

    @property
    def today(self) -> date:
        """The day the report was made, in its time zone."""
        return self.generated_at.astimezone(ZoneInfo(self.time_zone)).date()

    @property
    def is_over(self) -> bool:
        """Is the period behind us?"""
        return self.today > self.period_to

    @property
    def all_reached(self) -> bool | None:
        """Are all targets reached? ``None`` if there is none, or one is unknown and none is behind."""
        verdicts = {one.reached for one in self.targets}
        if False in verdicts:
            return False
        return None if not verdicts or None in verdicts else True


def target_result(
    definition: Definition,
    value: Value,
    *,
    language: str,
    target: Decimal | None,
    baseline: Decimal | None = None,
    subject: Named | None = None,
    currency: str = "",
    due_on: date | None = None,
    department: str = "",
    role: str = "",
    curve: Sequence[CurvePoint] = (),
    parts: Sequence[Part] = (),
    facts_url: str = "",
) -> TargetResult:
    """A target's result from its definition and computed value. ``department`` and ``role`` are names to show."""
    is_change = definition.formula is Formula.CUMULATIVE
    return TargetResult(
        metric=definition.key,
        label=definition.label[language],
        description=definition.description[language],
        unit=str(definition.unit),
        target=target,
        value=value.value,
        reached=reached(definition, value.value, target),
        better=str(definition.better),
        subject=subject,
        currency=(value.currency or currency) if definition.unit is Unit.MONEY else "",
        baseline=value.inputs.get("baseline") if is_change else baseline,
        last=value.inputs.get("last") if is_change else None,
        level_unit="count" if is_change else str(definition.unit),
        is_change=is_change,
        noun=dict(definition.noun.get(language, {})),
        due_on=due_on,
        department=department,
        role=role,
        department_key=definition.department,
        role_key=definition.role,
        definition_version=value.version,
        curve=tuple(curve),
        parts=tuple(parts),
        missing="" if value.missing is Missing.NONE else str(value.missing),
        facts_url=facts_url,
    )


# -------------------------------------------------------------------------------------------------------- JSON


def to_json(report: ResultsReport) -> dict[str, Any]:
    """The report as JSON-able data, the contract of ``spilno report --format json`` and of the API.

    Shares are fractions (0.135), counts whole numbers, money texts with their currency ("39000 UAH"), days ISO,
    times ISO with the offset of the report's zone. Unknown is ``null``.
    """
    return {
        "initiative": report.slug,
        "title": report.title,
        "kind": report.kind.key,
        "workspace": report.workspace,
        "community": report.community or None,
        "owner": report.owner or None,
        "department": report.department or None,
        "question": report.question,
        "audience": report.audience,
        "period": {"from": report.period_from.isoformat(), "to": report.period_to.isoformat()},
        "time_zone": report.time_zone,
        "language": report.language,
        "generated_at": _moment(report.generated_at, report.time_zone),
        "headline": report.headline,
        "targets": [_target(one) for one in report.targets],
        "posts": [_post(one, report) for one in report.posts],
        "learned": report.learned or None,
        "notes": list(report.notes),
    }


def _target(one: TargetResult) -> dict[str, Any]:
    def plain(number: Decimal | None) -> int | float | str | None:
        return as_json(number, unit=one.unit, currency=one.currency)

    def level(number: Decimal | None) -> int | float | str | None:
        return as_json(number, unit=one.level_unit, currency=one.currency)

    return {
        "metric": one.metric,
        "label": one.label,
        "subject": one.subject.key if one.subject else None,
        "subject_label": one.subject.label if one.subject else None,
        "unit": one.unit,
        "baseline": level(one.baseline),
        "last": level(one.last),
        "target": plain(one.target),
        "value": plain(one.value),
        "reached": one.reached,
        "missing": one.missing or None,
        "due_on": one.due_on.isoformat() if one.due_on else None,
        "department": one.department_key or None,
        "role": one.role_key or None,
        "definition_version": one.definition_version,
        "sentence": one.sentence,
        "parts": [{"label": part.label, "value": plain(part.value)} for part in one.parts],
        "curve": [{"day": point.day.isoformat(), "value": plain(point.value)} for point in one.curve],
        "facts": one.facts_url or None,
    }


def _post(one: PostResult, report: ResultsReport) -> dict[str, Any]:
    return {
        "key": one.key,
        "title": one.title,
        "channel": one.channel.key,
        "network": one.network.key,
        "placement": one.placement.key,
        "published_at": _moment(one.published_at, report.time_zone),
        "url": one.url or None,
        "by_hand": one.by_hand,
        "metrics": {
            key: as_json(number, unit="count", currency="") for key, number in sorted(one.metrics.items())
        },
    }


def as_json(number: Decimal | None, *, unit: str, currency: str) -> int | float | str | None:
    """One value for JSON: money ``"39000 UAH"``, whole numbers as such, the rest as the nearest number."""
    if number is None:
        return None
    whole = number == number.to_integral_value()
    if unit == "money":
        amount = f"{number.quantize(Decimal(1) if whole else Decimal('0.01')):f}"
        return f"{amount} {currency}".strip()
    return int(number) if whole else float(number)


def _moment(value: datetime, zone: str) -> str:
    return value.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
