"""Instagram (business and creator accounts): container → its state → ``media_publish``.

Containers are in ``instagram_containers.py``. After publishing one reads PUBLISHED, which is a definitive answer to
"is it there?".

Sources: developers.facebook.com/docs/instagram-platform/content-publishing, …/reference/ig-container,
…/reference/instagram-media (and …/insights, …/comments).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx

from spilno.toolkit.networks import graph
from spilno.toolkit.networks import instagram_containers as containers
from spilno.toolkit.networks.base import (
    Account,
    Counts,
    CredentialField,
    Credentials,
    Kind,
    Limit,
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
    Verdict,
)
from spilno.toolkit.networks.graph_login import APP_DOCS, APP_FIELDS, APP_STEPS, FacebookLogin, typed_ends
from spilno.toolkit.networks.http import Wire, before_sending, moment
from spilno.toolkit.networks.instagram_placements import PLACEMENTS, PUBLISHING
from spilno.toolkit.networks.words import CHECKED, rate

_RATES = "https://developers.facebook.com/docs/graph-api/overview/rate-limiting"
CLOCKS_APART = timedelta(minutes=2)

_POST_METRICS = ("reach", "views", "likes", "comments", "shares", "saved")
_STORY_METRICS = ("reach", "views", "replies", "shares", "follows", "profile_visits")


class Instagram(FacebookLogin, Network):
    key = "instagram"
    label = {"uk": "Instagram", "en": "Instagram", "ru": "Instagram"}
    short = "Ig"
    color = "oklch(0.61 0.22 5)"
    docs = PUBLISHING
    audience_metric = "followers"
    practice = True
    public_media = True
    reply_once = Once.LOOKUP
    rates = (
        rate("requests", 200, 3600, _RATES),
        rate("posts", 100, 86_400, PUBLISHING, counts=Counts.POST),
        rate("containers", 400, 86_400, PUBLISHING, counts=Counts.UPLOAD),
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
    placements = PLACEMENTS
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
    app_fields = APP_FIELDS
    app_steps = (
        *APP_STEPS[:2],
        {
            "uk": "Акаунт Instagram має бути професійним (бізнес або автор) і повʼязаним зі сторінкою у Facebook.",
            "en": "The Instagram account must be a professional one (business or creator), connected with a Facebook "
            "page.",
            "ru": "Аккаунт Instagram должен быть профессиональным (бизнес или автор) и связанным со страницей в "
            "Facebook.",
        },
        *APP_STEPS[2:],
    )
    app_docs = APP_DOCS
    app_scopes = (
        "instagram_basic",
        "instagram_content_publish",
        "instagram_manage_comments",
        "instagram_manage_insights",
        "instagram_manage_contents",
        "pages_show_list",
        "pages_read_engagement",
        "business_management",
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
        kept = {**credentials, "ig_user_id": str(answer["id"])}
        if not credentials.get("user_token"):
            kept |= typed_ends(self, client, credentials, credentials["access_token"].strip())
        return _account(wire.base, str(answer["username"]), kept)

    def _accounts(self, page: dict[str, Any], credentials: dict[str, str]) -> Iterator[Account]:
        account = page.get("instagram_business_account")
        if isinstance(account, dict) and account.get("id") and account.get("username"):
            kept = {**credentials, "ig_user_id": str(account["id"]), "page_id": str(page["id"])}
            yield _account(credentials.get("graph_url", "") or graph.GRAPH, str(account["username"]), kept)

    def _page_of(self, way: Wire, credentials: Credentials) -> str:
        return credentials.get("page_id") or str(way.get("/me", params={"fields": "id"})["id"])

    def quotas(self, headers: httpx.Headers) -> tuple[Quota, ...]:
        """What the usage headers tell, in hundredths."""
        return graph.quotas(headers)

    def live_limits(
        self, *, client: httpx.Client, credentials: Credentials, placement: str
    ) -> tuple[Limit, ...]:
        """How many posts this account may publish in 24 hours."""
        total, _, day = self._publishing_limit(client, credentials)
        source = "content_publishing_limit"
        return () if total is None else (Limit("posts_per_day", total, "count", day or CHECKED, source),)

    def live_quotas(self, *, client: httpx.Client, credentials: Credentials) -> tuple[Quota, ...]:
        """How many of them are left."""
        total, used, _ = self._publishing_limit(client, credentials)
        if total is None or used is None:
            return ()
        return (Quota("posts", max(0, total - used), total, None, counts=Counts.POST),)

    def _publishing_limit(self, client: httpx.Client, credentials: Credentials) -> tuple[Any, Any, Any]:
        path = f"/{credentials['ig_user_id']}/content_publishing_limit"
        answer = self._wire(client, credentials).get(path, params={"fields": "config,quota_usage"})
        for one in answer.get("data", []):
            total, used = (one.get("config") or {}).get("quota_total"), one.get("quota_usage")
            if isinstance(total, int):
                day = answer.date.date() if answer.date else None
                return total, used if isinstance(used, int) else None, day
        return None, None, None

    # ------------------------------------------------------------------------------------------ publishing

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Make the container, and look once whether Instagram has finished with it.

        :raises NetworkError: ``Kind.WAIT`` with ``so_far`` while it has not.
        """
        wire, token = self._wire(client, credentials), credentials["access_token"].strip()
        account, caption = credentials["ig_user_id"], self._caption(post)
        return containers.prepare(wire, account, token, post, so_far, caption)

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Publish the container, unless it reads PUBLISHED already."""
        wire, container = self._wire(client, credentials), str(prepared.data["container"])
        try:
            state = containers.check_ready(wire, prepared, "container")
        except NetworkError as error:
            raise before_sending(error) from None
        if state.code == "PUBLISHED":
            return self._identified(wire, credentials, post, container, None)
        try:
            answer = wire.post(f"/{credentials['ig_user_id']}/media_publish", json={"creation_id": container})
            media = str(answer["id"])
        except NetworkError as error:
            raise graph.trusted(error) from None
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
        state = containers.ask(wire, str(container))
        if state is None:
            return Sighting(Verdict.CANNOT_TELL, look_at=self.look_here["en"])
        if state.code != "PUBLISHED":
            return Sighting(Verdict.ABSENT)
        return Sighting(Verdict.FOUND, self._identified(wire, credentials, post, str(container), not_before))

    def delete(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> None:
        """Delete a post, carousel, reel or story (since December 2025); one that is gone already is no error."""
        try:
            self._wire(client, credentials).call("DELETE", f"/{external_id}")
        except NetworkError as error:
            if error.code != "not_found":
                raise

    # ------------------------------------------------------------------------------------------ reading

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]:
        """Insights of a post or reel, or of a story while Instagram gives them (24 hours)."""
        wire = self._wire(client, credentials)
        kind = wire.get(f"/{external_id}", params={"fields": "id,media_product_type"})
        names = _STORY_METRICS if kind.get("media_product_type") == "STORY" else _POST_METRICS
        try:
            answer = wire.get(f"/{external_id}/insights", params={"metric": ",".join(names)})
        except NetworkError as error:
            # Code 10 on a story: too few people saw it to say anything. No value, not nought.
            if graph.their_code(error) == 10:
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
        wire = self._wire(client, credentials)
        fields = "id,text,username,timestamp,replies{id,text,username,timestamp}"
        said: list[Said] = []
        for one in containers.said_under(wire, f"/{external_id}/comments", fields):
            said += _said(one, external_id)
            for under in (one.get("replies") or {}).get("data") or []:
                said += _said(under, str(one.get("id", "")))
        own = credentials.get("username")
        return sorted((one for one in said if one.author != own), key=lambda one: one.said_at)

    def reply(
        self, *, client: httpx.Client, credentials: Credentials, in_reply_to: str, text: str, key: str
    ) -> Published:
        """Comment under a post or a comment. Instagram takes no key: our own answer in the same words, in the same
        place, is this one. An answer to an answer stands beside it, under the comment above both."""
        wire, own = self._wire(client, credentials), credentials.get("username")
        above = self._comment(wire, in_reply_to)
        path = f"/{in_reply_to}/comments" if above is None else f"/{above}/replies"
        for one in containers.said_under(wire, path, "id,text,username,timestamp"):
            if one.get("username") == own and str(one.get("text", "")).strip() == text.strip():
                return Published(str(one["id"]), "", moment(one.get("timestamp")))
        try:
            made = str(wire.post(path, json={"message": text})["id"])
        except NetworkError as error:
            raise graph.trusted(error) from None
        return Published(made, "", None, {"id": made})

    # ------------------------------------------------------------------------------------------ helpers

    def _wire(self, client: httpx.Client, credentials: Credentials) -> Wire:
        return graph.wire(self, client, credentials)

    def _caption(self, post: Outgoing) -> str:
        return self.sent_text(placement=post.placement, text=post.text, link=post.link, media=True)

    def _comment(self, wire: Wire, number: str) -> str | None:
        """The comment to answer under: itself, or the one above an answer; ``None`` if it is no comment but a post.

        Ids do not tell which they are, but a post has no ``parent_id``, and Graph says so.
        """
        try:
            answer = wire.get(f"/{number}", params={"fields": "id,parent_id"})
        except NetworkError as error:
            if graph.their_code(error) == 100 and error.code != "not_found":
                return None
            raise before_sending(error) from None
        return str(answer.get("parent_id") or number)

    def _identified(
        self,
        wire: Wire,
        credentials: Credentials,
        post: Outgoing,
        container: str,
        not_before: datetime | None,
    ) -> Published:
        """Which media a published container became: Instagram does not say, so it is recognised.

        The earliest one of its kind since the first attempt with our caption (a story has none: the earliest story
        of a picture or of a video). If none is listed, the container's own id stands for it: that it is published is
        certain.
        """
        edge = "stories" if post.placement == "story" else "media"
        kind = _kind(post)
        params = {"fields": "id,caption,media_type,permalink,timestamp", "limit": 50}
        answer = wire.get(f"/{credentials['ig_user_id']}/{edge}", params=params)
        caption = self._caption(post)
        chosen: tuple[datetime, dict[str, Any]] | None = None
        for one in answer.get("data", []):
            at = moment(one.get("timestamp"))
            if at is None or (not_before is not None and at < not_before - CLOCKS_APART):
                continue
            if kind and one.get("media_type") not in (kind, None):
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


def _kind(post: Outgoing) -> str | None:
    """The ``media_type`` that the post will have."""
    if post.placement == "carousel":
        return "CAROUSEL_ALBUM"
    return {"image": "IMAGE", "video": "VIDEO"}.get(post.media[0].kind) if post.media else None


def _account(graph_url: str, name: str, kept: dict[str, str]) -> Account:
    url = graph.public_page(graph_url, real=f"https://www.instagram.com/{name}/", here=f"/instagram/{name}")
    return Account(kept["ig_user_id"], f"@{name}", url, {**kept, "username": name})


def _said(one: dict[str, Any], parent: str) -> list[Said]:
    at = moment(one.get("timestamp"))
    if at is None or not one.get("id"):
        return []
    name = str(one.get("username", ""))
    return [Said(str(one["id"]), name, name, str(one.get("text", "")), at, parent)]
