"""Changing a brief and its targets.

A draft may be changed freely. A ready brief is an agreement: its task and its targets change only after it
was reopened, so that nobody moves the goal without everybody seeing it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from spilno.briefs import queries
from spilno.briefs.models import Brief, BriefState, ReportFormat, Target
from spilno.briefs.unset import UNSET, Unset
from spilno.briefs.values import LARGEST, baseline_unit, may_be_negative, storable
from spilno.channels.models import Channel
from spilno.kernel.errors import Conflict, UserError
from spilno.team import audit
from spilno.team.models import Person
from spilno.team.permissions import Permission, require
from spilno.toolkit.metrics import Better, Definition, Subject, Unit, get

TASK_LENGTH = 600
AUDIENCE_LENGTH = 2000


@transaction.atomic
def save_brief(
    *,
    brief: Brief,
    by: Person | None,
    now: datetime,
    expected_version: int,
    task: Mapping[str, str],
    audience: Mapping[str, str],
    content_due: date | None,
    budget: Decimal | None,
    report_formats: Iterable[str],
) -> Brief:
    """Write the brief's words. ``task``, ``audience``: LocalTexts; ``budget`` in the workspace's currency.

    Saving what is already there changes nothing. If somebody else saved since ``expected_version`` was read,
    nothing is written and the error carries both sides: ``params["typed"]`` and ``params["current"]`` map the
    fields that differ to their values, ``params["version"]`` is the version to answer with.

    :raises Conflict: ``brief_changed``.
    :raises UserError: ``brief_is_ready`` (the task of a ready brief), ``text_too_long``, ``budget_negative``,
        ``number_too_large``, ``number_too_precise``, ``content_due_late``, ``unknown_report_format``.
    """
    require(by, Permission.BRIEF_EDIT)
    typed: dict[str, Any] = {
        "task": _texts(task, "task", TASK_LENGTH),
        "audience": _texts(audience, "audience", AUDIENCE_LENGTH),
        "content_due": content_due,
        "budget": _budget(budget),
        "report_formats": _formats(report_formats),
    }
    current = _locked(brief)
    changed = {name: value for name, value in typed.items() if getattr(current, name) != value}
    if not changed:
        return current
    if current.version != expected_version:
        raise Conflict(
            "brief_changed",
            version=current.version,
            typed=changed,
            current={name: getattr(current, name) for name in changed},
        )
    if "task" in changed:
        _draft_only(current, "task")
    if "content_due" in changed and content_due is not None and content_due > current.initiative.ends_on:
        raise UserError("content_due_late", field="content_due")
    for name, value in changed.items():
        setattr(current, name, value)
    current.version += 1
    current.updated_at = now
    current.save(update_fields=[*changed, "version", "updated_at"])
    _note(current, by, now, "brief.saved", fields=list(changed))
    return current


@transaction.atomic
def add_target(
    *,
    brief: Brief,
    by: Person | None,
    now: datetime,
    metric: str,
    value: Decimal,
    channel: Channel | None = None,
    baseline: Decimal | None = None,
    due_on: date | None = None,
) -> Target:
    """A result wanted: a KPI of the catalogue, its value (a share as a fraction) and the day.

    Without ``due_on`` the initiative's last day holds. ``baseline`` is where it starts from, if somebody
    knows; for growth it is the number that grows (:func:`spilno.briefs.values.baseline_unit`).

    :raises UserError: ``unknown_metric``, ``target_channel_missing``, ``target_channel_not_wanted``,
        ``unknown_channel``, ``target_twice``, ``target_not_positive``, ``target_negative``,
        ``number_must_be_whole``, ``number_too_large``, ``number_too_precise``, ``target_too_early``,
        ``brief_is_ready``.
    """
    require(by, Permission.BRIEF_EDIT)
    current = _locked(brief)
    _draft_only(current, "metric")
    definition = _definition(metric)
    target = Target(workspace_id=current.workspace_id, brief=current, metric=metric)
    _fill(target, definition, value=value, channel=channel, baseline=baseline, due_on=due_on)
    last = current.targets.aggregate(last=Max("position"))["last"]
    target.position = 0 if last is None else last + 1
    try:
        with transaction.atomic():
            target.save(force_insert=True)
    except IntegrityError as error:
        raise UserError("target_twice", field="metric") from error
    _note(current, by, now, "target.added", metric=metric, value=str(target.value), channel=_key(channel))
    return target


@transaction.atomic
def update_target(
    *,
    target: Target,
    by: Person | None,
    now: datetime,
    value: Decimal | Unset = UNSET,
    channel: Channel | Unset | None = UNSET,
    baseline: Decimal | Unset | None = UNSET,
    due_on: date | Unset | None = UNSET,
) -> Target:
    """Change what is named of a target, leave the rest; its metric stays.

    :raises UserError: as :func:`add_target`; ``target_gone`` if somebody removed it.
    """
    require(by, Permission.BRIEF_EDIT)
    brief = _locked(target.brief)
    _draft_only(brief, "value")
    current = Target.objects.select_related("channel").filter(pk=target.pk).first()
    if current is None:
        raise UserError("target_gone")
    before = (current.value, current.channel_id, current.baseline, current.due_on)
    was = str(current.value)
    current.brief = brief
    _fill(
        current,
        _definition(current.metric),
        value=current.value if isinstance(value, Unset) else value,
        channel=current.channel if isinstance(channel, Unset) else channel,
        baseline=current.baseline if isinstance(baseline, Unset) else baseline,
        due_on=current.due_on if isinstance(due_on, Unset) else due_on,
    )
    if (current.value, current.channel_id, current.baseline, current.due_on) == before:
        return current
    try:
        with transaction.atomic():
            current.save(update_fields=["value", "channel", "baseline", "due_on"])
    except IntegrityError as error:
        raise UserError("target_twice", field="channel") from error
    _note(
        brief, by, now, "target.changed",
        metric=current.metric, value=str(current.value), was=was, channel=_key(current.channel),
    )  # fmt: skip
    return current


@transaction.atomic
def remove_target(*, target: Target, by: Person | None, now: datetime) -> None:
    """:raises UserError: ``brief_is_ready``. Removing it twice is no error."""
    require(by, Permission.BRIEF_EDIT)
    brief = _locked(target.brief)
    _draft_only(brief, "targets")
    current = Target.objects.filter(pk=target.pk).first()
    if current is not None:
        current.delete()
        _note(brief, by, now, "target.removed", metric=current.metric, value=str(current.value))


@transaction.atomic
def mark_ready(*, brief: Brief, by: Person | None, now: datetime) -> Brief:
    """The brief is agreed. Marking it twice is no error.

    :raises UserError: ``brief_not_ready``; ``field`` and ``params["missing"]`` (codes) say what is missing.
    """
    require(by, Permission.BRIEF_EDIT)
    current = _locked(brief)
    if current.state == BriefState.READY:
        return current
    if lacking := queries.missing(current):
        raise UserError(
            "brief_not_ready",
            field=lacking[0].field,
            missing=[one.code for one in lacking],
            first=str(lacking[0].text),
        )
    current.state, current.ready_at, current.updated_at = BriefState.READY, now, now
    current.save(update_fields=["state", "ready_at", "updated_at"])
    _note(current, by, now, "brief.ready")
    return current


@transaction.atomic
def reopen(*, brief: Brief, by: Person | None, now: datetime) -> Brief:
    """Back to a draft, so that task and targets can change. Reopening a draft is no error."""
    require(by, Permission.BRIEF_EDIT)
    current = _locked(brief)
    if current.state == BriefState.DRAFT:
        return current
    current.state, current.ready_at, current.updated_at = BriefState.DRAFT, None, now
    current.save(update_fields=["state", "ready_at", "updated_at"])
    _note(current, by, now, "brief.reopened")
    return current


def _locked(brief: Brief) -> Brief:
    # Task, targets and state change under the brief's lock: it cannot become ready while it loses a target.
    return (
        Brief.objects.select_for_update(of=("self",))
        .select_related("workspace", "initiative")
        .get(pk=brief.pk)
    )


def _draft_only(brief: Brief, field: str) -> None:
    if brief.state != BriefState.DRAFT:
        raise UserError("brief_is_ready", field=field)


def _definition(metric: str) -> Definition:
    try:
        return get(metric)
    except KeyError as error:
        raise UserError("unknown_metric", field="metric", metric=metric[:60]) from error


def _fill(
    target: Target,
    definition: Definition,
    *,
    value: Decimal,
    channel: Channel | None,
    baseline: Decimal | None,
    due_on: date | None,
) -> None:
    check_channel(definition, channel, target.workspace_id)
    target.value = check_number(definition, value, definition.unit, field="value")
    if definition.better is Better.UP and target.value <= 0 and not may_be_negative(definition):
        raise UserError("target_not_positive", field="value")
    if baseline is not None:
        baseline = check_number(definition, baseline, baseline_unit(definition), field="baseline")
    initiative = target.brief.initiative
    if due_on is not None and due_on < initiative.starts_on:
        raise UserError("target_too_early", field="due_on")
    target.channel, target.baseline, target.due_on = channel, baseline, due_on


def check_channel(definition: Definition, channel: Channel | None, workspace_id: Any) -> None:
    """Is the metric asked about something it can be asked about?

    :raises UserError: ``target_channel_missing``, ``target_channel_not_wanted``, ``unknown_channel``.
    """
    if channel is None:
        if definition.subject_required and definition.accepts(Subject.CHANNEL):
            raise UserError("target_channel_missing", field="channel")
        return
    if channel.workspace_id != workspace_id:
        raise UserError("unknown_channel", field="channel")
    if not definition.accepts(Subject.CHANNEL):
        raise UserError("target_channel_not_wanted", field="channel")


def check_number(definition: Definition, value: Decimal, unit: Unit, *, field: str) -> Decimal:
    """A value that the metric can have and the columns can hold.

    :raises UserError: ``target_negative``, ``number_must_be_whole``, ``number_too_large``,
        ``number_too_precise``.
    """
    kept = storable(value, field=field)
    signed = may_be_negative(definition) and unit is definition.unit
    if kept < 0 and not signed:
        raise UserError("target_negative", field=field)
    if unit is Unit.COUNT and kept != kept.to_integral_value():
        raise UserError("number_must_be_whole", field=field, typed=str(value))
    return kept


def _texts(value: Mapping[str, str], field: str, limit: int) -> dict[str, str]:
    kept = {language: text.strip() for language, text in value.items() if text.strip()}
    if any(len(text) > limit for text in kept.values()):
        raise UserError("text_too_long", field=field, limit=limit)
    return kept


def _budget(value: Decimal | None) -> Decimal | None:
    if value is None:
        return None
    if not value.is_finite() or value < 0:
        raise UserError("budget_negative", field="budget")
    if value >= LARGEST / 100:
        raise UserError("number_too_large", field="budget")
    kept = value.quantize(Decimal("0.01"))
    if kept != value:
        raise UserError("number_too_precise", field="budget")
    return kept


def _formats(values: Iterable[str]) -> list[str]:
    wanted = set(values)
    if unknown := wanted - set(ReportFormat.values):
        raise UserError("unknown_report_format", field="report_formats", format=min(unknown)[:20])
    return [one for one in ReportFormat.values if one in wanted]


def _key(channel: Channel | None) -> str:
    return channel.key if channel else ""


def _note(brief: Brief, by: Person | None, now: datetime, action: str, **detail: Any) -> None:
    audit.record(
        workspace=brief.workspace, by=by, action=action, object_kind="brief",
        object_id=brief.pk, now=now, initiative_id=brief.initiative_id, **detail,
    )  # fmt: skip
