"""What is this file? Its content is asked, never its name.

:raises MediaTrouble: ``media_empty``, ``media_unknown_type``, ``media_broken``, ``media_too_many_pixels``,
    ``media_no_video`` (sound alone), ``media_zero_length``, ``media_unknown_codec`` (``codec``),
    ``media_password``.
"""

from __future__ import annotations

from pathlib import Path

from spilno.toolkit.media.facts import Facts, MediaTrouble

_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_ISO_PICTURES = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_HEAD = 1024  # a PDF may begin with so much that is none


def family(path: Path) -> str:
    """``"image"``, ``"video"``, ``"pdf"`` or ``""``, from the first bytes alone."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise MediaTrouble("media_empty")
    if head[4:8] == b"ftyp" and head[8:12] in _ISO_PICTURES:
        return "image"
    if head[4:8] in _ISO_BOXES or head.startswith(b"\x1aE\xdf\xa3"):
        return "video"
    if b"%PDF-" in head:
        return "pdf"
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")) or (
        head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    ):
        return "image"
    return ""


def read(path: Path) -> Facts:
    """Look at a file as far as is needed to say that it is whole."""
    kind = family(path)
    if kind == "image":
        from spilno.toolkit.media.pictures import read_picture

        return read_picture(path)
    if kind == "video":
        from spilno.toolkit.media.video import read_video

        return read_video(path)
    if kind == "pdf":
        from spilno.toolkit.media.documents import read_document

        return read_document(path)
    raise MediaTrouble("media_unknown_type")


def poster(path: Path, facts: Facts, into: Path, side: int) -> None:
    """A small still picture of the file (WebP, at most ``side`` pixels wide and high): the picture itself, a frame of
    the video, the first page.
    """
    if facts.kind == "image":
        from spilno.toolkit.media.pictures import opened

        with opened(path) as image:
            image.draft("RGB", (side, side))  # JPEG: decode at a fraction of the size
            small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif facts.kind == "video":
        from spilno.toolkit.media.video import still

        small = still(path, facts)
    else:
        from spilno.toolkit.media.documents import first_page

        small = first_page(path, side)
    small.thumbnail((side, side))
    small.save(into, "WEBP", quality=82)
