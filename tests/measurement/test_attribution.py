"""Parts of a number, and the rows behind it, against the toolkit's own counting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from tests.conftest import NOW
from tests.measurement.test_values import (
    END,
    FACTS,
    OBSERVATIONS,
    PUBLIC,
    START,
    ZONE,
    World,
    at,
    lead,
    make_world,
    members,
    put,
)

from spilno.facts.models import SubjectKind
from spilno.facts.services import NewObservation, observe_many
from spilno.measurement import attribution, evidence
from spilno.measurement.questions import Question, Scope, period_of
from spilno.measurement.values import answer
from spilno.toolkit.metrics import Formula, Period, Subject, all_definitions, compute, get

SLOW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def ask(world: World, metric: str, **scope: object) -> Question:
    whole = Scope(world.workspace.pk, world.initiative.pk)
    return Question(get(metric), replace(whole, **scope), period_of(world.initiative), None, "UAH")


@SLOW
@given(facts=FACTS)
def test_parts_by_post_and_by_tag_agree_with_the_rows(db: None, facts) -> None:  # type: ignore[no-untyped-def]
    world = make_world()
    facts = [
        replace(row, currency="UAH", utm={"source": row.actor, "medium": row.subject} if row.actor else {})
        for row in facts
    ]
    put(world, facts, [])
    facts = [replace(row, channel_purpose=world.purposes.get(row.channel, "")) for row in facts]
    definitions = [one for one in all_definitions() if attribution.attributable(one)]
    assert {"leads", "registrations", "donations", "visits"} <= {one.key for one in definitions}
    questions = [ask(world, one.key) for one in definitions]
    period = Period(START, END, ZONE, PUBLIC)

    posts, tags = attribution.by_post(questions), attribution.by_tag(questions)
    places = attribution.by_place(questions)

    items = {key: variant.item_id for key, variant in world.variants.items()}
    for definition, by_post, by_place, by_tag in zip(definitions, posts, places, tags, strict=True):
        for key, item in items.items():
            expected = compute(definition, facts, [], period, item=key, currency="UAH")
            assert by_post.get(item, Decimal(0)) == expected.value, definition.key
            for name, channel in world.channels.items():
                mine = [row for row in facts if (row.item, row.channel) == (key, name)]
                expected = compute(definition, mine, [], period, currency="UAH")
                assert by_place.get((item, channel.pk), Decimal(0)) == expected.value, definition.key
        for source, medium in {(row.utm["source"], row.utm["medium"]) for row in facts if row.utm}:
            mine = [row for row in facts if row.utm == {"source": source, "medium": medium}]
            expected = compute(definition, mine, [], period, currency="UAH")
            assert by_tag.get((source, medium), Decimal(0)) == expected.value, definition.key


def test_a_post_that_nothing_is_attributed_to_is_unknown_not_zero(world: World) -> None:
    put(world, [lead("a", at(PUBLIC), item="post-club"), lead("b", at(PUBLIC))], [])
    assert attribution.by_post([ask(world, "leads")]) == [{world.variants["post-club"].item_id: 1}]


def test_money_in_two_currencies_has_no_parts(world: World) -> None:
    row = lead("a", at(PUBLIC), item="post-club")
    put(
        world,
        [
            replace(row, kind="donation", amount=Decimal(5), currency="UAH"),
            replace(row, key="b", kind="donation", amount=Decimal(5), currency="EUR"),
        ],
        [],
    )
    assert attribution.by_post([ask(world, "donations")]) == [{}]


def test_the_last_readings_of_posts(world: World) -> None:
    variant = world.variants["post-club"].pk
    observe_many(
        workspace=world.workspace,
        source="test",
        now=NOW,
        observations=[
            NewObservation(
                SubjectKind.ITEM, variant, metric, Decimal(value), at(PUBLIC) + timedelta(hours=hour)
            )
            for metric, value, hour in (("likes", 3, 0), ("likes", 2, 5), ("reach", 0, 1))
        ],
    )
    assert attribution.last_readings(world.workspace, [variant]) == {variant: {"likes": 2, "reach": 0}}
    assert attribution.last_readings(world.workspace, [world.variants["post-brand"].pk]) == {}


# ------------------------------------------------------------------------------------- the rows behind a number


@SLOW
@given(facts=FACTS, observations=OBSERVATIONS)
def test_as_many_rows_stand_behind_a_number_as_were_counted(  # type: ignore[no-untyped-def]
    db: None, facts, observations
) -> None:
    world = make_world()
    put(world, facts, observations)
    questions = []
    for definition in all_definitions():
        scopes: list[dict[str, object]] = [{}]
        if definition.accepts(Subject.CHANNEL):
            scopes += [{"channel_id": one.pk} for one in world.channels.values()]
        if definition.accepts(Subject.ITEM):
            scopes += [{"item_id": one.item_id} for one in world.variants.values()]
        questions += [ask(world, definition.key, **scope) for scope in scopes]

    for question, value in zip(questions, answer(questions), strict=True):
        definition = question.definition
        rows = evidence.facts_behind(world.workspace, question)
        inputs = [one for one in definition.inputs.values() if one.kinds]
        outs = {kind for one in inputs for kind in one.unless}
        counted = {name: value.rows[name] for name in definition.inputs if definition.inputs[name].kinds}
        if definition.formula is Formula.RATIO and len(counted) == 2:
            continue  # one fact may stand on both sides of a ratio
        assert rows.exclude(kind__in=outs).count() == sum(counted.values()), definition.key


def test_growth_opens_into_its_readings_from_the_baseline_on(world: World) -> None:
    put(
        world,
        [],
        [
            members(380, at(START)),
            members(400, at(PUBLIC - timedelta(days=1))),
            members(430, at(PUBLIC)),
            members(454, at(END)),
            members(9, at(END + timedelta(days=1))),
            members(7, at(PUBLIC), subject="brand"),
        ],
    )
    question = ask(world, "members_growth", channel_id=world.channels["club"].pk)
    rows = evidence.readings_behind(world.workspace, question)
    assert [one.value for one in rows] == [454, 430, 400]
    early = replace(question, as_of=at(PUBLIC))
    assert [one.value for one in evidence.readings_behind(world.workspace, early)] == [430, 400]
