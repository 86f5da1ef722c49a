"""Observations, fetched for any number of inputs of any number of questions in one query.

Only the last reading of each subject and counter leaves the database (of each day, where a curve is wanted).
"""

# ruff: noqa: S608 - what is put into the SQL are names written here; every value is a parameter

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from spilno.measurement.counting import PER_QUERY, Key
from spilno.measurement.questions import Question, Scope
from spilno.toolkit.metrics import Aggregate, Formula, Input, Source, Subject


@dataclass(frozen=True)
class Read:
    """The last reading of one counter of one subject, on ``day`` if days were asked for."""

    day: date | None
    subject: UUID
    metric: str
    value: Decimal


def read(questions: Sequence[Question], *, by_day: bool = False) -> dict[Key, list[Read]]:
    """What stands for every input read from observations, oldest day first.

    :param by_day: the last reading of each day (in the period's zone); baselines are one reading all the same.
    """
    wanted = [
        ((number, name), question, one)
        for number, question in enumerate(questions)
        for name, one in question.definition.inputs.items()
        if one.source is Source.OBSERVATIONS
    ]
    found: dict[Key, list[Read]] = defaultdict(list)
    for start in range(0, len(wanted), PER_QUERY):
        parts, params = [], []
        for key, question, one in wanted[start : start + PER_QUERY]:
            sql, values = _part(question, one, by_day)
            parts.append(f"SELECT %s::int AS question, %s::text AS input, part.* FROM ({sql}) AS part")
            params += [*key, *values]
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts) + " ORDER BY 1, 2, 3", params)
            for number, name, *rest in cursor.fetchall():
                found[number, name].append(Read(*rest))
    return found


def _part(question: Question, one: Input, by_day: bool) -> tuple[str, list[Any]]:
    period = question.period
    day, zone = "NULL::date", []
    if by_day and one.aggregate is not Aggregate.BASELINE:
        day, zone = "(o.observed_at AT TIME ZONE %s)::date", [period.zone]
    parts = ["o.workspace_id = %s", "NOT o.void", "o.metric = ANY(%s::text[])"]
    values: list[Any] = [question.scope.workspace_id, list(one.metrics)]
    if one.aggregate is Aggregate.BASELINE:
        parts.append("o.observed_at < %s")
        values.append(period.baseline)
    else:
        growing = question.definition.formula is Formula.CUMULATIVE
        parts.append("o.observed_at >= %s AND o.observed_at < %s")
        values += [period.baseline if growing else period.begin, period.finish]
    if question.as_of is not None:
        parts.append("o.observed_at <= %s")
        values.append(question.as_of)
    if one.subject is not None:
        parts.append("o.subject_kind = %s")
        values.append(str(one.subject))
        narrower, more = _subjects(question.scope, one.subject)
        if narrower:
            parts.append(f"o.subject_id IN ({narrower})")
            values += more
    sql = f"""
        SELECT DISTINCT ON (o.subject_id, o.metric, days.day) days.day, o.subject_id, o.metric, o.value
        FROM facts_observation o CROSS JOIN LATERAL (SELECT {day} AS day) AS days
        WHERE {" AND ".join(parts)}
          AND NOT EXISTS (SELECT 1 FROM facts_observation n WHERE n.corrects_id = o.id)
        ORDER BY o.subject_id, o.metric, days.day, o.observed_at DESC, o.value DESC"""
    return sql, [*zone, *values]


def _subjects(scope: Scope, subject: Subject) -> tuple[str, list[Any]]:
    """A query of the ids that may be read about; "" for all of the workspace."""
    if subject is Subject.CHANNEL and scope.channel_id is not None:
        return "SELECT %s::uuid", [scope.channel_id]
    narrower, values = [], []
    for condition, value in (
        ("i.initiative_id = %s AND i.deleted_at IS NULL", scope.initiative_id),
        ("v.channel_id = %s", scope.channel_id),
        ("v.item_id = %s", scope.item_id),
    ):
        if value is not None:
            narrower.append(condition)
            values.append(value)
    if not narrower:
        return "", []
    column = "v.channel_id" if subject is Subject.CHANNEL else "v.id"
    return (
        f"SELECT {column} FROM plan_variant v JOIN plan_item i ON i.id = v.item_id "
        f"WHERE v.workspace_id = %s AND {' AND '.join(narrower)}",
        [scope.workspace_id, *values],
    )
