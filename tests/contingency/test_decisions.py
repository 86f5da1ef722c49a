from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail as outbox

from spilno.channels.models import Channel
from spilno.contingency import mail, queries, services
from spilno.contingency.models import Checkpoint, Proposal, Reminder
from spilno.kernel.errors import Conflict, NotAllowed, UserError
from spilno.publishing.models import Delivery
from spilno.team.models import AuditEntry, Person, Role
from tests.conftest import Cast
from tests.contingency.conftest import Campaign, Seen

Make = Callable[..., Checkpoint]


@pytest.fixture
def propose(
    cast: Cast, checkpoint: Make, later: datetime, saw: Callable[[str | None], Callable[..., Seen]]
) -> Callable[..., Proposal]:
    def make(**changes: Any) -> Proposal:
        one = checkpoint(**changes)
        services.check_due(now=later, value_of=saw("12"))
        return Proposal.objects.get(checkpoint=one)

    return make


def test_accepting_publishes_the_reserve_and_reminds_the_owner(
    cast: Cast, campaign: Campaign, propose: Callable[..., Proposal], later: datetime
) -> None:
    proposal = services.accept(proposal=propose(), by=cast.owner, now=later)
    assert (proposal.state, proposal.decided_by, proposal.decided_at) == ("accepted", cast.owner, later)
    assert [(one["do"], one["channel"], one["outcome"]) for one in proposal.results] == [
        ("publish", "Сторінка", "published"), ("remind", "Група", "reminded"),
    ]  # fmt: skip
    delivery = Delivery.objects.get(variant__item=campaign.reserve)
    assert delivery.due_at == later
    reminder = Reminder.objects.get()
    assert (reminder.person, reminder.channel) == (cast.colleague, campaign.group)
    assert queries.open_proposals(cast.workspace) == []
    entry = AuditEntry.objects.get(action="proposal.accepted")
    assert (entry.person, entry.detail["published"], entry.detail["reminded"]) == (cast.owner, 1, 1)


def test_a_decision_is_taken_once(cast: Cast, propose: Callable[..., Proposal], later: datetime) -> None:
    proposal = propose()
    services.accept(proposal=proposal, by=cast.owner, now=later)
    for decide in (services.accept, services.dismiss):
        with pytest.raises(Conflict, match="proposal_decided") as met:
            decide(proposal=proposal, by=cast.owner, now=later)
        assert met.value.params["who"] == cast.owner.name
    assert Delivery.objects.count() == 1
    assert Reminder.objects.count() == 1


def test_dismissing_does_nothing_but_is_remembered(
    cast: Cast, propose: Callable[..., Proposal], later: datetime
) -> None:
    proposal = services.dismiss(proposal=propose(), by=cast.owner, now=later)
    assert (proposal.state, proposal.decided_by) == ("dismissed", cast.owner)
    assert not Delivery.objects.exists()
    assert not Reminder.objects.exists()
    assert AuditEntry.objects.filter(action="proposal.dismissed", person=cast.owner).exists()


def test_the_right_to_decide_is_enough_to_publish_the_reserve(
    cast: Cast, propose: Callable[..., Proposal], later: datetime
) -> None:
    strategist = Person.objects.create(
        workspace=cast.workspace, key="strategist", name="Стратег", roles=[Role.STRATEGIST]
    )
    accepted = services.accept(proposal=propose(), by=strategist, now=later)
    assert accepted.decided_by == strategist
    assert Delivery.objects.count() == 1


def test_what_fails_does_not_undo_the_rest(
    cast: Cast, campaign: Campaign, propose: Callable[..., Proposal], later: datetime
) -> None:
    proposal = propose()
    campaign.reserve.deleted_at = later
    campaign.reserve.save()
    accepted = services.accept(proposal=proposal, by=cast.owner, now=later)
    assert [(one["outcome"], one["code"]) for one in accepted.results] == [
        ("failed", "item_gone"), ("reminded", ""),
    ]  # fmt: skip


def test_a_proposal_of_which_nothing_can_be_done_stays_open(
    cast: Cast, campaign: Campaign, propose: Callable[..., Proposal], later: datetime
) -> None:
    proposal = propose(actions=[{"publish": "reserve-page"}])
    campaign.reserve.variants.all().delete()
    (view,) = queries.open_proposals(cast.workspace)
    assert [one.problem for one in view.actions] == ["item_without_channel"]
    assert not view.can_act
    with pytest.raises(UserError, match="proposal_nothing_done"):
        services.accept(proposal=proposal, by=cast.owner, now=later)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decided_at) == ("open", None)


def test_without_an_owner_of_the_channel_the_initiative_s_owner_is_reminded(
    cast: Cast, campaign: Campaign, propose: Callable[..., Proposal], later: datetime
) -> None:
    Channel.objects.filter(pk=campaign.group.pk).update(owner=None)
    services.accept(proposal=propose(), by=cast.owner, now=later)
    assert Reminder.objects.get().person == cast.owner


def test_the_reminder_is_mailed_once_in_the_person_s_language(
    cast: Cast, propose: Callable[..., Proposal], later: datetime
) -> None:
    assert cast.colleague.user is not None
    cast.colleague.user.language = "en"
    cast.colleague.user.save()
    services.accept(proposal=propose(), by=cast.owner, now=later)
    assert mail.send_due(now=later) == 1
    assert mail.send_due(now=later + timedelta(hours=1)) == 0
    (letter,) = outbox.outbox
    assert letter.to == ["taras@example.org"]
    assert "Група" in letter.subject
    assert "/w/delivery-house/initiatives/agile-pislia-roboty/contingency/" in letter.body


def test_a_mail_that_did_not_leave_is_tried_again(
    cast: Cast, propose: Callable[..., Proposal], later: datetime, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    services.accept(proposal=propose(), by=cast.owner, now=later)

    def refuse(*args: Any, **values: Any) -> None:
        raise ConnectionRefusedError("no mail server")

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", refuse)
        assert mail.send_due(now=later) == 0
    assert "did not leave" in caplog.text
    assert mail.send_due(now=later + timedelta(minutes=1)) == 0
    assert mail.send_due(now=later + timedelta(minutes=11)) == 1
    assert len(outbox.outbox) == 1


def test_a_reminder_is_ticked_off_by_who_was_reminded(
    cast: Cast, propose: Callable[..., Proposal], later: datetime
) -> None:
    services.accept(proposal=propose(), by=cast.owner, now=later)
    reminder = Reminder.objects.get()
    assert list(queries.open_reminders(cast.workspace, person=cast.colleague)) == [reminder]
    assert not queries.open_reminders(cast.workspace, person=cast.analyst)
    assert not queries.open_reminders(cast.other_workspace)
    with pytest.raises(NotAllowed):
        services.reminder_done(reminder=reminder, by=cast.analyst, now=later)
    services.reminder_done(reminder=reminder, by=cast.colleague, now=later)
    services.reminder_done(reminder=reminder, by=cast.colleague, now=later)
    reminder.refresh_from_db()
    assert (reminder.done_at, reminder.done_by) == (later, cast.colleague)
    assert not queries.open_reminders(cast.workspace)
    assert AuditEntry.objects.filter(action="reminder.done").count() == 1


def test_behind_by_a_digit_that_the_column_does_not_hold_is_still_behind(
    cast: Cast, checkpoint: Make, later: datetime
) -> None:
    one = checkpoint(metric="show_up", below=Decimal("0.5"))
    services.check_due(now=later, value_of=lambda **asked: Seen(Decimal("0.49999999")))
    assert Proposal.objects.filter(checkpoint=one).exists()
