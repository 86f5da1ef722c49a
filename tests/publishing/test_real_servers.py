"""The whole way through the engine against real servers, with answers that get lost on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from spilno.channels import access, services
from spilno.channels.models import Channel
from spilno.kernel import clock
from spilno.plan.models import Media
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState as S
from spilno.toolkit.practice import start
from tests.publishing.stage import Stage
from tests.toolkit.networks.faulty import Faulty, lost_after, lost_before

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]

FAULTS = [None, "lost_before", "lost_after"]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str | None], None]:
    """Let a fault happen to the first request that matches ``METHOD path-part``."""

    def between(wanted: str, fault: str | None) -> None:
        method, _, part = wanted.partition(" ")
        left = [fault] if fault else []

        def is_wanted(request: httpx.Request) -> bool:
            return bool(left) and request.method == method and part in request.url.path

        def before(request: httpx.Request) -> httpx.Response | None:
            if left == ["lost_before"]:
                left.clear()
                return lost_before(request)
            return None

        def after(request: httpx.Request, response: httpx.Response) -> httpx.Response:
            left.clear()
            return lost_after(request, response)

        transport = Faulty(wanted=is_wanted, before=before, after=after)
        monkeypatch.setattr(access, "client", lambda **_: httpx.Client(transport=transport, timeout=20))

    return between


@pytest.fixture
def today(stage: Stage) -> Stage:
    """The stage at the real time: servers have clocks of their own."""
    stage.clock.at = clock.now()
    return stage


def connect(stage: Stage, network: str, **credentials: str) -> Channel:
    return services.connect(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network=network, name="",
        purpose="brand", credentials=credentials,
    )  # fmt: skip


def published(stage: Stage, channel: Channel, fault: str | None, **values: Any) -> Delivery:
    """Send it now, play it through, and see that it is out and that the fault was met."""
    delivery = stage.delivery(channel, due=stage.clock.at, **values)
    stage.play()
    done = Delivery.objects.get(pk=delivery.pk)
    assert done.state == S.PUBLISHED, (done.error_code, done.error_params)
    steps = list(done.attempts.values_list("step", "outcome"))
    assert (("commit", "uncertain") in steps) == bool(fault)
    assert done.external_id
    return done


@pytest.mark.parametrize("fault", FAULTS)
def test_bluesky(
    today: Stage, bluesky: Any, wire: Any, store: Callable[[], Media], fault: str | None
) -> None:
    wire("POST putRecord", fault)
    channel = connect(
        today, "bluesky", handle=bluesky.brand.handle, app_password=bluesky.app_password(),
        service=bluesky.pds_url, appview=bluesky.appview_url,
    )  # fmt: skip
    text = f"Ярмарок: {fault}"
    done = published(today, channel, fault, text=text, media=[store()])
    (record,) = [one for one in bluesky.records() if one.value.text == text]
    assert record.uri == done.external_id
    assert record.value.embed.images[0].alt == "A photo"


@pytest.mark.parametrize("fault", FAULTS)
def test_matrix(today: Stage, synapse: Any, wire: Any, fault: str | None) -> None:
    wire("PUT /send/m.room.message", fault)
    channel = connect(
        today, "matrix", homeserver=synapse.url, room=synapse.room_id, access_token=synapse.brand.access_token
    )
    text = f"Зустріч: {fault}"
    done = published(today, channel, fault, text=text, placement="message")
    (event,) = [one for one in synapse.messages() if one["content"].get("body") == text]
    assert event["event_id"] == done.external_id


@pytest.mark.parametrize("fault", FAULTS)
def test_mastodon_stand_in(today: Stage, mastodon: Any, wire: Any, fault: str | None) -> None:
    wire("POST /api/v1/statuses", fault)
    token = mastodon.create_token(mastodon.create_app())
    channel = connect(today, "mastodon", instance=mastodon.url, access_token=token)
    text = f"Книги: {fault}"
    done = published(today, channel, fault, text=text)
    client = httpx.Client(headers={"Authorization": f"Bearer {token}"}, base_url=mastodon.url)
    with client:
        account = client.get("/api/v1/accounts/verify_credentials").json()["id"]
        statuses = client.get(f"/api/v1/accounts/{account}/statuses").json()
    assert [one["id"] for one in statuses if text in one["content"]] == [done.external_id]


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Any]:
    with start(state=tmp_path / "state.json", seed="publishing") as server:
        for network in ("instagram", "facebook"):
            server.state.add_account(network=network, name="books")
        yield server


@pytest.mark.parametrize("fault", [None, "error_500_after", "error_500_before", "reset_after", "html_after"])
@pytest.mark.parametrize("network", ["instagram", "facebook_page"])
def test_practice_networks(
    today: Stage, practice: Any, live_server: Any, settings: Any, store: Callable[[], Media],
    network: str, fault: str | None,
) -> None:  # fmt: skip
    settings.SPILNO_PUBLIC_URL = live_server.url  # the network fetches the picture from us
    settings.SPILNO_PRACTICE_URL = practice.url
    channel = connect(today, network, access_token="practice-books", graph_url=practice.graph_url)
    assert channel.practice
    if fault:
        switch = "media_publish" if network == "instagram" else r"POST /graph/v23.0/\d+(_\d+)?$"
        practice.faults.add(fault, switch)
    done = published(today, channel, fault, text=f"Пост: {fault}", media=[store()])
    account = practice.state.account_named(network.partition("_")[0], "books")
    (post,) = practice.state.posts_of(account)
    assert post["text"] == f"Пост: {fault}"
    assert str(post["id"]) in done.external_id
    assert bool(practice.faults.happened) == bool(fault)
