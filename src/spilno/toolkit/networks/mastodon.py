"""Mastodon and servers that speak its API.

A status is sent with an ``Idempotency-Key``: for about an hour the server answers a repetition with the first status.
Later it is found among the account's own statuses, by attached pictures or by the exact text that was typed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
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
    Quota,
    Reading,
    Said,
    Sighting,
    Verdict,
)
from spilno.toolkit.networks.http import Answer, Wire, before_sending, doubted, moment, quota_of
from spilno.toolkit.networks.mastodon_connecting import FIELDS, STILL_WORKING, Connecting
from spilno.toolkit.networks.words import POST, limit, rate

_DOCS = "https://docs.joinmastodon.org"
CLOCKS_APART = timedelta(minutes=5)
MOST_PAGES = 5
PAGE = 40
MEDIA_KEPT = timedelta(hours=20)
"""A server forgets files that no status mentions after a day."""

HIDDEN = ("unlisted", "private", "direct")
"""Ways of being seen by fewer people; an answer is not shown to more people than what it answers."""


class Mastodon(Connecting):
    key = "mastodon"
    label = {"uk": "Mastodon", "en": "Mastodon", "ru": "Mastodon"}
    short = "Ma"
    color = "oklch(0.58 0.21 285)"
    docs = f"{_DOCS}/api/"
    audience_metric = "followers"
    rates = (
        rate("requests", 300, 300, f"{_DOCS}/api/rate-limits/"),
        rate("uploads", 30, 1800, f"{_DOCS}/api/rate-limits/", counts=Counts.UPLOAD),
    )
    metrics = {
        "favourites_count": "likes",
        "reblogs_count": "reposts",
        "replies_count": "replies",
        "quotes_count": "quotes",
        "followers_count": "followers",
    }
    look_here = {
        "uk": "Відкрийте профіль у Mastodon і перегляньте останні дописи.",
        "en": "Open the profile on Mastodon and look at the latest posts.",
        "ru": "Откройте профиль в Mastodon и посмотрите последние публикации.",
    }
    placements = (
        Placement(
            "post",
            label=POST,
            counting=Counting.MASTODON,
            limits=(
                limit("text", 500, "characters", f"{_DOCS}/user/posting/#text"),
                limit("images", 4, "count", f"{_DOCS}/user/posting/#attachments"),
                limit("videos", 1, "count", f"{_DOCS}/user/posting/#attachments"),
                limit("mixed", 0, "count", f"{_DOCS}/user/posting/#attachments"),
                limit("image_bytes", 16 * 1024 * 1024, "bytes", f"{_DOCS}/user/posting/#images"),
                limit(
                    "image_mime",
                    "image/jpeg image/png image/gif image/webp image/heic image/heif image/avif",
                    "mime",
                    f"{_DOCS}/user/posting/#images",
                ),
                limit("video_bytes", 99 * 1024 * 1024, "bytes", f"{_DOCS}/user/posting/#video"),
                limit(
                    "video_mime",
                    "video/mp4 video/webm video/quicktime",
                    "mime",
                    f"{_DOCS}/user/posting/#video",
                ),
                limit("video_fps", 120, "fps", f"{_DOCS}/user/posting/#video"),
            ),
            once=Once.KEY,
            media_allowed=("image", "video"),
        ),
    )
    credential_fields = FIELDS

    # ------------------------------------------------------------------------------------------ publishing

    reply_once = Once.KEY

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Upload files and wait (by being called again) until the server has digested them."""
        wire = self._wire(client, credentials)
        ids: list[str] = list(so_far.data.get("media", []))
        working: list[str] = [one for one in so_far.data.get("working", []) if not self._digested(wire, one)]
        expires = so_far.expires_at
        try:
            for one in post.media[len(ids) :]:
                answer = self._upload(wire, one)
                ids.append(str(answer["id"]))
                if answer.status == 202:
                    working.append(ids[-1])
                if expires is None and answer.date is not None:
                    expires = answer.date + MEDIA_KEPT
        except NetworkError as error:
            error.so_far = Prepared({"media": ids, "working": working}, expires)
            raise
        done = Prepared({"media": ids, "working": working}, expires)
        if working:
            raise NetworkError(Kind.WAIT, "media_processing", params={"seconds": STILL_WORKING}, so_far=done)
        return done

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Send the status under our key."""
        body: dict[str, Any] = {"status": self._text(post), "media_ids": list(prepared.data.get("media", []))}
        if post.language:
            body["language"] = post.language.partition("-")[0]
        if post.sensitive:
            body["sensitive"] = True
        return self._send(self._wire(client, credentials), body, post.key)

    def reply(
        self, *, client: httpx.Client, credentials: Credentials, in_reply_to: str, text: str, key: str
    ) -> Published:
        """Answer under a status, seen by no more people than it. Who is answered is named, or they never hear of it."""
        wire = self._wire(client, credentials)
        try:
            asked = wire.get(f"/api/v1/statuses/{in_reply_to}")
            author = asked["account"]
        except NetworkError as error:
            raise before_sending(error) from None
        name = f"@{author['acct']}"
        own = str(author.get("id")) == credentials.get("account_id")
        named = re.search(rf"{re.escape(name)}(?![\w@.-]*\w)", text, re.IGNORECASE)
        body = {"status": text if own or named else f"{name} {text}", "in_reply_to_id": in_reply_to}
        if (seen := asked.get("visibility")) in HIDDEN:
            body["visibility"] = seen
        return self._send(wire, body, key)

    def find(
        self,
        *,
        client: httpx.Client,
        credentials: Credentials,
        post: Outgoing,
        prepared: Prepared,
        not_before: datetime,
    ) -> Sighting:
        """Look through our own statuses since the first attempt.

        Pictures were uploaded for this very post, so a status that carries them is it. A text has no such mark: the
        earliest status with exactly this text counts.
        """
        wire = self._wire(client, credentials)
        media, text = {str(one) for one in prepared.data.get("media", [])}, self._text(post)
        found: dict[str, Any] | None = None
        for status in self._own(wire, credentials, not_before - CLOCKS_APART):
            if status is None:
                return Sighting(Verdict.CANNOT_TELL, look_at=self.look_here["en"])
            attached = {str(one.get("id")) for one in status.get("media_attachments") or []}
            if media:
                same = bool(attached & media)
            else:
                same = not attached and self._same_text(wire, status, text)
            if same:
                found = status
        return (
            Sighting(Verdict.FOUND, _published(found, str(found["id"])))
            if found
            else Sighting(Verdict.ABSENT)
        )

    def delete(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> None:
        """Delete the status; one that is gone already is no error."""
        try:
            self._wire(client, credentials).call("DELETE", f"/api/v1/statuses/{external_id}")
        except NetworkError as error:
            if error.status not in (404, 410):
                raise

    # ------------------------------------------------------------------------------------------ reading

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]:
        """Favourites, boosts, replies (and quotes, where the server counts them)."""
        answer = self._wire(client, credentials).get(f"/api/v1/statuses/{external_id}")
        return self._counters(answer)

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[Reading]:
        """Number of followers."""
        return self._counters(
            self._wire(client, credentials).get(f"/api/v1/accounts/{credentials['account_id']}")
        )

    def replies(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> Sequence[Said]:
        """Replies of others, at any depth, oldest first."""
        answer = self._wire(client, credentials).get(f"/api/v1/statuses/{external_id}/context")
        said = []
        for one in answer.get("descendants", []):
            author, at = one.get("account") or {}, moment(one.get("created_at"))
            if at is None or str(author.get("id")) == credentials.get("account_id"):
                continue
            said.append(
                Said(
                    external_id=str(one["id"]),
                    author=str(author.get("acct", "")),
                    author_name=str(author.get("display_name") or author.get("username", "")),
                    text=plain(str(one.get("content", ""))),
                    said_at=at,
                    in_reply_to=str(one.get("in_reply_to_id") or ""),
                    url=str(one.get("url") or ""),
                )
            )
        return sorted(said, key=lambda one: one.said_at)

    # ------------------------------------------------------------------------------------------ helpers

    def quotas(self, headers: httpx.Headers) -> tuple[Quota, ...]:
        """What is left of the requests. Small limits (uploads, deletions) look alike, so they are not guessed at."""
        told = quota_of(headers, "X-RateLimit", "RateLimit")
        if told is None or (told[1] or 0) < 100:
            return ()
        left, most, seconds = told
        return (Quota("requests", left, most, seconds),)

    def _send(self, wire: Wire, body: dict[str, Any], key: str) -> Published:
        try:
            answer = wire.post("/api/v1/statuses", json=body, headers={"Idempotency-Key": key})
        except NetworkError as error:
            raise doubted(error) from None
        return _published(answer.data, str(answer["id"]))

    def _text(self, post: Outgoing) -> str:
        return self.sent_text(
            placement=post.placement, text=post.text, link=post.link, media=bool(post.media)
        )

    def _upload(self, wire: Wire, one: MediaFile) -> Answer:
        try:
            with one.path.open("rb") as file:  # read while it is sent
                return wire.post(
                    "/api/v2/media",
                    # Under a name of ours: what people call their files is nobody's business.
                    files={"file": (f"file{one.path.suffix.lower()}", file, one.mime)},
                    data={"description": one.alt} if one.alt else {},
                )
        except NetworkError as error:
            if error.status == 422:  # not of a kind that it takes, or broken
                raise NetworkError(Kind.PERMANENT, "media_refused", params=error.params, status=422) from None
            raise

    def _digested(self, wire: Wire, media: str) -> bool:
        try:
            return wire.get(f"/api/v1/media/{media}").status != 206
        except NetworkError as error:
            if error.status == 404:  # forgotten there: uploaded anew
                raise NetworkError(Kind.WAIT, "preparation_expired", params={"seconds": 0}, status=404,
                                   so_far=Prepared()) from None  # fmt: skip
            if error.status == 422:  # digested, and thrown up again
                raise NetworkError(Kind.PERMANENT, "media_refused", params=error.params, status=422) from None
            raise

    def _own(
        self, wire: Wire, credentials: Credentials, earliest: datetime
    ) -> Sequence[dict[str, Any] | None]:
        """Own statuses, newest first; a last ``None`` if there are more than we are willing to walk."""
        found: list[dict[str, Any] | None] = []
        params: dict[str, Any] = {"limit": PAGE, "exclude_reblogs": "true"}
        for _ in range(MOST_PAGES):
            page = wire.get(f"/api/v1/accounts/{credentials['account_id']}/statuses", params=params).data
            if not isinstance(page, list):  # else nothing would look like "not there"
                raise NetworkError(Kind.UNCERTAIN, "unexpected_answer")
            for one in page:
                made = moment(one.get("created_at"))
                if made is not None and made < earliest:
                    return found
                found.append(one)
            if len(page) < PAGE:
                return found
            params["max_id"] = page[-1]["id"]
        return [*found, None]

    def _same_text(self, wire: Wire, status: dict[str, Any], text: str) -> bool:
        if _skeleton(plain(str(status.get("content", "")))) != _skeleton(text):
            return False
        try:  # what was typed, exactly; shown text may have lost white space
            source = wire.get(f"/api/v1/statuses/{status['id']}/source")
        except NetworkError as error:
            if error.kind is Kind.PERMANENT:  # server older than 3.5
                return True
            raise
        return str(source["text"]).strip() == text.strip()

    def _counters(self, answer: Answer) -> list[Reading]:
        return [
            Reading(ours, Decimal(answer.get(theirs)), answer.date)
            for theirs, ours in self.metrics.items()
            if isinstance(answer.get(theirs), int)
        ]


def plain(content: str) -> str:
    """The text of a status: HTML without its tags."""
    text = re.sub(r"(?i)<br\s*/?>", "\n", content)
    text = re.sub(r"(?i)</p>\s*<p[^>]*>", "\n\n", text)
    return html.unescape(re.sub(r"<[^>]+>", "", text)).strip()


def _skeleton(text: str) -> str:
    """A text without white space and without servers of mentions, which are not shown."""
    return re.sub(r"\s+", "", re.sub(r"@(\w+)@[\w.-]+\w", r"@\1", text))


def _published(status: dict[str, Any], external_id: str) -> Published:
    return Published(
        external_id=external_id,
        url=str(status.get("url") or status.get("uri") or ""),
        published_at=moment(status.get("created_at")),
        answer={"id": external_id},
    )
