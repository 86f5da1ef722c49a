"""Pictures, videos and cards of Bluesky.

A picture is a blob of the account's server. So is a video, but on the public network a service of its own takes it
first (docs.bsky.app/docs/tutorials/video): it makes what players need and then lays the blob down at the account's
server, in whose name it has been given a token for exactly that.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx

from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError
from spilno.toolkit.networks.bluesky_session import Session, explain
from spilno.toolkit.networks.cards import card
from spilno.toolkit.networks.http import Wire

VIDEO_SERVICE = "https://video.bsky.app"
TOKEN_LASTS = timedelta(minutes=30)
STILL_WORKING = 3
"""Seconds after which to ask again how far the video is."""

MOST_PICTURE = 1_000_000


def image(session: Session, one: MediaFile) -> dict[str, Any]:
    """Upload a picture; its entry in ``app.bsky.embed.images``."""
    answer = session.wire.upload("/xrpc/com.atproto.repo.uploadBlob", file=one.path, mime=one.mime)
    return {"alt": one.alt, "image": answer["blob"], **_shape(one)}


def _shape(one: MediaFile) -> dict[str, Any]:
    if not one.width or not one.height:
        return {}
    return {"aspectRatio": {"width": one.width, "height": one.height}}


def video(blob: Any, one: MediaFile) -> dict[str, Any]:
    """``app.bsky.embed.video``."""
    described = {"alt": one.alt} if one.alt.strip() else {}
    return {"$type": "app.bsky.embed.video", "video": blob, **described, **_shape(one)}


def stored(session: Session, one: MediaFile) -> Any:
    """Lay a video down at the account's own server; its blob."""
    return session.wire.upload("/xrpc/com.atproto.repo.uploadBlob", file=one.path, mime=one.mime)["blob"]


def handed_over(client: httpx.Client, session: Session, one: MediaFile, service: str, name: str) -> str:
    """Hand a video to the video service; the number of its job there."""
    home = Wire(client, session.home, {}, session.wire.secrets, explain)
    asked: dict[str, Any] = {
        "aud": str(home.get("/xrpc/com.atproto.server.describeServer")["did"]),
        "lxm": "com.atproto.repo.uploadBlob",
    }
    if session.date is not None:
        asked["exp"] = int((session.date + TOKEN_LASTS).timestamp())
    token = str(session.wire.get("/xrpc/com.atproto.server.getServiceAuth", params=asked)["token"])
    headers = {"Authorization": f"Bearer {token}"}
    wire = Wire(client, service, headers, (*session.wire.secrets, token), _explain_job)
    try:
        answer = wire.upload(
            "/xrpc/app.bsky.video.uploadVideo",
            file=one.path,
            mime=one.mime,
            params={"did": session.did, "name": name},
        )
    except NetworkError as error:
        # The same video again: its job of before is as good, and its number stands in the refusal.
        if error.params.get("their_code", "").startswith(_AGAIN):
            return str(error.params["their_code"]).removeprefix(_AGAIN)
        raise
    return str(_job(answer.data)["jobId"])


def job_done(client: httpx.Client, service: str, number: str) -> Any:
    """The finished video's blob; ``None`` while the service is still working on it.

    :raises LookupError: if the service knows nothing of the job (any longer).
    :raises NetworkError: ``media_refused`` if the service gave the video up.
    """
    wire = Wire(client, service, explain=explain)
    try:
        answer = wire.get("/xrpc/app.bsky.video.getJobStatus", params={"jobId": number})
    except NetworkError as error:
        if error.status in (400, 404):
            raise LookupError(number) from None
        raise
    job = _job(answer.data)
    if job.get("blob"):
        return job["blob"]
    if job.get("state") == "JOB_STATE_FAILED":
        message = str(job.get("message") or job.get("error") or "")
        raise NetworkError(Kind.PERMANENT, "media_refused", params={"message": message[:200]})
    return None


def _job(data: Any) -> dict[str, Any]:
    """A job's state, with or without the envelope that its description has and its service leaves out."""
    job = data.get("jobStatus", data) if isinstance(data, dict) else None
    if not isinstance(job, dict) or not job.get("jobId"):
        raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "jobId"})
    return job


_AGAIN = "already_exists:"


def _explain_job(status: int, data: Any, headers: httpx.Headers) -> Any:
    refusal = explain(status, data, headers)
    if status == 409 and isinstance(data, dict) and re.fullmatch(r"[\w-]{1,100}", str(data.get("jobId", ""))):
        return type(refusal)(f"{_AGAIN}{data['jobId']}", refusal.message, Kind.PERMANENT)
    return refusal


def external(client: httpx.Client, session: Session, link: str) -> dict[str, Any]:
    """The card of a link: what its page says, with its picture. A dead link has its address for a title."""
    found = card(client, link, most_picture=MOST_PICTURE)
    bare = re.sub(r"^https?://(www\.)?", "", link).rstrip("/")
    made: dict[str, Any] = {"uri": link, "title": found.title or bare, "description": found.description}
    if found.picture:
        answer = session.wire.post(
            "/xrpc/com.atproto.repo.uploadBlob",
            content=found.picture,
            headers={"Content-Type": found.mime},
        )
        made["thumb"] = answer["blob"]
    return made
