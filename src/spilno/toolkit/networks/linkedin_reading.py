"""What LinkedIn tells: counters of posts and accounts, comments.

Sources below learn.microsoft.com/en-us/linkedin/marketing/community-management: organizations/share-statistics,
organizations/follower-statistics, members/post-statistics, members/follower-statistics, shares/comments-api.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from spilno.toolkit.networks.base import Credentials, NetworkError, Reading, Said
from spilno.toolkit.networks.http import Answer, Wire
from spilno.toolkit.networks.linkedin_rest import ORGANIZATION, encoded, stamp

METRICS = {
    "impressionCount": "impressions",
    "uniqueImpressionsCount": "reach",
    "clickCount": "clicks",
    "likeCount": "likes",
    "commentCount": "replies",
    "shareCount": "shares",
    "IMPRESSION": "impressions",
    "MEMBERS_REACHED": "reach",
    "REACTION": "likes",
    "COMMENT": "replies",
    "RESHARE": "shares",
    "firstDegreeSize": "followers",
    "memberFollowersCount": "followers",
}
_OF_MEMBERS = ("IMPRESSION", "MEMBERS_REACHED", "REACTION", "COMMENT", "RESHARE")
PAGE = 100
MOST_PAGES = 10


def elements(
    wire: Wire, path: str, *, page: int = PAGE, most: int = MOST_PAGES
) -> Iterator[dict[str, Any] | None]:
    """Entries of a list, page by page; a last ``None`` if there are more pages than we are willing to walk.

    :param path: with its query; where the list begins and how long a page is are added.
    """
    for number in range(most):
        where = f"{path}&start={number * page}&count={page}".replace("?&", "?")
        answer = wire.get(where, headers={"X-RestLi-Method": "FINDER"} if "q=" in path else {})
        found = [one for one in answer["elements"] if isinstance(one, dict)]
        yield from found
        if not _more(answer, len(found), page):
            return
    yield None


def _more(answer: Answer, found: int, page: int) -> bool:
    """Pages may be shorter than asked for: what cannot be shown is left out. The link to the next one decides."""
    links = (answer.get("paging", {}) or {}).get("links")
    if isinstance(links, list) and links:
        return any(isinstance(one, dict) and one.get("rel") == "next" for one in links)
    return found >= page


def page_readings(wire: Wire, author: str, urn: str) -> list[Reading]:
    """Counters of a company page's post, since it appeared."""
    kind = "ugcPosts" if ":ugcPost:" in urn else "shares"
    answer = wire.get(
        "/rest/organizationalEntityShareStatistics?q=organizationalEntity"
        f"&organizationalEntity={encoded(author)}&{kind}=List({encoded(urn)})"
    )
    for one in answer["elements"]:
        if urn in (one.get("share"), one.get("ugcPost")):
            return _readings(one.get("totalShareStatistics") or {}, answer)
    return []


def member_readings(wire: Wire, urn: str) -> list[Reading]:
    """Counters of a person's post; none if the app was not given ``r_member_postAnalytics``."""
    kind = "ugc" if ":ugcPost:" in urn else "share"
    readings = []
    for name in _OF_MEMBERS:
        try:
            answer = wire.get(
                f"/rest/memberCreatorPostAnalytics?q=entity&entity=({kind}:{encoded(urn)})"
                f"&queryType={name}&aggregation=TOTAL"
            )
        except NetworkError as error:
            if error.status == 403:
                return []
            raise
        for one in answer["elements"][:1]:
            readings += _readings({name: one.get("count")}, answer)
    return readings


def follower_readings(wire: Wire, author: str) -> list[Reading]:
    """How many follow the page or the person; none if the app may not ask."""
    try:
        if author.startswith(ORGANIZATION):
            answer = wire.get(f"/rest/networkSizes/{encoded(author)}?edgeType=COMPANY_FOLLOWED_BY_MEMBER")
            return _readings({"firstDegreeSize": answer.get("firstDegreeSize")}, answer)
        answer = wire.get("/rest/memberFollowersCount?q=me")
        return [one for found in answer["elements"][:1] for one in _readings(found, answer)]
    except NetworkError as error:
        if error.status == 403:
            return []
        raise


def _readings(counters: Mapping[str, Any], answer: Answer) -> list[Reading]:
    return [
        Reading(METRICS[name], Decimal(value), answer.date)
        for name, value in counters.items()
        if name in METRICS and isinstance(value, int) and not isinstance(value, bool) and value >= 0
    ]


def comments(wire: Wire, credentials: Credentials, urn: str) -> list[Said]:
    """Comments of others under a post and the answers to them, oldest first."""
    found: list[Said] = []
    names: dict[str, str] = {}
    for one in _under(wire, urn):
        if (said := _said(wire, credentials, one, urn, names)) is not None:
            found.append(said)
        if _answered(one):
            for answer in _under(wire, str(one["commentUrn"])):
                if (said := _said(wire, credentials, answer, str(one["commentUrn"]), names)) is not None:
                    found.append(said)
    return sorted(found, key=lambda one: one.said_at)


def _under(wire: Wire, urn: str) -> list[dict[str, Any]]:
    path = f"/rest/socialActions/{encoded(urn)}/comments?"
    return [one for one in elements(wire, path) if one and one.get("commentUrn")]


def _answered(one: Mapping[str, Any]) -> bool:
    summary = one.get("commentsSummary")
    count = summary.get("aggregatedTotalComments") if isinstance(summary, dict) else None
    return isinstance(count, int) and count > 0


def _said(
    wire: Wire, credentials: Credentials, one: Mapping[str, Any], under: str, names: dict[str, str]
) -> Said | None:
    created, message, actor = one.get("created") or {}, one.get("message") or {}, str(one.get("actor", ""))
    at = stamp(created.get("time"))
    if at is None or not actor or actor in (credentials.get("author"), credentials.get("member")):
        return None
    if actor not in names:
        names[actor] = _name(wire, actor)
    return Said(
        external_id=str(one["commentUrn"]),
        author=actor.rpartition(":")[2],
        author_name=names[actor],
        text=str(message.get("text", "")),
        said_at=at,
        in_reply_to=under,
    )


def _name(wire: Wire, actor: str) -> str:
    """A company's name. LinkedIn names no persons here, but for apps that it trusts with that."""
    try:
        if actor.startswith(ORGANIZATION):
            return str(wire.get(f"/rest/organizations/{actor.rpartition(':')[2]}").get("localizedName", ""))
        person = wire.get(f"/rest/people/(id:{actor.rpartition(':')[2]})")
        return f"{person.get('localizedFirstName', '')} {person.get('localizedLastName', '')}".strip()
    except NetworkError as error:
        if error.status in (403, 404):
            return ""
        raise
