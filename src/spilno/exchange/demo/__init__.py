"""The demo workspace: a finished case, and a campaign alive around today, made by what people would call.

workspace = demo.load(now=clock.now())
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from spilno.exchange.demo.campaign import Campaign
from spilno.exchange.demo.house import build_house
from spilno.exchange.demo.practice import Hands, practice_network
from spilno.team.models import Workspace

__all__ = ["load"]

SEED = "spilno-demo"
_LOCK = 0x5B11_DE30


def load(*, now: datetime) -> Workspace:
    """Make the demo, all of it or nothing. If it is there already it is returned as it is.

    Takes some ten seconds: pictures are drawn, and two practice networks are asked what happened in the last month.

    :raises UserError: ``practice_running`` if something listens at the practice networks' port.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:  # two people pressing the button make one demo
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        there = Workspace.objects.filter(is_demo=True).order_by("created_at").first()
        if there is not None:
            return there
        hands = Hands(now)
        with practice_network(hands=hands, seed=SEED) as network:
            house = build_house(now=now, network=network)
            Campaign(house, network=network, hands=hands, now=now).play()
    return house.workspace
