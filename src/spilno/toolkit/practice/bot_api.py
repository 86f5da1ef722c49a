"""Telegram's Bot API: a bot that posts to channels (core.telegram.org/bots/api).

Takes uploads and file ids, not web addresses; understands addresses in a text, but no ``parse_mode``.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spilno.toolkit.language.counting import urls, utf16
from spilno.toolkit.practice.bot_call import BotError, Call, bad, read, too_many
from spilno.toolkit.practice.state import State, UnreadablePicture

PREFIX = "/bot-api"
MOST_TEXT = 4096
MOST_CAPTION = 1024
MOST_PHOTO = 10_000_000
MOST_THUMBNAIL = 200_000
MOST_DELETED = 100
MOST_SIDES = 10_000
MOST_RATIO = 20
ALBUM = (2, 10)
MINUTE = timedelta(seconds=60)
DELETABLE = timedelta(hours=48)
"""So long a bot may delete what it posted, unless it has the right to delete anything."""
A_MINUTE = 20
"""Messages that one chat takes in a minute (core.telegram.org/bots/faq)."""

_RIGHTS = (
    "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories",
    "can_send_welcome_messages",
)  # fmt: skip


def routes(state: State) -> list[Route]:
    """The API's only address."""
    confirmed: dict[str, int] = {}

    async def endpoint(request: Request) -> Response:
        try:
            async with AsyncExitStack() as opened:
                call = await read(request, state, confirmed, opened)
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
    } | {
        "can_post_messages": may, "can_edit_messages": may,
        "can_delete_messages": bool(account.get("can_delete", False)),
    }  # fmt: skip


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


def _replied(call: Call, account: Mapping[str, Any]) -> int:
    """The message that is answered, 0 if none is."""
    given = call.json("reply_parameters") or {}
    wanted = given.get("message_id") if isinstance(given, dict) else None
    if not wanted:
        return 0
    if wanted in {number for _, numbers in _in(call.state, account) for number in numbers}:
        return int(wanted)
    if given.get("allow_sending_without_reply"):
        return 0
    raise bad("message to be replied not found")


def _in(state: State, account: Mapping[str, Any]) -> list[tuple[dict[str, Any], list[int]]]:
    """The chat's posts with the numbers of their messages."""
    return [
        (post, post.get("messages") or [message_id(post)])
        for post in state.data["posts"].values()
        if post["account"] == account["id"]
    ]


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
    post = _put(call, account, text, (), link, _replied(call, account))
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
    _check_thumbnail(call, call.text("thumbnail") or "thumbnail")
    replied = _replied(call, account)
    answer = _messages(call.state, _put(call, account, text, (_file(call, kind, kind, shape),), "", replied))[
        0
    ]
    if call.json("has_spoiler"):
        answer["has_media_spoiler"] = True
    return answer


def _check_thumbnail(call: Call, name: str) -> None:
    """A preview picture is small, or it is ignored with an error."""
    found = call.files.get(name.removeprefix("attach://"))
    if found is not None and (found.size or 0) > MOST_THUMBNAIL:
        raise bad("thumbnail is too big")


def send_media_group(call: Call) -> list[dict[str, Any]]:
    account, media = _may_post(call), call.json("media")
    if not isinstance(media, list) or not ALBUM[0] <= len(media) <= ALBUM[1]:
        raise bad("wrong number of messages in the album")
    files, text, hidden, replied = [], "", [], _replied(call, account)
    for one in media:
        kind = str(one.get("type", "")) if isinstance(one, dict) else ""
        if kind not in ("photo", "video"):
            raise bad("unsupported type of media in the album")
        text = text or _caption(str(one.get("caption", "")))
        files.append(_file(call, str(one.get("media", "")), kind, one))
        hidden.append(one.get("has_spoiler") is True)
    answer = _messages(call.state, _put(call, account, text, tuple(files), "", replied))
    for message, spoiler in zip(answer, hidden, strict=True):
        if spoiler:
            message["has_media_spoiler"] = True
    return answer


def _file(call: Call, name: str, kind: str, shape: Mapping[str, Any]) -> str:
    """The uploaded file of that name, or one that was sent before, checked and kept; its number."""
    given = call.text(name) or name
    upload = call.files.get(given.removeprefix("attach://")) or call.files.get(name)
    if upload is None:
        known = call.state.data["pictures"].get(given.removeprefix("practice-"))
        if known is None:
            raise bad("wrong remote file identifier specified: can't unserialize it. Wrong last symbol")
        return str(known["id"])
    if not upload.size:
        raise bad("file must be non-empty")
    upload.file.seek(0)
    if kind == "video":
        if upload.file.read(12)[4:8] != b"ftyp":
            raise bad("VIDEO_CONTENT_TYPE_INVALID")
        upload.file.seek(0)
        wide, high = int(shape.get("width") or 0), int(shape.get("height") or 0)
        return _kept(call.state, upload, wide, high, int(shape.get("duration") or 0))
    if upload.size > MOST_PHOTO:
        raise bad("too big for a photo; the maximum size is 10 MB")
    try:
        picture = call.state.add_picture(upload.file.read())
    except UnreadablePicture:
        raise bad("IMAGE_PROCESS_FAILED") from None
    sides = picture["width"], picture["height"]
    if sum(sides) > MOST_SIDES or max(sides) > MOST_RATIO * min(sides):
        raise bad("PHOTO_INVALID_DIMENSIONS")
    return str(picture["id"])


def _kept(state: State, upload: UploadFile, wide: int, high: int, seconds: int) -> str:
    """Keep a video without reading it whole."""
    state.folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=state.folder)
    with open(handle, "wb") as file:
        shutil.copyfileobj(upload.file, file, 1 << 20)
    return str(state.keep_file(Path(name), "video/mp4", wide, high, duration=seconds)["id"])


def _put(
    call: Call,
    account: Mapping[str, Any],
    text: str,
    files: tuple[str, ...],
    link: str = "",
    replied: int = 0,
) -> dict[str, Any]:
    with call.state.changing() as data:
        post = call.state.add_post(account=dict(account), text=text, link=link, pictures=files)
        if replied:
            post["reply_to"] = replied
        first = message_id(post)
        post["messages"] = [first + number for number in range(max(1, len(files)))]
        data["next"] += len(post["messages"]) - 1
    return post


def message_id(post: Mapping[str, Any]) -> int:
    """Number of the post's (first) message in its chat."""
    return int(str(post["id"]).rpartition("_")[2])


def delete_message(call: Call) -> bool:
    account, wanted = _member_of(call), call.number("message_id", 0)
    with call.state.changing():
        if not _deleted(call, account, wanted):
            raise bad("message to delete not found")
    return True


def delete_messages(call: Call) -> bool:
    """Several at once; those that are not there are passed over."""
    account, wanted = _member_of(call), call.json("message_ids")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= MOST_DELETED:
        raise bad("message identifiers are not specified")
    with call.state.changing():
        for one in wanted:
            _deleted(call, account, one)
    return True


def _deleted(call: Call, account: Mapping[str, Any], wanted: int) -> bool:
    """Delete a message; false if it is not there."""
    for post, ids in _in(call.state, account):
        if wanted not in ids:
            continue
        age = call.state.clock() - datetime.fromisoformat(post["published_at"])
        if age > DELETABLE and not account.get("can_delete", False):
            raise bad("message can't be deleted for everyone")
        if len(ids) == 1:
            del call.state.data["posts"][post["id"]]
        else:  # one of an album: the rest stays
            del post["pictures"][ids.index(wanted)]
            ids.remove(wanted)
        return True
    return False


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
        if post.get("reply_to"):
            message["reply_to_message"] = {
                "message_id": post["reply_to"], "date": message["date"], "chat": chat_of(account),
            }  # fmt: skip
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
    "deletemessages": delete_messages,
}
