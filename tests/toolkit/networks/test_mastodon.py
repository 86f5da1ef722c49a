"""Mastodon against mastodon-mock: a stateful stand-in, not Mastodon (see tests/servers/mastodon)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest

from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError, Outgoing, Prepared, Verdict
from spilno.toolkit.networks.check import check
from spilno.toolkit.networks.mastodon import plain

from .contract import Bench, NetworkContract, World, until_prepared


@pytest.mark.servers
class TestMastodon(NetworkContract):
    network_key = "mastodon"

    @pytest.fixture
    def world(self, mastodon: Any) -> World:
        typed = {"instance": mastodon.url, "access_token": mastodon.brand.access_token}
        client = mastodon.client()
        me = client.me()["id"]

        def count() -> int:
            page = client.account_statuses(me, limit=40)
            found = len(page)
            while page := client.fetch_next(page) if page else []:
                found += len(page)
            return found

        return World(typed=typed, wrong={**typed, "access_token": "not-a-token-of-anybody"}, count=count)

    def test_a_person_allows_access_on_their_own_server(
        self, network: Any, mastodon: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The stand-in knows only the two broad scopes; a real server takes the narrow ones that we ask for.
        monkeypatch.setattr("spilno.toolkit.networks.mastodon.SCOPES", "read write")
        back = "http://127.0.0.1:8000/channels/back"
        with httpx.Client(timeout=20) as client:
            address, kept = network.authorization(
                client=client, credentials={"instance": mastodon.url}, redirect_uri=back, state="s3"
            )
            query = httpx.URL(address).params
            assert address.startswith(f"{mastodon.url}/oauth/authorize?")
            assert (query["state"], query["redirect_uri"], query["code_challenge_method"]) == (
                "s3",
                back,
                "S256",
            )
            assert kept["code_verifier"] not in address
            assert kept["client_secret"] not in address
            allowed = client.post(
                f"{mastodon.url}/oauth/authorize",
                data={
                    "client_id": query["client_id"],
                    "redirect_uri": back,
                    "state": "s3",
                    "username": "brand",
                },
            )
            code = httpx.URL(allowed.headers["location"]).params["code"]
            (account,) = network.finish(client=client, credentials=kept, code=code, redirect_uri=back)
        assert account.name.startswith("@brand@")
        assert account.credentials["access_token"]
        assert "code_verifier" not in account.credentials

    def test_limits_are_the_servers_own(self, bench: Bench) -> None:
        with bench.client() as client:
            limits = bench.network.live_limits(client=client, credentials=bench.credentials, placement="post")
        values = {one.key: one.value for one in limits}
        assert values["text"] == 500
        assert all(one.source.startswith(bench.credentials["instance"]) for one in limits)

    def test_pictures_make_it_certain_which_status_it_is(self, bench: Bench, image: Any) -> None:
        text = f"Двічі те саме {uuid.uuid4().hex}"
        first = Outgoing(str(uuid.uuid4()), "post", text, (image,))
        second = Outgoing(str(uuid.uuid4()), "post", text, (image,))
        prepared = [bench.prepare(one) for one in (first, second)]
        published = [bench.commit(*one) for one in zip((first, second), prepared, strict=True)]
        assert published[0].external_id != published[1].external_id
        for post, ready, there in zip((first, second), prepared, published, strict=True):
            assert bench.find(post, ready).published.external_id == there.external_id

    def test_the_same_text_of_before_is_not_taken_for_it(self, bench: Bench) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", f"Щопонеділка {uuid.uuid4().hex}")
        bench.commit(post, Prepared())
        with bench.client() as client:
            sighting = bench.network.find(
                client=client,
                credentials=bench.credentials,
                post=post,
                prepared=Prepared(),
                not_before=datetime.now(UTC) + timedelta(hours=1),
            )
        assert sighting.verdict is Verdict.ABSENT

    def test_favourites_boosts_and_replies_come_back(self, bench: Bench, mastodon: Any) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Хто прийде?")
        status = bench.commit(post, Prepared()).external_id
        fan = mastodon.client(mastodon.fan)
        fan.status_favourite(status)
        fan.status_reblog(status)
        fan.status_post("@brand Я & ще двоє!", in_reply_to_id=status)
        with bench.client() as client:
            readings = bench.network.post_readings(
                client=client, credentials=bench.credentials, external_id=status
            )
            said = bench.network.replies(client=client, credentials=bench.credentials, external_id=status)
        values = {one.metric: one.value for one in readings}
        assert (values["likes"], values["reposts"], values["replies"]) == (1, 1, 1)
        assert [(one.text, one.author) for one in said] == [("@brand Я & ще двоє!", "fan")]

    def test_a_text_that_is_too_long_is_refused_for_good(self, bench: Bench) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "ї" * 501)
        assert not check(network="mastodon", placement="post", text=post.text).ok
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, Prepared())
        assert (caught.value.kind, caught.value.status) == (Kind.PERMANENT, 422)


@dataclass
class SlowServer:
    """What a real server does with a picture and the mock does not: 202, then 206 until it has digested it."""

    polls: int
    uploads: int = 0
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if request.url.path == "/api/v2/media":
            self.uploads += 1
            return httpx.Response(202, json={"id": "7", "url": None})
        self.polls -= 1
        return httpx.Response(206 if self.polls > 0 else 200, json={"id": "7"})


def test_a_picture_that_takes_its_time_is_waited_for_and_not_sent_again(tmp_path: Any) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"png")
    post = Outgoing("k", "post", "t", (MediaFile(path, "image/png", 3),))
    server, network = SlowServer(polls=2), cast(Any, get("mastodon"))
    with httpx.Client(transport=httpx.MockTransport(server)) as client:
        credentials = {"instance": "https://m.test", "access_token": "x", "account_id": "1"}
        done, waits = until_prepared(
            lambda so_far: network.prepare(client=client, credentials=credentials, post=post, so_far=so_far)
        )
    assert [(one.kind, one.code) for one in waits] == [(Kind.WAIT, "media_processing")] * 2
    assert server.uploads == 1
    assert done.data == {"media": ["7"], "working": []}


def test_html_becomes_text() -> None:
    assert plain("<p>Раз &amp; два<br>три</p><p>чотири</p>") == "Раз & два\nтри\n\nчотири"
