"""Facebook page: the contract against the practice network, and what is special."""

from __future__ import annotations

import uuid
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from spilno.toolkit.networks.base import MediaFile, Outgoing, Verdict
from spilno.toolkit.networks.check import check
from spilno.toolkit.practice import Practice

from .contract import Bench, NetworkContract, World
from .films import film
from .graph_world import Moving, clock, picture, practice, public, running, shapes, world_of  # noqa: F401


class TestFacebookPage(NetworkContract):
    network_key = "facebook_page"

    @pytest.fixture
    def world(self, practice: Practice) -> World:
        return world_of(practice, "facebook")

    @pytest.fixture
    def posts(self, image: MediaFile, tmp_path: Path, practice: Practice) -> list[Outgoing]:
        return shapes(tmp_path, image, "facebook", practice)

    def test_a_prepared_post_is_not_seen(self, bench: Bench, practice: Practice) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Скоро")
        prepared = bench.prepare(post)
        with httpx.Client() as client:
            assert "Скоро" not in client.get(f"{practice.url}/facebook/books").text
            url = bench.commit(post, prepared).url
            assert "Скоро" in client.get(url).text

    def test_insights_grow_and_comments_are_heard(
        self, bench: Bench, practice: Practice, clock: Moving
    ) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Хто прийде?")
        number = bench.commit(post, bench.prepare(post)).external_id
        seen = []
        for hours in (1, 12, 72):
            clock.ahead = timedelta(hours=hours)
            with bench.client() as client:
                readings = bench.network.post_readings(
                    client=client, credentials=bench.credentials, external_id=number
                )
            seen.append({one.metric: int(one.value) for one in readings})
        for earlier, later in pairwise(seen):
            assert all(later[metric] >= value for metric, value in earlier.items())
        assert {"reach", "impressions", "clicks", "likes", "replies", "shares"} == set(seen[-1])
        assert seen[-1]["impressions"] >= seen[-1]["reach"] > seen[-1]["likes"] > 0
        with bench.client() as client:
            said = bench.network.replies(client=client, credentials=bench.credentials, external_id=number)
        assert len(said) == seen[-1]["replies"] > 0
        assert all(one.text and one.author_name for one in said)

    def test_no_share_yet_is_no_value(self, bench: Bench) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Щойно")
        number = bench.commit(post, bench.prepare(post)).external_id
        with bench.client() as client:
            readings = bench.network.post_readings(
                client=client, credentials=bench.credentials, external_id=number
            )
        assert "shares" not in {one.metric for one in readings}  # Graph leaves the field out

    def test_deleted_by_hand_cannot_be_told(self, bench: Bench) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Зникне")
        prepared = bench.prepare(post)
        number = bench.commit(post, prepared).external_id
        with bench.client() as client:
            bench.network.delete(client=client, credentials=bench.credentials, external_id=number)
        sighting = bench.find(post, prepared)
        assert sighting.verdict is Verdict.CANNOT_TELL
        assert sighting.look_at
