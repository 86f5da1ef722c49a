"""Life cycles as declared graphs, checked when the module is imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spilno.kernel.errors import InvalidTransition


class StateGraph:
    """States and the moves between them.

    :param initial: where everything begins.
    :param moves: state → states it may move to. Every state must be listed, reachable from ``initial``, and
        every final state must be named in ``final``; anything else raises ``ValueError`` at import.
    """

    def __init__(self, *, initial: str, moves: Mapping[str, Iterable[str]], final: Iterable[str]) -> None:
        self.initial = initial
        self.moves = {state: frozenset(targets) for state, targets in moves.items()}
        self.final = frozenset(final)
        self._check()

    def _check(self) -> None:
        known = set(self.moves)
        for state, targets in self.moves.items():
            if unknown := targets - known:
                raise ValueError(f"{state} moves to unknown {sorted(unknown)}")
        reached, frontier = {self.initial}, [self.initial]
        while frontier:
            for target in self.moves[frontier.pop()] - reached:
                reached.add(target)
                frontier.append(target)
        if lost := known - reached:
            raise ValueError(f"never reached: {sorted(lost)}")
        if dead := {state for state in known if not self.moves[state]} - self.final:
            raise ValueError(f"no way out, yet not final: {sorted(dead)}")

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(self.moves)

    def allows(self, source: str, target: str) -> bool:
        return target in self.moves[source]

    def check(self, source: str, target: str) -> None:
        """:raises InvalidTransition: if the graph has no such move."""
        if not self.allows(source, target):
            raise InvalidTransition("invalid_transition", source=source, target=target)
