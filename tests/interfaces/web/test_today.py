from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from spilno.briefs.models import Brief, Initiative
from spilno.briefs.services import add_target, create_initiative, mark_ready, save_brief
from spilno.channels.models import Channel, Health
from spilno.community.models import Message
from spilno.contingency.models import Reminder
from spilno.contingency.services import accept, add_checkpoint, check_due
from spilno.facts.services import record
from spilno.plan.models import Item
from spilno.plan.services import create_item, put_variant
from spilno.publishing.models import Delivery
from spilno.publishing.services import publish_now, schedule
from spilno.team.models import Person
from tests.conftest import Cast

ClientOf = Callable[[Person], Client]


@pytest.fixture(autouse=True)
def noon(now: Any) -> Any:
    with time_machine.travel(now, tick=False):
        yield


def channel(cast: Cast, key: str = "group", **more: Any) -> Channel:
    values: dict[str, Any] = {
        "workspace": cast.workspace, "key": key, "network": "facebook_group", "name": f"Група {key}",
        "by_hand": True, "health": Health.BY_HAND, "created_at": cast.now,
    }  # fmt: skip
    return Channel.objects.create(**values | more)


def initiative(cast: Cast, **more: Any) -> Initiative:
    values: dict[str, Any] = {
        "workspace": cast.workspace, "by": cast.owner, "now": cast.now, "kind": "event",
        "title": {"uk": "Agile після роботи"}, "starts_on": date(2026, 11, 16), "ends_on": date(2026, 11, 30),
    }  # fmt: skip
    return create_initiative(**values | more)


def agree(cast: Cast, one: Initiative, **more: Any) -> Brief:
    brief = save_brief(
        brief=one.brief, by=cast.owner, now=cast.now, expected_version=1, task={"uk": "Щоб прийшли"},
        audience={}, budget=None, report_formats=["web"], content_due=more.get("content_due"),
    )  # fmt: skip
    add_target(brief=brief, by=cast.owner, now=cast.now, metric="registrations", value=Decimal(60))
    return mark_ready(brief=brief, by=cast.owner, now=cast.now)


def post(cast: Cast, one: Initiative, where: Channel, title: str = "Ще є місця", **more: Any) -> Item:
    item = create_item(
        workspace=cast.workspace, by=cast.owner, now=cast.now, title=title, text=title, initiative=one, **more
    )
    put_variant(item=item, channel=where, by=cast.owner, now=cast.now)
    return item


def page(client: Client, everyone: bool = False) -> str:
    answer = client.get(reverse("today", args=["delivery-house"]) + ("?everyone" if everyone else ""), {})
    assert answer.status_code == 200
    return answer.content.decode()


def rows(client: Client, everyone: bool = False) -> list[Any]:
    address = reverse("today", args=["delivery-house"]) + ("?everyone" if everyone else "")
    return list(client.get(address).context["page"].rows)


def test_an_empty_workspace_says_where_to_begin(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.owner)
    answer = client.get(reverse("today", args=["delivery-house"]), headers={"accept-language": "en"})
    shown = answer.context["page"]
    assert [one.done for one in shown.steps] == [False] * 5
    assert shown.rows == ()
    assert "Getting started" in answer.content.decode()
    assert "Friday, 20 November" in answer.content.decode()


def test_steps_are_ticked_one_by_one(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.owner)

    def done() -> list[bool]:
        return [
            one.done for one in client.get(reverse("today", args=["delivery-house"])).context["page"].steps
        ]

    where = channel(cast)
    one = initiative(cast)
    assert done() == [True, True, False, False, False]
    agree(cast, one)
    item = post(cast, one, where)
    assert done() == [True, True, True, True, False]
    schedule(variant=item.variants.get(), due_at=cast.now + timedelta(hours=2), by=cast.owner, now=cast.now)
    assert done() == [True] * 5


def test_a_proposal_says_what_was_seen_and_what_we_propose(cast: Cast, client_of: ClientOf) -> None:
    where = channel(cast)
    one = initiative(cast)
    agree(cast, one)
    post(cast, one, where, title="Запасний допис", reserve=True, key="reserve")
    add_checkpoint(
        initiative=one, by=None, now=cast.now, stage="Половина", at=cast.now, metric="registrations",
        below=Decimal(30), actions=[{"publish": "reserve"}],
    )  # fmt: skip
    record(
        workspace=cast.workspace, kind="registration", occurred_at=cast.now, now=cast.now, source="test",
        source_key="1", initiative_id=one.pk, actor="guest",
    )  # fmt: skip
    check_due(now=cast.now)
    (row,) = (row for row in rows(client_of(cast.owner)) if row.voice == "late")
    assert "1" in row.title
    assert "30" in row.title
    assert "Запасний допис" in row.note
    assert reverse("initiatives-contingency", args=["delivery-house", one.slug]) in row.url
    assert rows(client_of(cast.analyst)) == []


def test_posts_that_need_a_person_come_with_their_reason(cast: Cast, client_of: ClientOf) -> None:
    where = channel(cast)
    one = initiative(cast)
    agree(cast, one)
    for title, state in (("Перший", "reminded"), ("Другий", "needs_person"), ("Третій", "published")):
        item = post(cast, one, where, title=title)
        publish_now(variant=item.variants.get(), by=cast.owner, now=cast.now)
        Delivery.objects.filter(variant__item=item).update(state=state)
    titles = [row.title for row in rows(client_of(cast.owner))]
    assert len(titles) == 2
    assert "Другий" in titles[0]
    assert "Перший" in titles[1]


def test_what_belongs_to_a_colleague_is_not_mine_but_can_be_seen(cast: Cast, client_of: ClientOf) -> None:
    Person.objects.filter(pk=cast.colleague.pk).update(roles=["smm_manager"])
    where = channel(cast, owner=cast.colleague)
    one = initiative(cast)
    agree(cast, one)
    item = post(cast, one, where)
    publish_now(variant=item.variants.get(), by=cast.owner, now=cast.now)
    Delivery.objects.update(state="failed")
    owner = client_of(cast.owner)
    assert rows(owner) == []
    assert len(rows(owner, everyone=True)) == 1
    assert len(rows(client_of(cast.colleague))) == 1


def test_a_deadline_without_posts_and_a_brief_that_is_not_ready_are_told(
    cast: Cast, client_of: ClientOf
) -> None:
    near = initiative(cast, title={"uk": "Ярмарок"})
    agree(cast, near, content_due=date(2026, 11, 20))
    initiative(cast, title={"uk": "Нова зустріч"}, starts_on=date(2026, 11, 25))
    far = initiative(cast, title={"uk": "Далека"}, starts_on=date(2026, 12, 20), ends_on=date(2026, 12, 30))
    found = rows(client_of(cast.owner))
    assert len(found) == 2
    assert "Ярмарок" in found[0].note
    assert "Нова зустріч" in found[1].title
    assert all(far.slug not in row.url for row in found)
    item = post(cast, near, channel(cast))
    schedule(variant=item.variants.get(), due_at=cast.now + timedelta(hours=1), by=cast.owner, now=cast.now)
    assert len(rows(client_of(cast.owner))) == 1


def test_a_reminder_is_ticked_off_on_the_page(cast: Cast, client_of: ClientOf) -> None:
    channel(cast, owner=cast.colleague)
    one = initiative(cast)
    agree(cast, one)
    add_checkpoint(
        initiative=one, by=None, now=cast.now, stage="Половина", at=cast.now, metric="registrations",
        below=Decimal(30), actions=[{"remind": "group"}],
    )  # fmt: skip
    check_due(now=cast.now)
    (checkpoint,) = one.checkpoints.all()
    accept(proposal=checkpoint.proposal, by=cast.owner, now=cast.now)
    colleague = client_of(cast.colleague)
    (row,) = rows(colleague)
    assert row.post
    assert client_of(cast.analyst).post(row.url).status_code == 403
    assert client_of(cast.outsider).post(row.url).status_code == 404
    assert colleague.post(row.url).status_code == 302
    assert Reminder.objects.get().done_by == cast.colleague
    assert rows(colleague) == []


def test_going_back_after_a_reminder_stays_on_this_site(cast: Cast, client_of: ClientOf) -> None:
    where = channel(cast)
    one = initiative(cast)
    add_checkpoint(
        initiative=one, by=None, now=cast.now, stage="Половина", at=cast.now, metric="registrations",
        below=Decimal(30), actions=[{"remind": "group"}],
    )  # fmt: skip
    check_due(now=cast.now)
    accept(proposal=one.checkpoints.get().proposal, by=cast.owner, now=cast.now)
    address = reverse("today-reminder-done", args=["delivery-house", Reminder.objects.get(channel=where).pk])
    answer = client_of(cast.owner).post(address, {"next": "https://elsewhere.example/"})
    assert answer["Location"] == reverse("today", args=["delivery-house"])


def test_what_is_on_air_stands_in_the_workspace_s_time(cast: Cast, client_of: ClientOf) -> None:
    one = initiative(cast)
    item = post(cast, one, channel(cast), title="Мітап у четвер")
    schedule(variant=item.variants.get(), due_at=cast.now + timedelta(hours=2), by=cast.owner, now=cast.now)
    shown = page(client_of(cast.owner))
    assert "14:00" in shown  # 12:00 UTC in Kyiv in November
    assert "Мітап у четвер" in shown


def test_messages_without_an_answer_are_the_voice_of_the_community(cast: Cast, client_of: ClientOf) -> None:
    where = channel(cast)
    Message.objects.create(
        workspace=cast.workspace, channel=where, external_id="1", author="a", author_name="Марія",
        text="<b>Чи буде запис?</b>", said_at=cast.now - timedelta(hours=1), taken_in_at=cast.now,
    )  # fmt: skip
    shown = page(client_of(cast.owner))
    assert "&lt;b&gt;Чи буде запис?" in shown
    assert "Марія" in shown
    assert "Марія" not in page(client_of(cast.analyst))


def test_the_bare_address_of_a_workspace_leads_here(cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.owner).get("/w/delivery-house/")
    assert answer["Location"] == reverse("today", args=["delivery-house"])
    assert client_of(cast.outsider).get("/w/delivery-house/").status_code == 404


def test_outsiders_see_nothing(cast: Cast, client_of: ClientOf) -> None:
    assert client_of(cast.outsider).get(reverse("today", args=["delivery-house"])).status_code == 404


def test_the_page_costs_few_queries_however_much_waits(
    cast: Cast, client_of: ClientOf, django_assert_max_num_queries: Any
) -> None:
    client = client_of(cast.owner)
    address = reverse("today", args=["delivery-house"])

    def fill(number: int) -> None:
        where = channel(cast, f"group-{number}")
        channel(cast, f"broken-{number}", by_hand=False, health=Health.RECONNECT)
        one = initiative(cast, title={"uk": f"Зустріч {number}"})
        post(cast, one, where, title=f"Запас {number}", reserve=True, key="reserve")
        add_checkpoint(
            initiative=one, by=None, now=cast.now, stage="Половина", at=cast.now, metric="registrations",
            below=Decimal(30), actions=[{"publish": "reserve"}, {"remind": where.key}],
        )  # fmt: skip
        for title in ("a", "b"):
            item = post(cast, one, where, title=f"{title} {number}")
            publish_now(variant=item.variants.get(), by=cast.owner, now=cast.now)
            Delivery.objects.filter(variant__item=item).update(state="reminded")
        Message.objects.create(
            workspace=cast.workspace, channel=where, external_id="1", author="a", text="?",
            said_at=cast.now, taken_in_at=cast.now,
        )  # fmt: skip

    fill(1)
    check_due(now=cast.now)
    with django_assert_max_num_queries(20) as few:
        client.get(address)
    for number in range(2, 6):
        fill(number)
    check_due(now=cast.now)
    with django_assert_max_num_queries(len(few)):
        assert client.get(address).status_code == 200
