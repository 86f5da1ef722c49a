"""What would make a text fit: shorter, at the end of a word. Counted as the network counts, by its own rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import regex

from spilno.toolkit.networks.base import Limit, MediaFile, Network
from spilno.toolkit.networks.check import HASHTAG, check

ENDS = regex.compile(r"\S+")
LOOSE = " \t\n,;:–—-([{«“\"'"
"""What does not stand before an ellipsis."""
TAGS = regex.compile(r"(?:\s+#[\p{L}\p{N}_]+)+\s*\Z")
"""Hashtags at the end: they stay when words are taken out before them."""


def shortened(
    *,
    network: Network,
    placement: str,
    text: str,
    media: Sequence[MediaFile] = (),
    link: str = "",
    limits: Sequence[Limit] = (),
) -> str | None:
    """The text cut so that it fits, with ``…`` where words were left out; ``None`` if it fits, or nothing of it would.

    Too long as a whole: whole words go from its end, hashtags at the very end stay if anything fits beside them. A
    title (first line) that is too long: from that line's end. Too many hashtags: the last ones go.
    """

    def wrong(said: str) -> set[str]:
        checked = check(
            network=network, placement=placement, text=said, media=media, link=link, limits=limits
        )
        return {one.code for one in checked.problems}

    made = text.strip()
    if "title_too_long" in wrong(made):
        first, line, rest = made.partition("\n")
        shorter = _cut(first, lambda said: "title_too_long" not in wrong(said + line + rest))
        if shorter is None:
            return None
        made = shorter + line + rest
    while "hashtags_too_many" in wrong(made):
        *_, last = HASHTAG.finditer(made)
        made = f"{made[: last.start()].rstrip()} {made[last.end() :].lstrip()}".strip()
    if "text_too_long" in wrong(made):
        tags = TAGS.search(made)
        shorter = None
        if tags and tags.start():
            tail = regex.sub(r"\A[ \t]+(?=\n)", "", tags.group().rstrip())
            shorter = _cut(made[: tags.start()], lambda said: "text_too_long" not in wrong(said + tail))
            shorter = shorter and shorter + tail
        shorter = shorter or _cut(made, lambda said: "text_too_long" not in wrong(said))
        if shorter is None:
            return None
        made = shorter
    return made if made != text.strip() else None


def _cut(text: str, fits: Callable[[str], bool]) -> str | None:
    """The longest beginning that fits, at the end of a word, with an ellipsis; ``None`` if not even a letter fits."""
    ends = [match.end() for match in ENDS.finditer(text)]
    found = _longest(ends, lambda end: fits(_closed(text[:end])))
    if found is None:  # one word that is longer than everything: by what people call letters
        ends = [match.end() for match in regex.finditer(r"\X", text[: ends[0]])] if ends else []
        found = _longest(ends, lambda end: fits(_closed(text[:end])))
    return None if found is None else _closed(text[:found])


def _closed(text: str) -> str:
    return text.rstrip(LOOSE).rstrip(".…") + "…"


def _longest(ends: Sequence[int], fits: Callable[[int], bool]) -> int | None:
    """By halves; a network may count a longer text as shorter (an address gets whole): at the end step by step."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        if fits(ends[middle]):
            low = middle + 1
        else:
            high = middle
    for at in range(low - 1, -1, -1):
        if fits(ends[at]):
            return ends[at]
    return None
