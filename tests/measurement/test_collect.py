"""Counters come in by themselves: when due, once, and without harm when a network is in trouble."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from tests.conftest import NOW, Cast

from spilno.briefs.models import Initiative
from spilno.channels import access
from spilno.channels.models import Channel, Health
from spilno.facts.models import Observation, SubjectKind
from spilno.facts.queries import observations
from spilno.measurement import collect
from spilno.plan.models import Item, Variant
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Kind, Network, NetworkError, Reading


class Talkative(Network):
    """A network that answers what the test put into it."""

    key = "talkative"
    label = {"en": "Talkative"}
    short = "Ta"
    color = "oklch(0.5 0.1 200)"
    placements = ()

    def __init__(self) -> None:
        self.account: list[Reading] | NetworkError = []
        self.posts: dict[str, list[Reading] | NetworkError] = {}
        self.asked: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def account_readings(self, *, client: object, credentials: Mapping[str, str]) -> Sequence[Reading]:
        return self._answer("account", self.account)

    def post_readings(
        self, *, client: object, credentials: Mapping[str, str], external_id: str
    ) -> Sequence[Reading]:
        assert credentials == {"password": "hidden"}
        return self._answer(external_id, self.posts.get(external_id, []))

    def _answer(self, what: str, answer: list[Reading] | NetworkError) -> list[Reading]:
        self.asked.append(what)
        self.meanwhile()
        if isinstance(answer, NetworkError):
            raise answer
        return answer


class Silent(Network):
    """A network that tells no numbers."""

    key = "silent"
    label = {"en": "Silent"}
    short = "Si"
    color = "oklch(0.5 0.1 200)"
    placements = ()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Talkative:
    one = Talkative()
    monkeypatch.setattr(registry, "_found", lambda: {"talkative": one, "silent": Silent()})
    return one


@pytest.fixture
def initiative(cast: Cast) -> Initiative:
    return Initiative.objects.create(
        workspace=cast.workspace, slug="sale", starts_on=date(2026, 11, 1), ends_on=date(2026, 11, 30),
        created_at=NOW,
    )  # fmt: skip


def a_channel(cast: Cast, key: str = "ours", network: str = "talkative", **values: Any) -> Channel:
    return Channel.objects.create(
        workspace=cast.workspace, key=key, network=network, name=key, created_at=NOW, health=Health.OK,
        secret=access.sealed({"password": "hidden"}), **values,
    )  # fmt: skip


def a_post(channel: Channel, key: str, initiative: Initiative | None = None, **values: Any) -> Delivery:
    item = Item.objects.create(
        workspace=channel.workspace, key=key, initiative=initiative, created_at=NOW, updated_at=NOW
    )
    variant = Variant.objects.create(workspace=channel.workspace, item=item, channel=channel)
    fields = {
        "state": DeliveryState.PUBLISHED, "external_id": key, "published_at": NOW, "observe_next_at": NOW,
    } | values  # fmt: skip
    return Delivery.objects.create(
        workspace=channel.workspace, variant=variant, channel=channel, due_at=NOW, created_at=NOW,
        updated_at=NOW, **fields,
    )  # fmt: skip


def reading(metric: str, value: int, at: datetime | None = None) -> Reading:
    return Reading(metric, Decimal(value), at)


def seen(cast: Cast) -> list[tuple[str, Decimal]]:
    return [(one.metric, one.value) for one in observations(cast.workspace).order_by("observed_at", "metric")]


def test_accounts_and_posts_are_read_when_due(cast: Cast, network: Talkative) -> None:
    channel = a_channel(cast, observe_next_at=NOW)
    post = a_post(channel, "p1")
    a_post(channel, "later", observe_next_at=NOW + timedelta(seconds=1))
    network.account = [reading("followers", 120)]
    network.posts = {"p1": [reading("likes", 3, NOW - timedelta(seconds=9)), reading("replies", 0)]}

    assert collect.due(now=NOW) == 2

    assert network.asked == ["account", "p1"]
    assert set(seen(cast)) == {("followers", 120), ("likes", 3), ("replies", 0)}
    likes = Observation.objects.get(metric="likes")
    assert (likes.subject_kind, likes.subject_id) == (SubjectKind.ITEM, post.variant_id)
    assert likes.observed_at == NOW - timedelta(seconds=9)
    assert likes.source == "network:talkative"
    post.refresh_from_db()
    channel.refresh_from_db()
    assert post.observe_next_at == NOW + timedelta(minutes=1)
    assert channel.observe_next_at == NOW + collect.ACCOUNT_EVERY
    assert collect.due(now=NOW) == 0


def test_what_cannot_or_shall_not_be_read_is_left_alone(cast: Cast, network: Talkative) -> None:
    a_channel(cast, "by-hand", by_hand=True, observe_next_at=NOW)
    a_channel(cast, "ended", is_active=False, observe_next_at=NOW)
    a_post(a_channel(cast, "quiet", network="silent", observe_next_at=NOW), "q")
    ours = a_channel(cast)
    a_post(ours, "not out", state=DeliveryState.QUEUED)
    a_post(ours, "", external_id="")

    assert collect.due(now=NOW) == 0
    assert network.asked == []


def test_the_same_number_on_the_same_day_is_kept_once(cast: Cast, network: Talkative) -> None:
    a_post(a_channel(cast), "p1")
    network.posts["p1"] = [reading("likes", 3)]
    for hours in (0, 2, 4, 20):  # the last one is the next day in Kyiv
        collect.due(now=NOW + timedelta(hours=hours))
    network.posts["p1"] = [reading("likes", 2)]  # somebody took a like back
    collect.due(now=NOW + timedelta(hours=22))
    network.posts["p1"] = [reading("likes", 3)]
    collect.due(now=NOW + timedelta(hours=24))

    assert [value for _, value in seen(cast)] == [3, 3, 2, 3]


def test_whoever_moves_the_time_first_reads(cast: Cast, network: Talkative) -> None:
    a_post(a_channel(cast), "p1")
    network.posts["p1"] = [reading("likes", 3)]
    network.meanwhile = lambda: network.asked.append(f"another read {collect.due(now=NOW)}")

    assert collect.due(now=NOW) == 1
    assert network.asked == ["p1", "another read 0"]


def test_a_dead_workers_row_is_read_again_after_its_lease(cast: Cast, network: Talkative) -> None:
    a_post(a_channel(cast), "p1")
    network.posts["p1"] = [reading("likes", 3)]

    def die() -> None:
        raise KeyboardInterrupt

    network.meanwhile = die
    with pytest.raises(KeyboardInterrupt):
        collect.due(now=NOW)
    network.meanwhile = lambda: None

    assert collect.due(now=NOW + collect.LEASE - timedelta(seconds=1)) == 0
    assert collect.due(now=NOW + collect.LEASE) == 1


def test_asking_for_fresh_numbers_while_reading_is_not_lost(
    cast: Cast, network: Talkative, initiative: Initiative
) -> None:
    post = a_post(a_channel(cast), "p1", initiative)
    asked_at = NOW + timedelta(seconds=3)
    network.meanwhile = lambda: collect.ask_again(initiative=initiative, now=asked_at)
    collect.due(now=NOW)
    post.refresh_from_db()
    assert post.observe_next_at == asked_at


@pytest.mark.parametrize(
    ("error", "health", "after"),
    [
        (NetworkError(Kind.RECONNECT, "token_expired"), Health.RECONNECT, collect.AGAIN),
        (NetworkError(Kind.UNREACHABLE, "unreachable"), Health.TROUBLE, collect.AGAIN),
        (NetworkError(Kind.UNCERTAIN, "timeout"), Health.TROUBLE, collect.AGAIN),
        (
            NetworkError(Kind.WAIT, "rate_limited", retry_at=NOW + timedelta(hours=2)),
            Health.OK,
            timedelta(hours=2),
        ),
        (NetworkError(Kind.WAIT, "rate_limited", params={"seconds": 90}), Health.OK, timedelta(seconds=90)),
    ],
)
def test_a_network_in_trouble_is_noted_and_asked_later(
    cast: Cast, network: Talkative, error: NetworkError, health: str, after: timedelta
) -> None:
    channel = a_channel(cast)
    first, second = a_post(channel, "p1"), a_post(channel, "p2")
    network.posts = {"p1": error, "p2": error}

    assert collect.due(now=NOW) == 0

    assert len(network.asked) == 1  # the second post is not even tried
    channel.refresh_from_db()
    assert channel.health == health
    first.refresh_from_db()
    second.refresh_from_db()
    assert sorted([first.observe_next_at, second.observe_next_at]) == [NOW, NOW + after]
    assert not Observation.objects.exists()


def test_a_post_that_is_gone_does_not_keep_others_from_being_read(cast: Cast, network: Talkative) -> None:
    channel = a_channel(cast)
    gone = a_post(channel, "gone", published_at=NOW - timedelta(days=2))
    a_post(channel, "p2", observe_next_at=NOW)
    network.posts = {"gone": NetworkError(Kind.PERMANENT, "not_found"), "p2": [reading("likes", 1)]}

    assert collect.due(now=NOW) == 1
    gone.refresh_from_db()
    channel.refresh_from_db()
    assert gone.observe_next_at == NOW + timedelta(hours=3)
    assert channel.health == Health.OK


def test_posts_are_read_often_while_young_and_never_when_old() -> None:
    at: datetime | None = NOW
    moments = []
    while at is not None:
        moments.append(at)
        at = collect.next_reading(published_at=NOW, now=at)
    gaps = [later - earlier for earlier, later in pairwise(moments)]

    assert gaps == sorted(gaps)
    assert gaps[0] == timedelta(minutes=1)
    assert moments[-1] - NOW >= timedelta(days=90)
    assert len(moments) < 200


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 20, 13, tzinfo=UTC)),
        (datetime(2026, 11, 20, 20, tzinfo=UTC), datetime(2026, 11, 20, 21, 55, tzinfo=UTC)),
        (datetime(2026, 11, 20, 21, 55, tzinfo=UTC), datetime(2026, 11, 21, 0, 55, tzinfo=UTC)),
    ],
)
def test_an_account_is_read_shortly_before_midnight_too(now: datetime, expected: datetime) -> None:
    assert collect.next_account_reading(now=now, zone="Europe/Kyiv") == expected
