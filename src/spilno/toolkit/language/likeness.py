"""How alike two short texts are: the same post written twice, whatever its spaces, signs and links."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz import fuzz, utils

ALIKE = 88.0
"""From here on (0 to 100) two texts count as the same. Found on pairs of real posts: a changed date or name stays
above it, another post of the same series below."""

SHORTEST = 20  # letters; shorter texts ("Good morning!") count only if they are quite the same

_LINKS = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)


def plain(text: str) -> str:
    """The text's words: small letters, no links, no signs, single spaces."""
    return " ".join(utils.default_process(_LINKS.sub(" ", text)).split())


def likeness(one: str, other: str) -> float:
    """0 to 100, of two :func:`plain` texts; below :data:`ALIKE` the value may be 0 without having been reckoned."""
    if one == other:
        return 100.0 if one else 0.0
    if min(len(one), len(other)) < SHORTEST:
        return 0.0
    return float(fuzz.ratio(one, other, score_cutoff=ALIKE))


def signatures(plain_text: str, *, words: int = 5) -> Sequence[str]:
    """What nearly the same texts share at least one of: their beginning, their middle, their end.

    For finding candidates among thousands without comparing each with each.
    """
    found = plain_text.split()
    if len(found) < words:
        return (plain_text,) if plain_text else ()
    middle = (len(found) - words) // 2
    parts = (found[:words], found[middle : middle + words], found[-words:])
    return tuple(f"{number} {' '.join(part)}" for number, part in enumerate(parts))
