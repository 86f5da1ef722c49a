"""Telegram: the contract against the practice network, and what is special about bots."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import Finds, Kind, MediaFile, NetworkError, Once, Outgoing, Prepared, can
from spilno.toolkit.networks.check import check
from spilno.toolkit.networks.telegram import _chat, explain
from spilno.toolkit.practice import Practice, start

from . import faulty, flat
from .contract import Bench, NetworkContract, World

MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
TOKEN = "8100:practice-books"


@pytest.fixture(scope="module")
def running() -> Iterator[Practice]:
    with start(seed="telegram") as server:
        yield server


@pytest.fixture
def practice(running: Practice) -> Practice:
    """The server with one new channel and nothing else."""
    data = running.state.data
    for kept in ("accounts", "posts", "pictures"):
        data[kept].clear()
    data |= {"next": 1, "messages_a_minute": 1000}
    running.faults.clear()
    running.state.add_account(network="telegram", name="books", title="Книги", followers=2400)
    return running


class Listening(faulty.Faulty):
    """Keeps what was answered."""

    def __init__(self, heard: list[bytes]) -> None:
        super().__init__()
        self.heard = heard

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        self.heard.append(response.read())
        return httpx.Response(response.status_code, content=self.heard[-1], request=request)


def video(folder: Path) -> MediaFile:
    path = folder / "ролик.mp4"
    path.write_bytes(MP4 + b"\x00" * 5000)
    return MediaFile(path, "video/mp4", path.stat().st_size, 1280, 720)


class TestTelegram(NetworkContract):
    network_key = "telegram"

    @pytest.fixture
    def world(self, practice: Practice) -> World:
        account = practice.state.account_named("telegram", "books")
        assert account is not None
        typed = {"bot_token": TOKEN, "chat": "@books", "api_url": practice.bot_api_url}
        return World(
            typed=typed,
            wrong={**typed, "bot_token": "8100:somebody-else"},
            count=lambda: len(practice.state.posts_of(account)),
            counters=("result",),
            secret_in_address=True,
        )

    def test_nobody_but_a_person_can_tell(self, network: Any) -> None:
        assert {one.once for one in network.placements} == {Once.NONE}
        assert not can(network, Finds)

    # ------------------------------------------------------------------------------------------ connecting

    @pytest.mark.parametrize(
        ("typed", "asked"),
        [
            ("@books", "@books"),
            (" books ", "@books"),
            ("https://t.me/books", "@books"),
            ("t.me/s/books/", "@books"),
            ("https://t.me/books/17", "@books"),
            ("https://t.me/c/1234567/8", "-1001234567"),
            ("-1001234567", "-1001234567"),
        ],
    )
    def test_a_chat_may_be_written_in_many_ways(self, typed: str, asked: str) -> None:
        assert _chat(typed) == asked

    @pytest.mark.parametrize("typed", ["", "книги", "https://t.me/+AbCdEf", "a b", "@../getMe"])
    def test_what_is_no_chat_is_not_asked_for(self, typed: str) -> None:
        with pytest.raises(NetworkError) as caught:
            _chat(typed)
        assert caught.value.code == "not_found"

    def connecting(self, world: World, **typed: str) -> NetworkError:
        with httpx.Client() as client, pytest.raises(NetworkError) as caught:
            get("telegram").connect(client=client, credentials={**world.typed, **typed})  # type: ignore[attr-defined]
        return caught.value

    def test_a_bot_that_may_not_post_is_told_at_once(self, world: World, practice: Practice) -> None:
        practice.state.account_named("telegram", "books")["can_post"] = False  # type: ignore[index]
        assert self.connecting(world).code == "may_not_post"

    def test_a_channel_that_the_bot_is_not_in(self, world: World, practice: Practice) -> None:
        practice.state.add_account(network="telegram", name="others", token="8200:theirs")
        error = self.connecting(world, chat="@others")
        assert (error.kind, error.code) == (Kind.RECONNECT, "may_not_post")

    def test_a_channel_that_is_not(self, world: World) -> None:
        error = self.connecting(world, chat="@nowhere_at_all")
        assert (error.kind, error.code) == (Kind.PERMANENT, "not_found")

    @pytest.mark.parametrize(
        "token", ["not a token", "../../getMe?x=", "8100:practice-books/getMe", "8100:x\r\nHost: y"]
    )
    def test_what_is_no_token_reaches_no_other_address(self, world: World, token: str) -> None:
        assert self.connecting(world, bot_token=token).kind is Kind.RECONNECT

    def test_the_token_is_in_no_error_and_no_representation(self, bench: Bench, practice: Practice) -> None:
        elsewhere = faulty.Faulty(
            wanted=lambda request: True,
            before=lambda request: httpx.Response(
                302, headers={"Location": str(request.url)}, request=request
            ),
        )
        with httpx.Client(transport=elsewhere) as client, pytest.raises(NetworkError) as caught:
            bench.network.account_readings(client=client, credentials=bench.credentials)
        assert caught.value.code == "redirected"
        with httpx.Client() as client:
            wire = bench.network._wire(client, bench.credentials)
        assert TOKEN not in repr(wire) + repr(caught.value.params) + wire.host

    # ------------------------------------------------------------------------------------------ what is sent

    def test_a_link_is_previewed(self, bench: Bench, practice: Practice) -> None:
        post = Outgoing(
            str(uuid.uuid4()), "post", "Дві адреси: https://a.example", link="https://b.example/x"
        )
        bench.commit(post, Prepared())
        (kept,) = practice.state.data["posts"].values()
        assert (kept["link"], kept["text"]) == (post.link, f"{post.text}\n\n{post.link}")

    def test_an_album_with_a_video_is_one_post(
        self, bench: Bench, practice: Practice, image: MediaFile, tmp_path: Path
    ) -> None:
        media = (image, video(tmp_path), image)
        published = bench.commit(Outgoing("k", "post", "Альбом", media), Prepared())
        (kept,) = practice.state.data["posts"].values()
        kinds = [practice.state.data["pictures"][one]["mime"] for one in kept["pictures"]]
        assert kinds == ["image/jpeg", "video/mp4", "image/jpeg"]
        assert published.external_id == ",".join(map(str, kept["messages"]))
        page = httpx.get(published.url)
        assert page.status_code == 200
        assert "<video" in page.text
        assert "Альбом" in page.text
        with bench.client() as client:
            bench.network.delete(
                client=client, credentials=bench.credentials, external_id=published.external_id
            )
        assert bench.world.count() == 0

    def test_a_video_is_sent_with_its_shape(self, bench: Bench, practice: Practice, tmp_path: Path) -> None:
        bench.commit(Outgoing("k", "post", "Ролик", (replace(video(tmp_path), seconds=12),)), Prepared())  # type: ignore[arg-type]
        (kept,) = practice.state.data["pictures"].values()
        assert (kept["width"], kept["height"], kept["duration"]) == (1280, 720, 12)

    def test_a_large_file_is_read_as_it_is_sent(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "long.mp4"
        with path.open("wb") as file:
            file.truncate(200_000_000)
        largest = 0

        def watch(request: httpx.Request) -> httpx.Response:
            nonlocal largest
            for part in request.stream:  # type: ignore[union-attr]
                largest = max(largest, len(part))
            return httpx.Response(
                413, json={"ok": False, "error_code": 413, "description": "Too Large"}, request=request
            )

        media = MediaFile(path, "video/mp4", path.stat().st_size)
        with pytest.raises(NetworkError) as caught:
            bench.commit(Outgoing("k", "post", "", (media,)), Prepared(), before=watch)
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_too_large")
        assert 0 < largest < 1_000_000

    def test_the_largest_video_does_not_fill_the_memory(
        self, bench: Bench, practice: Practice, tmp_path: Path
    ) -> None:
        most = int(bench.network.placement("post").limit("video_bytes"))
        grown = flat.sent("telegram", bench.credentials, "post", flat.large(tmp_path, most))
        assert grown.outcome.isdigit()
        assert grown.memory < 30_000_000
        assert [one["bytes"] for one in practice.state.data["pictures"].values()][-1] == most
        over = flat.sent("telegram", bench.credentials, "post", flat.large(tmp_path, most + 1))
        assert over.outcome == "media_too_large"

    def test_media_that_are_sensitive_are_veiled(
        self, bench: Bench, image: MediaFile, tmp_path: Path
    ) -> None:
        for media in ((image,), (image, video(tmp_path))):
            seen: list[bytes] = []
            post = Outgoing("k", "post", "Обережно", media, sensitive=True)
            with httpx.Client(transport=Listening(seen)) as client:
                bench.network.commit(
                    client=client, credentials=bench.credentials, post=post, prepared=Prepared()
                )
            assert json.loads(seen[0])["result"], "accepted"
            assert seen[0].count(b'"has_media_spoiler":true') == len(media)

    # ------------------------------------------------------------------------------------------ answering, deleting

    def test_an_answer_hangs_below_what_it_answers(
        self, bench: Bench, practice: Practice, image: MediaFile
    ) -> None:
        album = bench.commit(Outgoing("k", "post", "Альбом", (image, image)), Prepared())
        with bench.client() as client:
            said = bench.network.reply(
                client=client, credentials=bench.credentials, in_reply_to=album.external_id, text="І ще",
                key="k-2",
            )  # fmt: skip
        answer = next(one for one in practice.state.data["posts"].values() if one["text"] == "І ще")
        assert answer["messages"] == [int(said.external_id)]
        assert answer["reply_to"] == int(album.external_id.split(",")[0])
        assert bench.network.reply_once is Once.NONE

    def test_an_answer_to_what_is_gone_is_refused_for_certain(self, bench: Bench) -> None:
        with bench.client() as client, pytest.raises(NetworkError) as caught:
            bench.network.reply(
                client=client, credentials=bench.credentials, in_reply_to="99", text="Що?", key="k"
            )
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "refused")

    @pytest.mark.parametrize("fault", ["timeout_after", "html_after", "error_400_after"])
    def test_an_answer_that_got_lost_is_uncertain(self, bench: Bench, practice: Practice, fault: str) -> None:
        first = bench.commit(Outgoing("k", "post", "Питайте"), Prepared())
        practice.faults.add(fault, "POST .*/sendMessage")
        with httpx.Client(timeout=0.3) as client, pytest.raises(NetworkError) as caught:
            bench.network.reply(
                client=client,
                credentials=bench.credentials,
                in_reply_to=first.external_id,
                text="Так",
                key="k",
            )
        assert caught.value.kind is Kind.UNCERTAIN
        assert bench.world.count() == 2

    def test_an_album_is_deleted_whole_and_with_one_request(self, bench: Bench, image: MediaFile) -> None:
        album = bench.commit(Outgoing("k", "post", "", (image,) * 3), Prepared())
        transport = faulty.Faulty()
        with httpx.Client(transport=transport) as client:
            for _ in range(2):
                bench.network.delete(
                    client=client, credentials=bench.credentials, external_id=album.external_id
                )
        assert bench.world.count() == 0
        assert len(transport.asked) == 2

    def test_after_two_days_a_person_has_to_delete_it(self, bench: Bench, practice: Practice) -> None:
        published = bench.commit(Outgoing("k", "post", "Давнє"), Prepared())
        (kept,) = practice.state.data["posts"].values()
        kept["published_at"] = (datetime.now(UTC) - timedelta(hours=49)).isoformat()
        with bench.client() as client, pytest.raises(NetworkError) as caught:
            bench.network.delete(
                client=client, credentials=bench.credentials, external_id=published.external_id
            )
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "cannot_delete")

    def test_a_file_that_is_gone_was_not_sent(self, bench: Bench, image: MediaFile) -> None:
        image.path.unlink()
        with pytest.raises(NetworkError) as caught:
            bench.commit(Outgoing("k", "post", "Знімок", (image,)), Prepared())
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_unreadable")

    @pytest.mark.parametrize(("count", "media"), [(4096, False), (1024, True)])
    def test_the_networks_limit_is_the_declared_one(
        self, bench: Bench, image: MediaFile, count: int, media: bool
    ) -> None:
        files = (image,) if media else ()
        # Two UTF-16 units each: what a person sees as half the limit fills it.
        fits, over = "📚" * (count // 2), "📚" * (count // 2) + "я"
        checked = [check(network="telegram", placement="post", text=one, media=files) for one in (fits, over)]
        assert [(one.length, one.limit, one.ok) for one in checked] == [
            (count, count, True),
            (count + 1, count, False),
        ]
        assert bench.commit(Outgoing("k", "post", fits, files), Prepared()).external_id
        with pytest.raises(NetworkError) as caught:
            bench.commit(Outgoing("k", "post", over, files), Prepared())
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "refused")
        assert "too long" in caught.value.params["message"]

    def test_files_of_all_kinds_count_together(self, image: MediaFile, tmp_path: Path) -> None:
        media = (image,) * 6 + (video(tmp_path),) * 5
        (problem,) = check(network="telegram", placement="post", text="", media=media).problems
        assert (problem.code, dict(problem.params)) == (
            "media_too_many",
            {"count": 11, "limit": 10, "kind": "file"},
        )
        (problem,) = check(network="telegram", placement="post", text="", media=(image,) * 12).problems
        assert problem.params["kind"] == "image"

    def test_a_picture_of_too_many_pixels(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "wide.png"
        Image.new("1", (9000, 1001)).save(path)
        large = MediaFile(path, "image/png", path.stat().st_size, 9000, 1001)
        (problem,) = check(network="telegram", placement="post", text="", media=(large,)).problems
        assert (problem.code, dict(problem.params)) == ("image_too_big", {"sum": 10_001, "limit": 10_000})
        with pytest.raises(NetworkError) as caught:
            bench.commit(Outgoing("k", "post", "", (large,)), Prepared())
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "media_refused")

    # ------------------------------------------------------------------------------------------ what goes wrong

    def test_twenty_in_a_minute_and_then_a_pause(self, bench: Bench, practice: Practice) -> None:
        practice.state.data["messages_a_minute"] = 2
        for number in range(2):
            bench.commit(Outgoing("k", "post", f"Допис {number}"), Prepared())
        with pytest.raises(NetworkError) as caught:
            bench.commit(Outgoing("k", "post", "Ще один"), Prepared())
        assert caught.value.kind is Kind.WAIT
        assert 0 < caught.value.params["seconds"] <= 60
        assert bench.world.count() == 2

    def test_the_pause_is_read_from_the_answer_itself(self) -> None:
        body = {"ok": False, "error_code": 429, "description": "…", "parameters": {"retry_after": 35}}
        assert explain(429, body, httpx.Headers()).seconds == 35

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
    def test_the_networks_own_faults(self, bench: Bench, practice: Practice, fault: str, there: bool) -> None:
        practice.faults.add(fault, "POST .*/sendMessage")
        client = httpx.Client(timeout=0.3)
        with client, pytest.raises(NetworkError) as caught:
            bench.network.commit(
                client=client,
                credentials=bench.credentials,
                post=Outgoing("k", "post", "Збій"),
                prepared=Prepared(),
            )
        assert caught.value.kind is Kind.UNCERTAIN
        assert bench.world.count() == there

    @pytest.mark.parametrize(
        ("status", "description", "more", "kind", "code"),
        [
            (401, "Unauthorized", {}, Kind.RECONNECT, "not_accepted"),
            (403, "Forbidden: bot was kicked from the channel chat", {}, Kind.RECONNECT, "may_not_post"),
            (400, "Bad Request: not enough rights to send text messages", {}, Kind.RECONNECT, "may_not_post"),
            (400, "Bad Request: chat not found", {}, Kind.PERMANENT, "not_found"),
            (400, "Bad Request: IMAGE_PROCESS_FAILED", {}, Kind.PERMANENT, "media_refused"),
            (400, "Bad Request: something never seen", {}, Kind.UNCERTAIN, "refused"),
            (
                400, "Bad Request: group chat was upgraded to a supergroup chat", {"migrate_to_chat_id": -1005},
                Kind.RECONNECT, "chat_moved",
            ),
            (500, "Internal Server Error", {}, Kind.UNCERTAIN, "server_error"),
        ],
    )  # fmt: skip
    def test_refusals(
        self, bench: Bench, status: int, description: str, more: dict[str, int], kind: Kind, code: str
    ) -> None:
        body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
        if more:
            body["parameters"] = more
        with pytest.raises(NetworkError) as caught:
            bench.commit(Outgoing("k", "post", "Допис"), Prepared(), before=faulty.answering(status, body))
        assert (caught.value.kind, caught.value.code) == (kind, code)

    def test_a_refusal_that_is_not_the_networks_proves_nothing(self, bench: Bench) -> None:
        with pytest.raises(NetworkError) as caught:
            bench.commit(
                Outgoing("k", "post", "Допис"), Prepared(), before=faulty.answering(400, {"error": "proxy"})
            )
        assert caught.value.kind is Kind.UNCERTAIN

    def test_what_cannot_be_deleted_is_said(self, bench: Bench) -> None:
        body = {"ok": False, "error_code": 400, "description": "Bad Request: message can't be deleted"}
        with (
            bench.client(before=faulty.answering(400, body)) as client,
            pytest.raises(NetworkError) as caught,
        ):
            bench.network.delete(client=client, credentials=bench.credentials, external_id="7")
        assert caught.value.kind is Kind.PERMANENT

    # ------------------------------------------------------------------------------------------ what comes back

    def test_members_are_counted_and_posts_say_nothing(self, bench: Bench, practice: Practice) -> None:
        published = bench.commit(Outgoing("k", "post", "Допис"), Prepared())
        with bench.client() as client:
            (reading,) = bench.network.account_readings(client=client, credentials=bench.credentials)
            of_post = bench.network.post_readings(
                client=client, credentials=bench.credentials, external_id=published.external_id
            )
        assert (reading.metric, int(reading.value)) == ("members", 2400)
        assert list(of_post) == []
        assert published.published_at is not None
        assert abs(published.published_at - datetime.now(UTC)) < timedelta(minutes=1)

    def test_addresses_of_real_channels(self) -> None:
        with httpx.Client() as client:
            for chat, account, message in (
                ({"id": -1001234567, "username": "books"}, "https://t.me/books", "https://t.me/books/17"),
                ({"id": -1001234567}, "https://t.me/c/1234567", "https://t.me/c/1234567/17"),
                ({"id": -55}, "", ""),
            ):
                sent = self.real(client, {"type": "supergroup", "title": "Книги", **chat})
                assert (sent[0].url, sent[1].url) == (account, message)

    def real(self, client: httpx.Client, chat: dict[str, Any]) -> tuple[Any, Any]:
        """Connect and post where the real Bot API would answer."""
        answers = {
            "getMe": {"id": 8100, "is_bot": True, "first_name": "Bot"},
            "getChat": chat,
            "getChatMember": {"status": "member", "user": {"id": 8100}},
            "sendMessage": {"message_id": 17, "date": 1_700_000_000, "chat": chat},
        }

        def answer(request: httpx.Request) -> httpx.Response:
            assert str(request.url).startswith(f"https://api.telegram.org/bot{TOKEN}/")
            return httpx.Response(
                200, json={"ok": True, "result": answers[request.url.path.rsplit("/", 1)[1]]}
            )

        network: Any = get("telegram")
        with httpx.Client(transport=httpx.MockTransport(answer)) as mocked:
            account = network.connect(
                client=mocked, credentials={"bot_token": TOKEN, "chat": str(chat["id"])}
            )
            published = network.commit(
                client=mocked,
                credentials=account.credentials,
                post=Outgoing("k", "post", "Допис"),
                prepared=Prepared(),
            )
        return account, published

    @pytest.mark.parametrize(
        ("chat", "member", "may"),
        [
            ({"type": "channel"}, {"status": "creator"}, True),
            ({"type": "channel"}, {"status": "administrator", "can_post_messages": True}, True),
            ({"type": "channel"}, {"status": "administrator", "can_post_messages": False}, False),
            ({"type": "channel"}, {"status": "member"}, False),
            ({"type": "supergroup"}, {"status": "administrator"}, True),
            ({"type": "supergroup"}, {"status": "member"}, True),
            ({"type": "group", "permissions": {"can_send_messages": False}}, {"status": "member"}, False),
            ({"type": "group"}, {"status": "restricted", "is_member": True, "can_send_messages": True}, True),
            (
                {"type": "group"},
                {"status": "restricted", "is_member": True, "can_send_messages": False},
                False,
            ),
            ({"type": "supergroup"}, {"status": "left"}, False),
            ({"type": "supergroup"}, {"status": "kicked"}, False),
        ],
    )
    def test_who_may_post(self, chat: dict[str, Any], member: dict[str, Any], may: bool) -> None:
        from spilno.toolkit.networks.telegram import _may_post

        assert _may_post(chat, member) is may
