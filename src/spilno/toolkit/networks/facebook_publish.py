"""How each placement of a Facebook page comes to be seen once. Every way has the same three steps.

========  =======================================  ==============================  ===================================
          prepared, unseen                         the one request                 is it there?
========  =======================================  ==============================  ===================================
post      photos and the post, unpublished         ``is_published`` of the post    the post says
video     the video in pieces, unpublished         ``published`` of the video      the video says
reel      the file                                 the upload's ``finish``         the video's phases say
story     an unpublished photo, or the file        ``photo_stories`` or ``finish`` the page's stories name the medium
========  =======================================  ==============================  ===================================

Sources: developers.facebook.com/docs/pages-api/posts, …/graph-api/reference/page/photos, …/page/videos,
…/video-api/guides/reels-publishing, …/page-stories-api.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from spilno.toolkit.networks import graph
from spilno.toolkit.networks.base import (
    Kind,
    MediaFile,
    NetworkError,
    Outgoing,
    Prepared,
    Published,
    Sighting,
    Verdict,
)
from spilno.toolkit.networks.graph_upload import STILL_WORKING, arrived, send_pieces, send_whole
from spilno.toolkit.networks.http import Wire, before_sending, moment

STORY = "story:"
"""How the id of a story begins for us: Graph's own number does not tell it from a video's."""
STORY_LIVES = timedelta(hours=24)
_FAILED = {"error", "expired", "upload_failed"}


@dataclass(frozen=True)
class Ways:
    """The page, how to speak to Graph about it, and where its videos go."""

    wire: Wire
    video_wire: Wire
    page: str
    token: str

    def page_url(self, path: str = "") -> str:
        """A public address."""
        return f"https://www.facebook.com/{path or self.page}"


# ------------------------------------------------------------------------------------------------ posts


def prepare_post(ways: Ways, post: Outgoing, so_far: Prepared, text: str) -> Prepared:
    """Upload pictures and create the post, both unpublished."""
    data = dict(so_far.data)
    if data.get("post"):
        return so_far
    photos: list[str] = list(data.get("photos", []))
    try:
        for one in post.media[len(photos) :]:
            photos.append(_upload_photo(ways, one))
        body: dict[str, Any] = {"message": text, "published": False}
        if photos:
            body["attached_media"] = [{"media_fbid": photo} for photo in photos]
        elif post.link:
            body["link"] = post.link
        answer = ways.wire.post(f"/{ways.page}/feed", json=body)
    except NetworkError as error:
        error.so_far = Prepared({"photos": photos})
        raise
    return Prepared({"photos": photos, "post": str(answer["id"])})


def commit_post(ways: Ways, prepared: Prepared) -> Published:
    """Switch the prepared post to published; switching twice is the same."""
    made = str(prepared.data["post"])
    _switch(ways, made, {"is_published": True})
    try:
        return _seen_post(ways, made)[0]
    except NetworkError:  # it is out; not knowing its address must not undo that
        return Published(made, ways.page_url(made))


def find_post(ways: Ways, prepared: Prepared) -> Sighting:
    """Ask the prepared post whether it is published."""
    return _of_itself(ways, _seen_post, prepared.data.get("post"))


def _seen_post(ways: Ways, made: str) -> tuple[Published, bool]:
    answer = ways.wire.get(f"/{made}", params={"fields": "id,is_published,created_time,permalink_url"})
    published = Published(
        external_id=str(answer["id"]),
        url=str(answer.get("permalink_url", ways.page_url(made))),
        published_at=moment(answer.get("created_time")),
        answer={"id": str(answer["id"])},
    )
    return published, answer.get("is_published") is True


def _upload_photo(ways: Ways, one: MediaFile, *, alt: bool = True) -> str:
    form = {"published": "false"}
    if one.alt and alt:
        form["alt_text_custom"] = one.alt
    try:
        file = one.path.open("rb")
    except OSError:
        raise NetworkError(Kind.PERMANENT, "media_unreadable") from None
    with file:
        files = {"source": (one.path.name, file, one.mime)}
        return str(ways.wire.post(f"/{ways.page}/photos", data=form, files=files)["id"])


# ------------------------------------------------------------------------------------------------ videos


def prepare_video(ways: Ways, post: Outgoing, so_far: Prepared, text: str) -> Prepared:
    """Send the video in pieces and end its upload unpublished; then see whether it has been digested."""
    data = dict(so_far.data)
    if not data.get("ended"):
        data = send_pieces(ways.video_wire, f"/{ways.page}/videos", _only(post), data)
        body = {
            "upload_phase": "finish",
            "upload_session_id": data["session"],
            "description": text,
            "published": "false",
        }
        try:
            ways.video_wire.post(f"/{ways.page}/videos", data=body)
        except NetworkError as error:
            # Of a repetition a refusal may mean that the first one was heard: then the video has been taken.
            again = data.pop("ending", False) and error.kind is Kind.PERMANENT
            if not again or not _taken(ways, Prepared(data)):
                error.so_far = Prepared({**data, "ending": True})
                raise
        data = {key: value for key, value in data.items() if key != "ending"} | {"ended": True}
    return _digested(ways, Prepared(data), ("uploading_phase", "processing_phase"))


def commit_video(ways: Ways, prepared: Prepared) -> Published:
    """Switch the video to published; switching twice is the same."""
    made = str(prepared.data["video"])
    _switch(ways, made, {"published": True})
    try:
        return _seen_video(ways, made)[0]
    except NetworkError:
        return Published(made, ways.page_url(f"{ways.page}/videos/{made}"))


def find_video(ways: Ways, prepared: Prepared) -> Sighting:
    """Ask the video whether it is published."""
    return _of_itself(ways, _seen_video, prepared.data.get("video") if prepared.data.get("ended") else None)


def _seen_video(ways: Ways, made: str) -> tuple[Published, bool]:
    answer = ways.wire.get(f"/{made}", params={"fields": "id,published,created_time,permalink_url"})
    return _video(ways, answer.data, made), answer.get("published") is True


def _video(ways: Ways, node: dict[str, Any], made: str) -> Published:
    link = str(node.get("permalink_url") or "")
    if link.startswith("/"):  # of a video Graph gives the path alone
        link = ways.page_url(link.lstrip("/"))
    at = moment(node.get("created_time"))
    return Published(made, link or ways.page_url(f"reel/{made}"), at, {"id": made})


# ------------------------------------------------------------------------------------------------ reels


def prepare_file(ways: Ways, post: Outgoing, so_far: Prepared, edge: str) -> Prepared:
    """Begin an upload and send the file; what has arrived of it before is not sent again.

    :param edge: ``video_reels`` or ``video_stories``.
    """
    one, data = _only(post), dict(so_far.data)
    if not data.get("video"):
        answer = ways.wire.post(f"/{ways.page}/{edge}", json={"upload_phase": "start"})
        data = {"video": str(answer["video_id"]), "address": str(answer["upload_url"])}
    kept = Prepared(data)
    if not data.get("sent"):
        try:
            known = so_far.data.get("video") is not None
            offset = arrived(_phase(_status(ways, kept), "uploading_phase")) if known else 0
            if offset < one.bytes:
                send_whole(ways.wire, data["address"], one, token=ways.token, offset=offset)
        except NetworkError as error:
            error.so_far = kept if error.so_far is None else error.so_far
            raise
        kept = Prepared({**data, "sent": True})
    return _digested(ways, kept, ("uploading_phase",))


def commit_reel(ways: Ways, prepared: Prepared, text: str) -> Published:
    """End the upload as a published reel, unless it is one already.

    Facebook digests the video only then. While it does, nobody can see it: that is not told as success.
    """
    made = str(prepared.data["video"])
    try:
        published, state = _seen_reel(ways, made)
    except NetworkError as error:
        raise before_sending(error) from None
    if state == "out":
        return published
    if state != "working":
        body = {"upload_phase": "finish", "video_id": made, "video_state": "PUBLISHED", "description": text}
        _send(ways, f"/{ways.page}/video_reels", body)
        try:
            published, state = _seen_reel(ways, made)
        except NetworkError:  # it was taken; not being able to look must not undo that
            return published
    if state == "failed":
        raise _refused(published)
    if state == "working":
        raise NetworkError(Kind.UNCERTAIN, "media_processing", params={"seconds": STILL_WORKING})
    return published


def find_reel(ways: Ways, prepared: Prepared) -> Sighting:
    """Ask the video how far its publishing is.

    :raises NetworkError: ``Kind.WAIT`` while Facebook is at it.
    """
    made = prepared.data.get("video")
    if not made:
        return Sighting(Verdict.ABSENT)
    try:
        published, state = _seen_reel(ways, str(made))
    except NetworkError as error:
        return _lost(ways, error)
    if state == "working":
        raise NetworkError(Kind.WAIT, "media_processing", params={"seconds": STILL_WORKING})
    return Sighting(Verdict.FOUND, published) if state == "out" else Sighting(Verdict.ABSENT)


def _seen_reel(ways: Ways, made: str) -> tuple[Published, str]:
    """The reel and its state: ``out``, ``working`` (it was ended and is being digested), ``failed``, ``ready``."""
    answer = ways.wire.get(f"/{made}", params={"fields": "id,status,created_time,permalink_url"})
    status = answer.get("status", {})
    publishing, processing = _phase(status, "publishing_phase"), _phase(status, "processing_phase")
    published = _video(ways, answer.data, made)
    if publishing.get("status") == "complete" and publishing.get("publish_status") in (None, "published"):
        return published, "out"
    if "error" in (publishing.get("status"), processing.get("status")) or _failed(status):
        why = _why(status)
        return Published(made, published.url, None, {"message": why}), "failed"
    if "in_progress" in (publishing.get("status"), processing.get("status")):
        return published, "working"
    return published, "ready"


def _refused(published: Published) -> NetworkError:
    message = published.answer.get("message", "")
    return NetworkError(Kind.PERMANENT, "media_refused", params={"message": message}, so_far=Prepared())


# ------------------------------------------------------------------------------------------------ stories


def prepare_story(ways: Ways, post: Outgoing, so_far: Prepared) -> Prepared:
    """Upload the photo unpublished, or send the video's file. A story's medium must not have been used before."""
    if _only(post).kind == "video":
        return prepare_file(ways, post, so_far, "video_stories")
    if so_far.data.get("photo"):
        return so_far
    return Prepared({"photo": _upload_photo(ways, _only(post), alt=False)})


def commit_story(ways: Ways, prepared: Prepared) -> Published:
    """Make a story of what was uploaded, unless the page's stories have it already."""
    try:
        there = _story_of(ways, prepared)
    except NetworkError as error:
        raise before_sending(error) from None
    if there is not None:
        return there
    if video := prepared.data.get("video"):
        body = {"upload_phase": "finish", "video_id": video}
        answer = _send(ways, f"/{ways.page}/video_stories", body)
    else:
        answer = _send(ways, f"/{ways.page}/photo_stories", {"photo_id": prepared.data["photo"]})
    number = str(answer.get("post_id") or "")
    try:
        if (there := _story_of(ways, prepared)) is not None:
            return there
    except NetworkError:  # it is out; not knowing its address must not undo that
        pass
    if not number:
        raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "post_id"})
    return Published(STORY + number, "", None, {"id": number})


def find_story(ways: Ways, prepared: Prepared, not_before: datetime) -> Sighting:
    """Look among the page's stories, which name the photo or video that they were made of."""
    if not prepared.data.get("photo") and not prepared.data.get("video"):
        return Sighting(Verdict.ABSENT)
    there = _story_of(ways, prepared)
    if there is not None:
        return Sighting(Verdict.FOUND, there)
    # After a day a story is no longer listed (only in the archive, if the page keeps one).
    asked = ways.wire.get(f"/{ways.page}", params={"fields": "id"})
    if asked.date is None or asked.date - not_before >= STORY_LIVES:
        return Sighting(Verdict.CANNOT_TELL, look_at=ways.page_url())
    return Sighting(Verdict.ABSENT)


def _story_of(ways: Ways, prepared: Prepared) -> Published | None:
    medium = str(prepared.data.get("photo") or prepared.data.get("video"))
    fields = {"fields": "post_id,status,creation_time,media_id,url", "limit": 100}
    for one in graph.listed(ways.wire, f"/{ways.page}/stories", fields):
        if str(one.get("media_id", "")) == medium and one.get("post_id"):
            at = _story_time(one.get("creation_time"))
            number = str(one["post_id"])
            return Published(STORY + number, str(one.get("url") or ""), at, {"id": number})
    return None


def _story_time(value: Any) -> datetime | None:
    """Seconds since 1970 (as text), or a time as elsewhere in Graph."""
    seconds = graph.number(value)
    if seconds is None:
        return moment(value)
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 1e11 else None


# ------------------------------------------------------------------------------------------------ together


def _only(post: Outgoing) -> MediaFile:
    if not post.media:
        raise NetworkError(Kind.PERMANENT, "media_required")
    return post.media[0]


def _switch(ways: Ways, made: str, body: dict[str, Any]) -> None:
    answer = _send(ways, f"/{made}", body)
    if answer.get("success") is not True:
        raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "success"})


def _send(ways: Ways, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The one request that makes it seen."""
    try:
        answer = ways.wire.post(path, json=body)
        if answer.get("success") is not True:
            raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "success"})
    except NetworkError as error:
        raise graph.trusted(error) from None
    return dict(answer.data)


def _of_itself(ways: Ways, seen: Any, made: Any) -> Sighting:
    if not made:
        return Sighting(Verdict.ABSENT)
    try:
        published, is_out = seen(ways, str(made))
    except NetworkError as error:
        return _lost(ways, error)
    return Sighting(Verdict.FOUND, published) if is_out else Sighting(Verdict.ABSENT)


def _lost(ways: Ways, error: NetworkError) -> Sighting:
    if error.code == "not_found":  # published and deleted since, or never: it cannot be told
        return Sighting(Verdict.CANNOT_TELL, look_at=ways.page_url())
    raise error from None


def _digested(ways: Ways, kept: Prepared, phases: tuple[str, ...]) -> Prepared:
    """What was prepared, once the named phases of its video are over.

    :raises NetworkError: ``Kind.WAIT`` with ``so_far`` until then; ``media_refused`` if the video was not taken.
    """
    status = _status(ways, kept)
    states = [_phase(status, name).get("status") for name in phases]
    if "error" in states or _failed(status):
        message = {"message": _why(status)}
        raise NetworkError(Kind.PERMANENT, "media_refused", params=message, so_far=Prepared())
    if status.get("video_status") != "ready" and not all(state == "complete" for state in states):
        raise NetworkError(Kind.WAIT, "media_processing", params={"seconds": STILL_WORKING}, so_far=kept)
    return kept


def _taken(ways: Ways, kept: Prepared) -> bool:
    """Has an upload in pieces been ended? Only then the video is digested."""
    return _phase(_status(ways, kept), "processing_phase").get("status") in (
        "in_progress",
        "complete",
        "error",
    )


def _status(ways: Ways, kept: Prepared) -> dict[str, Any]:
    """How far the upload is.

    :raises NetworkError: with ``so_far``: what was prepared, or nothing if Facebook knows nothing of it any more.
    """
    try:
        answer = ways.wire.get(f"/{kept.data['video']}", params={"fields": "id,status"})
    except NetworkError as error:
        if error.code == "not_found":
            raise NetworkError(
                Kind.WAIT, "preparation_expired", params={"seconds": 0}, so_far=Prepared()
            ) from None
        error.so_far = kept
        raise
    return dict(answer.get("status", {}))


def _phase(status: Any, name: str) -> dict[str, Any]:
    found = status.get(name) if isinstance(status, dict) else None
    return found if isinstance(found, dict) else {}


def _failed(status: Any) -> bool:
    return isinstance(status, dict) and str(status.get("video_status", "")).lower() in _FAILED


def _why(status: Any) -> str:
    """The first reason that a phase gives; Graph names the list ``errors``, its documentation ``error``."""
    for name in ("uploading_phase", "processing_phase", "publishing_phase"):
        phase = _phase(status, name)
        told = phase.get("errors") or phase.get("error")
        for one in told if isinstance(told, list) else [told]:
            if isinstance(one, dict) and one.get("message"):
                return str(one["message"])
    return ""
