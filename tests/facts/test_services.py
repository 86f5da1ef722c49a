"""The record: once, corrected, withdrawn, and never changed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import NOW, Cast

from spilno.facts.models import Fact, Kind, Observation, SubjectKind
from spilno.facts.queries import effective, history, observations
from spilno.facts.services import (
    Counts,
    NewFact,
    NewObservation,
    observe,
    observe_many,
    record,
    record_many,
    withdraw,
)
from spilno.kernel.ids import new_id
from spilno.team.models import Workspace
from spilno.team.services import create_workspace

AT = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def donation(key: str = "d-1", amount: str = "300", **values: object) -> NewFact:
    return NewFact(
        kind=Kind.DONATION, source_key=key, occurred_at=AT, amount=Decimal(amount), currency="UAH", **values
    )


def give(workspace: Workspace, amount: str = "300", key: str = "d-1", now: datetime = NOW) -> Fact:
    return record(
        workspace=workspace,
        kind=Kind.DONATION,
        occurred_at=AT,
        now=now,
        source="test",
        source_key=key,
        amount=Decimal(amount),
        currency="UAH",
    )


def content(workspace: Workspace) -> set[tuple[str, str, Decimal | None]]:
    return {(one.kind, one.source_key, one.amount) for one in effective(workspace)}


def test_the_same_thing_twice_is_one_fact(cast: Cast) -> None:
    first = give(cast.workspace)
    again = give(cast.workspace, amount="300.0000", now=LATER)

    assert again == first
    assert Fact.objects.count() == 1
    assert again.recorded_at == NOW


def test_another_value_corrects_and_keeps_what_was_said(cast: Cast) -> None:
    first = give(cast.workspace)
    second = give(cast.workspace, amount="500", now=LATER)

    assert (second.revision, second.corrects_id) == (1, first.pk)
    assert content(cast.workspace) == {("donation", "d-1", Decimal(500))}
    assert [one.amount for one in history(second)] == [300, 500]


def test_withdrawn_is_gone_and_may_come_back(cast: Cast) -> None:
    give(cast.workspace)
    name = {"workspace": cast.workspace, "source": "test", "source_key": "d-1", "kind": Kind.DONATION}

    void = withdraw(now=LATER, **name)
    assert void is not None
    assert void.void
    assert not effective(cast.workspace).exists()
    assert withdraw(now=LATER, **name) is None

    back = give(cast.workspace, now=LATER)
    assert back.revision == 2
    assert content(cast.workspace) == {("donation", "d-1", Decimal(300))}


def test_withdrawing_what_never_was_changes_nothing(cast: Cast) -> None:
    gone = withdraw(workspace=cast.workspace, source="test", source_key="never", kind=Kind.LEAD, now=NOW)
    assert gone is None
    assert not Fact.objects.exists()


def test_workspaces_and_sources_do_not_meet(cast: Cast) -> None:
    give(cast.workspace)
    give(cast.other_workspace, amount="7")
    record(
        workspace=cast.workspace, kind=Kind.DONATION, occurred_at=AT, now=NOW, source="elsewhere",
        source_key="d-1", amount=Decimal(9), currency="UAH",
    )  # fmt: skip

    assert {one.amount for one in effective(cast.workspace)} == {300, 9}
    assert {one.amount for one in effective(cast.other_workspace)} == {7}
    assert not Fact.objects.exclude(revision=0).exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE facts_fact SET amount = 1",
        "DELETE FROM facts_fact",
        "TRUNCATE facts_fact",
        "TRUNCATE facts_observation",
        "TRUNCATE team_workspace CASCADE",
    ],
)
def test_the_database_refuses_to_forget(cast: Cast, statement: str) -> None:
    give(cast.workspace)
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        # Constraints at once: else the test's own unfinished work is in the way.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; " + statement)
    assert content(cast.workspace) == {("donation", "d-1", Decimal(300))}


# ------------------------------------------------------------------------------------------------- many at once


def test_a_file_taken_in_twice_changes_nothing(cast: Cast) -> None:
    rows = [donation(f"d-{number}", str(number)) for number in range(1, 40)]

    first = record_many(
        workspace=cast.workspace, source="file", facts=rows, now=NOW, complete=[Kind.DONATION]
    )
    again = record_many(
        workspace=cast.workspace, source="file", facts=rows, now=LATER, complete=[Kind.DONATION]
    )

    assert first == Counts(created=39)
    assert again == Counts(unchanged=39)
    assert Fact.objects.count() == 39


def test_a_changed_file_corrects_adds_and_withdraws(cast: Cast) -> None:
    source = {"workspace": cast.workspace, "source": "file", "complete": [Kind.DONATION]}
    record_many(facts=[donation("a", "1"), donation("b", "2"), donation("c", "3")], now=NOW, **source)
    give(cast.workspace, key="of another source")

    counts = record_many(
        facts=[donation("a", "1"), donation("b", "20"), donation("d", "4")], now=LATER, **source
    )

    assert counts == Counts(created=1, corrected=1, withdrawn=1, unchanged=1)
    assert content(cast.workspace) == {
        ("donation", "a", Decimal(1)),
        ("donation", "b", Decimal(20)),
        ("donation", "d", Decimal(4)),
        ("donation", "of another source", Decimal(300)),
    }


def test_queries_do_not_grow_with_the_rows(cast: Cast, django_assert_max_num_queries: object) -> None:
    rows = [donation(f"d-{number}") for number in range(900)]
    with django_assert_max_num_queries(5):  # type: ignore[operator]
        record_many(workspace=cast.workspace, source="file", facts=rows, now=NOW, complete=[Kind.DONATION])
    assert effective(cast.workspace).count() == 900


KEYS = st.sampled_from(["a", "b", "c"])
KINDS = st.sampled_from([Kind.DONATION, Kind.LEAD])
AMOUNTS = st.sampled_from(["1", "2.5", "2.50"])
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def fresh(db: None) -> object:
    """A workspace of its own for every example, because the record cannot be emptied."""

    def make() -> Workspace:
        return create_workspace(name="W", slug=f"w-{new_id().hex}", now=NOW)

    return make


@SLOW
@given(
    facts=st.dictionaries(st.tuples(KINDS, KEYS), AMOUNTS),
    data=st.data(),
)
def test_any_order_and_any_repetition_give_the_same_record(fresh, facts, data) -> None:  # type: ignore[no-untyped-def]
    workspace = fresh()
    names = sorted(facts)
    order = names + (data.draw(st.lists(st.sampled_from(names), max_size=6)) if names else [])
    order = data.draw(st.permutations(order))
    for kind, key in order:
        record(
            workspace=workspace, kind=kind, occurred_at=AT, now=NOW, source="s", source_key=key,
            amount=Decimal(facts[kind, key]),
        )  # fmt: skip

    assert content(workspace) == {(kind, key, Decimal(facts[kind, key])) for kind, key in names}
    assert Fact.objects.filter(workspace=workspace).count() == len(names)


@SLOW
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("record"), KINDS, KEYS, AMOUNTS),
            st.tuples(st.just("withdraw"), KINDS, KEYS, st.just("")),
            st.tuples(st.just("file"), KINDS, st.dictionaries(KEYS, AMOUNTS), st.just("")),
        ),
        max_size=12,
    )
)
def test_the_record_stands_as_the_last_word_says(fresh, steps) -> None:  # type: ignore[no-untyped-def]
    workspace = fresh()
    expected: dict[tuple[str, str], Decimal] = {}
    for what, kind, key, amount in steps:
        if what == "record":
            expected[kind, key] = Decimal(amount)
            record(
                workspace=workspace, kind=kind, occurred_at=AT, now=NOW, source="s", source_key=key,
                amount=Decimal(amount),
            )  # fmt: skip
        elif what == "withdraw":
            expected.pop((kind, key), None)
            withdraw(workspace=workspace, source="s", source_key=key, kind=kind, now=NOW)
        else:
            expected = {name: value for name, value in expected.items() if name[0] != kind}
            expected |= {(kind, one): Decimal(value) for one, value in key.items()}
            record_many(
                workspace=workspace,
                source="s",
                facts=[NewFact(kind, one, AT, amount=Decimal(value)) for one, value in key.items()],
                now=NOW,
                complete=[kind],
            )

    assert content(workspace) == {(*name, value) for name, value in expected.items()}
    for row in Fact.objects.filter(workspace=workspace).select_related("corrects"):
        assert row.revision == (row.corrects.revision + 1 if row.corrects else 0)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_the_same_moment_write_one_fact() -> None:
    workspace = create_workspace(name="W", slug="w", now=NOW)
    barrier = threading.Barrier(4)
    made: list[UUID] = []

    def work() -> None:
        try:
            barrier.wait(10)
            made.append(give(workspace).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(made) == 4
    assert len(set(made)) == 1
    assert Fact.objects.count() == 1


# ------------------------------------------------------------------------------------------------- observations


def test_an_observation_is_noted_once_and_corrected(cast: Cast) -> None:
    channel = new_id()
    name = {
        "workspace": cast.workspace, "subject_kind": SubjectKind.CHANNEL, "subject_id": channel,
        "metric": "members", "observed_at": AT, "now": NOW, "source": "s",
    }  # fmt: skip

    assert observe(value=Decimal(0), **name) is not None
    assert observe(value=Decimal("0.0"), **name) is None
    changed = observe(value=Decimal(5), **name)

    assert changed is not None
    assert changed.revision == 1
    assert [one.value for one in observations(cast.workspace)] == [5]
    assert Observation.objects.count() == 2


def test_a_file_of_observations_replaces_itself(cast: Cast) -> None:
    channel = new_id()

    def reading(hours: int, value: int) -> NewObservation:
        moment = AT + timedelta(hours=hours)
        return NewObservation(SubjectKind.CHANNEL, channel, "members", Decimal(value), moment)

    def take_in(*rows: NewObservation) -> Counts:
        return observe_many(
            workspace=cast.workspace, source="file", observations=rows, now=NOW, complete=True
        )

    assert take_in(reading(0, 400), reading(1, 410)) == Counts(created=2)
    assert take_in(reading(1, 410), reading(0, 400)) == Counts(unchanged=2)
    assert take_in(reading(0, 401), reading(2, 454)) == Counts(created=1, corrected=1, withdrawn=1)
    assert sorted(one.value for one in observations(cast.workspace)) == [401, 454]
