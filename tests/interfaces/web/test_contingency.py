from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from spilno.briefs.models import Initiative
from spilno.briefs.services import add_target, create_initiative
from spilno.channels.models import Channel, Health
from spilno.contingency.models import Checkpoint, Proposal, Reminder
from spilno.contingency.services import add_checkpoint, check_due
from spilno.plan.models import Item
from spilno.plan.services import create_item, put_variant
from spilno.publishing.models import Delivery
from spilno.team.models import Person
from tests.conftest import Cast

ClientOf = Callable[[Person], Client]
FORM = {
    "stage": "Половина шляху",
    "at": "2026-11-24T12:00",
    "subject": "registrations|",
    "below": "30",
    "publish": ["reserve"],
    "remind": ["group"],
}


@pytest.fixture(autouse=True)
def noon(now: Any) -> Any:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def made(cast: Cast) -> Initiative:
    initiative = create_initiative(
        workspace=cast.workspace, by=cast.owner, now=cast.now, kind="event", title={"uk": "Зустріч"},
        starts_on=date(2026, 11, 16), ends_on=date(2026, 11, 30),
    )  # fmt: skip
    group = Channel.objects.create(
        workspace=cast.workspace, key="group", network="facebook_group", name="Група", by_hand=True,
        health=Health.BY_HAND, owner=cast.colleague, created_at=cast.now,
    )  # fmt: skip
    reserve = create_item(
        workspace=cast.workspace, by=cast.owner, now=cast.now, title="Ще є місця", text="Ще є місця",
        initiative=initiative, reserve=True, key="reserve",
    )  # fmt: skip
    put_variant(item=reserve, channel=group, by=cast.owner, now=cast.now)
    return initiative


@pytest.fixture
def owner(cast: Cast, client_of: ClientOf) -> Client:
    return client_of(cast.owner)


@pytest.fixture
def proposal(cast: Cast, made: Initiative) -> Proposal:
    """The checkpoint looked now and saw no registration."""
    add_checkpoint(
        initiative=made, by=None, now=cast.now, stage="Початок", at=cast.now, metric="registrations",
        below=Decimal(30), actions=[{"publish": "reserve"}, {"remind": "group"}],
    )  # fmt: skip
    check_due(now=cast.now)
    return Proposal.objects.get()


def url(made: Initiative, name: str = "", *args: Any) -> str:
    name = f"initiatives-contingency-{name}" if name else "initiatives-contingency"
    return reverse(name, args=["delivery-house", made.slug, *args])


def test_a_checkpoint_is_agreed_and_said_in_words(owner: Client, made: Initiative) -> None:
    assert owner.post(url(made), FORM)["Location"] == url(made)
    checkpoint = Checkpoint.objects.get()
    assert checkpoint.at == datetime(2026, 11, 24, 10, 0, tzinfo=UTC)  # noon in Kyiv
    assert checkpoint.actions == [{"publish": "reserve"}, {"remind": "group"}]
    shown = owner.get(url(made), headers={"accept-language": "en"}).content.decode()
    assert "If “Registrations” is below 30, we propose:" in shown
    assert "Publish “Ще є місця”" in shown
    assert "Ask Taras to remind people in Група" in shown


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"stage": ""}, "stage"),
        ({"at": "soon"}, "at"),
        ({"at": "2026-99-24T12:00"}, "at"),
        ({"at": "2026-11-01T12:00"}, "at"),
        ({"at": "9999-12-31T23:59"}, "at"),
        ({"at": "2027-01-01T12:00"}, "at"),
        ({"subject": "fame|"}, "subject"),
        ({"subject": "registrations|no-such"}, "subject"),
        ({"subject": "members_growth|"}, "subject"),
        ({"below": "десь тридцять"}, "below"),
        ({"publish": [], "remind": []}, "actions"),
        ({"publish": ["no-such"]}, "actions"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    owner: Client, made: Initiative, changes: dict[str, Any], field: str
) -> None:
    answer = owner.post(url(made), FORM | changes)
    assert answer.status_code == 422
    form = answer.context["page"].form
    assert list(form.errors) == [field]
    typed = FORM | changes
    assert (form.stage, form.at, form.below) == (typed["stage"], typed["at"], typed["below"])
    assert not Checkpoint.objects.exists()


def test_an_hour_that_the_clocks_skip_is_asked_about(cast: Cast, owner: Client) -> None:
    spring = create_initiative(
        workspace=cast.workspace, by=cast.owner, now=cast.now, kind="event", title={"uk": "Весна"},
        starts_on=date(2027, 3, 1), ends_on=date(2027, 4, 30),
    )  # fmt: skip
    answer = owner.post(url(spring), FORM | {"at": "2027-03-28T03:30", "publish": []})
    assert list(answer.context["page"].form.errors) == ["at"]


def test_the_form_begins_with_something_sensible(cast: Cast, owner: Client, made: Initiative) -> None:
    add_target(brief=made.brief, by=cast.owner, now=cast.now, metric="registrations", value=Decimal(60))
    form = owner.get(url(made)).context["page"].form
    assert (form.subject, form.below, form.at) == ("registrations|", "30", "2026-11-25T12:00")


def test_a_proposal_shows_what_was_seen_and_is_accepted(
    cast: Cast, owner: Client, made: Initiative, proposal: Proposal
) -> None:
    shown = owner.get(url(made), headers={"accept-language": "en"}).content.decode()
    assert "Registrations: 0, at least 30 was agreed" in shown
    assert owner.post(url(made, "accept", proposal.pk))["Location"] == url(made)
    assert Delivery.objects.get().due_at == cast.now
    assert Reminder.objects.get().person == cast.colleague
    assert not Item.objects.get().reserve
    shown = owner.get(url(made), headers={"accept-language": "en"}).content.decode()
    assert "Taras was asked to remind people in Група" in shown
    again = owner.post(url(made, "accept", proposal.pk), follow=True, headers={"accept-language": "en"})
    assert "Olena was faster" in again.content.decode()
    assert Delivery.objects.count() == 1


def test_an_unknown_number_is_called_unknown(
    cast: Cast, owner: Client, made: Initiative, proposal: Proposal
) -> None:
    Checkpoint.objects.update(seen=None)
    shown = owner.get(url(made), headers={"accept-language": "en"}).content.decode()
    assert "Registrations: unknown" in shown


def test_dismissing_is_remembered(owner: Client, made: Initiative, proposal: Proposal) -> None:
    owner.post(url(made, "dismiss", proposal.pk))
    proposal.refresh_from_db()
    assert proposal.state == "dismissed"
    page = owner.get(url(made)).context["page"]
    assert page.open == ()
    assert [one.view.proposal.state for one in page.past] == ["dismissed"]


def test_what_could_not_be_done_is_said(owner: Client, made: Initiative, proposal: Proposal) -> None:
    Item.objects.update(deleted_at=proposal.created_at)
    Channel.objects.update(is_active=False)
    answer = owner.post(url(made, "accept", proposal.pk), follow=True, headers={"accept-language": "en"})
    body = answer.content.decode()
    assert "Nothing of this could be done" in body
    assert "The reserve post was deleted" in body
    proposal.refresh_from_db()
    assert proposal.state == "open"


def test_a_checkpoint_is_removed_until_it_looked(owner: Client, made: Initiative, proposal: Proposal) -> None:
    owner.post(url(made), FORM)
    waiting = Checkpoint.objects.get(fired_at=None)
    for _time in range(2):
        assert owner.post(url(made, "remove", waiting.pk)).status_code == 302
    owner.post(url(made, "remove", proposal.checkpoint_id))
    assert list(Checkpoint.objects.all()) == [proposal.checkpoint]


def test_who_may_not_decide_sees_no_buttons(
    cast: Cast, client_of: ClientOf, made: Initiative, proposal: Proposal
) -> None:
    analyst = client_of(cast.analyst)
    shown = analyst.get(url(made)).content.decode()
    for name in ("accept", "dismiss"):
        assert url(made, name, proposal.pk) not in shown
        assert analyst.post(url(made, name, proposal.pk)).status_code == 403
        assert client_of(cast.outsider).post(url(made, name, proposal.pk)).status_code == 404
    assert analyst.post(url(made), FORM).status_code == 403
    assert analyst.post(url(made, "remove", proposal.checkpoint_id)).status_code == 403
    proposal.refresh_from_db()
    assert proposal.state == "open"


def test_a_proposal_is_reached_only_through_its_own_initiative(
    cast: Cast, client_of: ClientOf, made: Initiative, proposal: Proposal
) -> None:
    theirs = create_initiative(
        workspace=cast.other_workspace, by=cast.outsider, now=cast.now, kind="event", title={"uk": "Інша"},
        starts_on=date(2026, 11, 16), ends_on=date(2026, 11, 30),
    )  # fmt: skip
    address = reverse("initiatives-contingency-accept", args=["elsewhere", theirs.slug, proposal.pk])
    assert client_of(cast.outsider).post(address).status_code == 404
    proposal.refresh_from_db()
    assert proposal.state == "open"


def test_the_page_costs_few_queries_however_long_the_plan(
    cast: Cast, owner: Client, made: Initiative, proposal: Proposal, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(22) as few:
        owner.get(url(made))
    for number in range(6):
        add_checkpoint(
            initiative=made, by=cast.owner, now=cast.now, stage=f"Етап {number}",
            at=cast.now + timedelta(days=1), metric="registrations", below=Decimal(30),
            actions=[{"publish": "reserve"}, {"remind": "group"}],
        )  # fmt: skip
    with django_assert_max_num_queries(len(few)):
        assert owner.get(url(made)).status_code == 200
