"""Files for LinkedIn: begun, sent (a video in parts), finished, and waited for. Every step may be repeated.

Sources below learn.microsoft.com/en-us/linkedin/marketing/community-management/shares: images-api, documents-api,
videos-api.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError, Prepared
from spilno.toolkit.networks.http import Answer, Wire
from spilno.toolkit.networks.linkedin_rest import STILL_WORKING, encoded

_RESOURCES = {"image": "images", "video": "videos", "file": "documents"}
_NAMES = {"image": "image", "video": "video", "file": "document"}
_PIECE = 1 << 16
_GONE = (400, 403, 404, 410)
"""What an address for uploading answers when its time is over."""


def uploaded(wire: Wire, owner: str, files: Sequence[MediaFile], known: dict[str, Any]) -> dict[str, Any]:
    """Bring all files to LinkedIn and wait until it has digested them.

    :param known: what an earlier call achieved: ``media`` (URNs of files that are there, in order), ``ready`` (those
        that are digested), ``upload`` (a file that is on its way: its URN, parts and their receipts).
    :raises NetworkError: with ``so_far``, from which the next call goes on.
    """
    done = {
        "media": list(known.get("media", [])),
        "ready": list(known.get("ready", [])),
        "upload": dict(known.get("upload", {})),
    }
    problem: NetworkError | None = None
    try:
        for number in range(len(done["media"]), len(files)):
            _send(wire, owner, files[number], number, done)
        working = [
            urn
            for number, urn in enumerate(done["media"])
            if urn not in done["ready"] and not _digested(wire, files[number].kind, urn, done)
        ]
        if working:
            problem = NetworkError(Kind.WAIT, "media_processing", params={"seconds": STILL_WORKING})
    except NetworkError as error:
        problem = error
    except OSError:
        problem = NetworkError(Kind.PERMANENT, "media_unreadable")
    if problem is not None:
        if problem.so_far is None:
            problem.so_far = Prepared({**known, **done})
        raise problem from None
    return done


def _send(wire: Wire, owner: str, one: MediaFile, number: int, done: dict[str, Any]) -> None:
    """Send one file, going on where an earlier call stopped; begun anew if its addresses are no longer taken."""
    resumed = done["upload"].get("number") == number
    if not resumed:
        done["upload"] = _begin(wire, owner, one, number)
    try:
        _send_parts(wire, one, done["upload"])
    except NetworkError as error:
        if error.status not in _GONE or not resumed:
            raise
        done["upload"] = {}
    if not done["upload"]:
        done["upload"] = _begin(wire, owner, one, number)
        _send_parts(wire, one, done["upload"])
    if one.kind == "video":
        _finish(wire, done["upload"])
    done["media"].append(done["upload"]["urn"])
    done["upload"] = {}


def _begin(wire: Wire, owner: str, one: MediaFile, number: int) -> dict[str, Any]:
    size = one.path.stat().st_size
    asked: dict[str, Any] = {"owner": owner}
    if one.kind == "video":
        asked |= {"fileSizeBytes": size, "uploadCaptions": False, "uploadThumbnail": False}
    resource = _RESOURCES[one.kind]
    answer = wire.post(f"/rest/{resource}?action=initializeUpload", json={"initializeUploadRequest": asked})
    value = answer["value"]
    try:
        if one.kind == "video":
            parts = [
                [str(p["uploadUrl"]), int(p["firstByte"]), int(p["lastByte"])]
                for p in value["uploadInstructions"]
            ]
        else:
            parts = [[str(value["uploadUrl"]), 0, size - 1]]
        urn = str(value[_NAMES[one.kind]])
        token = str(value.get("uploadToken") or "")
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "value"}) from None
    return {
        "number": number,
        "urn": urn,
        "parts": parts,
        "receipts": [],
        "session": token,
        "finishing": False,
    }


def _send_parts(wire: Wire, one: MediaFile, upload: dict[str, Any]) -> None:
    """Send the parts that have no receipt yet. Each part is read as it leaves, never kept whole."""
    for url, first, last in upload["parts"][len(upload["receipts"]) :]:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(last - first + 1),
        }
        if one.kind != "video" and _theirs(wire, url):
            headers["Authorization"] = wire.headers["Authorization"]
        # The address is LinkedIn's own word: our token goes there only if it is LinkedIn's own house.
        plain = Wire(wire.client, url, {}, wire.secrets)
        answer = plain.put(url, content=_piece(one.path, first, last), headers=headers)
        upload["receipts"].append(answer.headers.get("ETag", "").strip('"'))


def _finish(wire: Wire, upload: dict[str, Any]) -> None:
    """Say that all parts are there. Whoever says it twice is refused, so after a lost answer we look first."""
    if upload["finishing"] and _status(wire, "video", upload["urn"]) not in ("", "WAITING_UPLOAD"):
        return
    upload["finishing"] = True
    asked = {"video": upload["urn"], "uploadToken": upload["session"], "uploadedPartIds": upload["receipts"]}
    wire.post("/rest/videos?action=finalizeUpload", json={"finalizeUploadRequest": asked})


def _digested(wire: Wire, kind: str, urn: str, done: dict[str, Any]) -> bool:
    status = _status(wire, kind, urn)
    if status in ("PROCESSING", "WAITING_UPLOAD"):
        return False
    if status == "PROCESSING_FAILED":
        raise NetworkError(Kind.PERMANENT, "media_refused", params={"message": status})
    done["ready"].append(urn)
    return True


def _status(wire: Wire, kind: str, urn: str) -> str:
    """How far LinkedIn is with a file; ``""`` if the token may not ask, which is no reason not to post."""
    try:
        answer: Answer = wire.get(f"/rest/{_RESOURCES[kind]}/{encoded(urn)}")
    except NetworkError as error:
        if error.status == 403:
            return ""
        if error.status == 404:  # thrown away there: everything is sent anew
            raise NetworkError(
                Kind.WAIT, "preparation_expired", params={"seconds": 0}, so_far=Prepared()
            ) from None
        raise
    return str(answer.get("status", ""))


def _theirs(wire: Wire, url: str) -> bool:
    host, own = httpx.URL(url), httpx.URL(wire.base)
    if (host.scheme, host.netloc) == (own.scheme, own.netloc):
        return True
    return host.scheme == "https" and host.host.endswith((".linkedin.com", ".licdn.com"))


def _piece(path: Path, first: int, last: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(first)
        left = last - first + 1
        while left > 0 and (read := file.read(min(_PIECE, left))):
            left -= len(read)
            yield read
