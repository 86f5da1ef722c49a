"""Large request bodies, taken as they come: a video of any size needs no more memory than one piece of it.

The server beneath reads from the socket only as fast as pieces are taken here, tells a waiting client
``100 Continue`` when the first one is asked for, and takes bodies with a length as well as chunked ones.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request

PIECE = 1 << 20
"""Bytes read at a time where we are who decides it."""


class TooLarge(Exception):
    """More arrived than was to be taken. What fitted is in the file."""


@dataclass(frozen=True)
class Arrived:
    """What arrived of one body. ``whole``: the client said everything that it had to say."""

    bytes: int
    whole: bool


async def spool(request: Request, into: Path, *, offset: int = 0, most: int | None = None) -> Arrived:
    """Write a request's raw body into a file, piece by piece.

    A client that goes away in the middle leaves what arrived until then, and an answer with ``whole`` false: upload
    protocols let it go on from there.

    :param offset: where in the file the body begins; what stood behind it is cut off.
    :param most: bytes of this body that are taken at most.
    :raises TooLarge: for more. The rest of the body is not read.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    into.touch()
    arrived = 0
    with into.open("r+b") as file:
        file.truncate(offset)
        file.seek(offset)
        try:
            async for piece in request.stream():
                fits = piece if most is None else piece[: most - arrived]
                file.write(fits)
                arrived += len(fits)
                if len(fits) < len(piece):
                    raise TooLarge
        except ClientDisconnect:
            return Arrived(arrived, whole=False)
    return Arrived(arrived, whole=True)


async def spool_part(part: UploadFile, into: Path) -> Arrived:
    """Write one file of a form into a file of ours; the form's own parser keeps it on disk until then."""
    into.parent.mkdir(parents=True, exist_ok=True)
    arrived = 0
    with into.open("wb") as file:
        while piece := await part.read(PIECE):
            arrived += file.write(piece)
    return Arrived(arrived, whole=True)


def digest(path: Path) -> str:
    """SHA-256 of a file of any size, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
