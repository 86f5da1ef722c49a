"""Instagram over Graph: accounts, media, insights, comments. Containers are in ``graph_containers.py``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from spilno.toolkit.practice import graph_comments as comments
from spilno.toolkit.practice import graph_containers as containers
from spilno.toolkit.practice.graph import (
    Call,
    GraphError,
    chosen,
    insights,
    missing,
    page_of,
    split_fields,
    when,
)
from spilno.toolkit.practice.graph_answer import post_of_comment
from spilno.toolkit.practice.graph_containers import LIVES

__all__ = ["LIVES", "handle"]

FEWEST_VIEWERS = 5


def handle(call: Call) -> dict[str, Any]:
    """Answer one request of an Instagram account."""
    first, rest = call.parts[0], call.parts[1:]
    account, data = call.account, call.state.data
    if first in ("me", f"1{account['id']}"):
        return chosen(call, linked_page(call, account), ("id", "name"))
    if first == account["id"]:
        return _of_account(call, rest)
    if first in data["containers"] and not rest and call.method == "GET":
        return containers.read(call, data["containers"][first])
    if first in data["posts"]:
        return _of_media(call, data["posts"][first], rest)
    if (post := post_of_comment(data, account, first)) is not None:
        return _of_comment(call, post, rest)
    raise missing(first)


def linked_page(call: Call, account: dict[str, Any]) -> dict[str, Any]:
    """The Facebook page that an account without one of ours is connected with: all its fields."""
    return {
        "id": f"1{account['id']}",
        "name": account["title"],
        "link": f"{call.base}/instagram/{account['name']}",
        "access_token": account["token"],
        "instagram_business_account": {
            "id": account["id"],
            "username": account["name"],
            "name": account["title"],
        },
    }


def _of_account(call: Call, rest: tuple[str, ...]) -> dict[str, Any]:
    match (call.method, *rest):
        case ("GET",):
            return _account(call)
        case ("POST", "media"):
            return containers.make(call)
        case ("POST", "media_publish"):
            return containers.publish(call)
        case ("GET", "media"):
            call.need("instagram_basic")
            posts = [post for post in call.state.posts_of(call.account) if post["kind"] != "story"]
            return page_of([_chosen_media(call, post) for post in posts], call)
        case ("GET", "stories"):
            call.need("instagram_basic")
            now = call.state.clock()
            posts = [
                post
                for post in call.state.posts_of(call.account, kind="story")
                if now - datetime.fromisoformat(post["published_at"]) < LIVES
            ]
            return page_of([_chosen_media(call, post) for post in posts], call)
        case ("GET", "content_publishing_limit"):
            seconds = int(containers.A_DAY.total_seconds())
            config = {"quota_total": containers.A_DAY_POSTS, "quota_duration": seconds}
            return {"data": [{"quota_usage": containers.used_today(call), "config": config}]}
    raise missing("/".join(call.parts))


def _account(call: Call) -> dict[str, Any]:
    account = call.account
    node = {
        "id": account["id"],
        "username": account["name"],
        "name": account["title"],
        "followers_count": call.state.followers(account, call.state.clock()),
        "media_count": sum(1 for post in call.state.posts_of(account) if post["kind"] != "story"),
    }
    return chosen(call, node)


# ------------------------------------------------------------------------------------------------ media


def _media(call: Call, post: dict[str, Any]) -> dict[str, Any]:
    counters = call.state.counters(post)
    shown = [_medium(call, number) for number in post["pictures"]]
    many = post["kind"] == "carousel"
    return {
        "id": post["id"],
        "caption": post["text"] or None,
        "alt_text": post["alt"] or None,
        "media_type": "CAROUSEL_ALBUM" if many else shown[0]["media_type"] if shown else "IMAGE",
        "media_product_type": {"story": "STORY", "reel": "REELS"}.get(post["kind"], "FEED"),
        "media_url": shown[0]["media_url"] if shown else None,
        "permalink": f"{call.base}/instagram/{call.account['name']}/{post['id']}",
        "timestamp": when(post["published_at"]),
        "username": call.account["name"],
        "like_count": counters.get("likes"),
        "comments_count": counters.get("comments", 0) + len(comments.written(call.state, post)),
        "children": {"data": [{"id": one["id"]} for one in shown]} if many else None,
    }


def _medium(call: Call, number: str) -> dict[str, Any]:
    kept = call.state.data["pictures"][number]
    kind = "VIDEO" if kept["mime"].startswith("video/") else "IMAGE"
    return {"id": number, "media_type": kind, "media_url": f"{call.base}/pictures/{number}"}


def _chosen_media(call: Call, post: dict[str, Any]) -> dict[str, Any]:
    return chosen(call, _media(call, post))


def _of_media(call: Call, post: dict[str, Any], rest: tuple[str, ...]) -> dict[str, Any]:
    match (call.method, *rest):
        case ("GET",):
            call.need("instagram_basic")
            return _chosen_media(call, post)
        case ("DELETE",):
            call.need("instagram_manage_contents")
            with call.state.changing() as data:
                del data["posts"][post["id"]]
            return {"success": True}
        case ("GET", "insights"):
            return _insights(call, post)
        case ("GET", "children"):
            return page_of([chosen(call, _medium(call, number)) for number in post["pictures"]], call)
        case ("GET", "comments"):
            call.need("instagram_manage_comments")
            found = [] if post["kind"] == "story" else _all_comments(call, post)
            return page_of([_chosen_comment(call, post, one) for one in found], call)
        case ("POST", "comments"):
            return _comment(call, post, "")
    raise missing("/".join(call.parts))


def _insights(call: Call, post: dict[str, Any]) -> dict[str, Any]:
    call.need("instagram_manage_insights")
    counters: dict[str, int | None] = dict(call.state.counters(post))
    counters.pop("clicks", None)
    if post["kind"] == "story":
        if call.state.clock() - datetime.fromisoformat(post["published_at"]) >= LIVES:
            # Only for 24 hours; an empty set, not zeros (Instagram Media Insights, limitations).
            return insights(call, dict.fromkeys(counters))
        if (counters["reach"] or 0) < FEWEST_VIEWERS:
            raise GraphError("(#10) Not enough viewers for the media to show insights", 10)
    return insights(call, counters)


# ------------------------------------------------------------------------------------------------ comments


def _all_comments(call: Call, post: dict[str, Any]) -> list[dict[str, Any]]:
    """Made up and written ones under a post itself, oldest first."""
    made_up = [
        {**one, "id": f"{post['id']}7{one['number']:03d}"} for one in comments.made_up(call.state, post)
    ]
    found = [*made_up, *comments.written(call.state, post)]
    return sorted(found, key=lambda one: str(one["at"]))


def _chosen_comment(call: Call, post: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    wanted = call.fields().get("replies", "")
    under = [
        {name: value for name, value in _plain(each).items() if name in ("id", *split_fields(wanted))}
        for each in comments.written(call.state, post, str(one["id"]))
    ]
    node = {**_plain(one), "replies": {"data": under} if under else None}
    return chosen(call, node, ("id", "text", "timestamp"))


def _plain(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": one["id"],
        "text": one["text"],
        "username": one["username"],
        "timestamp": when(one["at"]),
        "parent_id": one["parent"] or None,
    }


def _of_comment(call: Call, post: dict[str, Any], rest: tuple[str, ...]) -> dict[str, Any]:
    number = call.parts[0]
    kept = call.state.data["comments"].get(number)
    one = kept or next((one for one in _all_comments(call, post) if one["id"] == number), None)
    if one is None:
        raise missing(number)
    call.need("instagram_manage_comments")
    match (call.method, *rest):
        case ("GET",):
            return _chosen_comment(call, post, one)
        case ("DELETE",):
            return comments.delete(call, number)
        case ("GET", "replies"):
            under = comments.written(call.state, post, number)
            return page_of([_chosen_comment(call, post, each) for each in under], call)
        case ("POST", "replies"):
            return _comment(call, post, one["parent"] or number)
    raise missing("/".join(call.parts))


def _comment(call: Call, post: dict[str, Any], parent: str) -> dict[str, Any]:
    call.need("instagram_manage_comments")
    return {"id": comments.write(call, post, parent, lambda data: call.state.new_id(data, "180"))}
