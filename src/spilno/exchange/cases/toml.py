"""case.toml: reading tables and keys, each with the line it stands in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from spilno.exchange.cases.problems import Problems
from spilno.exchange.cases.tables import LONGEST_TEXT, in_utc
from spilno.kernel.texts import LANGUAGES

FILE = "case.toml"

_HEAD = re.compile(r"\s*(\[{1,2})\s*([\w.\s\"'-]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+|\"[^\"]*\")\s*(?:=|\.)")
_KEY_WORD = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")

_TYPES: Sequence[tuple[type | tuple[type, ...], str]] = (
    (bool, "true or false"),
    (str, "a text"),
    ((int, Decimal), "a number"),
    (datetime, "a time"),
    (date, "a day"),
    (list, "a list"),
    (dict, "a table"),
)


def read(folder: Path, problems: Problems) -> Block | None:
    """The whole file, or ``None`` with the problem noted."""
    try:
        content = (folder / FILE).read_bytes()
    except FileNotFoundError:
        problems.add(FILE, 0, "", "file_missing" if folder.is_dir() else "folder_missing")
        return None
    except OSError as error:
        problems.add(FILE, 0, "", "file_unreadable", reason=error.strerror or str(error))
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(FILE, content[: error.start].count(b"\n") + 1, "", "not_utf8")
        return None
    # TOML knows no lone carriage returns; what an old editor wrote is still readable.
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = _PLACE.search(str(error))
        reason = _PLACE.sub("", str(error)).strip()
        problems.add(
            FILE, int(place[1]) if place else 0, f"{place[2]}" if place else "", "not_toml", reason=reason
        )
        return None
    return Block(data, "", problems, _lines(text))


def _lines(text: str) -> dict[str, int]:
    """Path of each table and key → its line. Only for messages: what it misses falls back to the table's line."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if head := _HEAD.match(line):
            table = ".".join(part.strip().strip("\"'") for part in head[2].split("."))
            if head[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}[{counts[table]}]"
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            name = key[1].strip('"')
            found.setdefault(f"{table}.{name}" if table else name, number)
    return found


class Block:
    """A table of the file. What is taken is checked; what is left over at the end is unknown."""

    def __init__(self, data: Mapping[str, Any], path: str, problems: Problems, lines: dict[str, int]) -> None:
        self.data = data
        self.path = path
        self.problems = problems
        self.lines = lines
        self.taken: set[str] = set()

    def where(self, key: str = "") -> str:
        """The key's path: ``brief.targets[2].metric`` (people count from one)."""
        path = f"{self.path}.{key}" if self.path and key else self.path or key
        return re.sub(r"\[(\d+)\]", lambda index: f"[{int(index[1]) + 1}]", path)

    def line(self, key: str = "") -> int:
        """The line of the key, else of the nearest table around it; 0 if there is none."""
        path = f"{self.path}.{key}" if self.path and key else self.path or key
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path.rpartition(".")[0]
        return 0

    def problem(self, key: str, code: str, **params: Any) -> None:
        """Note a problem of a key."""
        self.problems.add(FILE, self.line(key), self.where(key), code, **params)

    def end(self) -> None:
        """Name whatever nobody asked for."""
        for key in self.data:
            if key not in self.taken:
                self.problem(key, "unknown_key", known=", ".join(sorted(self.taken)))

    def take(self, key: str, wanted: type | tuple[type, ...], *, required: bool = False) -> Any:
        """The value if it is of the type, else ``None`` with the problem noted."""
        self.taken.add(key)
        value = self.data.get(key)
        if value is None:
            if required:
                self.problem(key, "required")
            return None
        # In Python a bool is an int and a time is a day; in a case file they are not.
        mixed = (isinstance(value, bool) and wanted is not bool) or (
            isinstance(value, datetime) and wanted is date
        )
        if mixed or not isinstance(value, wanted):
            names = dict(_TYPES)
            found = next((name for kind, name in _TYPES if isinstance(value, kind)), "something else")
            self.problem(key, "wrong_type", wanted=names.get(wanted, "another value"), found=found)
            return None
        return value

    def block(self, key: str, *, required: bool = False) -> Block | None:
        """A table inside this one."""
        value = self.take(key, dict, required=required)
        if value is None:
            return None
        return Block(value, f"{self.path}.{key}" if self.path else key, self.problems, self.lines)

    def blocks(self, key: str) -> list[Block]:
        """A list of tables: ``[[key]]``."""
        value = self.take(key, list) or []
        path = f"{self.path}.{key}" if self.path else key
        made = []
        for number, one in enumerate(value):
            if isinstance(one, dict):
                made.append(Block(one, f"{path}[{number}]", self.problems, self.lines))
            else:
                self.problem(key, "wrong_type", wanted="a table", found="something else")
        return made

    def text(self, key: str, *, required: bool = False, limit: int = LONGEST_TEXT, default: str = "") -> str:
        value = self.take(key, str, required=required)
        if value is None:
            return default
        value = value.strip()
        if not value and required:
            self.problem(key, "required")
        if len(value) > limit:
            self.problem(key, "too_long", limit=limit)
        elif "\0" in value:
            self.problem(key, "bad_character")
        return value

    def key(self, key: str, *, required: bool = False, limit: int = 60) -> str:
        """A short name that other rows refer to."""
        value = self.text(key, required=required, limit=limit)
        if value and not _KEY_WORD.fullmatch(value):
            self.problem(key, "not_a_key", value=value)
        return value

    def texts(self, key: str, *, required: bool = False, limit: int = 2000) -> dict[str, str]:
        """A text in one or several languages: ``{ uk = "…", en = "…" }``, or a plain text (Ukrainian)."""
        self.taken.add(key)
        value = self.data.get(key)
        if isinstance(value, str):
            value = {"uk": value}
        elif value is not None and not isinstance(value, dict):
            self.take(key, dict)
            return {}
        found: dict[str, str] = {}
        for language, text in (value or {}).items():
            if language not in LANGUAGES:
                self.problem(f"{key}.{language}", "unknown_key", known=", ".join(LANGUAGES))
            elif not isinstance(text, str):
                self.problem(f"{key}.{language}", "wrong_type", wanted="a text", found="something else")
            elif len(text) > limit:
                self.problem(f"{key}.{language}", "too_long", limit=limit)
            elif "\0" in text:
                self.problem(f"{key}.{language}", "bad_character")
            elif text.strip():
                found[language] = text.strip()
        if required and not found:
            self.problem(key, "required")
        return found

    def choice(self, key: str, known: Sequence[str], *, required: bool = False, default: str = "") -> str:
        value = self.text(key, required=required, default=default)
        if value and value not in known:
            self.problem(key, "unknown_choice", value=value, known=", ".join(known))
            return default
        return value

    def choices(self, key: str, known: Sequence[str]) -> list[str]:
        found = []
        for one in self.take(key, list) or []:
            if one in known:
                found.append(one)
            else:
                self.problem(key, "unknown_choice", value=str(one), known=", ".join(known))
        return list(dict.fromkeys(found))

    def day(self, key: str, *, required: bool = False) -> date | None:
        value = self.take(key, date, required=required)
        return value if isinstance(value, date) else None

    def moment(self, key: str, *, required: bool = False) -> datetime | None:
        """An aware time, in UTC."""
        value = self.take(key, datetime, required=required)
        if value is None:
            return None
        if value.tzinfo is None:
            self.problem(key, "no_offset", value=value.isoformat())
            return None
        moment = in_utc(value)
        if moment is None:
            self.problem(key, "not_a_time", value=value.isoformat())
        return moment

    def number(self, key: str, *, required: bool = False) -> Decimal | None:
        value = self.take(key, (int, Decimal), required=required)
        if value is None:
            return None
        number = Decimal(value)
        if not number.is_finite():
            self.problem(key, "not_a_number", value=str(value))
            return None
        return number

    def flag(self, key: str) -> bool:
        return bool(self.take(key, bool))
