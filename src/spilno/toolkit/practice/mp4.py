"""What a film's file says of itself: how long it lasts, its sides, its pictures a second. Nothing is decoded.

MP4 and QuickTime are boxes in boxes, each with its length before it (ISO/IEC 14496-12), so a few reads tell all,
however long the file is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

MOST_BOXES = 10_000
_INSIDE = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}


class NotAFilm(ValueError):
    """The file is no MP4 and no QuickTime, or it is not whole."""


@dataclass
class Film:
    """Sides in pixels, length in seconds, pictures a second (0: not told)."""

    mime: str
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    fps: float = 0.0


@dataclass
class _Track:
    scale: int = 0
    length: int = 0
    kind: bytes = b""
    samples: int = 0


def probe(path: Path) -> Film:
    """Read what the file says.

    :raises NotAFilm: if it is none.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        film = Film(_mime(file))
        tracks: list[_Track] = []
        try:
            for name, start, end in _boxes(file, 0, size):
                _take(file, film, tracks, name, start, end)
        except struct.error:
            raise NotAFilm("a box is cut off") from None
    for track in tracks:
        if track.kind == b"vide" and track.scale and track.length:
            film.fps = track.samples * track.scale / track.length
    if not film.seconds or not film.width:
        raise NotAFilm("no picture in it")
    return film


def _mime(file: BufferedReader) -> str:
    head = file.read(12)
    if len(head) < 12 or head[4:8] != b"ftyp":
        raise NotAFilm("no film")
    return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"


def _boxes(file: BufferedReader, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Names of boxes, each with where its content begins and ends; boxes of boxes come before what is in them."""
    at = start
    for _ in range(MOST_BOXES):
        if at + 8 > end:
            return
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            head = 16
        elif size == 0:
            size = end - at
        if size < head or at + size > end:
            raise NotAFilm("a box is longer than the file")
        yield name, at + head, at + size
        if name in _INSIDE:
            yield from _boxes(file, at + head, at + size)
        at += size


def _take(file: BufferedReader, film: Film, tracks: list[_Track], name: bytes, start: int, end: int) -> None:
    if name == b"trak":
        tracks.append(_Track())
        return
    if name not in (b"mvhd", b"tkhd", b"mdhd", b"hdlr", b"stts"):
        return
    file.seek(start)
    content = file.read(min(end - start, 1 << 16))
    long = content[:1] == b"\x01"  # version 1 has times of 64 bits
    if name == b"mvhd":
        scale, length = struct.unpack_from(">IQ" if long else ">II", content, 20 if long else 12)
        film.seconds = length / scale if scale else 0.0
    elif name == b"tkhd":
        width, height = struct.unpack_from(">II", content, 88 if long else 76)
        if width and height:  # a track of sound has none
            film.width, film.height = width >> 16, height >> 16
    elif name == b"mdhd" and tracks:
        tracks[-1].scale, tracks[-1].length = struct.unpack_from(
            ">IQ" if long else ">II", content, 20 if long else 12
        )
    elif name == b"hdlr" and tracks:
        tracks[-1].kind = content[8:12]
    elif name == b"stts" and tracks:
        (count,) = struct.unpack_from(">I", content, 4)
        tracks[-1].samples = sum(
            struct.unpack_from(">II", content, 8 + 8 * number)[0] for number in range(min(count, 8000))
        )
