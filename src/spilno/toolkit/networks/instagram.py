"""Instagram (business and creator accounts): container → its state → ``media_publish``.

The container is harmless and lives for 24 hours; after publishing it reads PUBLISHED, which is a definitive answer to
"is it there?". Instagram fetches pictures itself, so they need a public address.

Sources: developers.facebook.com/docs/instagram-platform/content-publishing, …/reference/ig-container,
…/reference/instagram-media/insights.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from spilno.toolkit.networks import graph
from spilno.toolkit.networks.base import (
    Account,
    Counting,
    CredentialField,
    Credentials,
    Kind,
    Limit,
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
from spilno.toolkit.networks.http import Wire, before_sending, moment
from spilno.toolkit.networks.words import CHECKED, OURS, POST, STORY, limit, rate

_PUBLISHING = "https://developers.facebook.com/docs/instagram-platform/content-publishing"
_MEDIA = "https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media"
CONTAINER_LIVES = timedelta(hours=24)
CLOCKS_APART = timedelta(minutes=2)
STILL_WORKING = 3
"""Seconds after which to ask again whether Instagram has fetched and digested a picture."""

_POST_METRICS = ("reach", "views", "likes", "comments", "shares", "saved")
_STORY_METRICS = ("reach", "views", "replies", "shares", "follows", "profile_visits")


class Instagram(Network):
    key = "instagram"
    label = {"uk": "Instagram", "en": "Instagram", "ru": "Instagram"}
    short = "Ig"
    color = "oklch(0.61 0.22 5)"
    docs = _PUBLISHING
    audience_metric = "followers"
    practice = True
    public_media = True
    rates = (
        rate("requests", 200, 3600, "https://developers.facebook.com/docs/graph-api/overview/rate-limiting"),
    )
    metrics = {
        "reach": "reach",
        "views": "impressions",  # "views" took the place of "impressions" in April 2025
        "likes": "likes",
        "comments": "replies",
        "replies": "replies",
        "shares": "shares",
        "saved": "saves",
        "follows": "follows",
        "profile_visits": "profile_visits",
        "followers_count": "followers",
    }
    look_here = {
        "uk": "Відкрийте акаунт в Instagram: останні дописи та активні сторіс.",
        "en": "Open the account on Instagram: the latest posts and the active stories.",
        "ru": "Откройте аккаунт в Instagram: последние публикации и активные сторис.",
    }
    placements = (
        Placement(
            "post",
            label=POST,
            counting=Counting.UTF16,
            limits=(
                limit("text", 2200, "characters", _MEDIA),
                limit("hashtags", 30, "count", _MEDIA),
                limit("images", 1, "count", _PUBLISHING),
                limit("videos", 0, "count", OURS),
                limit("image_bytes", 8_000_000, "bytes", _MEDIA),
                limit("image_mime", "image/jpeg", "mime", _MEDIA),
                limit("ratio_min", Decimal("0.8"), "ratio", _MEDIA),
                limit("ratio_max", Decimal("1.91"), "ratio", _MEDIA),
                limit("width_min", 320, "px", _MEDIA),
                limit("posts_per_day", 100, "count", _PUBLISHING),
            ),
            once=Once.PREPARE,
            media_required=True,
            media_allowed=("image",),
            link_plain=True,
        ),
        Placement(
            "story",
            label=STORY,
            counting=Counting.UTF16,
            limits=(
                limit("text", None, "characters", _MEDIA),
                limit("images", 1, "count", _PUBLISHING),
                limit("videos", 0, "count", OURS),
                limit("image_bytes", 8_000_000, "bytes", _MEDIA),
                limit("image_mime", "image/jpeg", "mime", _MEDIA),
                limit("ratio_best", Decimal("0.5625"), "ratio", _MEDIA),
                limit("width_min", 320, "px", _MEDIA),
                limit("posts_per_day", 100, "count", _PUBLISHING),
            ),
            once=Once.PREPARE,
            media_required=True,
            text_allowed=False,
            media_allowed=("image",),
            link_by_hand=True,
            alt_text=False,
        ),
    )
    credential_fields = (
        graph.PAGE_TOKEN,
        CredentialField(
            "ig_user_id",
            label={
                "uk": "Номер акаунта Instagram",
                "en": "Instagram account id",
                "ru": "Номер аккаунта Instagram",
            },
            help={
                "uk": "Можна не вказувати: знайдемо за сторінкою, з якою акаунт повʼязаний.",
                "en": "May stay empty: it is found by the page that the account is connected with.",
                "ru": "Можно не указывать: найдём по странице, с которой связан аккаунт.",
            },
            required=False,
        ),
        graph.GRAPH_URL,
    )

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """Find the account behind the token and see that it answers."""
        wire, account = self._wire(client, credentials), credentials.get("ig_user_id", "").strip()
        if not account:
            page = wire.get("/me", params={"fields": "id,name,instagram_business_account{id}"})
            account = str(page.get("instagram_business_account", {}).get("id") or "")
        if not account:
            raise NetworkError(Kind.PERMANENT, "no_account_behind_token")
        answer = wire.get(f"/{account}", params={"fields": "id,username,name"})
        name = str(answer["username"])
        kept = {**credentials, "ig_user_id": str(answer["id"]), "username": name}
        return Account(kept["ig_user_id"], f"@{name}", _profile(wire.base, name), kept)

    def live_limits(
        self, *, client: httpx.Client, credentials: Credentials, placement: str
    ) -> tuple[Limit, ...]:
        """How many posts this account may publish in 24 hours."""
        path = f"/{credentials['ig_user_id']}/content_publishing_limit"
        answer = self._wire(client, credentials).get(path, params={"fields": "config,quota_usage"})
        for one in answer.get("data", []):
            total = (one.get("config") or {}).get("quota_total")
            if isinstance(total, int):
                day = answer.date.date() if answer.date else CHECKED
                return (Limit("posts_per_day", total, "count", day, path.rpartition("/")[2]),)
        return ()

    # ------------------------------------------------------------------------------------------ publishing

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Make the container, and look once whether Instagram has finished with it.

        :raises NetworkError: ``Kind.WAIT`` with ``so_far`` while it has not.
        """
        wire, done = self._wire(client, credentials), so_far
        if not done.data.get("container"):
            answer = wire.post(f"/{credentials['ig_user_id']}/media", json=self._container(post))
            expires = answer.date + CONTAINER_LIVES if answer.date else None
            done = Prepared({"container": str(answer["id"])}, expires)
        try:
            state, why = self._state(wire, str(done.data["container"]))
        except NetworkError as error:
            error.so_far = done
            raise
        if state == "IN_PROGRESS":
            raise NetworkError(Kind.WAIT, "media_processing", params={"seconds": STILL_WORKING}, so_far=done)
        if state == "EXPIRED":
            raise NetworkError(Kind.WAIT, "preparation_expired", params={"seconds": 0}, so_far=Prepared())
        if state == "ERROR":
            raise NetworkError(Kind.PERMANENT, "media_refused", params={"message": why}, so_far=Prepared())
        return done

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Publish the container, unless it reads PUBLISHED already."""
        wire, container = self._wire(client, credentials), str(prepared.data["container"])
        try:
            state, why = self._state(wire, container)
        except NetworkError as error:
            raise before_sending(error) from None
        if state == "PUBLISHED":
            return self._identified(wire, credentials, post, container, None)
        if state == "EXPIRED":
            raise NetworkError(Kind.WAIT, "preparation_expired", params={"seconds": 0}, so_far=Prepared())
        if state == "IN_PROGRESS":
            raise NetworkError(
                Kind.WAIT, "media_processing", params={"seconds": STILL_WORKING}, so_far=prepared
            )
        if state == "ERROR":
            raise NetworkError(Kind.PERMANENT, "media_refused", params={"message": why}, so_far=Prepared())
        try:
            answer = wire.post(f"/{credentials['ig_user_id']}/media_publish", json={"creation_id": container})
        except NetworkError as error:
            raise graph.trusted(error) from None
        media = str(answer["id"])
        try:
            seen = wire.get(f"/{media}", params={"fields": "id,permalink,timestamp"})
        except NetworkError:  # it is out; not knowing its address must not undo that
            return Published(media, "", None, {"id": media})
        return Published(media, str(seen.get("permalink", "")), moment(seen.get("timestamp")), {"id": media})

    def find(
        self,
        *,
        client: httpx.Client,
        credentials: Credentials,
        post: Outgoing,
        prepared: Prepared,
        not_before: datetime,
    ) -> Sighting:
        """Ask the container: PUBLISHED is definitive, and so is FINISHED."""
        container = prepared.data.get("container")
        if not container:
            return Sighting(Verdict.ABSENT)
        wire = self._wire(client, credentials)
        try:
            state, _ = self._state(wire, str(container))
        except NetworkError as error:
            if error.code == "not_found":
                return Sighting(Verdict.CANNOT_TELL, look_at=self.look_here["en"])
            raise
        if state != "PUBLISHED":
            return Sighting(Verdict.ABSENT)
        return Sighting(Verdict.FOUND, self._identified(wire, credentials, post, str(container), not_before))

    # ------------------------------------------------------------------------------------------ reading

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]:
        """Insights of a post, or of a story while Instagram gives them (24 hours)."""
        wire = self._wire(client, credentials)
        kind = wire.get(f"/{external_id}", params={"fields": "id,media_product_type"})
        names = _STORY_METRICS if kind.get("media_product_type") == "STORY" else _POST_METRICS
        try:
            answer = wire.get(f"/{external_id}/insights", params={"metric": ",".join(names)})
        except NetworkError as error:
            # Code 10 on a story: too few people saw it to say anything. No value, not nought.
            if error.params.get("their_code") == "10":
                return []
            raise
        return graph.insight_readings(self, answer)

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[Reading]:
        """Number of followers."""
        answer = self._wire(client, credentials).get(
            f"/{credentials['ig_user_id']}", params={"fields": "followers_count"}
        )
        return graph.count_readings(self, answer, ["followers_count"])

    def replies(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> Sequence[Said]:
        """Comments of others with the answers under them, oldest first."""
        params = {"fields": "id,text,username,timestamp,replies{id,text,username,timestamp}", "limit": 50}
        answer = self._wire(client, credentials).get(f"/{external_id}/comments", params=params)
        said: list[Said] = []
        for one in answer.get("data", []):
            said += self._said(one, external_id)
            for under in (one.get("replies") or {}).get("data") or []:
                said += self._said(under, str(one.get("id", "")))
        own = credentials.get("username")
        return sorted((one for one in said if one.author != own), key=lambda one: one.said_at)

    # ------------------------------------------------------------------------------------------ helpers

    def _wire(self, client: httpx.Client, credentials: Credentials) -> Wire:
        return graph.wire(self, client, credentials)

    def _container(self, post: Outgoing) -> dict[str, Any]:
        if not post.media:
            raise NetworkError(Kind.PERMANENT, "media_required")
        one = post.media[0]
        if not one.url:
            raise NetworkError(Kind.PERMANENT, "media_needs_public_address")
        body: dict[str, Any] = {"image_url": one.url}
        if post.placement == "story":
            body["media_type"] = "STORIES"
            return body
        body["caption"] = self._caption(post)
        if one.alt:
            body["alt_text"] = one.alt
        return body

    def _caption(self, post: Outgoing) -> str:
        return self.sent_text(placement=post.placement, text=post.text, link=post.link, media=True)

    def _state(self, wire: Wire, container: str) -> tuple[str, str]:
        answer = wire.get(f"/{container}", params={"fields": "id,status_code,status"})
        return str(answer["status_code"]), str(answer.get("status", ""))

    def _identified(
        self,
        wire: Wire,
        credentials: Credentials,
        post: Outgoing,
        container: str,
        not_before: datetime | None,
    ) -> Published:
        """Which media a published container became: Instagram does not say, so it is recognised.

        The earliest one since the first attempt with our caption (a story has none: the earliest story). If none is
        listed, the container's own id stands for it: that it is published is certain.
        """
        edge = "stories" if post.placement == "story" else "media"
        params = {"fields": "id,caption,permalink,timestamp", "limit": 50}
        answer = wire.get(f"/{credentials['ig_user_id']}/{edge}", params=params)
        caption = self._caption(post)
        chosen: tuple[datetime, dict[str, Any]] | None = None
        for one in answer.get("data", []):
            at = moment(one.get("timestamp"))
            if at is None or (not_before is not None and at < not_before - CLOCKS_APART):
                continue
            if post.placement != "story" and str(one.get("caption", "")).strip() != caption.strip():
                continue
            # Without a time to start from, the newest; else the earliest since.
            if chosen is None or (at > chosen[0] if not_before is None else at < chosen[0]):
                chosen = (at, one)
        if chosen is None:
            return Published(container, "", None, {"container": container})
        at, one = chosen
        answer_kept = {"id": str(one["id"]), "container": container}
        return Published(str(one["id"]), str(one.get("permalink", "")), at, answer_kept)

    def _said(self, one: dict[str, Any], parent: str) -> list[Said]:
        at = moment(one.get("timestamp"))
        if at is None or not one.get("id"):
            return []
        name = str(one.get("username", ""))
        return [Said(str(one["id"]), name, name, str(one.get("text", "")), at, parent)]


def _profile(graph_url: str, name: str) -> str:
    """The account's public page. A server that stands in for Instagram shows its accounts on its own pages."""
    url = httpx.URL(graph_url)
    if url.host.endswith((".facebook.com", ".instagram.com")):
        return f"https://www.instagram.com/{name}/"
    return str(url.copy_with(raw_path=f"/instagram/{name}".encode()))
