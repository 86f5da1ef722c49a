"""The fonts of PDF reports: the interface's own, as files that typst and vl-convert can read.

The front end's packages ship Onest as web fonts (WOFF2), one variable font per script. Typst wants static TTF or
OTF files with everything in one. ``python -m spilno.reports.fonts`` (part of ``make``) makes them out of
``node_modules``; nothing is downloaded and nothing made is committed. Both fonts are under the SIL Open Font
License, whose text is put beside them.

Reports must never fail for want of a font: without these files typst falls back to what it or the system has.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "typst" / "fonts"
FAMILY = "Onest"
EMOJI_FAMILY = "Noto Emoji"
WEIGHTS = {400: "Regular", 500: "Medium", 600: "SemiBold", 700: "Bold"}
ONEST = "@fontsource-variable/onest"
EMOJI = "@fontsource/noto-emoji"
SUBSETS = ("latin", "latin-ext", "cyrillic", "cyrillic-ext", "symbols", "math")


class FontsMissing(Exception):
    """The web fonts are not where they should be; the message says what to do."""


def find_modules() -> Path | None:
    """The nearest ``node_modules`` with the font, from here upwards; ``None`` if there is none."""
    for parent in Path(__file__).resolve().parents:
        if (parent / "node_modules" / ONEST / "files").is_dir():
            return parent / "node_modules"
    return None


def build(*, modules: Path | None = None, folder: Path = FOLDER) -> list[Path]:
    """Make the TTF files; returns their paths. Raises :class:`FontsMissing` without the web fonts."""
    modules = modules or find_modules()
    if modules is None or not (modules / ONEST / "files").is_dir():
        raise FontsMissing(f"{ONEST} is not in node_modules: run `npm ci` first")
    folder.mkdir(parents=True, exist_ok=True)
    made = [_onest(modules / ONEST, folder, weight) for weight in WEIGHTS]
    shutil.copyfile(modules / ONEST / "LICENSE", folder / "Onest-OFL.txt")
    emoji = modules / EMOJI / "files" / "noto-emoji-emoji-400-normal.woff2"
    if emoji.is_file():
        made.append(_plain(emoji, folder / "NotoEmoji-Regular.ttf"))
        shutil.copyfile(modules / EMOJI / "LICENSE", folder / "NotoEmoji-OFL.txt")
    return made


@cache
def ensure() -> Path | None:
    """The folder with the fonts, made now if they can be; ``None`` if only the fallback is left."""
    if not all((FOLDER / f"Onest-{name}.ttf").is_file() for name in WEIGHTS.values()):
        try:
            build()
        except (FontsMissing, OSError, ImportError) as error:
            log.warning("Reports use a substitute font: %s", error)
            return None
    return FOLDER


@cache
def covered() -> frozenset[int]:
    """Code points that the report's fonts can draw; empty if there are none of our fonts."""
    from fontTools.ttLib import TTFont

    folder = ensure()
    if folder is None:
        return frozenset()
    points: set[int] = set()
    for path in (folder / "Onest-Regular.ttf", folder / "NotoEmoji-Regular.ttf"):
        if path.is_file():
            with TTFont(path, lazy=True) as font:
                points |= set(font.getBestCmap())
    return frozenset(points)


def _onest(package: Path, folder: Path, weight: int) -> Path:
    """One weight of all scripts together, as a static font."""
    from fontTools.merge import Merger
    from fontTools.ttLib import TTFont
    from fontTools.varLib import instancer

    # The merger reads from files, not from memory.
    with tempfile.TemporaryDirectory() as room:
        parts = []
        for subset in SUBSETS:
            source = package / "files" / f"onest-{subset}-wght-normal.woff2"
            if not source.is_file():
                continue
            font = instancer.instantiateVariableFont(TTFont(source), {"wght": weight}, inplace=True)
            font.flavor = None
            part = Path(room) / f"{subset}.ttf"
            font.save(part)
            parts.append(str(part))
        merged = Merger().merge(parts)
    _name(merged, weight)
    return _save(merged, folder / f"Onest-{WEIGHTS[weight]}.ttf")


def _plain(source: Path, target: Path) -> Path:
    from fontTools.ttLib import TTFont

    font = TTFont(source)
    font.flavor = None
    return _save(font, target)


def _save(font: object, target: Path) -> Path:
    """Whole or not at all: a report may be reading the folder meanwhile."""
    handle, name = tempfile.mkstemp(dir=target.parent, suffix=".part")
    os.close(handle)
    font.save(name)  # type: ignore[attr-defined]
    os.chmod(name, 0o644)
    os.replace(name, target)
    return target


def _name(font: object, weight: int) -> None:
    """Names by which font choosers tell the weights apart."""
    names = font["name"]  # type: ignore[index]
    style = WEIGHTS[weight]
    for record in list(names.names):
        if record.nameID in (1, 2, 4, 6, 16, 17, 21, 22, 25):
            names.removeNames(nameID=record.nameID)
    regular = weight == 400
    names.setName(FAMILY if regular else f"{FAMILY} {style}", 1, 3, 1, 0x409)
    names.setName("Regular", 2, 3, 1, 0x409)
    names.setName(f"{FAMILY} {style}", 4, 3, 1, 0x409)
    names.setName(f"{FAMILY}-{style}", 6, 3, 1, 0x409)
    names.setName(FAMILY, 16, 3, 1, 0x409)
    names.setName(style, 17, 3, 1, 0x409)
    font["OS/2"].usWeightClass = weight  # type: ignore[index]


def main(arguments: list[str] | None = None) -> int:
    """``python -m spilno.reports.fonts``: 0 if the fonts are there, 2 with one line if not."""
    parser = argparse.ArgumentParser(prog="python -m spilno.reports.fonts", description=__doc__)
    parser.add_argument("--modules", type=Path, help="the node_modules folder; by default the nearest one")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to put the files")
    options = parser.parse_args(arguments)
    try:
        made = build(modules=options.modules, folder=options.folder)
    except (FontsMissing, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(made)} fonts in {options.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
