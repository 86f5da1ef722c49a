"""Messages that wait, and communities with what is known about them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from spilno.community import collect, queries, services
from spilno.community.models import Message
from spilno.facts.services import observe, record
from spilno.kernel.errors import NotAllowed
from tests.community.conftest import Scene, said, scene_of
from tests.conftest import NOW, Cast


def members(scene: Scene, number: int, at: datetime) -> None:
    observe(
        workspace=scene.workspace, subject_kind="channel", subject_id=scene.channel.pk, metric="followers",
        value=Decimal(number), observed_at=at, now=NOW, source="test",
    )  # fmt: skip


def test_taking_care_can_be_undone_and_is_on_record(scene: Scene, cast: Cast) -> None:
    collect.take_in(delivery=scene.delivery, said=[said(1)], now=NOW)
    message = Message.objects.get()
    assert services.handle(message=message, by=cast.owner, now=NOW)
    assert not services.handle(message=message, by=cast.owner, now=NOW)
    assert queries.open_messages(cast.workspace).count() == 0
    message.refresh_from_db()
    assert (message.handled_by, message.handled_at) == (cast.owner, NOW)
    assert services.reopen(message=message, by=cast.owner, now=NOW)
    assert not services.reopen(message=message, by=cast.owner, now=NOW)
    assert queries.open_messages(cast.workspace).count() == 1


def test_who_may_not_answer_may_not_say_that_it_is_done(scene: Scene, cast: Cast) -> None:
    collect.take_in(delivery=scene.delivery, said=[said(1)], now=NOW)
    for person in (cast.analyst, cast.colleague):
        with pytest.raises(NotAllowed):
            services.handle(message=Message.objects.get(), by=person, now=NOW)
    assert Message.objects.get().handled_at is None


def test_posts_with_waiting_messages_come_first(scene: Scene, cast: Cast) -> None:
    other = scene_of(cast.workspace, key="second")
    collect.take_in(delivery=scene.delivery, said=[said(1), said(2)], now=NOW)
    collect.take_in(delivery=other.delivery, said=[said(3), said(4), said(5)], now=NOW)
    for message in Message.objects.filter(delivery=other.delivery):
        services.handle(message=message, by=None, now=NOW)
    found = queries.talked_about(cast.workspace)
    assert [(one.open, one.total) for one in found] == [(2, 2), (0, 3)]


def test_members_and_their_growth(scene: Scene, cast: Cast) -> None:
    scene.channel.community = scene.community
    scene.channel.save()
    (card,) = queries.cards(cast.workspace, now=NOW)
    assert (card.growth.members, card.growth.change) == (None, None)  # unknown, not nought
    members(scene, 100, NOW - timedelta(days=40))
    members(scene, 104, NOW - timedelta(days=31))
    members(scene, 130, NOW - timedelta(days=1))
    (card,) = queries.cards(cast.workspace, now=NOW)
    assert (card.growth.members, card.growth.change) == (Decimal(130), Decimal(26))
    assert card.growth.as_of == NOW - timedelta(days=1)


def test_an_old_reading_says_nothing_about_this_month(scene: Scene, cast: Cast) -> None:
    scene.channel.community = scene.community
    scene.channel.save()
    members(scene, 400, NOW - timedelta(days=400))
    members(scene, 454, NOW - timedelta(days=380))
    (card,) = queries.cards(cast.workspace, now=NOW)
    assert (card.growth.members, card.growth.change) == (Decimal(454), None)


def test_people_are_known_by_what_they_did(scene: Scene, cast: Cast) -> None:
    initiative = scene.delivery.variant.item.initiative_id
    for number, (kind, actor, scope) in enumerate(
        [
            ("registration", "a", "external"),
            ("lead", "a", "external"),
            ("item_given", "b", "internal"),
            ("visit", "visitor:c", ""),  # visitors are not known from day to day
            ("donation", "", ""),
        ]
    ):
        record(
            workspace=cast.workspace, kind=kind, occurred_at=NOW - timedelta(days=number), now=NOW, source="test",
            source_key=str(number), initiative_id=initiative, actor=actor, actor_scope=scope,
        )  # fmt: skip
    card = queries.card_of(cast.workspace, "pm", now=NOW)
    assert card is not None
    faces = {one.actor: one for one in queries.faces(cast.workspace, card)}
    assert set(faces) == {"a", "b"}
    assert (faces["a"].deeds, faces["a"].scope, faces["a"].first_seen) == (
        2,
        "external",
        NOW - timedelta(days=1),
    )
    assert queries.scopes(cast.workspace, card) == {"external": 1, "internal": 1}


def test_those_who_wrote_have_the_name_they_write_under(scene: Scene, cast: Cast) -> None:
    collect.take_in(delivery=scene.delivery, said=[said(1)], now=NOW)
    card = queries.card_of(cast.workspace, "pm", now=NOW)
    assert card is not None
    assert [one.name for one in queries.faces(cast.workspace, card)] == ["Ірина 1"]
    assert [one.text for one in card.latest] == ["Чи буде запис?"]


def test_another_workspace_sees_nothing(scene: Scene, cast: Cast) -> None:
    collect.take_in(delivery=scene.delivery, said=[said(1)], now=NOW)
    assert queries.cards(cast.other_workspace, now=NOW) == []
    assert not queries.messages(cast.other_workspace).exists()
    assert queries.message_of(cast.other_workspace, Message.objects.get().pk) is None


def test_cards_cost_the_same_however_much_was_said(
    scene: Scene, cast: Cast, django_assert_max_num_queries
) -> None:  # type: ignore[no-untyped-def]
    collect.take_in(delivery=scene.delivery, said=[said(number) for number in range(60)], now=NOW)
    with django_assert_max_num_queries(8):
        queries.cards(cast.workspace, now=NOW)
