"""Telegram's Bot API: a bot that posts to channels (core.telegram.org/bots/api).

Takes uploads and file ids, not web addresses; understands addresses in a text, but no ``parse_mode``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spilno.toolkit.language.counting import urls, utf16
from spilno.toolkit.practice.state import State, UnreadablePicture

PREFIX = "/bot-api"
MOST_TEXT = 4096
MOST_CAPTION = 1024
MOST_PHOTO = 10_000_000
MOST_FILE = 50_000_000
MOST_SIDES = 10_000
MOST_RATIO = 20
ALBUM = (2, 10)
MINUTE = timedelta(seconds=60)
A_MINUTE = 20
"""Messages that one chat takes in a minute (core.telegram.org/bots/faq)."""

_RIGHTS = (
    "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories",
    "can_send_welcome_messages",
)  # fmt: skip


class BotError(Exception):
    """A refusal as the Bot API gives it."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.body["parameters"] = parameters

    @property
    def status(self) -> int:
        """The HTTP status, which repeats the code."""
        return int(self.body["error_code"])


def bad(description: str) -> BotError:
    """400."""
    return BotError(400, f"Bad Request: {description}")


def too_many(seconds: int) -> BotError:
    """429."""
    return BotError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


@dataclass(frozen=True)
class Call:
    """One request: the bot's token, its channels, the parameters and uploaded files."""

    token: str
    channels: list[dict[str, Any]]
    params: Mapping[str, Any]
    files: Mapping[str, bytes]
    state: State
    confirmed: dict[
        str, int
    ]  # by token: the first update that was not read yet; forgotten when the server stops

    def text(self, name: str) -> str:
        """A parameter as text, empty if missing."""
        value = self.params.get(name)
        return "" if value is None else str(value)

    def number(self, name: str, default: int) -> int:
        """A parameter as a number."""
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise bad(f"{name} must be an integer") from None

    def json(self, name: str) -> Any:
        """A parameter that is JSON, given as such or as text; ``None`` if missing."""
        value = self.params.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise bad(f"can't parse {name} JSON object") from None


def routes(state: State) -> list[Route]:
    """The API's only address."""
    confirmed: dict[str, int] = {}

    async def endpoint(request: Request) -> Response:
        try:
            call = await _read(request, state, confirmed)
            act = METHODS.get(request.path_params["method"].lower())
            if act is None:
                raise BotError(404, "Not Found: method not found")
            return JSONResponse({"ok": True, "result": await run_in_threadpool(act, call)})
        except BotError as error:
            headers = (
                {"Retry-After": str(after)}
                if (after := error.body.get("parameters", {}).get("retry_after"))
                else {}
            )
            return JSONResponse(error.body, error.status, headers)

    return [Route(PREFIX + "/bot{token}/{method}", endpoint, methods=["GET", "POST"])]


async def _read(request: Request, state: State, confirmed: dict[str, int]) -> Call:
    token = request.path_params["token"]
    if not re.fullmatch(r"\d+:[\w-]+", token):
        raise BotError(404, "Not Found")
    with state.reading() as data:
        channels = [
            one for one in data["accounts"].values()
            if one["network"] == "telegram" and one["token"] == token and not one["revoked"]
        ]  # fmt: skip
    if not channels:
        raise BotError(401, "Unauthorized")
    params: dict[str, Any] = dict(request.query_params)
    files: dict[str, bytes] = {}
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind == "application/json":
        body = await request.body()
        try:
            given = json.loads(body) if body.strip() else {}
        except ValueError:
            raise bad("can't parse JSON object") from None
        params |= given if isinstance(given, dict) else {}
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form() as form:
            for name, value in form.multi_items():
                if not isinstance(value, UploadFile):
                    params[name] = value
                elif (value.size or 0) > MOST_FILE:
                    raise BotError(413, "Request Entity Too Large")
                else:
                    files[name] = await value.read()
    return Call(token, channels, params, files, state, confirmed)


# ------------------------------------------------------------------------------------------------ who and where


def get_me(call: Call) -> dict[str, Any]:
    return _bot(call) | {"can_join_groups": True, "can_read_all_group_messages": False}


def _bot(call: Call) -> dict[str, Any]:
    name = call.token.partition(":")[2]
    return {
        "id": int(call.token.partition(":")[0]),
        "is_bot": True,
        "first_name": "Spilno",
        "username": f"{re.sub(r'[^A-Za-z0-9]', '_', name)}_bot",
    }


def _account(call: Call) -> dict[str, Any]:
    """The chat that is meant, whether or not the bot is in it."""
    wanted = call.text("chat_id")
    if not wanted:
        raise bad("chat_id is empty")
    with call.state.reading() as data:
        for one in data["accounts"].values():
            names = (one["id"], f"@{one['name'].lower()}")
            if one["network"] == "telegram" and wanted.lower() in names:
                return dict(one)
    raise bad("chat not found")


def _member_of(call: Call) -> dict[str, Any]:
    account = _account(call)
    if account["id"] not in {one["id"] for one in call.channels}:
        raise BotError(403, "Forbidden: bot is not a member of the channel chat")
    return account


def chat_of(account: Mapping[str, Any]) -> dict[str, Any]:
    """``Chat``."""
    return {
        "id": int(account["id"]),
        "type": "channel",
        "title": account["title"],
        "username": account["name"],
    }


def get_chat(call: Call) -> dict[str, Any]:
    """``ChatFullInfo``."""
    return chat_of(_account(call)) | {
        "accent_color_id": 5,
        "max_reaction_count": 11,
        "accepted_gift_types": {
            "unlimited_gifts": False, "limited_gifts": False, "unique_gifts": False, "premium_subscription": False,
            "gifts_from_channels": False,
        },
    }  # fmt: skip


def get_chat_member(call: Call) -> dict[str, Any]:
    """``ChatMember`` of the bot; of anybody else nothing is known."""
    account, bot = _member_of(call), _bot(call)
    if call.number("user_id", 0) != bot["id"]:
        raise bad("user not found")
    return _administrator(account, bot)


def _administrator(account: Mapping[str, Any], bot: Mapping[str, Any]) -> dict[str, Any]:
    may = bool(account.get("can_post", True))
    return {"status": "administrator", "user": dict(bot), "can_be_edited": False, "is_anonymous": False} | {
        name: name in ("can_manage_chat", "can_invite_users") for name in _RIGHTS
    } | {"can_post_messages": may, "can_edit_messages": may}  # fmt: skip


def get_chat_member_count(call: Call) -> int:
    return call.state.followers(_account(call), call.state.clock())


def get_updates(call: Call) -> list[dict[str, Any]]:
    """What happened to the bot: it was made an administrator of its channels.

    An ``offset`` confirms what was before it.
    """
    if (offset := call.number("offset", 0)) > 0:
        call.confirmed[call.token] = offset
    first, bot = call.confirmed.get(call.token, 0), _bot(call)
    found = []
    for number, account in enumerate(call.channels, 1):
        changed = {
            "chat": chat_of(account),
            "from": {"id": 777000, "is_bot": False, "first_name": account["title"]},
            "date": _seconds(account["since"]),
            "old_chat_member": {"status": "left", "user": bot},
            "new_chat_member": _administrator(account, bot),
        }
        if number >= first:
            found.append({"update_id": number, "my_chat_member": changed})
    return found[: max(1, min(100, call.number("limit", 100)))]


# ------------------------------------------------------------------------------------------------ posting


def _may_post(call: Call) -> dict[str, Any]:
    account, now = _member_of(call), call.state.clock()
    if not account.get("can_post", True):
        raise bad("need administrator rights in the channel chat")
    if call.text("parse_mode"):
        raise bad("unsupported parse_mode")
    times = (datetime.fromisoformat(one["published_at"]) for one in call.state.posts_of(account))
    recent = sorted(one for one in times if now - MINUTE < one <= now)
    if len(recent) >= int(call.state.data.get("messages_a_minute", A_MINUTE)):
        raise too_many(max(1, round((recent[0] + MINUTE - now).total_seconds())))
    return account


def _caption(text: str) -> str:
    if utf16(text.strip()) > MOST_CAPTION:
        raise bad("message caption is too long")
    return text.strip()


def send_message(call: Call) -> dict[str, Any]:
    account, text = _may_post(call), call.text("text").strip()
    if not text:
        raise bad("message text is empty")
    if utf16(text) > MOST_TEXT:
        raise bad("message is too long")
    options = call.json("link_preview_options") or {}
    found = urls(text)
    first = text[slice(*found[0])] if found else ""
    link = "" if options.get("is_disabled") else str(options.get("url") or first)
    post = _put(call, account, text, (), link)
    answer = _messages(call.state, post)[0]
    if options:
        answer["link_preview_options"] = options
    return answer


def send_photo(call: Call) -> dict[str, Any]:
    return _send_one(call, "photo")


def send_video(call: Call) -> dict[str, Any]:
    return _send_one(call, "video")


def _send_one(call: Call, kind: str) -> dict[str, Any]:
    account, text = _may_post(call), _caption(call.text("caption"))
    shape = {name: call.number(name, 0) for name in ("width", "height", "duration")}
    return _messages(call.state, _put(call, account, text, (_file(call, kind, kind, shape),)))[0]


def send_media_group(call: Call) -> list[dict[str, Any]]:
    account, media = _may_post(call), call.json("media")
    if not isinstance(media, list) or not ALBUM[0] <= len(media) <= ALBUM[1]:
        raise bad("wrong number of messages in the album")
    files, text = [], ""
    for one in media:
        kind = str(one.get("type", "")) if isinstance(one, dict) else ""
        if kind not in ("photo", "video"):
            raise bad("unsupported type of media in the album")
        text = text or _caption(str(one.get("caption", "")))
        files.append(_file(call, str(one.get("media", "")), kind, one))
    return _messages(call.state, _put(call, account, text, tuple(files)))


def _file(call: Call, name: str, kind: str, shape: Mapping[str, Any]) -> str:
    """The uploaded file of that name, or one that was sent before, checked and kept; its number."""
    given = call.text(name) or name
    content = call.files.get(given.removeprefix("attach://"), call.files.get(name))
    if content is None:
        known = call.state.data["pictures"].get(given.removeprefix("practice-"))
        if known is None:
            raise bad("wrong remote file identifier specified: can't unserialize it. Wrong last symbol")
        return str(known["id"])
    if not content:
        raise bad("file must be non-empty")
    if kind == "video":
        if content[4:8] != b"ftyp":
            raise bad("VIDEO_CONTENT_TYPE_INVALID")
        wide, high = int(shape.get("width") or 0), int(shape.get("height") or 0)
        kept = call.state.add_file(content, "video/mp4", wide, high)
        with call.state.changing():
            kept["duration"] = int(shape.get("duration") or 0)
        return str(kept["id"])
    if len(content) > MOST_PHOTO:
        raise bad("too big for a photo; the maximum size is 10 MB")
    try:
        picture = call.state.add_picture(content)
    except UnreadablePicture:
        raise bad("IMAGE_PROCESS_FAILED") from None
    sides = picture["width"], picture["height"]
    if sum(sides) > MOST_SIDES or max(sides) > MOST_RATIO * min(sides):
        raise bad("PHOTO_INVALID_DIMENSIONS")
    return str(picture["id"])


def _put(
    call: Call, account: Mapping[str, Any], text: str, files: tuple[str, ...], link: str = ""
) -> dict[str, Any]:
    with call.state.changing() as data:
        post = call.state.add_post(account=dict(account), text=text, link=link, pictures=files)
        first = message_id(post)
        post["messages"] = [first + number for number in range(max(1, len(files)))]
        data["next"] += len(post["messages"]) - 1
    return post


def message_id(post: Mapping[str, Any]) -> int:
    """Number of the post's (first) message in its chat."""
    return int(str(post["id"]).rpartition("_")[2])


def delete_message(call: Call) -> bool:
    account, wanted = _member_of(call), call.number("message_id", 0)
    with call.state.changing() as data:
        for post in list(data["posts"].values()):
            ids = post.get("messages") or [message_id(post)]
            if post["account"] != account["id"] or wanted not in ids:
                continue
            if len(ids) == 1:
                del data["posts"][post["id"]]
            else:  # one of an album: the rest stays
                del post["pictures"][ids.index(wanted)]
                ids.remove(wanted)
            return True
    raise bad("message to delete not found")


# ------------------------------------------------------------------------------------------------ what it looks like


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _entities(text: str) -> list[dict[str, Any]]:
    """Addresses in a text; offset and length in UTF-16 units (``MessageEntity``)."""
    return [
        {"type": "url", "offset": utf16(text[:start]), "length": utf16(text[start:end])}
        for start, end in urls(text)
    ]


def _messages(state: State, post: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A post as ``Message``: one, or as many as the album has files."""
    account = state.data["accounts"][post["account"]]
    made, words = [], "caption" if post["pictures"] else "text"
    for place, number in enumerate(post["messages"]):
        message: dict[str, Any] = {
            "message_id": number,
            "sender_chat": chat_of(account),
            "chat": chat_of(account),
            "date": _seconds(post["published_at"]),
        }
        if place == 0 and post["text"]:
            message[words] = post["text"]
            if entities := _entities(post["text"]):
                message["caption_entities" if post["pictures"] else "entities"] = entities
        if post["pictures"]:
            kept = state.data["pictures"][post["pictures"][place]]
            shown = {"file_id": f"practice-{kept['id']}", "file_unique_id": f"p{kept['id']}",
                     "width": kept["width"], "height": kept["height"], "file_size": kept["bytes"]}  # fmt: skip
            if kept["mime"].startswith("video/"):
                message["video"] = shown | {"duration": kept.get("duration", 0), "mime_type": kept["mime"]}
            else:
                message["photo"] = [shown]
        if len(post["messages"]) > 1:
            message["media_group_id"] = str(post["messages"][0])
        made.append(message)
    return made


METHODS: dict[str, Callable[[Call], Any]] = {
    "getme": get_me,
    "getchat": get_chat,
    "getchatmember": get_chat_member,
    "getchatmembercount": get_chat_member_count,
    "getupdates": get_updates,
    "sendmessage": send_message,
    "sendphoto": send_photo,
    "sendvideo": send_video,
    "sendmediagroup": send_media_group,
    "deletemessage": delete_message,
}
