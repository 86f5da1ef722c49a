"""What becomes of a delivery when the network answers well, badly, or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from spilno.channels import services as channels
from spilno.channels.models import Channel, Health
from spilno.kernel.errors import NotAllowed, UserError
from spilno.plan import services as plan
from spilno.plan.models import Media
from spilno.publishing import engine, services
from spilno.publishing.models import Attempt, Delivery
from spilno.publishing.states import DeliveryState as S
from spilno.toolkit.networks.base import Kind, NetworkError, Once, Prepared, Verdict
from tests.publishing.stage import PASSWORD, Stage

pytestmark = pytest.mark.django_db
KINDS = [Once.KEY, Once.PREPARE, Once.LOOKUP, Once.NONE]


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def steps(delivery: Delivery) -> list[tuple[str, str]]:
    return list(delivery.attempts.values_list("step", "outcome"))


@pytest.mark.parametrize("once", KINDS)
def test_a_post_is_prepared_ahead_and_leaves_at_its_time(stage: Stage, once: Once) -> None:
    delivery = stage.delivery(stage.channel(once))
    stage.clock.at = delivery.due_at - engine.LEAD - timedelta(seconds=1)
    assert stage.work() == 0
    stage.clock.forward(seconds=1)
    stage.work()
    assert fresh(delivery).state == S.PREPARED
    assert stage.side.posts == []
    stage.clock.at = delivery.due_at
    stage.work()
    done = fresh(delivery)
    assert done.state == S.PUBLISHED
    assert done.published_at == delivery.due_at
    assert done.external_url == f"https://fake.example/{delivery.pk}"
    assert done.next_try_at is None
    assert stage.side.posts == [(str(delivery.pk), "Hello")]
    assert steps(done) == [("prepare", "ok"), ("commit", "ok")]


def test_published_now_leaves_at_once(stage: Stage) -> None:
    delivery = stage.delivery(stage.channel(Once.NONE))
    services.publish_now(variant=delivery.variant, by=stage.cast.owner, now=stage.clock.at)
    stage.work()
    assert fresh(delivery).state == S.PUBLISHED
    assert stage.side.seen(str(delivery.pk)) == 1


@pytest.mark.parametrize("fault", ["lost_before", "lost_after"])
@pytest.mark.parametrize("once", [Once.KEY, Once.PREPARE, Once.LOOKUP])
def test_an_unanswered_request_is_looked_up_and_never_sent_blindly(
    stage: Stage, once: Once, fault: str
) -> None:
    stage.side.script = [fault]
    delivery = stage.delivery(stage.channel(once))
    stage.play()
    assert fresh(delivery).state == S.PUBLISHED
    assert stage.side.seen(str(delivery.pk)) == 1
    assert ("commit", "uncertain") in steps(delivery)
    assert ("find", "found" if fault == "lost_after" else "absent") in steps(delivery)
    assert len(set(stage.side.containers)) <= 1


def test_absence_is_believed_only_when_the_network_had_time_to_finish(stage: Stage) -> None:
    stage.side.script = ["lost_before"]
    delivery = stage.delivery(stage.channel(Once.LOOKUP))
    stage.clock.at = delivery.due_at
    stage.work()
    assert fresh(delivery).state == S.UNCERTAIN
    stage.clock.forward(seconds=29)
    stage.work()
    assert stage.side.commits == 1
    # … and in fact the request, thought lost, comes through late.
    stage.side.posts.append((str(delivery.pk), "Hello"))
    stage.clock.forward(seconds=1)
    stage.work()
    assert fresh(delivery).state == S.PUBLISHED
    assert stage.side.commits == 1


@pytest.mark.parametrize("fault", ["lost_before", "lost_after"])
def test_where_nobody_can_tell_a_person_is_asked(stage: Stage, fault: str) -> None:
    stage.side.script = [fault]
    delivery = stage.delivery(stage.channel(Once.NONE, finds=False))
    stage.play()
    assert fresh(delivery).state == S.NEEDS_PERSON
    assert stage.side.commits == 1


@pytest.mark.parametrize("once", [Once.LOOKUP, Once.NONE])
def test_a_network_that_cannot_tell_makes_it_a_person_s_question(stage: Stage, once: Once) -> None:
    stage.side.script, stage.side.find_script = ["lost_after"], [Verdict.CANNOT_TELL]
    delivery = stage.delivery(stage.channel(once))
    stage.play()
    done = fresh(delivery)
    assert (done.state, done.error_code) == (S.NEEDS_PERSON, "cannot_tell")
    assert done.error_params == {"look_at": "https://fake.example/me"}


@pytest.mark.parametrize("finds", [True, False])
@pytest.mark.parametrize("fault", ["lost_before", "lost_after"])
@pytest.mark.parametrize("once", [Once.KEY, Once.PREPARE])
def test_what_is_idempotent_is_simply_repeated_when_it_cannot_be_told(
    stage: Stage, once: Once, fault: str, finds: bool
) -> None:
    stage.side.script, stage.side.find_script = [fault, fault], [Verdict.CANNOT_TELL] * 5
    delivery = stage.delivery(stage.channel(once, finds=finds))
    stage.play()
    assert fresh(delivery).state == S.PUBLISHED
    assert stage.side.seen(str(delivery.pk)) == 1
    assert stage.side.commits == 3


def test_repeating_ends_when_the_network_may_have_forgotten_the_key(stage: Stage) -> None:
    channel = stage.channel(Once.KEY, finds=False)
    channels.update(channel=channel, by=None, now=stage.clock.at, late_tolerance=600, owner=stage.cast.owner)
    stage.side.script = ["lost_before"] * 50
    delivery = stage.delivery(channel)
    stage.play()
    assert fresh(delivery).state == S.NEEDS_PERSON
    assert stage.side.posts == []
    assert stage.side.commits <= 7


def test_a_refused_repetition_proves_nothing_about_the_first_request(stage: Stage) -> None:
    stage.side.script = ["lost_after", NetworkError(Kind.PERMANENT, "refused", status=400)]
    delivery = stage.delivery(stage.channel(Once.KEY, finds=False))
    stage.play()
    assert fresh(delivery).state == S.NEEDS_PERSON


def test_a_network_that_does_not_answer_questions_is_asked_for_half_an_hour(stage: Stage) -> None:
    stage.side.script = ["lost_after"]
    stage.side.find_script = [NetworkError(Kind.UNREACHABLE, "unreachable", params={"host": "fake"})] * 99
    delivery = stage.delivery(stage.channel(Once.LOOKUP))
    stage.play()
    done = fresh(delivery)
    assert done.state == S.NEEDS_PERSON
    assert stage.clock.at - delivery.due_at >= timedelta(minutes=30)
    assert done.channel.health == Health.TROUBLE


def test_a_changed_text_is_not_searched_for_and_not_sent_again(stage: Stage) -> None:
    stage.side.script = ["lost_after"]
    delivery = stage.delivery(stage.channel(Once.LOOKUP))
    stage.clock.at = delivery.due_at
    stage.side.find_script = [NetworkError(Kind.UNREACHABLE, "unreachable", params={"host": "fake"})]
    stage.work()
    # Somebody changed the text behind the composer's back; a search by text would find nothing.
    type(delivery.variant.item).objects.filter(pk=delivery.variant.item_id).update(text="Other")
    stage.side.posts.clear()
    stage.play()
    assert fresh(delivery).state == S.NEEDS_PERSON
    assert stage.side.commits == 1


def test_a_rate_limit_is_waited_for(stage: Stage) -> None:
    stage.side.script = [NetworkError(Kind.WAIT, "rate_limited", params={"seconds": 90}, status=429)]
    delivery = stage.delivery(stage.channel(Once.NONE))
    stage.clock.at = delivery.due_at
    stage.work()
    waiting = fresh(delivery)
    assert (waiting.state, waiting.error_code) == (S.WAITING, "network_rate_limited")
    assert waiting.next_try_at == delivery.due_at + timedelta(seconds=90)
    assert waiting.first_commit_at is None
    stage.play()
    assert fresh(delivery).state == S.PUBLISHED


def test_a_limit_that_outlasts_the_tolerance_makes_it_missed_in_time(stage: Stage) -> None:
    stage.side.script = [NetworkError(Kind.WAIT, "rate_limited", params={"seconds": 7200}, status=429)]
    delivery = stage.delivery(stage.channel(Once.NONE))
    stage.play()
    missed = fresh(delivery)
    assert missed.state == S.MISSED
    assert stage.clock.at - delivery.due_at < timedelta(minutes=31)
    assert stage.side.posts == []


def test_an_unreachable_network_is_tried_again_then_missed(stage: Stage) -> None:
    stage.side.script = [NetworkError(Kind.UNREACHABLE, "unreachable", params={"host": "fake"})] * 99
    delivery = stage.delivery(stage.channel(Once.NONE))
    stage.play()
    assert (fresh(delivery).state, fresh(delivery).error_code) == (S.MISSED, "too_late")
    assert 5 < stage.side.commits < 20
    assert fresh(delivery).channel.health == Health.TROUBLE


def test_a_post_is_never_silently_late(stage: Stage) -> None:
    delivery = stage.delivery(stage.channel(Once.KEY))
    stage.clock.at = delivery.due_at + timedelta(minutes=30, seconds=1)
    stage.work()
    assert (fresh(delivery).state, stage.side.posts) == (S.MISSED, [])
    services.retry(delivery=delivery, by=stage.cast.owner, now=stage.clock.at)
    stage.work()
    assert fresh(delivery).state == S.PUBLISHED


def test_a_post_within_the_tolerance_still_leaves(stage: Stage) -> None:
    delivery = stage.delivery(stage.channel(Once.KEY))
    stage.clock.at = delivery.due_at + timedelta(minutes=30)
    stage.work()
    assert fresh(delivery).state == S.PUBLISHED


def test_refused_credentials_stop_the_channel_until_it_is_connected_again(stage: Stage) -> None:
    stage.side.script = [NetworkError(Kind.RECONNECT, "not_accepted", params={"host": "fake"}, status=401)]
    channel = stage.channel(Once.NONE)
    delivery = stage.delivery(channel)
    stage.clock.at = delivery.due_at
    stage.work()
    assert fresh(delivery).state == S.WAITING
    assert fresh(delivery).channel.health == Health.RECONNECT
    stage.clock.forward(minutes=5)
    stage.work()
    assert (fresh(delivery).error_code, stage.side.commits) == ("channel_reconnect", 1)
    channel.refresh_from_db()
    channels.reconnect(
        channel=channel, by=stage.cast.owner, now=stage.clock.at, credentials={"password": "a-new-one"}
    )
    stage.play()
    assert fresh(delivery).state == S.PUBLISHED


def test_a_permanent_refusal_fails_and_says_why(stage: Stage) -> None:
    stage.side.script = [
        NetworkError(Kind.PERMANENT, "refused", params={"host": "fake", "message": "no"}, status=400)
    ]
    delivery = stage.delivery(stage.channel(Once.NONE))
    stage.play()
    failed = fresh(delivery)
    assert (failed.state, failed.error_code) == (S.FAILED, "network_refused")
    assert failed.error_params["message"] == "no"


def test_a_void_preparation_is_made_anew(stage: Stage) -> None:
    stage.side.script = [
        NetworkError(Kind.WAIT, "preparation_expired", params={"seconds": 0}, so_far=Prepared())
    ]
    delivery = stage.delivery(stage.channel(Once.PREPARE))
    stage.play()
    assert fresh(delivery).state == S.PUBLISHED
    assert len(stage.side.containers) == 2
    assert stage.side.seen(str(delivery.pk)) == 1


def test_half_of_a_preparation_is_kept(stage: Stage) -> None:
    working = NetworkError(
        Kind.WAIT, "media_processing", params={"seconds": 5}, so_far=Prepared({"container": "c0"})
    )
    stage.side.prepare_script = [working]
    stage.side.containers = {"c0": None}
    delivery = stage.delivery(stage.channel(Once.PREPARE))
    stage.play()
    assert fresh(delivery).state == S.PUBLISHED
    assert stage.side.containers == {"c0": str(delivery.pk)}


def test_what_was_prepared_is_made_anew_when_it_expires_or_the_text_changes(stage: Stage) -> None:
    delivery = stage.delivery(stage.channel(Once.PREPARE))
    stage.clock.at = delivery.due_at - timedelta(minutes=1)
    stage.side.prepared_expires_at = stage.clock.at + timedelta(seconds=45)
    stage.work()
    stage.side.prepared_expires_at = None
    item = delivery.variant.item
    stage.play(until=timedelta(seconds=50))
    plan.update_item(
        item=item, by=None, now=stage.clock.at, expected_version=item_version(item), text="Newer"
    )
    stage.play()
    assert stage.side.posts == [(str(delivery.pk), "Newer")]
    assert len(stage.side.containers) == 3


def item_version(item: plan.Item) -> int:
    item.refresh_from_db()
    return item.version


def test_holds_are_checked_again_at_the_moment_of_sending(stage: Stage) -> None:
    channel, ended = stage.channel(Once.KEY), stage.channel(Once.NONE, name="other")
    deleted, reserve, gone = stage.delivery(channel), stage.delivery(channel), stage.delivery(ended)
    moved_out = stage.delivery(channel)
    stage.clock.at = deleted.due_at - timedelta(minutes=1)
    stage.work()
    assert {fresh(one).state for one in (deleted, reserve, gone)} == {S.PREPARED}
    plan.delete_item(item=deleted.variant.item, by=None, now=stage.clock.at)
    item = reserve.variant.item
    plan.update_item(
        item=item, by=None, now=stage.clock.at, expected_version=item_version(item), reserve=True
    )
    channels.disconnect(channel=ended, by=None, now=stage.clock.at)
    stage.play()
    assert fresh(deleted).state == S.CANCELLED
    assert fresh(reserve).state == S.HELD
    assert (fresh(gone).state, fresh(gone).error_code) == (S.FAILED, "channel_disconnected")
    assert stage.side.posts == [(str(moved_out.pk), "Hello")]


def test_who_lost_the_permission_does_not_publish_any_more(stage: Stage) -> None:
    delivery = stage.delivery(stage.channel(Once.KEY))
    person = stage.cast.owner
    type(person).objects.filter(pk=person.pk).update(is_active=False)
    stage.play()
    assert (fresh(delivery).state, fresh(delivery).error_code) == (S.HELD, "permission_lost")


def test_order_within_a_second_follows_the_position(stage: Stage) -> None:
    channel = stage.channel(Once.NONE)
    due = stage.clock.at + timedelta(minutes=5)
    deliveries = [stage.delivery(channel, due=due, text=f"Post {number}") for number in range(4)]
    for position, one in zip((3, 1, 0, 2), deliveries, strict=True):
        type(one.variant).objects.filter(pk=one.variant_id).update(position=position)
    stage.clock.at = due
    # However a worker comes to it, the one that has to wait waits.
    assert engine.advance(delivery_id=deliveries[0].pk, now=due, worker="w2")
    assert fresh(deliveries[0]).state == S.PREPARED
    stage.play()
    assert [text for _, text in stage.side.posts] == ["Post 2", "Post 1", "Post 3", "Post 0"]


def test_the_link_to_another_post_is_known_once_that_is_out(stage: Stage) -> None:
    channel = stage.channel(Once.KEY)
    first = stage.delivery(channel, text="First", due=stage.clock.at + timedelta(minutes=10, seconds=30))
    second = stage.delivery(channel, text="See", link_to=first.variant.item)
    stage.clock.at = second.due_at
    stage.work()
    assert (fresh(second).state, fresh(second).error_code) == (S.WAITING, "linked_post_not_out")
    stage.clock.at = first.due_at
    stage.work()  # the first one wakes it
    assert fresh(second).state == S.PUBLISHED
    assert fresh(second).published_at == first.due_at


def test_a_bug_in_a_network_s_file_is_uncertain_after_the_request(stage: Stage) -> None:
    stage.side.script = [RuntimeError(PASSWORD)]
    delivery = stage.delivery(stage.channel(Once.NONE, finds=False))
    stage.play()
    assert fresh(delivery).state == S.NEEDS_PERSON


def test_secrets_are_neither_logged_nor_recorded(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stage.side.script = [RuntimeError(f"header {PASSWORD}"), None]
    channel = stage.channel(Once.LOOKUP)
    stage.delivery(channel)
    stage.play()
    answers = [one.answer for one in Attempt.objects.all()]
    assert {"answer": "ok", "echo": "…"} in answers
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(answers)
    assert PASSWORD not in repr([vars(one) for one in Delivery.objects.all()])
    assert PASSWORD.encode() not in bytes(Channel.objects.get(pk=channel.pk).secret or b"")


def test_a_late_answer_of_a_worker_believed_dead_wins(stage: Stage) -> None:
    delivery = stage.delivery(stage.channel(Once.LOOKUP))
    stage.clock.at = delivery.due_at

    def stall(point: str) -> None:
        # The request takes so long that its lease runs out and another worker looks and finds nothing.
        if point == "commit: before":
            stage.side.hook = lambda point: None
            stage.clock.forward(seconds=61)
            stage.work("w2")
            assert fresh(delivery).state in (S.QUEUED, S.PREPARED, S.PUBLISHED, S.UNCERTAIN)

    stage.side.hook = stall
    stage.work("w1")
    assert fresh(delivery).state == S.PUBLISHED


# ------------------------------------------------------------------------------------------------ decisions


def test_scheduling_again_moves_the_delivery(stage: Stage) -> None:
    delivery = stage.delivery(stage.channel(Once.KEY))
    later = delivery.due_at + timedelta(days=1)
    again = services.schedule(variant=delivery.variant, due_at=later, by=stage.cast.owner, now=stage.clock.at)
    assert again.pk == delivery.pk
    assert Delivery.objects.count() == 1
    stage.clock.at = delivery.due_at
    assert stage.work() == 0
    assert fresh(delivery).variant.publish_at == later


def test_what_is_on_its_way_or_out_stays(stage: Stage) -> None:
    stage.side.script = ["lost_after"]
    delivery = stage.delivery(stage.channel(Once.NONE, finds=False))
    stage.play()
    later = stage.clock.at + timedelta(days=1)
    with pytest.raises(UserError, match="delivery_in_flight"):
        services.schedule(variant=delivery.variant, due_at=later, by=stage.cast.owner, now=stage.clock.at)
    services.confirm_posted(
        delivery=delivery, url="https://fake.example/1", by=stage.cast.owner, now=stage.clock.at
    )
    with pytest.raises(UserError, match="already_published"):
        services.schedule(variant=delivery.variant, due_at=later, by=stage.cast.owner, now=stage.clock.at)
    with pytest.raises(UserError, match="already_published"):
        services.cancel(delivery=delivery, by=stage.cast.owner, now=stage.clock.at)
    assert fresh(delivery).confirmed_by == stage.cast.owner


def test_confirmed_absent_is_sent_again_under_the_same_key(stage: Stage) -> None:
    stage.side.script = ["lost_before"]
    delivery = stage.delivery(stage.channel(Once.NONE, finds=False))
    stage.play()
    services.confirm_absent(delivery=delivery, by=stage.cast.owner, now=stage.clock.at)
    stage.play()
    assert fresh(delivery).state == S.PUBLISHED
    assert stage.side.posts == [(str(delivery.pk), "Hello")]
    with pytest.raises(UserError, match="not_in_question"):
        services.confirm_absent(delivery=delivery, by=stage.cast.owner, now=stage.clock.at)


def test_a_cancelled_delivery_does_not_leave(stage: Stage) -> None:
    delivery = stage.delivery(stage.channel(Once.KEY))
    stage.clock.at = delivery.due_at - timedelta(minutes=1)
    stage.work()
    services.cancel(delivery=delivery, by=stage.cast.owner, now=stage.clock.at)
    stage.play()
    assert (fresh(delivery).state, stage.side.posts) == (S.CANCELLED, [])
    services.schedule(
        variant=delivery.variant, due_at=stage.clock.at, by=stage.cast.owner, now=stage.clock.at
    )
    stage.play()
    assert stage.side.seen(str(delivery.pk)) == 1


def test_what_cannot_leave_cannot_be_scheduled(stage: Stage) -> None:
    channel = stage.channel(Once.KEY)
    put = {"by": stage.cast.owner, "now": stage.clock.at}
    past = stage.clock.at - timedelta(minutes=31)
    variant = plan.put_variant(item=stage.item(), channel=channel, **put)
    with pytest.raises(UserError, match="time_is_past"):
        services.schedule(variant=variant, due_at=past, **put)
    with pytest.raises(NotAllowed):
        services.publish_now(variant=variant, by=stage.cast.analyst, now=stage.clock.at)
    reserve = plan.put_variant(item=stage.item(reserve=True), channel=channel, **put)
    with pytest.raises(UserError, match="item_in_reserve"):
        services.publish_now(variant=reserve, **put)
    empty = plan.put_variant(item=stage.item(""), channel=channel, **put)
    with pytest.raises(UserError, match="variant_does_not_fit"):
        services.publish_now(variant=empty, **put)
    channels.disconnect(channel=channel, **put)
    variant.channel.refresh_from_db()
    with pytest.raises(UserError, match="channel_disconnected"):
        services.publish_now(variant=variant, **put)
    assert not Delivery.objects.exists()


def test_the_past_is_recorded_once_and_can_be_corrected(stage: Stage) -> None:
    channel, by = stage.channel(Once.KEY), stage.cast.owner
    variant = plan.put_variant(item=stage.item(), channel=channel, by=by, now=stage.clock.at)
    then = stage.clock.at - timedelta(days=300)
    for url in ("https://fake.example/1", "https://fake.example/2"):
        services.record_past(variant=variant, published_at=then, url=url, by=by, now=stage.clock.at)
    past = Delivery.objects.get()
    assert (past.state, past.published_at, past.external_url) == (S.PUBLISHED, then, "https://fake.example/2")
    assert stage.work() == 0
    sent = stage.delivery(channel)
    stage.play()
    with pytest.raises(UserError, match="delivery_exists"):
        services.record_past(variant=sent.variant, published_at=then, by=by, now=stage.clock.at)


def test_a_film_is_handed_over_long_before_its_time(stage: Stage, store: Callable[[], Media]) -> None:
    film = store()
    Media.objects.filter(pk=film.pk).update(mime="video/mp4")
    due = stage.clock.at + timedelta(hours=2)
    delivery = stage.delivery(stage.channel(Once.PREPARE), due=due, media=[film])
    assert Delivery.objects.get(pk=delivery.pk).next_try_at == due - services.FILM_LEAD
