"""Every text of the interface exists in Ukrainian and Russian: ``python -m tests.translations [--update]``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "spilno"
TRANSLATED = ("uk", "ru")  # English stands in the source
# Beside "_" modules call their second translator "__" or "_T" (one of the two is lazy): all are texts.
_MAKE = (
    "from django.core.management import execute_from_command_line as run; "
    "from django.core.management.commands.makemessages import Command; "
    "Command.xgettext_options = [*Command.xgettext_options, '--keyword=__', '--keyword=_T']; "
    "run()"
)
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%[sd]|\{(\w*)\}")


def collect(folder: Path) -> None:
    """Bring the catalogues below ``folder`` up to date with the sources there (Django's makemessages)."""
    subprocess.run(
        [
            sys.executable, "-c", _MAKE, "makemessages", "--no-location", "--no-wrap", "--no-obsolete",
            *(part for language in TRANSLATED for part in ("-l", language)),
            "--ignore", "static/*", "--ignore", "data/*",
        ],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
        check=True,
        capture_output=True,
        text=True,
    )  # fmt: skip


def load(folder: Path, language: str) -> Catalog:
    path = folder / "locale" / language / "LC_MESSAGES" / "django.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


def _placeholders(text: str) -> set[str]:
    return {match.group(0) for match in _PLACEHOLDER.finditer(text)}


def trouble_of(message: Message) -> str:
    """What is wrong with one entry, or ``""``."""
    strings = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    ids = message.id if isinstance(message.id, (list, tuple)) else [message.id]
    if message.fuzzy:
        return "fuzzy"
    if not all(strings):
        return "not translated"
    wanted = set().union(*(_placeholders(one) for one in ids))
    if message.python_format:
        for one in strings:
            found = _placeholders(one or "")
            if found - wanted or (len(strings) == 1 and wanted - found):
                return f"placeholders {sorted(found ^ wanted)}"
    return ""


def problems() -> list[str]:
    """One line for every text of the sources that is not translated well, and for texts that are gone."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "spilno"
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("*.mo", "build", "__pycache__"))
        for language in TRANSLATED:
            (copy / "locale" / language / "LC_MESSAGES").mkdir(parents=True, exist_ok=True)
        collect(copy)
        lines = []
        for language in TRANSLATED:
            try:
                kept = {(one.id, one.context) for one in load(PACKAGE, language) if one.id}
            except FileNotFoundError:
                kept = set()
            for message in load(copy, language):
                if not message.id:
                    continue
                what = trouble_of(message) or (
                    "" if (message.id, message.context) in kept else "not collected"
                )
                if what:
                    lines.append(f"{language}: {what}: {message.id!r}")
        return lines


def main() -> int:
    if "--update" in sys.argv:
        for language in TRANSLATED:
            (PACKAGE / "locale" / language / "LC_MESSAGES").mkdir(parents=True, exist_ok=True)
        collect(PACKAGE)
    found = problems()
    for line in found:
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"{len(found)} texts to mend\n" if found else "All texts are translated.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
