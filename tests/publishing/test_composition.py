"""Saving a post together with what shall become of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import translation

from spilno.channels.models import Channel
from spilno.kernel.errors import Conflict, NotAllowed, UserError
from spilno.plan import services as plan
from spilno.plan.models import Item, Variant
from spilno.plan.services import Draft, VariantDraft
from spilno.publishing import composition
from spilno.publishing.composition import Action
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.states import DeliveryState as S
from tests.conftest import Cast
from tests.plan.conftest import make_channel


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


@pytest.fixture
def matrix(cast: Cast) -> Channel:
    return make_channel(cast, "matrix")


@pytest.fixture
def at(cast: Cast) -> datetime:
    return cast.now + timedelta(hours=3)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        call()
    return caught.value.code


def save(cast: Cast, *variants: VariantDraft, item: Item | None = None, **values: object) -> Item:
    """Save as the owner unless ``by`` says otherwise; ``text`` and friends make the draft."""
    action = values.pop("action", Action.KEEP)
    by = values.pop("by", cast.owner)
    version = values.pop("version", Item.objects.get(pk=item.pk).version if item else 0)
    return composition.save(
        workspace=cast.workspace,
        draft=Draft(variants=variants, **({"text": "Words"} | values)),  # type: ignore[arg-type]
        by=by,  # type: ignore[arg-type]
        now=cast.now,
        item=item,
        expected_version=version,  # type: ignore[arg-type]
        action=action,  # type: ignore[arg-type]
    )


def states(item: Item) -> dict[str, str]:
    return {
        one.channel.network: one.delivery.state if hasattr(one, "delivery") else ""
        for one in Variant.objects.filter(item=item).select_related("channel", "delivery")
    }


def test_a_draft_schedules_nothing(cast: Cast, bluesky: Channel, at: datetime) -> None:
    save(cast, VariantDraft(bluesky, publish_at=at))
    assert not Delivery.objects.exists()


def test_scheduling_all_channels(cast: Cast, bluesky: Channel, matrix: Channel, at: datetime) -> None:
    later = at + timedelta(minutes=30)
    item = save(
        cast,
        VariantDraft(bluesky, publish_at=at),
        VariantDraft(matrix, "message", publish_at=later),
        action=Action.SCHEDULE,
    )
    assert states(item) == {"bluesky": S.QUEUED, "matrix": S.QUEUED}
    assert {one.due_at for one in Delivery.objects.all()} == {at, later}


def test_scheduling_needs_channels_times_and_words_that_fit(
    cast: Cast, bluesky: Channel, matrix: Channel, at: datetime
) -> None:
    assert code_of(lambda: save(cast, action=Action.SCHEDULE)) == "channels_missing"
    assert code_of(lambda: save(cast, VariantDraft(bluesky), action=Action.SCHEDULE)) == "time_missing"
    past = VariantDraft(bluesky, publish_at=cast.now - timedelta(days=1))
    assert code_of(lambda: save(cast, past, action=Action.SCHEDULE)) == "time_is_past"
    fits, not_there = VariantDraft(matrix, "message", publish_at=at), VariantDraft(bluesky, publish_at=at)
    with translation.override("en"), pytest.raises(UserError) as caught:
        save(cast, fits, not_there, text="a" * 301, action=Action.SCHEDULE)
    assert caught.value.code == "variant_does_not_fit"
    assert caught.value.params["channel"] == bluesky.name
    assert not Item.objects.exists(), "nothing of it is saved, not even the channel that would have fitted"
    assert not Delivery.objects.exists()


def test_only_those_who_may_publish_schedule(cast: Cast, bluesky: Channel, at: datetime) -> None:
    target = VariantDraft(bluesky, publish_at=at)
    for action in (Action.SCHEDULE, Action.NOW):
        with pytest.raises(NotAllowed):
            save(cast, target, by=cast.colleague, action=action)
    item = save(cast, target, action=Action.SCHEDULE)
    with pytest.raises(NotAllowed):
        save(cast, target, item=item, by=cast.colleague, action=Action.CANCEL)
    with pytest.raises(NotAllowed):
        save(cast, VariantDraft(bluesky, publish_at=at + timedelta(hours=1)), item=item, by=cast.colleague)
    save(cast, target, item=item, by=cast.colleague, text="A better word")
    assert Item.objects.get().text == "A better word", (
        "words of what is scheduled are still the designer's to mend"
    )


def test_saving_moves_what_is_scheduled(cast: Cast, bluesky: Channel, at: datetime) -> None:
    item = save(cast, VariantDraft(bluesky, publish_at=at), action=Action.SCHEDULE)
    later = at + timedelta(days=1)
    save(cast, VariantDraft(bluesky, publish_at=later), item=item)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.due_at) == (S.QUEUED, later)
    save(cast, VariantDraft(bluesky), item=item)
    assert states(item) == {"bluesky": S.CANCELLED}, "without a time it is not scheduled any more"
    save(cast, VariantDraft(bluesky, publish_at=at), item=item)
    assert states(item) == {"bluesky": S.CANCELLED}, "what was called off is not scheduled by saving"
    save(cast, VariantDraft(bluesky, publish_at=at), item=item, action=Action.SCHEDULE)
    assert states(item) == {"bluesky": S.QUEUED}


def test_what_is_scheduled_goes_on_fitting(cast: Cast, bluesky: Channel, at: datetime) -> None:
    target = VariantDraft(bluesky, publish_at=at)
    item = save(cast, target, action=Action.SCHEDULE)
    assert code_of(lambda: save(cast, target, item=item, text="a" * 301)) == "variant_does_not_fit"
    assert Item.objects.get().text == "Words"


def test_publishing_now_and_calling_off(cast: Cast, bluesky: Channel) -> None:
    item = save(cast, VariantDraft(bluesky), action=Action.NOW)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.due_at) == (S.QUEUED, cast.now)
    save(cast, VariantDraft(bluesky, publish_at=cast.now), item=item, action=Action.CANCEL)
    assert states(item) == {"bluesky": S.CANCELLED}


def test_taking_a_channel_off_calls_it_off(
    cast: Cast, bluesky: Channel, matrix: Channel, at: datetime
) -> None:
    one, two = VariantDraft(bluesky, publish_at=at), VariantDraft(matrix, "message", publish_at=at)
    item = save(cast, one, two, action=Action.SCHEDULE)
    save(cast, one, item=item)
    assert states(item) == {"bluesky": S.QUEUED}
    assert Delivery.objects.count() == 1


def test_a_channel_that_was_tried_stays_on_record(cast: Cast, bluesky: Channel, at: datetime) -> None:
    item = save(cast, VariantDraft(bluesky, publish_at=at), action=Action.SCHEDULE)
    delivery = Delivery.objects.get()
    Delivery.objects.update(state=S.FAILED)
    Attempt.objects.create(delivery=delivery, number=1, step=Step.COMMIT, started_at=cast.now)
    assert code_of(lambda: save(cast, item=item)) == "variant_was_tried"
    assert Attempt.objects.count() == 1


@pytest.mark.parametrize("state", [S.COMMITTING, S.UNCERTAIN, S.NEEDS_PERSON, S.PUBLISHED])
def test_what_is_out_or_may_be_stays(
    cast: Cast, bluesky: Channel, matrix: Channel, at: datetime, state: str
) -> None:
    target = VariantDraft(bluesky, publish_at=at)
    item = save(cast, target, action=Action.SCHEDULE)
    Delivery.objects.update(state=state)
    assert code_of(lambda: save(cast, target, item=item, text="Other words")) == "item_is_out"
    assert code_of(lambda: save(cast, item=item)) == "variant_is_out"
    assert code_of(lambda: save(cast, target, item=item, action=Action.NOW)) == "nothing_to_send"
    assert code_of(lambda: composition.delete(item=item, by=cast.owner, now=cast.now)) == "item_is_out"
    moved = lambda: composition.move(  # noqa: E731
        item=item, at=at + timedelta(hours=1), from_at=at, by=cast.owner, now=cast.now
    )
    assert code_of(moved) == "variant_is_out"
    save(cast, target, VariantDraft(matrix, "message", publish_at=at), item=item, action=Action.SCHEDULE)
    assert states(item) == {"bluesky": state, "matrix": S.QUEUED}, "another channel can still follow"


def test_two_editors(cast: Cast, bluesky: Channel, at: datetime) -> None:
    target = VariantDraft(bluesky, publish_at=at)
    item = save(cast, target)
    save(cast, target, item=item, version=1, text="First")
    with pytest.raises(Conflict):
        save(cast, target, item=item, version=1, text="Second", action=Action.SCHEDULE)
    assert Item.objects.get().text == "First"
    assert not Delivery.objects.exists()


def test_moving_by_hand_in_the_calendar(cast: Cast, bluesky: Channel, matrix: Channel, at: datetime) -> None:
    """Variants at the old time move together; others, and what was called off, are not scheduled by it."""
    other = at + timedelta(days=2)
    item = save(
        cast, VariantDraft(bluesky, publish_at=at), VariantDraft(matrix, "message", publish_at=other),
        action=Action.SCHEDULE,
    )  # fmt: skip
    version, new = Item.objects.get().version, at + timedelta(days=1)
    moved = composition.move(item=item, at=new, from_at=at, by=cast.owner, now=cast.now)
    assert [one.channel for one in moved] == [bluesky]
    assert Delivery.objects.get(channel=bluesky).due_at == new
    assert Delivery.objects.get(channel=matrix).due_at == other
    assert Item.objects.get().version > version, "an open composer must see that it changed"
    assert (
        code_of(lambda: composition.move(item=item, at=new, from_at=at, by=cast.owner, now=cast.now))
        == "nothing_to_move"
    )
    Delivery.objects.filter(channel=bluesky).update(state=S.MISSED)
    composition.move(item=item, at=other, from_at=new, by=cast.owner, now=cast.now)
    assert Delivery.objects.get(channel=bluesky).state == S.QUEUED, (
        "a new time for what was missed tries again"
    )
    Delivery.objects.filter(channel=matrix).update(state=S.CANCELLED)
    composition.move(item=item, at=new, from_at=other, by=cast.owner, now=cast.now)
    assert Delivery.objects.get(channel=matrix).state == S.CANCELLED
    assert Variant.objects.get(channel=matrix).publish_at == new


def test_moving_from_the_shelf(cast: Cast, bluesky: Channel, at: datetime) -> None:
    spare = save(cast, VariantDraft(bluesky), reserve=True)
    composition.move(item=spare, at=at, by=cast.owner, now=cast.now)
    moved = Item.objects.get()
    assert not moved.reserve
    assert Variant.objects.get().publish_at == at
    assert not Delivery.objects.exists(), "a day is not yet a decision to publish"
    bare = plan.create_item(workspace=cast.workspace, by=cast.owner, now=cast.now, text="No channel")
    assert (
        code_of(lambda: composition.move(item=bare, at=at, by=cast.owner, now=cast.now))
        == "item_without_channels"
    )


def test_deleting_calls_off(cast: Cast, bluesky: Channel, at: datetime) -> None:
    item = save(cast, VariantDraft(bluesky, publish_at=at), action=Action.SCHEDULE)
    with pytest.raises(NotAllowed):
        composition.delete(item=item, by=cast.analyst, now=cast.now)
    composition.delete(item=item, by=cast.owner, now=cast.now)
    assert states(item) == {"bluesky": S.CANCELLED}
    assert Item.objects.get().deleted_at == cast.now
