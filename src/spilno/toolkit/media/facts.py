"""What is known about a file, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

EXTENSIONS: Mapping[str, str] = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/bmp": "bmp",
    "image/tiff": "tif",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "application/pdf": "pdf",
}
"""How a stored file of a type ends."""


class MediaTrouble(Exception):
    """A file that cannot be taken or converted.

    :param code: stable key of the message shown to people, e.g. ``"media_broken"``.
    :param params: values for the message.
    """

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True)
class Facts:
    """A file as its content says it is, whatever its name.

    ``width`` and ``height`` are pixels as shown: after rotation, and with square pixels. ``seconds`` is exact to the
    microsecond. ``alpha``: some of it is transparent. ``animated``: a picture that moves. ``ready``: a video that can
    be played before all of it is there (its index comes first). ``telling``: says where it was made.
    ``plain``: a video of square pixels, not rotated, 8 bits, 4:2:0 – what every player shows alike.
    """

    mime: str
    bytes: int
    width: int | None = None
    height: int | None = None
    seconds: Decimal | None = None
    fps: Decimal | None = None
    video_codec: str = ""
    audio_codec: str = ""
    pages: int | None = None
    alpha: bool = False
    animated: bool = False
    ready: bool = True
    telling: bool = False
    plain: bool = True

    @property
    def kind(self) -> str:
        """``"image"``, ``"video"`` or ``"file"``."""
        head = self.mime.partition("/")[0]
        return head if head in ("image", "video") else "file"

    @property
    def has_audio(self) -> bool:
        return bool(self.audio_codec)

    @property
    def extension(self) -> str:
        return EXTENSIONS.get(self.mime, "bin")

    def as_json(self) -> dict[str, Any]:
        """What differs from the defaults; decimals as text."""
        found = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if value != one.default:
                found[one.name] = str(value) if isinstance(value, Decimal) else value
        return found

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Facts:
        """Undo :meth:`as_json`; names that this version does not know are passed over."""
        values = {one.name: said[one.name] for one in fields(cls) if one.name in said}
        for name in ("seconds", "fps"):
            if values.get(name) is not None:
                values[name] = Decimal(values[name])
        return cls(**values)
