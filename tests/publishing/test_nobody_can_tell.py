"""The whole way through the engine to networks that have no way of telling what became of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from spilno.channels import services
from spilno.channels.models import Channel, Health
from spilno.kernel import clock
from spilno.publishing import engine
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState as S
from spilno.toolkit.networks import smtp
from spilno.toolkit.practice import Practice, start
from tests.publishing.stage import Stage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def today(stage: Stage) -> Stage:
    stage.clock.at = clock.now()
    return stage


def connect(stage: Stage, network: str, **credentials: str) -> Channel:
    return services.connect(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network=network, name="",
        purpose="brand", credentials=credentials,
    )  # fmt: skip


def steps(delivery: Delivery) -> list[tuple[str, str]]:
    return list(delivery.attempts.order_by("number").values_list("step", "outcome"))


@pytest.fixture(scope="module")
def running() -> Iterator[Practice]:
    with start(seed="nobody") as server:
        yield server


@pytest.fixture
def practice(running: Practice, settings: Any) -> Practice:
    for kept in ("accounts", "posts"):
        running.state.data[kept].clear()
    running.state.add_account(network="telegram", name="books", title="Книги")
    settings.SPILNO_PRACTICE_URL = running.url
    return running


@pytest.fixture
def channel(today: Stage, practice: Practice) -> Channel:
    typed = {"bot_token": "8100:practice-books", "chat": "@books", "api_url": practice.bot_api_url}
    return connect(today, "telegram", **typed)


def shown(practice: Practice) -> int:
    return len(practice.state.data["posts"])


def test_a_post_goes_out_once(today: Stage, channel: Channel, practice: Practice) -> None:
    assert channel.practice
    delivery = today.delivery(channel, due=today.clock.at, text="Ярмарок")
    today.play()
    delivery.refresh_from_db()
    assert (delivery.state, shown(practice)) == (S.PUBLISHED, 1)
    assert delivery.external_url.startswith(f"{practice.url}/telegram/books/")


@pytest.mark.parametrize(
    ("fault", "there"),
    [
        ("reset_before", 0),
        ("reset_after", 1),
        ("error_500_before", 0),
        ("error_500_after", 1),
        ("error_400_after", 1),
    ],
)
def test_without_an_answer_a_person_is_asked_and_nothing_is_sent_again(
    today: Stage, channel: Channel, practice: Practice, fault: str, there: int
) -> None:
    practice.faults.add(fault, "/sendMessage")
    delivery = today.delivery(channel, due=today.clock.at, text="Ярмарок")
    today.play()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == (S.NEEDS_PERSON, "cannot_tell")
    assert steps(delivery)[-1] == ("commit", "uncertain")
    assert shown(practice) == there


def test_a_pause_is_kept_to_the_second(today: Stage, channel: Channel, practice: Practice) -> None:
    practice.faults.add("rate_limited", "/sendMessage", seconds=35)
    begun = today.clock.at
    delivery = today.delivery(channel, due=begun, text="Ярмарок")
    while Delivery.objects.get(pk=delivery.pk).state != S.WAITING:
        assert today.work()
    delivery.refresh_from_db()
    assert delivery.next_try_at is not None
    assert timedelta(seconds=34) <= delivery.next_try_at - begun <= timedelta(seconds=37)
    today.clock.at = delivery.next_try_at - timedelta(seconds=1)
    assert engine.run_due(now=today.clock.at, worker="w1") == 0
    today.play()
    delivery.refresh_from_db()
    assert (delivery.state, shown(practice)) == (S.PUBLISHED, 1)


def test_a_bot_that_lost_its_right_waits_until_it_is_connected_again(
    today: Stage, channel: Channel, practice: Practice
) -> None:
    account = practice.state.account_named("telegram", "books")
    assert account is not None
    account["can_post"] = False
    delivery = today.delivery(channel, due=today.clock.at, text="Ярмарок")
    today.work()
    delivery.refresh_from_db()
    channel.refresh_from_db()
    assert (delivery.state, channel.health, channel.health_code) == (
        S.WAITING, Health.RECONNECT, "network_may_not_post",
    )  # fmt: skip
    account["can_post"] = True
    services.reconnect(
        channel=channel,
        by=today.cast.owner,
        now=today.clock.at,
        credentials={"bot_token": "8100:practice-books"},
    )
    today.play()
    delivery.refresh_from_db()
    assert (delivery.state, shown(practice)) == (S.PUBLISHED, 1)


@pytest.mark.parametrize("taken", [True, False])
def test_a_letter_without_an_answer(
    today: Stage, mail: Any, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    channel = connect(
        today, "email_list", server=f"{mail.host}:{mail.port}", sender="news@books.example", list_name="Друзі",
        recipients="olena@readers.example\ntaras@readers.example",
    )  # fmt: skip
    keep = type(mail).handle_DATA

    async def silent(self: Any, server: Any, session: Any, envelope: Any) -> str:
        if taken:
            await keep(self, server, session, envelope)
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr(type(mail), "handle_DATA", silent)
    monkeypatch.setattr(smtp, "TIMEOUT", 0.3)
    monkeypatch.setattr(smtp, "DIGESTING", 0.3)  # seconds that a server may think about a letter
    delivery = today.delivery(channel, due=today.clock.at, text="Лист", placement="letter")
    today.play()
    delivery.refresh_from_db()
    assert delivery.state == S.NEEDS_PERSON
    assert len(mail.received) == taken
    for letter in mail.received:
        assert letter.message["Message-ID"] == f"<{delivery.pk}@books.example>"
