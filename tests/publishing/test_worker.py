"""The worker process: the due loop and the jobs around it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from procrastinate.contrib.django import app

from spilno.kernel import clock
from spilno.publishing import backlog, engine, jobs, services, worker
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.states import DeliveryState as S
from spilno.toolkit.networks.base import Once
from tests.publishing.fake import Side
from tests.publishing.stage import Stage


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for a condition; fail if it does not come true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


@pytest.fixture
def running(stage: Stage) -> Iterator[threading.Event]:
    """A worker at work in this process."""
    stop, raised = threading.Event(), []

    def run() -> None:
        try:
            worker.run(worker_name="test", stop=stop)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield stop
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert raised == []


@pytest.mark.django_db(transaction=True)
def test_posts_leave_by_themselves_and_one_slow_network_holds_up_nobody(
    stage: Stage, running: threading.Event
) -> None:
    stage.clock.at = clock.now()
    stalling, go_on = Side(), threading.Event()
    stalling.hook = lambda point: None if point != "commit: before" else _wait(go_on)
    slow, quick = stage.channel(Once.NONE, name="slow", side=stalling), stage.channel(Once.KEY, name="quick")
    first = stage.delivery(slow, due=clock.now() + timedelta(days=1))
    services.publish_now(variant=first.variant, by=stage.cast.owner, now=clock.now())
    until(lambda: state_of(first) == S.COMMITTING)
    due = clock.now() + timedelta(seconds=1)
    second = stage.delivery(quick, due=due)
    until(lambda: state_of(second) == S.PUBLISHED)
    assert state_of(first) == S.COMMITTING
    published = Delivery.objects.get(pk=second.pk).published_at
    assert published is not None
    assert published >= due
    go_on.set()
    until(lambda: state_of(first) == S.PUBLISHED)
    assert stalling.seen(str(first.pk)) == stage.side.seen(str(second.pk)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_network_that_hangs_with_everybody_s_posts_holds_up_no_other_network(
    stage: Stage, running: threading.Event
) -> None:
    stage.clock.at = clock.now()
    stalling, go_on = Side(), threading.Event()
    stalling.hook = lambda point: None if point != "commit: before" else _wait(go_on)
    hanging = [
        stage.delivery(stage.channel(Once.NONE, name=f"hangs {number}", side=stalling), due=clock.now())
        for number in range(backlog.OF_A_SERVER + 8)
    ]
    until(lambda: states(hanging)[S.COMMITTING] > backlog.SLOW_SERVER)
    quick = stage.delivery(stage.channel(Once.KEY, name="quick"), due=clock.now())
    until(lambda: state_of(quick) == S.PUBLISHED)
    assert states(hanging)[S.PUBLISHED] == 0
    go_on.set()
    until(lambda: states(hanging)[S.PUBLISHED] == len(hanging))
    assert len(stalling.posts) == len(hanging)


@pytest.mark.django_db(transaction=True)
def test_asked_to_stop_it_brings_home_what_is_on_its_way_and_begins_nothing(
    stage: Stage, running: threading.Event
) -> None:
    stage.clock.at = clock.now()
    go_on = threading.Event()
    stage.side.hook = lambda point: None if point != "commit: before" else _wait(go_on)
    channel = stage.channel(Once.NONE)
    first, second = (stage.delivery(channel, due=clock.now()) for _ in range(2))
    until(lambda: state_of(first) == S.COMMITTING)
    running.set()
    go_on.set()
    until(lambda: state_of(first) == S.PUBLISHED)
    until(lambda: not any(one.name.startswith("call") for one in threading.enumerate()))
    assert state_of(second) in (S.QUEUED, S.PREPARED)
    assert stage.side.commits == 1


@pytest.mark.django_db(transaction=True)
def test_several_workers_share_the_work_and_send_everything_once(stage: Stage) -> None:
    stage.clock.at = clock.now()
    stage.side.silent = True
    channels = [stage.channel(Once.NONE, name=f"channel {number}", finds=False) for number in range(12)]
    stop, raised = threading.Event(), []

    def run(name: str) -> None:
        try:
            worker.DueLoop(name, stop).run()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(f"w{number}",)) for number in range(3)]
    for one in threads:
        one.start()
    try:
        deliveries = [stage.delivery(one, due=clock.now()) for one in channels for _ in range(3)]
        until(lambda: states(deliveries)[S.PUBLISHED] == len(deliveries))
    finally:
        stop.set()
        for one in threads:
            one.join(60)
    assert raised == []
    assert sorted(key for key, _ in stage.side.posts) == sorted(str(one.pk) for one in deliveries)
    # In order in each channel, and not all by one worker.
    for channel in channels:
        mine = [str(one.pk) for one in deliveries if one.channel_id == channel.pk]
        assert [key for key, _ in stage.side.posts if key in mine] == mine
    assert len(set(Attempt.objects.values_list("worker", flat=True))) > 1


def states(deliveries: list[Delivery]) -> Counter[str]:
    """How many are in which state."""
    rows = Delivery.objects.filter(pk__in=[one.pk for one in deliveries])
    return Counter(rows.values_list("state", flat=True))


def _wait(event: threading.Event) -> None:
    assert event.wait(60)


def state_of(delivery: Delivery) -> str:
    return Delivery.objects.get(pk=delivery.pk).state


@pytest.mark.django_db
def test_the_sweep_finds_what_was_left_behind(stage: Stage) -> None:
    delivery = stage.delivery(stage.channel(Once.KEY))
    Delivery.objects.filter(pk=delivery.pk).update(next_try_at=None)
    stage.play()
    assert stage.side.posts == []
    assert jobs.pick_up(now=stage.clock.at) == 1
    stage.play()
    assert Delivery.objects.get(pk=delivery.pk).state == S.PUBLISHED


def test_the_queue_knows_the_tasks() -> None:
    assert {"publishing.sweep", "channels.look_after"} <= set(app.tasks)


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_a_dead_worker_s_post_does_not_hide_it(stage: Stage) -> None:
    channel = stage.channel(Once.KEY)
    first, second = stage.delivery(channel), stage.delivery(channel)
    stage.work()  # both are due in ten minutes and are prepared two minutes before
    stage.clock.at = first.due_at - engine.LEAD
    stage.work()
    stage.clock.at = first.due_at
    Delivery.objects.filter(pk=first.pk).update(
        state=S.COMMITTING, lease_by="dead", lease_until=stage.clock.at, next_try_at=stage.clock.at,
        first_commit_at=stage.clock.at,
    )  # fmt: skip
    Attempt.objects.create(
        delivery=first, number=2, step=Step.COMMIT, worker="dead", started_at=stage.clock.at,
        fingerprint=Delivery.objects.get(pk=first.pk).prepared_for,
    )  # fmt: skip
    for _ in range(3):
        stage.work("next")
        stage.clock.forward(seconds=31)
    assert (state_of(first), state_of(second)) == (S.PUBLISHED, S.PUBLISHED)
    assert [key for key, _ in stage.side.posts].count(str(first.pk)) == 1
