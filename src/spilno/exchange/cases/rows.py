"""What the tables of a case say: facts and observations, row by row, each row checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from spilno.exchange.cases.model import Case
from spilno.exchange.cases.problems import Problems
from spilno.exchange.cases.tables import Row, rows
from spilno.facts.models import Kind
from spilno.facts.services import NewFact
from spilno.toolkit.metrics import all_counters

SCOPES = ("internal", "external")

# Column → must it be there?
CATALOGUE: Mapping[str, bool] = {
    "item": True,
    "title": False,
    "author": False,
    "language": False,
    "given_by": True,
    "giver_scope": True,
    "given_at": True,
    "exchanged_at": False,
    "exchanged_by": False,
    "taker_scope": False,
    "donation": False,
    "currency": False,
}
LEADS: Mapping[str, bool] = {
    "lead": True,
    "occurred_at": True,
    "channel": False,
    "post": False,
    "utm_source": False,
    "utm_medium": False,
    "utm_campaign": False,
}
OBSERVATIONS: Mapping[str, bool] = {"subject": True, "metric": True, "value": True, "observed_at": True}

KINDS = (Kind.ITEM_GIVEN, Kind.ITEM_EXCHANGED, Kind.DONATION, Kind.LEAD)
"""Every kind of fact that a case's tables can hold."""


@dataclass(frozen=True, slots=True)
class SaidFact:
    """A fact, with channel and post by their keys."""

    fact: NewFact
    channel: str = ""
    post: str = ""


@dataclass(frozen=True, slots=True)
class SaidObservation:
    """A counter, with its subject by its key."""

    subject: str
    metric: str
    value: Decimal
    observed_at: datetime


def facts(case: Case, problems: Problems) -> Iterator[SaidFact]:
    """Facts of all good rows of the catalogue and the leads."""
    if case.initiative.catalogue:
        yield from _catalogue(case, problems)
    if case.initiative.leads:
        yield from _leads(case, problems)


def _catalogue(case: Case, problems: Problems) -> Iterator[SaidFact]:
    seen: dict[str, int] = {}
    for row in rows(case.folder, case.initiative.catalogue, CATALOGUE, problems):
        item = _once(row, "item", seen)
        about = {name: row.text(name) for name in ("title", "author", "language")}
        giver, giver_scope = row.text("given_by"), row.choice("giver_scope", SCOPES)
        given_at = row.moment("given_at", required=True)
        taker, taker_scope = row.text("exchanged_by"), row.choice("taker_scope", SCOPES)
        exchanged_at = row.moment("exchanged_at")
        donation, currency = row.number("donation"), row.currency("currency")
        if not row.text("exchanged_at"):
            for name in ("exchanged_by", "taker_scope", "donation"):
                if row.text(name):
                    row.problem(name, "needs", other="exchanged_at")
        if not row.is_good or given_at is None:
            continue
        data = {name: value for name, value in about.items() if value}
        yield SaidFact(
            NewFact(
                Kind.ITEM_GIVEN, item, given_at, subject=item, actor=giver, actor_scope=giver_scope, data=data
            )
        )
        if exchanged_at is None:
            continue
        yield SaidFact(
            NewFact(
                Kind.ITEM_EXCHANGED,
                item,
                exchanged_at,
                subject=item,
                actor=taker,
                actor_scope=taker_scope,
                data=data,
            )
        )
        if donation is not None:
            yield SaidFact(
                NewFact(
                    Kind.DONATION,
                    item,
                    exchanged_at,
                    subject=item,
                    actor=taker,
                    actor_scope=taker_scope,
                    amount=donation,
                    currency=currency or case.workspace.currency,
                    data=data,
                )
            )


def _leads(case: Case, problems: Problems) -> Iterator[SaidFact]:
    seen: dict[str, int] = {}
    channels, posts = {one.key for one in case.channels}, {one.key for one in case.plan}
    for row in rows(case.folder, case.initiative.leads, LEADS, problems):
        lead = _once(row, "lead", seen)
        occurred_at = row.moment("occurred_at", required=True)
        channel, post = row.text("channel"), row.text("post")
        for column, value, known in (("channel", channel, channels), ("post", post, posts)):
            if value and value not in known:
                row.problem(column, "unknown_reference", value=value)
        tags: dict[str, Any] = {name: row.text(name) for name in ("utm_source", "utm_medium", "utm_campaign")}
        if row.is_good and occurred_at is not None:
            yield SaidFact(NewFact(Kind.LEAD, lead, occurred_at, actor=lead, **tags), channel, post)


def observations(case: Case, problems: Problems) -> Iterator[SaidObservation]:
    """Observations of all good rows."""
    if not case.initiative.observations:
        return
    counters = {one.key for one in all_counters()}
    subjects = {one.key for one in case.channels} | {one.key for one in case.plan}
    seen: dict[tuple[str, str, datetime], int] = {}
    for row in rows(case.folder, case.initiative.observations, OBSERVATIONS, problems):
        subject, metric = row.text("subject", required=True), row.text("metric", required=True)
        if subject and subject not in subjects:
            row.problem("subject", "unknown_reference", value=subject)
        if metric and metric not in counters:
            row.problem("metric", "unknown_counter", value=metric, known=", ".join(sorted(counters)))
        value = row.number("value", required=True)
        observed_at = row.moment("observed_at", required=True)
        if not row.is_good or value is None or observed_at is None:
            continue
        first = seen.setdefault((subject, metric, observed_at), row.number_of_line)
        if first != row.number_of_line:
            row.problem("observed_at", "duplicate", value=row.text("observed_at"), first=first)
            continue
        yield SaidObservation(subject, metric, value, observed_at)


def _once(row: Row, column: str, seen: dict[str, int]) -> str:
    """A key that names its row: there, and not there already."""
    key = row.text(column, required=True)
    if key:
        first = seen.setdefault(key, row.number_of_line)
        if first != row.number_of_line:
            row.problem(column, "duplicate", value=key, first=first)
    return key
