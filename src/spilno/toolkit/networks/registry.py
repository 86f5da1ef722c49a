"""Networks are found, not registered: every module here that defines a subclass of :class:`Network` counts."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from spilno.toolkit.networks.base import Network


@cache
def _found() -> dict[str, Network]:
    package = __name__.rpartition(".")[0]
    found: dict[str, Network] = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        module = importlib.import_module(f"{package}.{info.name}")
        for thing in vars(module).values():
            if (
                isinstance(thing, type)
                and issubclass(thing, Network)
                and thing.__module__ == module.__name__
                and "key" in vars(thing)
            ):
                found[thing.key] = thing()
    return dict(sorted(found.items()))


def all_networks() -> dict[str, Network]:
    """Every network by key, in alphabetical order. Instances hold no state."""
    return dict(_found())


def get(key: str) -> Network:
    """The network of that key; ``KeyError`` if there is none."""
    return _found()[key]
