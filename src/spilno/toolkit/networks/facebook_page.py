"""Facebook page: create the post unpublished (harmless), then switch it to published (once).

Sources: developers.facebook.com/docs/pages-api/posts, …/docs/graph-api/reference/page/photos, …/insights.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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
from spilno.toolkit.networks.http import Wire, moment
from spilno.toolkit.networks.words import OURS, POST, limit, rate

_POSTS = "https://developers.facebook.com/docs/pages-api/posts"
_PHOTOS = "https://developers.facebook.com/docs/graph-api/reference/page/photos/"


class FacebookPage(Network):
    key = "facebook_page"
    label = {"uk": "Сторінка у Facebook", "en": "Facebook page", "ru": "Страница в Facebook"}
    short = "Fb"
    color = "oklch(0.55 0.19 262)"
    docs = _POSTS
    audience_metric = "followers"
    practice = True
    # 200 calls an hour for each user of the app.
    rates = (
        rate("requests", 200, 3600, "https://developers.facebook.com/docs/graph-api/overview/rate-limiting"),
    )
    metrics = {
        # Since June and November 2025 "impressions" are called views (Page Insights, deprecated metrics).
        "post_media_view": "impressions",
        "post_total_media_view_unique": "reach",
        "post_clicks": "clicks",
        "reactions": "likes",
        "comments": "replies",
        "shares": "shares",
        "followers_count": "followers",
    }
    look_here = {
        "uk": "Відкрийте сторінку у Facebook і перегляньте останні дописи.",
        "en": "Open the page on Facebook and look at the latest posts.",
        "ru": "Откройте страницу в Facebook и посмотрите последние публикации.",
    }
    placements = (
        Placement(
            "post",
            label=POST,
            counting=Counting.UTF16,
            limits=(
                limit("text", 63_206, "characters", OURS),
                limit("images", 10, "count", OURS),
                limit("videos", 0, "count", OURS),
                limit("image_bytes", 4_000_000, "bytes", _PHOTOS),
                limit("image_mime", "image/jpeg image/png image/gif image/bmp image/tiff", "mime", _PHOTOS),
            ),
            once=Once.PREPARE,
            media_allowed=("image",),
        ),
    )
    credential_fields = (
        graph.PAGE_TOKEN,
        CredentialField(
            "page_id",
            label={"uk": "Номер сторінки", "en": "Page id", "ru": "Номер страницы"},
            help={
                "uk": "Потрібен, лише якщо токен дає доступ до кількох сторінок.",
                "en": "Needed only if the token opens several pages.",
                "ru": "Нужен, только если токен открывает несколько страниц.",
            },
            required=False,
        ),
        graph.GRAPH_URL,
    )

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """See which page the token opens; with a person's token, take the page's own."""
        whom = credentials.get("page_id", "").strip() or "me"
        answer = self._wire(client, credentials).get(
            f"/{whom}", params={"fields": "id,name,link,access_token"}
        )
        kept = {**credentials, "page_id": str(answer["id"])}
        if own := answer.get("access_token"):
            kept["access_token"] = str(own)
        return Account(kept["page_id"], str(answer.get("name", "")), str(answer.get("link", "")), kept)

    # ------------------------------------------------------------------------------------------ publishing

    def sent_text(self, *, placement: str, text: str, link: str = "", media: bool = False) -> str:
        """A link is a preview under the text; beside pictures it goes into the text."""
        return with_link(text, link) if media else text

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Upload pictures and create the post, both unpublished: nobody sees them."""
        wire = self._wire(client, credentials)
        page, data = credentials["page_id"], dict(so_far.data)
        if data.get("post"):
            return so_far
        photos: list[str] = list(data.get("photos", []))
        try:
            for one in post.media[len(photos) :]:
                photos.append(self._upload(wire, page, one))
        except NetworkError as error:
            error.so_far = Prepared({"photos": photos})
            raise
        body: dict[str, Any] = {
            "message": self.sent_text(
                placement=post.placement, text=post.text, link=post.link, media=bool(post.media)
            ),
            "published": False,
        }
        if photos:
            body["attached_media"] = [{"media_fbid": photo} for photo in photos]
        elif post.link:
            body["link"] = post.link
        try:
            answer = wire.post(f"/{page}/feed", json=body)
        except NetworkError as error:
            error.so_far = Prepared({"photos": photos})
            raise
        return Prepared({"photos": photos, "post": str(answer["id"])})

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Switch the prepared post to published; switching twice is the same."""
        wire, made = self._wire(client, credentials), str(prepared.data["post"])
        try:
            if wire.post(f"/{made}", json={"is_published": True}).get("success") is not True:
                raise NetworkError(Kind.UNCERTAIN, "unexpected_answer")
        except NetworkError as error:
            raise graph.trusted(error) from None
        try:
            return self._seen(wire, made)[0]
        except NetworkError:  # it is out; not knowing its address must not undo that
            return Published(made, f"https://www.facebook.com/{made}")

    def find(
        self,
        *,
        client: httpx.Client,
        credentials: Credentials,
        post: Outgoing,
        prepared: Prepared,
        not_before: datetime,
    ) -> Sighting:
        """Ask the prepared post whether it is published."""
        made = prepared.data.get("post")
        if not made:
            return Sighting(Verdict.ABSENT)
        try:
            published, is_out = self._seen(self._wire(client, credentials), str(made))
        except NetworkError as error:
            if error.code == "not_found":  # published and deleted since, or never: it cannot be told
                return Sighting(
                    Verdict.CANNOT_TELL, look_at=f"https://www.facebook.com/{credentials['page_id']}"
                )
            raise
        return Sighting(Verdict.FOUND, published) if is_out else Sighting(Verdict.ABSENT)

    def delete(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> None:
        """Delete the post; one that is gone already is no error."""
        try:
            self._wire(client, credentials).call("DELETE", f"/{external_id}")
        except NetworkError as error:
            if error.code != "not_found":
                raise

    # ------------------------------------------------------------------------------------------ reading

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]:
        """Reach, views, clicks (insights), reactions, comments and shares (fields of the post)."""
        wire = self._wire(client, credentials)
        fields = "reactions.limit(0).summary(total_count),comments.limit(0).summary(total_count),shares"
        answer = wire.get(f"/{external_id}", params={"fields": fields})
        readings = []
        for name, part in (("reactions", "total_count"), ("comments", "total_count"), ("shares", "count")):
            edge = answer.get(name, {})
            value = (edge.get("summary") or edge).get(part)
            if isinstance(value, int):
                readings.append(Reading(self.metrics[name], Decimal(value), answer.date))
        asked = [name for name in self.metrics if name.startswith("post_")]
        try:
            insights = wire.get(
                f"/{external_id}/insights", params={"metric": ",".join(asked), "period": "lifetime"}
            )
        except NetworkError as error:
            if error.kind is Kind.PERMANENT:  # no right to insights: what could be read is still true
                return readings
            raise
        return [*graph.insight_readings(self, insights), *readings]

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[Reading]:
        """Number of followers."""
        answer = self._wire(client, credentials).get(
            f"/{credentials['page_id']}", params={"fields": "followers_count"}
        )
        return graph.count_readings(self, answer, ["followers_count"])

    def replies(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> Sequence[Said]:
        """Comments of others, oldest first. Facebook names an author only if they allowed the app to see them."""
        params = {
            "fields": "id,message,from,created_time,permalink_url,parent{id}",
            "filter": "stream",
            "order": "chronological",
            "limit": 100,
        }
        answer = self._wire(client, credentials).get(f"/{external_id}/comments", params=params)
        said = []
        for one in answer.get("data", []):
            author, at = one.get("from") or {}, moment(one.get("created_time"))
            if at is None or author.get("id") == credentials["page_id"]:
                continue
            said.append(
                Said(
                    external_id=str(one["id"]),
                    author=str(author.get("id", "")),
                    author_name=str(author.get("name", "")),
                    text=str(one.get("message", "")),
                    said_at=at,
                    in_reply_to=str((one.get("parent") or {}).get("id") or external_id),
                    url=str(one.get("permalink_url", "")),
                )
            )
        return said

    # ------------------------------------------------------------------------------------------ helpers

    def _wire(self, client: httpx.Client, credentials: Credentials) -> Wire:
        return graph.wire(self, client, credentials)

    def _upload(self, wire: Wire, page: str, one: MediaFile) -> str:
        form = {"published": "false"}
        if one.alt:
            form["alt_text_custom"] = one.alt
        with one.path.open("rb") as file:
            answer = wire.post(
                f"/{page}/photos", data=form, files={"source": (one.path.name, file, one.mime)}
            )
        return str(answer["id"])

    def _seen(self, wire: Wire, made: str) -> tuple[Published, bool]:
        answer = wire.get(f"/{made}", params={"fields": "id,is_published,created_time,permalink_url"})
        published = Published(
            external_id=str(answer["id"]),
            url=str(answer.get("permalink_url", f"https://www.facebook.com/{made}")),
            published_at=moment(answer.get("created_time")),
            answer={"id": str(answer["id"])},
        )
        return published, answer.get("is_published") is True
