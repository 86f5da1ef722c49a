"""Whose turn it is: fair between workspaces, in order within a channel, and nobody waits for what hangs."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from spilno.channels.models import Channel
from spilno.plan.models import Item, Variant
from spilno.publishing import backlog
from spilno.publishing.backlog import Backlog, Due
from spilno.publishing.crew import Crew
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState as S
from spilno.team.models import Workspace
from tests.conftest import Cast

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LONG = backlog.PATIENCE + timedelta(seconds=1)


def due(
    workspace: str = "a",
    channel: str = "1",
    *,
    server: str = "one",
    state: str = S.PREPARED,
    at: datetime = NOW,
) -> Due:
    spaces = uuid.uuid5(uuid.NAMESPACE_DNS, workspace), uuid.uuid5(uuid.NAMESPACE_DNS, workspace + channel)
    return Due(uuid.uuid4(), *spaces, ("net", server), state, at.replace(microsecond=0), at)


def filled(*rows: Due) -> Backlog:
    found = Backlog()
    found.fill(rows, now=NOW)
    return found


def test_one_post_of_a_quiet_workspace_has_its_turn_among_thousands_of_another() -> None:
    rows = [due("busy", str(number % 100)) for number in range(5000)]
    quiet = due("quiet")
    turns = filled(*rows, quiet)
    assert quiet in turns.take(now=NOW, most=8)
    # And if it comes while the busy one has all the places it may have:
    turns = filled(*rows)
    under_way = turns.take(now=NOW, most=1000)
    assert len(under_way) == backlog.OF_A_SERVER  # all to one server
    late = due("quiet", server="another")
    turns.fill([*rows[100:], late], now=NOW)
    assert turns.take(now=NOW, most=1000) == [late]


def test_no_workspace_takes_all_places() -> None:
    turns = filled(*(due("busy", str(number), server=str(number % 9)) for number in range(500)))
    assert len(turns.take(now=NOW, most=1000)) == backlog.OF_A_WORKSPACE
    turns.fill([due("quiet", str(number)) for number in range(50)], now=NOW)
    assert len(turns.take(now=NOW, most=1000)) == backlog.AT_ONCE - backlog.OF_A_WORKSPACE


def test_turns_go_round_the_workspaces_and_their_channels() -> None:
    rows = [due(space, str(number)) for space in "abc" for number in range(4) for _ in range(5)]
    turns, order = filled(*rows), []
    for _ in range(20):
        (one,) = turns.take(now=NOW, most=1)
        order.append(one)
        turns.landed(one.pk)
    assert set(Counter(one.workspace for one in order[:18]).values()) == {6}
    assert max(Counter(one.channel for one in order[:12]).values()) == 1


def test_a_channel_sends_one_after_the_other_and_asks_and_prepares_beside_it() -> None:
    first, second = due(), due()
    asks, ahead = due(state=S.UNCERTAIN), due(state=S.QUEUED, at=NOW)
    ahead = Due(**{**ahead.__dict__, "second": NOW + timedelta(minutes=2)})
    turns = filled(first, second, asks, ahead)
    assert turns.take(now=NOW, most=9) == [first, asks, ahead]
    turns.landed(first.pk)
    assert turns.take(now=NOW, most=9) == [second]


def test_what_hangs_takes_no_place_from_others_and_little_from_its_own_server() -> None:
    turns = filled(*(due("a", str(number), server="hangs") for number in range(100)))
    hanging = turns.take(now=NOW, most=1000)
    assert len(hanging) == backlog.OF_A_SERVER
    later = NOW + LONG
    others = [due("b", str(number), server=str(number % 9)) for number in range(48)]
    turns.fill([*(due("a", str(number), server="hangs") for number in range(100)), *others], now=later)
    taken = turns.take(now=later, most=1000)
    assert sorted(one.pk for one in taken) == sorted(one.pk for one in others)
    for one in hanging[: backlog.OF_A_SERVER - 2]:
        turns.landed(one.pk)
    assert len(turns.take(now=later, most=1000)) == backlog.SLOW_SERVER - 2


def test_a_channel_goes_on_beside_a_post_that_hangs_but_not_for_ever() -> None:
    rows = [due() for _ in range(9)]
    turns, now, left = filled(*rows), NOW, []
    for _ in range(6):
        left += turns.take(now=now, most=9)
        now += LONG
    assert left == rows[: backlog.BESIDE]


def test_what_was_refused_rests_with_its_second_and_hides_nothing_else() -> None:
    head, same, other = due(), due(), due(at=NOW - timedelta(seconds=1))
    dead = due(state=S.COMMITTING)
    turns = filled(head, same, dead, other)
    assert turns.take(now=NOW, most=1) == [head]
    turns.refused(head.pk, now=NOW)
    (one,) = turns.take(now=NOW, most=1)
    assert one in (dead, other)
    turns.landed(one.pk)
    (two,) = turns.take(now=NOW, most=1)
    assert {one, two} == {dead, other}
    turns.landed(two.pk)
    assert turns.take(now=NOW, most=9) == []
    later = NOW + backlog.BLOCKED
    assert turns.next_at(now=NOW) == later
    assert turns.take(now=later, most=9) == [same]


def test_what_is_not_due_yet_waits_in_memory() -> None:
    soon = due(at=NOW + timedelta(milliseconds=300))
    turns = filled(soon)
    assert turns.take(now=NOW, most=9) == []
    assert turns.next_at(now=NOW) == soon.at
    assert turns.take(now=soon.at, most=9) == [soon]


def test_every_channel_belongs_to_exactly_one_of_the_workers() -> None:
    crews = [Crew(f"spilno due {number}") for number in range(4)]
    for one in crews:
        one._all = tuple(sorted(other._name for other in crews))
    channels = [uuid.uuid4() for _ in range(400)]
    owners = [[one for one in crews if one.is_ours(channel)] for channel in channels]
    assert {len(one) for one in owners} == {1}
    assert min(Counter(one[0]._name for one in owners).values()) > 50


@pytest.mark.django_db
def test_reading_gives_everybody_a_turn_however_much_one_has(cast: Cast) -> None:
    """The other's one post is due last of all, and is read among the first."""

    def schedule(workspace: Workspace, channels: int, each: int, at: datetime) -> None:
        for number in range(channels):
            channel = Channel.objects.create(
                workspace=workspace, key=f"c{number}", network="n", name="n", created_at=NOW
            )
            items = Item.objects.bulk_create(
                Item(workspace=workspace, key=f"i{number}-{one}", created_at=NOW, updated_at=NOW)
                for one in range(each)
            )
            variants = Variant.objects.bulk_create(
                Variant(workspace=workspace, item=one, channel=channel) for one in items
            )
            Delivery.objects.bulk_create(
                Delivery(workspace=workspace, variant=one, channel=channel, due_at=at, next_try_at=at,
                         created_at=NOW, updated_at=NOW)
                for one in variants
            )  # fmt: skip

    schedule(cast.workspace, 50, 60, NOW - timedelta(hours=1))
    schedule(cast.other_workspace, 1, 1, NOW)
    rows = backlog.read(now=NOW)
    assert cast.other_workspace.pk in {one.workspace for one in rows[:2]}
    assert max(Counter(one.channel for one in rows).values()) == backlog.OF_A_CHANNEL
    assert len(rows) == 50 * backlog.OF_A_CHANNEL + 1
    assert backlog.read(now=NOW - timedelta(minutes=30), until=NOW)[-1].at <= NOW
