"""A step that speaks to somebody outside, in the three parts that a worker does apart: claim, speak, judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from spilno.publishing.ledger import Claim, End, Take
from spilno.publishing.speaking import Spoken, Trouble
from spilno.publishing.states import DeliveryState
from spilno.toolkit.networks.base import Credentials


@dataclass(frozen=True)
class Call:
    """What one delivery is about to do.

    ``speak`` gets the channel's credentials (``None``: it looks for them itself), takes as long as it takes and may run
    in any thread, beside those of other deliveries; ``judge`` makes of what was heard where the delivery goes, and asks
    the database at most.

    ``placement``: where a post becomes visible, if it does; ``uploads``: so many files are handed over. That is what
    networks limit.
    """

    take: Take
    speak: Callable[[Credentials | None], Spoken[Any]]
    judge: Callable[[Claim, Spoken[Any], datetime], End]
    placement: str = ""
    uploads: int = 0

    def judged(self, claim: Claim, spoken: Spoken[Any], at: datetime) -> End:
        """What was heard, made the end of the attempt."""
        return replace(
            self.judge(claim, spoken, at), requests=spoken.requests, quotas=spoken.quotas, uploads=self.uploads,
            permitted=int(bool(self.placement)),
        )  # fmt: skip


def ended(claim: Claim, at: datetime, trouble: Trouble, target: DeliveryState, **more: Any) -> End:
    """An attempt that ended in trouble, in the words of its record."""
    return End(
        claim, at, trouble.outcome, target, code=trouble.code, params=trouble.params, error=trouble.error,
        heard=trouble.error is not None, **more,
    )  # fmt: skip
