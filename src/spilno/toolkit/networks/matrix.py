"""Matrix: a room on any homeserver.

Sending carries a transaction id that we choose: repeated with the same access token, it is the same event
(client-server API, "Transaction identifiers"). Servers forget transactions after a while, so every event also carries
our key in its content, by which it can be found again for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
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
    Placement,
    Prepared,
    Published,
    Reading,
    Said,
    Sighting,
    Verdict,
)
from spilno.toolkit.networks.http import Refusal, Wire, address, secrets_of
from spilno.toolkit.networks.words import ACCESS_TOKEN, MESSAGE, OURS, limit, rate

_SPEC = "https://spec.matrix.org/latest/client-server-api/"
_SIZE = f"{_SPEC}#size-limits"
CONTENT_KEY = "org.spilno.key"
"""Field of the event's content that carries our key (custom fields are namespaced like Java packages)."""

CLOCKS_APART = timedelta(minutes=5)
"""How far a homeserver's clock may differ from ours before looking back stops too early."""

MOST_PAGES = 20
PAGE = 100


class Matrix(Network):
    key = "matrix"
    label = {"uk": "Matrix", "en": "Matrix", "ru": "Matrix"}
    short = "Mx"
    color = "oklch(0.62 0.12 165)"
    docs = _SPEC
    audience_metric = "members"
    # Synapse's default rc_message: 0.2 a second, bursts of 10.
    rates = (
        rate("messages", 10, 50,
             "https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html",
             counts=Counts.POST),
    )  # fmt: skip
    metrics = {"m.annotation": "reactions", "m.thread": "replies", "joined": "members"}
    look_here = {
        "uk": "Відкрийте кімнату в Matrix і перегляньте останні повідомлення.",
        "en": "Open the room in Matrix and look at the latest messages.",
        "ru": "Откройте комнату в Matrix и посмотрите последние сообщения.",
    }
    placements = (
        Placement(
            "message",
            label=MESSAGE,
            counting=Counting.BYTES,
            limits=(
                # An event may have 65,536 bytes with everything: the rest is kept for keys, signatures and escapes.
                limit("text", 60_000, "bytes", _SIZE),
                limit("event_bytes", 65_536, "bytes", _SIZE),
                limit("images", 1, "count", f"{_SPEC}#mimage"),
                limit("videos", 0, "count", OURS),
                limit("image_mime", "image/jpeg image/png image/webp image/gif", "mime", f"{_SPEC}#mimage"),
                # Each homeserver sets its own; this is the default of Synapse (max_upload_size).
                limit(
                    "image_bytes",
                    50 * 1024 * 1024,
                    "bytes",
                    "https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html",
                ),
            ),
            once=Once.KEY,
            media_allowed=("image",),
            alt_text=False,
        ),
    )
    credential_fields = (
        CredentialField(
            "homeserver",
            label={"uk": "Сервер", "en": "Homeserver", "ru": "Сервер"},
            help={
                "uk": "Адреса сервера, на якому живе акаунт.",
                "en": "Address of the server on which the account lives.",
                "ru": "Адрес сервера, на котором живёт аккаунт.",
            },
            kind="url",
            placeholder="https://matrix.org",
        ),
        CredentialField(
            "room",
            label={"uk": "Кімната", "en": "Room", "ru": "Комната"},
            help={
                "uk": "Адреса кімнати (#назва:сервер) або її внутрішній ідентифікатор (!…:сервер).",
                "en": "The room's address (#name:server) or its internal id (!…:server).",
                "ru": "Адрес комнаты (#имя:сервер) или её внутренний идентификатор (!…:сервер).",
            },
            placeholder="#community:matrix.org",
        ),
        CredentialField(
            "user",
            label={"uk": "Користувач", "en": "User", "ru": "Пользователь"},
            help={
                "uk": "Потрібен, лише якщо входите з паролем.",
                "en": "Needed only if you sign in with a password.",
                "ru": "Нужен, только если входите с паролем.",
            },
            required=False,
            placeholder="@name:matrix.org",
        ),
        CredentialField(
            "password",
            label={"uk": "Пароль", "en": "Password", "ru": "Пароль"},
            help={
                "uk": "Використаємо один раз, щоб отримати токен, і не зберігатимемо.",
                "en": "Used once to get an access token, and not kept.",
                "ru": "Используем один раз, чтобы получить токен, и не будем хранить.",
            },
            kind="password",
            secret=True,
            required=False,
        ),
        CredentialField(
            "access_token",
            label=ACCESS_TOKEN,
            help={
                "uk": "Замість користувача й пароля.",
                "en": "Instead of user and password.",
                "ru": "Вместо пользователя и пароля.",
            },
            kind="password",
            secret=True,
            required=False,
        ),
    )

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """Sign in (if no token was given), join the room, and see that we may write there in the clear."""
        kept = {key: value for key, value in credentials.items() if key != "password"}
        kept["homeserver"] = address(credentials.get("homeserver", ""))
        if not kept.get("access_token"):
            kept |= self._login(client, credentials)
        who = self._wire(client, kept).get("/_matrix/client/v3/account/whoami")
        kept["user_id"] = str(who["user_id"])
        wire = self._wire(client, kept)
        typed = credentials.get("room", "").strip()
        kept["room_id"] = str(wire.post(f"/_matrix/client/v3/join/{_part(typed)}", json={})["room_id"])
        if self._state(wire, kept["room_id"], "m.room.encryption"):
            raise NetworkError(Kind.PERMANENT, "room_encrypted", params={"room": typed})
        name = self._state(wire, kept["room_id"], "m.room.name").get("name") or typed
        return Account(kept["room_id"], str(name), f"https://matrix.to/#/{_part(typed)}", kept)

    def _login(self, client: httpx.Client, credentials: Credentials) -> dict[str, str]:
        if not credentials.get("user") or not credentials.get("password"):
            raise NetworkError(Kind.PERMANENT, "credentials_missing", params={"field": "access_token"})
        answer = self._wire(client, credentials).post(
            "/_matrix/client/v3/login",
            json={
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": credentials["user"].strip()},
                "password": credentials["password"],
                "initial_device_display_name": "Spilno",
            },
        )
        return {"access_token": str(answer["access_token"]), "device_id": str(answer.get("device_id", ""))}

    # ------------------------------------------------------------------------------------------ publishing

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Upload the picture to the server's media repository."""
        if not post.media or so_far.data.get("uri"):
            return so_far
        one = post.media[0]
        answer = self._wire(client, credentials).post(
            "/_matrix/media/v3/upload",
            params={"filename": one.path.name},
            content=one.path.read_bytes(),
            headers={"Content-Type": one.mime},
        )
        return Prepared({**so_far.data, "uri": str(answer["content_uri"])})

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Send the event under our transaction id."""
        room = credentials["room_id"]
        answer = self._wire(client, credentials).put(
            f"/_matrix/client/v3/rooms/{_part(room)}/send/m.room.message/{_part(post.key)}",
            json=self._content(post, prepared),
        )
        event = str(answer["event_id"])
        return Published(event, _permalink(room, event), None, {"event_id": event})

    def find(
        self,
        *,
        client: httpx.Client,
        credentials: Credentials,
        post: Outgoing,
        prepared: Prepared,
        not_before: datetime,
    ) -> Sighting:
        """Look for our key in our own messages, back to the first attempt."""
        earliest = not_before - CLOCKS_APART
        for event in self._back(client, credentials):
            if event is None:
                return Sighting(Verdict.CANNOT_TELL, look_at=_permalink(credentials["room_id"]))
            sent_at = _time(event)
            if sent_at < earliest:
                break
            ours = (event.get("content") or {}).get(CONTENT_KEY) == post.key
            if ours or (event.get("unsigned") or {}).get("transaction_id") == post.key:
                found = str(event["event_id"])
                url = _permalink(credentials["room_id"], found)
                return Sighting(Verdict.FOUND, Published(found, url, sent_at, {"event_id": found}))
        return Sighting(Verdict.ABSENT)

    def delete(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> None:
        """Redact the event: its content is gone for everybody, its place in the room stays."""
        room, event = _part(credentials["room_id"]), _part(external_id)
        transaction = _part(f"redact-{external_id.lstrip('$')}")
        self._wire(client, credentials).put(
            f"/_matrix/client/v3/rooms/{room}/redact/{event}/{transaction}", json={}
        )

    # ------------------------------------------------------------------------------------------ reading

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]:
        """Reactions and replies in the thread, counted by walking the event's relations."""
        readings = []
        for relation in ("m.annotation", "m.thread"):
            own = credentials.get("user_id")
            events = list(self._relations(client, credentials, external_id, relation))
            if None in events:
                continue  # more than we are willing to walk: no value is better than a wrong one
            count = sum(1 for one in events if one is not None and one.get("sender") != own)
            readings.append(Reading(self.metrics[relation], Decimal(count)))
        return readings

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[Reading]:
        """Number of joined members, ourselves included, as every client shows it."""
        answer = self._wire(client, credentials).get(
            f"/_matrix/client/v3/rooms/{_part(credentials['room_id'])}/joined_members"
        )
        return [Reading("members", Decimal(len(answer["joined"])), answer.date)]

    def replies(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> Sequence[Said]:
        """What others said in the post's thread, or in direct reply to it since, oldest first."""
        heard: dict[str, Said] = {}
        threaded = (one for one in self._relations(client, credentials, external_id, "m.thread") if one)
        for event in (*threaded, *self._answers_since(client, credentials, external_id)):
            if event.get("sender") != credentials.get("user_id") and (said := self._said(event, credentials)):
                heard[said.external_id] = said
        return sorted(heard.values(), key=lambda one: one.said_at)

    # ------------------------------------------------------------------------------------------ helpers

    def _content(self, post: Outgoing, prepared: Prepared) -> dict[str, Any]:
        text = self.sent_text(
            placement=post.placement, text=post.text, link=post.link, media=bool(post.media)
        )
        if not post.media:
            return {"msgtype": "m.text", "body": text, CONTENT_KEY: post.key}
        one: MediaFile = post.media[0]
        info: dict[str, Any] = {"mimetype": one.mime, "size": one.bytes}
        if one.width and one.height:
            info |= {"w": one.width, "h": one.height}
        # A picture with a caption is one event: `body` is the caption once `filename` is given (since Matrix 1.10).
        return {
            "msgtype": "m.image",
            "filename": one.path.name,
            "body": text or one.alt or one.path.name,
            "url": prepared.data["uri"],
            "info": info,
            CONTENT_KEY: post.key,
        }

    def _wire(self, client: httpx.Client, credentials: Credentials) -> Wire:
        token = credentials.get("access_token", "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        base = address(credentials.get("homeserver", ""))
        return Wire(client, base, headers, secrets_of(self, credentials), _explain)

    def _state(self, wire: Wire, room: str, kind: str) -> dict[str, Any]:
        try:
            found = wire.get(f"/_matrix/client/v3/rooms/{_part(room)}/state/{kind}/").data
        except NetworkError as error:
            if error.status == 404:
                return {}
            raise
        return found if isinstance(found, dict) else {}

    def _back(self, client: httpx.Client, credentials: Credentials) -> Iterator[dict[str, Any] | None]:
        """Our own messages, newest first; a final ``None`` if there are more than we are willing to walk."""
        chosen = {"senders": [credentials["user_id"]], "types": ["m.room.message"]}
        params = {"dir": "b", "limit": PAGE, "filter": json.dumps(chosen)}
        path = f"/_matrix/client/v3/rooms/{_part(credentials['room_id'])}/messages"
        yield from _pages(self._wire(client, credentials), path, params, "from", "end")

    def _relations(
        self, client: httpx.Client, credentials: Credentials, event: str, relation: str
    ) -> Iterator[dict[str, Any] | None]:
        room = _part(credentials["room_id"])
        path = f"/_matrix/client/v1/rooms/{room}/relations/{_part(event)}/{relation}"
        yield from _pages(self._wire(client, credentials), path, {"limit": PAGE}, "from", "next_batch")

    def _answers_since(
        self, client: httpx.Client, credentials: Credentials, event: str
    ) -> Iterator[dict[str, Any]]:
        """Messages after the event that quote it as a rich reply (these are no relations, so they are not listed)."""
        wire, room = self._wire(client, credentials), _part(credentials["room_id"])
        around = wire.get(f"/_matrix/client/v3/rooms/{room}/context/{_part(event)}", params={"limit": 0})
        params = {
            "dir": "f",
            "limit": PAGE,
            "from": around["end"],
            "filter": json.dumps({"types": ["m.room.message"]}),
        }
        for one in _pages(wire, f"/_matrix/client/v3/rooms/{room}/messages", params, "from", "end"):
            relates = ((one or {}).get("content") or {}).get("m.relates_to") or {}
            if one and (relates.get("m.in_reply_to") or {}).get("event_id") == event:
                yield one

    def _said(self, event: dict[str, Any], credentials: Credentials) -> Said | None:
        content = event.get("content") or {}
        text = str(content.get("body", ""))
        if not text:  # redacted, or a sticker
            return None
        relates = content.get("m.relates_to") or {}
        sender = str(event.get("sender", ""))
        return Said(
            external_id=str(event["event_id"]),
            author=sender,
            author_name=sender.lstrip("@").partition(":")[0],
            text=_without_quote(text),
            said_at=_time(event),
            in_reply_to=str(
                (relates.get("m.in_reply_to") or {}).get("event_id") or relates.get("event_id") or ""
            ),
            url=_permalink(credentials["room_id"], str(event["event_id"])),
        )


def _pages(
    wire: Wire, path: str, params: dict[str, Any], token: str, following: str
) -> Iterator[dict[str, Any] | None]:
    for _ in range(MOST_PAGES):
        answer = wire.get(path, params=params)
        yield from answer["chunk"]
        if not answer.get(following):
            return
        params = {**params, token: answer.get(following)}
    yield None


def _part(value: str) -> str:
    """One part of a path: ``!room:server`` and ``$event/with/slashes`` escaped whole."""
    return quote(value, safe="")


def _permalink(room: str, event: str = "") -> str:
    return f"https://matrix.to/#/{_part(room)}" + (f"/{_part(event)}" if event else "")


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(event.get("origin_server_ts", 0)) / 1000, UTC)


def _without_quote(text: str) -> str:
    """Older clients put the message they reply to in front, as lines that begin with ``> ``."""
    lines = text.split("\n")
    while lines and lines[0].startswith("> "):
        lines.pop(0)
    return "\n".join(lines).strip() or text


def _explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """``{"errcode": "M_FORBIDDEN", "error": …, "retry_after_ms": …}`` (client-server API, standard errors)."""
    if not isinstance(data, dict):
        return Refusal()
    code = str(data.get("errcode", ""))
    kind = None
    if code in ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED"):
        kind = Kind.RECONNECT
    elif code == "M_LIMIT_EXCEEDED":
        kind = Kind.WAIT
    milliseconds = data.get("retry_after_ms")
    seconds = milliseconds / 1000 if isinstance(milliseconds, int | float) else None
    return Refusal(code, str(data.get("error", "")), kind, seconds)
