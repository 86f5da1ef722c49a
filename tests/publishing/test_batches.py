"""Many deliveries at a time: few statements, and none of them in another's way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from spilno.channels.models import RateUse
from spilno.kernel.errors import UserError
from spilno.plan import queries as plan
from spilno.plan.models import Item, Variant
from spilno.publishing import engine
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState as S
from spilno.toolkit.networks.base import Counts, Once, Per, RatePolicy
from tests.publishing.stage import Stage


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def batch(stage: Stage, size: int, once: Once = Once.KEY, **values: object) -> list[Delivery]:
    """So many posts that are due, each on a channel of its own."""
    mark = Delivery.objects.count()
    channels = [stage.channel(once, name=f"channel {mark + number}") for number in range(size)]
    deliveries = [stage.delivery(one, **values) for one in channels]  # type: ignore[arg-type]
    stage.clock.at = deliveries[-1].due_at
    return deliveries


def statements(stage: Stage, deliveries: list[Delivery]) -> int:
    """How many it takes to send them; all their answers are noted together."""
    with CaptureQueriesContext(connection) as captured:
        loaded = engine.load([one.pk for one in deliveries], now=stage.clock.at)
        begun = engine.begin(loaded, now=stage.clock.at, worker="w")
        assert len(begun.calls) == len(deliveries)
        engine.finish(
            [call.judged(claim, call.speak(known), stage.clock.at) for call, claim, known in begun.calls]
        )
    assert {fresh(one).state for one in deliveries} == {S.PUBLISHED}
    return len(captured)


@pytest.mark.django_db
def test_twenty_posts_take_as_many_statements_as_two(stage: Stage) -> None:
    stage.side.silent = True
    kinds: list[dict[str, object]] = [{}, {"link": "https://books.example"}]
    for values in kinds:
        few = statements(stage, batch(stage, 2, **values))
        many = statements(stage, batch(stage, 20, **values))
        assert many == few < 30


@pytest.mark.django_db
def test_what_needs_no_preparation_has_one_step(stage: Stage) -> None:
    stage.side.silent = True
    (delivery,) = batch(stage, 1)
    stage.clock.at = delivery.due_at - engine.LEAD
    stage.work()
    assert fresh(delivery).state == S.PREPARED  # it was looked at in time: it fits
    assert not delivery.attempts.exists()
    stage.clock.at = delivery.due_at
    stage.work()
    assert list(delivery.attempts.values_list("step", "outcome")) == [("commit", "ok")]


@contextmanager
def holding(lock: Callable[[], object]) -> Iterator[None]:
    """Somebody else holds rows: another connection, in a transaction that stays open."""
    locked, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                lock()
                locked.set()
                assert over.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(30)
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_a_post_that_is_being_edited_holds_up_no_other(stage: Stage) -> None:
    edited, moved, other = batch(stage, 3)
    item, row = edited.variant.item_id, moved.pk
    stage.clock.at = edited.due_at - timedelta(seconds=30)
    stage.work()
    stage.clock.at = edited.due_at
    with (
        holding(lambda: Item.objects.select_for_update().get(pk=item)),
        holding(lambda: Delivery.objects.select_for_update().get(pk=row)),
    ):
        assert stage.work() == 1
        assert [fresh(one).state for one in (edited, moved, other)] == [S.PREPARED, S.PREPARED, S.PUBLISHED]
    stage.play()
    assert [fresh(one).state for one in (edited, moved)] == [S.PUBLISHED, S.PUBLISHED]
    assert stage.side.commits == 3


@pytest.mark.django_db(transaction=True)
def test_answers_are_noted_although_somebody_holds_one_of_the_rows(stage: Stage) -> None:
    held, other = batch(stage, 2)
    stage.side.silent = True
    begun = engine.begin(engine.load([held.pk, other.pk], now=stage.clock.at), now=stage.clock.at, worker="w")
    ends = [call.judged(claim, call.speak(known), stage.clock.at) for call, claim, known in begun.calls]
    done = threading.Event()

    def finish() -> None:
        try:
            engine.finish(ends)
            done.set()
        finally:
            connection.close()

    thread = threading.Thread(target=finish)
    with holding(lambda: Delivery.objects.select_for_update().get(pk=held.pk)):
        thread.start()
        while fresh(other).state != S.PUBLISHED:  # at once; the held one when it is free
            assert thread.is_alive()
        assert fresh(held).state == S.COMMITTING
        assert not done.is_set()
    thread.join()
    assert done.is_set()
    assert fresh(held).state == S.PUBLISHED


@pytest.mark.django_db
def test_what_a_limit_does_not_let_through_waits_without_an_attempt(stage: Stage) -> None:
    channel = stage.channel(Once.KEY)
    network = next(one for key, one in _networks().items() if key == channel.network)
    network.rates = (  # type: ignore[misc]
        RatePolicy("posts", 2, 600, Counts.POST, Per.CHANNEL, stage.clock.at.date(), "a test"),
    )
    deliveries = [stage.delivery(channel) for _ in range(4)]
    stage.clock.at = deliveries[0].due_at
    stage.work()
    states = [fresh(one).state for one in deliveries]
    assert sorted(states) == [S.PUBLISHED, S.PUBLISHED, S.WAITING, S.WAITING]
    for one in deliveries:
        if (waits := fresh(one)).state == S.WAITING:
            assert waits.error_code == "rate_limited_ahead"
            assert not waits.attempts.filter(step="commit").exists()
            assert waits.next_try_at is not None
            assert waits.next_try_at > stage.clock.at
    stage.play()
    assert {fresh(one).state for one in deliveries} == {S.PUBLISHED}
    assert [key for key, _ in stage.side.posts] == [str(one.pk) for one in deliveries]  # in order


def _networks() -> dict[str, object]:
    from spilno.toolkit.networks import registry

    return dict(registry.all_networks())


@pytest.mark.django_db
def test_waiting_for_the_one_before_it_uses_up_no_limit(stage: Stage) -> None:
    channel = stage.channel(Once.KEY)
    network = _networks()[channel.network]
    network.rates = (  # type: ignore[attr-defined]
        RatePolicy("posts", 2, 600, Counts.POST, Per.CHANNEL, stage.clock.at.date(), "a test"),
    )
    first, second = stage.delivery(channel), stage.delivery(channel)
    stage.clock.at = first.due_at - engine.LEAD
    stage.work()
    stage.clock.at = first.due_at
    until = stage.clock.at + timedelta(minutes=1)
    Delivery.objects.filter(pk=first.pk).update(state=S.COMMITTING, lease_by="x", lease_until=until,
                                                next_try_at=until)  # fmt: skip
    for _ in range(5):
        assert not engine.advance(delivery_id=second.pk, now=stage.clock.at, worker="w")
    assert sum(sum(one.used) for one in RateUse.objects.all()) == 0


def refusing(code: str) -> Callable[..., object]:
    """Composing posts, of which none can be."""

    def refuse(*, variants: list[Variant], **_: object) -> dict[object, UserError]:
        return {one.pk: UserError(code) for one in variants}

    return refuse


@pytest.mark.django_db
@pytest.mark.parametrize("ready", [True, False])
def test_pictures_that_are_still_converted_are_waited_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, ready: bool
) -> None:
    (delivery,) = batch(stage, 1)
    with monkeypatch.context() as patch:
        patch.setattr(plan, "composed_many", refusing("media_not_ready"))
        stage.work()
        waits = fresh(delivery)
        assert (waits.state, waits.error_code) == (S.WAITING, "media_not_ready")
        assert waits.next_try_at is not None
        assert waits.next_try_at - stage.clock.at <= timedelta(seconds=10)
        if not ready:
            stage.clock.at = delivery.due_at + timedelta(minutes=30)
            stage.play()
            assert (fresh(delivery).state, fresh(delivery).error_code) in {
                (S.MISSED, "too_late"), (S.MISSED, "media_not_ready"),
            }  # fmt: skip
            return
    stage.play()
    assert fresh(delivery).state == S.PUBLISHED


@pytest.mark.django_db
def test_pictures_that_cannot_be_converted_make_it_fail(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (delivery,) = batch(stage, 1)

    monkeypatch.setattr(plan, "composed_many", refusing("media_failed"))
    stage.work()
    assert (fresh(delivery).state, fresh(delivery).error_code) == (S.FAILED, "media_failed")


@pytest.mark.django_db
def test_one_that_cannot_be_decided_stops_no_other(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, other = batch(stage, 2)
    decide = engine.decide

    def stumbling(delivery: Delivery, *values: object, **more: object) -> object:
        if delivery.pk == broken.pk:
            raise RuntimeError("a bug")
        return decide(delivery, *values, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "decide", stumbling)
    assert stage.work() == 1
    assert (fresh(broken).state, fresh(other).state) == (S.QUEUED, S.PUBLISHED)
