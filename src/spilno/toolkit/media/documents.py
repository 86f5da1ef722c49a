"""PDF: how many pages, and what the first one looks like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spilno.toolkit.media.facts import Facts, MediaTrouble

if TYPE_CHECKING:
    from PIL.Image import Image

_PASSWORD = 4  # FPDF_ERR_PASSWORD


def _opened(path: Path) -> Any:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        password = getattr(error, "err_code", None) == _PASSWORD or "assword" in str(error)
        raise MediaTrouble("media_password" if password else "media_broken") from None


def read_document(path: Path) -> Facts:
    """Pages, and the first one's width and height in points.

    :raises MediaTrouble: ``media_password``, ``media_broken``, ``media_zero_length`` (no pages).
    """
    document = _opened(path)
    try:
        if not len(document):
            raise MediaTrouble("media_zero_length")
        width, height = document[0].get_size()
        return Facts(
            mime="application/pdf",
            bytes=path.stat().st_size,
            width=max(1, round(width)),
            height=max(1, round(height)),
            pages=len(document),
        )
    finally:
        document.close()


def first_page(path: Path, side: int) -> Image:
    """The first page on white, at most ``side`` pixels wide and high."""
    document = _opened(path)
    try:
        page = document[0]
        image: Image = page.render(scale=side / max(*page.get_size(), 1)).to_pil().convert("RGB")
        return image
    finally:
        document.close()
