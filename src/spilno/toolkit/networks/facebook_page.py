"""Facebook page: what goes out is prepared unseen, then one request makes it seen (``facebook_publish.py``).

Sources: developers.facebook.com/docs/pages-api/posts, …/docs/graph-api/reference/page/photos, …/insights,
…/docs/video-api/guides/reels-publishing, …/docs/page-stories-api.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx

from spilno.toolkit.networks import facebook_publish as publish
from spilno.toolkit.networks import graph
from spilno.toolkit.networks.base import (
    Account,
    Counts,
    CredentialField,
    Credentials,
    Kind,
    Network,
    NetworkError,
    Once,
    Outgoing,
    Prepared,
    Published,
    Quota,
    Reading,
    Said,
    Sighting,
    with_link,
)
from spilno.toolkit.networks.facebook_placements import PLACEMENTS, POSTS, REELS
from spilno.toolkit.networks.graph_login import APP_DOCS, APP_FIELDS, APP_STEPS, FacebookLogin, typed_ends
from spilno.toolkit.networks.http import Wire, moment
from spilno.toolkit.networks.words import rate

_RATES = "https://developers.facebook.com/docs/graph-api/overview/rate-limiting"


class FacebookPage(FacebookLogin, Network):
    key = "facebook_page"
    label = {"uk": "Сторінка у Facebook", "en": "Facebook page", "ru": "Страница в Facebook"}
    short = "Fb"
    color = "oklch(0.55 0.19 262)"
    docs = POSTS
    audience_metric = "followers"
    practice = True
    reply_once = Once.LOOKUP
    rates = (
        rate("requests", 200, 3600, _RATES),  # for each user of the app
        rate("reels", 30, 86_400, REELS, counts=Counts.POST, placements=("reel",)),
    )
    metrics = {
        # Since June and November 2025 "impressions" are called views (Page Insights, deprecated metrics).
        "post_media_view": "impressions",
        "post_total_media_view_unique": "reach",
        "post_clicks": "clicks",
        # Of reels, of other videos, of stories. The first of several that Graph tells counts.
        "fb_reels_total_plays": "impressions",
        "blue_reels_play_count": "impressions",
        "total_video_views": "impressions",
        "post_impressions_unique": "reach",
        "total_video_impressions_unique": "reach",
        "story_media_view": "impressions",
        "story_total_media_view_unique": "reach",
        "pages_fb_story_replies": "replies",
        "pages_fb_story_shares": "shares",
        "pages_fb_story_thread_lightweight_reactions": "reactions",
        "reactions": "likes",
        "likes": "likes",
        "comments": "replies",
        "shares": "shares",
        "followers_count": "followers",
    }
    look_here = {
        "uk": "Відкрийте сторінку у Facebook і перегляньте останні дописи, відео та сторіс.",
        "en": "Open the page on Facebook and look at the latest posts, videos and stories.",
        "ru": "Откройте страницу в Facebook и посмотрите последние публикации, видео и сторис.",
    }
    placements = PLACEMENTS
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
    app_fields = APP_FIELDS
    app_steps = APP_STEPS
    app_docs = APP_DOCS
    app_scopes = (
        "pages_show_list",
        "pages_manage_posts",
        "pages_read_engagement",
        "pages_read_user_content",
        "pages_manage_engagement",
        "read_insights",
        "business_management",
    )

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """See which page the token opens; with a person's token, take the page's own."""
        whom = credentials.get("page_id", "").strip() or "me"
        answer = self._wire(client, credentials).get(
            f"/{whom}", params={"fields": "id,name,link,access_token"}
        )
        kept = {**credentials, "page_id": str(answer["id"])}
        if not credentials.get("user_token"):
            kept |= typed_ends(self, client, credentials, credentials["access_token"].strip())
        if own := answer.get("access_token"):
            kept["access_token"] = str(own)
        return Account(kept["page_id"], str(answer.get("name", "")), str(answer.get("link", "")), kept)

    def _accounts(self, page: dict[str, Any], credentials: dict[str, str]) -> Iterator[Account]:
        kept = {**credentials, "page_id": str(page["id"])}
        yield Account(kept["page_id"], str(page.get("name") or ""), str(page.get("link") or ""), kept)

    def _page_of(self, way: Wire, credentials: Credentials) -> str:
        return credentials["page_id"]

    def quotas(self, headers: httpx.Headers) -> tuple[Quota, ...]:
        """What the usage headers tell, in hundredths."""
        return graph.quotas(headers)

    # ------------------------------------------------------------------------------------------ publishing

    def sent_text(self, *, placement: str, text: str, link: str = "", media: bool = False) -> str:
        """A link is a preview under the text; beside pictures and videos it goes into the text."""
        return with_link(text, link) if media else text

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Upload what is to be seen, where nobody sees it yet."""
        ways, text = self._ways(client, credentials), self._text(post)
        match post.placement:
            case "video":
                return publish.prepare_video(ways, post, so_far, text)
            case "reel":
                return publish.prepare_file(ways, post, so_far, "video_reels")
            case "story":
                return publish.prepare_story(ways, post, so_far)
        return publish.prepare_post(ways, post, so_far, text)

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Make it seen."""
        ways = self._ways(client, credentials)
        match post.placement:
            case "video":
                return publish.commit_video(ways, prepared)
            case "reel":
                return publish.commit_reel(ways, prepared, self._text(post))
            case "story":
                return publish.commit_story(ways, prepared)
        return publish.commit_post(ways, prepared)

    def find(
        self,
        *,
        client: httpx.Client,
        credentials: Credentials,
        post: Outgoing,
        prepared: Prepared,
        not_before: datetime,
    ) -> Sighting:
        """Ask what was prepared; a story is looked for among the page's stories."""
        ways = self._ways(client, credentials)
        match post.placement:
            case "video":
                return publish.find_video(ways, prepared)
            case "reel":
                return publish.find_reel(ways, prepared)
            case "story":
                return publish.find_story(ways, prepared, not_before)
        return publish.find_post(ways, prepared)

    def delete(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> None:
        """Delete a post, video or reel; one that is gone already is no error. Graph deletes no stories."""
        if external_id.startswith(publish.STORY):
            raise NetworkError(Kind.PERMANENT, "delete_by_hand")
        try:
            self._wire(client, credentials).call("DELETE", f"/{external_id}")
        except NetworkError as error:
            if error.code != "not_found":
                raise

    # ------------------------------------------------------------------------------------------ reading

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]:
        """Reach, views, clicks (insights), and what is counted at the post itself: reactions, comments, shares."""
        wire = self._wire(client, credentials)
        if external_id.startswith(publish.STORY):
            asked = [name for name in self.metrics if "story" in name]
            edge, fields = f"/{external_id.removeprefix(publish.STORY)}/insights", ""
        elif _is_post(external_id):
            asked = ["post_media_view", "post_total_media_view_unique", "post_clicks"]
            edge, fields = f"/{external_id}/insights", "reactions,comments,shares"
        else:  # without names Graph tells all that it has for this kind of video
            asked, edge, fields = [], f"/{external_id}/video_insights", "likes,comments"
        counted = self._counted(wire, external_id, fields) if fields else []
        params = {"metric": ",".join(asked)} if asked else {}
        try:
            insights = wire.get(edge, params={**params, "period": "lifetime"})
        except NetworkError as error:
            if error.kind is Kind.PERMANENT and error.code != "not_found":
                return counted  # no right to insights: what could be read is still true
            raise
        told = graph.insight_readings(self, insights)
        ours = {one.metric for one in counted}
        return [*(one for one in told if one.metric not in ours), *counted]

    def _counted(self, wire: Wire, node: str, names: str) -> list[Reading]:
        """Reactions, comments and shares, which are edges of the node that tell their sum."""
        edges = [
            name if name == "shares" else f"{name}.limit(0).summary(total_count)" for name in names.split(",")
        ]
        answer = wire.get(f"/{node}", params={"fields": ",".join(edges)})
        readings = []
        for name in names.split(","):
            edge = answer.get(name, {})
            value = (edge.get("summary") or edge).get("count" if name == "shares" else "total_count")
            if isinstance(value, int) and not isinstance(value, bool):
                readings.append(Reading(self.metrics[name], Decimal(value), answer.date))
        return readings

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[Reading]:
        """Number of followers."""
        answer = self._wire(client, credentials).get(
            f"/{credentials['page_id']}", params={"fields": "followers_count"}
        )
        return graph.count_readings(self, answer, ["followers_count"])

    def replies(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> Sequence[Said]:
        """Comments of others and the answers to them, oldest first; a story has none that can be read.

        Facebook names an author only if they allowed the app to see them.
        """
        if external_id.startswith(publish.STORY):
            return []
        wire, page = self._wire(client, credentials), credentials["page_id"]
        return [
            said
            for one in self._comments(wire, external_id)
            if (one.get("from") or {}).get("id") != page and (said := _said(one, external_id)) is not None
        ]

    def reply(
        self, *, client: httpx.Client, credentials: Credentials, in_reply_to: str, text: str, key: str
    ) -> Published:
        """Comment under a post or a comment. Facebook takes no key: the page's own answer in the same words, under the
        same comment, is this one. An answer to an answer stands beside it, under the comment above both."""
        wire, page, under = self._wire(client, credentials), credentials["page_id"], in_reply_to
        if under.startswith(publish.STORY):
            raise NetworkError(Kind.PERMANENT, "not_found")
        if "_" in under and not under.startswith(f"{page}_"):
            above = wire.get(f"/{under}", params={"fields": "id,parent{id}"}).get("parent", {})
            under = str(above.get("id") or under)
        for one in self._comments(wire, under):
            if (one.get("from") or {}).get("id") == page and str(
                one.get("message", "")
            ).strip() == text.strip():
                return Published(
                    str(one["id"]), str(one.get("permalink_url") or ""), moment(one.get("created_time"))
                )
        try:
            made = str(wire.post(f"/{under}/comments", json={"message": text})["id"])
        except NetworkError as error:
            raise graph.trusted(error) from None
        return Published(made, "", None, {"id": made})

    # ------------------------------------------------------------------------------------------ helpers

    def _wire(self, client: httpx.Client, credentials: Credentials) -> Wire:
        return graph.wire(self, client, credentials)

    def _ways(self, client: httpx.Client, credentials: Credentials) -> publish.Ways:
        return publish.Ways(
            self._wire(client, credentials),
            graph.wire(self, client, credentials, video=True),
            credentials["page_id"],
            credentials["access_token"].strip(),
        )

    def _text(self, post: Outgoing) -> str:
        return self.sent_text(
            placement=post.placement, text=post.text, link=post.link, media=bool(post.media)
        )

    def _comments(self, wire: Wire, under: str) -> Iterator[dict[str, Any]]:
        params = {
            "fields": "id,message,from,created_time,permalink_url,parent{id}",
            "filter": "stream",
            "order": "chronological",
            "limit": 100,
        }
        return graph.listed(wire, f"/{under}/comments", params)


def _is_post(external_id: str) -> bool:
    return "_" in external_id


def _said(one: dict[str, Any], post: str) -> Said | None:
    author, at = one.get("from") or {}, moment(one.get("created_time"))
    if at is None or not one.get("id"):
        return None
    return Said(
        external_id=str(one["id"]),
        author=str(author.get("id", "")),
        author_name=str(author.get("name", "")),
        text=str(one.get("message", "")),
        said_at=at,
        in_reply_to=str((one.get("parent") or {}).get("id") or post),
        url=str(one.get("permalink_url", "")),
    )
