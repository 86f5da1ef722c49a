"""An unapproved post never leaves, whatever else is true of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from spilno.channels import services as channels
from spilno.plan import services as plan
from spilno.plan.approvals import queries
from spilno.plan.approvals import services as approvals
from spilno.plan.approvals.services import StageDraft
from spilno.plan.models import Item
from spilno.publishing import approving, services
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState as S
from spilno.toolkit.networks.base import Once
from tests.publishing.stage import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def strict(stage: Stage) -> Stage:
    """The analyst approves everything."""
    approvals.save_flow(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, channel=None,
        stages=[StageDraft([f"person:{stage.cast.analyst.pk}"])],
    )  # fmt: skip
    return stage


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.select_related("variant__item").get(pk=delivery.pk)


def say(stage: Stage, delivery: Delivery, verdict: str = "approve") -> None:
    item = fresh(delivery).variant.item
    approving.decide(
        item=item, seen={one.variant.pk: one.mark for one in queries.of_item(item)}, verdict=verdict,
        now=stage.clock.at, by=stage.cast.analyst, comment="Ні" if verdict == "changes" else "",
    )  # fmt: skip


def reach(stage: Stage, delivery: Delivery, **later: float) -> None:
    stage.clock.at = delivery.due_at + timedelta(**later)
    stage.work()


def test_it_waits_and_leaves_as_soon_as_it_is_approved(strict: Stage) -> None:
    delivery = strict.delivery(strict.channel(Once.KEY))
    reach(strict, delivery, minutes=1)
    assert (fresh(delivery).state, fresh(delivery).error_code) == (S.WAITING, "not_approved")
    assert strict.side.posts == []
    say(strict, delivery)
    strict.work()
    assert fresh(delivery).state == S.PUBLISHED
    assert len(strict.side.posts) == 1


def test_approved_ahead_it_leaves_on_time(strict: Stage) -> None:
    delivery = strict.delivery(strict.channel(Once.PREPARE))
    say(strict, delivery)
    strict.play()
    assert fresh(delivery).state == S.PUBLISHED


def test_without_a_word_it_is_missed_and_not_late(strict: Stage) -> None:
    delivery = strict.delivery(strict.channel(Once.KEY))
    strict.play()
    assert (fresh(delivery).state, fresh(delivery).error_code) == (S.MISSED, "missed_unapproved")
    assert strict.side.posts == []


def test_prepared_and_then_sent_back_it_does_not_leave(strict: Stage) -> None:
    delivery = strict.delivery(strict.channel(Once.PREPARE))
    say(strict, delivery)
    reach(strict, delivery, minutes=-1)
    assert fresh(delivery).state == S.PREPARED
    say(strict, delivery, "changes")
    reach(strict, delivery)
    assert fresh(delivery).error_code == "not_approved"
    assert strict.side.posts == []


def test_prepared_and_then_edited_it_needs_a_new_word(strict: Stage) -> None:
    delivery = strict.delivery(strict.channel(Once.PREPARE))
    say(strict, delivery)
    reach(strict, delivery, minutes=-1)
    item = Item.objects.get(pk=fresh(delivery).variant.item_id)
    plan.update_item(
        item=item, by=strict.cast.owner, now=strict.clock.at, expected_version=item.version, text="Інше"
    )
    reach(strict, delivery)
    assert fresh(delivery).error_code == "not_approved"
    say(strict, delivery)
    strict.work()
    assert [text for _key, text in strict.side.posts] == ["Інше"]


def test_nobody_is_reminded_of_what_is_not_approved(strict: Stage) -> None:
    channel = channels.add_by_hand(
        workspace=strict.cast.workspace, by=strict.cast.owner, now=strict.clock.at, network="facebook_group",
        name="Group", purpose="community",
    )  # fmt: skip
    delivery = strict.delivery(channel)
    reach(strict, delivery, hours=20)
    assert fresh(delivery).state == S.WAITING
    say(strict, delivery)
    strict.work()
    assert fresh(delivery).state == S.REMINDED


def test_scheduling_asks_once_for_the_same_content(strict: Stage) -> None:
    delivery = strict.delivery(strict.channel(Once.KEY))
    item = fresh(delivery).variant.item
    assert item.approval_asks.count() == 1
    services.schedule(
        variant=delivery.variant, due_at=delivery.due_at + timedelta(hours=1), by=strict.cast.owner,
        now=strict.clock.at,
    )  # fmt: skip
    assert item.approval_asks.count() == 1
