"""Instagram's containers: what is made of a post before anybody sees it.

A container is harmless and lives for 24 hours; after publishing it reads PUBLISHED, which is a definitive answer to
"is it there?". A carousel is a container of containers. Instagram fetches pictures from a public address; a video it
fetches too, or takes as a file where this server has no public address.

Sources: developers.facebook.com/docs/instagram-platform/content-publishing (and …/resumable-uploads),
…/instagram-graph-api/reference/ig-user/media, …/reference/ig-container.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from spilno.toolkit.networks import graph
from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError, Outgoing, Prepared
from spilno.toolkit.networks.graph_upload import arrived, send_whole
from spilno.toolkit.networks.http import Wire

CONTAINER_LIVES = timedelta(hours=24)
STILL_WORKING = 3
"""Seconds after which to ask again whether Instagram has fetched and digested a picture."""
DIGESTING = 10
"""The same for a video."""


@dataclass(frozen=True)
class State:
    """How far a container is: ``IN_PROGRESS``, ``FINISHED``, ``PUBLISHED``, ``EXPIRED``, ``ERROR``; and why not."""

    code: str
    why: str
    arrived: int  # bytes of a file that is sent
    sent: bool  # nothing of it is missing


def prepare(way: Wire, account: str, token: str, post: Outgoing, so_far: Prepared, caption: str) -> Prepared:
    """Make the container of a post, and look once whether Instagram has finished with it.

    :raises NetworkError: ``Kind.WAIT`` with ``so_far`` while it has not.
    """
    if not post.media:
        raise NetworkError(Kind.PERMANENT, "media_required")
    if post.placement == "carousel":
        return _carousel(way, account, token, post, so_far, caption)
    made = _made(way, account, token, post.media[0], so_far, body_of(post, caption), "container", "upload")
    check_ready(way, made, "container", patience=_patience(post))
    return made


def body_of(post: Outgoing, caption: str) -> dict[str, Any]:
    """What the container of a post with one medium is asked for, but for the medium itself."""
    video = post.media[0].kind == "video"
    if post.placement == "story":
        return {"media_type": "STORIES"}
    if video:
        return {"media_type": "REELS", "caption": caption, "share_to_feed": True}
    return {"caption": caption, **_described(post.media[0])}


def _described(one: MediaFile) -> dict[str, Any]:
    return {"alt_text": one.alt} if one.alt and one.kind == "image" else {}


def _patience(post: Outgoing) -> int:
    return DIGESTING if any(one.kind == "video" for one in post.media) else STILL_WORKING


# ------------------------------------------------------------------------------------------------ carousels


def _carousel(
    way: Wire, account: str, token: str, post: Outgoing, so_far: Prepared, caption: str
) -> Prepared:
    """Containers of the parts first, each until it is finished; then the one around them."""
    done = so_far
    for place, one in enumerate(post.media):
        body: dict[str, Any] = {"is_carousel_item": True, **_described(one)}
        if one.kind == "video":
            body["media_type"] = "VIDEO"
        done = _made(way, account, token, one, done, body, f"part{place}", f"upload{place}")
    if not done.data.get("container"):
        for place in range(len(post.media)):
            check_ready(way, done, f"part{place}", patience=_patience(post))
        children = [done.data[f"part{place}"] for place in range(len(post.media))]
        body = {"media_type": "CAROUSEL", "children": children, "caption": caption}
        try:
            answer = way.post(f"/{account}/media", json=body)
        except NetworkError as error:
            error.so_far = done
            raise
        done = Prepared({**done.data, "container": str(answer["id"])}, done.expires_at)
    check_ready(way, done, "container", patience=_patience(post))
    return done


# ------------------------------------------------------------------------------------------------ one container


def _made(
    way: Wire,
    account: str,
    token: str,
    one: MediaFile,
    so_far: Prepared,
    body: dict[str, Any],
    name: str,
    upload: str,
) -> Prepared:
    """The container under ``name``, made unless it is there, and with its file sent if it is one.

    :param upload: under which name it is kept where the file goes.
    :raises NetworkError: with ``so_far``.
    """
    done = so_far
    try:
        if not done.data.get(name):
            answer = way.post(f"/{account}/media", json={**body, **_medium(one)})
            data = {**done.data, name: str(answer["id"])}
            expires = _sooner(done.expires_at, answer.date)
            if not one.url:
                data[upload] = str(answer["uri"])
            done = Prepared(data, expires)
        if upload in done.data and not done.data.get(f"{upload}_sent"):
            known = name in so_far.data
            offset = _missing_from(way, done, name, one) if known else 0
            if offset < one.bytes:
                send_whole(way, done.data[upload], one, token=token, offset=offset)
            done = Prepared({**done.data, f"{upload}_sent": True}, done.expires_at)
    except NetworkError as error:
        error.so_far = done if error.so_far is None else error.so_far
        raise
    return done


def _medium(one: MediaFile) -> dict[str, Any]:
    """Where the medium is to be had."""
    if one.kind == "video":
        return {"video_url": one.url} if one.url else {"upload_type": "resumable"}
    if not one.url:
        raise NetworkError(Kind.PERMANENT, "media_needs_public_address")
    return {"image_url": one.url}


def _sooner(expires: datetime | None, made: datetime | None) -> datetime | None:
    mine = None if made is None else made + CONTAINER_LIVES
    return min((one for one in (expires, mine) if one is not None), default=None)


def _missing_from(way: Wire, done: Prepared, name: str, one: MediaFile) -> int:
    state = state_of(way, str(done.data[name]), uploading=True)
    if state.code == "EXPIRED":
        raise expired()
    return one.bytes if state.sent else state.arrived


def state_of(way: Wire, container: str, *, uploading: bool = False) -> State:
    """How far a container is, and, if asked for, how much of its file has arrived."""
    fields = "id,status_code,status" + (",video_status" if uploading else "")
    answer = way.get(f"/{container}", params={"fields": fields})
    phase = answer.get("video_status", {}).get("uploading_phase") or {}
    sent = phase.get("status") == "complete"
    return State(str(answer["status_code"]), str(answer.get("status", "")), arrived(phase), sent)


def check_ready(way: Wire, done: Prepared, name: str, *, patience: int = STILL_WORKING) -> State:
    """The container's state, if it can be published or has been.

    :raises NetworkError: ``Kind.WAIT`` while Instagram works (with ``so_far``) or if it has expired (with an empty
        one); ``media_refused`` with Instagram's reason.
    """
    try:
        state = state_of(way, str(done.data[name]))
    except NetworkError as error:
        error.so_far = expired().so_far if error.code == "not_found" else done
        raise
    if state.code == "IN_PROGRESS":
        raise NetworkError(Kind.WAIT, "media_processing", params={"seconds": patience}, so_far=done)
    if state.code == "EXPIRED":
        raise expired()
    if state.code == "ERROR":
        raise refused(state.why)
    return state


def expired() -> NetworkError:
    """Everything has to be made anew."""
    return NetworkError(Kind.WAIT, "preparation_expired", params={"seconds": 0}, so_far=Prepared())


# Instagram tells why it did not take a video as the number of an error in a sentence.
_REASONS = {
    "2207026": "media_wrong_format",
    "2207005": "media_wrong_format",
    "2207009": "media_wrong_shape",
    "2207003": "media_unreachable",
    "2207052": "media_unreachable",
    "2207004": "media_too_large",
}


def refused(why: str) -> NetworkError:
    """A container that reads ERROR, told as what Instagram gives for a reason."""
    code = next((ours for theirs, ours in _REASONS.items() if theirs in why), "")
    error = NetworkError(Kind.PERMANENT, "media_refused", params={"message": why}, so_far=Prepared())
    if code:
        error.code = code
    return error


def ask(way: Wire, container: str) -> State | None:
    """How far a container is; ``None`` if Instagram knows nothing of it."""
    try:
        return state_of(way, container)
    except NetworkError as error:
        if error.code == "not_found":
            return None
        raise


def said_under(way: Wire, path: str, fields: str) -> list[dict[str, Any]]:
    """A list of comments or answers, all its pages."""
    return list(graph.listed(way, path, {"fields": fields, "limit": 50}))
