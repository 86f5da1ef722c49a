"""Facebook page: the contract against the practice network, and what is special."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError, Outgoing, Prepared, Verdict
from spilno.toolkit.networks.check import check
from spilno.toolkit.practice import Practice
from spilno.toolkit.practice.graph_video import PIECE
from spilno.toolkit.practice.uploads import digest

from . import faulty, flat
from .contract import Bench, NetworkContract, World, until_prepared
from .films import film
from .graph_world import (  # noqa: F401
    Moving,
    clock_,
    growth,
    practice_,
    running_,
    shapes,
    world_of,
)


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

    # ------------------------------------------------------------------------------------------ videos and reels

    def test_a_video_goes_on_where_a_fault_broke_it_off(
        self, bench: Bench, practice: Practice, tmp_path: Path
    ) -> None:
        one = film(tmp_path / "long.mp4", width=1280, height=720, seconds=60, size=3 * PIECE + 1000)
        post = Outgoing(str(uuid.uuid4()), "video", "Запис зустрічі", (one,))
        so_far = Prepared()
        for fault, after, start in (
            ("reset_after", 2, PIECE),  # of the second piece the answer is lost: we know of the first …
            ("reset_before", 1, 2 * PIECE),  # … are told where to go on, and then a request is lost
        ):
            transport = Interrupted(practice, fault, after=after)
            with (
                httpx.Client(transport=transport, timeout=20) as client,
                pytest.raises(NetworkError) as caught,
            ):
                bench.network.prepare(client=client, credentials=bench.credentials, post=post, so_far=so_far)
            assert caught.value.kind is Kind.UNCERTAIN
            assert caught.value.so_far is not None
            so_far = caught.value.so_far
            assert so_far.data["start"] == start
        prepared = bench.prepare(post, so_far)
        (video,) = practice.state.data["videos"].values()
        assert digest(practice.state.folder / video["file"]) == digest(one.path)
        assert bench.commit(post, prepared).external_id == video["id"]

    def test_an_upload_whose_end_was_heard_and_not_answered_is_not_a_failure(
        self, bench: Bench, practice: Practice, tmp_path: Path
    ) -> None:
        post = Outgoing(str(uuid.uuid4()), "video", "Запис", (film(tmp_path / "a.mp4"),))
        transport = Interrupted(practice, "reset_after", after=2)
        with httpx.Client(transport=transport, timeout=20) as client, pytest.raises(NetworkError) as caught:
            bench.network.prepare(client=client, credentials=bench.credentials, post=post, so_far=Prepared())
        assert caught.value.kind is Kind.UNCERTAIN
        prepared = bench.prepare(post, caught.value.so_far)
        assert len(practice.state.data["videos"]) == len(practice.state.data["posts"]) == 1
        assert set(prepared.data) == set(bench.prepare(post).data)
        assert bench.commit(post, prepared).external_id == prepared.data["video"]

    def test_a_reel_goes_on_where_its_upload_broke_off(
        self, bench: Bench, practice: Practice, tmp_path: Path
    ) -> None:
        one = film(tmp_path / "reel.mp4", size=3_000_000)
        post = Outgoing(str(uuid.uuid4()), "reel", "Як це було", (one,))
        practice.faults.add("reset_during", "POST .*/rupload/video-upload/", bytes=1_000_000)
        with pytest.raises(NetworkError) as caught:
            bench.prepare(post)
        assert caught.value.kind is Kind.UNCERTAIN
        assert caught.value.so_far is not None
        transport = faulty.Faulty()
        with httpx.Client(transport=transport, timeout=20) as client:
            prepared = bench.network.prepare(
                client=client, credentials=bench.credentials, post=post, so_far=caught.value.so_far
            )
        (sent,) = [request for request in transport.asked if "rupload" in request.url.path]
        assert (sent.headers["offset"], sent.headers["file_size"]) == ("1000000", "3000000")
        assert sent.headers["content-length"] == "2000000"
        video = practice.state.data["videos"][prepared.data["video"]]
        assert digest(practice.state.folder / video["file"]) == digest(one.path)

    def test_what_is_being_digested_is_waited_for(
        self, bench: Bench, practice: Practice, tmp_path: Path
    ) -> None:
        practice.state.data["processing_polls"] = 2
        post = Outgoing(str(uuid.uuid4()), "video", "Повільно", (film(tmp_path / "a.mp4"),))
        prepared, waits = until_prepared(lambda so_far: bench.prepare(post, so_far))
        assert [(one.kind, one.code) for one in waits] == [(Kind.WAIT, "media_processing")] * 2
        assert len(practice.state.data["videos"]) == 1
        assert bench.commit(post, prepared).url.startswith(practice.url)

    def test_a_reel_is_not_out_before_anybody_can_see_it(
        self, bench: Bench, practice: Practice, tmp_path: Path
    ) -> None:
        practice.state.data["publishing_polls"] = 2
        post = Outgoing(str(uuid.uuid4()), "reel", "Ще мить", (film(tmp_path / "a.mp4"),))
        prepared = bench.prepare(post)
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, prepared)
        assert (caught.value.kind, caught.value.code) == (Kind.UNCERTAIN, "media_processing")
        with pytest.raises(NetworkError) as caught:
            bench.find(post, prepared)
        assert (caught.value.kind, caught.value.code) == (Kind.WAIT, "media_processing")
        assert bench.world.count() == 0
        assert bench.find(post, prepared).verdict is Verdict.FOUND
        assert bench.world.count() == 1

    @pytest.mark.parametrize(
        ("placement", "changes", "said", "problem"),
        [
            ("reel", {"width": 1920, "height": 1080}, "aspect ratio", "video_ratio_out_of_range"),
            ("reel", {"width": 360, "height": 640}, "too small", "video_too_small"),
            ("reel", {"seconds": 91}, "3 to 90", "video_too_long"),
            ("reel", {"seconds": 2}, "3 to 90", "video_too_short"),
            ("story", {"seconds": 61}, "3 to 60", "video_too_long"),
            ("reel", {"fps": 90}, "frame rate", "video_too_fast"),
        ],
    )
    def test_films_of_another_shape(
        self,
        bench: Bench,
        tmp_path: Path,
        placement: str,
        changes: dict[str, int],
        said: str,
        problem: str,
    ) -> None:
        one = film(tmp_path / "a.mp4", **changes)
        found = check(network="facebook_page", placement=placement, text="т", media=(one,))
        assert problem in {each.code for each in found.problems}
        with pytest.raises(NetworkError) as caught:
            bench.prepare(Outgoing(str(uuid.uuid4()), placement, "т", (one,)))
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_refused")
        assert said in caught.value.params["message"]
        assert caught.value.so_far == Prepared()

    def test_what_is_no_film_is_refused(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "a.mp4"
        path.write_bytes(b"not a film at all" * 1000)
        one = MediaFile(path, "video/mp4", path.stat().st_size)
        for placement in ("video", "reel", "story"):
            with pytest.raises(NetworkError) as caught:
                bench.prepare(Outgoing(str(uuid.uuid4()), placement, "т", (one,)))
            assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_refused")

    def test_thirty_reels_a_day(self, bench: Bench, practice: Practice, tmp_path: Path) -> None:
        account = practice.state.account_named("facebook", "books")
        assert account is not None
        for minutes in range(30):
            at = datetime.now(UTC) - timedelta(minutes=minutes)
            practice.state.add_post(account=account, kind="reel", published_at=at)
        post = Outgoing(str(uuid.uuid4()), "reel", "Зайве", (film(tmp_path / "a.mp4"),))
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, bench.prepare(post))
        assert (caught.value.kind, caught.value.code) == (Kind.WAIT, "rate_limited")
        (policy,) = [one for one in bench.network.rates if one.placements == ("reel",)]
        assert (policy.allowed, policy.seconds) == (30, 24 * 3600)

    @pytest.mark.parametrize("placement", ["video", "reel"])
    def test_a_large_film_streams(
        self, bench: Bench, practice: Practice, tmp_path: Path, placement: str
    ) -> None:
        one = film(tmp_path / "large.mp4", seconds=80, size=flat.SIZE)
        with growth() as here:  # the practice server is in this process, the sender in one of its own
            sender = flat.sent("facebook_page", bench.credentials, placement, one.path)
        assert sender.outcome in practice.state.data["videos"], sender.outcome
        assert sender.memory < 30_000_000
        assert here() < 60_000_000
        assert bench.world.count() == 1

    # ------------------------------------------------------------------------------------------ stories

    def test_a_story_is_found_by_what_it_was_made_of(
        self, bench: Bench, practice: Practice, clock: Moving, image: MediaFile, tmp_path: Path
    ) -> None:
        posts = [
            Outgoing(str(uuid.uuid4()), "story", "", (one,))
            for one in (image, image, film(tmp_path / "a.mp4"))
        ]
        ready = [bench.prepare(one) for one in posts]
        there = [bench.commit(post, prepared) for post, prepared in zip(posts, ready, strict=True)]
        assert len({one.external_id for one in there}) == 3
        for post, prepared, published in zip(posts, ready, there, strict=True):
            assert bench.find(post, prepared).published == published
            assert published.url.startswith(practice.url)
        # After a day stories are listed no more.
        clock.ahead = timedelta(hours=25)
        with bench.client() as client:
            sighting = bench.network.find(
                client=client, credentials=bench.credentials, post=posts[0], prepared=ready[0],
                not_before=datetime.now(UTC) - timedelta(hours=25),
            )  # fmt: skip
        assert sighting.verdict is Verdict.CANNOT_TELL

    def test_a_story_with_a_link_is_a_reminder_and_no_program_deletes_it(
        self, bench: Bench, image: MediaFile
    ) -> None:
        found = check(
            network="facebook_page", placement="story", text="", media=(image,), link="https://example.org"
        )
        assert found.ok
        assert ("link_by_hand", "note") in [(one.code, one.level) for one in found.problems]
        post = Outgoing(str(uuid.uuid4()), "story", "", (image,))
        number = bench.commit(post, bench.prepare(post)).external_id
        with bench.client() as client, pytest.raises(NetworkError) as caught:
            bench.network.delete(client=client, credentials=bench.credentials, external_id=number)
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "delete_by_hand")
        assert bench.world.count() == 1

    # ------------------------------------------------------------------------------------------ what comes back

    def test_every_kind_has_its_own_counters(
        self, bench: Bench, clock: Moving, posts: list[Outgoing]
    ) -> None:
        wanted = {
            "post": {"reach", "impressions", "clicks", "likes", "replies", "shares"},
            "video": {"reach", "impressions", "likes", "replies"},
            "reel": {"reach", "impressions", "likes", "replies"},
            "story": {"reach", "impressions", "replies", "shares", "reactions"},
        }
        numbers = [(post, bench.commit(post, bench.prepare(post)).external_id) for post in posts]
        clock.ahead = timedelta(hours=70)
        for post, number in numbers:
            with bench.client() as client:
                found = bench.network.post_readings(
                    client=client, credentials=bench.credentials, external_id=number
                )
                said = bench.network.replies(client=client, credentials=bench.credentials, external_id=number)
            assert {one.metric for one in found} == wanted[post.placement], post.placement
            assert len(found) == len({one.metric for one in found})
            assert bool(said) == (post.placement != "story")

    @pytest.mark.parametrize("placement", ["post", "video", "reel"])
    def test_deleting_takes_it_away(self, bench: Bench, posts: list[Outgoing], placement: str) -> None:
        post = next(one for one in posts if one.placement == placement)
        number = bench.commit(post, bench.prepare(post)).external_id
        assert bench.world.count() == 1
        for _ in range(2):
            with bench.client() as client:
                bench.network.delete(client=client, credentials=bench.credentials, external_id=number)
        assert bench.world.count() == 0

    def test_comments_over_several_pages_and_answers_among_them(
        self, bench: Bench, practice: Practice, clock: Moving
    ) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Питайте")
        number = bench.commit(post, bench.prepare(post)).external_id
        for many in range(130):
            practice.state.data["comments"][f"c{many}"] = {
                "id": f"c{many}", "post": number, "parent": "c0" if many == 7 else "", "author": "77",
                "name": "Гість", "username": "guest", "text": f"Питання {many}",
                "at": (datetime.now(UTC) + timedelta(seconds=many)).isoformat(),
            }  # fmt: skip
        with bench.client() as client:
            said = bench.network.replies(client=client, credentials=bench.credentials, external_id=number)
        asked = [one for one in said if one.text.startswith("Питання")]
        assert [one.external_id for one in asked] == [f"c{many}" for many in range(130)]
        assert {one.in_reply_to for one in asked if one.external_id == "c7"} == {"c0"}
        assert {one.in_reply_to for one in asked if one.external_id != "c7"} == {number}

    def test_answering_once(self, bench: Bench, practice: Practice, clock: Moving) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Хто прийде?")
        number = bench.commit(post, bench.prepare(post)).external_id
        clock.ahead = timedelta(hours=72)

        def reply(to: str, text: str, **fault: Any) -> str:
            with bench.client(**fault) as client:
                return str(
                    bench.network.reply(
                        client=client, credentials=bench.credentials, in_reply_to=to, text=text, key="k"
                    ).external_id
                )

        with bench.client() as client:
            (first, *_) = bench.network.replies(
                client=client, credentials=bench.credentials, external_id=number
            )
        with pytest.raises(NetworkError) as caught:
            reply(first.external_id, "Ласкаво просимо!", after=faulty.lost_after)
        assert caught.value.kind is Kind.UNCERTAIN
        made = reply(first.external_id, "Ласкаво просимо!")
        assert [one["text"] for one in practice.state.data["comments"].values()] == ["Ласкаво просимо!"]
        assert reply(first.external_id, "Ласкаво просимо!") == made
        under = reply(made, "І ще одне")  # an answer to an answer stands beside it
        assert practice.state.data["comments"][under]["parent"] == first.external_id
        assert practice.state.data["comments"][reply(number, "До зустрічі")]["parent"] == ""
        with bench.client() as client:  # our own answers are not what others said
            again = bench.network.replies(client=client, credentials=bench.credentials, external_id=number)
        assert not {"Ласкаво просимо!", "І ще одне", "До зустрічі"} & {one.text for one in again}

    # ------------------------------------------------------------------------------------------ refusals

    @pytest.mark.parametrize(
        ("permission", "act"),
        [
            ("pages_manage_posts", "prepare"),
            ("pages_read_engagement", "replies"),
            ("pages_manage_engagement", "reply"),
        ],
    )
    def test_a_permission_that_is_missing_is_named(
        self, bench: Bench, practice: Practice, permission: str, act: str
    ) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Так")
        number = bench.commit(post, bench.prepare(post)).external_id
        account = practice.state.account_named("facebook", "books")
        assert account is not None
        account["lacks"] = [permission]
        with bench.client() as client:
            given = {"client": client, "credentials": bench.credentials}
            acts: dict[str, Callable[[], Any]] = {
                "prepare": lambda: bench.network.prepare(**given, post=post, so_far=Prepared()),
                "reply": lambda: bench.network.reply(**given, in_reply_to=number, text="т", key="k"),
                "replies": lambda: bench.network.replies(**given, external_id=number),
            }
            with pytest.raises(NetworkError) as caught:
                acts[act]()
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "forbidden")
        assert permission in caught.value.params["message"]

    def test_without_the_right_to_insights_what_can_be_read_is_read(
        self, bench: Bench, practice: Practice, clock: Moving
    ) -> None:
        post = Outgoing(str(uuid.uuid4()), "post", "Так")
        number = bench.commit(post, bench.prepare(post)).external_id
        account = practice.state.account_named("facebook", "books")
        assert account is not None
        account["lacks"] = ["read_insights"]
        clock.ahead = timedelta(hours=70)
        with bench.client() as client:
            found = bench.network.post_readings(
                client=client, credentials=bench.credentials, external_id=number
            )
        assert {one.metric for one in found} == {"likes", "replies", "shares"}

    def test_a_page_that_was_deleted(self, bench: Bench, practice: Practice) -> None:
        account = practice.state.account_named("facebook", "books")
        assert account is not None
        account["gone"] = True
        with pytest.raises(NetworkError) as caught:
            bench.prepare(Outgoing(str(uuid.uuid4()), "post", "Нікому"))
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "not_found")

    def test_a_link_that_is_no_address_is_refused(self, bench: Bench) -> None:
        with pytest.raises(NetworkError) as caught:
            bench.prepare(Outgoing(str(uuid.uuid4()), "post", "Сюди", link="ftp://example.org"))
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "refused")
        assert "not properly formatted" in caught.value.params["message"]

    def test_an_upload_that_facebook_forgot_begins_anew(
        self, bench: Bench, practice: Practice, tmp_path: Path
    ) -> None:
        post = Outgoing(str(uuid.uuid4()), "reel", "Знову", (film(tmp_path / "a.mp4"),))
        prepared = bench.prepare(post)
        practice.state.data["videos"].clear()
        with pytest.raises(NetworkError) as caught:
            bench.prepare(post, prepared)
        assert (caught.value.kind, caught.value.code) == (Kind.WAIT, "preparation_expired")
        assert caught.value.so_far == Prepared()
        assert bench.commit(post, bench.prepare(post)).external_id


class Interrupted(faulty.Faulty):
    """Lets the network's own fault happen to the piece after ``after`` of them."""

    def __init__(self, practice: Practice, fault: str | None, *, after: int) -> None:
        super().__init__()
        self._practice, self._fault, self._left = practice, fault, after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._fault and request.method == "POST" and request.url.path.endswith("/videos"):
            if self._left == 0:
                self._practice.faults.add(self._fault, "POST .*/videos")
                self._fault = None
            self._left -= 1
        return super().handle_request(request)
