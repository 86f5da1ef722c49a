"""The figures of a case folder, from its tables alone: no workspace, no database.

Only what the metrics need is read; checking the whole folder row by row is the import's work.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from .catalogue import get
from .formulas import Value, reached
from .rows import FactRow, ObservationRow, Period, compute


class CaseError(ValueError):
    """The folder cannot be read; the message names file and row."""


@dataclass(frozen=True)
class Case:
    """What a case folder says, as rows."""

    initiative: str
    period: Period
    currency: str
    targets: tuple[tuple[str, str, Decimal | None], ...]  # metric, channel or "", value wanted
    facts: tuple[FactRow, ...]
    observations: tuple[ObservationRow, ...]


@dataclass(frozen=True)
class Figure:
    """One target and what became of it."""

    value: Value
    target: Decimal | None
    reached: bool | None


def read_case(folder: Path) -> Case:
    """Read ``case.toml`` and the tables it names. Raises :class:`CaseError`."""
    try:
        data = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
        initiative, workspace = data["initiative"], data["workspace"]
        starts_on, ends_on = initiative["starts_on"], initiative["ends_on"]
        zone, currency = workspace["time_zone"], workspace.get("currency", "")
        slug = initiative["slug"]
    except OSError as error:
        raise CaseError(f"case.toml: {error.strerror or error}") from error
    except tomllib.TOMLDecodeError as error:
        raise CaseError(f"case.toml: {error}") from error
    except KeyError as error:
        raise CaseError(f"case.toml: {error.args[0]} is missing") from error
    for name in ("starts_on", "ends_on"):
        if not isinstance(initiative[name], date):
            raise CaseError(f"case.toml: {name} is not a date")
    purposes = {one.get("key", ""): one.get("purpose", "") for one in data.get("channels", [])}
    items = {one.get("key", "") for one in data.get("plan", [])}
    targets = tuple(
        (one["metric"], one.get("subject", ""), Decimal(str(one["value"])) if "value" in one else None)
        for one in data.get("brief", {}).get("targets", [])
    )
    return Case(
        initiative=slug,
        period=Period(starts_on, ends_on, zone, initiative.get("public_from")),
        currency=currency,
        targets=targets,
        facts=(
            *_catalogue(folder, initiative.get("catalogue", "")),
            *_leads(folder, initiative.get("leads", ""), purposes),
        ),
        observations=tuple(_observations(folder, initiative.get("observations", ""), set(purposes), items)),
    )


def figures(case: Case) -> tuple[Figure, ...]:
    """The value of every target of the case's brief."""
    made = []
    for metric, channel, target in case.targets:
        definition = get(metric)
        value = compute(
            definition, case.facts, case.observations, case.period, channel=channel, currency=case.currency
        )
        made.append(Figure(value, target, reached(definition, value.value, target)))
    return tuple(made)


def _catalogue(folder: Path, name: str) -> Iterator[FactRow]:
    for row in _table(folder, name):
        item = row["item"]
        if row["given_at"]:
            yield FactRow(
                key=item,
                kind="item_given",
                occurred_at=row.moment("given_at"),
                subject=item,
                actor=row["given_by"],
                actor_scope=row["giver_scope"],
            )
        if row["exchanged_at"]:
            yield FactRow(
                key=item,
                kind="item_exchanged",
                occurred_at=row.moment("exchanged_at"),
                subject=item,
                actor=row["exchanged_by"],
                actor_scope=row["taker_scope"],
            )
        if row["exchanged_at"] and row["donation"]:
            yield FactRow(
                key=item,
                kind="donation",
                occurred_at=row.moment("exchanged_at"),
                subject=item,
                actor=row["exchanged_by"],
                actor_scope=row["taker_scope"],
                amount=row.number("donation"),
                currency=row["currency"],
            )


def _leads(folder: Path, name: str, purposes: dict[str, str]) -> Iterator[FactRow]:
    for row in _table(folder, name):
        yield FactRow(
            key=row["lead"],
            kind="lead",
            occurred_at=row.moment("occurred_at"),
            actor=row["lead"],
            channel=row["channel"],
            channel_purpose=purposes.get(row["channel"], ""),
            item=row["post"],
            utm={one: row[f"utm_{one}"] for one in ("source", "medium", "campaign") if row[f"utm_{one}"]},
        )


def _observations(folder: Path, name: str, channels: set[str], items: set[str]) -> Iterator[ObservationRow]:
    for row in _table(folder, name):
        subject = row["subject"]
        kind = "channel" if subject in channels else "item" if subject in items else ""
        yield ObservationRow(subject, row["metric"], row.number("value"), row.moment("observed_at"), kind)


class _Row:
    """A row that knows where it stands."""

    def __init__(self, where: str, cells: dict[str, Any]) -> None:
        self.where = where
        self.cells = cells

    def __getitem__(self, column: str) -> str:
        return (self.cells.get(column) or "").strip()

    def moment(self, column: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self[column])
        except ValueError:
            raise CaseError(f"{self.where}: {column}: {self[column]!r} is not a time") from None
        if moment.tzinfo is None:
            raise CaseError(f"{self.where}: {column}: {self[column]!r} has no offset from UTC")
        return moment

    def number(self, column: str) -> Decimal:
        try:
            number = Decimal(self[column])
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite():
            raise CaseError(f"{self.where}: {column}: {self[column]!r} is not a number")
        return number


def _table(folder: Path, name: str) -> Iterator[_Row]:
    if not name:
        return
    try:
        with (folder / name).open(encoding="utf-8-sig", newline="") as file:
            for number, cells in enumerate(csv.DictReader(file), start=2):
                yield _Row(f"{name} row {number}", cells)
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{name}: {error}") from error
