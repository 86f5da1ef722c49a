"""The definitions file: complete in every language, and wrong ones refused with a message that helps."""

from pathlib import Path

import pytest

from spilno.toolkit.metrics import DefinitionError, Formula, all_counters, all_definitions, counter, get
from spilno.toolkit.metrics.model import FACT_KINDS, LANGUAGES
from spilno.toolkit.metrics.reading import read
from spilno.toolkit.metrics.reference import as_markdown

ROOT = Path(__file__).parents[3]

GOOD = """
[[counter]]
key = "reach"
subject = "item"
behaves = "total"
additive_over = []
label = { uk = "О", en = "R", ru = "О" }

[[metric]]
key = "leads"
version = 1
label = { uk = "Ліди", en = "Leads", ru = "Лиды" }
description = { uk = "а", en = "a", ru = "а" }
noun.uk = { one = "лід", few = "ліди", many = "лідів", other = "ліда" }
noun.en = { one = "lead", other = "leads" }
noun.ru = { one = "лид", few = "лида", many = "лидов", other = "лида" }
formula = "distinct"
unit = "count"
better = "up"
role = "smm_manager"
department = "marketing"
stage = "outcomes"
additive_over = []
subjects = ["channel"]
input.leads = { from = "facts", kinds = ["lead"], aggregate = "distinct", field = ["actor", "key"] }
"""

RATIO = """
[[metric]]
key = "rate"
version = 2
label = { uk = "а", en = "a", ru = "а" }
description = { uk = "а", en = "a", ru = "а" }
formula = "ratio"
unit = "share"
better = "up"
role = "smm_manager"
department = "marketing"
stage = "outcomes"
additive_over = []
zero_denominator = "no_value"
input.numerator = { from = "facts", kinds = ["attendance"], aggregate = "count" }
input.denominator = { from = "facts", kinds = ["registration"], aggregate = "count" }
"""

DERIVED = """
[[metric]]
key = "{key}"
version = 1
label = {{ uk = "а", en = "a", ru = "а" }}
description = {{ uk = "а", en = "a", ru = "а" }}
formula = "derived"
operation = "difference"
unit = "points"
better = "up"
role = "community_manager"
department = "marketing"
stage = "outcomes"
additive_over = []
input.current = {{ from = "metric", metric = "{of}" }}
input.previous = {{ from = "metric", metric = "{of}", previous = true }}
"""

SURVIVAL = """
[[metric]]
key = "response_time"
version = 1
label = { uk = "а", en = "a", ru = "а" }
description = { uk = "а", en = "a", ru = "а" }
formula = "survival"
statistic = "median"
unit = "minutes"
better = "down"
role = "community_manager"
department = "support"
stage = "outcomes"
additive_over = []
input.waited = { from = "facts", kinds = ["message"], until = ["reply"], aggregate = "duration" }
"""


def test_the_shipped_file_holds_the_kpis_of_the_reference_case() -> None:
    keys = {one.key for one in all_definitions()}
    assert keys >= {
        "members_growth",
        "leads",
        "catalogue_items",
        "catalogue_exchanged",
        "catalogue_outsiders",
        "donations",
        "registrations",
    }


@pytest.mark.parametrize("definition", all_definitions(), ids=lambda one: one.key)
def test_every_kpi_has_words_and_somebody_who_answers(definition) -> None:
    for language in LANGUAGES:
        assert definition.label[language]
        assert definition.description[language].endswith(".")
    assert definition.role in ("smm_manager", "community_manager")
    assert definition.department in ("marketing", "sales", "support", "product")


def test_ukrainian_and_russian_words_are_cyrillic() -> None:
    for one in (*all_definitions(), *all_counters()):
        for language in ("uk", "ru"):
            assert not any("a" <= letter.lower() <= "z" for letter in one.label[language]), one.key


def test_reach_does_not_add_up_and_impressions_do() -> None:
    assert get("reach").additive_over == frozenset()
    assert "item" in get("impressions").additive_over
    assert counter("reach").additive_over == frozenset()
    assert counter("something_else") is None


def test_an_unknown_kpi_is_named_together_with_those_there_are() -> None:
    with pytest.raises(KeyError, match="there is no KPI 'nonsense'; there are leads"):
        get("nonsense")


def test_the_kinds_of_facts_are_those_of_the_record() -> None:
    from spilno.facts.models import Kind

    assert set(FACT_KINDS) == set(Kind.values)


def test_every_formula_kind_can_be_read() -> None:
    text = GOOD + RATIO + SURVIVAL + DERIVED.format(key="dynamics", of="rate")
    made = read(text).definitions
    kinds = {one.formula for one in all_definitions()} | {one.formula for one in made.values()}
    assert kinds == set(Formula)
    assert made["rate"].version == 2
    assert made["dynamics"].inputs["previous"].previous


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('key = "leads"', 'key = ""', "(no key): key: a text is needed"),
        ("version = 1", "version = 0", "leads: version: a whole number from 1 up"),
        ("version = 1", "version = true", "leads: version: a whole number"),
        ('en = "Leads", ', "", "leads: label: a text in each of uk, en, ru"),
        ('few = "ліди", ', "", "leads: noun.uk: the forms few, many, one, other"),
        ('formula = "distinct"', 'formula = "mean"', "leads: formula: 'mean' is not one of sum"),
        (
            'formula = "distinct"',
            'formula = "ratio"',
            "leads: input: ratio has the inputs denominator, numerator",
        ),
        ('formula = "distinct"', 'formula = "count"', "leads: input: count needs count"),
        ('unit = "count"', 'unit = "people"', "leads: unit: 'people' is not one of count"),
        ('unit = "count"', 'unit = "share"', "leads: noun: only a count has one"),
        ('better = "up"', 'better = "more"', "leads: better: 'more'"),
        ("additive_over = []\nsub", 'additive_over = ["time"]\nsub', "leads: additive_over: the same person"),
        ('subjects = ["channel"]', 'subjects = ["planet"]', "leads: subjects: 'planet'"),
        ('subjects = ["channel"]', "subject_required = true", "leads: subjects: say which"),
        (
            'subjects = ["channel"]',
            'zero_denominator = "no_value"',
            "leads: zero_denominator: there is no denom",
        ),
        ('subjects = ["channel"]', 'colour = "red"', "leads: colour: unknown here"),
        ('subjects = ["channel"]', "pair = true", "leads: pair: only a ratio"),
        ('subjects = ["channel"]', "scale = 10", "leads: scale: only a ratio"),
        ('kinds = ["lead"]', 'kinds = ["leed"]', "leads: input.leads: kinds: 'leed' is not one of"),
        ('kinds = ["lead"]', "kinds = []", "leads: input.leads: kinds: at least one"),
        ('"distinct", field = ["actor", "key"]', '"distinct"', "leads: input.leads: field: say what"),
        ('field = ["actor", "key"]', 'field = ["amount"]', "leads: input.leads: field: say what"),
        ('field = ["actor", "key"]', 'field = ["actor"], where = { colour = ["red"] }', "where: 'colour'"),
        ('field = ["actor", "key"]', 'field = ["actor"], where = { actor_scope = "x" }', "a list of texts"),
        ('field = ["actor", "key"]', 'field = ["actor"], until = ["reply"]', "until: a duration"),
        ('behaves = "total"', 'behaves = "well"', "counter reach: behaves: 'well'"),
        ("[[counter]]", "[[countre]]", "unknown table: countre"),
        ("[[metric]]", "[[metric", "not a TOML file"),
    ],
)
def test_a_wrong_file_is_refused_by_name(old: str, new: str, problem: str) -> None:
    assert old in GOOD
    with pytest.raises(DefinitionError) as caught:
        read(GOOD.replace(old, new, 1))
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD + GOOD[GOOD.index("[[metric]]") :], "leads: there are two of this key"),
        (GOOD[: GOOD.index("[[metric]]")] * 2, "counter reach: there are two of this key"),
        (RATIO.replace('zero_denominator = "no_value"\n', ""), "rate: zero_denominator"),
        (RATIO.replace("additive_over = []", 'additive_over = ["item"]'), "rate: additive_over: a ratio"),
        (DERIVED.format(key="a", of="nothing"), "a: input: there is no metric nothing"),
        (DERIVED.format(key="a", of="b") + DERIVED.format(key="b", of="a"), "input: built on itself"),
        (SURVIVAL.replace('"median"', '"mean"'), "response_time: statistic"),
        (SURVIVAL.replace('"median"', '"share"'), "response_time: at_days"),
    ],
)
def test_definitions_that_do_not_fit_together_are_refused(text: str, problem: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(text)
    assert problem in str(caught.value)


def test_the_page_of_kpis_says_what_the_definitions_say() -> None:
    page = (ROOT / "docs" / "kpis.md").read_text(encoding="utf-8")
    assert page == as_markdown(), "write it anew: python -m spilno.toolkit.metrics --docs > docs/kpis.md"
    for one in all_definitions():
        assert f"### `{one.key}`" in page
