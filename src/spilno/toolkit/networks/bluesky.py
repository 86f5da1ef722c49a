"""Bluesky and any other server of the AT protocol.

A post is a record in the account's own repository, under a key that we choose: written twice, it is one post. Writing
goes to the account's server (PDS); counters and threads are read from an AppView, without signing in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from spilno.toolkit.networks import bluesky_media as media
from spilno.toolkit.networks.base import (
    Account,
    Counting,
    Counts,
    Credentials,
    Kind,
    Network,
    NetworkError,
    Once,
    Outgoing,
    Per,
    Placement,
    Prepared,
    Published,
    Quota,
    Sighting,
    Verdict,
    with_link,
)
from spilno.toolkit.networks.bluesky_reading import APPVIEW, FIELDS, Reading, page
from spilno.toolkit.networks.bluesky_session import (
    SERVICE,
    Session,
    opened,
    pds,
    refreshed,
    sign_in,
    tokens,
)
from spilno.toolkit.networks.bluesky_text import handles, record, tid, tid_time
from spilno.toolkit.networks.http import (
    Wire,
    address,
    before_sending,
    doubted,
    moment,
    quota_of,
    secrets_of,
)
from spilno.toolkit.networks.words import OURS, POST, limit, rate

_LEXICON = "https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/feed/post.json"
_EMBEDS = "https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/embed"
_RATES = "https://docs.bsky.app/docs/advanced-guides/rate-limits"
COLLECTION = "app.bsky.feed.post"
BLOB_KEPT = timedelta(hours=1)
"""A server may forget an uploaded picture that no record mentions; an hour is what the specification asks at least."""

POINTS = 3
"""What making a record costs of the points that an account has."""


class Bluesky(Reading, Network):
    key = "bluesky"
    label = {"uk": "Bluesky", "en": "Bluesky", "ru": "Bluesky"}
    short = "Bs"
    color = "oklch(0.62 0.19 255)"
    docs = "https://docs.bsky.app/"
    audience_metric = "followers"
    # 5,000 points an hour, 35,000 a day; making a record costs three.
    rates = (
        rate("posts", 5000 // POINTS, 3600, _RATES, counts=Counts.POST),
        rate("posts_per_day", 35_000 // POINTS, 86_400, _RATES, counts=Counts.POST),
        rate("requests", 3000, 300, _RATES, per=Per.SERVER),
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
                limit("images", 4, "count", f"{_EMBEDS}/images.json"),
                limit("videos", 1, "count", f"{_EMBEDS}/video.json"),
                limit("mixed", 0, "count", _LEXICON),
                # The lexicon allows 2 MB since 2026; servers of before refuse more than 1 MB, and we cannot know.
                limit("image_bytes", 1_000_000, "bytes", f"{_EMBEDS}/images.json"),
                limit(
                    "image_mime",
                    "image/jpeg image/png image/webp image/gif",
                    "mime",
                    f"{_EMBEDS}/images.json",
                ),
                limit("video_bytes", 100_000_000, "bytes", f"{_EMBEDS}/video.json"),
                limit("video_mime", "video/mp4", "mime", f"{_EMBEDS}/video.json"),
                limit("video_seconds", 180, "s", OURS),
            ),
            once=Once.KEY,
            media_allowed=("image", "video"),
        ),
    )
    credential_fields = FIELDS

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """Sign in to see that handle and password belong together."""
        session = sign_in(client, credentials, secrets_of(self, credentials))
        if session.get("active", True) is False:
            params = {"message": str(session.get("status", ""))}
            raise NetworkError(Kind.RECONNECT, "account_blocked", params=params)
        did, handle = str(session["did"]), str(session["handle"])
        appview = address(credentials.get("appview", ""), default=APPVIEW)
        return Account(
            external_id=did,
            name=f"@{handle}",
            url=f"https://bsky.app/profile/{handle}",
            credentials={
                **credentials,
                "service": address(credentials.get("service", ""), default=SERVICE),
                "appview": appview,
                # Only the public network has a service for videos; elsewhere they are blobs like pictures.
                "video_service": media.VIDEO_SERVICE if appview == APPVIEW else "",
                "did": did,
                "handle": handle,
                **tokens(session),
            },
        )

    def refresh(self, *, client: httpx.Client, credentials: Credentials) -> Credentials:
        """A new pair of tokens; the app password serves once the refresh token has ended as well."""
        answer = refreshed(client, credentials, secrets_of(self, credentials))
        return {**credentials, **tokens(answer)}

    # ------------------------------------------------------------------------------------------ publishing

    reply_once = Once.KEY

    def sent_text(self, *, placement: str, text: str, link: str = "", media: bool = False) -> str:
        """A link is a card under the text; beside pictures there is no room for it, so it goes into the text."""
        return with_link(text, link) if media else text

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Upload pictures, the video or the card's picture, and resolve mentioned handles.

        Signs in only if there is something to upload.
        """
        data: dict[str, Any] = {"rkey": tid(post.key), **so_far.data}
        expires = so_far.expires_at
        try:
            if post.media or post.link:
                expires = self._embedded(client, credentials, post, data) or expires
            if "dids" not in data:
                data["dids"] = self._dids(client, credentials, self._text(post))
        except NetworkError as error:
            error.so_far = Prepared(data, expires)
            raise
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
        made = record(
            text=self._text(post),
            created_at=session.date or tid_time(rkey),
            dids=prepared.data.get("dids", {}),
            language=post.language,
            embed=_embed(prepared.data, post.link),
        )
        return self._put(client, credentials, session, rkey, made)

    def reply(
        self, *, client: httpx.Client, credentials: Credentials, in_reply_to: str, text: str, key: str
    ) -> Published:
        """Answer under a post, in its thread."""
        rkey = tid(key)
        try:
            session = self._session(client, credentials)
            parent, root = self._thread(client, credentials, in_reply_to)
            dids = self._dids(client, credentials, text)
        except NetworkError as error:
            raise before_sending(error) from None
        made = record(
            text=text,
            created_at=session.date or tid_time(rkey),
            dids=dids,
            reply={"root": root, "parent": parent},
        )
        return self._put(client, credentials, session, rkey, made)

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
        body = {"repo": session.did, "collection": COLLECTION, "rkey": external_id.rpartition("/")[2]}
        session.wire.post("/xrpc/com.atproto.repo.deleteRecord", json=body)

    def quotas(self, headers: httpx.Headers) -> tuple[Quota, ...]:
        """What is left, by the window that ``RateLimit-Policy`` names (``5000;w=3600``); others are not ours to count.

        Points are told as posts.
        """
        told, policy = quota_of(headers), headers.get("RateLimit-Policy", "")
        if told is None:
            return ()
        left, most, seconds = told
        match policy.replace(" ", "").partition(";w=")[2]:
            case "3600" if most and most >= 1000:
                return (Quota("posts", left // POINTS, most // POINTS, seconds, counts=Counts.POST),)
            case "86400" if most and most >= 1000:
                return (Quota("posts_per_day", left // POINTS, most // POINTS, seconds, counts=Counts.POST),)
            case "300" if most and most >= 1000:
                return (Quota("requests", left, most, seconds, Per.SERVER),)
        return ()

    # ------------------------------------------------------------------------------------------ helpers

    def _text(self, post: Outgoing) -> str:
        return self.sent_text(
            placement=post.placement, text=post.text, link=post.link, media=bool(post.media)
        )

    def _pds(self, client: httpx.Client, credentials: Credentials) -> Wire:
        return pds(client, credentials, secrets_of(self, credentials))

    def _session(self, client: httpx.Client, credentials: Credentials) -> Session:
        return opened(client, credentials, secrets_of(self, credentials))

    def _put(
        self,
        client: httpx.Client,
        credentials: Credentials,
        session: Session,
        rkey: str,
        made: dict[str, Any],
    ) -> Published:
        body = {
            "repo": session.did, "collection": COLLECTION, "rkey": rkey, "record": made, "swapRecord": None,
        }  # fmt: skip
        try:
            answer = session.wire.post("/xrpc/com.atproto.repo.putRecord", json=body)
        except NetworkError as error:
            if error.params.get("their_code") == "InvalidSwap":
                return self._read(client, credentials, rkey) or _lost(rkey)
            if error.params.get("their_code") == "BlobNotFound":  # uploaded, and forgotten since
                raise NetworkError(Kind.WAIT, "preparation_expired", params={"seconds": 0},
                                   status=error.status, so_far=Prepared()) from None  # fmt: skip
            raise doubted(error) from None
        return self._published(credentials, str(answer["uri"]), made, answer.data)

    def _embedded(
        self, client: httpx.Client, credentials: Credentials, post: Outgoing, data: dict[str, Any]
    ) -> datetime | None:
        """Upload what the post carries and note it in ``data``; when the server may forget it, if that is known.

        :raises NetworkError: ``media_processing`` while the video service is at work.
        """
        blobs: list[dict[str, Any]] = data.setdefault("images", [])
        service = credentials.get("video_service", "")
        video = next((one for one in post.media if one.kind == "video"), None)
        if video is not None and "video" not in data and data.get("job"):
            try:
                blob = media.job_done(client, service, data["job"])
            except LookupError:  # forgotten there: handed over anew
                del data["job"]
            else:
                if blob is None:
                    raise NetworkError(Kind.WAIT, "media_processing", params={"seconds": media.STILL_WORKING})
                data["video"] = media.video(blob, video)
        pictures = [one for one in post.media if one.kind == "image"]
        has_all = len(blobs) >= len(pictures) and (video is None or "video" in data)
        if has_all and (post.media or "card" in data):
            return None
        session = self._session(client, credentials)
        for one in pictures[len(blobs) :]:
            blobs.append(media.image(session, one))
        if video is not None and service:
            data["job"] = media.handed_over(client, session, video, service, f"{data['rkey']}.mp4")
            return self._embedded(client, credentials, post, data)
        if video is not None:
            data["video"] = media.video(media.stored(session, video), video)
        elif not post.media:
            data["card"] = media.external(client, session, post.link)
        return session.date + BLOB_KEPT if session.date else None

    def _thread(
        self, client: httpx.Client, credentials: Credentials, uri: str
    ) -> tuple[dict[str, str], dict[str, str]]:
        """References to a post and to the beginning of its thread.

        :raises NetworkError: ``not_found`` if the post is gone.
        """
        answer = self._appview(client, credentials).get("/xrpc/app.bsky.feed.getPosts", params={"uris": uri})
        views = answer.get("posts", [])
        if views:
            parent = {"uri": str(views[0]["uri"]), "cid": str(views[0]["cid"])}
            value = views[0].get("record") or {}
        else:  # not indexed yet: one of our own is known to our own server
            _, _, repo, collection, rkey = uri.split("/")
            params = {"repo": repo, "collection": collection, "rkey": rkey}
            try:
                found = self._pds(client, credentials).get("/xrpc/com.atproto.repo.getRecord", params=params)
            except NetworkError as error:
                if error.kind is Kind.PERMANENT:
                    raise NetworkError(Kind.PERMANENT, "not_found", status=error.status) from None
                raise
            parent, value = {"uri": uri, "cid": str(found["cid"])}, found["value"]
        root = (value.get("reply") or {}).get("root") or parent
        return parent, {"uri": str(root["uri"]), "cid": str(root["cid"])}

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
            url=page(credentials["handle"].strip().lstrip("@"), uri.rpartition("/")[2]),
            published_at=moment(made.get("createdAt")),
            answer={key: answer[key] for key in ("uri", "cid") if key in answer},
        )


def _lost(rkey: str) -> Published:
    """The server says that the key is taken and, asked for it, that it is not: only a person can sort that out."""
    raise NetworkError(Kind.UNCERTAIN, "contradiction", params={"rkey": rkey})


def _embed(data: Mapping[str, Any], link: str) -> dict[str, Any] | None:
    """What the post carries, of what was prepared: pictures, else a video, else the link's card."""
    if images := data.get("images"):
        return {"$type": "app.bsky.embed.images", "images": list(images)}
    if video := data.get("video"):
        return dict(video)
    if link:
        bare = {"uri": link, "title": re.sub(r"^https?://(www\.)?", "", link).rstrip("/"), "description": ""}
        return {"$type": "app.bsky.embed.external", "external": dict(data.get("card") or bare)}
    return None
