"""Bluesky against a real PLC directory, PDS and AppView."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from atproto import models
from hypothesis import given
from hypothesis import strategies as st

from spilno.kernel.http import listening, outgoing_client
from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import ACCESS_UNTIL, Kind, MediaFile, NetworkError, Outgoing, Prepared
from spilno.toolkit.networks.bluesky_text import facets, handles, tid, tid_time
from spilno.toolkit.networks.check import check
from tests.servers.process import until

from . import faulty, flat
from .bluesky_world import Site, VideoService, clip, with_credentials
from .contract import Bench, NetworkContract, World, until_prepared


@pytest.fixture(scope="module")
def password(bluesky: Any) -> str:
    return str(bluesky.app_password())


@pytest.mark.servers
class TestBluesky(NetworkContract):
    network_key = "bluesky"

    @pytest.fixture
    def world(self, bluesky: Any, password: str) -> World:
        typed = {
            "handle": f"@{bluesky.brand.handle}",
            "app_password": password,
            "service": bluesky.pds_url,
            "appview": bluesky.appview_url,
        }
        return World(
            typed=typed,
            wrong={**typed, "app_password": "abcd-efgh-ijkl-mnop"},
            count=lambda: _count(bluesky),
            harmless=("createSession",),
            taken_back=lambda credentials: {
                **credentials, "app_password": "abcd-efgh-ijkl-mnop", "access_jwt": "", "refresh_jwt": "",
            },
        )  # fmt: skip

    def test_a_post_carries_links_mentions_and_tags(self, bench: Bench, bluesky: Any) -> None:
        text = f"Їжаки 🦔 за книги: https://example.org/книги. Питайте @{bluesky.fan.handle} або @nobody.test #книги"
        post = Outgoing(str(uuid.uuid4()), "post", text, language="uk")
        published = bench.commit(post, bench.prepare(post))
        record = next(one for one in bluesky.records() if one.uri == published.external_id).value
        raw = text.encode()
        shown = {
            raw[one.index.byte_start : one.index.byte_end].decode(): one.features[0] for one in record.facets
        }
        assert set(shown) == {"https://example.org/книги", f"@{bluesky.fan.handle}", "#книги"}
        assert shown[f"@{bluesky.fan.handle}"].did == bluesky.fan.did
        assert shown["#книги"].tag == "книги"
        assert record.langs == ["uk"]
        assert abs(published.published_at - datetime.now(UTC)) < timedelta(minutes=5)

    def test_a_link_is_a_card_and_a_picture_has_its_description(
        self, bench: Bench, bluesky: Any, image: Any
    ) -> None:
        card = Outgoing(str(uuid.uuid4()), "post", "Картка", link="https://example.org/a")
        picture = Outgoing(str(uuid.uuid4()), "post", "Знімок", (image,), "https://example.org/b")
        uris = [bench.commit(one, bench.prepare(one)).external_id for one in (card, picture)]
        first, second = (next(r for r in bluesky.records() if r.uri == uri).value for uri in uris)
        assert first.embed.external.uri == "https://example.org/a"
        assert first.text == "Картка"
        assert second.embed.images[0].alt == image.alt
        assert second.embed.images[0].aspect_ratio.width == 1080
        assert second.text == "Знімок\n\nhttps://example.org/b"

    # ------------------------------------------------------------------------------------------ cards and videos

    def test_a_card_shows_what_the_page_says_with_its_picture(
        self, bench: Bench, bluesky: Any, image: MediaFile
    ) -> None:
        site = Site(picture=image.path.read_bytes())
        with site.running() as url:
            post = Outgoing(str(uuid.uuid4()), "post", "Читайте", link=f"{url}/moved")
            uri = bench.commit(post, bench.prepare(post)).external_id
        made = next(one for one in bluesky.records() if one.uri == uri).value.embed.external
        assert (made.uri, made.title) == (f"{url}/moved", "Ярмарок & книжки")
        assert made.description == "Усе про книжки."
        assert made.thumb.mime_type == "image/jpeg"
        assert made.thumb.size == len(site.picture)
        assert all("bot" in one["user-agent"] for one in site.heads), "nobody may count it as a visit"

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(
                (200, {"Content-Type": "text/html"}, b"<meta property=og:image content=http://[>"), id="odd"
            ),
            pytest.param((404, {}, b"gone"), id="gone"),
            pytest.param((200, {"Content-Type": "text/html"}, b"<title>" + b"x" * 3_000_000), id="huge"),
            pytest.param((302, {"Location": "/x"}, b""), id="round-and-round"),
            pytest.param(
                (200, {"Content-Type": "text/html; charset=nothing"}, b"<![CDATA[<title>"), id="broken"
            ),
            pytest.param((200, {"Content-Type": "application/pdf"}, b"%PDF"), id="no-page"),
        ],
    )
    def test_a_dead_link_does_not_keep_the_post_back(self, bench: Bench, answer: Any) -> None:
        with Site(always=answer).running() as url:
            post = Outgoing(str(uuid.uuid4()), "post", "Читайте", link=f"{url}/x")
            prepared = bench.prepare(post)
            assert prepared.data["card"]["uri"] == post.link
            assert 0 < len(prepared.data["card"]["title"]) <= 300
            assert bench.commit(post, prepared).external_id

    def test_what_a_page_says_of_its_limits_is_not_the_networks(self, bench: Bench) -> None:
        loud = {"RateLimit-Limit": "5000", "RateLimit-Remaining": "0", "RateLimit-Policy": "5000;w=3600"}
        with Site(always=(200, {**loud, "Content-Type": "text/html"}, b"<title>T</title>")).running() as url:
            post = Outgoing(str(uuid.uuid4()), "post", "Читайте", link=f"{url}/x")
            hosts = [bench.credentials[one].partition("//")[2] for one in ("service", "appview")]
            allowed = [*hosts, url.partition("//")[2]]
            with listening() as heard, outgoing_client(allowed_private=allowed) as client:
                prepared = bench.network.prepare(
                    client=client, credentials=bench.credentials, post=post, so_far=Prepared()
                )
        assert prepared.data["card"]["title"] == "T"
        assert heard.requests == len(heard.headers) == 1  # of the session
        assert not [one for head in heard.headers for one in bench.network.quotas(head)]

    def test_a_link_into_a_private_network_is_not_looked_at(self, bench: Bench) -> None:
        with Site().running() as url:
            allowed = [bench.credentials[one].partition("//")[2] for one in ("service", "appview")]
            post = Outgoing(str(uuid.uuid4()), "post", "Читайте", link=f"{url}/x")
            with outgoing_client(allowed_private=allowed) as client:
                prepared = bench.network.prepare(
                    client=client, credentials=bench.credentials, post=post, so_far=Prepared()
                )
        assert prepared.data["card"] == {"uri": post.link, "title": f"{url}/x"[7:], "description": ""}

    def test_a_video_is_a_blob_with_its_shape_and_words(
        self, bench: Bench, bluesky: Any, tmp_path: Path
    ) -> None:
        video = clip(tmp_path)
        post = Outgoing(str(uuid.uuid4()), "post", "Ролик", (video,), "https://example.org/a")
        uri = bench.commit(post, bench.prepare(post)).external_id
        made = next(one for one in bluesky.records() if one.uri == uri).value
        assert made.embed.py_type == "app.bsky.embed.video"
        assert (made.embed.video.mime_type, made.embed.video.size) == ("video/mp4", video.bytes)
        assert (made.embed.alt, made.embed.aspect_ratio.width) == (video.alt, 1280)
        assert made.text == "Ролик\n\nhttps://example.org/a"
        blob = bluesky.client().com.atproto.sync.get_blob(
            {"did": bluesky.brand.did, "cid": made.embed.video.ref.link}
        )
        assert blob == video.path.read_bytes()

    @pytest.mark.parametrize("again", [False, True])
    def test_the_video_service_makes_it_ready_first(
        self, bench: Bench, bluesky: Any, tmp_path: Path, again: bool
    ) -> None:
        """A stand-in of the service: it lays the video down at the real PDS with the token that it was given."""
        service, video = VideoService(bluesky.pds_url, busy=2, known=again), clip(tmp_path)
        post = Outgoing(str(uuid.uuid4()), "post", "Ролик", (video,))
        with service.running() as url:
            bench = with_credentials(bench, video_service=url)
            prepared, waits = until_prepared(lambda so_far: bench.prepare(post, so_far))
        assert [(one.kind, one.code) for one in waits] == [(Kind.WAIT, "media_processing")] * 2
        assert service.uploads == 1
        uri = bench.commit(post, prepared).external_id
        made = next(one for one in bluesky.records() if one.uri == uri).value.embed
        assert (made.py_type, made.video.size) == ("app.bsky.embed.video", video.bytes)

    def test_a_video_that_the_service_gives_up(self, bench: Bench, bluesky: Any, tmp_path: Path) -> None:
        service = VideoService(bluesky.pds_url, fails="Not a video at all")
        post = Outgoing(str(uuid.uuid4()), "post", "Ролик", (clip(tmp_path),))
        with service.running() as url, pytest.raises(NetworkError) as caught:
            with_credentials(bench, video_service=url).prepare(post)
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_refused")
        assert caught.value.params["message"] == "Not a video at all"

    def test_a_job_that_the_service_has_forgotten_is_begun_anew(
        self, bench: Bench, bluesky: Any, tmp_path: Path
    ) -> None:
        service = VideoService(bluesky.pds_url)
        post = Outgoing(str(uuid.uuid4()), "post", "Ролик", (clip(tmp_path),))
        with service.running() as url:
            kept = Prepared({"rkey": tid(post.key), "images": [], "job": "forgotten"})
            prepared = with_credentials(bench, video_service=url).prepare(post, kept)
        assert service.uploads == 1
        assert prepared.data["video"]["video"]["size"] == clip(tmp_path).bytes

    def test_the_largest_video_does_not_fill_the_memory(self, bench: Bench, tmp_path: Path) -> None:
        most = int(bench.network.placement("post").limit("video_bytes"))
        grown = flat.sent("bluesky", bench.credentials, "post", flat.large(tmp_path, most))
        assert grown.outcome.startswith("at://")
        assert grown.memory < 30_000_000
        over = flat.sent("bluesky", bench.credentials, "post", flat.large(tmp_path, 110_000_000))
        assert over.outcome in ("media_too_large", "connection_lost")

    def test_a_blob_that_the_server_forgot_is_uploaded_anew(self, bench: Bench, image: MediaFile) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Знімок", (image,))
        prepared = bench.prepare(post)
        data = json.loads(json.dumps(dict(prepared.data)))
        lost = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
        data["images"][0]["image"]["ref"]["$link"] = lost
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, Prepared(data))
        assert (caught.value.kind, caught.value.code) == (Kind.WAIT, "preparation_expired")
        assert caught.value.so_far == Prepared()

    # ------------------------------------------------------------------------------------------ conversations

    def test_an_answer_stands_in_the_thread(self, bench: Bench, bluesky: Any) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Питайте")
        uri = bench.commit(post, bench.prepare(post)).external_id
        asked = bluesky.reply(uri, "О котрій?")
        bluesky.wait_for_post(asked)
        key = str(uuid.uuid4())
        words = {"in_reply_to": asked, "text": f"О шостій, @{bluesky.fan.handle} #час", "key": key}
        with bench.client() as client:
            given = [
                bench.network.reply(client=client, credentials=bench.credentials, **words) for _ in range(2)
            ]
        assert given[0].external_id == given[1].external_id
        made = next(one for one in bluesky.records() if one.uri == given[0].external_id).value
        assert (made.reply.parent.uri, made.reply.root.uri) == (asked, uri)
        assert len(made.facets) == 2
        until(lambda: bluesky.wait_for_post(asked, replies=1), what="the thread")

    def test_answering_a_post_of_ours_that_nobody_has_indexed(self, bench: Bench, bluesky: Any) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Далі буде")
        uri = bench.commit(post, bench.prepare(post)).external_id
        unseen = faulty.Faulty(
            wanted=lambda request: "getPosts" in request.url.path, before=faulty.answering(200, {"posts": []})
        )
        with httpx.Client(transport=unseen, timeout=20) as client:
            said = bench.network.reply(
                client=client, credentials=bench.credentials, in_reply_to=uri, text="Далі", key="k-далі"[:2]
            )
        made = next(one for one in bluesky.records() if one.uri == said.external_id).value
        assert made.reply.root.uri == uri

    def test_answering_what_is_gone_is_told(self, bench: Bench) -> None:
        gone = f"at://{bench.account.external_id}/app.bsky.feed.post/{tid('gone')}"
        with bench.client() as client, pytest.raises(NetworkError) as caught:
            bench.network.reply(
                client=client, credentials=bench.credentials, in_reply_to=gone, text="Де ви?", key="k"
            )
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "not_found")

    def test_quotes_are_heard(self, bench: Bench, bluesky: Any) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Цитуйте")
        uri = bench.commit(post, bench.prepare(post)).external_id
        shown = bluesky.wait_for_post(uri)
        strong = models.ComAtprotoRepoStrongRef.Main(uri=uri, cid=shown["cid"])
        quote = bluesky.client(bluesky.fan).send_post(
            "Ось так", embed=models.AppBskyEmbedRecord.Main(record=strong)
        )
        bluesky.wait_for_post(quote.uri)

        def heard() -> Any:
            with bench.client() as client:
                return bench.network.replies(client=client, credentials=bench.credentials, external_id=uri)

        (said,) = until(heard, what="the quote")
        assert (said.external_id, said.text, said.in_reply_to) == (quote.uri, "Ось так", uri)

    # ------------------------------------------------------------------------------------------ tokens

    def test_tokens_are_kept_and_made_anew(self, bench: Bench) -> None:
        until_when = datetime.fromisoformat(bench.credentials[ACCESS_UNTIL])
        assert timedelta(minutes=30) < until_when - datetime.now(UTC) < timedelta(hours=3)
        with bench.client() as client:
            fresh = bench.network.refresh(client=client, credentials=bench.credentials)
        assert set(fresh) == set(bench.credentials)
        assert fresh["refresh_jwt"] != bench.credentials["refresh_jwt"]
        assert fresh["app_password"] == bench.credentials["app_password"]
        transport = faulty.Faulty()
        with httpx.Client(transport=transport, timeout=20) as client:
            bench.network.commit(
                client=client, credentials=fresh, post=Outgoing("k1", "post", "З новим"), prepared=Prepared()
            )
        assert [one.url.path.rpartition(".")[2] for one in transport.asked] == ["getSession", "putRecord"]

    @pytest.mark.parametrize("token", ["", "not.a.token"])
    def test_a_session_that_has_ended_is_opened_anew(self, bench: Bench, token: str) -> None:
        bench = with_credentials(bench, access_jwt=token, refresh_jwt=token)
        post = Outgoing(str(uuid.uuid4()), "post", "Знову тут")
        assert bench.commit(post, bench.prepare(post)).external_id
        with bench.client() as client:
            assert bench.network.refresh(client=client, credentials=bench.credentials)["access_jwt"] != token

    def test_an_app_password_that_was_taken_back(self, network: Any, bluesky: Any, world: World) -> None:
        name = "Taken back"
        made = bluesky.client().com.atproto.server.create_app_password({"name": name})
        with httpx.Client(timeout=20) as client:
            account = network.connect(
                client=client, credentials={**world.typed, "app_password": made.password}
            )
            bluesky.client().com.atproto.server.revoke_app_password({"name": name})
            with pytest.raises(NetworkError) as caught:
                network.refresh(client=client, credentials=account.credentials)
        assert (caught.value.kind, caught.value.code) == (Kind.RECONNECT, "not_accepted")

    def test_an_account_that_was_switched_off_or_is_gone(
        self, network: Any, bluesky: Any, world: World
    ) -> None:
        other = bluesky.create_account(f"gone{uuid.uuid4().hex[:8]}")
        typed = {**world.typed, "handle": other.handle, "app_password": bluesky.app_password(other)}
        post = Outgoing(str(uuid.uuid4()), "post", "Є хто?")
        with httpx.Client(timeout=20) as client:
            kept = network.connect(client=client, credentials=typed).credentials
            owner = bluesky.client(other)
            owner.com.atproto.server.deactivate_account({})
            for act in (
                lambda: network.connect(client=client, credentials=typed),
                lambda: network.commit(client=client, credentials=kept, post=post, prepared=Prepared()),
            ):
                with pytest.raises(NetworkError) as caught:
                    act()
                assert (caught.value.kind, caught.value.code) == (Kind.RECONNECT, "account_blocked")
            bluesky.remove(other)
            with pytest.raises(NetworkError) as caught:
                network.commit(client=client, credentials=kept, post=post, prepared=Prepared())
            assert caught.value.kind is Kind.RECONNECT, caught.value.params

    @pytest.mark.parametrize(
        ("policy", "limit", "left", "expected"),
        [
            ("5000;w=3600", "5000", "2999", ("posts", 999, 1666, 60.0)),
            ("35000;w=86400", "35000", "30", ("posts_per_day", 10, 11_666, 60.0)),
            ("3000;w=300", "3000", "7", ("requests", 7, 3000, 60.0)),
            ("30;w=300", "30", "2", None),
        ],
    )
    def test_what_is_left_is_told_by_headers(
        self, network: Any, policy: str, limit: str, left: str, expected: Any
    ) -> None:
        headers = httpx.Headers(
            {"RateLimit-Limit": limit, "RateLimit-Remaining": left, "RateLimit-Reset": "1795341660",
             "RateLimit-Policy": policy, "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}
        )  # fmt: skip
        told = [(one.key, one.left, one.limit, one.seconds) for one in network.quotas(headers)]
        assert told == ([expected] if expected else [])
        keys = {one.key: (one.counts, one.per) for one in network.rates}
        assert all(keys[one.key] == (one.counts, one.per) for one in network.quotas(headers))

    def test_likes_reposts_and_replies_come_back(self, bench: Bench, bluesky: Any) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Хто прийде?")
        uri = bench.commit(post, bench.prepare(post)).external_id
        bluesky.like(uri)
        bluesky.repost(uri)
        reply = bluesky.reply(uri, "Я!")
        bluesky.wait_for_post(uri, likes=1, reposts=1, replies=1)
        with bench.client() as client:
            readings = bench.network.post_readings(
                client=client, credentials=bench.credentials, external_id=uri
            )
            said = bench.network.replies(client=client, credentials=bench.credentials, external_id=uri)
        values = {one.metric: one.value for one in readings}
        assert (values["likes"], values["reposts"], values["replies"]) == (1, 1, 1)
        assert [(one.external_id, one.text, one.author) for one in said] == [
            (reply, "Я!", bluesky.fan.handle)
        ]
        assert said[0].in_reply_to == uri

    def test_a_post_that_the_appview_does_not_know_has_no_counters(self, bench: Bench) -> None:
        with bench.client() as client:
            uri = f"at://{bench.account.external_id}/app.bsky.feed.post/{tid('never')}"
            assert not bench.network.post_readings(
                client=client, credentials=bench.credentials, external_id=uri
            )

    def test_a_text_that_is_too_long_is_refused_for_good(self, bench: Bench) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "ї" * 301)
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, bench.prepare(post))
        assert caught.value.kind is Kind.PERMANENT

    def test_what_fits_the_check_fits_the_server(self, bench: Bench) -> None:
        family = "👨‍👩‍👧‍👦"  # 25 bytes: 120 of them are 3,000 bytes and 120 graphemes
        for text in ("ї" * 300, family * 120):
            assert check(network="bluesky", placement="post", text=text).ok
            post = Outgoing(str(uuid.uuid4()), "post", text)
            assert bench.commit(post, bench.prepare(post)).external_id


def _count(bluesky: Any) -> int:
    """Posts in the repository, all pages of it, asked without any client of ours."""
    found, cursor = 0, ""
    while True:
        params = {"repo": bluesky.brand.did, "collection": "app.bsky.feed.post", "limit": 100}
        if cursor:
            params["cursor"] = cursor
        url = f"{bluesky.pds_url}/xrpc/com.atproto.repo.listRecords"
        answer = httpx.get(url, params=params, timeout=20).json()
        found += len(answer["records"])
        cursor = answer.get("cursor", "")
        if not cursor:
            return found


def test_a_record_key_follows_from_our_key_alone() -> None:
    key = "01981d6e-7c00-7abc-8def-0123456789ab"
    made = tid(key)
    assert made == tid(key) != tid(key[:-1] + "c")
    assert len(made) == 13
    assert set(made) <= set("234567abcdefghijklmnopqrstuvwxyz")
    assert made[0] in "234567abcdefghij"  # the top bit of a TID is 0
    # A UUIDv7 carries its time (milliseconds in its first 48 bits), and so does the record key.
    milliseconds = int(key.replace("-", "")[:12], 16)
    assert abs(tid_time(made).timestamp() - milliseconds / 1000) < 0.002
    assert tid_time(tid("anything-else")).year == 2023


def test_both_limits_are_checked() -> None:
    family = "👨‍👩‍👧‍👦"
    by_graphemes = check(network="bluesky", placement="post", text="a" * 301)
    by_bytes = check(network="bluesky", placement="post", text=family * 121)
    assert [one.params["unit"] for one in by_graphemes.problems] == ["graphemes"]
    assert [one.params["unit"] for one in by_bytes.problems] == ["bytes"]
    assert by_bytes.length == 121


@given(
    st.lists(
        st.sampled_from(
            [
                "їжак",
                "👨‍👩‍👧‍👦",
                "https://a.ua/x_(y)#z",
                "#тег",
                "#1",
                "@name.org",
                "@a",
                "e\u0301",
                ".",
                "\n",
                " ",
                "漢",
                "#🦔",
            ]
        )
    ).map("".join)
)
def test_facets_cut_the_text_where_they_say(text: str) -> None:
    raw, last = text.encode(), 0
    for one in facets(text, {"name.org": "did:plc:x"}):
        start, end = one["index"]["byteStart"], one["index"]["byteEnd"]
        assert last <= start < end <= len(raw)
        piece, feature = raw[start:end].decode(), one["features"][0]
        assert piece in (feature.get("uri"), f"#{feature.get('tag')}") or piece.lower() == "@name.org"
        last = end


def test_facets_stay_out_of_addresses() -> None:
    text = "https://site.org/@name.org#part #тег @Name.Org"
    found = facets(text, {"name.org": "did:plc:x"})
    assert [one["features"][0]["$type"].partition("#")[2] for one in found] == ["link", "tag", "mention"]
    assert handles(text) == ["name.org"]


def test_signing_in_that_times_out_published_nothing() -> None:
    def hang(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    with httpx.Client(transport=httpx.MockTransport(hang)) as client, pytest.raises(NetworkError) as caught:
        get("bluesky").commit(  # type: ignore[attr-defined]
            client=client,
            credentials={"handle": "a.test", "app_password": "abcd-efgh"},
            post=Outgoing("k", "post", "text"),
            prepared=Prepared({"rkey": tid("k")}),
        )
    assert caught.value.kind is Kind.UNREACHABLE
