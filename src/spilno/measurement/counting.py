"""Facts, aggregated by the database: any number of inputs of any number of questions in one query.

Every input becomes a series of *changes by day*: what a day added to (or, with cancellations, took from) the
number. Added up to a day they are the value as it stood at that day's end, so that one query serves both the
value and its curve. The rules are those of ``toolkit.metrics.rows``, which the tests hold against this.
"""

# ruff: noqa: S608 - what is put into the SQL are names written here; every value is a parameter

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import connection

from spilno.measurement.questions import Question
from spilno.toolkit.metrics import Aggregate, Input, Source
from spilno.toolkit.metrics.formulas import Duration

PER_QUERY = 150
"""Inputs answered by one statement: enough for any page, small enough for the database to plan it quickly."""

_COLUMNS = {
    "subject": "f.subject",
    "actor": "f.actor",
    # A key is only unique within its source.
    "key": "f.source || ':' || f.source_key",
    "item": "coalesce(f.item_id::text, '')",
    "channel": "coalesce(f.channel_id::text, '')",
    "amount": "coalesce(f.amount::text, '')",
}
_FILTERS = ("actor_scope", "utm_source", "utm_medium", "utm_campaign")


class Split(StrEnum):
    """What numbers are kept apart by."""

    NOT = ""
    DAY = "day"  # a date in the period's zone; a person counts on the first day they are seen
    ITEM = "item"  # the plan item (post) that a fact is attributed to, or None
    PLACE = "place"  # "item id/channel id" of the post, or None where one of them is not known
    TAG = "tag"  # the link's tag: "utm_source/utm_medium"


_SPLITS = {
    Split.NOT: "NULL::text",
    Split.DAY: "(f.occurred_at AT TIME ZONE %s)::date",
    Split.ITEM: "f.item_id",
    Split.PLACE: "f.item_id::text || '/' || f.channel_id::text",
    Split.TAG: "f.utm_source || '/' || f.utm_medium",
}


@dataclass
class Counted:
    """What facts say about one input, up to some day."""

    number: Decimal = Decimal(0)
    rows: int = 0
    currencies: set[str] = field(default_factory=set)

    def add(self, other: Counted) -> None:
        """Take in what another day brought."""
        self.number += other.number
        self.rows += other.rows
        self.currencies |= other.currencies


Key = tuple[int, str]
"""Number of the question, name of the input."""


def count(questions: Sequence[Question], split: Split = Split.NOT) -> dict[Key, dict[Any, Counted]]:
    """Counts, sums and distinct counts of all inputs read from facts.

    What each day changed, or what belongs to each post or tag, by ``split``; else everything stands under
    ``None``. Only days add up to the whole: a person may have come by two posts.
    """
    wanted = _inputs(questions, {Aggregate.COUNT, Aggregate.SUM, Aggregate.DISTINCT})
    found: dict[Key, dict[Any, Counted]] = {key: {} for key, _, _ in wanted}
    for some in _chunks(wanted):
        parts, params = [], []
        for key, question, one in some:
            sql, values = _part(question, one, split)
            parts.append(f"SELECT %s::int AS question, %s::text AS input, part.* FROM ({sql}) AS part")
            params += [*key, *values]
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts) + " ORDER BY 1, 2, 3", params)
            for number, name, group, change, rows, currencies in cursor.fetchall():
                found[number, name][group] = Counted(Decimal(change), int(rows), set(currencies or ()))
    return found


def durations(questions: Sequence[Question]) -> dict[Key, list[Duration]]:
    """For survival: seconds from each fact to the first fact of ``until`` with the same subject.

    What has not ended is watched until the period's end or the moment asked for.
    """
    wanted = _inputs(questions, {Aggregate.DURATION})
    found: dict[Key, list[Duration]] = defaultdict(list)
    for some in _chunks(wanted):
        parts, params = [], []
        for key, question, one in some:
            chosen, values = _chosen(question, one.kinds, one)
            until = question.period.finish
            if question.as_of is not None:
                until = min(until, question.as_of)
            parts.append(
                f"""
                SELECT %s::int, %s::text,
                       extract(epoch FROM coalesce(ending.at, %s) - f.occurred_at), ending.at IS NOT NULL
                FROM facts_fact f LEFT JOIN LATERAL (
                    SELECT min(g.occurred_at) AS at FROM facts_fact g
                    WHERE g.workspace_id = f.workspace_id AND g.kind = ANY(%s::text[])
                      AND g.subject = f.subject AND g.initiative_id IS NOT DISTINCT FROM f.initiative_id
                      AND g.occurred_at >= f.occurred_at AND g.occurred_at <= %s AND NOT g.void
                      AND NOT EXISTS (SELECT 1 FROM facts_fact n WHERE n.corrects_id = g.id)
                ) ending ON true
                WHERE {chosen}"""
            )
            params += [*key, until, list(one.until), until, *values]
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), params)
            for number, name, seconds, ended in cursor.fetchall():
                found[number, name].append(Duration(Decimal(seconds), ended))
    return found


# ---------------------------------------------------------------------------------------------------- the SQL


def _inputs(questions: Sequence[Question], kinds: set[Aggregate]) -> list[tuple[Key, Question, Input]]:
    return [
        ((number, name), question, one)
        for number, question in enumerate(questions)
        for name, one in question.definition.inputs.items()
        if one.source is Source.FACTS and one.aggregate in kinds
    ]


def _chunks(wanted: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(wanted), PER_QUERY):
        yield wanted[start : start + PER_QUERY]


def _part(question: Question, one: Input, split: Split) -> tuple[str, list[Any]]:
    """(group, number, rows, currencies) of one input."""
    group = _SPLITS[split]
    zone = [question.period.zone] if split is Split.DAY else []
    if one.aggregate is Aggregate.DISTINCT and one.unless:
        return _distinct_unless(question, one, split, group, zone)
    chosen, values = _chosen(question, one.kinds, one)
    if one.aggregate is Aggregate.DISTINCT:
        first, by = (f"min({group})", "1") if split is Split.DAY else (group, "1, 2")
        inner = (
            f"SELECT {_identity(one)} AS who, {first} AS part, count(*) AS rows "
            f"FROM facts_fact f WHERE {chosen} GROUP BY {by}"
        )
        sql = (
            "SELECT part, count(*) FILTER (WHERE who <> '')::numeric, sum(rows), NULL::text[] "
            f"FROM ({inner}) AS people GROUP BY part"
        )
        return sql, [*zone, *values]
    if one.aggregate is Aggregate.SUM:
        currencies = "array_agg(DISTINCT f.currency) FILTER (WHERE f.currency <> '' AND f.amount IS NOT NULL)"
        number = "coalesce(sum(f.amount), 0)"
    else:
        currencies, number = "NULL::text[]", "count(*)::numeric"
    sql = (
        f"SELECT groups.part, {number}, count(*), {currencies} FROM facts_fact f "
        f"CROSS JOIN LATERAL (SELECT {group} AS part) AS groups WHERE {chosen} GROUP BY groups.part"
    )
    return sql, [*zone, *values]


def _distinct_unless(
    question: Question, one: Input, split: Split, group: str, zone: list[str]
) -> tuple[str, list[Any]]:
    """Whoever's latest fact is of a kind in ``unless`` does not count; each event moves the number by +1, 0, −1."""
    within, values = _chosen(question, (*one.kinds, *one.unless), None)
    narrower, narrow_values = _where(question, one)
    # Over days, a person's events are one story; posts and tags each have their own.
    who = "who" if split in (Split.NOT, Split.DAY) else "part, who"
    sql = f"""
        SELECT part, sum(counts - coalesce(before, 0))::numeric, sum(chosen::int), NULL::text[]
        FROM (
            SELECT part, chosen, counts,
                   lag(counts) OVER (PARTITION BY {who} ORDER BY occurred_at, ends, id) AS before
            FROM (
                SELECT who, part, chosen, occurred_at, ends, id,
                       (who <> '' AND NOT ends AND bool_or(chosen) OVER (
                           PARTITION BY {who} ORDER BY occurred_at, ends, id ROWS UNBOUNDED PRECEDING
                       ))::int AS counts
                FROM (
                    SELECT {_identity(one)} AS who, {group} AS part, f.occurred_at, f.id,
                           f.kind = ANY(%s::text[]) AS ends,
                           (f.kind = ANY(%s::text[]) {narrower}) AS chosen
                    FROM facts_fact f WHERE {within}
                ) AS events
            ) AS states
        ) AS moves GROUP BY part"""
    return sql, [*zone, list(one.unless), list(one.kinds), *narrow_values, *values]


def _chosen(question: Question, kinds: Iterable[str], one: Input | None) -> tuple[str, list[Any]]:
    """Effective facts ``f`` of the kinds, in scope, period and time; narrowed as ``one`` says."""
    scope, period = question.scope, question.period
    parts = [
        "f.workspace_id = %s",
        "NOT f.void",
        "f.kind = ANY(%s::text[])",
        "f.occurred_at >= %s",
        "f.occurred_at < %s",
    ]
    values: list[Any] = [scope.workspace_id, list(kinds), period.begin, period.finish]
    if question.as_of is not None:
        parts.append("f.occurred_at <= %s")
        values.append(question.as_of)
    for column, wanted in (
        ("initiative_id", scope.initiative_id),
        ("channel_id", scope.channel_id),
        ("item_id", scope.item_id),
    ):
        if wanted is not None:
            parts.append(f"f.{column} = %s")
            values.append(wanted)
    sql = " AND ".join(parts)
    if one is not None:
        narrower, more = _where(question, one)
        sql += f" {narrower}"
        values += more
    return f"{sql} AND NOT EXISTS (SELECT 1 FROM facts_fact n WHERE n.corrects_id = f.id)", values


def _where(question: Question, one: Input) -> tuple[str, list[Any]]:
    sql, values = "", []
    for column, allowed in one.where.items():
        if column == "channel_purpose":
            sql += (
                " AND f.channel_id IN (SELECT c.id FROM channels_channel c"
                " WHERE c.workspace_id = %s AND c.purpose = ANY(%s::text[]))"
            )
            values += [question.scope.workspace_id, list(allowed)]
        elif column in _FILTERS:
            sql += f" AND f.{column} = ANY(%s::text[])"
            values.append(list(allowed))
        else:
            raise ValueError(f"facts cannot be chosen by {column}")
    return sql, values


def _identity(one: Input) -> str:
    """The first column that is not empty, with its name, so that a key never equals a person."""
    cases = " ".join(
        f"WHEN {_COLUMNS[name]} <> '' THEN '{name}:' || ({_COLUMNS[name]})" for name in one.field
    )
    return f"CASE {cases} ELSE '' END"
