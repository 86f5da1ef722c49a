"""Media of the Graph networks: fetched from where they are said to be, sent to us, and looked at. Never in memory."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from spilno.toolkit.practice.graph import GraphError
from spilno.toolkit.practice.mp4 import Film, NotAFilm, probe
from spilno.toolkit.practice.state import State
from spilno.toolkit.practice.uploads import TooLarge, spool

MOST_PICTURE = 8 * 1024 * 1024
NARROWEST = 320
RATIO_LOW, RATIO_HIGH = 0.8, 1.91
RATIO_SLACK = 0.01


@cache
def _trust() -> ssl.SSLContext:
    """Made once: reading all certificates takes longer than fetching a picture."""
    return ssl.create_default_context()


@contextmanager
def fetched(state: State, address: str, most: int) -> Iterator[Path]:
    """The file at the address, as Instagram fetches it ("we cURL media"), in our folder until the end of the block.

    :param most: bytes that are taken.
    :raises GraphError: if nothing can be fetched there, or too much.
    """
    refused = GraphError(
        "Only photo or video can be accepted as media type.",
        9004,
        subcode=2207052,
        user=f"The media could not be fetched from this URI: {address}",
    )
    if not address.startswith(("http://", "https://")):
        raise refused
    state.folder.mkdir(parents=True, exist_ok=True)
    path = state.folder / f"fetched-{uuid.uuid4().hex}"
    try:
        size = 0
        try:
            with (
                path.open("wb") as file,
                httpx.stream("GET", address, timeout=15, follow_redirects=True, verify=_trust()) as response,
            ):
                if response.status_code != 200:
                    raise refused
                for part in response.iter_bytes():
                    size += file.write(part)
                    if size > most:
                        raise GraphError(
                            "The image is too large to download.",
                            36000,
                            subcode=2207004,
                            user=f"The file is too large to download. It should be less than {most >> 20} MiB.",
                        )
        except httpx.HTTPError:
            raise refused from None
        yield path
    finally:
        path.unlink(missing_ok=True)


# ------------------------------------------------------------------------------------------------ looking at


def examine_picture(path: Path, *, any_shape: bool = False) -> None:
    """Is it a picture that Instagram takes?

    :raises GraphError: if it is too small, no JPEG, or of another shape than 4:5 to 1.91:1.
    """
    try:
        with Image.open(path) as image:
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
    if not any_shape and not RATIO_LOW - RATIO_SLACK <= width / height <= RATIO_HIGH + RATIO_SLACK:
        raise GraphError(
            "The aspect ratio is not supported.",
            36003,
            subcode=2207009,
            user="The submitted image's aspect ratio must be within a 4:5 to 1.91:1 range.",
        )


@dataclass(frozen=True)
class Wanted:
    """What a film has to be. Sides as width to height."""

    seconds: tuple[float, float]
    ratio: tuple[float, float] = (0.01, 10)
    smallest: tuple[int, int] = (1, 1)
    most: int = 2_000_000_000
    fps: tuple[float, float] = (0, 1000)

    def refusal(self, path: Path) -> tuple[Film | None, str]:
        """The film, and what is wrong with it (``""``: nothing)."""
        try:
            film = probe(path)
        except NotAFilm:
            return None, "The video format is not supported. Please use MP4 or MOV."
        low, high = self.seconds
        if not low <= film.seconds <= high + 0.05:
            return film, f"The video lasts {film.seconds:.1f} s; {low:g} to {high:g} seconds are accepted."
        low, high = self.ratio
        if not low - RATIO_SLACK <= film.width / max(1, film.height) <= high + RATIO_SLACK:
            return film, f"The aspect ratio is not supported: {film.width} x {film.height}."
        if film.width < self.smallest[0] or film.height < self.smallest[1]:
            return film, f"The video is too small: at least {self.smallest[0]} x {self.smallest[1]} pixels."
        if path.stat().st_size > self.most:
            return film, "The video is too large."
        if film.fps and not self.fps[0] - 0.5 <= film.fps <= self.fps[1] + 0.5:
            return film, f"The frame rate is not supported: {film.fps:.0f}."
        return film, ""


def keep_film(state: State, path: Path, film: Film) -> dict[str, Any]:
    """Move a film into what is shown."""
    return state.keep_file(path, film.mime, film.width, film.height, seconds=film.seconds)


# ------------------------------------------------------------------------------------------------ sent to us


def upload_path(state: State, number: str) -> Path:
    """Where an upload's file grows."""
    return state.folder / f"upload-{number}"


def _refused(status: int, kind: str, message: str, *, retriable: bool = False) -> JSONResponse:
    return JSONResponse({"debug_info": {"retriable": retriable, "type": kind, "message": message}}, status)


def _may(owner: dict[str, Any] | None, login: dict[str, Any] | None, token: str) -> bool:
    """Does the token open the upload's account?"""
    if owner is None or owner["revoked"]:
        return False
    return owner["token"] == token or (login is not None and owner["id"] in login["accounts"])


async def take_upload(request: Request, state: State, kind: str, finished: Any) -> Response:
    """One request to the host for uploads: ``offset`` and ``file_size`` in headers, the file's rest as the body.

    :param kind: ``videos`` or ``containers``: whose upload it is.
    :param finished: called with the upload when all of the file is there.
    """
    number = request.path_params["number"]
    token = request.headers.get("authorization", "").removeprefix("OAuth ").strip()
    with state.reading() as data:
        upload = data[kind].get(number)
        owner = None if upload is None else data["accounts"].get(upload["account"])
        login = data["logins"].get(token)
    if upload is None or not _may(owner, login, token):
        return _refused(400, "NotAuthorizedError", "User not authorized to perform this request")
    try:
        offset, size = int(request.headers.get("offset", "")), int(request.headers.get("file_size", ""))
    except ValueError:
        return _refused(400, "HeaderError", "The headers offset and file_size must be numbers")
    if offset != upload["arrived"] or not 0 <= offset < size:
        said = f"Request starting offset is invalid: {upload['arrived']} bytes have arrived"
        return _refused(400, "OffsetInvalidError", said)
    try:
        arrived = await spool(request, upload_path(state, number), offset=offset, most=size - offset)
    except TooLarge:
        return _refused(400, "PartialRequestError", "More bytes than file_size")
    with state.changing():
        upload["arrived"] = offset + arrived.bytes
        upload["size"] = size
    if upload["arrived"] == size:
        finished(state, upload)
    elif arrived.whole:
        return _refused(
            400, "PartialRequestError", "Partial request (did not match length of file)", retriable=True
        )
    return JSONResponse({"success": True, "message": "Upload successful."})
