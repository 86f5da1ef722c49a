"""A Facebook page over Graph: photos, posts that are published by a switch, insights, comments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from spilno.toolkit.practice.graph import Call, GraphError, chosen, insights, missing, page_of, when
from spilno.toolkit.practice.graph_instagram import fetch
from spilno.toolkit.practice.state import UnreadablePicture

MOST_TEXT = 63_206
MOST_PHOTOS = 10
MOST_BYTES = 4 * 1024 * 1024


def handle(call: Call) -> dict[str, Any]:
    """Answer one request of a page."""
    first, rest = call.parts[0], call.parts[1:]
    if first in ("me", call.account["id"]):
        return _of_page(call, rest)
    if first in call.state.data["posts"]:
        return _of_post(call, call.state.data["posts"][first], rest)
    raise missing(first)


def _of_page(call: Call, rest: tuple[str, ...]) -> dict[str, Any]:
    match (call.method, *rest):
        case ("GET",):
            return _page(call)
        case ("POST", "photos"):
            return _add_photo(call)
        case ("POST", "feed"):
            return _add_post(call)
        case ("GET", "feed" | "posts" | "published_posts"):
            posts = call.state.posts_of(call.account)
            return page_of([_chosen_post(call, post) for post in posts], call)
    raise missing("/".join(call.parts))


def _page(call: Call) -> dict[str, Any]:
    account = call.account
    followers = call.state.followers(account, call.state.clock())
    node = {
        "id": account["id"],
        "name": account["title"],
        "username": account["name"],
        "link": f"{call.base}/facebook/{account['name']}",
        "access_token": account["token"],
        "followers_count": followers,
        "fan_count": followers,
        "instagram_business_account": next(
            (
                {"id": one["id"]}
                for one in call.state.accounts_of_token(account["token"])
                if one["network"] == "instagram"
            ),
            None,
        ),
    }
    return chosen(call, node, ("id", "name"))


def _add_photo(call: Call) -> dict[str, Any]:
    content = call.files.get("source") or (fetch(call.text("url")) if call.text("url") else b"")
    if not content:
        raise GraphError("(#324) Requires upload file", 324)
    if len(content) > MOST_BYTES:
        raise GraphError("(#1366046) Your photos couldn't be uploaded: they must be smaller than 4 MB.", 100)
    try:
        picture = call.state.add_picture(content)
    except UnreadablePicture:
        raise GraphError("Invalid image format", 100, subcode=1366046) from None
    with call.state.changing() as data:
        number = call.state.new_id(data, "12")
        data["photos"][number] = {
            "id": number,
            "account": call.account["id"],
            "picture": picture["id"],
            "alt": call.text("alt_text_custom"),
        }
    answer = {"id": number}
    if call.flag("published", True):
        post = call.state.add_post(
            account=call.account,
            text=call.text("message") or call.text("caption"),
            pictures=(picture["id"],),
            alt=call.text("alt_text_custom"),
        )
        answer["post_id"] = post["id"]
    return answer


def _add_post(call: Call) -> dict[str, Any]:
    text, link = call.text("message"), call.text("link")
    if len(text) > MOST_TEXT:
        raise GraphError("(#100) The message is too long", 100)
    pictures, alts = [], []
    for one in call.json("attached_media", []):
        photo = call.state.data["photos"].get(str(one.get("media_fbid") if isinstance(one, dict) else ""))
        if photo is None or photo["account"] != call.account["id"]:
            raise GraphError("(#100) Param attached_media has an unknown media_fbid", 100)
        pictures.append(photo["picture"])
        alts.append(photo["alt"])
    if len(pictures) > MOST_PHOTOS:
        raise GraphError(f"(#100) At most {MOST_PHOTOS} photos in a post", 100)
    if not text and not link and not pictures:
        raise GraphError("(#100) Missing message or attachment", 100)
    post = call.state.add_post(
        account=call.account,
        text=text,
        link=link,
        pictures=tuple(pictures),
        alt=" ".join(filter(None, alts)),
        published=call.flag("published", True),
    )
    return {"id": post["id"]}


def _of_post(call: Call, post: dict[str, Any], rest: tuple[str, ...]) -> dict[str, Any]:
    match (call.method, *rest):
        case ("GET",):
            return _chosen_post(call, post)
        case ("POST",):
            return _change(call, post)
        case ("DELETE",):
            with call.state.changing() as data:
                del data["posts"][post["id"]]
            return {"success": True}
        case ("GET", "insights"):
            return _insights(call, post)
        case ("GET", "comments"):
            return page_of(_comments(call, post), call)
    raise missing("/".join(call.parts))


def _change(call: Call, post: dict[str, Any]) -> dict[str, Any]:
    with call.state.changing():
        if call.flag("is_published", False) and not post["published_at"]:
            post["published_at"] = call.state.clock().isoformat()
        if call.text("message"):
            post["text"] = call.text("message")
    return {"success": True}


def _chosen_post(call: Call, post: dict[str, Any]) -> dict[str, Any]:
    published = bool(post["published_at"])
    counters = call.state.counters(post) if published else {}
    picture = f"{call.base}/pictures/{post['pictures'][0]}" if post["pictures"] else None
    shares = counters.get("shares", 0)
    node = {
        "id": post["id"],
        "message": post["text"] or None,
        "created_time": when(post["published_at"] or post["created_at"]),
        "is_published": published,
        "permalink_url": f"{call.base}/facebook/{call.account['name']}/{post['id']}",
        "full_picture": picture,
        "reactions": _summary(counters.get("likes", 0)),
        "comments": _summary(counters.get("comments", 0)),
        # Graph leaves `shares` out until there is one.
        "shares": {"count": shares} if shares else None,
    }
    return chosen(call, node, ("id", "message", "created_time"))


def _summary(count: int) -> dict[str, Any]:
    return {"data": [], "summary": {"total_count": count}}


def _insights(call: Call, post: dict[str, Any]) -> dict[str, Any]:
    if not post["published_at"]:
        return {"data": []}
    counters = call.state.counters(post)
    values: dict[str, int | None] = {
        "post_media_view": counters["views"],
        "post_total_media_view_unique": counters["reach"],
        "post_clicks": counters["clicks"],
    }
    return insights(call, values)


def _comments(call: Call, post: dict[str, Any]) -> list[dict[str, Any]]:
    if not post["published_at"]:
        return []
    published = datetime.fromisoformat(post["published_at"])
    found = []
    for remark in call.state.remarks(post):
        number = f"{post['id'].partition('_')[2]}_{remark.number + 1}"
        node = {
            "id": number,
            "message": remark.text,
            "from": {"id": f"5{remark.number:08d}", "name": remark.name},
            "created_time": when((published + remark.age).isoformat()),
            "permalink_url": f"{call.base}/facebook/{call.account['name']}/{post['id']}#{number}",
            "parent": None,
        }
        found.append(chosen(call, node, ("id", "message", "created_time")))
    return found
