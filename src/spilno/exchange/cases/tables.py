"""The tables of a case folder: CSV, UTF-8, one line of column names, read row by row.

Nothing is kept but the keys already seen, so that a table may be longer than memory.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from babel.numbers import list_currencies

from spilno.exchange.cases.problems import Problems

LONGEST_TEXT = 200  # characters, as the columns of facts hold
PLACES = 4  # decimals that amounts and counters are kept with
LARGEST = Decimal(10) ** 13

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Row:
    """A row that knows where it stands. Reading a cell that is wrong notes the problem and gives nothing."""

    def __init__(self, file: str, number: int, cells: Mapping[str, str], problems: Problems) -> None:
        self.file = file
        self.number_of_line = number
        self.cells = cells
        self.problems = problems
        self.is_good = True

    def problem(self, column: str, code: str, **params: Any) -> None:
        """Note a problem of this row."""
        self.is_good = False
        self.problems.add(self.file, self.number_of_line, column, code, **params)

    def text(self, column: str, *, required: bool = False, limit: int = LONGEST_TEXT) -> str:
        """The cell without the spaces around it."""
        value = self.cells.get(column, "").strip()
        if not value and required:
            self.problem(column, "required")
        if len(value) > limit:
            self.problem(column, "too_long", limit=limit)
        elif "\0" in value or any("\ud800" <= one <= "\udfff" for one in value):
            self.problem(column, "bad_character")
        return value

    def choice(self, column: str, known: Sequence[str]) -> str:
        """One of ``known``, or empty."""
        value = self.text(column)
        if value and value not in known:
            self.problem(column, "unknown_choice", value=value, known=", ".join(known))
        return value

    def moment(self, column: str, *, required: bool = False) -> datetime | None:
        """An aware time, in UTC."""
        value = self.text(column, required=required)
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.problem(column, "not_a_time", value=value)
            return None
        if moment.tzinfo is None:
            self.problem(column, "no_offset", value=value)
            return None
        utc = in_utc(moment)
        if utc is None:
            self.problem(column, "not_a_time", value=value)
        return utc

    def number(self, column: str, *, required: bool = False) -> Decimal | None:
        """A plain decimal number that is not negative."""
        value = self.text(column, required=required)
        if not value:
            return None
        if not _NUMBER.fullmatch(value):
            self.problem(column, "not_a_number", value=value)
            return None
        number = Decimal(value)
        if number < 0:
            self.problem(column, "negative", value=value)
        elif number >= LARGEST:
            self.problem(column, "too_large", value=value)
        elif number != number.quantize(Decimal(1).scaleb(-PLACES)):
            self.problem(column, "too_precise", value=value, places=PLACES)
        else:
            return number
        return None

    def currency(self, column: str) -> str:
        """An ISO 4217 code, or empty."""
        value = self.text(column)
        if value and value not in currencies():
            self.problem(column, "unknown_currency", value=value)
        return value


def in_utc(moment: datetime) -> datetime | None:
    """An aware time in UTC; ``None`` if it is from no century in which people posted."""
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        return None
    return utc if _EARLIEST <= utc < _LATEST else None


@cache
def currencies() -> frozenset[str]:
    """Codes of ISO 4217, past ones too: a case may be old."""
    return frozenset(list_currencies())


def rows(folder: Path, file: str, columns: Mapping[str, bool], problems: Problems) -> Iterator[Row]:
    """The rows of a table. ``columns``: every column the table may have, and whether it must.

    What is wrong with the table as such is noted and ends it.
    """
    try:
        # utf-8-sig: spreadsheets put a mark in front; csv itself handles the line ends.
        with (folder / file).open(encoding="utf-8-sig", newline="") as lines:
            yield from _read(csv.reader(lines, strict=True), file, columns, problems)
    except UnicodeDecodeError as error:
        problems.add(file, _line_of(folder / file, error), "", "not_utf8")
    except FileNotFoundError:
        problems.add(file, 0, "", "file_missing")
    except OSError as error:
        problems.add(file, 0, "", "file_unreadable", reason=error.strerror or str(error))


def _read(reader: Any, file: str, columns: Mapping[str, bool], problems: Problems) -> Iterator[Row]:
    try:
        head = next(reader, None)
        if not head or not any(name.strip() for name in head):
            problems.add(file, 0, "", "file_empty")
            return
        names = [name.strip() for name in head]
        if not _known(names, file, columns, problems):
            return
        number = reader.line_num + 1
        for cells in reader:
            start, number = number, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                code = "too_many_cells" if len(cells) > len(names) else "too_few_cells"
                problems.add(file, start, "", code, found=len(cells), wanted=len(names))
                continue
            yield Row(file, start, dict(zip(names, cells, strict=True)), problems)
    except csv.Error as error:
        problems.add(file, reader.line_num, "", "not_csv", reason=str(error))


def _known(names: Sequence[str], file: str, columns: Mapping[str, bool], problems: Problems) -> bool:
    """Is the line of column names one that we can read? All that is wrong with it is noted."""
    if len(names) == 1 and ";" in names[0]:
        problems.add(file, 1, "", "semicolons")
        return False
    before = len(problems.found) + problems.more
    for number, name in enumerate(names):
        if name not in columns:
            problems.add(file, 1, name or f"{number + 1}", "unknown_column", known=", ".join(columns))
        elif name in names[:number]:
            problems.add(file, 1, name, "column_twice")
    for name, needed in columns.items():
        if needed and name not in names:
            problems.add(file, 1, name, "column_missing")
    return len(problems.found) + problems.more == before


def _line_of(path: Path, error: UnicodeDecodeError) -> int:
    """The line of the first byte that is not UTF-8 (the decoder only knows its own chunk)."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0
