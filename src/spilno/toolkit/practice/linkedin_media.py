"""Images, documents and videos: begun, sent to a signed address (a video in parts), finished, digested.

Bodies are written to disk as they come. Source: learn.microsoft.com/en-us/linkedin/marketing/community-management/
shares/images-api, …/documents-api, …/videos-api.
"""

from __future__ import annotations

import hashlib
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spilno.toolkit.practice.linkedin import PREFIX, Call, RestError, kept, millis, missing
from spilno.toolkit.practice.state import State
from spilno.toolkit.practice.uploads import TooLarge, digest, spool

PART = 4 << 20
MOST = {"image": 36 << 20, "document": 100_000_000, "video": 500_000_000}
LEAST_VIDEO = 75_000
OPEN_FOR = timedelta(hours=24)
KINDS = {"images": "image", "documents": "document", "videos": "video"}
HEADS = {"image": "C4E10", "document": "C4D1F", "video": "C5F10"}


def handle(call: Call) -> Response | dict[str, Any]:
    """``/rest/images``, ``/rest/documents``, ``/rest/videos``."""
    kind = KINDS[call.parts[0]]
    match (call.method, call.query.get("action", ""), *call.parts[1:]):
        case ("POST", "initializeUpload"):
            return _begin(call, kind)
        case ("POST", "finalizeUpload") if kind == "video":
            return _finish(call)
        case ("GET", _, urn):
            return _told(call, kind, urn)
    raise RestError(400, "ILLEGAL_ARGUMENT", "Unsupported request")


def _begin(call: Call, kind: str) -> dict[str, Any]:
    asked = call.body.get("initializeUploadRequest") or {}
    owner = str(asked.get("owner", ""))
    call.author(owner)
    size = asked.get("fileSizeBytes") if kind == "video" else 0
    if kind == "video" and (not isinstance(size, int) or not LEAST_VIDEO <= size <= MOST["video"]):
        raise RestError(400, "INVALID_VALUE_FOR_FIELD", "A video has 75 KB to 500 MB", field="fileSizeBytes")
    now = call.state.clock()
    until = now + OPEN_FOR
    with call.state.changing() as data:
        number = call.state.new_id(data, HEADS[kind])
        urn = f"urn:li:{kind}:{number}"
        edges = (
            [(at, min(at + PART, int(size)) - 1) for at in range(0, int(size), PART)] if size else [(0, None)]
        )
        asset = {
            "urn": urn, "kind": kind, "owner": owner, "status": "WAITING_UPLOAD", "until": until.isoformat(),
            "token": hashlib.sha256(number.encode()).hexdigest()[:12] if kind == "video" else "",
            "parts": [{"first": first, "last": last, "receipt": ""} for first, last in edges], "file": "", "polls": 0,
        }  # fmt: skip
        kept(call.state)["assets"][urn] = asset
    address = f"{call.base}{PREFIX}/dms-uploads/{number}"
    urls = [
        f"{address}/{place}?ep={millis(until.isoformat())}&sau={_seal(urn, place)}"
        for place in range(len(edges))
    ]
    if kind != "video":
        return {"value": {"uploadUrlExpiresAt": millis(until.isoformat()), "uploadUrl": urls[0], kind: urn}}
    instructions = [
        {"uploadUrl": url, "firstByte": first, "lastByte": last}
        for url, (first, last) in zip(urls, edges, strict=True)
    ]
    return {
        "value": {
            "uploadUrlsExpireAt": millis(until.isoformat()),
            "video": urn,
            "uploadInstructions": instructions,
            "uploadToken": asset["token"],
        }
    }


def _seal(urn: str, place: int) -> str:
    return hashlib.sha256(f"{urn}/{place}".encode()).hexdigest()[:24]


def routes(state: State) -> list[Route]:
    """Where files are sent to."""

    async def upload(request: Request) -> Response:
        number, place = request.path_params["asset"], int(request.path_params["part"])
        with state.reading():
            assets = kept(state)["assets"]
            asset = next((one for urn, one in assets.items() if urn.endswith(f":{number}")), None)
        if asset is None or place >= len(asset["parts"]):
            return Response(status_code=404)
        if request.query_params.get("sau") != _seal(asset["urn"], place):
            return Response(status_code=403)
        if datetime.fromisoformat(asset["until"]) <= state.clock():
            return Response(status_code=403)
        if asset["status"] != "WAITING_UPLOAD":
            return Response(status_code=400)
        part = asset["parts"][place]
        expected = None if part["last"] is None else part["last"] - part["first"] + 1
        path = state.folder / f"up-{number}-{place}"
        try:
            arrived = await spool(request, path, most=expected or MOST[asset["kind"]])
        except TooLarge:
            path.unlink(missing_ok=True)
            return Response(status_code=413)
        if not arrived.whole or (expected is not None and arrived.bytes != expected):
            path.unlink(missing_ok=True)
            return Response(status_code=400)
        receipt = f"/ambry-video/signedId/{(await run_in_threadpool(digest, path))[:40]}.bin"
        with state.changing():
            part["receipt"] = receipt
        if asset["kind"] != "video":
            await run_in_threadpool(_take, state, asset, path)
        return Response(status_code=201, headers={"ETag": receipt})

    return [Route(PREFIX + "/dms-uploads/{asset:str}/{part:int}", upload, methods=["PUT", "POST"])]


def _finish(call: Call) -> Response:
    asked = call.body.get("finalizeUploadRequest") or {}
    urn = str(asked.get("video", ""))
    asset = kept(call.state)["assets"].get(urn)
    if asset is None or asset["kind"] != "video":
        raise missing(urn)
    call.author(asset["owner"])
    if asset["status"] != "WAITING_UPLOAD":
        raise RestError(400, "INVALID_VALUE_FOR_FIELD", "The upload is finished already", field="video")
    receipts = [part["receipt"] for part in asset["parts"]]
    if (
        asked.get("uploadToken") != asset["token"]
        or asked.get("uploadedPartIds") != receipts
        or "" in receipts
    ):
        raise RestError(
            400, "INVALID_VALUE_FOR_FIELD", "Parts are missing or not in order", field="uploadedPartIds"
        )
    number = urn.rpartition(":")[2]
    whole = call.state.folder / f"up-{number}"
    with whole.open("wb") as file:
        for place in range(len(receipts)):
            part = call.state.folder / f"up-{number}-{place}"
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, file, 1 << 20)
            part.unlink()
    _take(call.state, asset, whole)
    return Response(status_code=200)


def _take(state: State, asset: dict[str, Any], path: Path) -> None:
    """Keep what was sent, if it is what it should be; digesting takes as many looks as the settings say."""
    mime, wide, high = _kind(asset["kind"], path)
    with state.changing() as data:
        if not mime:
            path.unlink()
            asset["status"] = "PROCESSING_FAILED"
            return
        asset["file"] = state.keep_file(path, mime, wide, high)["id"]
        asset["polls"] = int(data.get("processing_polls", 0))
        asset["status"] = "PROCESSING" if asset["polls"] else "AVAILABLE"


def _kind(kind: str, path: Path) -> tuple[str, int, int]:
    """What the file is, from its own bytes; ``""`` if LinkedIn would not take it."""
    with path.open("rb") as file:
        head = file.read(12)
    if kind == "document":
        return ("application/pdf", 0, 0) if head.startswith(b"%PDF-") else ("", 0, 0)
    if kind == "video":
        return ("video/mp4", 0, 0) if head[4:8] == b"ftyp" else ("", 0, 0)
    try:
        with Image.open(path) as image:
            mime = Image.MIME.get(image.format or "", "")
            return (
                mime if mime in ("image/jpeg", "image/png", "image/gif") else "",
                image.width,
                image.height,
            )
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return ("", 0, 0)


def _told(call: Call, kind: str, urn: str) -> dict[str, Any]:
    asset = kept(call.state)["assets"].get(urn)
    if asset is None or asset["kind"] != kind:
        raise missing(urn)
    call.author(asset["owner"])
    answer = {"id": urn, "owner": asset["owner"], "status": asset["status"]}
    if asset["status"] == "PROCESSING":
        with call.state.changing():
            asset["polls"] -= 1
            if asset["polls"] <= 0:
                asset["status"] = "AVAILABLE"
    if asset["status"] == "AVAILABLE" and answer["status"] == "AVAILABLE":
        answer |= {
            "downloadUrl": f"{call.base}/pictures/{asset['file']}",
            "downloadUrlExpiresAt": millis((call.state.clock() + OPEN_FOR).isoformat()),
        }
    return answer
