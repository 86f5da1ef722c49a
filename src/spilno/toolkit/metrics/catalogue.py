"""The KPI catalogue: what is measured, read from ``definitions.toml``.

Reading happens once, at import, so that a mistake in the file shows at once.

    >>> get("leads").formula
    <Formula.DISTINCT: 'distinct'>
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from .model import Catalogue, Counter, Definition
from .reading import read


@cache
def _shipped() -> Catalogue:
    text = resources.files(__package__).joinpath("definitions.toml").read_text(encoding="utf-8")
    return read(text)


def all_definitions() -> tuple[Definition, ...]:
    """Every KPI that this version computes, in the order of the catalogue."""
    return tuple(_shipped().definitions.values())


def get(key: str) -> Definition:
    """The KPI of that key; ``KeyError`` with a readable message if there is none."""
    try:
        return _shipped().definitions[key]
    except KeyError:
        raise KeyError(f"there is no KPI {key!r}; there are {', '.join(_shipped().definitions)}") from None


def all_counters() -> tuple[Counter, ...]:
    """Every counter that networks report under our names."""
    return tuple(_shipped().counters.values())


def counter(key: str) -> Counter | None:
    """The counter of that key, ``None`` if we have no words for it."""
    return _shipped().counters.get(key)


_shipped()  # a wrong file must not wait for the first question
