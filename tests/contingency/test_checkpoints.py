from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection

from spilno.briefs.services import archive
from spilno.contingency import queries, services
from spilno.contingency.models import Checkpoint, Proposal
from spilno.facts.services import record
from spilno.kernel.errors import NotAllowed, UserError
from spilno.team.models import AuditEntry
from spilno.toolkit.metrics import get
from tests.conftest import Cast
from tests.contingency.conftest import Campaign, Seen

Make = Callable[..., Checkpoint]
Saw = Callable[[str | None], Callable[..., Seen]]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"stage": "  "}, "stage_missing", "stage"),
        ({"stage": "я" * 81}, "stage_long", "stage"),
        ({"metric": "fame"}, "unknown_metric", "metric"),
        ({"metric": "members_growth"}, "target_channel_missing", "channel"),
        ({"below": Decimal("2.5")}, "number_must_be_whole", "below"),
        ({"below": Decimal(-3)}, "target_negative", "below"),
        ({"at": datetime(2026, 11, 20, 10, 0, tzinfo=UTC)}, "checkpoint_in_past", "at"),
        ({"at": datetime(2026, 12, 1, 10, 0, tzinfo=UTC)}, "checkpoint_after_end", "at"),
        ({"actions": []}, "actions_missing", "actions"),
        ({"actions": [{"shout": "group"}]}, "unknown_action", "actions"),
        ({"actions": [{"publish": ""}]}, "unknown_action", "actions"),
        ({"actions": [{"publish": "no-such"}]}, "unknown_reserve_item", "actions"),
        ({"actions": [{"remind": "no-such"}]}, "unknown_channel", "actions"),
    ],
)
def test_what_is_wrong_is_named(
    cast: Cast, checkpoint: Make, changes: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(UserError) as refused:
        checkpoint(**changes)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not Checkpoint.objects.exists()


def test_a_post_that_is_not_in_reserve_cannot_be_an_action(
    cast: Cast, campaign: Campaign, checkpoint: Make
) -> None:
    campaign.reserve.reserve = False
    campaign.reserve.save()
    with pytest.raises(UserError, match="unknown_reserve_item"):
        checkpoint()


def test_one_stage_looks_at_a_metric_once(cast: Cast, checkpoint: Make) -> None:
    checkpoint(actions=[{"remind": "group"}, {"remind": "group"}])
    assert Checkpoint.objects.get().actions == [{"remind": "group"}]
    with pytest.raises(UserError, match="checkpoint_twice"):
        checkpoint()
    assert checkpoint(metric="visits").metric == "visits"


def test_who_may_not_decide_may_not_plan_either(
    cast: Cast, checkpoint: Make, saw: Saw, later: datetime
) -> None:
    one = checkpoint()
    with pytest.raises(NotAllowed):
        checkpoint(by=cast.colleague, stage="Інша")
    with pytest.raises(NotAllowed):
        services.remove_checkpoint(checkpoint=one, by=cast.analyst, now=cast.now)
    services.check_due(now=later, value_of=saw("1"))
    proposal = Proposal.objects.get()
    for decide in (services.accept, services.dismiss):
        with pytest.raises(NotAllowed):
            decide(proposal=proposal, by=cast.analyst, now=later)


def test_nothing_happens_before_its_moment(cast: Cast, checkpoint: Make, saw: Saw, later: datetime) -> None:
    one = checkpoint()
    assert services.check_due(now=later - timedelta(seconds=1), value_of=saw("1")) == 0
    assert Checkpoint.objects.get(pk=one.pk).fired_at is None


@pytest.mark.parametrize(("value", "proposes"), [("29", True), ("30", False), ("31", False), (None, True)])
def test_behind_and_unknown_propose(
    cast: Cast, checkpoint: Make, saw: Saw, later: datetime, value: str | None, proposes: bool
) -> None:
    one = checkpoint()
    assert services.check_due(now=later, value_of=saw(value)) == 1
    one.refresh_from_db()
    assert one.fired_at == later
    assert one.seen == (None if value is None else Decimal(value))
    assert Proposal.objects.filter(checkpoint=one, state="open").exists() is proposes
    entry = AuditEntry.objects.get(object_id=one.pk, action__in=["proposal.opened", "checkpoint.looked"])
    assert entry.action == ("proposal.opened" if proposes else "checkpoint.looked")
    assert entry.detail["seen"] == value
    assert entry.initiative_id == one.initiative_id


def test_unknown_is_shown_as_unknown_not_as_nought(
    cast: Cast, checkpoint: Make, saw: Saw, later: datetime
) -> None:
    checkpoint()
    services.check_due(now=later, value_of=saw(None))
    (view,) = queries.open_proposals(cast.workspace)
    assert view.fired_at == later
    assert view.seen is None


def test_costs_are_behind_when_they_are_above() -> None:
    cost = get("cost_per_lead")
    assert services.is_behind(cost, Decimal(51), Decimal(50))
    assert not services.is_behind(cost, Decimal(50), Decimal(50))
    assert services.is_behind(get("leads"), Decimal(49), Decimal(50))


def test_a_checkpoint_fires_once(cast: Cast, checkpoint: Make, saw: Saw, later: datetime) -> None:
    checkpoint()
    assert services.check_due(now=later, value_of=saw("1")) == 1
    assert services.check_due(now=later + timedelta(minutes=1), value_of=saw("1")) == 0
    assert Proposal.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_fire_it_once(cast: Cast, checkpoint: Make, later: datetime) -> None:
    one = checkpoint()
    both_have_looked = Barrier(2, timeout=30)
    looked: list[int] = []

    def slow(**asked: Any) -> Seen:
        # Both workers hold the unclaimed checkpoint before either may claim it.
        both_have_looked.wait()
        return Seen(Decimal(3))

    def work() -> None:
        try:
            looked.append(services.check_due(now=later, value_of=slow))
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(looked) == [0, 1]
    assert Proposal.objects.filter(checkpoint=one).count() == 1
    assert AuditEntry.objects.filter(action="proposal.opened").count() == 1


def test_one_that_cannot_be_computed_does_not_stop_the_others(
    cast: Cast, checkpoint: Make, later: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    bad = checkpoint(stage="Перша", metric="visits")
    good = checkpoint(stage="Друга")

    def value_of(**asked: Any) -> Seen:
        if asked["metric"] == "visits":
            raise RuntimeError("no such counter")
        return Seen(Decimal(1))

    assert services.check_due(now=later, value_of=value_of) == 1
    assert "cannot be looked at" in caplog.text
    assert Checkpoint.objects.get(pk=bad.pk).fired_at is None
    assert Checkpoint.objects.get(pk=good.pk).fired_at == later


def test_the_value_is_asked_for_this_initiative_now(cast: Cast, checkpoint: Make, later: datetime) -> None:
    one = checkpoint()
    asked: list[dict[str, Any]] = []

    def value_of(**values: Any) -> Seen:
        asked.append(values)
        return Seen(Decimal(1))

    services.check_due(now=later + timedelta(minutes=5), value_of=value_of)
    assert asked == [
        {
            "workspace": cast.workspace, "metric": "registrations", "initiative": one.initiative,
            "channel": None, "as_of": later + timedelta(minutes=5),
        }
    ]  # fmt: skip


def test_a_campaign_that_is_over_proposes_nothing_but_notes_what_was(
    cast: Cast, checkpoint: Make, campaign: Campaign
) -> None:
    one = checkpoint(by=None, at=datetime(2026, 11, 18, 9, 0, tzinfo=UTC))
    asked: list[Any] = []

    def value_of(**values: Any) -> Seen:
        asked.append(values["as_of"])
        return Seen(Decimal(4))

    assert services.check_due(now=datetime(2026, 12, 24, 9, 0, tzinfo=UTC), value_of=value_of) == 1
    one.refresh_from_db()
    assert asked == [one.at]
    assert one.seen == 4
    assert not Proposal.objects.exists()


def test_an_archived_initiative_is_left_alone(
    cast: Cast, checkpoint: Make, campaign: Campaign, saw: Saw, later: datetime
) -> None:
    checkpoint()
    archive(initiative=campaign.initiative, by=cast.owner, now=cast.now)
    assert services.check_due(now=later, value_of=saw("1")) == 0


def test_the_real_measurement_counts_the_registrations(
    cast: Cast, checkpoint: Make, campaign: Campaign, later: datetime
) -> None:
    checkpoint(below=Decimal(3))
    for number in range(2):
        record(
            workspace=cast.workspace, kind="registration", occurred_at=cast.now, now=cast.now, source="test",
            source_key=f"registration-{number}", initiative_id=campaign.initiative.pk, actor=f"guest-{number}",
        )  # fmt: skip
    assert services.check_due(now=later) == 1
    (view,) = queries.open_proposals(cast.workspace)
    assert view.seen == 2


def test_a_checkpoint_is_removed_only_before_it_looked(
    cast: Cast, checkpoint: Make, saw: Saw, later: datetime
) -> None:
    first, second = checkpoint(), checkpoint(stage="Друга")
    services.remove_checkpoint(checkpoint=first, by=cast.owner, now=cast.now)
    services.remove_checkpoint(checkpoint=first, by=cast.owner, now=cast.now)
    assert AuditEntry.objects.filter(action="checkpoint.removed").count() == 1
    services.check_due(now=later, value_of=saw("99"))
    with pytest.raises(UserError, match="checkpoint_fired"):
        services.remove_checkpoint(checkpoint=second, by=cast.owner, now=later)
    assert Checkpoint.objects.filter(pk=second.pk).exists()


def test_proposals_stay_in_their_workspace(
    cast: Cast, checkpoint: Make, campaign: Campaign, saw: Saw, later: datetime
) -> None:
    one = checkpoint()
    services.check_due(now=later, value_of=saw("1"))
    assert queries.open_proposals(cast.other_workspace) == []
    assert [view.id for view in queries.open_proposals(cast.workspace)] == [one.pk]


def test_many_checkpoints_cost_no_more_queries_than_one(
    cast: Cast, checkpoint: Make, campaign: Campaign, django_assert_num_queries: Any
) -> None:
    checkpoint()
    with django_assert_num_queries(4) as first:
        (view,) = queries.checkpoints(campaign.initiative)
    assert [(one.kind, one.label) for one in view.actions] == [("publish", "Ще є місця"), ("remind", "Група")]
    for number in range(5):
        checkpoint(stage=f"Етап {number}")
    with django_assert_num_queries(len(first)):
        assert len(queries.checkpoints(campaign.initiative)) == 6
