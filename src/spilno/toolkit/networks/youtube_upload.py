"""Handing a video to YouTube in pieces, and going on where it broke off (Google's resumable uploads).

Source: developers.google.com/youtube/v3/guides/using_resumable_upload_protocol.

The address of an upload lets whoever has it hand over the rest of this one video, until it is whole or a week has
passed. So it is kept only as long as the upload lasts, and under a key that is hidden wherever secrets are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx

from spilno.toolkit.networks.base import Kind, MediaFile, NetworkError, Prepared
from spilno.toolkit.networks.http import Answer, Wire

PATH = "/upload/youtube/v3/videos"
THUMBNAIL = "/upload/youtube/v3/thumbnails/set"
UNIT = 256 * 1024
PIECE = 64 * UNIT
"""Bytes in one request: a multiple of :data:`UNIT`, as the protocol wants for all but the last."""
READ = 64 * 1024
ANEW = 60
"""Seconds before an upload begins anew: each one counts against the day's hundred."""
GOES_ON = 308


def begin(wire: Wire, video: MediaFile, size: int, resource: dict[str, Any]) -> str:
    """Announce a video; returns the upload's own address.

    :param resource: ``snippet`` and ``status`` of the video.
    """
    answer = wire.post(
        PATH,
        params={"uploadType": "resumable", "part": "snippet,status"},
        json=resource,
        headers={"X-Upload-Content-Length": str(size), "X-Upload-Content-Type": video.mime},
    )
    given = answer.headers.get("Location", "")
    if not _same_server(given, wire.base):
        raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "Location"})
    return given


def _same_server(given: str, base: str) -> bool:
    """May the token go along to that address? Only to the server that we speak to, or another one of Google's."""
    try:
        there, here = httpx.URL(given), httpx.URL(base)
    except httpx.InvalidURL:
        return False
    google = ".googleapis.com"
    if here.host.endswith(google) and there.host.endswith(google):
        return there.scheme == "https" and there.port is None
    return (there.scheme, there.host, there.port) == (here.scheme, here.host, here.port)


def send(wire: Wire, address: str, video: MediaFile, size: int) -> dict[str, Any]:
    """Hand over what the server has not got yet; returns the video's resource.

    The server is asked first how far it came, so what has arrived is not sent again, and an upload whose last answer
    got lost is simply done.

    :raises NetworkError: ``preparation_expired`` with an empty ``so_far`` if the server has forgotten the upload.
    """
    answer = _put(wire, address, {"Content-Range": f"bytes */{size}"}, b"")
    while answer.status == GOES_ON:
        start = _arrived(answer)
        if start >= size:  # it has everything and more: the file is not the one that was announced
            raise void()
        end = min(start + PIECE, size)
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Type": video.mime}
        answer = _put(wire, address, headers, _piece(video, start, end), length=end - start)
        if answer.status == GOES_ON and _arrived(answer) <= start:
            raise NetworkError(Kind.UNCERTAIN, "unexpected_answer", params={"field": "Range"})
    answer["id"]
    return dict(answer.data)


def thumbnail(wire: Wire, video: str, picture: MediaFile) -> None:
    """Give a video its picture; doing it again is the same."""
    wire.post(
        THUMBNAIL,
        params={"videoId": video, "uploadType": "media"},
        content=_piece(picture, 0, _size(picture)),
        headers={"Content-Type": picture.mime, "Content-Length": str(_size(picture))},
    )


def void(seconds: int = ANEW) -> NetworkError:
    """What was prepared is gone: it has to be made anew."""
    return NetworkError(Kind.WAIT, "preparation_expired", params={"seconds": seconds}, so_far=Prepared())


def size_of(video: MediaFile) -> int:
    """Bytes of the file as it lies there now.

    :raises NetworkError: ``media_unreadable``.
    """
    return _size(video)


def _size(file: MediaFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:
        raise NetworkError(Kind.PERMANENT, "media_unreadable") from None


def _put(
    wire: Wire, address: str, headers: dict[str, str], content: bytes | Iterator[bytes], length: int = 0
) -> Answer:
    try:
        return wire.call(
            "PUT",
            address,
            also=(GOES_ON,),
            content=content,
            headers={**headers, "Content-Length": str(length)},
        )
    except NetworkError as error:
        if error.status not in (404, 410):
            raise
    raise void()


def _arrived(answer: Answer) -> int:
    """How many bytes the server has: ``Range: bytes=0-99`` is a hundred; without the header it has none."""
    read = re.fullmatch(r"bytes=0-(\d{1,15})", answer.headers.get("Range", "").strip(), re.ASCII)
    return int(read[1]) + 1 if read else 0


def _piece(file: MediaFile, start: int, end: int) -> Iterator[bytes]:
    with file.path.open("rb") as opened:
        opened.seek(start)
        left = end - start
        while left > 0 and (read := opened.read(min(READ, left))):
            left -= len(read)
            yield read
