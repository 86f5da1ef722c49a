"""The rounds that look after channels: quotas ahead of time, live limits, servers that were silent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from spilno.channels import circuits, jobs, quotas, services, traffic
from spilno.channels.models import Channel, Circuit, Health
from spilno.channels.traffic import Seen, Wanted
from spilno.kernel import clock
from spilno.kernel.http import listening, outgoing_client
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Counts, Credentials, Kind, Limit, NetworkError, Once, Quota
from tests.publishing.fake import FindingNetwork, Side
from tests.publishing.stage import PASSWORD, Stage

pytestmark = pytest.mark.django_db


class Telling(FindingNetwork):
    """It says what is left of its limits, and what its server allows."""

    def __init__(self) -> None:
        super().__init__(Once.KEY, Side())
        self.key = "fake_telling"  # type: ignore[misc]
        self.left = 2
        self.asked = 0
        self.away = False

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Any:
        if self.away:
            raise NetworkError(Kind.UNREACHABLE, "unreachable", params={"host": "there.example"})
        return super().connect(client=client, credentials=credentials)

    def live_quotas(self, *, client: httpx.Client, credentials: Credentials) -> tuple[Quota, ...]:
        self.asked += 1
        return (Quota("posts", self.left, 25, 3600, counts=Counts.POST),)

    def live_limits(
        self, *, client: httpx.Client, credentials: Credentials, placement: str
    ) -> tuple[Limit, ...]:
        return (Limit("text", 42, "characters", date(2026, 11, 1), "https://there.example"),)


@pytest.fixture
def network(stage: Stage) -> Iterator[Telling]:
    one = Telling()
    registry._found()[one.key] = one
    yield one
    registry._found().pop(one.key, None)


@pytest.fixture
def channel(stage: Stage, network: Telling) -> Channel:
    return services.connect(
        workspace=stage.cast.workspace, by=None, now=stage.clock.at, network=network.key, name="Ours",
        purpose="brand", credentials={"name": "brand", "password": PASSWORD},
    )  # fmt: skip


def test_what_is_left_is_asked_before_posts_are_due(stage: Stage, network: Telling, channel: Channel) -> None:
    now = stage.clock.at
    assert quotas.look_ahead(now=now) == 0  # nothing leaves soon
    stage.delivery(channel, due=now + timedelta(minutes=10))
    assert quotas.look_ahead(now=now) == 1
    assert quotas.look_ahead(now=now + timedelta(minutes=1)) == 0  # known for some minutes
    permit = traffic.permits(wanted={channel.pk: Wanted({"post": 5})}, now=now)[channel.pk]
    assert (permit.granted, permit.wait_until) == (2, now + timedelta(hours=1))
    assert quotas.look_ahead(now=now + quotas.KNOWN_FOR) == 1
    assert network.asked == 2


def test_a_server_states_its_limits_when_a_channel_is_connected(channel: Channel) -> None:
    jobs.read_limits(channel_id=str(channel.pk))
    channel.refresh_from_db()
    assert channel.live_limits["post"][0]["value"] == 42


def test_a_silent_server_is_asked_and_what_waited_goes_on(
    stage: Stage, network: Telling, channel: Channel
) -> None:
    """Also when nothing is due that could be the probe."""
    now = clock.now()
    away = NetworkError(Kind.UNREACHABLE, "unreachable", params={"host": "there.example"})
    for number in range(circuits.FAILURES):
        traffic.note(
            seen=[Seen(channel.pk, channel.network, False, away)], now=now + timedelta(seconds=number)
        )
    waiting = stage.delivery(channel)
    Delivery.objects.filter(pk=waiting.pk).update(
        state=DeliveryState.WAITING, next_try_at=now + timedelta(minutes=9), error_code="network_outage"
    )
    network.away = True
    jobs.look_after(timestamp=0)
    assert Circuit.objects.get(server=channel.server).open
    network.away = False
    jobs.look_after(timestamp=0)
    assert not Circuit.objects.get(server=channel.server).open
    resumed = Delivery.objects.get(pk=waiting.pk).next_try_at
    assert resumed is not None
    assert resumed < now + timedelta(minutes=2)
    channel.refresh_from_db()
    assert channel.health == Health.OK


def test_requests_are_counted_whoever_shares_the_client(local_server: str) -> None:
    with outgoing_client(allowed_private=["127.0.0.1"]) as client, listening() as heard:
        client.get(local_server)
        client.get(local_server)
    with outgoing_client(allowed_private=["127.0.0.1"]) as client:
        client.get(local_server)
    assert heard.requests == 2
    assert [one["x-left"] for one in heard.headers] == ["7", "7"]


@pytest.fixture
def local_server() -> Iterator[str]:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("X-Left", "7")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join(10)
    server.server_close()
