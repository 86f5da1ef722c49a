"""Telegram: a channel or group, posted to by a bot (Bot API).

The Bot API has no key of ours and cannot read back what a bot has sent: a request whose answer got lost can be cleared
up by a person only. The token is part of every address, so addresses of this network must never be logged or shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx

from spilno.toolkit.networks.base import (
    Account,
    Counting,
    Counts,
    CredentialField,
    Credentials,
    Kind,
    MediaFile,
    Network,
    NetworkError,
    Once,
    Outgoing,
    Per,
    Placement,
    Prepared,
    Published,
    Reading,
)
from spilno.toolkit.networks.http import Answer, Refusal, Wire, address, secrets_of
from spilno.toolkit.networks.words import OURS, POST, limit, rate

API = "https://api.telegram.org"
_DOCS = "https://core.telegram.org/bots/api"
PRACTICE_PATH = "/bot-api"
"""A server that stands in for Telegram speaks the Bot API below this path, and shows its channels on own pages."""

_CERTAIN = re.compile(
    r"chat not found|text is empty|is too long|too big|too large|must be non-empty|can't parse|entit|file identifier"
    r"|\b(?:PHOTO|IMAGE|VIDEO|MEDIA|WEBPAGE|FILE|CHAT|TOPIC)_[A-Z_]+|upgraded to a supergroup|rights"
    r"|wrong type|HTTP URL|not found|inaccessible|not specified|unsupported|album|message can't be deleted|thumbnail",
    re.IGNORECASE,
)
"""Refusals that say what was wrong with the request. One that we do not know is not proof that nothing was posted."""
_NO_RIGHTS = re.compile(
    r"rights|inaccessible|CHAT_(?:WRITE|SEND_\w+)_FORBIDDEN|CHAT_ADMIN_REQUIRED", re.IGNORECASE
)
_BAD_MEDIA = re.compile(
    r"\b(?:PHOTO|IMAGE|VIDEO|MEDIA|FILE)_[A-Z_]+|wrong type|HTTP URL content", re.IGNORECASE
)
_TOO_LATE = "message can't be deleted"
_GONE = "message to delete not found"
_METHODS = {"image": ("sendPhoto", "photo"), "video": ("sendVideo", "video")}


class Telegram(Network):
    key = "telegram"
    label = {"uk": "Telegram", "en": "Telegram", "ru": "Telegram"}
    short = "Tg"
    color = "oklch(0.62 0.13 235)"
    docs = _DOCS
    audience_metric = "members"
    practice = True
    rates = (
        rate("messages", 20, 60, "https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this",
             counts=Counts.POST),
        rate("requests", 30, 1, "https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this",
             per=Per.APP),
    )  # fmt: skip
    metrics = {"getChatMemberCount": "members"}
    look_here = {
        "uk": "Відкрийте канал у Telegram і перегляньте останні дописи.",
        "en": "Open the channel in Telegram and look at the latest posts.",
        "ru": "Откройте канал в Telegram и посмотрите последние публикации.",
    }
    placements = (
        Placement(
            "post",
            label=POST,
            counting=Counting.UTF16,
            limits=(
                limit("text", 4096, "characters", f"{_DOCS}#sendmessage"),
                limit("caption", 1024, "characters", f"{_DOCS}#sendphoto"),
                limit("images", 10, "count", f"{_DOCS}#sendmediagroup"),
                limit("videos", 10, "count", f"{_DOCS}#sendmediagroup"),
                limit("media", 10, "count", f"{_DOCS}#sendmediagroup"),
                limit("image_bytes", 10_000_000, "bytes", f"{_DOCS}#sendphoto"),
                limit("image_mime", "image/jpeg image/png image/webp", "mime", OURS),
                limit("sides_sum", 10_000, "px", f"{_DOCS}#sendphoto"),
                limit("ratio_min", Decimal("0.05"), "ratio", f"{_DOCS}#sendphoto"),
                limit("ratio_max", 20, "ratio", f"{_DOCS}#sendphoto"),
                limit("video_bytes", 50_000_000, "bytes", f"{_DOCS}#sendvideo"),
                limit("video_mime", "video/mp4", "mime", f"{_DOCS}#sendvideo"),
            ),
            once=Once.NONE,
            media_allowed=("image", "video"),
            alt_text=False,
        ),
    )
    credential_fields = (
        CredentialField(
            "bot_token",
            label={"uk": "Токен бота", "en": "Bot token", "ru": "Токен бота"},
            help={
                "uk": "Створіть бота в @BotFather і зробіть його адміністратором каналу з правом публікувати.",
                "en": "Make a bot with @BotFather, and make it an administrator of the channel who may post.",
                "ru": "Создайте бота в @BotFather и сделайте его администратором канала с правом публиковать.",
            },
            kind="password",
            secret=True,
            placeholder="123456789:AA…",
        ),
        CredentialField(
            "chat",
            label={"uk": "Канал або група", "en": "Channel or group", "ru": "Канал или группа"},
            help={
                "uk": "Назва (@канал), посилання t.me або номер приватного каналу (-100…).",
                "en": "Name (@channel), t.me link, or the number of a private channel (-100…).",
                "ru": "Имя (@канал), ссылка t.me или номер закрытого канала (-100…).",
            },
            kind="handle",
            placeholder="@channel",
        ),
        CredentialField(
            "api_url",
            label={"uk": "Адреса Bot API", "en": "Bot API address", "ru": "Адрес Bot API"},
            help={
                "uk": "Змінюйте, лише щоб підʼєднати навчальну мережу або власний сервер Bot API.",
                "en": "Change it only to connect a practice network or a Bot API server of your own.",
                "ru": "Меняйте, только чтобы подключить учебную сеть или собственный сервер Bot API.",
            },
            kind="url",
            required=False,
            default=API,
        ),
    )

    # ------------------------------------------------------------------------------------------ connecting

    def app_of(self, credentials: Credentials) -> str:
        """The bot: its limits are shared by all chats it writes to."""
        return credentials.get("bot_token", "").partition(":")[0]

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """See which bot it is, find the chat, and see that the bot may post there."""
        kept = {
            "bot_token": credentials.get("bot_token", "").strip(),
            "chat": credentials.get("chat", "").strip(),
            "api_url": address(credentials.get("api_url", ""), default=API),
        }
        if not kept["bot_token"]:
            raise NetworkError(Kind.PERMANENT, "credentials_missing", params={"field": "bot_token"})
        if not re.fullmatch(r"\d+:[\w-]+", kept["bot_token"], flags=re.ASCII):
            raise NetworkError(Kind.RECONNECT, "not_accepted")
        wire = self._wire(client, kept)
        bot = _object(wire.get("/getMe"))
        # What was found before is asked for by its number: a channel may have been given another name since.
        chat = _object(
            wire.get("/getChat", params={"chat_id": credentials.get("chat_id") or _chat(kept["chat"])})
        )
        if chat.get("type") != "private":
            asked = {"chat_id": chat["id"], "user_id": bot["id"]}
            member = _object(wire.get("/getChatMember", params=asked), "status")
            if not _may_post(chat, member):
                raise NetworkError(Kind.RECONNECT, "may_not_post")
        kept |= {
            "chat_id": str(chat["id"]),
            "chat_type": str(chat.get("type", "")),
            "username": str(chat.get("username") or ""),
            "bot_id": str(bot["id"]),
        }
        name = str(chat.get("title") or chat.get("first_name") or kept["username"] or kept["chat_id"])
        return Account(kept["chat_id"], name, _page(kept), kept)

    # ------------------------------------------------------------------------------------------ publishing

    reply_once = Once.NONE

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Nothing: a file can be uploaded only by sending it to somebody."""
        return so_far

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Send one message, or one album."""
        wire = self._wire(client, credentials)
        problem: NetworkError | None = None
        with ExitStack() as opened:
            try:
                method, request = self._request(credentials["chat_id"], post, opened)
            except OSError:
                raise NetworkError(Kind.PERMANENT, "media_unreadable") from None
            try:
                answer = wire.post(f"/{method}", **request)
            except NetworkError as error:
                problem = _trusted(error)
        if problem is not None:
            raise problem
        return _published(answer, credentials)

    def reply(
        self, *, client: httpx.Client, credentials: Credentials, in_reply_to: str, text: str, key: str
    ) -> Published:
        """Answer a message of the chat (of an album: its first)."""
        body = {
            "chat_id": credentials["chat_id"],
            "text": text,
            "reply_parameters": {"message_id": int(in_reply_to.split(",")[0])},
        }
        problem: NetworkError | None = None
        try:
            answer = self._wire(client, credentials).post("/sendMessage", json=body)
        except NetworkError as error:
            problem = _trusted(error)
        if problem is not None:
            raise problem
        return _published(answer, credentials)

    def delete(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> None:
        """Delete the message, or the album as a whole; what is gone already is no error.

        :raises NetworkError: ``cannot_delete`` once it is older than 48 hours, unless the bot may delete anything.
        """
        ids = [int(one) for one in external_id.split(",")]
        chat = {"chat_id": credentials["chat_id"]}
        try:
            wire = self._wire(client, credentials)
            if len(ids) == 1:
                wire.post("/deleteMessage", json={**chat, "message_id": ids[0]})
            else:
                wire.post("/deleteMessages", json={**chat, "message_ids": ids})
        except NetworkError as error:
            if _GONE not in str(error.params.get("message", "")):
                raise

    # ------------------------------------------------------------------------------------------ reading

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]:
        """Nothing: the Bot API tells neither views nor reactions of a post that can be asked for."""
        return []

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[Reading]:
        """Number of members (of a channel: subscribers), administrators included."""
        answer = self._wire(client, credentials).get(
            "/getChatMemberCount", params={"chat_id": credentials["chat_id"]}
        )
        return [Reading("members", Decimal(_result(answer, int)), answer.date)]

    # ------------------------------------------------------------------------------------------ helpers

    def _wire(self, client: httpx.Client, credentials: Credentials) -> Wire:
        base = address(credentials.get("api_url", ""), default=API)
        token = quote(credentials.get("bot_token", "").strip(), safe=":")
        return Wire(client, f"{base}/bot{token}", {}, secrets_of(self, credentials), explain)

    def _request(self, chat: str, post: Outgoing, opened: ExitStack) -> tuple[str, dict[str, Any]]:
        text = self.sent_text(
            placement=post.placement, text=post.text, link=post.link, media=bool(post.media)
        )
        if not post.media:
            body: dict[str, Any] = {"chat_id": chat, "text": text}
            if post.link:  # otherwise Telegram previews the first address in the text
                body["link_preview_options"] = {"url": post.link}
            return "sendMessage", {"json": body}
        hidden = {"has_spoiler": True} if post.sensitive else {}
        data = {"chat_id": chat} | ({"caption": text} if text and len(post.media) == 1 else {})
        files = {}
        if len(post.media) == 1:
            one = post.media[0]
            method, name = _METHODS[one.kind]
            files[name] = _file(one, 0, opened)
            shape = _shape(one) | hidden
            return method, {
                "data": data | {key: json.dumps(value) for key, value in shape.items()},
                "files": files,
            }
        album = []
        for number, one in enumerate(post.media):
            files[f"file{number}"] = _file(one, number, opened)
            entry: dict[str, Any] = {
                "type": _METHODS[one.kind][1],
                "media": f"attach://file{number}",
                **_shape(one),
                **hidden,
            }
            if text and number == 0:  # the caption of the first is shown below the whole album
                entry["caption"] = text
            album.append(entry)
        return "sendMediaGroup", {"data": data | {"media": json.dumps(album)}, "files": files}


def _file(one: MediaFile, number: int, opened: ExitStack) -> tuple[str, Any, str]:
    """The file as httpx streams it, under a name of ours: what people call their files is nobody's business."""
    return f"file{number}{one.path.suffix.lower()}", opened.enter_context(one.path.open("rb")), one.mime


def _shape(one: MediaFile) -> dict[str, Any]:
    if one.kind != "video":
        return {}
    shape: dict[str, Any] = {"supports_streaming": True}
    if one.width and one.height:
        shape |= {"width": one.width, "height": one.height}
    if one.seconds is not None:
        shape["duration"] = int(one.seconds)
    return shape


def _chat(typed: str) -> str:
    """What a person typed, as the Bot API takes it: ``@name`` or a number.

    :raises NetworkError: ``not_found`` if it is neither, nor a ``t.me`` address.
    """
    text = re.sub(
        r"^(?:https?://)?(?:www\.)?(?:t|telegram)\.me/(?:s/)?", "", typed.strip(), flags=re.IGNORECASE
    )
    if private := re.match(r"c/(\d+)", text):
        return f"-100{private[1]}"
    text = text.split("/")[0]
    if re.fullmatch(r"-?\d{1,20}", text):
        return text
    if re.fullmatch(r"@?[A-Za-z]\w{2,31}", text, flags=re.ASCII):
        return f"@{text.removeprefix('@')}"
    raise NetworkError(Kind.PERMANENT, "not_found")


def _may_post(chat: Mapping[str, Any], member: Mapping[str, Any]) -> bool:
    """Does the bot's membership allow posting? In a channel only administrators post, and not all of them."""
    channel = chat.get("type") == "channel"
    match member.get("status"):
        case "creator":
            return True
        case "administrator":
            return not channel or member.get("can_post_messages") is True
        case "member":
            return not channel and (chat.get("permissions") or {}).get("can_send_messages") is not False
        case "restricted":
            return not channel and member.get("is_member") is True and member.get("can_send_messages") is True
    return False


def _page(credentials: Credentials, message: str = "") -> str:
    """Address of the chat or of a message in it; ``""`` where people have none (a basic group)."""
    tail = f"/{message}" if message else ""
    url = httpx.URL(credentials["api_url"])
    if credentials.get("username"):
        if url.path.rstrip("/") == PRACTICE_PATH:
            return str(url.copy_with(raw_path=f"/telegram/{credentials['username']}{tail}".encode()))
        return f"https://t.me/{credentials['username']}{tail}"
    number = credentials["chat_id"]
    return f"https://t.me/c/{number.removeprefix('-100')}{tail}" if number.startswith("-100") else ""


def _result(answer: Answer, kind: type) -> Any:
    """``result`` of an answer, which must be of that kind."""
    value = answer["result"]
    if answer.get("ok") is not True or not isinstance(value, kind) or isinstance(value, bool):
        raise NetworkError(
            Kind.UNCERTAIN, "unexpected_answer", params={"field": "result"}, status=answer.status
        )
    return value


def _object(answer: Answer, field: str = "id") -> dict[str, Any]:
    """``result`` of an answer, which must be an object with that field."""
    found: dict[str, Any] = _result(answer, dict)
    if field not in found:
        raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": field}, status=answer.status)
    return found


def _published(answer: Answer, credentials: Credentials) -> Published:
    value = answer["result"]
    messages = value if isinstance(value, list) else [value]
    ids = [one.get("message_id") for one in messages if isinstance(one, dict)]
    if answer.get("ok") is not True or not ids or not all(isinstance(one, int) for one in ids):
        raise NetworkError(
            Kind.UNCERTAIN, "unexpected_answer", params={"field": "message_id"}, status=answer.status
        )
    date = messages[0].get("date")
    at = datetime.fromtimestamp(date, UTC) if isinstance(date, int) else None
    # An album is several messages: all their ids are needed to delete it, the first is where it is found.
    return Published(",".join(map(str, ids)), _page(credentials, str(ids[0])), at, {"message_ids": ids})


def explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """``{"ok": false, "error_code", "description", "parameters": {"retry_after", "migrate_to_chat_id"}}``.

    Source: core.telegram.org/bots/api#making-requests and #responseparameters.
    """
    if not isinstance(data, dict) or data.get("ok") is not False:
        return Refusal()
    message, more = str(data.get("description", "")), data.get("parameters") or {}
    kind, ours, seconds = None, "", None
    if status == 404:  # of the method's address: the token is none
        kind = Kind.RECONNECT
    elif status == 429:
        waits = more.get("retry_after")
        seconds = float(waits) if isinstance(waits, int | float) else None
    elif more.get("migrate_to_chat_id"):
        kind, ours = Kind.RECONNECT, "chat_moved"
    elif status == 403 or (status == 400 and _NO_RIGHTS.search(message)):
        kind, ours = Kind.RECONNECT, "may_not_post"
    elif status == 400 and "chat not found" in message:
        ours = "not_found"
    elif status == 400 and _TOO_LATE in message:
        ours = "cannot_delete"
    elif status == 400 and _BAD_MEDIA.search(message):
        ours = "media_refused"
    return Refusal(str(data.get("error_code", status)), message, kind, seconds, ours)


def _trusted(error: NetworkError) -> NetworkError:
    """An error of a publishing request, doubted unless the Bot API itself says in known words what was wrong."""
    known = "their_code" in error.params and _CERTAIN.search(str(error.params.get("message", "")))
    if error.kind is not Kind.PERMANENT or error.status in (None, 413) or known:
        return error
    return NetworkError(Kind.UNCERTAIN, error.code, params=error.params, status=error.status)
