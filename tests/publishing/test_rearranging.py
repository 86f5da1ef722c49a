"""What one does on the calendar, several at once, and every step back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spilno.channels.models import Channel
from spilno.kernel.clock import from_wall
from spilno.kernel.errors import NotAllowed, UserError
from spilno.plan import schedule, services, tags
from spilno.plan.models import Item, PlanChange, QueuePlace, Variant
from spilno.plan.schedule import Schedule
from spilno.publishing import queueing, rearranging
from spilno.publishing.models import Delivery
from spilno.publishing.rearranging import Outcome, Ref, snapshot
from spilno.publishing.services import schedule as schedule_variant
from spilno.publishing.states import DeliveryState as S
from tests.conftest import Cast
from tests.plan.conftest import make_channel


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


@pytest.fixture
def matrix(cast: Cast) -> Channel:
    return make_channel(cast, "matrix")


def kyiv(text: str) -> datetime:
    return from_wall(datetime.fromisoformat(text), "Europe/Kyiv")


def put(
    cast: Cast, channel: Channel, at: datetime | None, text: str = "Words", *, scheduled: bool = False
) -> Variant:
    item = services.create_item(workspace=cast.workspace, by=cast.owner, now=cast.now, text=text)
    place = "message" if channel.network == "matrix" else "post"
    variant = services.put_variant(
        item=item, channel=channel, placement=place, by=cast.owner, now=cast.now, publish_at=at
    )
    if scheduled:
        assert at
        schedule_variant(variant=variant, due_at=at, by=cast.owner, now=cast.now)
    return variant


def ref(variant: Variant) -> Ref:
    return Ref(variant.item_id, variant.publish_at)


def do(cast: Cast, what: Callable[..., Outcome], *refs: Ref, **values: object) -> Outcome:
    values = {"workspace": cast.workspace, "by": cast.owner, "now": cast.now} | values
    return what(refs=list(refs), **values)


def state_of(variant: Variant) -> str:
    found = Delivery.objects.filter(variant=variant).first()
    return found.state if found else ""


def back(cast: Cast, outcome: Outcome) -> Outcome:
    assert outcome.change
    return rearranging.undo(change=outcome.change, by=cast.owner, now=cast.now + timedelta(minutes=1))


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        call()
    return caught.value.code


def test_what_was_moved_goes_back_with_its_delivery(cast: Cast, bluesky: Channel) -> None:
    at, later = kyiv("2026-11-24T12:00"), kyiv("2026-11-26T15:00")
    variant = put(cast, bluesky, at, scheduled=True)
    moved = rearranging.move(
        workspace=cast.workspace, ref=ref(variant), at=later, by=cast.owner, now=cast.now
    )
    assert Delivery.objects.get().due_at == later
    assert back(cast, moved).items == (variant.item_id,)
    variant.refresh_from_db()
    assert (variant.publish_at, Delivery.objects.get().due_at, state_of(variant)) == (at, at, S.QUEUED)
    assert code_of(lambda: back(cast, moved)) == "undone_already"


def test_what_somebody_changed_since_stays(cast: Cast, bluesky: Channel) -> None:
    variant = put(cast, bluesky, kyiv("2026-11-24T12:00"))
    moved = rearranging.move(
        workspace=cast.workspace, ref=ref(variant), at=kyiv("2026-11-25T12:00"), by=cast.owner, now=cast.now
    )
    theirs = kyiv("2026-11-27T09:00")
    services.put_variant(
        item=variant.item, channel=bluesky, by=cast.colleague, now=cast.now, publish_at=theirs
    )
    undone = back(cast, moved)
    assert (undone.items, [one.error.code for one in undone.refused]) == ((), ["changed_since"])
    assert Variant.objects.get().publish_at == theirs


def test_a_worker_that_prepares_a_post_is_no_change(cast: Cast, bluesky: Channel) -> None:
    variant = put(cast, bluesky, kyiv("2026-11-24T12:00"), scheduled=True)
    moved = rearranging.move(
        workspace=cast.workspace, ref=ref(variant), at=kyiv("2026-11-25T12:00"), by=cast.owner, now=cast.now
    )
    Delivery.objects.update(state=S.PREPARED)
    assert back(cast, moved).items == (variant.item_id,)


def test_days_are_moved_by_the_wall_clock(cast: Cast, bluesky: Channel) -> None:
    """Over the night in which clocks go back, 18:00 stays 18:00."""
    before = cast.now - timedelta(days=40)
    variants = [put(cast, bluesky, kyiv(f"2026-10-2{day}T18:00")) for day in (3, 4)]
    outcome = rearranging.move_days(
        workspace=cast.workspace, refs=[ref(one) for one in variants], days=2, by=cast.owner, now=before
    )
    assert len(outcome.items) == 2
    assert sorted(Variant.objects.values_list("publish_at", flat=True)) == [
        kyiv("2026-10-25T18:00"), kyiv("2026-10-26T18:00"),
    ]  # fmt: skip


def test_a_doubtful_hour_stops_only_its_own_post(cast: Cast, bluesky: Channel) -> None:
    before = cast.now - timedelta(days=40)
    doubtful = put(cast, bluesky, kyiv("2026-10-24T03:30"), "Doubtful")
    clear = put(cast, bluesky, kyiv("2026-10-24T18:00"), "Clear")
    outcome = rearranging.move_days(
        workspace=cast.workspace, refs=[ref(doubtful), ref(clear)], days=1, by=cast.owner, now=before
    )
    assert outcome.items == (clear.item_id,)
    assert [(one.title, one.error.code) for one in outcome.refused] == [("Doubtful", "time_is_ambiguous")]
    answered = rearranging.move_days(
        workspace=cast.workspace, refs=[ref(doubtful)], days=1, by=cast.owner, now=before, side="later"
    )
    assert answered.items == (doubtful.item_id,)
    doubtful.refresh_from_db()
    assert doubtful.publish_at == kyiv("2026-10-25T02:30") + timedelta(hours=2)


def test_another_time_of_day_for_each(cast: Cast, bluesky: Channel) -> None:
    variants = [put(cast, bluesky, kyiv(f"2026-11-2{day}T12:00")) for day in (4, 5)]
    outcome = do(cast, rearranging.set_clock, *map(ref, variants), clock=time(18, 30))
    assert len(outcome.items) == 2
    assert sorted(Variant.objects.values_list("publish_at", flat=True)) == [
        kyiv("2026-11-24T18:30"), kyiv("2026-11-25T18:30"),
    ]  # fmt: skip


def test_a_copy_has_everything_but_the_schedule(cast: Cast, bluesky: Channel, matrix: Channel) -> None:
    at, later = kyiv("2026-11-24T12:00"), kyiv("2026-11-25T12:00")
    variant = put(cast, bluesky, at, "Words", scheduled=True)
    services.put_variant(
        item=variant.item, channel=matrix, placement="message", text="Own", by=cast.owner, now=cast.now,
        publish_at=kyiv("2026-11-24T20:00"),
    )  # fmt: skip
    tags.set_tags(item=variant.item, names=["tips"], by=cast.owner)
    outcome = rearranging.duplicate(
        workspace=cast.workspace, ref=ref(variant), at=later, by=cast.owner, now=cast.now
    )
    copy = Item.objects.get(pk=outcome.items[0])
    assert (copy.text, copy.version, [one.name for one in copy.tags.all()]) == ("Words", 1, ["tips"])
    assert copy.key != variant.item.key
    (made,) = copy.variants.all()
    assert (made.channel, made.publish_at, state_of(made)) == (bluesky, later, ""), "of one time, one variant"
    assert back(cast, outcome).items == (copy.pk,)
    copy.refresh_from_db()
    assert copy.deleted_at
    assert Item.objects.get(pk=variant.item_id).deleted_at is None


def test_states_at_once_and_back(cast: Cast, bluesky: Channel) -> None:
    first = put(cast, bluesky, kyiv("2026-11-24T12:00"))
    second = put(cast, bluesky, kyiv("2026-11-25T12:00"))
    bare = put(cast, bluesky, None)
    scheduled = do(cast, rearranging.schedule, ref(first), ref(second), ref(bare))
    assert len(scheduled.items) == 2
    assert [one.error.code for one in scheduled.refused] == ["time_missing"]
    off = do(cast, rearranging.unschedule, ref(first))
    assert (state_of(first), state_of(second)) == (S.CANCELLED, S.QUEUED)
    back(cast, off)
    assert state_of(first) == S.QUEUED
    away = do(cast, rearranging.to_reserve, ref(first))
    first.refresh_from_db()
    assert (first.publish_at, first.item.reserve, state_of(first)) == (None, True, S.CANCELLED)
    back(cast, away)
    first = Variant.objects.select_related("item").get(pk=first.pk)
    assert (first.publish_at, first.item.reserve, state_of(first)) == (
        kyiv("2026-11-24T12:00"), False, S.QUEUED,
    )  # fmt: skip


def test_deleting_calls_off_and_undoing_schedules_again(cast: Cast, bluesky: Channel) -> None:
    variant = put(cast, bluesky, kyiv("2026-11-24T12:00"), scheduled=True)
    out = put(cast, bluesky, kyiv("2026-11-19T12:00"))
    Delivery.objects.create(
        workspace=cast.workspace, variant=out, channel=bluesky, state=S.PUBLISHED, due_at=cast.now,
        published_at=out.publish_at, created_at=cast.now, updated_at=cast.now,
    )  # fmt: skip
    gone = do(cast, rearranging.delete, ref(variant), ref(out))
    assert gone.items == (variant.item_id,)
    assert [one.error.code for one in gone.refused] == ["item_is_out"]
    assert state_of(variant) == S.CANCELLED
    back(cast, gone)
    assert Item.objects.get(pk=variant.item_id).deleted_at is None
    assert state_of(variant) == S.QUEUED


def test_tags_on_and_off(cast: Cast, bluesky: Channel) -> None:
    one, other = (put(cast, bluesky, kyiv(f"2026-11-2{day}T12:00")) for day in (4, 5))
    put_on = do(cast, rearranging.set_tag, ref(one), ref(other), name="#Поради", on=True)
    do(cast, rearranging.set_tag, ref(one), name="поради", on=True)
    assert tags.of_items([one.item_id, other.item_id]) == {one.item_id: ["Поради"], other.item_id: ["Поради"]}
    do(cast, rearranging.set_tag, ref(one), name="ПОРАДИ", on=False)
    assert tags.of_items([one.item_id]) == {}
    undone = back(cast, put_on)
    assert undone.items == (other.item_id,), "what was changed since stays"
    assert not tags.tags(cast.workspace).exists(), "a tag that nothing wears goes away"
    assert code_of(lambda: do(cast, rearranging.set_tag, ref(one), name=" # ", on=True)) == "tag_missing"


def test_who_may_what(cast: Cast, bluesky: Channel) -> None:
    variant = put(cast, bluesky, kyiv("2026-11-24T12:00"))
    with pytest.raises(NotAllowed):
        do(cast, rearranging.delete, ref(variant), by=cast.analyst)
    with pytest.raises(NotAllowed):
        do(cast, rearranging.schedule, ref(variant), by=cast.colleague)
    foreign = do(cast, rearranging.delete, ref(variant), workspace=cast.other_workspace, by=cast.outsider)
    assert [one.error.code for one in foreign.refused] == ["unknown_item"]
    assert foreign.change is None
    many = [ref(variant)] * (rearranging.MOST + 1)
    assert code_of(lambda: do(cast, rearranging.delete, *many)) == "too_many_at_once"


def test_steps_are_forgotten_after_a_while(cast: Cast, bluesky: Channel) -> None:
    variant = put(cast, bluesky, kyiv("2026-11-28T12:00"))
    do(cast, rearranging.set_tag, ref(variant), name="a", on=True)
    do(cast, rearranging.set_tag, ref(variant), name="b", on=True, now=cast.now + timedelta(days=3))
    assert PlanChange.objects.count() == 1


# ------------------------------------------------------------------------------------------------ the queue


def slots(cast: Cast, channel: Channel, *hours: int, closes_up: bool = True) -> None:
    times = tuple((day, time(hour)) for day in range(7) for hour in hours)
    schedule.save_schedule(
        channel=channel, schedule=Schedule(slots=times, closes_up=closes_up), by=cast.owner, now=cast.now
    )


def queue(cast: Cast, channel: Channel, *texts: str) -> list[Variant]:
    found = []
    for text in texts:
        variant = put(cast, channel, None, text)
        queueing.add(item=variant.item, by=cast.owner, now=cast.now)
        variant.refresh_from_db()
        found.append(variant)
    return found


def stand(*variants: Variant) -> list[str]:
    times = dict(Variant.objects.values_list("pk", "publish_at"))
    return [f"{times[one.pk].astimezone(ZoneInfo('Europe/Kyiv')):%d %H:%M}" for one in variants]


def test_the_queue_takes_one_slot_after_the_other(cast: Cast, bluesky: Channel, matrix: Channel) -> None:
    slots(cast, bluesky, 10, 18)
    put(cast, bluesky, kyiv("2026-11-21T10:00"), "stands there")
    found = queue(cast, bluesky, "a", "b", "c")
    assert stand(*found) == ["20 18:00", "21 18:00", "22 10:00"], (
        "noon of the 20th, the slot of the 21st is taken"
    )
    assert {state_of(one) for one in found} == {S.QUEUED}
    none = put(cast, matrix, None)
    assert code_of(lambda: queueing.add(item=none.item, by=cast.owner, now=cast.now)) == "no_slots"
    assert Variant.objects.get(pk=none.pk).publish_at is None
    assert code_of(lambda: queueing.add(item=found[0].item, by=cast.owner, now=cast.now)) == "nothing_to_send"


def test_the_others_move_up_where_the_channel_wants_that(cast: Cast, bluesky: Channel) -> None:
    slots(cast, bluesky, 10, 18)
    a, b, c = queue(cast, bluesky, "a", "b", "c")
    by_hand = put(cast, bluesky, kyiv("2026-11-22T18:00"), "by hand", scheduled=True)
    assert stand(a, b, c) == ["20 18:00", "21 10:00", "21 18:00"]
    gone = do(cast, rearranging.delete, ref(a))
    assert stand(b, c, by_hand) == ["20 18:00", "21 10:00", "22 18:00"]
    assert Delivery.objects.get(variant=b).due_at == kyiv("2026-11-20T18:00")
    assert Delivery.objects.get(variant=b).scheduled_by == cast.owner
    assert not back(cast, gone).refused
    assert stand(a, b, c) == ["20 18:00", "21 10:00", "21 18:00"], "one step, one step back"
    assert QueuePlace.objects.count() == 3


def test_or_the_gap_stays(cast: Cast, bluesky: Channel) -> None:
    slots(cast, bluesky, 10, 18, closes_up=False)
    a, b = queue(cast, bluesky, "a", "b")
    do(cast, rearranging.delete, ref(a))
    assert stand(b) == ["21 10:00"]


def test_whoever_is_moved_by_hand_leaves_the_queue(cast: Cast, bluesky: Channel) -> None:
    slots(cast, bluesky, 10, 18)
    a, b, c = queue(cast, bluesky, "a", "b", "c")
    rearranging.move(
        workspace=cast.workspace, ref=ref(b), at=kyiv("2026-11-25T15:00"), by=cast.owner, now=cast.now
    )
    assert stand(a, b, c) == ["20 18:00", "25 15:00", "21 10:00"]
    b.refresh_from_db()
    do(cast, rearranging.delete, ref(a))
    assert stand(b, c) == ["25 15:00", "20 18:00"], "it stays where a person put it"


def test_a_post_that_leaves_soon_is_not_moved_by_itself(cast: Cast, bluesky: Channel) -> None:
    slots(cast, bluesky, 12, 13)
    (a, b), now = queue(cast, bluesky, "a", "b"), kyiv("2026-11-20T12:50")
    assert stand(a, b) == ["20 13:00", "21 12:00"]
    do(cast, rearranging.delete, ref(a), now=now)
    assert stand(b) == ["21 12:00"], "13:00 is ten minutes away"


WISHES = ("days", "clock", "reserve", "schedule", "unschedule", "delete", "tag")
some_posts = st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=st.lists(st.tuples(st.sampled_from(WISHES), some_posts), min_size=1, max_size=5))
def test_all_steps_back_end_where_it_began(
    cast: Cast, bluesky: Channel, wishes: list[tuple[str, list[int]]]
) -> None:
    Delivery.objects.all().delete()
    Item.objects.all().delete()
    found = [
        put(cast, bluesky, kyiv(f"2026-11-2{4 + number}T12:00"), str(number), scheduled=number % 2 == 0)
        for number in range(4)
    ]
    ids = [one.item_id for one in found]

    def seen() -> dict[str, dict[str, object]]:
        return snapshot(cast.workspace, ids)

    before, steps = seen(), []
    acts: dict[str, tuple[Callable[..., Outcome], dict[str, object]]] = {
        "days": (rearranging.move_days, {"days": 1}),
        "clock": (rearranging.set_clock, {"clock": time(17)}),
        "reserve": (rearranging.to_reserve, {}),
        "schedule": (rearranging.schedule, {}),
        "unschedule": (rearranging.unschedule, {}),
        "delete": (rearranging.delete, {}),
        "tag": (rearranging.set_tag, {"name": "t", "on": True}),
    }
    for what, which in wishes:
        act, values = acts[what]
        standing = Variant.objects.filter(pk__in=[found[number].pk for number in which])
        outcome = do(cast, act, *(ref(one) for one in standing), **values)
        if outcome.change:
            steps.append(outcome)
    for step in reversed(steps):
        assert not back(cast, step).refused
    assert seen() == before


def test_a_copy_takes_along_what_belongs_to_the_post_alone(cast: Cast, bluesky: Channel) -> None:
    from spilno.plan.writing.models import ItemExtra

    variant = put(cast, bluesky, kyiv("2026-11-24T12:00"), scheduled=True)
    ItemExtra.objects.update_or_create(
        item=variant.item, defaults={"workspace": cast.workspace, "first_comment": "Books: example.org"}
    )
    outcome = rearranging.duplicate(
        workspace=cast.workspace, ref=ref(variant), at=None, by=cast.owner, now=cast.now
    )
    copy = Item.objects.get(pk=outcome.items[0])
    assert ItemExtra.objects.get(item=copy).first_comment == "Books: example.org"
    assert not Delivery.objects.filter(variant__item=copy).exists()
