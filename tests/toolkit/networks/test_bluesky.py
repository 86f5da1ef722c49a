"""Bluesky against a real PLC directory, PDS and AppView."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import Kind, NetworkError, Outgoing, Prepared
from spilno.toolkit.networks.bluesky_text import facets, handles, tid, tid_time
from spilno.toolkit.networks.check import check

from .contract import Bench, NetworkContract, World


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
        )

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
