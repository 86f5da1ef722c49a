"""The results wanted, as rows and as a form that keeps what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _

from spilno.briefs import queries, suggestions
from spilno.briefs.models import Initiative, Target
from spilno.briefs.values import as_typed, baseline_unit, read_number
from spilno.channels.models import Channel
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import read_day
from spilno.interfaces.web.views.initiative_frame import language_of
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.team.models import Department, Role, Workspace
from spilno.toolkit.metrics import Definition, Subject, Unit, all_definitions, get

EXAMPLES = {Unit.SHARE: "10 %", Unit.MONEY: "35 000", Unit.COUNT: "40", Unit.HOURS: "8", Unit.MINUTES: "60"}


@dataclass(frozen=True)
class TargetRow:
    """One target as it is shown."""

    id: UUID
    label: str
    description: str
    accountable: str  # who moves it, and which department answers for it
    channel: str
    value: Decimal
    baseline: Decimal | None
    unit: str
    baseline_unit: str
    due_on: date
    better: str
    signed: bool
    known: bool


@dataclass(frozen=True)
class Chip:
    """A metric that fits the kind of initiative, to add with one press."""

    key: str
    label: str


@dataclass(frozen=True)
class TargetForm:
    """The form of one target: what was typed, and what is wrong with it. ``target``: the one that is changed."""

    metric: str = ""
    value: str = ""
    baseline: str = ""
    channel: str = ""
    due_on: str = ""
    target: Target | None = None
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def blank(cls, metric: str) -> TargetForm | None:
        """The form for a new target of that metric; ``None`` as long as no metric is chosen."""
        return cls(metric=metric) if metric and _definition(metric) else None

    @classmethod
    def typed(cls, data: QueryDict, target: Target | None = None) -> TargetForm:
        return cls(
            metric=target.metric if target else data.get("metric", "")[:60],
            value=data.get("value", ""),
            baseline=data.get("baseline", ""),
            channel=data.get("channel", ""),
            due_on=data.get("due_on", ""),
            target=target,
        )

    @classmethod
    def of(cls, target: Target) -> TargetForm:
        definition = _definition(target.metric)
        unit = definition.unit if definition else Unit.COUNT
        base = baseline_unit(definition) if definition else Unit.COUNT
        sign = "." if language_of() == "en" else ","
        return cls(
            metric=target.metric,
            value=as_typed(target.value, unit, decimal_sign=sign),
            baseline=as_typed(target.baseline, base, decimal_sign=sign),
            channel=target.channel.key if target.channel else "",
            due_on=target.due_on.isoformat() if target.due_on else "",
            target=target,
        )

    def wrong(self, error: UserError) -> TargetForm:
        known = error.field if error.field in ("metric", "value", "baseline", "channel", "due_on") else ""
        return replace(self, errors={known: text_of(error)})

    def values(self, workspace: Workspace) -> dict[str, Any]:
        """What the domain takes.

        :raises UserError: ``unknown_metric``, ``unknown_channel``, ``date_wrong`` and what ``read_number`` raises.
        """
        definition = _definition(self.metric)
        if definition is None:
            raise UserError("unknown_metric", field="metric", metric=self.metric)
        channel = None
        if self.channel:
            channel = Channel.objects.filter(workspace=workspace, key=self.channel).first()
            if channel is None:
                raise UserError("unknown_channel", field="channel")
        base = self.baseline.strip()
        return {
            "value": read_number(self.value, definition.unit, field="value"),
            "baseline": read_number(base, baseline_unit(definition), field="baseline") if base else None,
            "channel": channel,
            "due_on": read_day(self.due_on, "due_on"),
        }

    @property
    def definition(self) -> Definition | None:
        return _definition(self.metric)

    @property
    def label(self) -> str:
        return pick(self.definition.label, language_of()) if self.definition else self.metric

    @property
    def description(self) -> str:
        return pick(self.definition.description, language_of()) if self.definition else ""

    @property
    def takes_channel(self) -> bool:
        return self.definition is not None and self.definition.accepts(Subject.CHANNEL)

    @property
    def needs_channel(self) -> bool:
        return self.takes_channel and self.definition is not None and self.definition.subject_required

    @property
    def example(self) -> str:
        return EXAMPLES.get(self.definition.unit, "") if self.definition else ""

    @property
    def unit(self) -> str:
        return self.definition.unit if self.definition else ""

    @property
    def grows(self) -> bool:
        """Is the baseline a number that grows, and the target its growth?"""
        return self.definition is not None and baseline_unit(self.definition) is not self.definition.unit


@dataclass(frozen=True)
class TargetsPart:
    rows: tuple[TargetRow, ...]
    form: TargetForm | None
    chips: tuple[Chip, ...]
    metrics: tuple[tuple[str, str], ...]  # (key, label), by name
    channels: tuple[tuple[str, str], ...]
    may_change: bool
    currency: str
    problem: str = ""

    @property
    def changes(self) -> UUID | None:
        """The target whose row is a form now."""
        return self.form.target.pk if self.form and self.form.target else None

    @property
    def channel_choices(self) -> tuple[tuple[str, str], ...]:
        return (("", _("Choose a channel")), *self.channels)

    @property
    def all_channels(self) -> tuple[tuple[str, str], ...]:
        return (("", _("All channels")), *self.channels)

    @property
    def adds(self) -> bool:
        return self.form is not None and self.form.target is None and bool(self.form.metric)


def targets_part(
    workspace: Workspace,
    initiative: Initiative,
    rows: list[Target],
    *,
    may_edit: bool,
    form: TargetForm | None = None,
) -> TargetsPart:
    """Everything the section shows; two queries beside those for the targets."""
    language = language_of()
    departments = {
        one.key: pick(one.name, language, workspace.language)
        for one in Department.objects.filter(workspace=workspace)
    }
    may_change = may_edit and initiative.brief.state == "draft"
    channels = Channel.objects.filter(workspace=workspace) if may_change else []
    kept = form.channel if form else ""  # a channel that was disconnected since stays what it is
    taken = frozenset(one.metric for one in rows)
    every = sorted(
        ((one.key, pick(one.label, language)) for one in all_definitions()), key=lambda one: one[1]
    )
    return TargetsPart(
        rows=tuple(_row(one, initiative, departments, language) for one in rows),
        form=form if may_change else None,
        chips=tuple(
            Chip(one.key, pick(one.label, language))
            for one in suggestions.metrics_for(initiative.kind, without=taken)
        ),
        metrics=(("", _("Another KPI…")), *every),
        channels=tuple((one.key, one.name) for one in channels if one.is_active or one.key == kept),
        may_change=may_change,
        currency=workspace.currency,
        # While the form itself is not shown (the brief became ready meanwhile), its error is the section's.
        problem=_problem(form, shown=may_change),
    )


def _problem(form: TargetForm | None, *, shown: bool) -> str:
    if form is None:
        return ""
    if shown and form.metric:
        return form.errors.get("", "")
    return next(iter(form.errors.values()), "")


def _row(target: Target, initiative: Initiative, departments: Mapping[str, str], language: str) -> TargetRow:
    definition = _definition(target.metric)
    roles = dict(Role.choices)
    accountable = ""
    if definition:
        department = departments.get(definition.department, definition.department)
        accountable = f"{roles.get(definition.role, definition.role)} · {department}"
    return TargetRow(
        id=target.pk,
        label=pick(definition.label, language) if definition else target.metric,
        description=pick(definition.description, language) if definition else "",
        accountable=accountable,
        channel=target.channel.name if target.channel else "",
        value=target.value,
        baseline=target.baseline,
        unit=definition.unit if definition else Unit.COUNT,
        baseline_unit=baseline_unit(definition) if definition else Unit.COUNT,
        due_on=queries.due_of(target, initiative),
        better=definition.better if definition else "up",
        signed=definition is not None and baseline_unit(definition) is not definition.unit,
        known=definition is not None,
    )


def _definition(metric: str) -> Definition | None:
    try:
        return get(metric)
    except KeyError:
        return None
