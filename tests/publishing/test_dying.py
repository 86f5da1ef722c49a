"""A worker may die at any moment. Whatever it leaves behind, the next one brings the post out once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from spilno.publishing import engine, ledger, services
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState as S
from spilno.toolkit.networks.base import Once
from tests.publishing.fake import Killed
from tests.publishing.stage import Stage

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Death:
    """Counts the points of a worker's way and strikes at one of them."""

    at: int
    points: int = 0
    where: str = ""

    def point(self, name: str) -> None:
        self.points += 1
        if self.points == self.at:
            self.where = name
            raise Killed(name)

    @contextmanager
    def watching(self, stage: Stage) -> Iterator[None]:
        """Points: every commit of a transaction, every write outside one, and around every network call."""
        commit: Callable[[], None] = connection.commit

        def committing() -> None:
            commit()
            self.point("committed")

        def executing(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            result = execute(sql, params, many, context)
            if not connection.in_atomic_block and sql.startswith(("UPDATE", "INSERT")):
                self.point("written")
            return result

        connection.commit = committing  # type: ignore[method-assign]
        stage.side.hook = self.point
        try:
            with connection.execute_wrapper(executing):
                yield
        finally:
            connection.commit = commit  # type: ignore[method-assign]
            stage.side.hook = lambda point: None


def live_and_die(stage: Stage, channel: Any, at: int) -> tuple[Delivery, Death]:
    """Schedule, let a worker die at its ``at``-th point, and let others finish. Returns the delivery as it ended."""
    delivery = stage.delivery(channel, due=stage.clock.at + timedelta(minutes=5))
    death = die(stage, at)
    return Delivery.objects.get(pk=delivery.pk), death


def die(stage: Stage, at: int, *, together: int = 1) -> Death:
    """Let a worker die at its ``at``-th point, and others finish its work."""
    death = Death(at)
    with death.watching(stage):
        try:
            stage.play(worker="dies", together=together)
        except Killed:
            connection.close()  # the process is gone, and its connection with it
            ledger._held.clear()
    stage.play(worker="lives", together=together)
    return death


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("fault", [None, "lost_before", "lost_after"])
@pytest.mark.parametrize(
    ("once", "finds"),
    [(Once.KEY, True), (Once.KEY, False), (Once.PREPARE, True), (Once.PREPARE, False), (Once.LOOKUP, True)],
)
def test_exactly_one_post_wherever_the_worker_dies(
    stage: Stage, once: Once, finds: bool, fault: str | None, silent: bool
) -> None:
    if silent and once is Once.PREPARE:
        pytest.skip("what is switched on has to be prepared")
    stage.side.silent = silent
    channel, places = stage.channel(once, finds=finds), set()
    for at in range(1, 60):
        stage.side.script = [fault]
        done, death = live_and_die(stage, channel, at)
        assert done.state == S.PUBLISHED, (at, death.where, done.error_code)
        assert stage.side.seen(str(done.pk)) == 1, (at, death.where)
        places.add(death.where)
        if not death.where:
            break
    assert {"committed", "commit: before", ""} <= places
    assert ("prepare: before" in places) is not silent


BATCH = [(Once.KEY, True), (Once.PREPARE, True), (Once.LOOKUP, True), (Once.NONE, False)]


@pytest.mark.parametrize("fault", [None, "lost_after"])
@pytest.mark.parametrize(("together", "silent"), [(2, False), (2, True), (9, True)])
def test_a_batch_of_all_kinds_wherever_the_worker_dies(
    stage: Stage, together: int, silent: bool, fault: str | None
) -> None:
    """Claimed in one transaction, answers noted in groups: at the worker's death some are noted and some are not."""
    stage.side.silent = silent
    ways = [one for one in BATCH if not (silent and one[0] is Once.PREPARE)]
    channels = [stage.channel(once, finds=finds) for once, finds in ways]
    channels.append(stage.channel(Once.KEY, name="a second one"))
    places, halves = set(), 0
    for at in range(1, 200):
        deliveries = [stage.delivery(one, due=stage.clock.at + timedelta(minutes=5)) for one in channels]
        stage.side.script = [fault]  # for the first that leaves
        death = die(stage, at, together=together)
        noted = 0
        for channel, one in zip(channels, deliveries, strict=True):
            done, posts = Delivery.objects.get(pk=one.pk), stage.side.seen(str(one.pk))
            assert posts <= 1, (at, death.where, channel.network)
            if Once.NONE in channel.network:
                assert done.state in (S.PUBLISHED, S.NEEDS_PERSON), (at, death.where)
                assert posts == 1 or done.state == S.NEEDS_PERSON
            else:
                assert (done.state, posts) == (S.PUBLISHED, 1), (at, death.where, channel.network)
            commits = done.attempts.filter(step="commit", worker="dies")
            noted += commits.exclude(outcome="interrupted").exists()
        halves += 0 < noted < len(channels)
        places.add(death.where)
        if not death.where:
            break
    assert {"committed", "commit: before", "commit: after", ""} <= places
    assert bool(halves) == (together < len(channels))


def test_a_death_asks_nobody_about_what_was_never_sent(stage: Stage) -> None:
    """Posts of one channel are not claimed ahead of their turn: only the one on its way can be in doubt."""
    stage.side.silent = True
    channel = stage.channel(Once.NONE, finds=False)
    due = stage.clock.at + timedelta(minutes=5)
    deliveries = [stage.delivery(channel, due=due) for _ in range(4)]
    stage.side.hook = lambda point: None
    death = Death(at=0)

    def second(point: str) -> None:
        if point == "commit: before" and stage.side.commits == 1:
            death.where = point
            raise Killed(point)

    stage.side.hook = second
    with pytest.raises(Killed):
        stage.play(worker="dies")
    connection.close()
    stage.side.hook = lambda point: None
    stage.play(worker="lives")
    states = [Delivery.objects.get(pk=one.pk).state for one in deliveries]
    assert sorted(states) == [S.NEEDS_PERSON, S.PUBLISHED, S.PUBLISHED, S.PUBLISHED]


@pytest.mark.parametrize("once", [Once.NONE, Once.LOOKUP])
def test_where_nobody_can_tell_never_two(stage: Stage, once: Once) -> None:
    channel, ends = stage.channel(once, finds=False), set()
    for at in range(1, 60):
        done, death = live_and_die(stage, channel, at)
        posts = stage.side.seen(str(done.pk))
        assert posts <= 1, death.where
        # Either it is known to be out, or a person is asked; it is never lost and never sent again.
        assert done.state in (S.PUBLISHED, S.NEEDS_PERSON), death.where
        assert posts == 1 or done.state == S.NEEDS_PERSON
        ends.add((death.where, done.state))
        if not death.where:
            break
    assert ("commit: before", S.NEEDS_PERSON) in ends
    assert ("commit: after", S.NEEDS_PERSON) in ends
    assert ("prepare: after", S.PUBLISHED) in ends


def test_two_workers_at_once_take_it_once(stage: Stage) -> None:
    channels = [stage.channel(Once.NONE, finds=False, name=f"channel {number}") for number in range(6)]
    deliveries = [stage.delivery(one) for one in channels]
    stage.clock.at = deliveries[0].due_at
    workers, errors = 3, []
    gate = threading.Barrier(workers)

    def work(name: str) -> None:
        try:
            gate.wait(timeout=30)
            for one in deliveries:
                engine.advance(delivery_id=one.pk, now=stage.clock.at, worker=name)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(workers)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    stage.play()
    assert errors == []
    assert sorted(key for key, _ in stage.side.posts) == sorted(str(one.pk) for one in deliveries)
    assert set(Delivery.objects.values_list("state", flat=True)) == {S.PUBLISHED}
    assert stage.side.commits == len(deliveries)


def test_claims_that_overlap_give_one_winner(stage: Stage) -> None:
    """Both read the row while it was free; the second one's update waits for the first one's and then finds nothing."""
    delivery = stage.delivery(stage.channel(Once.NONE, finds=False))
    stage.clock.at = delivery.due_at
    inside, go_on, results = threading.Event(), threading.Event(), []

    def stall(point: str) -> None:
        if point == "commit: before":
            inside.set()
            assert go_on.wait(30)

    stage.side.hook = stall

    def first() -> None:
        results.append(engine.advance(delivery_id=delivery.pk, now=stage.clock.at, worker="first"))
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(30)
    assert not engine.advance(delivery_id=delivery.pk, now=stage.clock.at, worker="second")
    with pytest.raises(Exception, match="delivery_in_flight"):
        services.cancel(delivery=delivery, by=stage.cast.owner, now=stage.clock.at)
    go_on.set()
    thread.join()
    assert results == [True]
    assert stage.side.commits == 1


def test_a_living_worker_keeps_its_lease_and_a_dead_one_does_not(stage: Stage) -> None:
    delivery = stage.delivery(stage.channel(Once.LOOKUP))
    stage.clock.at = delivery.due_at
    seen: list[int] = []

    def slow(point: str) -> None:
        if point == "commit: before":
            for _ in range(4):
                stage.clock.forward(seconds=20)
                ledger.renew(stage.clock.at)
                seen.append(engine.run_due(now=stage.clock.at, worker="other"))

    stage.side.hook = slow
    stage.work("slow")
    assert seen == [0, 0, 0, 0]
    assert Delivery.objects.get(pk=delivery.pk).state == S.PUBLISHED
    assert ledger.renew(stage.clock.at) == 0
