"""The practice network's Bot API, driven by aiogram: an independent client that reads every answer into its types."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BufferedInputFile,
    ChatMemberAdministrator,
    InputMediaPhoto,
    InputMediaVideo,
    LinkPreviewOptions,
    ReplyParameters,
)
from PIL import Image

from spilno.toolkit.practice import Practice, start

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TOKEN = "8100:practice-books"
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 100


def picture() -> BufferedInputFile:
    content = io.BytesIO()
    Image.new("RGB", (800, 600), (30, 120, 90)).save(content, "JPEG")
    return BufferedInputFile(content.getvalue(), "a.jpg")


@pytest.fixture(scope="module")
def running() -> Iterator[Practice]:
    with start(seed="bots", clock=lambda: NOW) as server:
        yield server


@pytest.fixture
def practice(running: Practice) -> Practice:
    data = running.state.data
    for kept in ("accounts", "posts", "pictures"):
        data[kept].clear()
    data |= {"next": 1, "messages_a_minute": 20}
    running.faults.clear()
    running.state.add_account(network="telegram", name="books", title="Книги", followers=2400)
    running.state.add_account(network="telegram", name="others", title="Чужі", token="8200:theirs")
    return running


@pytest.fixture(scope="module")
def talking(running: Practice) -> Iterator[tuple[asyncio.Runner, AiohttpSession]]:
    """One loop and one session for all bots."""
    with asyncio.Runner() as runner:

        async def opened() -> AiohttpSession:
            return AiohttpSession(api=TelegramAPIServer.from_base(running.bot_api_url))

        session = runner.run(opened())
        yield runner, session
        runner.run(session.close())


@pytest.fixture
def ask(practice: Practice, talking: tuple[asyncio.Runner, AiohttpSession]) -> Callable[..., Any]:
    """Run something with a bot."""
    runner, session = talking

    def run(act: Callable[[Bot], Coroutine[Any, Any, Any]], token: str = TOKEN) -> Any:
        async def inside() -> Any:
            return await act(Bot(token, session=session))

        return runner.run(inside())

    return run


def test_who_the_bot_is_and_what_it_may(ask: Callable[..., Any]) -> None:
    me = ask(lambda bot: bot.get_me())
    assert (me.id, me.is_bot) == (8100, True)
    chat = ask(lambda bot: bot.get_chat("@books"))
    assert (chat.type, chat.title, chat.username) == ("channel", "Книги", "books")
    assert ask(lambda bot: bot.get_chat(chat.id)) == chat
    member = ask(lambda bot: bot.get_chat_member(chat.id, 8100))
    assert isinstance(member, ChatMemberAdministrator)
    assert member.can_post_messages is True
    assert ask(lambda bot: bot.get_chat_member_count(chat.id)) == 2400


def test_a_text_with_an_address(ask: Callable[..., Any]) -> None:
    text = "📚 Ярмарок: https://example.org/a"
    options = LinkPreviewOptions(url="https://example.org/b")
    sent = ask(lambda bot: bot.send_message("@books", text, link_preview_options=options))
    assert sent.text == text
    assert sent.date == NOW
    assert sent.entities[0].extract_from(text) == "https://example.org/a"  # offsets in UTF-16 units
    assert sent.link_preview_options.url == options.url


def test_pictures_and_videos(ask: Callable[..., Any], practice: Practice) -> None:
    photo = ask(lambda bot: bot.send_photo("@books", picture(), caption="Знімок"))
    assert (photo.caption, photo.photo[0].width, photo.photo[0].height) == ("Знімок", 800, 600)
    again = ask(lambda bot: bot.send_photo("@books", photo.photo[0].file_id))
    assert again.photo[0].file_unique_id == photo.photo[0].file_unique_id
    clip = BufferedInputFile(MP4, "a.mp4")
    video = ask(lambda bot: bot.send_video("@books", clip, width=640, height=360, duration=7))
    assert (video.video.width, video.video.height, video.video.duration) == (640, 360, 7)
    media = [
        InputMediaPhoto(media=picture(), caption="Разом"),
        InputMediaVideo(media=BufferedInputFile(MP4, "b.mp4")),
    ]
    album = ask(lambda bot: bot.send_media_group("@books", media))
    assert [one.message_id for one in album] == [album[0].message_id, album[0].message_id + 1]
    assert len({one.media_group_id for one in album}) == 1
    assert [one.caption for one in album] == ["Разом", None]
    page = httpx.get(f"{practice.url}/telegram/books").text
    assert page.count('class="card bubble"') == 4
    assert page.count("<video") == 2
    shown = httpx.get(f"{practice.url}/pictures/{video.video.file_id.removeprefix('practice-')}")
    assert (shown.content, shown.headers["content-type"]) == (MP4, "video/mp4")


def test_numbers_of_messages_are_never_given_twice(ask: Callable[..., Any]) -> None:
    album = ask(
        lambda bot: bot.send_media_group("@books", [InputMediaPhoto(media=picture()) for _ in range(3)])
    )
    after = ask(lambda bot: bot.send_message("@books", "Далі"))
    ids = [one.message_id for one in (*album, after)]
    assert len(set(ids)) == 4
    assert ids == sorted(ids)


def test_deleting_one_of_an_album_leaves_the_rest(ask: Callable[..., Any], practice: Practice) -> None:
    album = ask(
        lambda bot: bot.send_media_group("@books", [InputMediaPhoto(media=picture()) for _ in range(2)])
    )
    assert ask(lambda bot: bot.delete_message("@books", album[0].message_id)) is True
    (post,) = practice.state.data["posts"].values()
    assert post["messages"] == [album[1].message_id]
    assert ask(lambda bot: bot.delete_message("@books", album[1].message_id)) is True
    assert not practice.state.data["posts"]
    with pytest.raises(TelegramBadRequest, match="message to delete not found"):
        ask(lambda bot: bot.delete_message("@books", album[1].message_id))


def test_an_answer_shows_what_it_answers(ask: Callable[..., Any]) -> None:
    first = ask(lambda bot: bot.send_message("@books", "О котрій?"))
    to = ReplyParameters(message_id=first.message_id)
    for send in (
        lambda bot: bot.send_message("@books", "О шостій", reply_parameters=to),
        lambda bot: bot.send_photo("@books", picture(), reply_parameters=to),
    ):
        assert ask(send).reply_to_message.message_id == first.message_id
    with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
        ask(lambda bot: bot.send_message("@books", "Кому?", reply_parameters=ReplyParameters(message_id=99)))
    lost = ReplyParameters(message_id=99, allow_sending_without_reply=True)
    assert ask(lambda bot: bot.send_message("@books", "Усім", reply_parameters=lost)).reply_to_message is None


def test_media_behind_a_veil(ask: Callable[..., Any]) -> None:
    assert ask(lambda bot: bot.send_photo("@books", picture(), has_spoiler=True)).has_media_spoiler is True
    media = [InputMediaPhoto(media=picture(), has_spoiler=True), InputMediaPhoto(media=picture())]
    album = ask(lambda bot: bot.send_media_group("@books", media))
    assert [one.has_media_spoiler for one in album] == [True, None]


def test_several_messages_are_deleted_at_once(ask: Callable[..., Any], practice: Practice) -> None:
    album = ask(
        lambda bot: bot.send_media_group("@books", [InputMediaPhoto(media=picture()) for _ in range(3)])
    )
    ids = [one.message_id for one in album]
    assert ask(lambda bot: bot.delete_messages("@books", [*ids, 99])) is True
    assert not practice.state.data["posts"]
    assert ask(lambda bot: bot.delete_messages("@books", ids)) is True
    with pytest.raises(TelegramBadRequest, match="message identifiers are not specified"):
        ask(lambda bot: bot.delete_messages("@books", []))


def test_after_two_days_only_who_may_delete_anything(ask: Callable[..., Any], practice: Practice) -> None:
    account = practice.state.account_named("telegram", "books")
    assert account is not None
    post = practice.state.add_post(account=account, text="Давнє", published_at=NOW - timedelta(hours=49))
    number = int(post["id"].rpartition("_")[2])
    with pytest.raises(TelegramBadRequest, match="can't be deleted"):
        ask(lambda bot: bot.delete_message("@books", number))
    account["can_delete"] = True
    assert ask(lambda bot: bot.get_chat_member("@books", 8100)).can_delete_messages is True
    assert ask(lambda bot: bot.delete_message("@books", number)) is True


def test_updates_are_told_until_they_are_confirmed(ask: Callable[..., Any], practice: Practice) -> None:
    practice.state.add_account(network="telegram", name="second", token=TOKEN)
    first, second = ask(lambda bot: bot.get_updates())
    assert first.my_chat_member.chat.username == "books"
    assert first.my_chat_member.new_chat_member.status == "administrator"
    assert ask(lambda bot: bot.get_updates(offset=first.update_id + 1)) == [second]
    assert ask(lambda bot: bot.get_updates(limit=1)) == [second]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda bot: bot.send_message("@books", "я" * 4097), "message is too long"),
        (lambda bot: bot.send_message("@books", "  "), "message text is empty"),
        (lambda bot: bot.send_message("@nowhere", "Привіт"), "chat not found"),
        (lambda bot: bot.send_message("@books", "<b>", parse_mode="HTML"), "unsupported parse_mode"),
        (lambda bot: bot.send_photo("@books", picture(), caption="я" * 1025), "message caption is too long"),
        (lambda bot: bot.send_photo("@books", BufferedInputFile(b"text", "a.jpg")), "IMAGE_PROCESS_FAILED"),
        (lambda bot: bot.send_photo("@books", BufferedInputFile(b"", "a.jpg")), "file must be non-empty"),
        (lambda bot: bot.send_photo("@books", "practice-77"), "wrong remote file identifier"),
        (
            lambda bot: bot.send_video("@books", BufferedInputFile(b"no video", "a.mp4")),
            "VIDEO_CONTENT_TYPE_INVALID",
        ),
        (lambda bot: bot.send_media_group("@books", [InputMediaPhoto(media=picture())]), "album"),
        (
            lambda bot: bot.send_video(
                "@books",
                BufferedInputFile(MP4, "a.mp4"),
                thumbnail=BufferedInputFile(b"x" * 200_001, "t.jpg"),
            ),
            "thumbnail is too big",
        ),
        (lambda bot: bot.get_chat_member("@books", 5), "user not found"),
    ],
)
def test_what_is_refused(ask: Callable[..., Any], practice: Practice, wrong: Any, said: str) -> None:
    with pytest.raises(TelegramBadRequest, match=said):
        ask(wrong)
    assert not practice.state.data["posts"]


def test_who_is_refused(ask: Callable[..., Any], practice: Practice) -> None:
    with pytest.raises(TelegramUnauthorizedError):
        ask(lambda bot: bot.get_me(), token="8100:nobody")
    with pytest.raises(TelegramForbiddenError, match="not a member"):
        ask(lambda bot: bot.send_message("@others", "Привіт"))
    account = practice.state.account_named("telegram", "books")
    assert account is not None
    account["can_post"] = False
    with pytest.raises(TelegramBadRequest, match="need administrator rights"):
        ask(lambda bot: bot.send_message("@books", "Привіт"))
    account["revoked"] = True
    with pytest.raises(TelegramUnauthorizedError):
        ask(lambda bot: bot.send_message("@books", "Привіт"))


def test_twenty_a_minute(ask: Callable[..., Any], practice: Practice) -> None:
    account = practice.state.account_named("telegram", "books")
    assert account is not None
    for number in range(19):
        practice.state.add_post(account=account, published_at=NOW - timedelta(seconds=50 - number))
    practice.state.add_post(account=account, published_at=NOW - timedelta(minutes=2))  # long forgotten
    assert ask(lambda bot: bot.send_message("@books", "Ще можна"))
    with pytest.raises(TelegramRetryAfter) as caught:
        ask(lambda bot: bot.send_message("@books", "Уже ні"))
    assert caught.value.retry_after == 10


def test_scripted_faults_speak_the_protocol(ask: Callable[..., Any], practice: Practice) -> None:
    practice.faults.add("rate_limited", "/sendMessage", seconds=35)
    with pytest.raises(TelegramRetryAfter) as caught:
        ask(lambda bot: bot.send_message("@books", "Привіт"))
    assert caught.value.retry_after == 35
    practice.faults.add("error_500_after", "/sendMessage")
    with pytest.raises(TelegramServerError):
        ask(lambda bot: bot.send_message("@books", "Привіт"))
    assert len(practice.state.data["posts"]) == 1


def test_the_page_escapes_what_was_posted(ask: Callable[..., Any], practice: Practice) -> None:
    sent = ask(
        lambda bot: bot.send_message("@books", '<img src=x onerror=alert(1)> https://example.org/"><b>')
    )
    for path in ("/telegram/books", f"/telegram/books/{sent.message_id}"):
        page = httpx.get(practice.url + path)
        assert page.status_code == 200
        assert "<img src=x" not in page.text
        assert '"><b>' not in page.text
        assert 'href="https://example.org/"' in page.text
    assert httpx.get(f"{practice.url}/telegram/books/99").status_code == 404
