"""What can be asked: one metric, about whom, over which days, as it was known at which moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from spilno.briefs.models import Initiative
from spilno.kernel import clock
from spilno.toolkit.metrics import Definition, Period


@dataclass(frozen=True)
class Scope:
    """Whose facts and readings count. ``None`` does not narrow."""

    workspace_id: UUID
    initiative_id: UUID | None = None
    channel_id: UUID | None = None
    item_id: UUID | None = None  # a plan item: facts attributed to it, readings of its variants


@dataclass(frozen=True)
class Question:
    """One metric of one scope in one period.

    ``as_of`` (aware) leaves out what happened or was read later; ``None`` takes everything. ``currency`` is the
    one that money is expected in.
    """

    definition: Definition
    scope: Scope
    period: Period
    as_of: datetime | None = None
    currency: str = ""

    @property
    def last_day(self) -> date:
        """The last day that the answer can know anything of; never before the period's first."""
        if self.as_of is None:
            return self.period.end
        today = clock.local_day(self.as_of, self.period.zone)
        return max(min(self.period.end, today), self.period.start)


def period_of(initiative: Initiative, *, due_on: date | None = None) -> Period:
    """The days an initiative is measured over, in its workspace's zone; ``due_on`` ends them earlier or later.

    Growth is measured from the last observation before ``public_from`` (else before the first day).
    """
    end = due_on or initiative.ends_on
    return Period(
        start=min(initiative.starts_on, end),
        end=end,
        zone=initiative.workspace.time_zone,
        baseline_on=initiative.public_from or initiative.starts_on,
    )
