"""Instagram over Graph: containers, publishing, media, insights, comments."""

from __future__ import annotations

import io
import ssl
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import httpx
from PIL import Image

from spilno.toolkit.practice.graph import Call, GraphError, chosen, insights, missing, page_of, when
from spilno.toolkit.practice.state import State

LIVES = timedelta(hours=24)
A_DAY = timedelta(hours=24)
A_DAY_POSTS = 100
MOST_BYTES = 8 * 1024 * 1024
MOST_CAPTION = 2200
MOST_HASHTAGS = 30
NARROWEST = 320
RATIO_LOW, RATIO_HIGH = 0.8, 1.91
RATIO_SLACK = 0.01
FEWEST_VIEWERS = 5


@cache
def _trust() -> ssl.SSLContext:
    """Made once: reading all certificates takes longer than fetching a picture."""
    return ssl.create_default_context()


def fetch(address: str) -> bytes:
    """The picture at the address, as Instagram fetches it ("we cURL media").

    :raises GraphError: if nothing can be fetched there.
    """
    refused = GraphError(
        "Only photo or video can be accepted as media type.",
        9004,
        subcode=2207052,
        user=f"The media could not be fetched from this URI: {address}",
    )
    if not address.startswith(("http://", "https://")):
        raise refused
    content = b""
    try:
        with httpx.stream("GET", address, timeout=15, follow_redirects=True, verify=_trust()) as response:
            if response.status_code != 200:
                raise refused
            for part in response.iter_bytes():
                content += part
                if len(content) > MOST_BYTES:
                    raise GraphError("The image is too large to download.", 36000, subcode=2207004)
    except httpx.HTTPError:
        raise refused from None
    return content


def handle(call: Call) -> dict[str, Any]:
    """Answer one request of an Instagram account."""
    first, rest = call.parts[0], call.parts[1:]
    account, data = call.account, call.state.data
    if first in ("me", f"1{account['id']}"):
        return _linked_page(call)
    if first == account["id"]:
        return _of_account(call, rest)
    if first in data["containers"] and not rest and call.method == "GET":
        return _container(call, data["containers"][first])
    if first in data["posts"]:
        return _of_media(call, data["posts"][first], rest)
    raise missing(first)


def _linked_page(call: Call) -> dict[str, Any]:
    account = call.account
    node = {
        "id": f"1{account['id']}",
        "name": account["title"],
        "link": f"{call.base}/instagram/{account['name']}",
        "access_token": account["token"],
        "instagram_business_account": {"id": account["id"]},
    }
    return chosen(call, node, ("id", "name"))


def _of_account(call: Call, rest: tuple[str, ...]) -> dict[str, Any]:
    match (call.method, *rest):
        case ("GET",):
            return _account(call)
        case ("POST", "media"):
            return _make_container(call)
        case ("POST", "media_publish"):
            return _publish(call)
        case ("GET", "media"):
            posts = call.state.posts_of(call.account, kind="post")
            return page_of([_chosen_media(call, post) for post in posts], call)
        case ("GET", "stories"):
            now = call.state.clock()
            posts = [
                post
                for post in call.state.posts_of(call.account, kind="story")
                if now - datetime.fromisoformat(post["published_at"]) < LIVES
            ]
            return page_of([_chosen_media(call, post) for post in posts], call)
        case ("GET", "content_publishing_limit"):
            config = {"quota_total": A_DAY_POSTS, "quota_duration": int(A_DAY.total_seconds())}
            return {"data": [{"quota_usage": _used(call), "config": config}]}
    raise missing("/".join(call.parts))


def _account(call: Call) -> dict[str, Any]:
    account = call.account
    node = {
        "id": account["id"],
        "username": account["name"],
        "name": account["title"],
        "followers_count": call.state.followers(account, call.state.clock()),
        "media_count": len(call.state.posts_of(account, kind="post")),
    }
    return chosen(call, node)


def _make_container(call: Call) -> dict[str, Any]:
    kind = call.text("media_type") or "IMAGE"
    if kind not in ("IMAGE", "STORIES"):
        raise GraphError(f"(#100) Param media_type: {kind} is not practised here yet", 100)
    address, caption = call.text("image_url"), call.text("caption")
    if not address:
        raise GraphError("The parameter image_url is required", 100)
    if len(caption) > MOST_CAPTION:
        raise GraphError("The caption was too long.", 36004, subcode=2207010)
    if sum(1 for word in caption.split() if word.startswith("#")) > MOST_HASHTAGS:
        raise GraphError("Too many hashtags in the caption.", 36004, subcode=2207040)
    content = fetch(address)
    _examine(content, is_story=kind == "STORIES")
    picture = call.state.add_picture(content)
    with call.state.changing() as data:
        number = call.state.new_id(data, "178")
        data["containers"][number] = {
            "id": number,
            "account": call.account["id"],
            "kind": "story" if kind == "STORIES" else "post",
            "text": caption if kind == "IMAGE" else "",
            "alt": call.text("alt_text"),
            "picture": picture["id"],
            "created_at": call.state.clock().isoformat(),
            "polls_left": data.get("processing_polls", 0),
            "post": None,
        }
    return {"id": number}


def _examine(content: bytes, *, is_story: bool) -> None:
    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height, form = image.width, image.height, image.format
    except (OSError, ValueError, Image.DecompressionBombError):
        form, width, height = None, NARROWEST, NARROWEST
    if width < NARROWEST:
        raise GraphError("The image is too small.", 36003, subcode=2207009, user="At least 320 pixels wide.")
    if form != "JPEG":
        raise GraphError(
            "The image format is not supported.",
            36001,
            subcode=2207005,
            user="The image format is not supported: only JPEG is.",
        )
    ratio = width / height
    if not is_story and not RATIO_LOW - RATIO_SLACK <= ratio <= RATIO_HIGH + RATIO_SLACK:
        raise GraphError(
            "The aspect ratio is not supported.",
            36003,
            subcode=2207009,
            user="The submitted image's aspect ratio must be within a 4:5 to 1.91:1 range.",
        )


def _status(state: State, container: dict[str, Any]) -> str:
    if container["post"]:
        return "PUBLISHED"
    if state.clock() - datetime.fromisoformat(container["created_at"]) >= LIVES:
        return "EXPIRED"
    return "IN_PROGRESS" if container["polls_left"] > 0 else "FINISHED"


def _container(call: Call, container: dict[str, Any]) -> dict[str, Any]:
    status = _status(call.state, container)
    if status == "IN_PROGRESS":
        with call.state.changing():
            container["polls_left"] -= 1
    words = {
        "PUBLISHED": "Published: Media has been published.",
        "EXPIRED": "Expired: The container was not published within 24 hours.",
        "IN_PROGRESS": "In Progress: Media is still being processed.",
        "FINISHED": "Finished: Media has been uploaded and it is ready to be published.",
    }
    return chosen(call, {"id": container["id"], "status_code": status, "status": words[status]})


def _used(call: Call) -> int:
    since = call.state.clock() - A_DAY
    return sum(
        1 for p in call.state.posts_of(call.account) if datetime.fromisoformat(p["published_at"]) > since
    )


def _publish(call: Call) -> dict[str, Any]:
    number = call.text("creation_id")
    # One lock around looking and publishing: of two requests at the same moment one publishes, as on the real thing.
    with call.state.changing() as data:
        container = data["containers"].get(number)
        if container is None or container["account"] != call.account["id"]:
            raise GraphError("The media could not be found.", 24, subcode=2207006)
        status = _status(call.state, container)
        if status == "EXPIRED":
            raise GraphError("The media container has expired.", 24, subcode=2207008)
        if status == "IN_PROGRESS":
            raise GraphError("The media is not ready for publishing, please wait.", 9007, subcode=2207027)
        if status == "PUBLISHED":
            raise GraphError("The media has already been published.", 100, subcode=2207032)
        if _used(call) >= A_DAY_POSTS:
            raise GraphError(
                "Application request limit reached",
                9,
                subcode=2207042,
                status=403,
                user="Daily limit reached.",
            )
        post = call.state.add_post(
            account=call.account,
            kind=container["kind"],
            text=container["text"],
            pictures=(container["picture"],),
            alt=container["alt"],
        )
        container["post"] = post["id"]
    return {"id": post["id"]}


def _media(call: Call, post: dict[str, Any]) -> dict[str, Any]:
    counters = call.state.counters(post)
    story = post["kind"] == "story"
    return {
        "id": post["id"],
        "caption": post["text"] or None,
        "alt_text": post["alt"] or None,
        "media_type": "IMAGE",
        "media_product_type": "STORY" if story else "FEED",
        "media_url": f"{call.base}/pictures/{post['pictures'][0]}" if post["pictures"] else None,
        "permalink": f"{call.base}/instagram/{call.account['name']}/{post['id']}",
        "timestamp": when(post["published_at"]),
        "username": call.account["name"],
        "like_count": counters.get("likes"),
        "comments_count": counters.get("comments"),
    }


def _chosen_media(call: Call, post: dict[str, Any]) -> dict[str, Any]:
    return chosen(call, _media(call, post))


def _of_media(call: Call, post: dict[str, Any], rest: tuple[str, ...]) -> dict[str, Any]:
    match (call.method, *rest):
        case ("GET",):
            return _chosen_media(call, post)
        case ("GET", "insights"):
            return _insights(call, post)
        case ("GET", "comments"):
            return page_of(_comments(call, post), call)
    raise missing("/".join(call.parts))


def _insights(call: Call, post: dict[str, Any]) -> dict[str, Any]:
    counters: dict[str, int | None] = dict(call.state.counters(post))
    counters.pop("clicks", None)
    if post["kind"] == "story":
        if call.state.clock() - datetime.fromisoformat(post["published_at"]) >= LIVES:
            # Only for 24 hours; an empty set, not zeros (Instagram Media Insights, limitations).
            return insights(call, dict.fromkeys(counters))
        if (counters["reach"] or 0) < FEWEST_VIEWERS:
            raise GraphError("(#10) Not enough viewers for the media to show insights", 10)
    return insights(call, counters)


def _comments(call: Call, post: dict[str, Any]) -> list[dict[str, Any]]:
    if post["kind"] == "story":
        return []
    published = datetime.fromisoformat(post["published_at"])
    found = []
    for remark in call.state.remarks(post):
        node = {
            "id": f"{post['id']}7{remark.number:03d}",
            "text": remark.text,
            "username": remark.username,
            "timestamp": when((published + remark.age).isoformat()),
            "replies": None,
        }
        found.append(chosen(call, node, ("id", "text", "timestamp")))
    return found
