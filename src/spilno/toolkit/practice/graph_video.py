"""A Facebook page's videos over Graph: uploads in pieces and in whole, reels, stories, and how far each is.

Sources: developers.facebook.com/docs/video-api/guides/publishing, …/reels-publishing, …/page-stories-api,
…/video-api/reference/error-codes.
"""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from typing import Any

from spilno.toolkit.practice.graph import Call, GraphError, chosen, insights, missing, page_of, when
from spilno.toolkit.practice.graph_media import Wanted, keep_film, upload_path
from spilno.toolkit.practice.state import State

PIECE = 4 * 1024 * 1024
"""What is asked for at a time of a video in pieces."""
A_DAY = timedelta(hours=24)
STORY_LIVES = timedelta(hours=24)
A_DAY_REELS = 30
_UPRIGHT = {"ratio": (0.5625, 0.5625), "smallest": (540, 960), "fps": (24, 60)}
WANTED = {
    "video": Wanted(seconds=(1, 14_400)),
    "reel": Wanted(seconds=(3, 90), **_UPRIGHT),  # type: ignore[arg-type]
    "story": Wanted(seconds=(3, 60), **_UPRIGHT),  # type: ignore[arg-type]
}


# ------------------------------------------------------------------------------------------------ uploads


def of_page(call: Call, edge: str) -> dict[str, Any]:
    """``POST`` to one of the page's edges for videos."""
    call.need("pages_manage_posts")
    phase = call.text("upload_phase").lower()
    if edge == "videos":
        phases = {"start": _start_pieces, "transfer": _take_piece, "finish": _end_pieces}
        if phase not in phases:
            return _whole(call)
        return phases[phase](call)
    kind = "reel" if edge == "video_reels" else "story"
    if phase == "start":
        video = _begin(call, kind)
        address = f"{call.base}/graph/rupload/video-upload/{call.version}/{video['id']}"
        return {"video_id": video["id"], "upload_url": address}
    if phase == "finish":
        return _publish_reel(call) if kind == "reel" else _publish_story(call)
    raise GraphError("(#100) Param upload_phase must be one of {START, FINISH}", 100)


def _begin(call: Call, kind: str, size: int = 0) -> dict[str, Any]:
    with call.state.changing() as data:
        video = {
            "id": call.state.new_id(data, "15"),
            "account": call.account["id"],
            "kind": kind,
            "session": "",
            "size": size,
            "arrived": 0,
            "error": "",
            "file": None,
            "seconds": 0.0,
            "description": "",
            "post": None,
            "created_at": call.state.clock().isoformat(),
            "polls_left": data.get("processing_polls", 0),
            "publishing_polls": data.get("publishing_polls", 0),
        }
        data["videos"][video["id"]] = video
        return video


def finished(state: State, video: dict[str, Any]) -> None:
    """All of an upload's file is there: look at it, and keep it if it is what it has to be."""
    path = upload_path(state, video["id"])
    film, error = WANTED[video["kind"]].refusal(path)
    kept = None if film is None or error else keep_film(state, path, film)
    path.unlink(missing_ok=True)
    with state.changing():
        video["error"] = error
        if kept is not None and film is not None:
            video |= {"file": kept["id"], "seconds": film.seconds}


def _start_pieces(call: Call) -> dict[str, Any]:
    size = call.number("file_size", 0)
    if size < 1024:
        raise GraphError("(#100) The video you tried to upload is too small.", 100, subcode=1363022)
    if size > WANTED["video"].most:
        raise GraphError("(#100) The video you tried to upload is too large.", 100, subcode=1363023)
    video = _begin(call, "video", size)
    with call.state.changing():
        video["session"] = f"9{video['id']}"
    upload_path(call.state, video["id"]).parent.mkdir(parents=True, exist_ok=True)
    upload_path(call.state, video["id"]).touch()
    return {"upload_session_id": video["session"], "video_id": video["id"], **_next(video)}


def _next(video: dict[str, Any]) -> dict[str, str]:
    """Where the next piece begins and ends; Graph tells numbers as text."""
    start = video["arrived"]
    return {"start_offset": str(start), "end_offset": str(min(video["size"], start + PIECE))}


def _of_session(call: Call) -> dict[str, Any]:
    session = call.text("upload_session_id")
    with call.state.reading() as data:
        for video in data["videos"].values():
            if session and video["session"] == session and video["account"] == call.account["id"]:
                return dict(video) | {"id": video["id"]}
    raise GraphError("(#100) The upload session was not found", 100, subcode=1363019)


def _take_piece(call: Call) -> dict[str, Any]:
    number = _of_session(call)["id"]
    part = call.files.get("video_file_chunk")
    with call.state.changing() as data:
        video = data["videos"][number]
        start = call.number("start_offset", -1)
        if start != video["arrived"]:
            raise GraphError(
                "(#100) There was a problem uploading your video. Please try uploading it again.",
                100,
                subcode=1363037,
                data={key: int(value) for key, value in _next(video).items()},
            )
        if part is None or start + part.stat().st_size > video["size"]:
            raise GraphError("(#100) Param video_file_chunk is missing or too long", 100, subcode=1363019)
        with upload_path(call.state, number).open("r+b") as file, part.open("rb") as piece:
            file.seek(start)
            file.truncate()
            shutil.copyfileobj(piece, file, 1 << 20)
        video["arrived"] = start + part.stat().st_size
        return _next(video)


def _end_pieces(call: Call) -> dict[str, Any]:
    number = _of_session(call)["id"]
    video = call.state.data["videos"][number]
    if video["arrived"] < video["size"]:
        raise GraphError("(#100) The video has not arrived as a whole", 100, subcode=1363019)
    if video["post"] is not None:
        raise GraphError("(#100) The upload session has been ended", 100, subcode=1363019)
    finished(call.state, video)
    _make_post(call, video, published=call.flag("published", True), text=call.text("description"))
    return {"success": True}


def _whole(call: Call) -> dict[str, Any]:
    """A video in one request: ``source``."""
    part = call.files.get("source")
    if part is None:
        raise GraphError("(#100) No video file was selected", 100, subcode=1363018)
    size = part.stat().st_size
    video = _begin(call, "video", size)
    part.replace(upload_path(call.state, video["id"]))
    with call.state.changing():
        video["arrived"] = size
    finished(call.state, video)
    _make_post(call, video, published=call.flag("published", True), text=call.text("description"))
    return {"id": video["id"]}


def _make_post(call: Call, video: dict[str, Any], *, published: bool, text: str) -> dict[str, Any]:
    with call.state.changing():
        post = call.state.add_post(
            account=call.account,
            kind=video["kind"],
            text=text,
            pictures=(video["file"],) if video["file"] else (),
            published=published and not video["error"],
        )
        video |= {"post": post["id"], "description": text}
        return post


# ------------------------------------------------------------------------------------------------ publishing


def _uploaded(call: Call, kind: str) -> dict[str, Any]:
    number = call.text("video_id")
    video: dict[str, Any] | None = call.state.data["videos"].get(number)
    if video is None or video["account"] != call.account["id"] or video["kind"] != kind:
        raise GraphError(f"(#100) Param video_id: {number or 'missing'} is no upload of this page", 100)
    if not video["size"] or video["arrived"] < video["size"]:
        raise GraphError("(#100) The video has not been uploaded yet", 100, subcode=1363019)
    if video["error"]:
        raise GraphError(video["error"], 352, subcode=2207026, user=video["error"])
    return video


def _publish_reel(call: Call) -> dict[str, Any]:
    # One lock around looking and publishing: of two requests at the same moment one publishes.
    with call.state.changing() as data:
        video = _uploaded(call, "reel")
        wanted = call.text("video_state").upper() or "PUBLISHED"
        if wanted not in ("DRAFT", "PUBLISHED", "SCHEDULED"):
            raise GraphError("(#100) Param video_state must be one of {DRAFT, PUBLISHED, SCHEDULED}", 100)
        since = call.state.clock() - A_DAY
        today = sum(
            1
            for post in call.state.posts_of(call.account, kind="reel")
            if datetime.fromisoformat(post["published_at"]) > since
        )
        post = data["posts"].get(video["post"])
        if wanted == "PUBLISHED" and not (post and post["published_at"]) and today >= A_DAY_REELS:
            raise GraphError("(#613) Calls to this api have exceeded the rate limit.", 613)
        if post is None:
            post = _make_post(call, video, published=False, text=call.text("description"))
        if wanted == "PUBLISHED" and not post["published_at"]:
            video["wanted"] = True
            if not video["publishing_polls"]:
                post["published_at"] = call.state.clock().isoformat()
        return {"success": True, "post_id": post["id"].partition("_")[2]}


def _publish_story(call: Call) -> dict[str, Any]:
    with call.state.changing():
        video = _uploaded(call, "story")
        if video["post"]:
            raise GraphError("(#100) The video has been used in a story already", 100)
        post = _make_post(call, video, published=True, text="")
        return {"success": True, "post_id": post["id"]}


def publish_photo_story(call: Call) -> dict[str, Any]:
    """``POST /{page}/photo_stories``: the photo must be unpublished and not have been used."""
    call.need("pages_manage_posts")
    with call.state.changing() as data:
        photo = data["photos"].get(call.text("photo_id"))
        if photo is None or photo["account"] != call.account["id"]:
            raise GraphError("(#100) Param photo_id is no photo of this page", 100)
        if photo.get("post"):
            raise GraphError("(#100) The photo has been used in a post already", 100)
        post = call.state.add_post(account=call.account, kind="story", pictures=(photo["picture"],))
        photo["post"] = post["id"]
        return {"success": True, "post_id": post["id"]}


def stories(call: Call) -> dict[str, Any]:
    """``GET /{page}/stories``: the last 24 hours."""
    call.need("pages_read_engagement")
    media = {
        one["post"]: (one["id"], kind[:-1])
        for kind in ("photos", "videos")
        for one in call.state.data[kind].values()
        if one.get("post")
    }
    now, found = call.state.clock(), []
    for post in call.state.posts_of(call.account, kind="story"):
        published = datetime.fromisoformat(post["published_at"])
        if now - published >= STORY_LIVES:
            continue
        number, kind = media.get(post["id"], ("", "photo"))
        found.append(
            {
                "post_id": post["id"],
                "status": "PUBLISHED",
                "creation_time": str(int(published.timestamp())),
                "media_type": kind,
                "media_id": number,
                "url": f"{call.base}/facebook/{call.account['name']}/{post['id']}",
            }
        )
    return page_of(found, call)


# ------------------------------------------------------------------------------------------------ the node


def of_video(call: Call, video: dict[str, Any], rest: tuple[str, ...]) -> dict[str, Any]:
    """Requests to a video itself, but for its comments."""
    match (call.method, *rest):
        case ("GET",):
            return node_of(call, video)
        case ("POST",):
            return _change(call, video)
        case ("DELETE",):
            call.need("pages_manage_posts")
            with call.state.changing() as data:
                data["posts"].pop(video["post"], None)
                del data["videos"][video["id"]]
            return {"success": True}
        case ("GET", "video_insights"):
            return _insights(call, video)
    raise missing("/".join(call.parts))


def _change(call: Call, video: dict[str, Any]) -> dict[str, Any]:
    call.need("pages_manage_posts")
    with call.state.changing() as data:
        post = data["posts"].get(video["post"])
        if post is None:
            raise GraphError("(#100) The video's upload has not been finished", 100)
        if call.flag("published", False) and not post["published_at"]:
            if video["error"]:
                raise GraphError(video["error"], 352, subcode=2207026)
            post["published_at"] = call.state.clock().isoformat()
        if call.text("description"):
            post["text"] = video["description"] = call.text("description")
    return {"success": True}


def node_of(call: Call, video: dict[str, Any]) -> dict[str, Any]:
    """The video's fields that were asked for."""
    post = call.state.data["posts"].get(video["post"])
    status = _status(call, video, post) if "status" in call.fields() else None
    out = bool(post and post["published_at"])
    counters = call.state.counters(post) if post and out else {}
    node = {
        "id": video["id"],
        "description": video["description"] or None,
        "created_time": when(post["published_at"] if post and out else video["created_at"]),
        "updated_time": when(video["created_at"]),
        "length": video["seconds"],
        "published": out,
        "permalink_url": (
            f"{call.base}/facebook/{call.account['name']}/{post['id']}" if post is not None else None
        ),
        "post_id": post["id"].partition("_")[2] if post is not None and out else None,
        "status": status,
        "likes": {"data": [], "summary": {"total_count": counters.get("likes", 0)}},
        "comments": {"data": [], "summary": {"total_count": counters.get("comments", 0)}},
        "views": counters.get("views"),
    }
    return chosen(call, node, ("id", "updated_time", "description"))


def _status(call: Call, video: dict[str, Any], post: dict[str, Any] | None) -> dict[str, Any]:
    """How far it is; what still works comes one look nearer to its end with every look."""
    sent = bool(video["size"]) and video["arrived"] >= video["size"]
    uploading: dict[str, Any] = {
        "status": "complete" if sent else "in_progress" if video["arrived"] else "not_started",
        "bytes_transferred": video["arrived"],
    }
    processing: dict[str, Any] = {"status": "not_started"}
    publishing: dict[str, Any] = {"status": "not_started"}
    if video["error"]:
        processing = {"status": "error", "errors": [{"code": 1363008, "message": video["error"]}]}
        return _phases("error", uploading, processing, publishing)
    ended = post is not None
    if sent and ended:
        with call.state.changing():
            if video["polls_left"] > 0:
                video["polls_left"] -= 1
                return _phases("processing", uploading, {"status": "in_progress"}, publishing)
            processing = {"status": "complete"}
            if post and video.get("wanted") and not post["published_at"]:
                if video["publishing_polls"] > 0:
                    video["publishing_polls"] -= 1
                    return _phases("processing", uploading, processing, {"status": "in_progress"})
                post["published_at"] = call.state.clock().isoformat()
        if post and post["published_at"]:
            publishing = {
                "status": "complete",
                "publish_status": "published",
                "publish_time": when(post["published_at"]),
            }
    ready = processing["status"] == "complete"
    return _phases(
        "ready" if ready else "processing" if sent else "uploading", uploading, processing, publishing
    )


def _phases(state: str, *phases: dict[str, Any]) -> dict[str, Any]:
    names = ("uploading_phase", "processing_phase", "publishing_phase")
    return {"video_status": state, **dict(zip(names, phases, strict=True))}


def _insights(call: Call, video: dict[str, Any]) -> dict[str, Any]:
    call.need("read_insights")
    post = call.state.data["posts"].get(video["post"])
    if post is None or not post["published_at"]:
        return {"data": []}
    counters = call.state.counters(post)
    views = "fb_reels_total_plays" if video["kind"] == "reel" else "total_video_views"
    values: dict[str, int | None] = {
        views: counters["views"],
        "post_total_media_view_unique": counters["reach"],
        "post_video_avg_time_watched": 1000 * int(min(12.0, video["seconds"])),
    }
    asked = call.text("metric") or ",".join(values)
    return insights(call, values, asked=asked, edge="video_insights")
