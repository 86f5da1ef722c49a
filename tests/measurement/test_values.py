"""The database's answers against the toolkit's own, row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import NOW, Cast

from spilno.briefs.models import Brief, Initiative, Target
from spilno.channels.models import Channel, Purpose
from spilno.facts.models import SubjectKind
from spilno.facts.services import NewFact, NewObservation, observe_many, record_many, withdraw
from spilno.kernel.ids import new_id
from spilno.measurement.questions import Question, Scope, period_of
from spilno.measurement.values import answer, curve, curves, target_values, target_values_of, value_of
from spilno.plan.models import Item, Variant
from spilno.team.models import Workspace
from spilno.team.services import create_workspace
from spilno.toolkit.metrics import (
    FactRow,
    Missing,
    ObservationRow,
    Period,
    Subject,
    all_counters,
    all_definitions,
    compute,
)
from spilno.toolkit.metrics import curve as curve_of_rows
from spilno.toolkit.metrics.model import FACT_KINDS, Definition
from spilno.toolkit.metrics.reading import read

ZONE = "Europe/Kyiv"
START, PUBLIC, END = date(2021, 5, 29), date(2021, 6, 1), date(2021, 6, 4)


@dataclass
class World:
    """A workspace with an initiative, a brand and a community channel, and a post on each."""

    workspace: Workspace
    initiative: Initiative
    channels: dict[str, Channel]
    variants: dict[str, Variant]

    @property
    def purposes(self) -> dict[str, str]:
        return {key: one.purpose for key, one in self.channels.items()}


def make_world(slug: str = "") -> World:
    workspace = create_workspace(name="W", slug=slug or f"w-{new_id().hex}", now=NOW, time_zone=ZONE)
    initiative = Initiative.objects.create(
        workspace=workspace, slug="sale", title={"en": "Sale"}, starts_on=START, public_from=PUBLIC,
        ends_on=END, created_at=NOW,
    )  # fmt: skip
    Brief.objects.create(workspace=workspace, initiative=initiative, updated_at=NOW)
    channels, variants = {}, {}
    for key, purpose in (("brand", Purpose.BRAND), ("club", Purpose.COMMUNITY)):
        channels[key] = Channel.objects.create(
            workspace=workspace, key=key, network="n", name=key, purpose=purpose, created_at=NOW
        )
        item = Item.objects.create(
            workspace=workspace, key=f"post-{key}", initiative=initiative, created_at=NOW, updated_at=NOW
        )
        variants[item.key] = Variant.objects.create(workspace=workspace, item=item, channel=channels[key])
    return World(workspace, initiative, channels, variants)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def put(world: World, facts: list[FactRow], observations: list[ObservationRow]) -> None:
    """The oracle's rows, in the database."""
    record_many(
        workspace=world.workspace,
        source="test",
        now=NOW,
        facts=[
            NewFact(
                kind=row.kind,
                source_key=row.key,
                occurred_at=row.occurred_at,
                initiative_id=world.initiative.pk,
                channel_id=world.channels[row.channel].pk if row.channel else None,
                item_id=world.variants[row.item].item_id if row.item else None,
                subject=row.subject,
                actor=row.actor,
                actor_scope=row.actor_scope,
                amount=row.amount,
                currency=row.currency,
                utm_source=row.utm.get("source", ""),
                utm_medium=row.utm.get("medium", ""),
            )
            for row in facts
        ],
    )
    observe_many(
        workspace=world.workspace,
        source="test",
        now=NOW,
        observations=[
            NewObservation(
                SubjectKind(row.subject_kind),
                world.channels[row.subject].pk
                if row.subject in world.channels
                else world.variants[row.subject].pk,
                row.metric,
                row.value,
                row.observed_at,
            )
            for row in observations
        ],
    )


def at(day: date, hour: int = 12, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), ZoneInfo(ZONE))


# --------------------------------------------------------------------------------------------- against the rows

# A definition of every kind that the catalogue does not have yet.
EXTRA = read(
    """
    [[metric]]
    key = "answer_time"
    version = 1
    label = { uk = "а", en = "a", ru = "а" }
    description = { uk = "а", en = "a", ru = "а" }
    formula = "survival"
    statistic = "median"
    unit = "hours"
    better = "down"
    role = "community_manager"
    department = "support"
    stage = "outcomes"
    additive_over = []
    subjects = []
    input.open = { from = "facts", kinds = ["message"], until = ["reply"], aggregate = "duration" }
    """
).definitions
MOMENTS = st.builds(
    lambda days, minutes: at(START) + timedelta(days=days, minutes=minutes),
    st.integers(-4, 9),
    st.sampled_from([-720, -1, 0, 0, 300, 719]),
)
FACTS = st.lists(
    st.builds(
        FactRow,
        key=st.sampled_from([f"k{one}" for one in range(12)]),
        kind=st.sampled_from(FACT_KINDS),
        occurred_at=MOMENTS,
        subject=st.sampled_from(["", "s1", "s2"]),
        actor=st.sampled_from(["", "a", "b", "c"]),
        actor_scope=st.sampled_from(["", "internal", "external"]),
        amount=st.sampled_from([None, Decimal(0), Decimal("1.25"), Decimal(300)]),
        currency=st.sampled_from(["", "UAH", "UAH", "UAH", "EUR"]),
        channel=st.sampled_from(["", "brand", "club"]),
        item=st.sampled_from(["", "post-brand", "post-club"]),
    ),
    max_size=25,
    unique_by=lambda row: (row.kind, row.key),
)
CHANNEL_COUNTERS = [one.key for one in all_counters() if one.subject == Subject.CHANNEL]
ITEM_COUNTERS = [one.key for one in all_counters() if one.subject == Subject.ITEM]


def readings(subject_kind: str, subjects: list[str], metrics: list[str]) -> st.SearchStrategy[ObservationRow]:
    return st.builds(
        ObservationRow,
        subject=st.sampled_from(subjects),
        metric=st.sampled_from(metrics),
        value=st.sampled_from([Decimal(0), Decimal(7), Decimal(400), Decimal("454.5")]),
        observed_at=MOMENTS,
        subject_kind=st.just(subject_kind),
    )


OBSERVATIONS = st.lists(
    readings("channel", ["brand", "club"], CHANNEL_COUNTERS)
    | readings("item", ["post-brand", "post-club"], ITEM_COUNTERS),
    max_size=25,
    unique_by=lambda row: (row.subject, row.metric, row.observed_at),
)


def asked(world: World, definition: Definition) -> list[tuple[Question, dict[str, str]]]:
    """The metric about everything and about each subject that it accepts, with the oracle's words for it."""
    whole = Scope(world.workspace.pk, world.initiative.pk)
    scopes = [(whole, {})]
    if definition.accepts(Subject.CHANNEL):
        scopes += [
            (replace(whole, channel_id=one.pk), {"channel": key}) for key, one in world.channels.items()
        ]
    if definition.accepts(Subject.ITEM):
        scopes += [
            (replace(whole, item_id=one.item_id), {"item": key}) for key, one in world.variants.items()
        ]
    period = period_of(world.initiative)
    return [(Question(definition, scope, period, None, "UAH"), words) for scope, words in scopes]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=FACTS, observations=OBSERVATIONS)
def test_every_metric_agrees_with_the_rows(db: None, facts, observations) -> None:  # type: ignore[no-untyped-def]
    world = make_world()
    put(world, facts, observations)
    period = Period(START, END, ZONE, PUBLIC)
    facts = [replace(row, channel_purpose=world.purposes.get(row.channel, "")) for row in facts]
    definitions = [*all_definitions(), *EXTRA.values()]
    questions = [one for definition in definitions for one in asked(world, definition)]

    values = answer([question for question, _ in questions])
    days = curves([question for question, _ in questions])

    for (question, words), value, points in zip(questions, values, days, strict=True):
        definition = question.definition
        expected = compute(definition, facts, observations, period, currency="UAH", **words)
        assert replace(value, subject=expected.subject) == expected, (definition.key, words)
        assert tuple(points) == curve_of_rows(
            definition, facts, observations, period, currency="UAH", **words
        ), (definition.key, words)


# ---------------------------------------------------------------------------------------------------- by hand


def lead(key: str, when: datetime, **values: str) -> FactRow:
    return FactRow(key=key, kind="lead", occurred_at=when, actor=key, **values)


def members(value: int, when: datetime, subject: str = "club") -> ObservationRow:
    return ObservationRow(subject, "members", Decimal(value), when, "channel")


def growth(world: World, as_of: datetime | None = None) -> object:
    return value_of(
        workspace=world.workspace, metric="members_growth", initiative=world.initiative,
        channel=world.channels["club"], as_of=as_of,
    )  # fmt: skip


def test_growth_goes_from_the_eve_to_the_last_day_in_the_workspace_zone(world: World) -> None:
    put(
        world,
        [],
        [
            members(380, at(START)),
            members(400, at(PUBLIC - timedelta(days=1), 23, 59)),  # 20:59 UTC: still the eve in Kyiv
            members(410, at(PUBLIC, 0, 0)),
            members(454, at(END, 23, 59)),
            members(500, at(END + timedelta(days=1), 0, 0)),
        ],
    )

    value = growth(world)

    assert value.inputs == {"baseline": 400, "last": 454}
    assert value.value == Decimal("0.135")
    assert growth(world, as_of=at(PUBLIC, 1)).value == Decimal("0.025")


def test_without_readings_there_is_no_growth_rather_than_none_at_all(world: World) -> None:
    assert (growth(world).value, growth(world).missing) == (None, Missing.NO_BASELINE)
    put(world, [], [members(0, at(PUBLIC - timedelta(days=1))), members(5, at(END))])
    assert (growth(world).value, growth(world).missing) == (None, Missing.ZERO_DENOMINATOR)


def test_corrections_and_withdrawals_count_at_once(world: World) -> None:
    put(world, [lead("a", at(PUBLIC)), lead("b", at(PUBLIC))], [])
    ask = {"workspace": world.workspace, "metric": "leads", "initiative": world.initiative, "as_of": None}
    assert value_of(**ask).value == 2

    put(world, [lead("b", at(END + timedelta(days=1)))], [])  # it was after the end, after all
    assert value_of(**ask).value == 1

    withdraw(workspace=world.workspace, source="test", source_key="a", kind="lead", now=NOW)
    assert value_of(**ask).value == 0


def test_as_of_a_moment_nothing_later_is_known(world: World) -> None:
    put(world, [lead("a", at(PUBLIC, 9)), lead("b", at(PUBLIC, 18)), lead("c", at(END, 18))], [])

    def known(moment: datetime) -> tuple[Decimal | None, date]:
        value = value_of(workspace=world.workspace, metric="leads", initiative=world.initiative, as_of=moment)
        return value.value, value.period_to

    assert known(at(START - timedelta(days=9))) == (0, START)
    assert known(at(PUBLIC, 12)) == (1, PUBLIC)
    assert known(at(PUBLIC, 18)) == (2, PUBLIC)
    assert known(at(END + timedelta(days=99))) == (3, END)
    points = curve(
        workspace=world.workspace, metric="leads", initiative=world.initiative, as_of=at(PUBLIC, 12)
    )
    assert [day for day, _ in points][-1] == PUBLIC
    assert points[-1] == (PUBLIC, 1)


def test_somebody_who_cancelled_and_came_back_is_registered(world: World) -> None:
    def event(kind: str, day: date, actor: str) -> FactRow:
        return FactRow(key=f"{actor}-{day}-{kind}", kind=kind, occurred_at=at(day), actor=actor)

    put(
        world,
        [
            event("registration", START, "a"),
            event("registration", START, "b"),
            event("registration_cancelled", PUBLIC, "a"),
            event("registration_cancelled", PUBLIC, "b"),
            event("registration", END, "b"),
        ],
        [],
    )
    points = dict(
        curve(workspace=world.workspace, metric="registrations", initiative=world.initiative, as_of=None)
    )
    assert (points[START], points[PUBLIC], points[END]) == (2, 0, 1)


def test_other_initiatives_and_workspaces_do_not_count(world: World) -> None:
    other = make_world("other")
    put(other, [lead("a", at(PUBLIC))], [members(1, at(START)), members(9, at(END))])
    put(world, [lead("b", at(PUBLIC))], [])

    assert value_of(
        workspace=world.workspace, metric="leads", initiative=world.initiative, as_of=None
    ).value == 1  # fmt: skip
    assert growth(world).value is None
    assert value_of(
        workspace=world.workspace, metric="leads", as_of=datetime(2021, 6, 5, tzinfo=UTC)
    ).value == 1  # fmt: skip


def test_a_metric_of_the_whole_cannot_be_asked_about_one_channel(world: World) -> None:
    with pytest.raises(ValueError, match="catalogue_items"):
        value_of(
            workspace=world.workspace, metric="catalogue_items", initiative=world.initiative,
            channel=world.channels["brand"], as_of=None,
        )  # fmt: skip


# ---------------------------------------------------------------------------------------------------- targets


def target(world: World, metric: str, value: str, **values: object) -> Target:
    position = Target.objects.filter(brief=world.initiative.brief).count()
    return Target.objects.create(
        workspace=world.workspace, brief=world.initiative.brief, metric=metric, value=Decimal(value),
        position=position, **values,
    )  # fmt: skip


def test_targets_say_whether_they_are_reached(world: World) -> None:
    club = world.channels["club"]
    target(world, "members_growth", "0.10", channel=club)
    target(world, "leads", "3")
    target(world, "cost_per_lead", "50")
    put(
        world,
        [lead("a", at(PUBLIC)), lead("b", at(PUBLIC))],
        [members(400, at(START)), members(454, at(END))],
    )

    first, leads, cost = target_values(world.initiative, NOW)

    assert (first.baseline, first.last, first.value.value, first.reached) == (
        400,
        454,
        Decimal("0.135"),
        True,
    )
    assert (leads.baseline, leads.value.value, leads.reached) == (None, 2, False)
    assert (cost.value.value, cost.reached, cost.value.missing) == (None, None, Missing.NOT_REPORTED)


def test_a_target_may_end_earlier_than_the_initiative(world: World) -> None:
    target(world, "leads", "1", due_on=PUBLIC)
    put(world, [lead("a", at(END))], [])
    assert target_values(world.initiative, NOW)[0].value.value == 0


def test_a_stated_baseline_serves_where_nobody_read_the_counter(world: World) -> None:
    target(world, "members_growth", "0.10", channel=world.channels["club"], baseline=Decimal(400))
    put(world, [], [members(454, at(END))])
    (one,) = target_values(world.initiative, NOW)
    assert (one.baseline, one.value.value, one.reached) == (400, Decimal("0.135"), True)


def test_queries_do_not_grow_with_targets_and_initiatives(
    world: World, django_assert_num_queries: Callable[[int], object]
) -> None:
    metrics = [one.key for one in all_definitions() if not one.subject_required]
    initiatives = [world.initiative]
    for number in range(12):
        initiative = Initiative.objects.create(
            workspace=world.workspace, slug=f"i-{number}", starts_on=START, ends_on=END, created_at=NOW
        )
        Brief.objects.create(workspace=world.workspace, initiative=initiative, updated_at=NOW)
        initiatives.append(initiative)
    for initiative in initiatives:
        for number, metric in enumerate(metrics[:8]):
            Target.objects.create(
                workspace=world.workspace, brief=initiative.brief, metric=metric, value=1, position=number
            )
    with django_assert_num_queries(3):  # type: ignore[attr-defined]
        values = target_values_of(initiatives, NOW)
    assert sum(len(one) for one in values.values()) == 13 * 8


def test_workspace_wide_needs_a_period_or_a_moment(cast: Cast) -> None:
    with pytest.raises(ValueError, match="which period"):
        value_of(workspace=cast.workspace, metric="leads", as_of=None)
