"""A case as its folder says it: checked, with keys in place of rows of the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from spilno.exchange.cases.toml import Block

Texts = Mapping[str, str]


@dataclass(frozen=True)
class CaseWorkspace:
    slug: str
    name: str
    market: str
    locale: str
    time_zone: str
    currency: str


@dataclass(frozen=True)
class CasePerson:
    block: Block
    key: str
    name: str
    roles: tuple[str, ...]
    department: str


@dataclass(frozen=True)
class CaseCommunity:
    key: str
    name: Texts
    kind: str
    owner: str


@dataclass(frozen=True)
class CaseChannel:
    block: Block
    key: str
    network: str
    name: str
    purpose: str
    owner: str
    url: str
    by_hand: bool  # a person posts there, although the network could be connected


@dataclass(frozen=True)
class CaseTarget:
    block: Block
    metric: str
    channel: str
    value: Decimal
    baseline: Decimal | None
    due_on: date | None


@dataclass(frozen=True)
class CaseBrief:
    block: Block
    task: Texts
    audience: Texts
    content_due: date | None
    budget: Decimal | None
    report_formats: tuple[str, ...]
    targets: tuple[CaseTarget, ...]


@dataclass(frozen=True)
class CasePost:
    """A row of the plan. ``link`` is another post's key or an address."""

    block: Block
    key: str
    channel: str
    placement: str
    publish_at: datetime | None
    title: str
    text: Texts
    link: str
    url: str
    reserve: bool


@dataclass(frozen=True)
class CaseCheckpoint:
    """``at`` is a time, or a day: then its first moment in the workspace's zone."""

    block: Block
    stage: str
    at: datetime | date
    metric: str
    channel: str
    below: Decimal
    actions: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class CaseInitiative:
    block: Block
    slug: str
    kind: str
    title: Texts
    community: str
    owner: str
    starts_on: date
    public_from: date | None
    ends_on: date
    learned: Texts
    catalogue: str
    leads: str
    observations: str


@dataclass(frozen=True)
class Case:
    folder: Path
    workspace: CaseWorkspace
    people: tuple[CasePerson, ...]
    community: CaseCommunity | None
    channels: tuple[CaseChannel, ...]
    initiative: CaseInitiative
    brief: CaseBrief | None
    plan: tuple[CasePost, ...]
    contingency: tuple[CaseCheckpoint, ...]
