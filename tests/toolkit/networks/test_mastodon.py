"""Mastodon against mastodon-mock: a stateful stand-in, not Mastodon (see tests/servers/mastodon)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError, Outgoing, Prepared, Verdict
from spilno.toolkit.networks.check import check
from spilno.toolkit.networks.mastodon import plain

from . import faulty, flat
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
        monkeypatch.setattr("spilno.toolkit.networks.mastodon_connecting.SCOPES", "read write")
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

    # What follows is read back with Mastodon.py, which knows nothing of our connector.

    def test_a_video_and_what_is_said_of_it(self, bench: Bench, mastodon: Any, tmp_path: Path) -> None:
        path = tmp_path / "ролик.mp4"
        path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 4000)
        video = MediaFile(path, "video/mp4", path.stat().st_size, 640, 360, alt="Книжки падають")
        post = Outgoing(str(uuid.uuid4()), "post", "Ролик", (video,), language="uk-UA", sensitive=True)
        number = bench.commit(post, bench.prepare(post)).external_id
        seen = mastodon.client(mastodon.fan).status(number)
        (attached,) = seen.media_attachments
        assert (attached.type, attached.description) == ("video", "Книжки падають")
        assert (seen.language, seen.sensitive) == ("uk", True)
        assert plain(seen.content) == "Ролик"

    def test_pictures_keep_their_order_and_descriptions(
        self, bench: Bench, mastodon: Any, image: MediaFile
    ) -> None:
        pictures = tuple(replace(image, alt=f"Книга {number}") for number in range(4))
        post = Outgoing(str(uuid.uuid4()), "post", "Чотири", pictures)
        prepared = bench.prepare(post)
        assert prepared.expires_at is not None
        assert timedelta(hours=19) < prepared.expires_at - datetime.now(UTC) < timedelta(hours=21)
        seen = mastodon.client().status(bench.commit(post, prepared).external_id)
        assert [one.description for one in seen.media_attachments] == [one.alt for one in pictures]

    def test_an_answer_names_who_asked_and_stands_in_the_thread(self, bench: Bench, mastodon: Any) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Питайте")
        status = bench.commit(post, Prepared()).external_id
        fan = mastodon.client(mastodon.fan)
        asked = fan.status_post("@brand О котрій?", in_reply_to_id=status, visibility="unlisted")
        words = {"in_reply_to": str(asked.id), "text": "О шостій", "key": str(uuid.uuid4())}
        with bench.client() as client:
            given = [
                bench.network.reply(client=client, credentials=bench.credentials, **words) for _ in range(2)
            ]
            bench.network.reply(
                client=client, credentials=bench.credentials, in_reply_to=str(asked.id), key="k-2",
                text="Так, @fan, приходьте",
            )  # fmt: skip
        assert given[0].external_id == given[1].external_id
        answers = fan.status_context(asked.id).descendants
        assert [plain(one.content) for one in answers] == ["@fan О шостій", "Так, @fan, приходьте"]
        assert {one.in_reply_to_id for one in answers} == {asked.id}
        assert {one.visibility for one in answers} == {"unlisted"}
        assert [one.username for one in answers[0].mentions] == ["fan"]

    def test_answering_what_is_gone_is_told(self, bench: Bench, mastodon: Any) -> None:
        fan = mastodon.client(mastodon.fan)
        gone = fan.status_post("Передумав")
        fan.status_delete(gone.id)
        with bench.client() as client, pytest.raises(NetworkError) as caught:
            bench.network.reply(
                client=client, credentials=bench.credentials, in_reply_to=str(gone.id), text="Що?", key="k"
            )
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "not_found")

    def test_a_token_that_a_person_took_back(self, network: Any, mastodon: Any) -> None:
        app = mastodon.create_app()
        token = mastodon.create_token(app)
        with httpx.Client(timeout=20) as client:
            account = network.connect(
                client=client, credentials={"instance": mastodon.url, "access_token": token}
            )
            form = {"client_id": app.client_id, "client_secret": app.client_secret, "token": token}
            client.post(f"{mastodon.url}/oauth/revoke", data=form).raise_for_status()
            with pytest.raises(NetworkError) as caught:
                network.commit(
                    client=client, credentials=account.credentials, post=Outgoing("k", "post", "Є хто?"),
                    prepared=Prepared(),
                )  # fmt: skip
        assert (caught.value.kind, caught.value.code) == (Kind.RECONNECT, "not_accepted")

    @pytest.mark.parametrize(
        ("status", "said", "kind", "code"),
        [
            (403, "Your login is currently disabled", Kind.RECONNECT, "account_blocked"),
            (403, "This action is not allowed", Kind.PERMANENT, "forbidden"),
            (
                422, "Cannot attach files that have not finished processing. Try again in a moment!", Kind.WAIT,
                "media_processing",
            ),
            (422, "Validation failed: Text character limit of 500 exceeded", Kind.PERMANENT, "refused"),
            (503, "Remote data could not be fetched", Kind.UNCERTAIN, "server_error"),
        ],
    )  # fmt: skip
    def test_refusals(self, bench: Bench, status: int, said: str, kind: Kind, code: str) -> None:
        with pytest.raises(NetworkError) as caught:
            bench.commit(
                Outgoing("k", "post", "Допис"), Prepared(), before=faulty.answering(status, {"error": said})
            )
        assert (caught.value.kind, caught.value.code) == (kind, code)
        assert caught.value.params["message"] == said

    def test_a_file_that_is_not_taken_is_told_as_such(self, bench: Bench, image: MediaFile) -> None:
        body = {"error": "Validation failed: File content type is invalid"}
        with (
            bench.client(before=faulty.answering(422, body)) as client,
            pytest.raises(NetworkError) as caught,
        ):
            bench.network.prepare(
                client=client, credentials=bench.credentials, post=Outgoing("k", "post", "т", (image,)),
                so_far=Prepared(),
            )  # fmt: skip
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_refused")
        assert caught.value.so_far == Prepared({"media": [], "working": []})

    def test_a_long_video_does_not_fill_the_memory(self, bench: Bench, mastodon: Any, tmp_path: Path) -> None:
        grown = flat.sent("mastodon", bench.credentials, "post", flat.large(tmp_path))
        assert grown.outcome.isdigit()
        assert grown.memory < 30_000_000
        (attached,) = mastodon.client().status(grown.outcome).media_attachments
        assert attached.type == "video"

    def test_what_is_left_is_told_by_headers(self, network: Any) -> None:
        headers = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "12", "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
                   "X-RateLimit-Reset": "2026-11-22T10:05:00.123456Z"}  # fmt: skip
        (told,) = network.quotas(httpx.Headers(headers))
        assert (told.key, told.left, told.limit) == ("requests", 12, 300)
        assert told.seconds == pytest.approx(300.12, abs=0.01)
        assert network.quotas(httpx.Headers(headers | {"X-RateLimit-Limit": "30"})) == ()
        assert network.quotas(httpx.Headers()) == ()

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


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(404, Kind.WAIT, "preparation_expired"), (422, Kind.PERMANENT, "media_refused")],
)
def test_a_file_that_the_server_lost_or_could_not_digest(status: int, kind: Kind, code: str) -> None:
    body = {"error": "There was an error processing the video"}
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(status, json=body)))
    credentials = {"instance": "https://m.test", "access_token": "x", "account_id": "1"}
    with client, pytest.raises(NetworkError) as caught:
        cast(Any, get("mastodon")).prepare(
            client=client, credentials=credentials, post=Outgoing("k", "post", "t"),
            so_far=Prepared({"media": ["7"], "working": ["7"]}),
        )  # fmt: skip
    assert (caught.value.kind, caught.value.code) == (kind, code)


def test_limits_of_a_server_for_videos() -> None:
    stated = {
        "configuration": {
            "statuses": {"max_characters": 5000, "max_media_attachments": 6},
            "media_attachments": {
                "supported_mime_types": ["image/png", "video/mp4", "video/webm", "audio/ogg"],
                "image_size_limit": 1, "video_size_limit": 103809024, "video_frame_rate_limit": 60,
            },
        }
    }  # fmt: skip
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=stated))) as client:
        limits = cast(Any, get("mastodon")).live_limits(
            client=client, credentials={"instance": "https://m.test"}, placement="post"
        )
    assert {one.key: one.value for one in limits} == {
        "text": 5000, "images": 6, "image_bytes": 1, "video_bytes": 103809024, "video_fps": 60,
        "image_mime": "image/png", "video_mime": "video/mp4 video/webm",
    }  # fmt: skip


def test_html_becomes_text() -> None:
    assert plain("<p>Раз &amp; два<br>три</p><p>чотири</p>") == "Раз & два\nтри\n\nчотири"
