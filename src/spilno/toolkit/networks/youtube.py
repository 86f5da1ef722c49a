"""YouTube: a video is handed over as private (harmless), then one request makes it public (once).

Sources: developers.google.com/youtube/v3/docs/videos (insert, update, list), …/guides/using_resumable_upload_protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import httpx

from spilno.toolkit.networks import youtube_oauth as oauth
from spilno.toolkit.networks import youtube_reading as reading
from spilno.toolkit.networks import youtube_upload as upload
from spilno.toolkit.networks import youtube_video as video
from spilno.toolkit.networks import youtube_words as said
from spilno.toolkit.networks.base import (
    Account,
    Counting,
    Counts,
    Credentials,
    Kind,
    Limit,
    Network,
    NetworkError,
    Once,
    Outgoing,
    Per,
    Placement,
    Prepared,
    Published,
    Reading,
    Said,
    Sighting,
    Verdict,
    with_link,
)
from spilno.toolkit.networks.http import moment
from spilno.toolkit.networks.words import CHECKED, limit, rate
from spilno.toolkit.networks.youtube_wire import channel_at, places, says_gone, shown_at, trusted, wire

_DOCS = "https://developers.google.com/youtube/v3"
_VIDEO = f"{_DOCS}/docs/videos"
_HELP = "https://support.google.com/youtube/answer"
_QUOTA = f"{_DOCS}/determine_quota_cost"
_KINDS = (
    "video/mp4 video/quicktime video/mpeg video/x-msvideo video/x-ms-wmv video/x-flv video/webm video/3gpp"
)

DAY = 86_400
CLOCKS_APART = timedelta(minutes=5)

_BOTH = (
    limit("title", 100, "characters", f"{_VIDEO}#snippet.title"),
    limit("text", 5_000, "bytes", f"{_VIDEO}#snippet.description"),
    limit("videos", 1, "count", f"{_DOCS}/docs/videos/insert"),
    limit("videos_min", 1, "count", f"{_DOCS}/docs/videos/insert"),
    limit("images", 1, "count", f"{_DOCS}/docs/thumbnails/set"),
    limit("video_bytes", 256 * 1024**3, "bytes", f"{_DOCS}/docs/videos/insert"),
    limit("video_mime", _KINDS, "mime", f"{_HELP}/55744"),
    limit("image_bytes", 2 * 1024**2, "bytes", f"{_DOCS}/docs/thumbnails/set"),
    limit("image_mime", "image/jpeg image/png", "mime", f"{_DOCS}/docs/thumbnails/set"),
)


class YouTube(Network):
    key = "youtube"
    label = {"uk": "YouTube", "en": "YouTube", "ru": "YouTube"}
    short = "Yt"
    color = "oklch(0.6 0.24 27)"
    docs = f"{_DOCS}/docs"
    audience_metric = "followers"
    practice = True
    reply_once: ClassVar[Once] = Once.LOOKUP
    rates = (
        rate("uploads", 100, DAY, _QUOTA, counts=Counts.UPLOAD, per=Per.APP),
        rate("requests", 10_000, DAY, _QUOTA, per=Per.APP),
    )
    metrics = {
        "viewCount": "impressions",
        "likeCount": "likes",
        "commentCount": "replies",
        "shares": "shares",
        "subscribersGained": "follows",
        "subscriberCount": "followers",
    }
    look_here = said.LOOK_HERE
    placements = (
        Placement(
            "video",
            label=said.VIDEO,
            counting=Counting.BYTES,
            limits=(*_BOTH, limit("video_seconds", 12 * 3600, "s", f"{_HELP}/71673")),
            once=Once.PREPARE,
            media_required=True,
            media_allowed=("video", "image"),
            alt_text=False,
        ),
        Placement(
            "short",
            label=said.SHORT,
            counting=Counting.BYTES,
            limits=(
                *_BOTH,
                limit("video_seconds", 180, "s", f"{_HELP}/15424877"),
                limit("video_ratio_max", 1, "ratio", f"{_HELP}/15424877"),
                limit("video_ratio_best", Decimal("0.5625"), "ratio", f"{_HELP}/15424877"),
            ),
            once=Once.PREPARE,
            media_required=True,
            media_allowed=("video", "image"),
            alt_text=False,
        ),
    )
    credential_fields = (said.API_URL,)
    app_fields = said.APP_FIELDS
    app_steps = said.APP_STEPS
    app_docs = "https://console.cloud.google.com/apis/credentials"
    app_scopes = oauth.SCOPES

    # ------------------------------------------------------------------------------------------ connecting

    def authorization(
        self, *, client: httpx.Client, credentials: Credentials, redirect_uri: str, state: str
    ) -> tuple[str, Credentials]:
        """Google's consent page."""
        return oauth.authorization(credentials, redirect_uri, state)

    def finish(
        self, *, client: httpx.Client, credentials: Credentials, code: str, redirect_uri: str
    ) -> tuple[Account, ...]:
        """Trade the code for tokens; the channel was chosen on the consent page."""
        return oauth.finish(self, client, credentials, code, redirect_uri)

    def refresh(self, *, client: httpx.Client, credentials: Credentials) -> Credentials:
        """A new access token; they live for an hour."""
        return oauth.refresh(self, client, credentials)

    def live_limits(
        self, *, client: httpx.Client, credentials: Credentials, placement: str
    ) -> tuple[Limit, ...]:
        """A channel whose owner has not confirmed a phone number takes fifteen minutes at most."""
        if placement != "video":
            return ()
        answer = wire(self, client, credentials).get(
            "/youtube/v3/channels", params={"part": "status", "id": credentials["channel_id"]}
        )
        states = [(one.get("status") or {}).get("longUploadsStatus") for one in answer.get("items", [])]
        if not states or states[0] not in ("eligible", "disallowed"):
            return ()
        day = answer.date.date() if answer.date else CHECKED
        return (Limit("video_seconds", 15 * 60, "s", day, f"{_DOCS}/docs/channels#status.longUploadsStatus"),)

    # ------------------------------------------------------------------------------------------ publishing

    def sent_text(self, *, placement: str, text: str, link: str = "", media: bool = False) -> str:
        """First line: the title. The rest, with the link: the description. YouTube takes no angle brackets."""
        return with_link(text, link).replace("<", "‹").replace(">", "›")

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Hand the video over as private, give it its picture, and wait until YouTube has digested it."""
        if so_far.data.get("ready"):
            return so_far
        clip = next((one for one in post.media if one.kind == "video"), None)
        picture = next((one for one in post.media if one.kind == "image"), None)
        if clip is None:
            raise NetworkError(Kind.PERMANENT, "media_required", params={"kind": "video"})
        to, data = wire(self, client, credentials), dict(so_far.data)
        if not data:
            resource = video.resource(post, self._sent(post), "private", [video.MARK + post.key])
            size = upload.size_of(clip)
            video.clear(to, credentials["uploads"], post.key)
            data = {"upload_token": upload.begin(to, clip, size, resource)}
            if size > upload.PIECE:
                # Kept before the first byte leaves: also if we are killed now, the upload goes on where it was.
                wait, kept = {"seconds": 0}, Prepared(data)
                raise NetworkError(Kind.WAIT, "media_uploading", params=wait, so_far=kept)
        try:
            if "video" not in data:
                made = upload.send(to, str(data["upload_token"]), clip, upload.size_of(clip))
                data = {"video": str(made["id"])}
            if picture is not None and "thumbnail" not in data:
                data["thumbnail"] = video.thumbnail(to, data["video"], picture)
            video.digested(to, data)
        except NetworkError as error:
            if error.so_far is None:
                error.so_far = Prepared(data)
            raise
        done = {key: value for key, value in data.items() if key in ("video", "thumbnail")}
        return Prepared({**done, "ready": True})

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Make the video public; making it public twice is the same. The mark goes with the same request."""
        number = str(prepared.data["video"])
        sent = self._sent(post)
        resource = {"id": number, **video.resource(post, sent, "public", video.tags(sent))}
        to = wire(self, client, credentials)
        try:
            answer = to.put("/youtube/v3/videos", params={"part": "snippet,status"}, json=resource)
        except NetworkError as error:
            problem = upload.void() if says_gone(error) else trusted(error)
        else:
            status = answer["status"]
            if answer["id"] != number or not isinstance(status, dict):
                raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "status"})
            if status.get("privacyStatus") == "public":
                return self._published(credentials, post, answer.data, prepared)
            # Google's own word that nobody sees it: videos of a project that was not audited stay locked.
            problem = NetworkError(Kind.PERMANENT, "app_unaudited")
        raise problem

    def find(
        self,
        *,
        client: httpx.Client,
        credentials: Credentials,
        post: Outgoing,
        prepared: Prepared,
        not_before: datetime,
    ) -> Sighting:
        """Ask the video whether it is public; if its id is lost, look through our uploads for its words."""
        to = wire(self, client, credentials)
        if number := prepared.data.get("video"):
            try:
                one, _ = reading.video(to, str(number), "snippet,status")
            except NetworkError as error:
                if says_gone(error):  # published and deleted since, or never: it cannot be told
                    return Sighting(Verdict.CANNOT_TELL, look_at=channel_at(credentials))
                raise
            privacy = (one.get("status") or {}).get("privacyStatus")
            if privacy in ("public", "unlisted"):
                return Sighting(Verdict.FOUND, self._published(credentials, post, one, prepared))
            if privacy == "private" and video.MARK + post.key in (
                (one.get("snippet") or {}).get("tags") or []
            ):
                return Sighting(Verdict.ABSENT)
            # Private without our mark: it was published, and a person or YouTube took it back.
            return Sighting(Verdict.CANNOT_TELL, look_at=channel_at(credentials))
        title, description = video.split(self._sent(post))
        for number, item in enumerate(video.uploads(to, credentials["uploads"])):
            snippet = item.get("snippet") or {}
            at = moment(snippet.get("publishedAt"))
            if at is not None and at < not_before - CLOCKS_APART:
                return Sighting(Verdict.ABSENT)
            if number >= 2 * video.UPLOADS:  # more since than we are willing to look through
                return Sighting(Verdict.CANNOT_TELL, look_at=channel_at(credentials))
            same = (snippet.get("title"), snippet.get("description", "")) == (title, description)
            if same and (item.get("status") or {}).get("privacyStatus") == "public":
                one, _ = reading.video(to, str(snippet["resourceId"]["videoId"]), "snippet,status")
                return Sighting(Verdict.FOUND, self._published(credentials, post, one, prepared))
        return Sighting(Verdict.ABSENT)

    def delete(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> None:
        """Delete the video; one that is gone already is no error."""
        video.remove(wire(self, client, credentials), external_id)

    # ------------------------------------------------------------------------------------------ reading

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]:
        """Views, likes and comments; from Analytics shares and new subscribers. Dislikes are nobody's business."""
        one, answer = reading.video(wire(self, client, credentials), external_id, "snippet,statistics")
        found = reading.counters(self.metrics, one.get("statistics"), reading.STATISTICS, answer)
        published = str((one.get("snippet") or {}).get("publishedAt", ""))
        analytics = wire(self, client, credentials, base=places(credentials).analytics)
        channel = credentials["channel_id"]
        return [
            *found,
            *reading.reported(self.metrics, analytics, channel, external_id, published, answer),
        ]

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[Reading]:
        """Subscribers, unless the channel hides their number (YouTube rounds it to three digits)."""
        answer = wire(self, client, credentials).get(
            "/youtube/v3/channels", params={"part": "statistics", "id": credentials["channel_id"]}
        )
        statistics: dict[str, Any] = next(
            (one.get("statistics") or {} for one in answer.get("items", [])), {}
        )
        if statistics.get("hiddenSubscriberCount") is True:
            return []
        return reading.counters(self.metrics, statistics, ["subscriberCount"], answer)

    def replies(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> Sequence[Said]:
        """Comments of others and replies to them, oldest first."""
        return reading.comments(wire(self, client, credentials), external_id, credentials["channel_id"])

    def reply(
        self, *, client: httpx.Client, credentials: Credentials, in_reply_to: str, text: str, key: str
    ) -> Published:
        """Answer a comment, or comment a video of ours. What we said there already in the same words is the answer."""
        to, own = wire(self, client, credentials), credentials["channel_id"]
        return Published(reading.answer(to, own, in_reply_to, text))

    # ------------------------------------------------------------------------------------------ helpers

    def _sent(self, post: Outgoing) -> str:
        return self.sent_text(
            placement=post.placement, text=post.text, link=post.link, media=bool(post.media)
        )

    def _published(
        self, credentials: Credentials, post: Outgoing, one: dict[str, Any], prepared: Prepared
    ) -> Published:
        number = str(one["id"])
        answer = {"id": number, "privacyStatus": str((one.get("status") or {}).get("privacyStatus", ""))}
        if prepared.data.get("thumbnail"):
            answer["thumbnail"] = str(prepared.data["thumbnail"])
        return Published(
            external_id=number,
            url=shown_at(credentials, number, short=post.placement == "short"),
            published_at=moment((one.get("snippet") or {}).get("publishedAt")),
            answer=answer,
        )
