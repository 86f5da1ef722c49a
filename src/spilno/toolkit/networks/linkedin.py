"""LinkedIn: a person's profile or a company's page, through the versioned REST API.

Posting has no key of ours. Files are uploaded for one delivery only, so a post that carries them is that delivery; a
text is known by its words. Whatever slips through meets LinkedIn's own refusal of duplicates, which names the post
that is there already.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from spilno.toolkit.networks import linkedin_connecting as connecting
from spilno.toolkit.networks import linkedin_media as media
from spilno.toolkit.networks import linkedin_reading as reading
from spilno.toolkit.networks import linkedin_rest as rest
from spilno.toolkit.networks import linkedin_words as words
from spilno.toolkit.networks.base import (
    Account,
    Credentials,
    Kind,
    Network,
    NetworkError,
    Once,
    Outgoing,
    Prepared,
    Published,
    Reading,
    Said,
    Sighting,
    Verdict,
)
from spilno.toolkit.networks.http import Answer, Wire, before_sending, moment
from spilno.toolkit.networks.linkedin_text import fingerprint, first_line, little, plain, shown

CLOCKS_APART = timedelta(minutes=5)
MOST_PAGES = 5
MOST_ALT = 4086
MOST_TITLE = 100
_DUPLICATE_OF = re.compile(r"urn:li:(?:share|ugcPost):\d+")
_COMMENT = re.compile(r"urn:li:comment:\((urn:li:\w+:\d+),(\d+)\)")


class LinkedIn(Network):
    key = "linkedin"
    label = {"uk": "LinkedIn", "en": "LinkedIn", "ru": "LinkedIn"}
    short = "Li"
    color = "oklch(0.51 0.13 250)"
    docs = words.POSTS
    audience_metric = "followers"
    practice = True
    rates = words.RATES
    metrics = reading.METRICS
    look_here = {
        "uk": "Відкрийте сторінку в LinkedIn і перегляньте останні дописи.",
        "en": "Open the page on LinkedIn and look at the latest posts.",
        "ru": "Откройте страницу в LinkedIn и посмотрите последние публикации.",
    }
    placements = words.PLACEMENTS
    credential_fields = words.FIELDS
    app_fields = words.APP_FIELDS
    app_steps = words.APP_STEPS
    app_docs = "https://www.linkedin.com/developers/apps"
    app_scopes = words.PERSON_SCOPES
    reply_once = Once.NONE

    def sent_text(self, *, placement: str, text: str, link: str = "", media: bool = False) -> str:
        """What readers see: mentions by name. A link is a card of its own, but beside files it goes into the text."""
        return super().sent_text(placement=placement, text=shown(text), link=link if media else "")

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self, *, client: httpx.Client, credentials: Credentials) -> Account:
        """See whose token it is, and whether it may post for the page that was named."""
        return connecting.connect(self, client, credentials)

    def authorization(
        self, *, client: httpx.Client, credentials: Credentials, redirect_uri: str, state: str
    ) -> tuple[str, Credentials]:
        """Where the person allows access. LinkedIn has PKCE for native apps only; the secret stands in for it."""
        return connecting.authorization(credentials, redirect_uri, state)

    def finish(
        self, *, client: httpx.Client, credentials: Credentials, code: str, redirect_uri: str
    ) -> tuple[Account, ...]:
        """Trade the code for tokens: the person, then every company page that they administer."""
        return connecting.finish(self, client, credentials, code, redirect_uri)

    def refresh(self, *, client: httpx.Client, credentials: Credentials) -> Credentials:
        """Fresh tokens, for apps to which LinkedIn grants refreshing."""
        return connecting.refresh(self, client, credentials)

    # ------------------------------------------------------------------------------------------ publishing

    def prepare(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, so_far: Prepared
    ) -> Prepared:
        """Upload the files and wait until they are digested; note LinkedIn's own time of beginning."""
        wire = rest.wire(self, client, credentials)
        known = dict(so_far.data)
        if not known.get("since"):
            begun = connecting.looked_at(wire, credentials).date
            known["since"] = begun.isoformat() if begun else ""
        done = media.uploaded(wire, credentials["author"], post.media, known)
        return Prepared({**known, **done}, so_far.expires_at)

    def commit(
        self, *, client: httpx.Client, credentials: Credentials, post: Outgoing, prepared: Prepared
    ) -> Published:
        """Create the post. Refused as a duplicate of what this delivery has made before, it is there."""
        wire = rest.wire(self, client, credentials)
        problem: NetworkError | None = None
        try:
            answer = wire.post("/rest/posts", json=self._body(credentials, post, prepared))
        except NetworkError as error:
            if error.params.get("their_code") == rest.DUPLICATE:
                return self._duplicate(wire, credentials, post, prepared, error)
            problem = rest.trusted(error)
        if problem is not None:
            raise problem
        urn = answer.headers.get("x-restli-id") or answer.headers.get("x-linkedin-id") or ""
        if not urn.startswith("urn:li:"):
            raise NetworkError(
                Kind.UNCERTAIN, "unexpected_answer", params={"field": "x-restli-id"}, status=answer.status
            )
        return _published(credentials, urn, rest.made_at(urn) or answer.date)

    def find(
        self,
        *,
        client: httpx.Client,
        credentials: Credentials,
        post: Outgoing,
        prepared: Prepared,
        not_before: datetime,
    ) -> Sighting:
        """Look through the author's posts since the first attempt; most apps may not read a person's."""
        wire = rest.wire(self, client, credentials)
        earliest, found = not_before - CLOCKS_APART, ""
        look = Sighting(Verdict.CANNOT_TELL, look_at=rest.posts_page(credentials) or self.look_here["en"])
        path = f"/rest/posts?q=author&author={rest.encoded(credentials['author'])}&sortBy=LAST_MODIFIED"
        try:
            for one in reading.elements(wire, path, most=MOST_PAGES):
                if one is None:
                    return look
                changed, made = rest.stamp(one.get("lastModifiedAt")), rest.stamp(one.get("createdAt"))
                if changed is not None and changed < earliest:
                    break
                if made is not None and made >= earliest and self._is_it(one, post, prepared):
                    found = str(one["id"])  # the earliest counts
        except NetworkError as error:
            if error.status == 403:
                return look
            raise
        if not found:
            return Sighting(Verdict.ABSENT)
        return Sighting(Verdict.FOUND, _published(credentials, found, rest.made_at(found)))

    def delete(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> None:
        """Delete the post; LinkedIn answers the same for one that is gone already."""
        try:
            rest.wire(self, client, credentials).call(
                "DELETE", f"/rest/posts/{rest.encoded(external_id)}", headers={"X-RestLi-Method": "DELETE"}
            )
        except NetworkError as error:
            if error.status not in (404, 410):
                raise

    # ------------------------------------------------------------------------------------------ reading

    def post_readings(
        self, *, client: httpx.Client, credentials: Credentials, external_id: str
    ) -> Sequence[Reading]:
        """Counters of a post, as far as the app may read them."""
        wire, author = rest.wire(self, client, credentials), credentials["author"]
        if author.startswith(rest.ORGANIZATION):
            return reading.page_readings(wire, author, external_id)
        return reading.member_readings(wire, external_id)

    def account_readings(self, *, client: httpx.Client, credentials: Credentials) -> Sequence[Reading]:
        """Number of followers."""
        return reading.follower_readings(rest.wire(self, client, credentials), credentials["author"])

    def replies(self, *, client: httpx.Client, credentials: Credentials, external_id: str) -> Sequence[Said]:
        """Comments of others, with the answers to them; none where only LinkedIn's partners may read them."""
        try:
            return reading.comments(rest.wire(self, client, credentials), credentials, external_id)
        except NetworkError as error:
            if error.status == 404 or (
                error.status == 403 and not credentials["author"].startswith(rest.ORGANIZATION)
            ):
                return []
            raise

    def reply(
        self, *, client: httpx.Client, credentials: Credentials, in_reply_to: str, text: str, key: str
    ) -> Published:
        """Comment on a post of ours, or answer a comment. Comments are plain text: nothing is escaped."""
        wire = rest.wire(self, client, credentials)
        body: dict[str, Any] = {
            "actor": credentials["author"],
            "object": in_reply_to,
            "message": {"text": text},
        }
        target = in_reply_to
        if comment := _COMMENT.fullmatch(in_reply_to):
            target = self._top(wire, in_reply_to, comment[1], comment[2])
            body |= {"object": comment[1], "parentComment": target}
        problem: NetworkError | None = None
        try:
            answer = wire.post(f"/rest/socialActions/{rest.encoded(target)}/comments", json=body)
        except NetworkError as error:
            problem = rest.trusted(error)
        if problem is not None:
            raise problem
        number = answer.headers.get("x-restli-id") or str(answer.get("id", ""))
        urn = str(answer.get("commentUrn", "")) or f"urn:li:comment:({body['object']},{number})"
        if not number:
            raise NetworkError(
                Kind.UNCERTAIN, "unexpected_answer", params={"field": "id"}, status=answer.status
            )
        return Published(urn, "", answer.date, {"id": urn})

    # ------------------------------------------------------------------------------------------ helpers

    def _body(self, credentials: Credentials, post: Outgoing, prepared: Prepared) -> dict[str, Any]:
        text = post.text
        if post.link and post.media:
            text = super().sent_text(placement=post.placement, text=text, link=post.link)
        body: dict[str, Any] = {
            "author": credentials["author"],
            "commentary": little(text),
            "visibility": "PUBLIC",
            "distribution": {
                "feedDistribution": "MAIN_FEED",
                "targetEntities": [],
                "thirdPartyDistributionChannels": [],
            },
            "lifecycleState": "PUBLISHED",
            "isReshareDisabledByAuthor": False,
        }
        if content := _content(post, [str(one) for one in prepared.data.get("media", [])]):
            body["content"] = content
        return body

    def _is_it(self, one: dict[str, Any], post: Outgoing, prepared: Prepared) -> bool:
        """Files were uploaded for this very delivery and nothing else; a text has no such mark."""
        content = one.get("content") or {}
        ours = {str(urn) for urn in prepared.data.get("media", [])}
        if ours:
            return bool(ours & _urns(content))
        if post.media or _urns(content) or bool(post.link) != ("article" in content):
            return False
        sent = self.sent_text(placement=post.placement, text=post.text, link=post.link)
        return fingerprint(plain(str(one.get("commentary", "")))) == fingerprint(sent)

    def _duplicate(
        self, wire: Wire, credentials: Credentials, post: Outgoing, prepared: Prepared, error: NetworkError
    ) -> Published:
        """The post that stands in the way: ours if it carries our files or was made since we began, else somebody's.

        LinkedIn goes on refusing the words of a deleted post for a day or two, and names one that is not there.
        """
        known = _DUPLICATE_OF.search(str(error.params.get("message", "")))
        since = moment(prepared.data.get("since"))
        if known is None or since is None:
            raise error
        urn, there, readable = known[0], None, True
        problem: NetworkError | None = None
        try:
            there = wire.get(f"/rest/posts/{rest.encoded(urn)}").data
        except NetworkError as other:
            readable = other.status != 403
            if other.status not in (403, 404, 410):
                problem = other
        if problem is not None:
            # Nothing new was made, but what is there could not be seen: it has to be looked up.
            raise NetworkError(Kind.UNCERTAIN, problem.code, params=problem.params, status=problem.status)
        made = rest.made_at(urn)
        if isinstance(there, dict):
            made = rest.stamp(there.get("createdAt")) or made
            same = self._is_it({**there, "id": urn}, post, prepared)
        else:
            same = not readable
        if same and made is not None and made >= since - CLOCKS_APART:
            return _published(credentials, urn, made)
        page = rest.post_page(credentials, urn)
        raise NetworkError(
            Kind.PERMANENT, error.code, params={**error.params, "url": page}, status=error.status
        ) from None

    def _top(self, wire: Wire, comment: str, post: str, number: str) -> str:
        """The comment that starts the conversation: LinkedIn hangs all answers below that one."""
        problem: NetworkError | None = None
        try:
            found: Answer = wire.get(f"/rest/socialActions/{rest.encoded(post)}/comments/{number}")
            return str(found.get("parentComment", "")) or comment
        except NetworkError as error:
            if error.status in (403, 404):
                return comment
            problem = before_sending(error)
        raise problem


def _content(post: Outgoing, urns: list[str]) -> dict[str, Any]:
    """``content`` of a post: its files, or its link as a card."""
    if not post.media:
        if not post.link:
            return {}
        host = httpx.URL(quote(post.link, safe=":/?&=%#@,;+!~*'()[]")).host
        return {"article": {"source": post.link, "title": first_line(shown(post.text), MOST_TITLE) or host}}
    if len(urns) < len(post.media):
        raise NetworkError(Kind.WAIT, "preparation_expired", params={"seconds": 0}, so_far=Prepared())
    if post.placement == "post":
        images = [
            {"id": urn, "altText": one.alt[:MOST_ALT]} if one.alt.strip() else {"id": urn}
            for urn, one in zip(urns, post.media, strict=True)
        ]
        return {"media": images[0]} if len(images) == 1 else {"multiImage": {"images": images}}
    one = post.media[0]
    title = first_line(one.alt, MOST_TITLE) or first_line(shown(post.text), MOST_TITLE)
    if post.placement == "document":  # a document cannot be without a title
        title = title or one.path.stem[:MOST_TITLE]
    return {"media": {"id": urns[0]} | ({"title": title} if title else {})}


def _urns(content: dict[str, Any]) -> set[str]:
    """URNs of the files in a post's ``content``."""
    entries = [content.get("media") or {}, *((content.get("multiImage") or {}).get("images") or [])]
    return {str(one["id"]) for one in entries if isinstance(one, dict) and one.get("id")}


def _published(credentials: Credentials, urn: str, at: datetime | None) -> Published:
    return Published(urn, rest.post_page(credentials, urn), at, {"id": urn})
