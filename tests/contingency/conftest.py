from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from spilno.briefs.models import Initiative
from spilno.briefs.services import create_initiative
from spilno.channels.models import Channel, Health
from spilno.contingency import services
from spilno.contingency.models import Checkpoint
from spilno.plan.models import Item
from spilno.plan.services import create_item, put_variant
from tests.conftest import Cast

DUE = timedelta(hours=1)


@dataclass(frozen=True)
class Campaign:
    """An event with a reserve post for a channel by hand, and a group whose owner can be reminded."""

    initiative: Initiative
    reserve: Item
    page: Channel
    group: Channel


@dataclass(frozen=True)
class Seen:
    value: Decimal | None


@pytest.fixture
def campaign(cast: Cast) -> Campaign:
    initiative = create_initiative(
        workspace=cast.workspace, by=cast.owner, now=cast.now, kind="event", title={"uk": "Agile після роботи"},
        starts_on=date(2026, 11, 16), ends_on=date(2026, 11, 30),
    )  # fmt: skip

    def channel(key: str, name: str) -> Channel:
        return Channel.objects.create(
            workspace=cast.workspace, key=key, network="facebook_group", name=name, by_hand=True,
            owner=cast.colleague, health=Health.BY_HAND, created_at=cast.now,
        )  # fmt: skip

    page, group = channel("page", "Сторінка"), channel("group", "Група")
    reserve = create_item(
        workspace=cast.workspace, by=cast.owner, now=cast.now, title="Ще є місця",
        text="Ще є місця на зустріч", initiative=initiative, reserve=True, key="reserve-page",
    )  # fmt: skip
    put_variant(item=reserve, channel=page, by=cast.owner, now=cast.now)
    return Campaign(initiative, reserve, page, group)


@pytest.fixture
def checkpoint(cast: Cast, campaign: Campaign) -> Callable[..., Checkpoint]:
    """Makes a checkpoint an hour after ``cast.now``: under 30 registrations, publish and remind."""

    def make(**changes: Any) -> Checkpoint:
        values: dict[str, Any] = {
            "initiative": campaign.initiative,
            "by": cast.owner,
            "now": cast.now,
            "stage": "Половина шляху",
            "at": cast.now + DUE,
            "metric": "registrations",
            "below": Decimal(30),
            "actions": [{"publish": "reserve-page"}, {"remind": "group"}],
        }
        return services.add_checkpoint(**values | changes)

    return make


@pytest.fixture
def saw() -> Callable[[str | None], Callable[..., Seen]]:
    """A measurement that always gives one value (``None``: unknown)."""

    def make(value: str | None) -> Callable[..., Seen]:
        return lambda **asked: Seen(None if value is None else Decimal(value))

    return make


@pytest.fixture
def later(cast: Cast) -> datetime:
    """When the checkpoint is due."""
    return cast.now + DUE
