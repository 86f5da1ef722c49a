"""Instagram: the contract against the practice network, and what is special."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError, Outgoing, Prepared, Verdict
from spilno.toolkit.networks.check import check
from spilno.toolkit.practice import Practice

from .contract import Bench, NetworkContract, World, until_prepared
from .films import film
from .graph_world import Moving, clock, picture, practice, public, running, shapes, world_of  # noqa: F401


class TestInstagram(NetworkContract):
    network_key = "instagram"

    @pytest.fixture
    def world(self, practice: Practice) -> World:
        return world_of(practice, "instagram")

    @pytest.fixture
    def posts(self, image: MediaFile, tmp_path: Path, practice: Practice) -> list[Outgoing]:
        return shapes(tmp_path, image, "instagram", practice)

    def test_a_container_that_is_being_digested_is_waited_for(
        self, bench: Bench, practice: Practice, image: MediaFile
    ) -> None:
        practice.state.data["processing_polls"] = 2
        post = Outgoing(str(uuid.uuid4()), "post", "Повільно", (image,))
        prepared, waits = until_prepared(lambda so_far: bench.prepare(post, so_far))
        assert [(one.kind, one.code) for one in waits] == [(Kind.WAIT, "media_processing")] * 2
        assert len(practice.state.data["containers"]) == 1
        assert bench.commit(post, prepared).url.startswith(practice.url)

    def test_an_expired_container_has_to_be_made_anew(
        self, bench: Bench, clock: Moving, image: MediaFile
    ) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Запізно", (image,))
        prepared = bench.prepare(post)
        assert prepared.expires_at is not None
        clock.ahead = timedelta(hours=24)
        for ask in (lambda: bench.prepare(post, prepared), lambda: bench.commit(post, prepared)):
            with pytest.raises(NetworkError) as caught:
                ask()
            assert (caught.value.kind, caught.value.code) == (Kind.WAIT, "preparation_expired")
            assert caught.value.so_far == Prepared()
        assert bench.find(post, prepared).verdict is Verdict.ABSENT
        assert bench.commit(post, bench.prepare(post)).external_id

    def test_a_shape_that_is_refused(self, bench: Bench, world: World, tmp_path: Any) -> None:
        path = tmp_path / "tall.jpg"
        Image.new("RGB", (600, 1200)).save(path, "JPEG")
        image = world.picture(MediaFile(path, "image/jpeg", path.stat().st_size, 600, 1200))
        post = Outgoing(str(uuid.uuid4()), "post", "Висока", (image,))
        codes = [
            one.code
            for one in check(network="instagram", placement="post", text="t", media=(image,)).problems
        ]
        assert "ratio_out_of_range" in codes
        with pytest.raises(NetworkError) as caught:
            bench.prepare(post)
        assert caught.value.kind is Kind.PERMANENT
        assert "4:5" in caught.value.params["message"]
        story = replace(post, placement="story")
        assert bench.commit(story, bench.prepare(story)).external_id

    def test_a_picture_that_cannot_be_fetched(
        self, bench: Bench, image: MediaFile, practice: Practice
    ) -> None:
        lost = replace(image, url=f"{practice.url}/pictures/nothing")
        post = Outgoing(str(uuid.uuid4()), "post", "Без знімка", (lost,))
        with pytest.raises(NetworkError) as caught:
            bench.prepare(post)
        assert caught.value.kind is Kind.PERMANENT

    def test_the_right_one_of_two_alike_is_recognised(self, bench: Bench, image: MediaFile) -> None:
        first = Outgoing(str(uuid.uuid4()), "post", "Перша", (image,))
        second = Outgoing(str(uuid.uuid4()), "post", "Друга", (image,))
        ready = [bench.prepare(one) for one in (first, second)]
        there = [bench.commit(one, prepared) for one, prepared in zip((first, second), ready, strict=True)]
        for post, prepared, published in zip((first, second), ready, there, strict=True):
            assert bench.find(post, prepared).published.external_id == published.external_id

    def test_a_story_tells_its_counters_for_a_day(
        self, bench: Bench, clock: Moving, image: MediaFile
    ) -> None:
        story = Outgoing(str(uuid.uuid4()), "story", "", (image,))
        number = bench.commit(story, bench.prepare(story)).external_id

        def readings() -> dict[str, int]:
            with bench.client() as client:
                found = bench.network.post_readings(
                    client=client, credentials=bench.credentials, external_id=number
                )
            return {one.metric: int(one.value) for one in found}

        assert readings() == {}  # too few viewers: Graph refuses with code 10
        clock.ahead = timedelta(hours=20)
        assert readings()["reach"] > 0
        clock.ahead = timedelta(hours=25)
        assert readings() == {}

    def test_a_story_with_a_link_is_a_reminder(self, image: MediaFile) -> None:
        found = check(
            network="instagram", placement="story", text="", media=(image,), link="https://example.org"
        )
        assert found.ok
        assert [(one.code, one.level) for one in found.problems] == [
            ("link_by_hand", "note"),
            ("ratio_not_best", "note"),
        ]

    def test_the_limit_of_a_day_is_read(self, bench: Bench) -> None:
        with bench.client() as client:
            limits = bench.network.live_limits(client=client, credentials=bench.credentials, placement="post")
        assert [(one.key, one.value) for one in limits] == [("posts_per_day", 100)]

    def test_a_revoked_token_means_reconnect(
        self, bench: Bench, practice: Practice, image: MediaFile
    ) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Без доступу", (image,))
        prepared = bench.prepare(post)
        for account in practice.state.data["accounts"].values():
            account["revoked"] = True
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, prepared)
        assert caught.value.kind is Kind.RECONNECT

    @pytest.mark.parametrize(
        ("fault", "there"),
        [
            ("timeout_before", False),
            ("timeout_after", True),
            ("reset_before", False),
            ("reset_after", True),
            ("error_500_before", False),
            ("error_500_after", True),
            ("error_400_after", True),
            ("html_after", True),
        ],
    )
    def test_the_networks_own_faults(
        self, bench: Bench, practice: Practice, image: MediaFile, fault: str, there: bool
    ) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", f"Збій {fault}", (image,))
        prepared = bench.prepare(post)
        practice.faults.add(fault, "POST .*/media_publish")
        client = httpx.Client(timeout=0.5)
        with client, pytest.raises(NetworkError) as caught:
            bench.network.commit(client=client, credentials=bench.credentials, post=post, prepared=prepared)
        assert caught.value.kind is Kind.UNCERTAIN
        assert bench.find(post, prepared).verdict is (Verdict.FOUND if there else Verdict.ABSENT)
        bench.commit(post, prepared)
        assert bench.world.count() == 1

    def test_a_limit_of_graph_tells_minutes(self, bench: Bench, practice: Practice, image: MediaFile) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Забагато", (image,))
        prepared = bench.prepare(post)
        practice.faults.add("rate_limited", "POST .*/media_publish", seconds=120)
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, prepared)
        assert (caught.value.kind, caught.value.params["seconds"]) == (Kind.WAIT, 120)
        assert caught.value.retry_at is not None
