"""What may go wrong on the way to a network, and how it is drawn: by a seed, so that a run can be repeated."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

BEFORE = ("reset_before", "timeout_before", "error_500_before", "kill_before")
AFTER = ("reset_after", "timeout_after", "error_500_after", "cut_after", "kill_after")
"""The request is acted upon, and then: reset, silence, a 500, half an answer, the worker killed."""

OTHER = ("refused", "rate_limited", "slow")
BY_SERVER = ("error_400_after", "html_after")
"""Done by the practice network itself, which knows what such an answer looks like."""

QUICK = tuple(one for one in (*BEFORE, *AFTER, *OTHER) if not one.startswith("timeout"))


@dataclass
class Dice:
    """Decides for each request whether something happens to it. One per network.

    :param share: of publishing requests that meet a fault; other requests meet one five times more rarely.
    """

    kinds: Sequence[str]
    seed: str
    commit: re.Pattern[str]
    share: float = 0.3
    calm: bool = True
    happened: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._decks: dict[bool, list[str]] = {}

    def throw(self, line: str) -> str:
        """The fault that the request ``"METHOD /path"`` meets, or an empty string."""
        if self.calm:
            return ""
        publishes = bool(self.commit.search(line))
        if self._random.random() >= (self.share if publishes else self.share / 5):
            return ""
        deck = self._decks.setdefault(publishes, [])
        if not deck:  # every kind once before any kind comes again
            # "400 although created" is a thing of requests that create.
            deck += [one for one in self.kinds if publishes or one != "error_400_after"]
            self._random.shuffle(deck)
        kind = deck.pop()
        self.happened[kind] += 1
        return kind

    def seconds(self, least: float, most: float) -> float:
        """A time between two."""
        return self._random.uniform(least, most)


Kill = Callable[[int], bool]
"""Kills the worker that holds this local TCP port; whether there was one."""
