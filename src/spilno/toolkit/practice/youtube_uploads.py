"""Uploads to YouTube that can be resumed (developers.google.com/youtube/v3/guides/using_resumable_upload_protocol)."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from spilno.toolkit.practice import mp4
from spilno.toolkit.practice.state import State
from spilno.toolkit.practice.uploads import TooLarge, spool
from spilno.toolkit.practice.youtube import PREFIX, Call, GoogleError, bad, google, missing
from spilno.toolkit.practice.youtube_videos import CHANGEABLE, PARTS, dress, resource, snippet_of, status_of

UNIT = 256 * 1024
"""What arrives in an upload that breaks off is kept in whole units only."""
MOST_VIDEO = 256 * 1024**3
UPLOAD_LIVES = timedelta(days=7)


def begin(call: Call) -> Response:
    """POST: a session for one video; its address is in ``Location``."""
    call.needs("youtube.upload", "youtube.force-ssl", "youtube")
    parts = call.parts(*PARTS)
    call.needs_channel()
    if call.params.get("uploadType") != "resumable":
        raise bad("badRequest", "This practice network takes resumable uploads only.", "uploadType")
    try:
        size = int(call.request.headers.get("x-upload-content-length", ""))
    except ValueError:
        raise bad("badRequest", "X-Upload-Content-Length is missing.") from None
    mime = call.request.headers.get("x-upload-content-type", "application/octet-stream")
    if not mime.startswith("video/") and mime != "application/octet-stream":
        raise bad("mediaBodyRequired", "The request does not include the video content.")
    if not 0 < size <= MOST_VIDEO:
        raise GoogleError(413, "uploadTooLarge", "Request entity too large")
    if not parts & set(CHANGEABLE):
        raise bad("missingRequiredParameter", "part", "part")
    kept = {"snippet": snippet_of(call.body), "status": status_of(call.body, "public")}
    call.spend(upload=True)
    number = secrets.token_urlsafe(48)
    with call.state.changing() as data:
        google(data).setdefault("uploads", {})[number] = {
            "account": call.account["id"],
            "resource": kept,
            "parts": sorted(parts),
            "size": size,
            "mime": mime,
            "made_at": call.state.clock().isoformat(),
            "video": None,
            "arrived": [],
        }
    path = f"{call.base}{PREFIX}/upload/youtube/v3/videos"
    where = f"{path}?uploadType=resumable&part={','.join(sorted(parts))}&upload_id={number}"
    return Response(status_code=200, headers={"Location": where, "X-GUploader-UploadID": number})


async def go_on(request: Request, state: State) -> Response:
    """PUT: a piece, the whole, or (``bytes */N``) the question how far it came. The address is all that it takes."""
    number = request.query_params.get("upload_id", "")
    with state.reading() as data:
        session = google(data).get("uploads", {}).get(number)
    if session is None or state.clock() - datetime.fromisoformat(session["made_at"]) >= UPLOAD_LIVES:
        raise missing("uploadNotFound", "The upload session is not known any more.", "upload_id")
    if session["video"]:
        return _finished(state, session)
    file = state.folder / f"upload-{number[:32]}"
    have, size = file.stat().st_size if file.exists() else 0, int(session["size"])
    header = request.headers.get("content-range", f"bytes 0-{size - 1}/{size}")
    if re.fullmatch(r"bytes \*/(\d+|\*)", header):
        return _incomplete(have)
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", header)
    if match is None or (match[3] != "*" and int(match[3]) != size) or int(match[2]) >= size:
        raise bad("badRequest", "Invalid Content-Range", "Content-Range")
    first, last = int(match[1]), int(match[2])
    if last < first:
        raise bad("badRequest", "Invalid Content-Range", "Content-Range")
    if first != have:
        return _incomplete(have)
    if last != size - 1 and (last + 1 - first) % UNIT:
        raise bad("badRequest", "Pieces have to be a multiple of 256 KB, but for the last.")
    try:
        arrived = await spool(request, file, offset=first, most=last + 1 - first)
    except TooLarge:
        raise bad("badRequest", "The body is longer than its Content-Range.") from None
    have = first + arrived.bytes
    if have < size:
        have -= have % UNIT
        with file.open("r+b") as opened:
            opened.truncate(have)
    with state.changing():
        session["arrived"].append([first, have])
    if have < size:
        return _incomplete(have)
    _made(state, session, file)
    return _finished(state, session)


def _incomplete(have: int) -> Response:
    return Response(status_code=308, headers={"Range": f"bytes=0-{have - 1}"} if have else {})


def _finished(state: State, session: dict[str, Any]) -> Response:
    with state.reading() as data:
        post = data["posts"].get(session["video"])
        if post is None:  # deleted since
            raise missing("uploadNotFound", "The upload session is not known any more.", "upload_id")
        return JSONResponse(resource(state, post, set(session["parts"])))


def _made(state: State, session: dict[str, Any], file: Path) -> None:
    """The upload is whole: there is a video."""
    try:
        film = mp4.probe(file)
    except mp4.NotAFilm:
        film = None
    with state.changing() as data:
        account = data["accounts"][session["account"]]
        size = (film.width, film.height) if film else (0, 0)
        seconds = film.seconds if film else 0.0
        kept = state.keep_file(file, session["mime"], *size, duration=round(seconds))
        given = session["resource"]
        post = state.add_post(account=account, pictures=(kept["id"],), published=False)
        fates = google(data).setdefault("fates", [])
        fate = fates.pop(0) if fates else "" if film else "failed:invalidFile"
        if not fate and seconds > 900 and account.get("long_uploads") == "disallowed":
            fate = "rejected:length"
        post["video"] = {
            **given["snippet"],
            **given["status"],
            "seconds": seconds,
            "fate": fate,
            "polls": int(data.get("processing_polls", 0)),
            "thumbnail": "",
        }
        session["video"] = post["id"]
        dress(state, data, post)
