"""Instagram's containers over Graph: made of pictures and films that are really fetched or sent, and published once."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from spilno.toolkit.practice.graph import Call, GraphError, chosen
from spilno.toolkit.practice.graph_media import (
    MOST_PICTURE,
    Wanted,
    examine_picture,
    fetched,
    keep_film,
    upload_path,
)
from spilno.toolkit.practice.state import State

LIVES = timedelta(hours=24)
A_DAY = timedelta(hours=24)
A_DAY_POSTS = 100
MOST_CAPTION = 2200
MOST_HASHTAGS = 30
MOST_MENTIONS = 20
PARTS = (2, 10)
FILMS = {
    "reel": Wanted(seconds=(3, 900), ratio=(0.01, 10), most=300_000_000, fps=(23, 60)),
    "story": Wanted(seconds=(3, 60), ratio=(0.1, 10), most=100_000_000, fps=(23, 60)),
    "part": Wanted(seconds=(3, 60), ratio=(0.8, 1.91), most=100_000_000, fps=(23, 60)),
}


def make(call: Call) -> dict[str, Any]:
    """``POST /{ig-user}/media``."""
    call.need("instagram_content_publish")
    kind = call.text("media_type").upper() or "IMAGE"
    caption = _caption(call)
    if kind == "CAROUSEL":
        return _make_carousel(call, caption)
    part = call.flag("is_carousel_item", False)
    if kind not in ("IMAGE", "STORIES", "REELS", "VIDEO"):
        raise GraphError("The media type is unknown.", 100, subcode=2207023)
    if kind == "VIDEO" and not part:
        raise GraphError(
            "The media type VIDEO is only for parts of a carousel; use REELS.", 100, subcode=2207067
        )
    become = "part" if part else {"STORIES": "story", "REELS": "reel"}.get(kind, "post")
    if call.text("upload_type") == "resumable":
        container = _begin(call, become, caption)
        uri = f"{call.base}/graph/rupload/ig-api-upload/{call.version}/{container['id']}"
        return {"id": container["id"], "uri": uri}
    film = call.text("video_url")
    if film and kind != "IMAGE":
        return _make_film(call, become, caption, film)
    if kind in ("REELS", "VIDEO") or not call.text("image_url"):
        name = "video_url" if kind in ("REELS", "VIDEO") else "image_url"
        raise GraphError(f"The parameter {name} is required", 100)
    with fetched(call.state, call.text("image_url"), MOST_PICTURE) as path:
        examine_picture(path, any_shape=become == "story")
        picture = call.state.add_picture(path.read_bytes())
    container = _begin(call, become, caption)
    with call.state.changing():
        container["picture"] = picture["id"]
    return {"id": container["id"]}


def _caption(call: Call) -> str:
    caption = call.text("caption")
    if len(caption.encode("utf-16-le")) // 2 > MOST_CAPTION:
        raise GraphError("The caption was too long.", 36004, subcode=2207010)
    if sum(1 for word in caption.split() if word.startswith("#")) > MOST_HASHTAGS:
        raise GraphError("Too many hashtags in the caption.", 36004, subcode=2207040)
    if len(re.findall(r"(?<![\w@.])@\w", caption)) > MOST_MENTIONS:
        raise GraphError("Cannot use more than 20 tags per created media.", 100, subcode=2207040)
    return caption


def _begin(call: Call, kind: str, caption: str) -> dict[str, Any]:
    with call.state.changing() as data:
        container = {
            "id": call.state.new_id(data, "178"),
            "account": call.account["id"],
            "kind": kind,
            "text": "" if kind in ("story", "part") else caption,
            "alt": call.text("alt_text"),
            "picture": None,
            "children": [],
            "error": "",
            "size": 0,
            "arrived": 0,
            "uploading": call.text("upload_type") == "resumable",
            "created_at": call.state.clock().isoformat(),
            "polls_left": data.get("processing_polls", 0),
            "post": None,
        }
        data["containers"][container["id"]] = container
        return container


def _make_film(call: Call, kind: str, caption: str, address: str) -> dict[str, Any]:
    """A film is fetched after the container was made, so what is wrong with it is told by the container."""
    container = _begin(call, kind, caption)
    try:
        with fetched(call.state, address, FILMS[kind].most) as path:
            path.replace(upload_path(call.state, container["id"]))
        finished(call.state, container)
    except GraphError as error:
        with call.state.changing():
            container["error"] = f"Error: Media upload has failed with error code {error.subcode}"
    return {"id": container["id"]}


def finished(state: State, container: dict[str, Any]) -> None:
    """All of a film is there: look at it, and keep it if it is what it has to be."""
    path = upload_path(state, container["id"])
    film, wrong = FILMS[container["kind"]].refusal(path)
    kept = None if film is None or wrong else keep_film(state, path, film)
    path.unlink(missing_ok=True)
    with state.changing():
        container["uploading"] = False
        if kept is not None:
            container["picture"] = kept["id"]
        else:
            container["error"] = f"Error: Media upload has failed with error code 2207026: {wrong}"


def _make_carousel(call: Call, caption: str) -> dict[str, Any]:
    given = call.params.get("children")
    if isinstance(given, str) and not given.startswith("["):
        children = [one.strip() for one in given.split(",") if one.strip()]
    else:
        children = [str(one) for one in call.json("children", [])]
    if not PARTS[0] <= len(children) <= PARTS[1]:
        raise GraphError("A carousel needs 2 to 10 children.", 100, subcode=2207028)
    data = call.state.data["containers"]
    for number in children:
        part = data.get(number)
        if part is None or part["account"] != call.account["id"] or part["kind"] != "part":
            raise GraphError("A child of the carousel could not be found.", 100, subcode=2207028)
        status = status_of(call.state, part)
        if status == "EXPIRED":
            raise GraphError("A child of the carousel has expired.", 24, subcode=2207008)
        if status != "FINISHED":
            raise GraphError("The media is not ready for publishing, please wait.", 9007, subcode=2207027)
    container = _begin(call, "carousel", caption)
    with call.state.changing():
        container["children"] = children
    return {"id": container["id"]}


# ------------------------------------------------------------------------------------------------ state


def status_of(state: State, container: dict[str, Any]) -> str:
    """The container's ``status_code``."""
    if container["post"]:
        return "PUBLISHED"
    if state.clock() - datetime.fromisoformat(container["created_at"]) >= LIVES:
        return "EXPIRED"
    if container.get("error"):
        return "ERROR"
    return "IN_PROGRESS" if container["polls_left"] > 0 or container.get("uploading") else "FINISHED"


def read(call: Call, container: dict[str, Any]) -> dict[str, Any]:
    """``GET /{container}``: what still works comes one look nearer to its end with every look."""
    status = status_of(call.state, container)
    if status == "IN_PROGRESS" and not container.get("uploading"):
        with call.state.changing():
            container["polls_left"] -= 1
    words = {
        "PUBLISHED": "Published: Media has been published.",
        "EXPIRED": "Expired: The container was not published within 24 hours.",
        "IN_PROGRESS": "In Progress: Media is still being processed.",
        "FINISHED": "Finished: Media has been uploaded and it is ready to be published.",
        "ERROR": container.get("error"),
    }
    sent = bool(container.get("size")) and not container.get("uploading")
    uploading = {
        "status": "complete" if sent else "in_progress" if container.get("arrived") else "not_started",
        "bytes_transferred": container.get("arrived", 0),
    }
    video = {
        "uploading_phase": uploading,
        "processing_phase": {"status": "complete" if sent else "not_started"},
    }
    node = {"id": container["id"], "status_code": status, "status": words[status], "video_status": video}
    return chosen(call, node)


# ------------------------------------------------------------------------------------------------ publishing


def used_today(call: Call) -> int:
    """Posts of the last 24 hours."""
    since = call.state.clock() - A_DAY
    return sum(
        1 for p in call.state.posts_of(call.account) if datetime.fromisoformat(p["published_at"]) > since
    )


def publish(call: Call) -> dict[str, Any]:
    """``POST /{ig-user}/media_publish``."""
    call.need("instagram_content_publish")
    number = call.text("creation_id")
    # One lock around looking and publishing: of two requests at the same moment one publishes, as on the real thing.
    with call.state.changing() as data:
        container = data["containers"].get(number)
        if container is None or container["account"] != call.account["id"] or container["kind"] == "part":
            raise GraphError("The media could not be found.", 24, subcode=2207006)
        status = status_of(call.state, container)
        if status == "EXPIRED":
            raise GraphError("The media container has expired.", 24, subcode=2207008)
        if status == "ERROR":
            raise GraphError("The video format is not supported.", 352, subcode=2207026)
        if status == "IN_PROGRESS":
            raise GraphError("The media is not ready for publishing, please wait.", 9007, subcode=2207027)
        if status == "PUBLISHED":
            raise GraphError("The media has already been published.", 100, subcode=2207032)
        if used_today(call) >= A_DAY_POSTS:
            raise GraphError(
                "Application request limit reached",
                9,
                subcode=2207042,
                status=403,
                user="Daily limit reached.",
            )
        parts = [data["containers"][one] for one in container.get("children", ())] or [container]
        post = call.state.add_post(
            account=call.account,
            kind=container["kind"],
            text=container["text"],
            pictures=tuple(one["picture"] for one in parts if one["picture"]),
            alt=" ".join(one["alt"] for one in parts if one["alt"]),
        )
        container["post"] = post["id"]
    return {"id": post["id"]}
