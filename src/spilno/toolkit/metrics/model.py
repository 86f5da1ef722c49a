"""The words of the KPI catalogue: what a definition consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

LANGUAGES = ("uk", "en", "ru")

# Which plural categories each language needs for whole numbers and fractions (CLDR).
PLURALS = {
    "uk": {"one", "few", "many", "other"},
    "en": {"one", "other"},
    "ru": {"one", "few", "many", "other"},
}

# What may be looked at in a fact; the names of the columns of `spilno.facts` (``key`` is its source key).
FACT_FIELDS = ("subject", "actor", "key", "item", "channel", "amount")
FACT_FILTERS = ("actor_scope", "channel_purpose", "utm_source", "utm_medium", "utm_campaign")
FACT_KINDS = (
    "visit",
    "lead",
    "registration",
    "registration_cancelled",
    "attendance",
    "donation",
    "purchase",
    "join",
    "leave",
    "item_given",
    "item_exchanged",
    "message",
    "reply",
    "mention",
    "product_use",
    "spend",
)


class DefinitionError(ValueError):
    """The definitions file is wrong. The message names the metric and the field."""


class Formula(StrEnum):
    """How the value comes out of the inputs."""

    SUM = "sum"  # one input, added up
    COUNT = "count"  # how many facts
    DISTINCT = "distinct"  # how many different people or things
    RATIO = "ratio"  # numerator / denominator × scale, after aggregation
    CUMULATIVE = "cumulative"  # last / baseline − 1
    OBSERVED = "observed"  # as the network reports it
    SURVIVAL = "survival"  # Kaplan–Meier, what is still open counts as open
    DERIVED = "derived"  # of other metrics: difference or growth


class Unit(StrEnum):
    COUNT = "count"
    SHARE = "share"  # a fraction: 0.135 is 13.5 %
    MONEY = "money"
    MINUTES = "minutes"
    HOURS = "hours"
    SECONDS = "seconds"
    POINTS = "points"  # a difference of shares × 100
    INDEX = "index"


class Better(StrEnum):
    UP = "up"
    DOWN = "down"
    NONE = "none"


class Stage(StrEnum):
    """Stage of the AMEC integrated evaluation framework."""

    INPUTS = "inputs"
    ACTIVITIES = "activities"
    OUTPUTS = "outputs"
    OUT_TAKES = "out_takes"
    OUTCOMES = "outcomes"
    IMPACT = "impact"


class Source(StrEnum):
    FACTS = "facts"
    OBSERVATIONS = "observations"
    METRIC = "metric"


class Aggregate(StrEnum):
    COUNT = "count"  # facts, each key once
    SUM = "sum"  # facts: of the field; observations: of the last reading of each subject
    DISTINCT = "distinct"  # facts: different values of the first field that is not empty
    LAST = "last"  # observations: the last reading in the period
    BASELINE = "baseline"  # observations: the last reading before the baseline day
    DURATION = "duration"  # facts: time from the fact to the first fact of `until` with the same subject


class Subject(StrEnum):
    CHANNEL = "channel"
    ITEM = "item"  # a plan item: one post


class Empty(StrEnum):
    """What no facts at all mean."""

    ZERO = "zero"  # Spilno itself keeps this record: nothing recorded, nothing happened
    MISSING = "missing"  # we only know it when somebody tells us


class Operation(StrEnum):
    DIFFERENCE = "difference"  # current − previous
    GROWTH = "growth"  # current / previous − 1


@dataclass(frozen=True)
class Counter:
    """Something that networks (or people) report about a post or a channel, as it stands at a time."""

    key: str
    label: Mapping[str, str]
    subject: Subject
    behaves: str  # "level": goes up and down; "total": only grows
    additive_over: frozenset[str]


@dataclass(frozen=True)
class Input:
    """One aggregate that a formula needs.

    For facts: effective facts of ``kinds`` with ``occurred_at`` in the period and every ``where`` satisfied
    (each maps a column to the allowed values). ``field`` lists columns; the first non-empty one counts. With
    ``unless``, whoever's latest fact up to the period's end is of such a kind is left out.
    For observations: readings of the first of ``metrics`` that the subject has (``last``, ``baseline``), or
    of all of them added up (``sum``), each subject's last reading in the period.
    For a metric: the value of ``metric`` in this or the ``previous`` equal period.
    """

    name: str
    source: Source
    aggregate: Aggregate | None = None
    kinds: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    until: tuple[str, ...] = ()
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    field: tuple[str, ...] = ()
    empty: Empty = Empty.ZERO
    subject: Subject | None = None
    metrics: tuple[str, ...] = ()
    metric: str = ""
    previous: bool = False


@dataclass(frozen=True)
class Definition:
    """One KPI. Texts are dicts by language; ``scale`` multiplies a ratio."""

    key: str
    version: int
    label: Mapping[str, str]
    description: Mapping[str, str]
    formula: Formula
    unit: Unit
    better: Better
    role: str
    department: str
    stage: Stage
    additive_over: frozenset[str]
    inputs: Mapping[str, Input]
    noun: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # language → plural category → word
    subjects: tuple[Subject, ...] = ()  # what the metric can be asked about
    subject_required: bool = False
    zero_denominator: str = ""  # "no_value" where there is a denominator
    scale: Decimal = Decimal(1)
    pair: bool = False  # a ratio of observations: only subjects that report both sides
    operation: Operation | None = None
    statistic: str = ""  # survival: "median", "p90" or "share"
    at_days: int | None = None  # survival share: after how many days

    @property
    def input(self) -> Input:
        """The only input of a formula that has one."""
        (one,) = self.inputs.values()
        return one

    @property
    def uses_facts(self) -> bool:
        """Is any input read from facts?"""
        return any(one.source is Source.FACTS for one in self.inputs.values())

    def accepts(self, subject: Subject | str) -> bool:
        """Can the metric be asked about a subject of this kind?"""
        return subject in self.subjects


@dataclass(frozen=True)
class Catalogue:
    """Everything in one definitions file, in its order."""

    definitions: Mapping[str, Definition]
    counters: Mapping[str, Counter]
