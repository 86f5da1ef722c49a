"""A Facebook page over Graph: photos, posts that are published by a switch, insights, comments."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from spilno.toolkit.practice import graph_comments as comments
from spilno.toolkit.practice import graph_video
from spilno.toolkit.practice.graph import Call, GraphError, chosen, insights, missing, page_of, when
from spilno.toolkit.practice.graph_answer import post_of_comment
from spilno.toolkit.practice.graph_media import fetched
from spilno.toolkit.practice.state import UnreadablePicture

MOST_TEXT = 63_206
MOST_PHOTOS = 10
MOST_BYTES = 10 * 1024 * 1024
SAME_AGAIN = timedelta(minutes=10)
"""So soon the very same text is taken for a mistake."""


def handle(call: Call) -> dict[str, Any]:
    """Answer one request of a page."""
    first, rest, data = call.parts[0], call.parts[1:], call.state.data
    if first in ("me", call.account["id"]):
        return _of_page(call, rest)
    if first in data["posts"]:
        return _of_post(call, data["posts"][first], rest)
    if first in data["videos"]:
        video = data["videos"][first]
        if rest == ("comments",) and video["post"] in data["posts"]:
            return _of_post(call, data["posts"][video["post"]], rest)
        return graph_video.of_video(call, video, rest)
    if first in data["photos"]:
        return _of_photo(call, data["photos"][first], rest)
    if (post := post_of_comment(data, call.account, first)) is not None:
        return _of_comment(call, post, rest)
    raise missing(first)


def _of_page(call: Call, rest: tuple[str, ...]) -> dict[str, Any]:
    match (call.method, *rest):
        case ("GET",):
            return _page(call)
        case ("POST", "photos"):
            return _add_photo(call)
        case ("POST", "feed"):
            return _add_post(call)
        case ("POST", "videos" | "video_reels" | "video_stories"):
            return graph_video.of_page(call, rest[0])
        case ("POST", "photo_stories"):
            return graph_video.publish_photo_story(call)
        case ("GET", "stories"):
            return graph_video.stories(call)
        case ("GET", "feed" | "posts" | "published_posts"):
            call.need("pages_read_engagement")
            posts = [post for post in call.state.posts_of(call.account) if post["kind"] != "story"]
            return page_of([_chosen_post(call, post) for post in posts], call)
        case ("GET", "videos" | "video_reels"):
            call.need("pages_read_engagement")
            wanted = ("video", "reel") if rest[0] == "videos" else ("reel",)
            mine = [
                one
                for one in call.state.data["videos"].values()
                if one["account"] == call.account["id"] and one["kind"] in wanted and one["post"]
            ]
            return page_of([graph_video.node_of(call, one) for one in reversed(mine)], call)
    raise missing("/".join(call.parts))


def page_node(call: Call, account: dict[str, Any]) -> dict[str, Any]:
    """All fields of a page."""
    state = call.state
    followers = state.followers(account, state.clock())
    linked = next(
        (one for one in state.accounts_of_token(account["token"]) if one["network"] == "instagram"), None
    )
    return {
        "id": account["id"],
        "name": account["title"],
        "username": account["name"],
        "link": f"{call.base}/facebook/{account['name']}",
        "access_token": account["token"],
        "followers_count": followers,
        "fan_count": followers,
        "instagram_business_account": (
            None
            if linked is None
            else {"id": linked["id"], "username": linked["name"], "name": linked["title"]}
        ),
    }


def _page(call: Call) -> dict[str, Any]:
    return chosen(call, page_node(call, call.account), ("id", "name"))


def _add_photo(call: Call) -> dict[str, Any]:
    call.need("pages_manage_posts")
    if (part := call.files.get("source")) is not None:
        if part.stat().st_size > MOST_BYTES:
            raise GraphError("Your photos couldn't be uploaded: they must be smaller than 10 MB.", 100)
        content = part.read_bytes()
    elif call.text("url"):
        with fetched(call.state, call.text("url"), MOST_BYTES) as path:
            content = path.read_bytes()
    else:
        raise GraphError("(#324) Requires upload file", 324)
    try:
        picture = call.state.add_picture(content)
    except UnreadablePicture:
        raise GraphError("Invalid image format", 100, subcode=1366046) from None
    with call.state.changing() as data:
        number = call.state.new_id(data, "12")
        photo = {
            "id": number,
            "account": call.account["id"],
            "picture": picture["id"],
            "alt": call.text("alt_text_custom"),
            "post": None,
            "created_at": call.state.clock().isoformat(),
        }
        data["photos"][number] = photo
    answer = {"id": number}
    if call.flag("published", True):
        post = call.state.add_post(
            account=call.account,
            text=call.text("message") or call.text("caption"),
            pictures=(picture["id"],),
            alt=call.text("alt_text_custom"),
        )
        photo["post"] = answer["post_id"] = post["id"]
    return answer


def _of_photo(call: Call, photo: dict[str, Any], rest: tuple[str, ...]) -> dict[str, Any]:
    match (call.method, *rest):
        case ("GET",):
            picture = call.state.data["pictures"][photo["picture"]]
            node = {
                "id": photo["id"],
                "alt_text_custom": photo["alt"] or None,
                "width": picture["width"],
                "height": picture["height"],
                "picture": f"{call.base}/pictures/{picture['id']}",
                "created_time": when(photo.get("created_at") or call.account["since"]),
                "page_story_id": photo.get("post"),
            }
            return chosen(call, node, ("id", "created_time"))
        case ("DELETE",):
            call.need("pages_manage_posts")
            with call.state.changing() as data:
                data["posts"].pop(photo.get("post"), None)
                del data["photos"][photo["id"]]
            return {"success": True}
    raise missing("/".join(call.parts))


def _add_post(call: Call) -> dict[str, Any]:
    call.need("pages_manage_posts")
    text, link = call.text("message"), call.text("link")
    if len(text) > MOST_TEXT:
        raise GraphError("(#100) The message is too long", 100)
    if link and not link.startswith(("http://", "https://")):
        raise GraphError("(#100) link URL is not properly formatted", 100, subcode=1609005)
    pictures, alts, photos = [], [], []
    for one in call.json("attached_media", []):
        one = call.inner(one)
        photo = call.state.data["photos"].get(str(one.get("media_fbid") if isinstance(one, dict) else ""))
        if photo is None or photo["account"] != call.account["id"]:
            raise GraphError("(#100) Param attached_media has an unknown media_fbid", 100)
        photos.append(photo)
        pictures.append(photo["picture"])
        alts.append(photo["alt"])
    if len(pictures) > MOST_PHOTOS:
        raise GraphError(f"(#100) At most {MOST_PHOTOS} photos in a post", 100)
    if not text and not link and not pictures:
        raise GraphError("(#100) Missing message or attachment", 100)
    published = call.flag("published", True)
    if published and not pictures and _said_just_now(call, text, link):
        raise GraphError(
            "(#506) Duplicate status message", 506, subcode=1455006, user="This status update is identical to "
            "the last one you posted. Try posting something different, or delete your previous update."
        )  # fmt: skip
    post = call.state.add_post(
        account=call.account,
        text=text,
        link=link,
        pictures=tuple(pictures),
        alt=" ".join(filter(None, alts)),
        published=published,
    )
    with call.state.changing():
        for photo in photos:
            photo["post"] = post["id"]
    return {"id": post["id"]}


def _said_just_now(call: Call, text: str, link: str) -> bool:
    last = next(iter(call.state.posts_of(call.account, kind="post")), None)
    if last is None or (last["text"], last["link"]) != (text, link):
        return False
    return call.state.clock() - datetime.fromisoformat(last["published_at"]) < SAME_AGAIN


def _of_post(call: Call, post: dict[str, Any], rest: tuple[str, ...]) -> dict[str, Any]:
    match (call.method, *rest):
        case ("GET",):
            call.need("pages_read_engagement")
            return _chosen_post(call, post)
        case ("POST",):
            return _change(call, post)
        case ("DELETE",) if post["kind"] != "story":
            call.need("pages_manage_posts")
            with call.state.changing() as data:
                del data["posts"][post["id"]]
            return {"success": True}
        case ("GET", "insights"):
            return _insights(call, post)
        case ("GET", "comments"):
            return page_of(_comments(call, post), call)
        case ("POST", "comments"):
            return _comment(call, post, "")
    raise missing("/".join(call.parts))


def _change(call: Call, post: dict[str, Any]) -> dict[str, Any]:
    call.need("pages_manage_posts")
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
    said = counters.get("comments", 0) + len(comments.written(call.state, post))
    node = {
        "id": post["id"],
        "message": post["text"] or None,
        "created_time": when(post["published_at"] or post["created_at"]),
        "is_published": published,
        "permalink_url": f"{call.base}/facebook/{call.account['name']}/{post['id']}",
        "full_picture": picture,
        "reactions": _summary(counters.get("likes", 0)),
        "comments": _summary(said),
        # Graph leaves `shares` out until there is one.
        "shares": {"count": shares} if shares else None,
    }
    return chosen(call, node, ("id", "message", "created_time"))


def _summary(count: int) -> dict[str, Any]:
    return {"data": [], "summary": {"total_count": count}}


def _insights(call: Call, post: dict[str, Any]) -> dict[str, Any]:
    call.need("read_insights")
    if not post["published_at"]:
        return {"data": []}
    counters = call.state.counters(post)
    if post["kind"] == "story":
        values: dict[str, int | None] = {
            "story_media_view": counters["views"],
            "story_total_media_view_unique": counters["reach"],
            "pages_fb_story_replies": counters["replies"],
            "pages_fb_story_shares": counters["shares"],
            "pages_fb_story_thread_lightweight_reactions": counters["profile_visits"],
        }
        return insights(call, values)
    values = {
        "post_media_view": counters["views"],
        "post_total_media_view_unique": counters["reach"],
        "post_clicks": counters["clicks"],
    }
    return insights(call, values)


# ------------------------------------------------------------------------------------------------ comments


def _all_comments(call: Call, post: dict[str, Any]) -> list[dict[str, Any]]:
    """Made up and written ones under a post itself, oldest first."""
    head = post["id"].partition("_")[2]
    made_up = [{**one, "id": f"{head}_{one['number'] + 1}"} for one in comments.made_up(call.state, post)]
    found = [*made_up, *comments.written(call.state, post)]
    return sorted(found, key=lambda one: str(one["at"]))


def _comments(call: Call, post: dict[str, Any]) -> list[dict[str, Any]]:
    """``filter=stream`` tells answers too, each with what it answers."""
    call.need("pages_read_engagement")
    found = _all_comments(call, post)
    if call.text("filter") == "stream":
        for one in list(found):
            found += comments.written(call.state, post, str(one["id"]))
        found.sort(key=lambda one: str(one["at"]))
    return [_chosen_comment(call, post, one) for one in found]


def _chosen_comment(call: Call, post: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    node = {
        "id": one["id"],
        "message": one["text"],
        "from": {"id": one["author"], "name": one["name"]},
        "created_time": when(one["at"]),
        "permalink_url": f"{call.base}/facebook/{call.account['name']}/{post['id']}#{one['id']}",
        "parent": {"id": one["parent"]} if one["parent"] else None,
        "comment_count": len(comments.written(call.state, post, str(one["id"]))),
    }
    return chosen(call, node, ("id", "message", "created_time"))


def _of_comment(call: Call, post: dict[str, Any], rest: tuple[str, ...]) -> dict[str, Any]:
    number = call.parts[0]
    kept = call.state.data["comments"].get(number)
    one = kept or next((one for one in _all_comments(call, post) if one["id"] == number), None)
    if one is None:
        raise missing(number)
    match (call.method, *rest):
        case ("GET",):
            call.need("pages_read_engagement")
            return _chosen_comment(call, post, one)
        case ("DELETE",):
            call.need("pages_manage_engagement")
            return comments.delete(call, number)
        case ("GET", "comments"):
            call.need("pages_read_engagement")
            under = comments.written(call.state, post, number)
            return page_of([_chosen_comment(call, post, each) for each in under], call)
        case ("POST", "comments"):
            return _comment(call, post, one["parent"] or number)
    raise missing("/".join(call.parts))


def _comment(call: Call, post: dict[str, Any], parent: str) -> dict[str, Any]:
    call.need("pages_manage_engagement")
    head = post["id"].partition("_")[2]
    number = comments.write(call, post, parent, lambda data: f"{head}_{call.state.new_id(data, '9')}")
    return {"id": number}
