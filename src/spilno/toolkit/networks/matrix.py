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

import httpx

from spilno.toolkit.networks.base import (
    Counting,
    Counts,
    Credentials,
    Kind,
    MediaFile,
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
from spilno.toolkit.networks.http import Wire, before_sending, doubted
from spilno.toolkit.networks.matrix_connecting import FIELDS, Connecting, part
from spilno.toolkit.networks.words import MESSAGE, limit, rate

_SPEC = "https://spec.matrix.org/latest/client-server-api/"
_SIZE = f"{_SPEC}#size-limits"
_SYNAPSE = "https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html"
_MOST_FILE = 50 * 1024 * 1024
"""Each homeserver sets its own; this is the default of Synapse (``max_upload_size``)."""

_TYPES = {"image": "m.image", "video": "m.video", "file": "m.file"}
CONTENT_KEY = "org.spilno.key"
"""Field of the event's content that carries our key (custom fields are namespaced like Java packages)."""

CLOCKS_APART = timedelta(minutes=5)
"""How far a homeserver's clock may differ from ours before looking back stops too early."""

MOST_PAGES = 20
PAGE = 100


class Matrix(Connecting):
    key = "matrix"
    label = {"uk": "Matrix", "en": "Matrix", "ru": "Matrix"}
    short = "Mx"
    color = "oklch(0.62 0.12 165)"
    docs = _SPEC
    audience_metric = "members"
    # Synapse's default rc_message: 0.2 a second, bursts of 10.
    rates = (rate("messages", 10, 50, _SYNAPSE, counts=Counts.POST),)
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
                limit("videos", 1, "count", f"{_SPEC}#mvideo"),
                limit("documents", 1, "count", f"{_SPEC}#mfile"),
                limit("media", 1, "count", f"{_SPEC}#mroommessage-msgtypes"),
                limit("image_mime", "image/jpeg image/png image/webp image/gif", "mime", f"{_SPEC}#mimage"),
                limit("image_bytes", _MOST_FILE, "bytes", _SYNAPSE),
                limit("video_mime", "video/mp4 video/webm", "mime", f"{_SPEC}#mvideo"),
                limit("video_bytes", _MOST_FILE, "bytes", _SYNAPSE),
                limit("document_mime", "application/pdf", "mime", f"{_SPEC}#mfile"),
                limit("document_bytes", _MOST_FILE, "bytes", _SYNAPSE),
            ),
            once=Once.KEY,
            media_allowed=("image", "video", "file"),
            alt_text=False,
        ),
    )
    credential_fields = FIELDS

    # ------------------------------------------------------------------------------------------ publishing

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Upload the file to the server's media repository."""
        if not post.media or so_far.data.get("uri"):
            return so_far
        one = post.media[0]
        answer = self._wire(client, credentials).upload(
            "/_matrix/media/v3/upload", file=one.path, mime=one.mime, params={"filename": one.path.name}
        )
        return Prepared({**so_far.data, "uri": str(answer["content_uri"])})

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Send the event under our transaction id."""
        return self._send(
            self._wire(client, credentials), credentials, self._content(post, prepared), post.key
        )

    def reply(
        self, *, client: httpx.Client, credentials: Credentials, in_reply_to: str, text: str, key: str
    ) -> Published:
        """Answer a message, in its thread if it stands in one. Who is answered is mentioned."""
        wire, room = self._wire(client, credentials), part(credentials["room_id"])
        try:
            asked = wire.get(f"/_matrix/client/v3/rooms/{room}/event/{part(in_reply_to)}")
        except NetworkError as error:
            raise before_sending(error) from None
        related = (asked.get("content", {}).get("m.relates_to")) or {}
        answers: dict[str, Any] = {"m.in_reply_to": {"event_id": in_reply_to}}
        if related.get("rel_type") == "m.thread":
            answers |= {
                "rel_type": "m.thread",
                "event_id": str(related["event_id"]),
                "is_falling_back": False,
            }
        author = str(asked["sender"])
        content = {
            "msgtype": "m.text",
            "body": text,
            "m.relates_to": answers,
            "m.mentions": {"user_ids": [author]} if author != credentials.get("user_id") else {},
            CONTENT_KEY: key,
        }
        return self._send(wire, credentials, content, key)

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
        room, event = part(credentials["room_id"]), part(external_id)
        transaction = part(f"redact-{external_id.lstrip('$')}")
        try:
            self._wire(client, credentials).put(
                f"/_matrix/client/v3/rooms/{room}/redact/{event}/{transaction}", json={}
            )
        except NetworkError as error:
            if error.params.get("their_code") != "M_NOT_FOUND":
                raise

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
            f"/_matrix/client/v3/rooms/{part(credentials['room_id'])}/joined_members"
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
        if one.seconds is not None:
            info["duration"] = int(one.seconds * 1000)
        # A file with a caption is one event: `body` is the caption once `filename` is given (since Matrix 1.10), and
        # what describes the file where there is no other text.
        return {
            "msgtype": _TYPES[one.kind],
            "filename": one.path.name,
            "body": text or one.alt or one.path.name,
            "url": prepared.data["uri"],
            "info": info,
            CONTENT_KEY: post.key,
        }

    def _send(self, wire: Wire, credentials: Credentials, content: dict[str, Any], key: str) -> Published:
        room = credentials["room_id"]
        try:
            answer = wire.put(
                f"/_matrix/client/v3/rooms/{part(room)}/send/m.room.message/{part(key)}", json=content
            )
        except NetworkError as error:
            said = error.params.get("their_code")
            if said == "M_FORBIDDEN":  # no longer in the room, or not allowed to speak there
                raise NetworkError(
                    Kind.RECONNECT, "may_not_post", params=error.params, status=error.status
                ) from None
            if said == "M_TOO_LARGE":  # of an event that is its text
                raise NetworkError(
                    Kind.PERMANENT, "refused", params=error.params, status=error.status
                ) from None
            raise doubted(error) from None
        event = str(answer["event_id"])
        return Published(event, _permalink(room, event), None, {"event_id": event})

    def _back(self, client: httpx.Client, credentials: Credentials) -> Iterator[dict[str, Any] | None]:
        """Our own messages, newest first; a final ``None`` if there are more than we are willing to walk."""
        chosen = {"senders": [credentials["user_id"]], "types": ["m.room.message"]}
        params = {"dir": "b", "limit": PAGE, "filter": json.dumps(chosen)}
        path = f"/_matrix/client/v3/rooms/{part(credentials['room_id'])}/messages"
        yield from _pages(self._wire(client, credentials), path, params, "from", "end")

    def _relations(
        self, client: httpx.Client, credentials: Credentials, event: str, relation: str
    ) -> Iterator[dict[str, Any] | None]:
        room = part(credentials["room_id"])
        path = f"/_matrix/client/v1/rooms/{room}/relations/{part(event)}/{relation}"
        yield from _pages(self._wire(client, credentials), path, {"limit": PAGE}, "from", "next_batch")

    def _answers_since(
        self, client: httpx.Client, credentials: Credentials, event: str
    ) -> Iterator[dict[str, Any]]:
        """Messages after the event that quote it as a rich reply (these are no relations, so they are not listed)."""
        wire, room = self._wire(client, credentials), part(credentials["room_id"])
        around = wire.get(f"/_matrix/client/v3/rooms/{room}/context/{part(event)}", params={"limit": 0})
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


def _permalink(room: str, event: str = "") -> str:
    return f"https://matrix.to/#/{part(room)}" + (f"/{part(event)}" if event else "")


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(event.get("origin_server_ts", 0)) / 1000, UTC)


def _without_quote(text: str) -> str:
    """Older clients put the message they reply to in front, as lines that begin with ``> ``."""
    lines = text.split("\n")
    while lines and lines[0].startswith("> "):
        lines.pop(0)
    return "\n".join(lines).strip() or text
