"""Limits and outages, shared in the database."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from spilno.channels import circuits, hooks, scopes, traffic
from spilno.channels.models import Channel, Circuit, RateUse
from spilno.channels.traffic import OUTAGE, RATE_LIMITED, Permit, Seen, Wanted
from spilno.channels.windows import Want, Window, shares
from spilno.team.models import Workspace
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Counts, Kind, NetworkError, Once, Per, Quota, RatePolicy
from tests.conftest import NOW, Cast
from tests.publishing.fake import FakeNetwork, Side

DAY = date(2026, 11, 1)


def policy(key: str = "posts", allowed: int = 5, seconds: int = 60, *, counts: Counts = Counts.POST,
           per: Per = Per.CHANNEL, placements: tuple[str, ...] = ()) -> RatePolicy:  # fmt: skip
    return RatePolicy(key, allowed, seconds, counts, per, DAY, "https://example.org", placements)


@pytest.fixture
def network() -> Iterator[FakeNetwork]:
    """A network without limits; a test declares its own."""
    one = FakeNetwork(Once.KEY, Side())
    one.key = "fake_limited"  # type: ignore[misc]
    registry._found()[one.key] = one
    yield one
    del registry._found()[one.key]


def channel(workspace: Workspace, name: str, *, server: str = "one.example", app: str = "app") -> Channel:
    return Channel.objects.create(
        workspace=workspace, key=name, name=name, network="fake_limited", server=server, app=app,
        health="ok", created_at=NOW,
    )  # fmt: skip


def ask(counts: dict[Channel, int], now: datetime = NOW) -> dict[str, Permit]:
    found = traffic.permits(
        wanted={one.pk: Wanted({"post": count}) for one, count in counts.items()}, now=now
    )
    return {one.key: found[one.pk] for one in counts}


def seen(one: Channel, error: NetworkError | None = None, **values: Any) -> Seen:
    return Seen(one.pk, one.network, error is None, error, **values)


def down(code: str = "timeout", status: int | None = None) -> NetworkError:
    return NetworkError(Kind.UNCERTAIN, code, params={"host": "one.example"}, status=status)


def refused_connection() -> NetworkError:
    return NetworkError(Kind.UNREACHABLE, "unreachable", params={"host": "one.example"})


# ------------------------------------------------------------------------------------------------ windows


@given(
    allowed=st.integers(1, 20),
    seconds=st.sampled_from([1, 7, 60, 300, 86400]),
    steps=st.lists(st.tuples(st.floats(-0.1, 1.5), st.integers(1, 8)), min_size=1, max_size=60),
)
@settings(max_examples=300, deadline=None)
def test_never_more_than_allowed_in_any_span(
    allowed: int, seconds: int, steps: list[tuple[float, int]]
) -> None:
    """Whatever is asked for when: no span holds more than is allowed.

    Also if the next worker's clock is behind. It asks later all the same, so its moment is the latest one so far.
    """
    window, at, latest = Window(), NOW, NOW - timedelta(days=1000)
    granted: list[datetime] = []
    for share, count in steps:
        at += timedelta(seconds=seconds * share)
        latest = max(latest, at)
        window = window.at(at, seconds)
        room = min(count, allowed - window.total)
        if room > 0:
            window = window.plus(room)
            granted += [latest] * room
        elif room <= 0:
            later = window.room_at(at, allowed=allowed, seconds=seconds)
            assert later > at
            assert window.at(later, seconds).total < allowed
            before = later - timedelta(microseconds=seconds * 1_000_000 // 12 // 2 + 1)
            if before > at:
                assert window.at(before, seconds).total + 1 > allowed
    span = timedelta(seconds=seconds)
    for start in granted:
        assert sum(1 for one in granted if start <= one < start + span) <= allowed


def test_room_comes_back_when_the_span_is_over() -> None:
    window = Window().at(NOW, 60).plus(5)
    assert window.at(NOW + timedelta(seconds=59), 60).total == 5
    assert window.at(NOW + timedelta(seconds=66), 60).total == 0
    assert window.room_at(NOW, allowed=5, seconds=60) <= NOW + timedelta(seconds=66)


def test_a_limit_that_is_declared_anew_with_another_span_does_not_block_for_ever() -> None:
    short = Window().at(NOW, 1).plus(3)  # parts of a twelfth of a second: huge numbers
    assert short.at(NOW, 3600).total == 3
    assert short.at(NOW + timedelta(hours=2), 3600).at(NOW + timedelta(hours=4), 3600).total == 0


@given(
    left=st.integers(0, 30),
    wants=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(1, 40)), max_size=12),
)
def test_shares_are_fair(left: int, wants: list[tuple[int, int, int]]) -> None:
    asked = [
        (place, Want(group, NOW + timedelta(seconds=due), count))
        for place, (group, due, count) in enumerate(wants)
    ]
    given_ = shares(left, asked)
    total = sum(count for _, _, count in wants)
    assert sum(given_.values()) == min(left, total)
    assert all(0 <= given_[place] <= want.count for place, want in asked)
    by_group: dict[Any, int] = {}
    unmet: set[Any] = set()
    for place, want in asked:
        by_group[want.group] = by_group.get(want.group, 0) + given_[place]
        if given_[place] < want.count:
            unmet.add(want.group)
    # No group has more than one above a group that wants more.
    for poor in unmet:
        assert max(by_group.values()) <= by_group[poor] + 1


def test_within_a_workspace_who_is_due_earlier_comes_first() -> None:
    late, early = Want("w", NOW + timedelta(minutes=1), 9), Want("w", NOW, 9)
    assert shares(3, [("late", late), ("early", early)]) == {"late": 1, "early": 2}


# ------------------------------------------------------------------------------------------------ limits


@pytest.mark.django_db
def test_a_channels_limit_holds_it_and_nobody_else(cast: Cast, network: FakeNetwork) -> None:
    network.rates = (policy(allowed=5),)  # type: ignore[misc]
    busy, calm = channel(cast.workspace, "busy"), channel(cast.workspace, "calm")
    first = ask({busy: 8, calm: 1})
    assert (first["busy"].granted, first["busy"].code) == (5, RATE_LIMITED)
    assert first["calm"] == Permit(1, None, "", {}, {"post": 1})
    until = first["busy"].wait_until
    assert until is not None
    assert NOW + timedelta(seconds=60) <= until <= NOW + timedelta(seconds=65)
    assert first["busy"].params == {"until": until.isoformat()}
    assert ask({busy: 1}, until - timedelta(seconds=6))["busy"].granted == 0
    assert ask({busy: 3}, until)["busy"].granted == 3


@pytest.mark.django_db
def test_a_limit_of_some_placements_leaves_the_others_free(cast: Cast, network: FakeNetwork) -> None:
    network.rates = (policy("stories", 1, 86400, placements=("story",)),)  # type: ignore[misc]
    one = channel(cast.workspace, "one")
    permit = traffic.permits(wanted={one.pk: Wanted({"post": 2, "story": 3})}, now=NOW)[one.pk]
    assert (permit.granted, permit.placements) == (3, {"post": 2, "story": 1})
    assert permit.wait_until is not None
    assert permit.wait_until > NOW + timedelta(hours=23)


@pytest.mark.django_db
def test_a_shared_limit_is_shared_between_workspaces(cast: Cast, network: FakeNetwork) -> None:
    network.rates = (policy(allowed=6, per=Per.APP),)  # type: ignore[misc]
    greedy = [channel(cast.workspace, f"greedy{number}") for number in range(3)]
    modest = channel(cast.other_workspace, "modest")
    found = ask({**dict.fromkeys(greedy, 10), modest: 3})
    assert found["modest"].granted == 3
    assert [found[one.key].granted for one in greedy] == [1, 1, 1]


@pytest.mark.django_db
def test_who_was_refused_keeps_a_turn(cast: Cast, network: FakeNetwork) -> None:
    """One worker asks again and again for a busy channel; another's channel still gets what comes free."""
    network.rates = (policy(allowed=4, per=Per.APP),)  # type: ignore[misc]
    busy, other = channel(cast.workspace, "busy"), channel(cast.other_workspace, "other")
    assert ask({busy: 4})["busy"].granted == 4
    refused = ask({other: 2}, NOW + timedelta(seconds=1))["other"]
    assert refused.granted == 0
    assert refused.wait_until is not None
    later = refused.wait_until
    assert ask({busy: 4}, later)["busy"].granted == 2
    assert ask({other: 2}, later)["other"].granted == 2


@pytest.mark.django_db
def test_a_turn_that_nobody_takes_is_given_up(cast: Cast, network: FakeNetwork) -> None:
    network.rates = (policy(allowed=4, per=Per.APP),)  # type: ignore[misc]
    busy, gone = channel(cast.workspace, "busy"), channel(cast.other_workspace, "gone")
    ask({busy: 4})
    ask({gone: 2})
    assert ask({busy: 4}, NOW + timedelta(minutes=10))["busy"].granted == 4


@pytest.mark.django_db
def test_other_apps_and_servers_have_limits_of_their_own(cast: Cast, network: FakeNetwork) -> None:
    network.rates = (policy("a", 1, per=Per.APP), policy("s", 1, per=Per.SERVER))  # type: ignore[misc]
    here = channel(cast.workspace, "here")
    assert ask({here: 1})["here"].granted == 1
    for name, values in (("app2", {"app": "2"}), ("both", {"app": "2", "server": "two.example"})):
        expected = 0 if name == "app2" else 1  # the same server's limit is used up
        assert ask({channel(cast.workspace, name, **values): 1})[name].granted == expected


@pytest.mark.django_db
def test_what_headers_say_counts(cast: Cast, network: FakeNetwork) -> None:
    one = channel(cast.workspace, "one")
    assert ask({one: 5})["one"] == Permit(5, None, "", {}, {"post": 5})
    traffic.note(seen=[seen(one, quotas=(Quota("requests", 2, 300, 120.0),))], now=NOW)
    found = ask({one: 5})["one"]
    assert (found.granted, found.wait_until) == (2, NOW + timedelta(seconds=120))
    # While what was permitted may still be on its way, the network's number can only be too high.
    traffic.note(seen=[seen(one, quotas=(Quota("requests", 1, 300, 119.0),))], now=NOW + timedelta(seconds=1))
    assert ask({one: 5}, NOW + timedelta(seconds=1))["one"].granted == 0
    assert ask({one: 5}, NOW + timedelta(seconds=121))["one"].granted == 5


@pytest.mark.django_db
def test_the_networks_own_number_replaces_the_declared_one(cast: Cast, network: FakeNetwork) -> None:
    network.rates = (policy("posts", 25, 86400),)  # type: ignore[misc]
    one = channel(cast.workspace, "one")
    told = Quota("posts", 3, 3, None, counts=Counts.POST)
    traffic.note(seen=[seen(one, quotas=(told,))], now=NOW)
    assert ask({one: 10})["one"].granted == 3


@pytest.mark.django_db
def test_retry_after_is_obeyed(cast: Cast, network: FakeNetwork) -> None:
    one, other = channel(cast.workspace, "one"), channel(cast.workspace, "other")
    limited = NetworkError(Kind.WAIT, "rate_limited", params={"seconds": 90.0}, status=429)
    traffic.note(seen=[seen(one, limited)], now=NOW)
    found = ask({one: 1, other: 1})
    assert (found["one"].granted, found["one"].wait_until) == (0, NOW + timedelta(seconds=90))
    assert found["other"].granted == 1
    assert ask({one: 1}, NOW + timedelta(seconds=90))["one"].granted == 1


@pytest.mark.django_db
def test_a_picture_that_is_still_worked_on_is_no_limit(cast: Cast, network: FakeNetwork) -> None:
    one = channel(cast.workspace, "one")
    working = NetworkError(Kind.WAIT, "media_processing", params={"seconds": 5})
    traffic.note(seen=[seen(one, working, requests=0)], now=NOW)
    assert ask({one: 1})["one"].granted == 1


@pytest.mark.django_db
def test_a_limit_of_the_app_closes_the_app(cast: Cast, network: FakeNetwork) -> None:
    network.rates = (policy("requests", 1000, 60, counts=Counts.REQUEST, per=Per.APP),)  # type: ignore[misc]
    one, other = channel(cast.workspace, "one"), channel(cast.other_workspace, "other")
    limited = NetworkError(Kind.WAIT, "rate_limited", retry_at=NOW + timedelta(seconds=40), status=429)
    traffic.note(seen=[seen(one, limited)], now=NOW)
    assert ask({other: 1})["other"].wait_until == NOW + timedelta(seconds=40)


@pytest.mark.django_db
def test_requests_and_uploads_beyond_the_permit_are_counted(cast: Cast, network: FakeNetwork) -> None:
    network.rates = (  # type: ignore[misc]
        policy("requests", 10, 60, counts=Counts.REQUEST),
        policy("uploads", 2, 1800, counts=Counts.UPLOAD),
    )
    one = channel(cast.workspace, "one")
    assert ask({one: 1})["one"].granted == 1
    traffic.note(seen=[seen(one, requests=9, uploads=2, permitted=1)], now=NOW)
    assert ask({one: 5})["one"].granted == 1
    later = NOW + timedelta(seconds=70)
    full = traffic.permits(wanted={one.pk: Wanted({"post": 1}, uploads=1)}, now=later)[one.pk]
    assert (full.granted, full.uploads, full.code) == (1, False, RATE_LIMITED)


@pytest.mark.django_db
def test_a_batch_costs_a_constant_number_of_statements(cast: Cast, network: FakeNetwork) -> None:
    network.rates = (policy(allowed=100), policy("app", 5000, per=Per.APP))  # type: ignore[misc]
    many = [channel(cast.workspace, f"c{number}") for number in range(50)]
    ask(dict.fromkeys(many, 1))  # makes the rows
    seen_ = [seen(one, permitted=1) for one in many]
    for count in (1, 50):
        scopes._known.clear()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            ask(dict.fromkeys(many[:count], 1))
            traffic.note(seen=seen_[:count], now=NOW)
        assert len(queries) <= 8, [one["sql"] for one in queries]


@pytest.mark.django_db(transaction=True)
def test_workers_beside_each_other_never_take_more(cast: Cast, network: FakeNetwork) -> None:
    network.rates = (policy(allowed=40, per=Per.APP), policy("own", 9))  # type: ignore[misc]
    many = [channel(cast.workspace, f"c{number}") for number in range(8)]
    taken: list[int] = []
    errors: list[BaseException] = []
    barrier = threading.Barrier(4)

    def worker(seed: int) -> None:
        dice = random.Random(seed)
        try:
            barrier.wait(10)
            for _ in range(20):
                some = dice.sample(many, 4)
                found = traffic.permits(wanted={one.pk: Wanted({"post": 2}) for one in some}, now=NOW)
                taken.append(sum(one.granted for one in found.values()))
                traffic.note(seen=[seen(one, permitted=1) for one in some], now=NOW)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker, args=(seed,)) for seed in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert not errors
    assert sum(taken) == 40
    used = RateUse.objects.get(scope=Per.APP, key="posts").used
    assert sum(used) == 40
    assert all(sum(row.used) <= 9 for row in RateUse.objects.filter(key="own"))


# ------------------------------------------------------------------------------------------------ outages


def fail(one: Channel, times: int, now: datetime = NOW) -> None:
    for number in range(times):
        error = refused_connection() if number % 2 else down()
        traffic.note(seen=[seen(one, error, what=str(uuid4()))], now=now + timedelta(seconds=number))


@pytest.mark.django_db
def test_a_server_that_does_not_answer_is_left_alone(
    cast: Cast, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    ill, well = channel(cast.workspace, "ill"), channel(cast.workspace, "well", server="two.example")
    fail(ill, circuits.FAILURES)
    now = NOW + timedelta(seconds=10)
    found = ask({ill: 3, well: 1}, now)
    assert (found["ill"].granted, found["ill"].code) == (0, OUTAGE)
    assert found["well"].granted == 1
    assert found["ill"].params["host"] == "one.example"
    assert found["ill"].params["since"] == NOW.isoformat()
    probe_at = found["ill"].wait_until
    assert probe_at is not None
    # One probe, and while it is under way nobody else goes.
    other = channel(cast.other_workspace, "other")
    probing = ask({ill: 3, other: 2}, probe_at)
    assert (probing["ill"].granted, probing["other"].granted) == (1, 0)
    assert ask({other: 2}, probe_at)["other"].granted == 0
    # It fails: the pause grows.
    traffic.note(seen=[seen(ill, down())], now=probe_at + timedelta(seconds=2))
    again = ask({other: 1}, probe_at + timedelta(seconds=3))["other"].wait_until
    assert again == probe_at + timedelta(seconds=2 + 2 * circuits.FIRST_PAUSE)
    # It answers: all may go.
    assert ask({other: 1}, again)["other"].granted == 1
    freed: list[Any] = []
    monkeypatch.setattr(hooks, "resumes", [lambda ids, now: freed.extend(ids)])
    traffic.note(seen=[seen(other)], now=again)
    assert set(freed) == {ill.pk, other.pk}
    assert ask({ill: 3}, again)["ill"].granted == 3
    assert not Circuit.objects.filter(open=True).exists()


@pytest.mark.django_db
def test_the_pause_has_an_end(cast: Cast, network: FakeNetwork) -> None:
    one = channel(cast.workspace, "one")
    fail(one, circuits.FAILURES)
    now = NOW + timedelta(seconds=10)
    for _ in range(12):
        permit = ask({one: 1}, now)["one"]
        while not permit.granted:
            assert permit.wait_until is not None
            assert permit.wait_until - now <= timedelta(seconds=circuits.LONGEST_PAUSE)
            now = permit.wait_until
            permit = ask({one: 1}, now)["one"]
        traffic.note(seen=[seen(one, down())], now=now)


@pytest.mark.django_db
def test_a_lost_probe_is_followed_by_another(cast: Cast, network: FakeNetwork) -> None:
    one = channel(cast.workspace, "one")
    fail(one, circuits.FAILURES)
    now = NOW + timedelta(minutes=1)
    assert ask({one: 1}, now)["one"].granted == 1
    assert ask({one: 1}, now + timedelta(seconds=30))["one"].granted == 0
    assert ask({one: 1}, now + circuits.PROBE_LEASE)["one"].granted == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "errors",
    [
        [NetworkError(Kind.RECONNECT, "not_accepted", status=401)] * 9,
        [NetworkError(Kind.PERMANENT, "refused", status=400)] * 9,
        [NetworkError(Kind.WAIT, "rate_limited", params={"seconds": 1}, status=429)] * 9,
        [down(), down(), down(), None] * 3,
    ],
    ids=["account", "post", "limit", "now and then"],
)
def test_what_is_no_outage_opens_nothing(
    cast: Cast, network: FakeNetwork, errors: list[NetworkError | None]
) -> None:
    one = channel(cast.workspace, "one")
    for number, error in enumerate(errors):
        traffic.note(seen=[seen(one, error, what=str(number))], now=NOW + timedelta(seconds=number))
    assert not Circuit.objects.filter(open=True).exists()


@pytest.mark.django_db
def test_one_post_that_makes_a_server_stumble_is_no_outage(cast: Cast, network: FakeNetwork) -> None:
    one = channel(cast.workspace, "one")
    for number in range(9):
        traffic.note(
            seen=[seen(one, down("server_error", 500), what="delivery-7")],
            now=NOW + timedelta(seconds=number),
        )
    assert not Circuit.objects.filter(open=True).exists()


@pytest.mark.django_db
def test_failures_far_apart_are_no_outage(cast: Cast, network: FakeNetwork) -> None:
    one = channel(cast.workspace, "one")
    for number in range(9):
        now = NOW + number * (circuits.WITHIN + timedelta(seconds=1))
        traffic.note(seen=[seen(one, down(), what=str(number))], now=now)
    assert not Circuit.objects.filter(open=True).exists()


@pytest.mark.django_db(transaction=True)
def test_one_probe_at_a_time_whoever_asks(cast: Cast, network: FakeNetwork) -> None:
    one = channel(cast.workspace, "one")
    fail(one, circuits.FAILURES)
    now = NOW + timedelta(minutes=2)
    granted: list[int] = []
    barrier = threading.Barrier(6)

    def worker() -> None:
        try:
            barrier.wait(10)
            granted.append(traffic.permits(wanted={one.pk: Wanted({"post": 1})}, now=now)[one.pk].granted)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(granted) == [0, 0, 0, 0, 0, 1]
    assert NOW.tzinfo is UTC
