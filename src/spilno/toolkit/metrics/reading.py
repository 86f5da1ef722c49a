"""Reads a definitions file and checks it word by word.

A mistake stops the program at once with the key and the field it is in, rather than giving a wrong number
later.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from .model import (
    FACT_FIELDS,
    FACT_FILTERS,
    FACT_KINDS,
    LANGUAGES,
    PLURALS,
    Aggregate,
    Better,
    Catalogue,
    Counter,
    Definition,
    DefinitionError,
    Empty,
    Formula,
    Input,
    Operation,
    Source,
    Stage,
    Subject,
    Unit,
)

_FACT_AGGREGATES = {Aggregate.COUNT, Aggregate.SUM, Aggregate.DISTINCT, Aggregate.DURATION}
_OBSERVATION_AGGREGATES = {Aggregate.SUM, Aggregate.LAST, Aggregate.BASELINE}
_ADDITIVE = {"time", "channel", "item"}

# Formula → names of its inputs (None: one input of any name).
_INPUTS: Mapping[Formula, frozenset[str] | None] = {
    Formula.SUM: None,
    Formula.COUNT: None,
    Formula.DISTINCT: None,
    Formula.OBSERVED: None,
    Formula.SURVIVAL: None,
    Formula.RATIO: frozenset({"numerator", "denominator"}),
    Formula.CUMULATIVE: frozenset({"baseline", "last"}),
    Formula.DERIVED: frozenset({"current", "previous"}),
}


_E = TypeVar("_E", bound=StrEnum)


class _Reader:
    """Takes fields out of one table and, at the end, refuses what is left over."""

    def __init__(self, where: str, table: object) -> None:
        if not isinstance(table, dict):
            raise DefinitionError(f"{where}: a table is needed, not {table!r}")
        self.where = where
        self.table: dict[str, Any] = dict(table)

    def fail(self, name: str, problem: str) -> DefinitionError:
        return DefinitionError(f"{self.where}: {name}: {problem}")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.table.pop(name, default)
        if not isinstance(value, str) or (not value and default is None):
            raise self.fail(name, "a text is needed")
        return value

    def one_of(self, name: str, kind: type[_E], default: _E | None = None) -> _E:
        value = self.table.pop(name, default)
        try:
            return kind(value)
        except ValueError:
            raise self.fail(name, f"{value!r} is not one of {', '.join(kind)}") from None

    def words(self, name: str, allowed: Sequence[str] | set[str]) -> tuple[str, ...]:
        value = self.table.pop(name, [])
        if not isinstance(value, list):
            raise self.fail(name, "a list is needed")
        for word in value:
            if word not in allowed:
                raise self.fail(name, f"{word!r} is not one of {', '.join(sorted(allowed))}")
        return tuple(value)

    def flag(self, name: str) -> bool:
        value = self.table.pop(name, False)
        if not isinstance(value, bool):
            raise self.fail(name, "true or false is needed")
        return value

    def local(self, name: str) -> dict[str, str]:
        value = self.table.pop(name, None)
        if not isinstance(value, dict) or set(value) != set(LANGUAGES) or not all(value.values()):
            raise self.fail(name, f"a text in each of {', '.join(LANGUAGES)} is needed")
        return value

    def whole(self, name: str, *, least: int) -> int:
        value = self.table.pop(name, None)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.fail(name, f"a whole number from {least} up is needed")
        return value

    def done(self) -> None:
        if self.table:
            raise self.fail(", ".join(sorted(self.table)), "unknown here")


def read(text: str) -> Catalogue:
    """Read and check a definitions file. Raises :class:`DefinitionError`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"not a TOML file: {error}") from error
    if unknown := set(data) - {"metric", "counter"}:
        raise DefinitionError(f"unknown table: {', '.join(sorted(unknown))}")
    counters: dict[str, Counter] = {}
    for table in data.get("counter", []):
        counter = _counter(table)
        if counter.key in counters:
            raise DefinitionError(f"counter {counter.key}: there are two of this key")
        counters[counter.key] = counter
    definitions: dict[str, Definition] = {}
    for table in data.get("metric", []):
        definition = _definition(table, counters)
        if definition.key in definitions:
            raise DefinitionError(f"{definition.key}: there are two of this key")
        definitions[definition.key] = definition
    _check_derived(definitions)
    return Catalogue(definitions=definitions, counters=counters)


def _counter(table: object) -> Counter:
    key = table.get("key") if isinstance(table, dict) else None
    reader = _Reader(f"counter {key or '(no key)'}", table)
    counter = Counter(
        key=reader.text("key"),
        label=reader.local("label"),
        subject=reader.one_of("subject", Subject),
        behaves=reader.text("behaves"),
        additive_over=frozenset(reader.words("additive_over", _ADDITIVE)),
    )
    if counter.behaves not in ("level", "total"):
        raise reader.fail("behaves", f"{counter.behaves!r} is not level or total")
    reader.done()
    return counter


def _definition(table: object, counters: Mapping[str, Counter]) -> Definition:
    key = table.get("key") if isinstance(table, dict) else None
    reader = _Reader(str(key or "(no key)"), table)
    formula = reader.one_of("formula", Formula)
    unit = reader.one_of("unit", Unit)
    definition = Definition(
        key=reader.text("key"),
        version=reader.whole("version", least=1),
        label=reader.local("label"),
        description=reader.local("description"),
        formula=formula,
        unit=unit,
        better=reader.one_of("better", Better),
        role=reader.text("role"),
        department=reader.text("department"),
        stage=reader.one_of("stage", Stage),
        additive_over=frozenset(reader.words("additive_over", _ADDITIVE)),
        inputs=_inputs(reader, formula, counters),
        noun=_noun(reader, unit),
        subjects=tuple(Subject(one) for one in reader.words("subjects", list(Subject))),
        subject_required=reader.flag("subject_required"),
        zero_denominator=reader.text("zero_denominator", ""),
        scale=Decimal(reader.whole("scale", least=1)) if "scale" in reader.table else Decimal(1),
        pair=reader.flag("pair"),
        operation=reader.one_of("operation", Operation) if formula is Formula.DERIVED else None,
        statistic=reader.text("statistic") if formula is Formula.SURVIVAL else "",
        at_days=reader.whole("at_days", least=1) if "at_days" in reader.table else None,
    )
    reader.done()
    _check_sense(reader, definition)
    return definition


def _noun(reader: _Reader, unit: Unit) -> dict[str, dict[str, str]]:
    noun = reader.table.pop("noun", {})
    if unit is not Unit.COUNT:
        if noun:
            raise reader.fail("noun", "only a count has one")
        return {}
    for language in LANGUAGES:
        forms = noun.get(language, {}) if isinstance(noun, dict) else {}
        if not isinstance(forms, dict) or set(forms) != PLURALS[language]:
            raise reader.fail(
                f"noun.{language}", f"the forms {', '.join(sorted(PLURALS[language]))} are needed"
            )
    return noun


def _inputs(reader: _Reader, formula: Formula, counters: Mapping[str, Counter]) -> dict[str, Input]:
    tables = reader.table.pop("input", None)
    if not isinstance(tables, dict) or not tables:
        raise reader.fail("input", "at least one input is needed")
    wanted = _INPUTS[formula]
    if wanted is None and len(tables) != 1:
        raise reader.fail("input", f"{formula} has one input")
    if wanted is not None and set(tables) != wanted:
        raise reader.fail("input", f"{formula} has the inputs {', '.join(sorted(wanted))}")
    return {
        name: _input(f"{reader.where}: input.{name}", name, table, counters) for name, table in tables.items()
    }


def _input(where: str, name: str, table: object, counters: Mapping[str, Counter]) -> Input:
    reader = _Reader(where, table)
    source = reader.one_of("from", Source)
    if source is Source.METRIC:
        made = Input(name=name, source=source, metric=reader.text("metric"), previous=reader.flag("previous"))
    elif source is Source.FACTS:
        made = Input(
            name=name,
            source=source,
            aggregate=reader.one_of("aggregate", Aggregate),
            kinds=reader.words("kinds", FACT_KINDS),
            unless=reader.words("unless", FACT_KINDS),
            until=reader.words("until", FACT_KINDS),
            where=_where(reader),
            field=reader.words("field", FACT_FIELDS),
            empty=reader.one_of("empty", Empty, Empty.ZERO),
        )
        _check_facts(reader, made)
    else:
        made = Input(
            name=name,
            source=source,
            aggregate=reader.one_of("aggregate", Aggregate),
            subject=reader.one_of("subject", Subject),
            metrics=reader.words("metrics", list(counters)),
            empty=Empty.MISSING,
        )
        if made.aggregate not in _OBSERVATION_AGGREGATES:
            raise reader.fail("aggregate", f"observations have no {made.aggregate}")
        if not made.metrics:
            raise reader.fail("metrics", "at least one counter is needed")
        for metric in made.metrics:
            if counters[metric].subject != made.subject:
                raise reader.fail("metrics", f"{metric} is a counter of a {counters[metric].subject}")
    reader.done()
    return made


def _where(reader: _Reader) -> dict[str, tuple[str, ...]]:
    table = reader.table.pop("where", {})
    if not isinstance(table, dict):
        raise reader.fail("where", "a table is needed")
    for column, values in table.items():
        if column not in FACT_FILTERS:
            raise reader.fail("where", f"{column!r} is not one of {', '.join(FACT_FILTERS)}")
        if not isinstance(values, list) or not values or not all(isinstance(one, str) for one in values):
            raise reader.fail(f"where.{column}", "a list of texts is needed")
    return {column: tuple(values) for column, values in table.items()}


def _check_facts(reader: _Reader, made: Input) -> None:
    if made.aggregate not in _FACT_AGGREGATES:
        raise reader.fail("aggregate", f"facts have no {made.aggregate}")
    if not made.kinds:
        raise reader.fail("kinds", "at least one kind of fact is needed")
    if made.aggregate is Aggregate.SUM and made.field != ("amount",):
        raise reader.fail("field", "a sum is of the amount")
    if made.aggregate is Aggregate.DISTINCT and (not made.field or "amount" in made.field):
        raise reader.fail("field", "say what has to be different (actor, subject, key …)")
    if made.aggregate is Aggregate.COUNT and made.field:
        raise reader.fail("field", "a count has no field")
    if made.unless and made.aggregate is not Aggregate.DISTINCT:
        raise reader.fail("unless", "only distinct things can be taken back")
    if bool(made.until) != (made.aggregate is Aggregate.DURATION):
        raise reader.fail("until", "a duration, and only it, needs the kinds that end it")


def _check_sense(reader: _Reader, made: Definition) -> None:
    """What single fields cannot show: do they fit together?"""
    has_denominator = (
        made.formula in (Formula.RATIO, Formula.CUMULATIVE) or made.operation is Operation.GROWTH
    )
    if made.zero_denominator != ("no_value" if has_denominator else ""):
        raise reader.fail(
            "zero_denominator", '"no_value" is needed' if has_denominator else "there is no denominator"
        )
    aggregates = {one.aggregate for one in made.inputs.values()}
    allowed: dict[Formula, set[Aggregate | None]] = {
        Formula.SUM: {Aggregate.SUM},
        Formula.COUNT: {Aggregate.COUNT},
        Formula.DISTINCT: {Aggregate.DISTINCT},
        Formula.OBSERVED: {Aggregate.LAST},
        Formula.SURVIVAL: {Aggregate.DURATION},
        Formula.CUMULATIVE: {Aggregate.BASELINE, Aggregate.LAST},
        Formula.RATIO: {Aggregate.SUM, Aggregate.COUNT, Aggregate.DISTINCT},
        Formula.DERIVED: {None},
    }
    if not aggregates <= allowed[made.formula]:
        raise reader.fail(
            "input", f"{made.formula} needs {', '.join(str(one) for one in allowed[made.formula])}"
        )
    if made.formula is Formula.CUMULATIVE:
        if made.inputs["baseline"].aggregate is not Aggregate.BASELINE or made.unit is not Unit.SHARE:
            raise reader.fail("input", "cumulative is a share: last / baseline − 1")
        if made.inputs["baseline"].metrics != made.inputs["last"].metrics:
            raise reader.fail("input", "baseline and last must read the same counters")
    if made.formula is Formula.DISTINCT and made.additive_over:
        raise reader.fail(
            "additive_over", "the same person can be in two parts: distinct things do not add up"
        )
    if made.formula in (Formula.RATIO, Formula.CUMULATIVE, Formula.SURVIVAL) and made.additive_over:
        raise reader.fail("additive_over", f"a {made.formula} does not add up")
    if made.scale != 1 and made.formula is not Formula.RATIO:
        raise reader.fail("scale", "only a ratio has one")
    if made.pair and (
        made.formula is not Formula.RATIO
        or any(one.source is not Source.OBSERVATIONS for one in made.inputs.values())
    ):
        raise reader.fail("pair", "only a ratio of two observations has pairs")
    if made.formula is Formula.SURVIVAL and made.statistic not in ("median", "p90", "share"):
        raise reader.fail("statistic", "median, p90 or share")
    if (made.statistic == "share") != (made.at_days is not None):
        raise reader.fail("at_days", "a share of survivors, and only it, is after some days")
    if made.subject_required and not made.subjects:
        raise reader.fail("subjects", "say which subject is required")


def _check_derived(definitions: Mapping[str, Definition]) -> None:
    """Every metric that is built on names one that exists, and nothing is built on itself."""
    needs = {
        key: {one.metric for one in made.inputs.values() if one.source is Source.METRIC}
        for key, made in definitions.items()
    }
    for key, wanted in needs.items():
        if missing := wanted - set(definitions):
            raise DefinitionError(f"{key}: input: there is no metric {', '.join(sorted(missing))}")
    for key in needs:
        seen, front = set(), set(needs[key])
        while front:
            if key in front:
                raise DefinitionError(f"{key}: input: built on itself")
            seen |= front
            front = {deeper for one in front for deeper in needs[one]} - seen
