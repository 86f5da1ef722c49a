"""Films for tests: whole enough for whoever reads a file's own description, and as long as one likes."""

from __future__ import annotations

import struct
from decimal import Decimal
from pathlib import Path

from spilno.toolkit.networks.base import MediaFile


def film(
    path: Path,
    *,
    width: int = 1080,
    height: int = 1920,
    seconds: float = 10,
    fps: int = 30,
    size: int = 200_000,
    brand: bytes = b"isom",
    alt: str = "",
) -> MediaFile:
    """Write an MP4 with one track of pictures that are all nought; what is not written takes no room on the disk.

    :param size: of the whole file, in bytes.
    """
    units = int(seconds * 1000)
    many = int(seconds * fps)
    head = _box(b"ftyp", brand + struct.pack(">I", 512) + brand)
    movie = _box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, units) + bytes(80))
    track = _box(b"tkhd", bytes(76) + struct.pack(">II", width << 16, height << 16))
    media = _box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, 1000, units) + bytes(4))
    handler = _box(b"hdlr", bytes(8) + b"vide" + bytes(13))
    times = _box(b"stts", struct.pack(">IIII", 0, 1, many, units // max(1, many)))
    table = _box(b"minf", _box(b"stbl", times))
    moov = _box(b"moov", movie + _box(b"trak", track + _box(b"mdia", media + handler + table)))
    rest = size - len(head) - len(moov)
    assert rest >= 16, "too short for its own head"
    with path.open("wb") as file:
        file.write(head + moov + struct.pack(">I4sQ", 1, b"mdat", rest))
        file.truncate(size)
    mime = "video/quicktime" if brand == b"qt  " else "video/mp4"
    return MediaFile(path, mime, size, width, height, alt, seconds=Decimal(str(seconds)), fps=Decimal(fps))


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content
