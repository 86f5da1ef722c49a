"""The reference case: its rows must give the totals that are known to be true."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from spilno import exchange
from spilno.contingency.models import Checkpoint, Proposal
from spilno.exchange.cases import import_case
from spilno.facts.models import Fact, Observation
from spilno.measurement.values import target_values
from spilno.publishing.models import Delivery
from tests.conftest import NOW

OURS = Path(exchange.__file__).parent / "data"
SHARED = Path(os.environ.get("SPILNO_SHARED") or Path(__file__).resolve().parents[3] / "shared") / "cases"
FOLDERS = [one for root in (OURS, SHARED) for one in sorted(root.glob("charity-book-sale"))]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.parent.name)
def test_the_six_figures_come_out_of_the_rows(db: None, folder: Path) -> None:
    result = import_case(folder=folder, now=NOW)

    figures = {one.target.metric: one for one in target_values(result.initiative, NOW)}
    assert {metric: one.value.value for metric, one in figures.items()} == {
        "members_growth": Decimal("0.135"),
        "leads": 44,
        "catalogue_outsiders": 5,
        "catalogue_items": 115,
        "catalogue_exchanged": 100,
        "donations": 39000,
    }
    assert (figures["members_growth"].baseline, figures["members_growth"].last) == (400, 454)
    assert figures["donations"].value.currency == "UAH"
    assert all(one.reached for one in figures.values())


def test_it_becomes_finished_history(db: None) -> None:
    initiative = import_case(folder=OURS / "charity-book-sale", now=NOW).initiative

    assert initiative.brief.state == "ready"
    assert Delivery.objects.filter(state="published").count() == 5
    assert not Delivery.objects.exclude(state="published").exists()
    story = Delivery.objects.get(variant__item__key="story-link")
    assert story.variant.item.link_to is not None
    assert story.variant.item.link_to.key == "catalogue-post"
    checkpoint = Checkpoint.objects.get()
    assert checkpoint.fired_at == checkpoint.at
    assert checkpoint.seen is not None
    assert not Proposal.objects.exists()


def test_taken_in_twice_nothing_changes(db: None) -> None:
    first = import_case(folder=OURS / "charity-book-sale", now=NOW)
    rows = Fact.objects.count(), Observation.objects.count()

    again = import_case(folder=OURS / "charity-book-sale", now=NOW)

    assert first.created > 500
    assert (first.changed, first.unchanged) == (0, 0)
    assert (again.created, again.changed) == (0, 0)
    assert again.unchanged > 500
    assert (Fact.objects.count(), Observation.objects.count()) == rows
