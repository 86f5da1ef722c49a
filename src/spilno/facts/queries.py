"""Reading the record: the facts and observations that stand."""

from __future__ import annotations

from django.db.models import QuerySet

from spilno.facts.models import Fact, Observation
from spilno.kernel.models import Row


def effective(workspace: Row) -> QuerySet[Fact]:
    """The facts that nothing corrects and that are not withdrawn: what every number is computed from."""
    return Fact.objects.filter(workspace_id=workspace.pk, void=False, corrected_by__isnull=True)


def observations(workspace: Row) -> QuerySet[Observation]:
    """The counters that stand, corrections applied."""
    return Observation.objects.filter(workspace_id=workspace.pk, void=False, corrected_by__isnull=True)


def history(fact: Fact) -> list[Fact]:
    """Every word ever said under the fact's name, the first one first."""
    return list(
        Fact.objects.filter(
            workspace_id=fact.workspace_id,
            source=fact.source,
            source_key=fact.source_key,
            kind=fact.kind,
        ).order_by("revision")
    )
