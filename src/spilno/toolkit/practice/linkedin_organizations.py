"""Who the member is, which pages they administer, who follows, and how posts are received.

Sources below learn.microsoft.com/en-us/linkedin: consumer/integrations/self-serve/sign-in-with-linkedin-v2,
shared/integrations/people/profile-api, marketing/community-management/organizations and …/members.
"""

from __future__ import annotations

from typing import Any

from spilno.toolkit.practice.linkedin import ORGANIZATION, Call, RestError, missing, paged, urn_of
from spilno.toolkit.practice.linkedin_posts import find

_TYPES = {
    "IMPRESSION": "views",
    "MEMBERS_REACHED": "reach",
    "RESHARE": "shares",
    "REACTION": "likes",
    "COMMENT": "comments",
}


def userinfo(call: Call) -> dict[str, Any]:
    """``/v2/userinfo``."""
    call.need("openid")
    given, _, family = call.member["title"].rpartition(" ")
    return {
        "sub": call.member["id"],
        "name": call.member["title"],
        "given_name": given or family,
        "family_name": family,
        "locale": {"country": "UA", "language": "uk"},
    }


def me(call: Call) -> dict[str, Any]:
    """``/v2/me``."""
    call.need("r_basicprofile")
    given, _, family = call.member["title"].rpartition(" ")
    return {
        "id": call.member["id"],
        "localizedFirstName": given,
        "localizedLastName": family,
        "vanityName": call.member["name"],
    }


def acls(call: Call) -> dict[str, Any]:
    """``/rest/organizationAcls?q=roleAssignee``."""
    call.need("rw_organization_admin", "r_organization_admin")
    if call.query.get("q") != "roleAssignee":
        raise RestError(400, "PARAM_INVALID", "Unknown finder")
    found = [
        {
            "roleAssignee": urn_of(call.member),
            "state": "APPROVED",
            "role": str(one.get("role", "ADMINISTRATOR")),
            "organization": urn_of(one),
        }
        for one in call.pages
    ]
    for name in ("role", "state"):
        found = [one for one in found if call.query.get(name, one[name]) == one[name]]
    return paged(call, found)


def handle(call: Call) -> dict[str, Any]:
    """``/rest/organizations``: one by its number, several by a list of them, by name."""
    call.need("rw_organization_admin", "r_organization_admin", "r_organization_social")
    with call.state.reading() as data:
        all_ = {
            one["id"]: one
            for one in data["accounts"].values()
            if one["network"] == "linkedin" and not one.get("person")
        }
    if len(call.parts) > 1:
        if call.parts[1] not in all_:
            raise missing(f"{ORGANIZATION}{call.parts[1]}")
        return _organization(all_[call.parts[1]])
    if call.query.get("q") == "vanityName":
        return paged(
            call, [_organization(one) for one in all_.values() if one["name"] == call.query.get("vanityName")]
        )
    ids = call.listed("ids")
    return {
        "results": {one: _organization(all_[one]) for one in ids if one in all_},
        "statuses": {one: 200 if one in all_ else 404 for one in ids},
        "errors": {},
    }


def _organization(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": int(one["id"]),
        "localizedName": one["title"],
        "vanityName": one["name"],
        "primaryOrganizationType": "NONE",
        "organizationType": "NON_PROFIT",
    }


def sizes(call: Call) -> dict[str, Any]:
    """``/rest/networkSizes/{urn}``."""
    call.need("rw_organization_admin", "r_organization_followers")
    if call.query.get("edgeType") != "COMPANY_FOLLOWED_BY_MEMBER":
        raise RestError(400, "PARAM_INVALID", "Invalid edgeType")
    page = call.page(call.parts[1])
    return {"firstDegreeSize": call.state.followers(page, call.state.clock())}


def share_statistics(call: Call) -> dict[str, Any]:
    """``/rest/organizationalEntityShareStatistics``, since the posts appeared."""
    call.need("rw_organization_admin")
    page = call.page(call.query.get("organizationalEntity", ""))
    found = []
    for urn in call.listed("shares") + call.listed("ugcPosts"):
        try:
            post = find(call, urn)
        except RestError:
            continue
        if post["account"] != page["id"]:
            continue
        counters = call.state.counters(post)
        engaged = sum(counters[name] for name in ("likes", "comments", "shares", "clicks"))
        found.append(
            {
                "totalShareStatistics": {
                    "uniqueImpressionsCount": counters["reach"],
                    "impressionCount": counters["views"],
                    "clickCount": counters["clicks"],
                    "likeCount": counters["likes"],
                    "commentCount": counters["comments"],
                    "shareCount": counters["shares"],
                    "engagement": engaged / counters["views"] if counters["views"] else 0.0,
                },
                "share": urn,
                "organizationalEntity": urn_of(page),
            }
        )
    return paged(call, found)


def member_statistics(call: Call) -> dict[str, Any]:
    """``/rest/memberCreatorPostAnalytics?q=entity``."""
    call.need("r_member_postAnalytics")
    entity, kind = call.query.get("entity", ""), call.query.get("queryType", "")
    if call.query.get("q") != "entity" or not entity.startswith(("(share:", "(ugc:")) or kind not in _TYPES:
        raise RestError(400, "PARAM_INVALID", "Invalid query parameters passed to request")
    post = find(call, entity.strip("()").partition(":")[2])
    if post["account"] != call.member["id"]:
        raise missing(entity)
    count = call.state.counters(post)[_TYPES[kind]]
    type_ = {"com.linkedin.adsexternalapi.memberanalytics.v1.CreatorPostAnalyticsMetricTypeV1": kind}
    return paged(call, [{"count": count, "metricType": type_}])


def member_followers(call: Call) -> dict[str, Any]:
    """``/rest/memberFollowersCount?q=me``."""
    call.need("r_member_profileAnalytics")
    return paged(call, [{"memberFollowersCount": call.state.followers(call.member, call.state.clock())}])
