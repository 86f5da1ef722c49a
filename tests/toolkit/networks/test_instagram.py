"""Instagram: the contract against the practice network, and what is special."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError, Outgoing, Prepared, Verdict
from spilno.toolkit.networks.check import check
from spilno.toolkit.practice import Practice
from spilno.toolkit.practice.uploads import digest

from . import faulty, flat
from .contract import Bench, NetworkContract, World, until_prepared
from .films import film
from .graph_world import (  # noqa: F401
    Moving,
    clock_,
    growth,
    picture,
    practice_,
    public,
    running_,
    shapes,
    world_of,
)


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

    # ------------------------------------------------------------------------------------------ carousels and films

    def test_a_carousel_keeps_the_order_of_its_pictures_and_films(
        self, bench: Bench, practice: Practice, image: MediaFile, tmp_path: Path
    ) -> None:
        square = film(tmp_path / "a.mp4", width=1080, height=1080, alt="Стоси")
        media = (public(practice, square), image, public(practice, picture(tmp_path, shade=10)), square)
        post = Outgoing(str(uuid.uuid4()), "carousel", "Що було", media)
        prepared = bench.prepare(post)
        number = bench.commit(post, prepared).external_id
        kinds = [
            practice.state.data["pictures"][one]["mime"]
            for one in practice.state.data["posts"][number]["pictures"]
        ]
        assert kinds == ["video/mp4", "image/jpeg", "image/jpeg", "video/mp4"]
        assert bench.world.count() == 1

    def test_parts_of_a_carousel_are_waited_for_and_made_once(
        self, bench: Bench, practice: Practice, image: MediaFile, tmp_path: Path
    ) -> None:
        practice.state.data["processing_polls"] = 1
        post = Outgoing(
            str(uuid.uuid4()), "carousel", "Повільно", (image, public(practice, picture(tmp_path)))
        )
        prepared, waits = until_prepared(lambda so_far: bench.prepare(post, so_far))
        assert {(one.kind, one.code) for one in waits} == {(Kind.WAIT, "media_processing")}
        assert len(practice.state.data["containers"]) == 3
        assert bench.commit(post, prepared).external_id

    def test_a_part_that_expired_makes_everything_anew(
        self, bench: Bench, practice: Practice, clock: Moving, image: MediaFile
    ) -> None:
        practice.state.data["processing_polls"] = 1
        post = Outgoing(str(uuid.uuid4()), "carousel", "Запізно", (image, image))
        with pytest.raises(NetworkError) as caught:
            bench.prepare(post)
        clock.ahead = timedelta(hours=24)
        with pytest.raises(NetworkError) as late:
            bench.prepare(post, caught.value.so_far)
        assert (late.value.code, late.value.so_far) == ("preparation_expired", Prepared())

    @pytest.mark.parametrize("count", [1, 11])
    def test_a_carousel_has_two_to_ten(self, bench: Bench, image: MediaFile, count: int) -> None:
        media = (image,) * count
        problems = check(network="instagram", placement="carousel", text="т", media=media).problems
        assert {one.code for one in problems} & {"media_too_few", "media_too_many"}
        with pytest.raises(NetworkError) as caught:
            bench.prepare(Outgoing(str(uuid.uuid4()), "carousel", "т", media))
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "refused")
        assert "2 to 10" in caught.value.params["message"]

    def test_a_film_without_an_address_is_sent_and_goes_on_where_it_broke_off(
        self, bench: Bench, practice: Practice, tmp_path: Path
    ) -> None:
        one = film(tmp_path / "a.mp4", size=3_000_000)
        post = Outgoing(str(uuid.uuid4()), "reel", "Як це було", (one,))
        practice.faults.add("reset_during", "POST .*/rupload/ig-api-upload/", bytes=1_000_000)
        with pytest.raises(NetworkError) as caught:
            bench.prepare(post)
        assert caught.value.kind is Kind.UNCERTAIN
        transport = faulty.Faulty()
        with httpx.Client(transport=transport, timeout=20) as client:
            prepared = bench.network.prepare(
                client=client, credentials=bench.credentials, post=post, so_far=caught.value.so_far
            )
        (sent,) = [request for request in transport.asked if "rupload" in request.url.path]
        assert (sent.headers["offset"], sent.headers["content-length"]) == ("1000000", "2000000")
        number = bench.commit(post, prepared).external_id
        (kept,) = practice.state.data["posts"][number]["pictures"]
        assert digest(practice.state.folder / kept) == digest(one.path)

    def test_a_large_film_streams(self, bench: Bench, practice: Practice, tmp_path: Path) -> None:
        one = film(tmp_path / "large.mp4", seconds=80, size=flat.SIZE)
        with growth() as here:  # the practice server is in this process, the sender in one of its own
            sender = flat.sent("instagram", bench.credentials, "reel", one.path)
            assert sender.outcome in practice.state.data["posts"], sender.outcome
            post = Outgoing(str(uuid.uuid4()), "reel", "Ще раз", (public(practice, one),))
            bench.commit(post, bench.prepare(post))  # now it is fetched
        assert sender.memory < 30_000_000
        assert here() < 60_000_000
        assert bench.world.count() == 2

    def test_memory_would_be_seen_to_grow(self) -> None:
        with growth() as here:
            kept = b"x" * 150_000_000
        assert here() > 100_000_000
        del kept

    @pytest.mark.parametrize(
        ("placement", "changes", "problem"),
        [
            ("reel", {"seconds": 901}, "video_too_long"),
            ("reel", {"seconds": 2}, "video_too_short"),
            ("story", {"seconds": 61}, "video_too_long"),
            ("reel", {"fps": 90}, "video_too_fast"),
        ],
    )
    def test_films_of_another_shape(
        self, bench: Bench, practice: Practice, tmp_path: Path, placement: str, changes: Any, problem: str
    ) -> None:
        one = film(tmp_path / "a.mp4", **changes)
        found = check(network="instagram", placement=placement, text="т", media=(one,)).problems
        assert problem in {each.code for each in found}
        for media in (one, public(practice, one)):  # sent, or fetched
            with pytest.raises(NetworkError) as caught:
                bench.prepare(Outgoing(str(uuid.uuid4()), placement, "т", (media,)))
            assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_wrong_format")
            assert caught.value.so_far == Prepared()

    def test_a_film_that_cannot_be_fetched(self, bench: Bench, practice: Practice, tmp_path: Path) -> None:
        lost = replace(film(tmp_path / "a.mp4"), url=f"{practice.url}/pictures/nothing")
        with pytest.raises(NetworkError) as caught:
            bench.prepare(Outgoing(str(uuid.uuid4()), "reel", "т", (lost,)))
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_unreachable")

    def test_a_picture_of_another_kind(self, bench: Bench, world: World, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        Image.new("RGB", (1080, 1080)).save(path, "PNG")
        image = world.picture(MediaFile(path, "image/png", path.stat().st_size, 1080, 1080))
        with pytest.raises(NetworkError) as caught:
            bench.prepare(Outgoing(str(uuid.uuid4()), "post", "т", (image,)))
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_wrong_format")

    def test_a_picture_without_an_address_says_what_is_missing(self, bench: Bench, image: MediaFile) -> None:
        with pytest.raises(NetworkError) as caught:
            bench.prepare(Outgoing(str(uuid.uuid4()), "post", "т", (replace(image, url=""),)))
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_needs_public_address")

    # ------------------------------------------------------------------------------------------ limits

    def test_a_hundred_posts_a_day(self, bench: Bench, practice: Practice, image: MediaFile) -> None:
        account = practice.state.account_named("instagram", "books")
        assert account is not None
        post = Outgoing(str(uuid.uuid4()), "post", "Зайве", (image,))
        prepared = bench.prepare(post)

        def left() -> int:
            with bench.client() as client:
                (quota,) = bench.network.live_quotas(client=client, credentials=bench.credentials)
            assert (quota.key, quota.limit) == ("posts", 100)
            return int(quota.left)

        assert left() == 100
        for minutes in range(100):
            at = datetime.now(UTC) - timedelta(minutes=minutes)
            practice.state.add_post(account=account, published_at=at)
        assert left() == 0
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, prepared)
        assert (caught.value.kind, caught.value.code) == (Kind.WAIT, "rate_limited")

    def test_twenty_names_in_a_caption(self, bench: Bench, image: MediaFile) -> None:
        text = " ".join(f"@reader{number}" for number in range(21))
        problems = check(network="instagram", placement="post", text=text, media=(image,)).problems
        assert "mentions_too_many" in {one.code for one in problems}
        with pytest.raises(NetworkError) as caught:
            bench.prepare(Outgoing(str(uuid.uuid4()), "post", text, (image,)))
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "refused")

    # ------------------------------------------------------------------------------------------ what comes back

    def test_every_kind_has_its_own_counters(
        self, bench: Bench, clock: Moving, posts: list[Outgoing]
    ) -> None:
        numbers = [(post, bench.commit(post, bench.prepare(post)).external_id) for post in posts]
        clock.ahead = timedelta(hours=20)
        for post, number in numbers:
            with bench.client() as client:
                found = bench.network.post_readings(
                    client=client, credentials=bench.credentials, external_id=number
                )
            told = {one.metric for one in found}
            if post.placement == "story":
                assert told == {"reach", "impressions", "replies", "shares", "follows", "profile_visits"}
            else:
                assert told == {"reach", "impressions", "likes", "replies", "shares", "saves"}

    @pytest.mark.parametrize("placement", ["post", "carousel", "reel", "story"])
    def test_deleting_takes_it_away(self, bench: Bench, posts: list[Outgoing], placement: str) -> None:
        post = next(one for one in posts if one.placement == placement)
        number = bench.commit(post, bench.prepare(post)).external_id
        assert bench.world.count() == 1
        for _ in range(2):
            with bench.client() as client:
                bench.network.delete(client=client, credentials=bench.credentials, external_id=number)
        assert bench.world.count() == 0

    def test_answering_once(self, bench: Bench, practice: Practice, clock: Moving, image: MediaFile) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Хто прийде?", (image,))
        number = bench.commit(post, bench.prepare(post)).external_id
        clock.ahead = timedelta(hours=72)

        def heard() -> list[Any]:
            with bench.client() as client:
                return list(
                    bench.network.replies(client=client, credentials=bench.credentials, external_id=number)
                )

        def reply(to: str, text: str, **fault: Any) -> str:
            with bench.client(**fault) as client:
                return str(
                    bench.network.reply(
                        client=client, credentials=bench.credentials, in_reply_to=to, text=text, key="k"
                    ).external_id
                )

        before = heard()
        first = before[0].external_id
        with pytest.raises(NetworkError) as caught:
            reply(first, "Ласкаво просимо!", after=faulty.lost_after)
        assert caught.value.kind is Kind.UNCERTAIN
        made = reply(first, "Ласкаво просимо!")
        kept = practice.state.data["comments"]
        assert [one["text"] for one in kept.values()] == ["Ласкаво просимо!"]
        assert kept[reply(made, "І ще одне")]["parent"] == first
        assert kept[reply(number, "До зустрічі")]["parent"] == ""
        kept["180000"] = {**kept[made], "id": "180000", "username": "guest", "text": "Буду!", "author": "7"}
        again = heard()
        assert {one.external_id for one in again} - {one.external_id for one in before} == {"180000"}
        assert next(one for one in again if one.external_id == "180000").in_reply_to == first

    def test_comments_over_several_pages(self, bench: Bench, practice: Practice, image: MediaFile) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Питайте", (image,))
        number = bench.commit(post, bench.prepare(post)).external_id
        for many in range(130):
            practice.state.data["comments"][f"1790{many}"] = {
                "id": f"1790{many}", "post": number, "parent": "", "author": "77", "name": "Гість",
                "username": "guest", "text": f"Питання {many}",
                "at": (datetime.now(UTC) + timedelta(seconds=many)).isoformat(),
            }  # fmt: skip
        with bench.client() as client:
            said = bench.network.replies(client=client, credentials=bench.credentials, external_id=number)
        assert [one.text for one in said] == [f"Питання {many}" for many in range(130)]

    @pytest.mark.parametrize(
        ("permission", "act"),
        [
            ("instagram_content_publish", "prepare"),
            ("instagram_manage_comments", "replies"),
            ("instagram_manage_contents", "delete"),
        ],
    )
    def test_a_permission_that_is_missing_is_named(
        self, bench: Bench, practice: Practice, image: MediaFile, permission: str, act: str
    ) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Так", (image,))
        number = bench.commit(post, bench.prepare(post)).external_id
        account = practice.state.account_named("instagram", "books")
        assert account is not None
        account["lacks"] = [permission]
        assert permission in bench.network.app_scopes
        with bench.client() as client:
            given = {"client": client, "credentials": bench.credentials}
            acts: dict[str, Callable[[], Any]] = {
                "prepare": lambda: bench.network.prepare(**given, post=post, so_far=Prepared()),
                "delete": lambda: bench.network.delete(**given, external_id=number),
                "replies": lambda: bench.network.replies(**given, external_id=number),
            }
            with pytest.raises(NetworkError) as caught:
                acts[act]()
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "forbidden")
        assert permission in caught.value.params["message"]
