"""A file as a table of texts: CSV in the encodings and with the separators that people's programs write, and XLSX."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any

from spilno.kernel.errors import UserError

BYTES_MOST = 8_000_000
UNPACKED_MOST = 80_000_000  # an XLSX is packed, and may be made to burst
ROWS_MOST = 2_000
COLUMNS_MOST = 60
CELL_MOST = 60_000  # characters

_SEPARATORS = ";,\t"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def read_table(content: bytes) -> list[tuple[int, list[str]]]:
    """The rows that have anything in them, each with its number in the file (the first is 1).

    :raises UserError: ``file_is_empty``, ``file_too_large``, ``not_a_table``, ``too_many_rows``, ``too_many_columns``.
    """
    if not content.strip():
        raise UserError("file_is_empty", field="file")
    if len(content) > BYTES_MOST:
        raise UserError("file_too_large", field="file", limit=BYTES_MOST // 1_000_000)
    rows = _from_xlsx(content) if content.startswith(b"PK") else _from_text(_decoded(content))
    found: list[tuple[int, list[str]]] = []
    try:
        for number, row in enumerate(rows, 1):
            cells = [one.replace("\x00", "").strip()[:CELL_MOST] for one in row]
            while cells and not cells[-1]:
                cells.pop()
            if not cells:
                continue
            if len(cells) > COLUMNS_MOST:
                raise UserError("too_many_columns", field="file", limit=COLUMNS_MOST)
            found.append((number, cells))
            if len(found) > ROWS_MOST + 1:
                raise UserError("too_many_rows", field="file", limit=ROWS_MOST)
    except csv.Error:
        raise UserError("not_a_table", field="file") from None
    if not found:
        raise UserError("file_is_empty", field="file")
    return found


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    elif content.startswith(b"\xef\xbb\xbf"):
        encodings = ("utf-8-sig",)
    elif order := _two_bytes_each(content[:400]):
        encodings = (order,)
    else:
        encodings = ("utf-8", "windows-1251")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError("not_a_table", field="file")


def _two_bytes_each(sample: bytes) -> str:
    """UTF-16 without its mark: every other byte says only Latin (0) or Cyrillic (4). "" if it is not that."""
    for name, upper in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if len(upper) > 3 and sum(one in (0, 4, 0x20) for one in upper) > 0.9 * len(upper) and 0 in upper:
            return name
    return ""


def _from_text(text: str) -> Iterable[list[str]]:
    first = text.lstrip("\ufeff\r\n ").split("\n", 1)[0]
    if first.lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's own way to say it
        separator, text = first[4], text.split("\n", 1)[1]
    else:
        separator = max(_SEPARATORS, key=first.count)
    csv.field_size_limit(BYTES_MOST)
    return csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator)


def _from_xlsx(content: bytes) -> Iterable[list[str]]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(one.file_size for one in packed.infolist()) > UNPACKED_MOST:
                raise UserError("file_too_large", field="file", limit=BYTES_MOST // 1_000_000)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        # Some programs write a wrong size into the file.
        sheet.reset_dimensions()
        rows = []
        for row in sheet.iter_rows(max_row=ROWS_MOST + 200, max_col=COLUMNS_MOST + 1, values_only=True):
            rows.append([_cell(one) for one in row])
        book.close()
    except UserError:
        raise
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError, IndexError, TypeError):
        raise UserError("not_a_table", field="file") from None
    return rows


def _cell(value: Any) -> str:
    """As somebody would have typed it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        if value.time() == time():
            return value.date().isoformat()
        return value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula. :func:`harmed` takes the sign away again."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def harmed(cell: str) -> str:
    """A cell as it was before :func:`harmless`."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def write_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8 with a mark at the beginning, without which Excel takes Cyrillic for something else."""
    into = io.StringIO(newline="")
    writer = csv.writer(into, delimiter=";")
    writer.writerows([harmless(one) for one in row] for row in rows)
    return into.getvalue().encode("utf-8-sig")


def write_xlsx(rows: Sequence[Sequence[str]], *, title: str) -> bytes:
    """A workbook with one sheet; every cell is text, so that nothing is turned into a date or a formula."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31] or "Plan")
    sheet.freeze_panes = "A2"
    widths = {"A": 12, "B": 8, "C": 24, "D": 60, "E": 24, "F": 30}
    for column, width in widths.items():
        sheet.column_dimensions[column].width = width
    for number, row in enumerate(rows):
        cells = []
        for one in row:
            cell = WriteOnlyCell(sheet, value=_allowed(one))
            cell.data_type = "s"
            if number == 0:
                cell.font = Font(bold=True)
            cells.append(cell)
        sheet.append(cells)
    into = io.BytesIO()
    book.save(into)
    return into.getvalue()


def _allowed(text: str) -> str:
    """Without the control characters that XML cannot carry."""
    return "".join(one for one in text if one >= " " or one in "\n\t")
