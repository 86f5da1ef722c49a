"""Tokens that end: renewed ahead of time, once, and people told in time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from django.core import mail
from django.db import connection
from django.test import Client

from spilno.channels import access, jobs, services, tokens
from spilno.channels.models import Channel, Health
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.team.models import Person
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import (
    ACCESS_UNTIL,
    REFRESH_UNTIL,
    Account,
    Credentials,
    Kind,
    NetworkError,
    Once,
)
from tests.publishing.fake import FindingNetwork, Side
from tests.publishing.stage import PASSWORD, Stage

pytestmark = pytest.mark.django_db


class Renewing(FindingNetwork):
    """Tokens live for an hour; each refresh token is good for one use."""

    life = timedelta(hours=1)

    def __init__(self) -> None:
        super().__init__(Once.KEY, Side())
        self.key = "fake_renewing"  # type: ignore[misc]
        self.now: datetime | None = None
        self.used: list[str] = []
        self.trouble: list[Any] = []
        self.gate: threading.Event | None = None

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        if "refresh_token" in credentials:
            return Account("id-brand", "@brand", "", credentials)
        assert self.now is not None
        return Account("id-brand", "@brand", "", {**credentials, **self._tokens(0)})

    def _tokens(self, number: int) -> dict[str, str]:
        assert self.now is not None
        return {
            "access_token": f"access-{number}", "refresh_token": f"refresh-{number}",
            ACCESS_UNTIL: (self.now + self.life).isoformat(),
            REFRESH_UNTIL: (self.now + timedelta(days=60)).isoformat(),
        }  # fmt: skip

    def refresh(self, *, client: httpx.Client, credentials: Credentials) -> Credentials:
        token = credentials["refresh_token"]
        if self.gate is not None:
            self.gate.wait(10)
        if self.trouble:
            fault = self.trouble.pop(0)
            if isinstance(fault, Exception):
                raise fault
            return {**credentials, **fault}
        if token in self.used:
            raise NetworkError(Kind.RECONNECT, "not_accepted", status=400)
        self.used.append(token)
        return {**credentials, **self._tokens(len(self.used))}


@pytest.fixture
def network(stage: Stage) -> Iterator[Renewing]:
    one = Renewing()
    one.now = stage.clock.at
    registry._found()[one.key] = one
    yield one
    registry._found().pop(one.key, None)


@pytest.fixture
def channel(stage: Stage, network: Renewing) -> Channel:
    return services.connect(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network=network.key,
        name="Ours", purpose="brand", owner=stage.cast.owner,
        credentials={"name": "brand", "password": PASSWORD},
    )  # fmt: skip


def token_of(channel: Channel) -> str:
    return access.credentials_of(Channel.objects.get(pk=channel.pk))["access_token"]


def later(stage: Stage, network: Renewing, **parts: float) -> datetime:
    network.now = stage.clock.forward(**parts)
    return stage.clock.at


def test_a_token_is_renewed_before_it_ends(stage: Stage, network: Renewing, channel: Channel) -> None:
    assert channel.access_until == stage.clock.at + network.life
    assert tokens.due(now=later(stage, network, minutes=30)) == []
    now = later(stage, network, minutes=21)
    assert tokens.due(now=now) == [channel.pk]
    assert tokens.refresh(channel_id=channel.pk, now=now) == tokens.Outcome.REFRESHED
    assert token_of(channel) == "access-1"
    assert tokens.due(now=now) == []
    kept = Channel.objects.get(pk=channel.pk)
    assert (kept.access_until, kept.token_at) == (now + network.life, now)
    assert access.credentials_of(kept)["password"] == PASSWORD


def test_a_long_lived_token_is_renewed_days_ahead(stage: Stage, network: Renewing) -> None:
    Renewing.life = timedelta(days=60)
    try:
        services.connect(
            workspace=stage.cast.workspace, by=None, now=stage.clock.at, network=network.key, name="Long",
            purpose="brand", credentials={"name": "brand", "password": PASSWORD},
        )  # fmt: skip
        assert not tokens.due(now=stage.clock.at + timedelta(days=50))
        assert tokens.due(now=stage.clock.at + timedelta(days=52))
    finally:
        Renewing.life = timedelta(hours=1)


@pytest.mark.parametrize(
    "fault",
    [
        NetworkError(Kind.UNREACHABLE, "unreachable"),
        NetworkError(Kind.UNCERTAIN, "server_error", status=500),
        ValueError("nobody foresaw this"),
        {"access_token": ""},
        {"refresh_token": ""},
        {ACCESS_UNTIL: "2020-01-01T00:00:00+00:00"},
    ],
    ids=["away", "500", "bug", "no token", "no refresh token", "an older one"],
)
def test_a_failure_keeps_what_there_is(stage: Stage, network: Renewing, channel: Channel, fault: Any) -> None:
    now = later(stage, network, minutes=55)
    network.trouble = [fault]
    assert tokens.refresh(channel_id=channel.pk, now=now) == tokens.Outcome.FAILED
    kept = Channel.objects.get(pk=channel.pk)
    assert (token_of(channel), kept.health, kept.refresh_tries) == ("access-0", Health.OK, 1)
    assert tokens.due(now=now) == []  # not again at once
    again = now + tokens.FIRST_PAUSE
    assert tokens.due(now=again) == [channel.pk]
    assert tokens.refresh(channel_id=channel.pk, now=again) == tokens.Outcome.REFRESHED
    assert Channel.objects.get(pk=channel.pk).refresh_tries == 0


def test_a_refusal_asks_for_a_person_at_once(stage: Stage, network: Renewing, channel: Channel) -> None:
    network.trouble = [NetworkError(Kind.PERMANENT, "refused", params={"message": "x"}, status=400)]
    now = later(stage, network, minutes=55)
    assert tokens.refresh(channel_id=channel.pk, now=now) == tokens.Outcome.REFUSED
    kept = Channel.objects.get(pk=channel.pk)
    assert (kept.health, kept.health_code) == (Health.RECONNECT, "network_refused")
    assert token_of(channel) == "access-0"
    assert tokens.due(now=now + timedelta(hours=3)) == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_trade_the_same_token(stage: Stage, network: Renewing, channel: Channel) -> None:
    now = later(stage, network, minutes=55)
    network.gate = threading.Event()
    outcomes: list[tokens.Outcome] = []

    def worker() -> None:
        try:
            outcomes.append(tokens.refresh(channel_id=channel.pk, now=now))
            if len(outcomes) == 3:  # all but the one who is at it
                network.gate.set()  # type: ignore[union-attr]
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert sorted(outcomes) == ["busy", "busy", "busy", "refreshed"]
    assert network.used == ["refresh-0"]
    assert token_of(channel) == "access-1"
    assert tokens.refresh(channel_id=channel.pk, now=now) == tokens.Outcome.NOT_NEEDED


@pytest.mark.django_db(transaction=True)
def test_what_was_connected_meanwhile_is_not_overwritten(
    stage: Stage, network: Renewing, channel: Channel
) -> None:
    now = later(stage, network, minutes=55)
    network.gate = threading.Event()
    outcome: list[tokens.Outcome] = []

    def worker() -> None:
        try:
            outcome.append(tokens.refresh(channel_id=channel.pk, now=now))
        finally:
            connection.close()

    thread = threading.Thread(target=worker)
    thread.start()
    while Channel.objects.get(pk=channel.pk).refresh_lease_until is None:
        pass
    newer = access.sealed({"name": "brand", "password": PASSWORD, "access_token": "by hand"})
    Channel.objects.filter(pk=channel.pk).update(secret=newer)
    network.gate.set()
    thread.join(30)
    assert token_of(channel) == "by hand"
    assert outcome == [tokens.Outcome.NOT_NEEDED]


def test_a_dead_worker_does_not_keep_the_lease(stage: Stage, network: Renewing, channel: Channel) -> None:
    now = later(stage, network, minutes=55)
    Channel.objects.filter(pk=channel.pk).update(refresh_lease_until=now + tokens.LEASE)
    assert tokens.refresh(channel_id=channel.pk, now=now) == tokens.Outcome.BUSY
    assert tokens.refresh(channel_id=channel.pk, now=now + tokens.LEASE) == tokens.Outcome.REFRESHED


def test_on_use_it_is_renewed_too(stage: Stage, network: Renewing, channel: Channel) -> None:
    assert tokens.fresh_credentials(channel=channel, now=stage.clock.at)["access_token"] == "access-0"
    now = later(stage, network, hours=5)  # no worker ran all the time
    assert tokens.fresh_credentials(channel=channel, now=now)["access_token"] == "access-1"
    now = later(stage, network, hours=5)
    network.trouble = [NetworkError(Kind.UNREACHABLE, "unreachable")]
    with pytest.raises(NetworkError, match="token_ended"):
        tokens.fresh_credentials(channel=channel, now=now)
    Channel.objects.filter(pk=channel.pk).update(
        refresh_lease_until=now + timedelta(minutes=1), refresh_next_at=None
    )
    channel.refresh_from_db()
    with pytest.raises(NetworkError, match="token_refreshing"):
        tokens.fresh_credentials(channel=channel, now=now)


def test_an_ended_token_asks_nobody_before_it_was_tried_to_renew_it(
    stage: Stage, network: Renewing, channel: Channel
) -> None:
    refused = NetworkError(Kind.RECONNECT, "not_accepted", status=401)
    now = later(stage, network, hours=2)
    access.note_health(channel=channel, now=now, error=refused)
    assert channel.health == Health.TROUBLE
    jobs.refresh_token(channel_id=str(channel.pk))  # reads the real clock: the fake's tokens ended long ago
    channel.refresh_from_db()
    assert channel.health == Health.OK
    # Before its end a refusal means what it says.
    access.note_health(channel=channel, now=now, error=refused)
    assert channel.health == Health.RECONNECT


def test_the_owner_is_told_a_week_before_and_once(
    stage: Stage, channel: Channel, network: Renewing, client_of: Callable[[Person], Client]
) -> None:
    end = stage.clock.at + timedelta(days=30)
    Channel.objects.filter(pk=channel.pk).update(refresh_until=end, access_until=end)
    assert tokens.tell(now=end - timedelta(days=8)) == 0
    now = end - timedelta(days=6)
    assert tokens.tell(now=now) == 1
    assert tokens.tell(now=now + timedelta(days=1)) == 0
    assert mail.outbox[0].to == ["olena@example.org"]
    assert "/reconnect/" in mail.outbox[0].body
    # Connecting again tells the next end anew.
    channel.refresh_from_db()
    services.reconnect(channel=channel, by=stage.cast.owner, now=now, credentials={"password": PASSWORD})
    Channel.objects.filter(pk=channel.pk).update(refresh_until=end + timedelta(days=60))
    assert tokens.tell(now=end + timedelta(days=55)) == 1


def test_a_revoked_channel_is_told_at_once_and_once(stage: Stage, channel: Channel) -> None:
    access.note_health(
        channel=channel, now=stage.clock.at, error=NetworkError(Kind.RECONNECT, "not_accepted", status=401)
    )
    assert tokens.tell(now=stage.clock.at) == 1
    assert tokens.tell(now=stage.clock.at) == 0
    assert "must be connected again" in mail.outbox[0].subject or "Ours" in mail.outbox[0].subject


def test_a_mail_that_does_not_leave_is_tried_again(
    stage: Stage, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    Channel.objects.filter(pk=channel.pk).update(health=Health.RECONNECT)

    def broken(**values: Any) -> None:
        raise OSError("no mail server")

    with monkeypatch.context() as patch:
        patch.setattr(tokens, "letter", broken)
        assert tokens.tell(now=stage.clock.at) == 0
    assert tokens.tell(now=stage.clock.at) == 1


def test_connecting_again_lets_go_on_what_waited(stage: Stage) -> None:
    channel = stage.channel(Once.KEY)
    waiting, limited = stage.delivery(channel), stage.delivery(channel)
    far = stage.clock.at + timedelta(minutes=25)
    Delivery.objects.filter(pk=waiting.pk).update(
        state=DeliveryState.WAITING, next_try_at=far, error_code="channel_reconnect"
    )
    Delivery.objects.filter(pk=limited.pk).update(
        state=DeliveryState.WAITING, next_try_at=far, error_code="rate_limited_ahead"
    )
    now = stage.clock.forward(minutes=1)
    services.reconnect(channel=channel, by=stage.cast.owner, now=now, credentials={"password": PASSWORD})
    assert Delivery.objects.get(pk=waiting.pk).next_try_at == now
    assert Delivery.objects.get(pk=limited.pk).next_try_at == far


def test_after_a_long_stop_the_first_post_leaves_with_a_fresh_token(
    stage: Stage, network: Renewing, channel: Channel, time_machine: Any
) -> None:
    delivery = stage.delivery(channel)
    now = later(stage, network, minutes=65)
    stage.clock.at = now
    services.Channel.objects.filter(pk=channel.pk).update(late_tolerance=120)
    time_machine.move_to(now)
    stage.work()
    assert network.used == ["refresh-0"]
    assert token_of(channel) == "access-1"
    delivery.refresh_from_db()
    assert delivery.state == "published"
