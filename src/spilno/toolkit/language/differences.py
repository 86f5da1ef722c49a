"""What was changed in a text, word by word, and putting two people's changes of the same text together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import pairwise

import regex

TOKEN = regex.compile(r"[\p{L}\p{N}_'’-]+|\s+|.", regex.DOTALL)
MOST_TOKENS = 3000
"""Beyond that a comparison word by word would take long; lines are compared then."""

Change = tuple[int, int, list[str]]


class Mark(StrEnum):
    SAME = "same"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True)
class Piece:
    """A stretch of text and what became of it."""

    mark: Mark
    text: str


def difference(before: str, after: str) -> tuple[Piece, ...]:
    """The way from one text to the other. ``SAME`` and ``GONE`` make the first, ``SAME`` and ``NEW`` the second."""
    old, new = _tokens(before, after)
    found: list[Piece] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            _add(found, Mark.SAME, old[a:b])
            continue
        _add(found, Mark.GONE, old[a:b])
        _add(found, Mark.NEW, new[c:d])
    return tuple(_joined(found))


def excerpt(pieces: Sequence[Piece], *, around: int = 60) -> tuple[Piece, ...]:
    """The same with long unchanged stretches shortened to ``around`` characters at each side of a change."""
    found = []
    for at, one in enumerate(pieces):
        if one.mark is not Mark.SAME or len(one.text) <= 2 * around + 20:
            found.append(one)
            continue
        head = one.text[:around].rsplit(" ", 1)[0] + " " if at > 0 else ""
        tail = " " + one.text[-around:].split(" ", 1)[-1] if at < len(pieces) - 1 else ""
        found.append(Piece(Mark.SAME, f"{head}…{tail}"))
    return tuple(found)


def merged(base: str, mine: str, theirs: str) -> str | None:
    """Both changes of ``base`` in one text; ``None`` if they touch the same words."""
    first = _changes(base, mine)
    second = _changes(base, theirs)
    if first is None or second is None:
        return None
    tokens = TOKEN.findall(base)
    every = sorted(first + [one for one in second if one not in first], key=lambda one: (one[0], one[1]))
    for one, other in pairwise(every):
        if other[0] < one[1] or other[0] == one[0]:
            return None
    said, last = [], 0
    for start, end, words in every:
        said += [*tokens[last:start], *words]
        last = end
    return "".join([*said, *tokens[last:]])


def _changes(base: str, text: str) -> list[Change] | None:
    old, new = TOKEN.findall(base), TOKEN.findall(text)
    if max(len(old), len(new)) > MOST_TOKENS:
        return None
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(a, b, new[c:d]) for tag, a, b, c, d in codes if tag != "equal"]


def _tokens(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = TOKEN.findall(before), TOKEN.findall(after)
    if max(len(old), len(new)) > MOST_TOKENS:
        return before.splitlines(keepends=True), after.splitlines(keepends=True)
    return old, new


def _add(found: list[Piece], mark: Mark, tokens: Sequence[str]) -> None:
    if tokens:
        found.append(Piece(mark, "".join(tokens)))


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Single blanks between two changes do not tear them apart: ``GONE a, SAME " ", GONE b`` becomes one."""
    found: list[Piece] = []
    at = 0
    while at < len(pieces):
        gone, new = [], []
        while at < len(pieces):
            one = pieces[at]
            if one.mark is Mark.GONE:
                gone.append(one.text)
            elif one.mark is Mark.NEW:
                new.append(one.text)
            elif one.text.isspace() and "\n" not in one.text and (gone or new) and at + 1 < len(pieces):
                gone.append(one.text)
                new.append(one.text)
            else:
                break
            at += 1
        if gone:
            found.append(Piece(Mark.GONE, "".join(gone)))
        if new:
            found.append(Piece(Mark.NEW, "".join(new)))
        if at < len(pieces):
            found.append(pieces[at])
            at += 1
    return found
