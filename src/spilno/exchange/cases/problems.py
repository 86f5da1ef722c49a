"""What is wrong with a case folder: every problem with its file, line and column, none left for the next try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from spilno.kernel.errors import UserError

MOST = 200
"""More problems than these are counted, not listed: whoever mends so many starts with the first."""

_T = gettext_lazy

TEXTS: dict[str, Any] = {
    # the folder and its files
    "folder_missing": _T("there is no such folder"),
    "file_missing": _T("the file is not there"),
    "file_unreadable": _T("the file cannot be read: %(reason)s"),
    "file_outside": _T("the file must lie in the case folder"),
    "file_empty": _T("the file is empty: even without rows it needs the line with the column names"),
    "not_utf8": _T("not UTF-8 text; save the file as UTF-8"),
    "not_toml": _T("not TOML: %(reason)s"),
    "not_csv": _T("not a CSV table: %(reason)s"),
    "semicolons": _T("columns are separated by semicolons; save the file with commas"),
    "too_many_problems": _T("and %(count)s more problems"),
    # structure
    "unknown_key": _T("unknown key; known here: %(known)s"),
    "unknown_column": _T("unknown column; known here: %(known)s"),
    "column_missing": _T("the column is missing"),
    "column_twice": _T("the column is there twice"),
    "too_many_cells": _T("%(found)s cells in a table of %(wanted)s columns"),
    "too_few_cells": _T("%(found)s cells in a table of %(wanted)s columns"),
    "required": _T("a value is needed"),
    "wrong_type": _T("%(wanted)s is needed, not %(found)s"),
    # values
    "not_a_key": _T("%(value)s is no key: small Latin letters, digits, - and _"),
    "not_a_time": _T("%(value)s is not a time like 2021-06-03T12:00:00+03:00"),
    "no_offset": _T("%(value)s has no offset from UTC, like +03:00"),
    "not_a_number": _T("%(value)s is not a decimal number like 300 or 12.50"),
    "negative": _T("%(value)s is negative"),
    "too_precise": _T("%(value)s has more than %(places)s decimals"),
    "too_large": _T("%(value)s is too large"),
    "too_long": _T("longer than %(limit)s characters"),
    "bad_character": _T("contains a character that no text has"),
    "unknown_currency": _T("%(value)s is no currency; three letters like UAH"),
    "unknown_choice": _T("%(value)s is not one of %(known)s"),
    "unknown_time_zone": _T("%(value)s is no time zone; one like Europe/Kyiv"),
    "not_an_address": _T("%(value)s is no address that begins with https://"),
    "duplicate": _T("%(value)s is there already, in line %(first)s"),
    "unknown_reference": _T("%(value)s is not defined in case.toml"),
    "links_to_itself": _T("the post links to itself"),
    "not_a_reserve": _T("%(value)s is not a reserve post"),
    "needs": _T("only together with %(other)s"),
    "before": _T("before %(other)s"),
    "unknown_metric": _T("there is no KPI %(value)s"),
    "unknown_counter": _T("there is no counter %(value)s; there are %(known)s"),
    "channel_needed": _T("the KPI is about one channel: say which in subject"),
    "channel_not_wanted": _T("the KPI is not about one channel"),
    "unknown_placement": _T("the network has no placement %(value)s; it has %(known)s"),
    # what the workspace has already
    "other_network": _T("the workspace has this channel on another network"),
    "already_out": _T("Spilno itself sent this post; what it said cannot change any more"),
    "refused": _T("%(reason)s"),
    # refusals of the rooms below
    "ends_before_start": _T("ends before it starts"),
    "initiative_too_long": _T("longer than three years"),
    "public_from_outside": _T("lies outside the initiative's days"),
    "content_due_late": _T("later than the initiative's last day"),
    "target_not_positive": _T("must be above zero"),
    "target_negative": _T("must not be negative"),
    "target_too_early": _T("before the initiative's first day"),
    "number_must_be_whole": _T("must be a whole number"),
    "number_too_large": _T("too large"),
    "number_too_precise": _T("has too many decimals"),
    "checkpoint_after_end": _T("after the initiative's last day"),
    "text_too_long": _T("longer than %(limit)s characters"),
    "initiative_title_long": _T("longer than %(limit)s characters"),
    "slug_taken": _T("%(slug)s is taken by somebody else's workspace"),
}


@dataclass(frozen=True)
class Problem:
    """One thing to mend. ``row`` is the line in the file (0: the file as a whole), ``column`` the column's name
    or, in case.toml, the path of the key."""

    file: str
    row: int
    column: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What is wrong, in the active language, without the place."""
        text = str(TEXTS.get(self.code, self.code))
        return text % self.params if self.params else text

    def __str__(self) -> str:
        """``leads.csv, line 12, occurred_at: 2021-06-03 has no offset from UTC, like +03:00``"""
        place = [self.file]
        if self.row:
            place.append(_("line %(row)s") % {"row": self.row})
        if self.column:
            place.append(self.column)
        return f"{', '.join(place)}: {self.text}"


class CaseProblems(UserError):
    """The folder was not taken in. ``problems`` lists everything found; nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("case_problems", count=len(problems))
        self.problems = list(problems)


class Problems:
    """Collects problems while a folder is read."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.more = 0

    def __bool__(self) -> bool:
        return bool(self.found)

    def add(self, file: str, row: int, column: str, code: str, **params: Any) -> None:
        if len(self.found) >= MOST:
            self.more += 1
            return
        shown = {name: _short(value) for name, value in params.items()}
        self.found.append(Problem(file, row, column, code, shown))

    def stop(self) -> None:
        """:raises CaseProblems: if anything was found."""
        if self.more:
            self.found.append(Problem("case.toml", 0, "", "too_many_problems", {"count": self.more}))
        if self.found:
            raise CaseProblems(self.found)


def _short(value: Any) -> Any:
    """Values from files end up in one line of a terminal: no control characters, no novels."""
    if not isinstance(value, str):
        return value
    text = "".join(one if one.isprintable() else "�" for one in value)
    return f"“{text if len(text) <= 60 else text[:59] + '…'}”" if not text or " " in text else text[:200]
