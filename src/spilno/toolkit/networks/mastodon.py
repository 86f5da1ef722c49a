"""Mastodon and servers that speak its API.

A status is sent with an ``Idempotency-Key``: for about an hour the server answers a repetition with the first status.
Later it is found among the account's own statuses, by attached pictures or by the exact text that was typed.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx

from spilno.toolkit.networks.base import (
    Account,
    Counting,
    Counts,
    CredentialField,
    Credentials,
    Kind,
    Limit,
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
from spilno.toolkit.networks.http import Answer, Refusal, Wire, address, moment, secrets_of
from spilno.toolkit.networks.words import ACCESS_TOKEN, CHECKED, OURS, POST, limit, rate

_DOCS = "https://docs.joinmastodon.org"
SCOPES = "read:accounts read:statuses write:statuses write:media"
CLOCKS_APART = timedelta(minutes=5)
MOST_PAGES = 5
PAGE = 40
STILL_WORKING = 3
"""Seconds after which to ask again whether the server has finished with a picture."""


class Mastodon(Network):
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
                limit("videos", 0, "count", OURS),
                limit("image_bytes", 16 * 1024 * 1024, "bytes", f"{_DOCS}/user/posting/#images"),
                limit(
                    "image_mime",
                    "image/jpeg image/png image/gif image/webp image/heic image/heif image/avif",
                    "mime",
                    f"{_DOCS}/user/posting/#images",
                ),
            ),
            once=Once.KEY,
            media_allowed=("image",),
        ),
    )
    credential_fields = (
        CredentialField(
            "instance",
            label={"uk": "Сервер", "en": "Server", "ru": "Сервер"},
            help={
                "uk": "Адреса сервера, на якому ваш акаунт.",
                "en": "Address of the server on which your account is.",
                "ru": "Адрес сервера, на котором ваш аккаунт.",
            },
            kind="url",
            placeholder="https://mastodon.social",
        ),
        CredentialField(
            "access_token",
            label=ACCESS_TOKEN,
            help={
                "uk": "Необовʼязково: без нього ви підтвердите доступ на своєму сервері.",
                "en": "Optional: without it you allow access on your server.",
                "ru": "Необязательно: без него вы подтвердите доступ на своём сервере.",
            },
            kind="password",
            secret=True,
            required=False,
        ),
    )

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """See whose token it is."""
        if not credentials.get("access_token"):
            raise NetworkError(Kind.PERMANENT, "credentials_missing", params={"field": "access_token"})
        kept = {**credentials, "instance": address(credentials.get("instance", ""))}
        me = self._wire(client, kept).get("/api/v1/accounts/verify_credentials")
        kept["account_id"] = str(me["id"])
        name = str(me.get("acct") or me.get("username", ""))
        host = httpx.URL(kept["instance"]).host
        return Account(kept["account_id"], f"@{name}@{host}", str(me.get("url", "")), kept)

    def authorization(
        self, *, client: httpx.Client, credentials: Credentials, redirect_uri: str, state: str
    ) -> tuple[str, Credentials]:
        """Register an application on the server, and say where the person allows it access."""
        instance = address(credentials.get("instance", ""))
        made = self._wire(client, {"instance": instance}).post(
            "/api/v1/apps",
            data={
                "client_name": "Spilno",
                "redirect_uris": redirect_uri,
                "scopes": SCOPES,
            },
        )
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        kept = {
            "instance": instance,
            "client_id": str(made["client_id"]),
            "client_secret": str(made["client_secret"]),
            "code_verifier": verifier,
        }
        query = {
            "response_type": "code",
            "client_id": kept["client_id"],
            "redirect_uri": redirect_uri,
            "scope": SCOPES,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{instance}/oauth/authorize?{urlencode(query)}", kept

    def finish(
        self, *, client: httpx.Client, credentials: Credentials, code: str, redirect_uri: str
    ) -> tuple[Account, ...]:
        """Trade the code for a token (servers before 4.3 ignore the verifier)."""
        answer = self._wire(client, credentials).post(
            "/oauth/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "client_id": credentials["client_id"],
                "client_secret": credentials["client_secret"],
                "redirect_uri": redirect_uri,
                "scope": SCOPES,
                "code_verifier": credentials["code_verifier"],
            },
        )
        kept = {key: value for key, value in credentials.items() if key != "code_verifier"}
        token = str(answer["access_token"])
        return (self.connect(client=client, credentials={**kept, "access_token": token}),)

    def live_limits(
        self, *, client: httpx.Client, credentials: Credentials, placement: str
    ) -> tuple[Limit, ...]:
        """What this server allows today: every server may set its own."""
        wire = self._wire(client, credentials)
        path = "/api/v2/instance"
        try:
            answer = wire.get(path)
        except NetworkError as error:
            if error.status != 404:
                raise
            path = "/api/v1/instance"
            answer = wire.get(path)
        stated = answer.get("configuration", {})
        statuses, media = stated.get("statuses") or {}, stated.get("media_attachments") or {}
        found = {
            "text": (statuses.get("max_characters") or answer.get("max_toot_chars"), "characters"),
            "images": (statuses.get("max_media_attachments"), "count"),
            "image_bytes": (media.get("image_size_limit"), "bytes"),
        }
        day = answer.date.date() if answer.date else CHECKED
        source = credentials["instance"].rstrip("/") + path
        limits = [
            Limit(key, value, unit, day, source)
            for key, (value, unit) in found.items()
            if isinstance(value, int)
        ]
        types = [str(one) for one in media.get("supported_mime_types") or [] if str(one).startswith("image/")]
        if types:
            limits.append(Limit("image_mime", " ".join(types), "mime", day, source))
        return tuple(limits)

    # ------------------------------------------------------------------------------------------ publishing

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Upload pictures and wait (by being called again) until the server has digested them."""
        wire = self._wire(client, credentials)
        ids: list[str] = list(so_far.data.get("media", []))
        working: list[str] = [one for one in so_far.data.get("working", []) if not self._digested(wire, one)]
        try:
            for one in post.media[len(ids) :]:
                answer = self._upload(wire, one)
                ids.append(str(answer["id"]))
                if answer.status == 202:
                    working.append(ids[-1])
        except NetworkError as error:
            error.so_far = Prepared({"media": ids, "working": working}, so_far.expires_at)
            raise
        done = Prepared({"media": ids, "working": working}, so_far.expires_at)
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
        answer = self._wire(client, credentials).post(
            "/api/v1/statuses", json=body, headers={"Idempotency-Key": post.key}
        )
        return _published(answer.data, str(answer["id"]))

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

    def _wire(self, client: httpx.Client, credentials: Credentials) -> Wire:
        token = credentials.get("access_token", "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        base = address(credentials.get("instance", ""))
        return Wire(client, base, headers, secrets_of(self, credentials), _explain)

    def _text(self, post: Outgoing) -> str:
        return self.sent_text(
            placement=post.placement, text=post.text, link=post.link, media=bool(post.media)
        )

    def _upload(self, wire: Wire, one: MediaFile) -> Answer:
        with one.path.open("rb") as file:
            return wire.post(
                "/api/v2/media",
                files={"file": (one.path.name, file, one.mime)},
                data={"description": one.alt} if one.alt else {},
            )

    def _digested(self, wire: Wire, media: str) -> bool:
        return wire.get(f"/api/v1/media/{media}").status != 206

    def _own(
        self, wire: Wire, credentials: Credentials, earliest: datetime
    ) -> Sequence[dict[str, Any] | None]:
        """Own statuses, newest first; a last ``None`` if there are more than we are willing to walk."""
        found: list[dict[str, Any] | None] = []
        params: dict[str, Any] = {"limit": PAGE, "exclude_reblogs": "true"}
        for _ in range(MOST_PAGES):
            page = wire.get(f"/api/v1/accounts/{credentials['account_id']}/statuses", params=params).data
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
        return str(source.get("text", "")).strip() == text.strip()

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


def _explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """``{"error": …, "error_description": …}`` (docs.joinmastodon.org/entities/Error)."""
    if not isinstance(data, dict):
        return Refusal()
    error, more = str(data.get("error", "")), str(data.get("error_description", ""))
    kind = Kind.RECONNECT if error in ("invalid_grant", "invalid_token", "invalid_client") else None
    return Refusal(code=error if more else "", message=more or error, kind=kind)
