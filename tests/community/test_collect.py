"""What others say comes in once, whoever reads it and however often."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from spilno.channels.models import Channel, Health
from spilno.community import collect
from spilno.community.models import Member, Message, Watch
from spilno.facts.models import Fact
from spilno.publishing.models import Delivery
from spilno.team.services import create_workspace
from spilno.toolkit.networks.base import Kind, NetworkError, Said
from spilno.toolkit.networks.bluesky import Bluesky
from tests.community.conftest import Scene, said, scene_of
from tests.conftest import NOW


class World:
    """What the network answers, and how often it was asked."""

    def __init__(self) -> None:
        self.words: list[Said] = []
        self.error: NetworkError | None = None
        self.asked: list[str] = []

    def replies(
        self, network: object, *, client: object, credentials: object, external_id: str
    ) -> list[Said]:
        self.asked.append(external_id)
        if self.error is not None:
            raise self.error
        return list(self.words)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World()
    monkeypatch.setattr(Bluesky, "replies", lambda self, **asked: world.replies(self, **asked))
    return world


def test_words_come_in_once_and_become_facts_without_names(scene: Scene, world: World) -> None:
    world.words = [said(1), said(2, to="words-1")]
    assert collect.due(now=NOW) == 2
    assert collect.due(now=NOW + timedelta(minutes=5)) == 0
    first, _second = Message.objects.order_by("external_id")
    assert (first.author, first.author_name, first.text) == (
        "handle1.example.org",
        "Ірина 1",
        "Чи буде запис?",
    )
    assert first.delivery == scene.delivery
    facts = list(Fact.objects.filter(source="network:bluesky").order_by("source_key"))
    assert [one.kind for one in facts] == ["message", "reply"]
    assert {one.item_id for one in facts} == {scene.delivery.variant.item_id}
    assert facts[0].initiative_id == scene.delivery.variant.item.initiative_id
    row = " ".join(f"{one.actor} {one.subject} {one.source_key} {one.data}" for one in facts)
    assert "handle" not in row
    assert "Ірина" not in row


def test_the_same_person_is_one_actor_and_one_member(scene: Scene, world: World) -> None:
    world.words = [said(1, author="iryna"), said(2, author="iryna"), said(3, author="taras")]
    collect.due(now=NOW)
    assert Fact.objects.values("actor").distinct().count() == 2
    assert Member.objects.filter(community=scene.community).count() == 2


def test_an_edited_text_reads_as_it_is_now_and_counts_once(scene: Scene, world: World) -> None:
    world.words = [said(1)]
    collect.due(now=NOW)
    world.words = [said(1, "Чи буде запис зустрічі?")]
    assert collect.due(now=NOW + timedelta(minutes=3)) == 0
    assert Message.objects.get().text == "Чи буде запис зустрічі?"
    assert Fact.objects.count() == 1


def test_only_what_is_due_is_asked(scene: Scene, world: World) -> None:
    collect.due(now=NOW)
    collect.due(now=NOW + timedelta(minutes=1))
    assert world.asked == ["post-1"]
    collect.due(now=NOW + timedelta(minutes=2))
    assert world.asked == ["post-1", "post-1"]


@pytest.mark.parametrize(
    ("age", "pause"),
    [
        (timedelta(hours=1), timedelta(minutes=2)),
        (timedelta(hours=30), timedelta(minutes=15)),
        (timedelta(days=30), timedelta(hours=12)),
        (timedelta(days=61), None),
    ],
)
def test_young_posts_are_read_often_and_old_ones_never(age: timedelta, pause: timedelta | None) -> None:
    found = collect.next_look(published_at=NOW - age, now=NOW)
    assert found == (None if pause is None else NOW + pause)


def test_old_posts_and_channels_by_hand_are_not_watched(scene: Scene) -> None:
    Delivery.objects.update(published_at=NOW - timedelta(days=80))
    collect.watch_new(now=NOW)
    assert not Watch.objects.exists()
    Delivery.objects.update(published_at=NOW)
    Channel.objects.update(by_hand=True)
    collect.watch_new(now=NOW)
    assert not Watch.objects.exists()


@pytest.mark.parametrize(
    ("error", "health", "pause"),
    [
        (NetworkError(Kind.UNREACHABLE, "unreachable"), Health.TROUBLE, collect.AGAIN),
        (NetworkError(Kind.RECONNECT, "bad_login"), Health.RECONNECT, collect.AGAIN),
        (
            NetworkError(Kind.WAIT, "rate_limited", retry_at=NOW + timedelta(hours=1)),
            Health.NEW,
            timedelta(hours=1),
        ),
        (NetworkError(Kind.PERMANENT, "not_found"), Health.NEW, collect.AGAIN),
    ],
    ids=["down", "password", "limit", "deleted"],
)
def test_a_network_that_fails_is_asked_later(
    scene: Scene, world: World, error: NetworkError, health: str, pause: timedelta
) -> None:
    world.error = error
    assert collect.due(now=NOW) == 0
    assert Watch.objects.get().next_at == NOW + pause
    assert Channel.objects.get().health == health


def test_workspaces_are_apart(scene: Scene, world: World) -> None:
    other = create_workspace(name="Other", slug="other", now=NOW)
    scene_of(other, key="theirs")
    world.words = [said(1, author="iryna")]
    collect.due(now=NOW)
    ours = Message.objects.filter(workspace=scene.workspace)
    theirs = Message.objects.filter(workspace=other)
    assert (ours.count(), theirs.count()) == (1, 1)
    assert Fact.objects.values("actor").distinct().count() == 2  # a key tells nothing across workspaces


@pytest.mark.django_db(transaction=True)
def test_many_workers_take_in_each_word_once(world: World) -> None:
    scene = scene_of(create_workspace(name="Rush", slug="rush", now=NOW))
    world.words = [said(number) for number in range(5)]
    start = Barrier(4)

    def one(_number: int) -> int:
        try:
            start.wait(timeout=20)
            return collect.due(now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        new = sum(pool.map(one, range(4)))
    assert new == 5
    assert world.asked == ["post-1"]
    assert Message.objects.filter(channel=scene.channel).count() == 5
    assert Fact.objects.filter(kind="message").count() == 5
