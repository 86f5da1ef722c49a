"""A case's contingency plan. Of a finished case it is history: checkpoints know what they saw and propose nothing."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spilno.contingency import services as contingency
from spilno.contingency.models import Checkpoint
from spilno.exchange.cases.model import CaseCheckpoint
from spilno.kernel import clock
from spilno.measurement.values import value_of

if TYPE_CHECKING:
    from spilno.exchange.cases.apply import Import


def write_checkpoints(run: Import) -> None:
    """After the facts, because a past checkpoint notes what the value was at its moment."""
    zone = run.workspace.time_zone
    is_over = clock.local_day(run.now, zone) > run.initiative.ends_on
    known = {
        (one.stage, one.metric): one
        for one in Checkpoint.objects.filter(initiative=run.initiative).select_related("channel")
    }
    wanted = set()
    for said in run.case.contingency:
        wanted.add((said.stage, said.metric))
        at = said.at if isinstance(said.at, datetime) else clock.day_start(said.at, zone)
        with run.noting(said.block):
            checkpoint = _write(run, said, at, known.get((said.stage, said.metric)))
            if is_over and at <= run.now:
                _look_back(run, checkpoint)
    for stage, metric in run.before.get("checkpoints", []):
        gone = known.get((stage, metric))
        if gone is not None and (stage, metric) not in wanted and not hasattr(gone, "proposal"):
            gone.delete()
            run.changed += 1
    run.brought["checkpoints"] = sorted(list(one) for one in wanted)


def _write(run: Import, said: CaseCheckpoint, at: datetime, checkpoint: Checkpoint | None) -> Checkpoint:
    values: dict[str, Any] = {
        "at": at,
        "below": said.below,
        "channel": run.channels.get(said.channel),
        "actions": [dict(one) for one in said.actions],
    }
    if checkpoint is None:
        run.created += 1
        return contingency.add_checkpoint(
            initiative=run.initiative, by=None, now=run.now, stage=said.stage, metric=said.metric, **values
        )
    if checkpoint.at != at and checkpoint.fired_at is not None and not hasattr(checkpoint, "proposal"):
        values |= {"fired_at": None, "seen": None}  # it has not looked at its new moment yet
    run.put(checkpoint, **values)
    return checkpoint


def _look_back(run: Import, checkpoint: Checkpoint) -> None:
    """What the checkpoint would have seen. Not counted: it follows from the facts."""
    seen = value_of(
        workspace=run.workspace,
        metric=checkpoint.metric,
        initiative=run.initiative,
        channel=checkpoint.channel,
        as_of=checkpoint.at,
    ).value
    kept = None if seen is None else seen.quantize(Decimal("0.0001"))
    Checkpoint.objects.filter(pk=checkpoint.pk).update(fired_at=checkpoint.at, seen=kept)
