"""Compiling translations without system tools: ``python -m spilno.kernel.catalogues FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path


def compile_all(folder: Path) -> list[Path]:
    """Write a ``.mo`` beside every ``.po`` below ``folder``; returns what was written. Fuzzy entries are left out."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    written = []
    for source in sorted(folder.rglob("*.po")):
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parent.parent.name)
        target = source.with_suffix(".mo")
        with target.open("wb") as out:
            write_mo(out, catalogue)
        written.append(target)
    return written


if __name__ == "__main__":
    for one in compile_all(Path(sys.argv[1])):
        sys.stdout.write(f"{one}\n")
