"""Bluesky and any other server of the AT protocol.

A post is a record in the account's own repository, under a key that we choose: written twice, it is one post. Writing
goes to the account's server (PDS); counters and threads are read from an AppView, without signing in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

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
    with_link,
)
from spilno.toolkit.networks.bluesky_text import handles, record, tid, tid_time
from spilno.toolkit.networks.http import Answer, Refusal, Wire, address, before_sending, moment, secrets_of
from spilno.toolkit.networks.words import OURS, POST, limit, rate

_LEXICON = "https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/feed/post.json"
_IMAGES = "https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/embed/images.json"
COLLECTION = "app.bsky.feed.post"
APPVIEW = "https://public.api.bsky.app"
BLOB_KEPT = timedelta(hours=1)
"""A server may forget an uploaded picture that no record mentions; an hour is what the specification asks at least."""


class Bluesky(Network):
    key = "bluesky"
    label = {"uk": "Bluesky", "en": "Bluesky", "ru": "Bluesky"}
    short = "Bs"
    color = "oklch(0.62 0.19 255)"
    docs = "https://docs.bsky.app/"
    audience_metric = "followers"
    # 5,000 points an hour, a record costs at most 3 (docs.bsky.app, rate limits).
    # 5,000 points an hour; making a record costs three.
    rates = (
        rate(
            "posts", 1666, 3600, "https://docs.bsky.app/docs/advanced-guides/rate-limits", counts=Counts.POST
        ),
    )
    metrics = {
        "likeCount": "likes",
        "repostCount": "reposts",
        "replyCount": "replies",
        "quoteCount": "quotes",
        "followersCount": "followers",
    }
    look_here = {
        "uk": "Відкрийте профіль у Bluesky і перегляньте останні дописи.",
        "en": "Open the profile on Bluesky and look at the latest posts.",
        "ru": "Откройте профиль в Bluesky и посмотрите последние публикации.",
    }
    placements = (
        Placement(
            "post",
            label=POST,
            counting=Counting.GRAPHEMES,
            limits=(
                limit("text", 300, "graphemes", _LEXICON),
                limit("bytes", 3000, "bytes", _LEXICON),
                limit("images", 4, "count", _IMAGES),
                limit("videos", 0, "count", OURS),
                # The lexicon allows 2 MB since 2026; servers of before refuse more than 1 MB, and we cannot know.
                limit("image_bytes", 1_000_000, "bytes", _IMAGES),
                limit("image_mime", "image/jpeg image/png image/webp image/gif", "mime", _IMAGES),
            ),
            once=Once.KEY,
            media_allowed=("image",),
        ),
    )
    credential_fields = (
        CredentialField(
            "handle",
            label={"uk": "Імʼя користувача", "en": "Handle", "ru": "Имя пользователя"},
            help={
                "uk": "Як у профілі, без @: name.bsky.social або власний домен.",
                "en": "As in the profile, without @: name.bsky.social or your own domain.",
                "ru": "Как в профиле, без @: name.bsky.social или собственный домен.",
            },
            kind="handle",
            placeholder="name.bsky.social",
        ),
        CredentialField(
            "app_password",
            label={"uk": "Пароль застосунку", "en": "App password", "ru": "Пароль приложения"},
            help={
                "uk": "Не пароль від акаунта: створіть окремий у Bluesky → Налаштування → Приватність і безпека → "
                "Паролі застосунків.",
                "en": "Not the account's password: make a separate one in Bluesky → Settings → Privacy and security → "
                "App passwords.",
                "ru": "Не пароль от аккаунта: создайте отдельный в Bluesky → Настройки → Приватность и безопасность → "
                "Пароли приложений.",
            },
            kind="password",
            secret=True,
            placeholder="xxxx-xxxx-xxxx-xxxx",
        ),
        CredentialField(
            "service",
            label={"uk": "Сервер (PDS)", "en": "Server (PDS)", "ru": "Сервер (PDS)"},
            help={
                "uk": "Змінюйте, лише якщо ваш акаунт живе на власному сервері.",
                "en": "Change it only if your account lives on a server of your own.",
                "ru": "Меняйте, только если ваш аккаунт живёт на собственном сервере.",
            },
            kind="url",
            required=False,
            default="https://bsky.social",
        ),
        CredentialField(
            "appview",
            label={
                "uk": "Сервер статистики (AppView)",
                "en": "Statistics server (AppView)",
                "ru": "Сервер статистики (AppView)",
            },
            help={
                "uk": "Звідки читаємо вподобання, відповіді та кількість підписників.",
                "en": "Where likes, replies and the number of followers are read from.",
                "ru": "Откуда читаем отметки «нравится», ответы и число подписчиков.",
            },
            kind="url",
            required=False,
            default=APPVIEW,
        ),
    )

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """Sign in once to see that handle and password belong together; the session itself is not kept."""
        session = self._session(client, credentials)
        did, handle = str(session["did"]), str(session["handle"])
        return Account(
            external_id=did,
            name=f"@{handle}",
            url=f"https://bsky.app/profile/{handle}",
            credentials={
                **credentials,
                "service": address(credentials.get("service", ""), default="https://bsky.social"),
                "appview": address(credentials.get("appview", ""), default=APPVIEW),
                "did": did,
                "handle": handle,
            },
        )

    # ------------------------------------------------------------------------------------------ publishing

    def sent_text(self, *, placement: str, text: str, link: str = "", media: bool = False) -> str:
        """A link is a card under the text; beside pictures there is no room for it, so it goes into the text."""
        return with_link(text, link) if media else text

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Upload pictures and resolve mentioned handles. Signs in only if there is a picture."""
        data: dict[str, Any] = {"rkey": tid(post.key), **so_far.data}
        expires = so_far.expires_at
        blobs: list[dict[str, Any]] = list(data.get("images", []))
        if len(blobs) < len(post.media):
            session = self._session(client, credentials)
            for one in post.media[len(blobs) :]:
                blobs.append(self._upload(client, credentials, session, one))
            if session.date is not None:
                expires = session.date + BLOB_KEPT
        data["images"] = blobs
        if "dids" not in data:
            data["dids"] = self._dids(client, credentials, self._text(post))
        return Prepared(data, expires)

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Write the record under our key, only if nothing is there yet; if something is, it is this very post."""
        rkey = str(prepared.data.get("rkey") or tid(post.key))
        try:
            session = self._session(client, credentials)
        except NetworkError as error:
            raise before_sending(error) from None
        body = {
            "repo": session["did"],
            "collection": COLLECTION,
            "rkey": rkey,
            "record": record(
                text=self._text(post),
                created_at=session.date or tid_time(rkey),
                dids=prepared.data.get("dids", {}),
                images=list(prepared.data.get("images", [])),
                link=post.link,
                language=post.language,
            ),
            "swapRecord": None,
        }
        try:
            answer = self._authorized(client, credentials, session).post(
                "/xrpc/com.atproto.repo.putRecord", json=body
            )
        except NetworkError as error:
            if error.params.get("their_code") == "InvalidSwap":
                return self._read(client, credentials, rkey) or _lost(rkey)
            raise
        return self._published(credentials, str(answer["uri"]), body["record"], answer.data)

    def find(
        self,
        *,
        client: httpx.Client,
        credentials: Credentials,
        post: Outgoing,
        prepared: Prepared,
        not_before: datetime,
    ) -> Sighting:
        """Our key is there or it is not: the account's own server always knows."""
        found = self._read(client, credentials, str(prepared.data.get("rkey") or tid(post.key)))
        return Sighting(Verdict.FOUND, found) if found else Sighting(Verdict.ABSENT)

    def delete(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> None:
        """Delete the record; deleting what is not there is no error (``com.atproto.repo.deleteRecord``)."""
        session = self._session(client, credentials)
        body = {"repo": session["did"], "collection": COLLECTION, "rkey": external_id.rpartition("/")[2]}
        self._authorized(client, credentials, session).post("/xrpc/com.atproto.repo.deleteRecord", json=body)

    # ------------------------------------------------------------------------------------------ reading

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]:
        """Counters as the AppView has them; none while it has not indexed the post yet."""
        answer = self._appview(client, credentials).get(
            "/xrpc/app.bsky.feed.getPosts", params={"uris": external_id}
        )
        posts = answer.get("posts", [])
        return self._counters(posts[0], answer.date) if posts else []

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[Reading]:
        """Number of followers."""
        answer = self._appview(client, credentials).get(
            "/xrpc/app.bsky.actor.getProfile", params={"actor": self._did(credentials)}
        )
        return self._counters(answer.data, answer.date)

    def replies(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> Sequence[Said]:
        """Replies of others under the post, down to the tenth level, oldest first."""
        params = {"uri": external_id, "depth": 10, "parentHeight": 0}
        try:
            answer = self._appview(client, credentials).get(
                "/xrpc/app.bsky.feed.getPostThread", params=params
            )
        except NetworkError as error:
            if error.params.get("their_code") == "NotFound":  # not indexed yet
                return []
            raise
        said: list[Said] = []
        waiting = list(answer.get("thread", {}).get("replies") or [])
        while waiting:
            one = waiting.pop()
            waiting += one.get("replies") or []
            if (heard := self._said(one.get("post") or {}, self._did(credentials))) is not None:
                said.append(heard)
        return sorted(said, key=lambda one: one.said_at)

    # ------------------------------------------------------------------------------------------ helpers

    def _said(self, view: dict[str, Any], own: str) -> Said | None:
        author, made = view.get("author") or {}, view.get("record") or {}
        at = moment(view.get("indexedAt")) or moment(made.get("createdAt"))
        if not view.get("uri") or at is None or author.get("did") == own:
            return None
        handle = str(author.get("handle", ""))
        return Said(
            external_id=view["uri"],
            author=handle,
            author_name=str(author.get("displayName") or handle),
            text=str(made.get("text", "")),
            said_at=at,
            in_reply_to=str(((made.get("reply") or {}).get("parent") or {}).get("uri", "")),
            url=_page(handle, view["uri"].rpartition("/")[2]),
        )

    def _counters(self, view: dict[str, Any], at: datetime | None) -> list[Reading]:
        return [
            Reading(ours, Decimal(view[theirs]), at)
            for theirs, ours in self.metrics.items()
            if isinstance(view.get(theirs), int)
        ]

    def _text(self, post: Outgoing) -> str:
        return self.sent_text(
            placement=post.placement, text=post.text, link=post.link, media=bool(post.media)
        )

    def _did(self, credentials: Credentials) -> str:
        return credentials.get("did") or credentials["handle"].lstrip("@").strip()

    def _pds(self, client: httpx.Client, credentials: Credentials) -> Wire:
        base = address(credentials.get("service", ""), default="https://bsky.social")
        return Wire(client, base, secrets=secrets_of(self, credentials), explain=_explain)

    def _appview(self, client: httpx.Client, credentials: Credentials) -> Wire:
        base = address(credentials.get("appview", ""), default=APPVIEW)
        return Wire(client, base, secrets=secrets_of(self, credentials), explain=_explain)

    def _session(self, client: httpx.Client, credentials: Credentials) -> Answer:
        """A fresh session for one operation: two sign-ins a post stay far below the 300 a day that are allowed."""
        body = {
            "identifier": credentials["handle"].strip().lstrip("@"),
            "password": credentials["app_password"].strip(),
        }
        return self._pds(client, credentials).post("/xrpc/com.atproto.server.createSession", json=body)

    def _authorized(self, client: httpx.Client, credentials: Credentials, session: Answer) -> Wire:
        token = str(session["accessJwt"])
        wire = self._pds(client, credentials)
        return Wire(
            client, wire.base, {"Authorization": f"Bearer {token}"}, (*wire.secrets, token), explain=_explain
        )

    def _upload(
        self, client: httpx.Client, credentials: Credentials, session: Answer, one: MediaFile
    ) -> dict[str, Any]:
        answer = self._authorized(client, credentials, session).post(
            "/xrpc/com.atproto.repo.uploadBlob",
            content=one.path.read_bytes(),
            headers={"Content-Type": one.mime},
        )
        image: dict[str, Any] = {"alt": one.alt, "image": answer["blob"]}
        if one.width and one.height:
            image["aspectRatio"] = {"width": one.width, "height": one.height}
        return image

    def _dids(self, client: httpx.Client, credentials: Credentials, text: str) -> dict[str, str]:
        wire, found = self._pds(client, credentials), {}
        for handle in handles(text):
            try:
                answer = wire.get("/xrpc/com.atproto.identity.resolveHandle", params={"handle": handle})
            except NetworkError as error:
                if error.kind is Kind.PERMANENT:  # nobody of that name: it stays plain text
                    continue
                raise
            found[handle] = str(answer["did"])
        return found

    def _read(self, client: httpx.Client, credentials: Credentials, rkey: str) -> Published | None:
        params = {"repo": self._did(credentials), "collection": COLLECTION, "rkey": rkey}
        try:
            answer = self._pds(client, credentials).get("/xrpc/com.atproto.repo.getRecord", params=params)
        except NetworkError as error:
            if error.params.get("their_code") == "RecordNotFound":
                return None
            raise
        return self._published(credentials, str(answer["uri"]), answer["value"], answer.data)

    def _published(
        self, credentials: Credentials, uri: str, made: dict[str, Any], answer: dict[str, Any]
    ) -> Published:
        return Published(
            external_id=uri,
            url=_page(credentials["handle"].strip().lstrip("@"), uri.rpartition("/")[2]),
            published_at=moment(made.get("createdAt")),
            answer={key: answer[key] for key in ("uri", "cid") if key in answer},
        )


def _page(handle: str, rkey: str) -> str:
    return f"https://bsky.app/profile/{handle}/post/{rkey}"


def _lost(rkey: str) -> Published:
    """The server says that the key is taken and, asked for it, that it is not: only a person can sort that out."""
    raise NetworkError(Kind.UNCERTAIN, "contradiction", params={"rkey": rkey})


def _explain(status: int, data: Any, headers: httpx.Headers) -> Refusal:
    """``{"error": "InvalidRequest", "message": …}`` (atproto.com/specs/xrpc)."""
    if not isinstance(data, dict):
        return Refusal()
    code = str(data.get("error", ""))
    kind = None
    if code in (
        "ExpiredToken",
        "InvalidToken",
        "AuthenticationRequired",
        "AccountTakedown",
        "AuthFactorTokenRequired",
    ):
        kind = Kind.RECONNECT
    return Refusal(code=code, message=str(data.get("message", "")), kind=kind)
