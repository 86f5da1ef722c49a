"""What was saved is kept, can be told apart and brought back; what was typed waits for its person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from spilno.channels.models import Channel
from spilno.kernel.errors import Conflict, NotAllowed, UserError
from spilno.plan import services as plan
from spilno.plan.models import Item, Media
from spilno.plan.services import Draft, VariantDraft
from spilno.plan.writing import presence, typed, versions
from spilno.plan.writing.models import ItemVersion, Presence, TypedDraft, Why
from spilno.publishing import composition, restoring
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.team.models import Person
from tests.conftest import Cast
from tests.plan.conftest import make_channel, store  # noqa: F401 - a fixture

Store = Callable[..., Media]


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


@pytest.fixture
def matrix(cast: Cast) -> Channel:
    return make_channel(cast, "matrix")


def save(
    cast: Cast, item: Item | None = None, *, by: Person | None = None, after: int = 0, **values: object
) -> Item:
    """Save ``after`` minutes later than the day began."""
    said = {"text": item.text, "title": item.title} if item else {}
    return composition.save(
        workspace=cast.workspace,
        draft=Draft(**{**said, **values}),  # type: ignore[arg-type]
        by=by or cast.owner,
        now=cast.now + timedelta(minutes=after),
        item=item,
        expected_version=Item.objects.get(pk=item.pk).version if item else 0,
    )


def told(item: Item) -> list[tuple[int, str, str, str]]:
    """Number, why, who and the text of each version, the first first."""
    return [
        (one.number, one.why, one.by.name if one.by else "", one.content["text"])
        for one in reversed(versions.of(item))
    ]


def test_saving_makes_a_version_and_saving_the_same_does_not(cast: Cast) -> None:
    item = save(cast, text="Одне")
    save(cast, item, after=20)
    assert told(item) == [(1, Why.FIRST, "Olena", "Одне")]
    item = save(cast, item, after=30, text="Друге")
    item = save(cast, item, after=31, by=cast.colleague, text="Третє")
    assert told(item)[1:] == [(2, Why.SAVED, "Olena", "Друге"), (3, Why.SAVED, "Taras", "Третє")]


def test_one_sitting_is_one_version_unless_somebody_else_is_there(cast: Cast) -> None:
    item = save(cast, text="Одне")
    item = save(cast, item, after=20, text="Друге")
    item = save(cast, item, after=25, text="Третє")
    assert [one[3] for one in told(item)] == ["Одне", "Третє"]
    item = save(cast, item, after=31, text="Після перерви")
    assert [one[3] for one in told(item)] == ["Одне", "Третє", "Після перерви"]
    presence.here(item=item, person=cast.colleague, now=cast.now + timedelta(minutes=32))
    item = save(cast, item, after=32, text="При колезі")
    assert [one[3] for one in told(item)] == ["Одне", "Третє", "Після перерви", "При колезі"]


def test_what_was_changed_elsewhere_is_told_apart(cast: Cast, bluesky: Channel) -> None:
    item = plan.create_item(workspace=cast.workspace, by=cast.colleague, now=cast.now, text="Написано раніше")
    item = save(cast, item, after=60, text="Змінено")
    assert told(item) == [(1, Why.FIRST, "Taras", "Написано раніше"), (2, Why.SAVED, "Olena", "Змінено")]
    plan.put_variant(item=item, channel=bluesky, by=cast.owner, now=cast.now)
    item.refresh_from_db()
    save(cast, item, after=90, text="І ще раз", variants=[VariantDraft(bluesky)])
    assert [one[1] for one in told(item)[2:]] == [Why.ELSEWHERE, Why.SAVED]
    kept = versions.of(item)[1].content
    assert kept["variants"] == [{"channel": str(bluesky.pk), "placement": "post", "text": "", "at": ""}]
    assert versions.changed(versions.of(item)[2].content, kept) == [f"{bluesky.pk}:post"]


def test_the_number_of_versions_is_bounded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "KEPT", 3)
    item = save(cast, text="0")
    for number in range(1, 7):
        item = save(cast, item, after=20 * number, text=str(number))
    assert [one[3] for one in told(item)] == ["0", "4", "5", "6"]


def test_a_version_comes_back_as_a_new_one(
    cast: Cast,
    bluesky: Channel,
    matrix: Channel,
    store: Store,  # noqa: F811
) -> None:
    photo = store()
    later = cast.now + timedelta(days=3)
    item = save(
        cast, text="Перше", title="Назва", link="https://example.org/", media=[photo],
        variants=[VariantDraft(bluesky, text="Коротше", publish_at=later), VariantDraft(matrix, "message")],
    )  # fmt: skip
    item = save(
        cast, item, after=20, text="Друге", title="", variants=[VariantDraft(matrix, "message", text="Інше")]
    )
    first = versions.of(item).last()
    assert first
    done = restoring.restore(
        item=item,
        version=first,
        by=cast.owner,
        now=cast.now + timedelta(minutes=21),
        expected_version=item.version,
    )
    assert done.gone == 0
    fresh = Item.objects.get()
    assert versions.content_of(fresh) == first.content
    assert (fresh.text, fresh.title, fresh.link) == ("Перше", "Назва", "https://example.org/")
    newest = versions.of(item)[0]
    assert (newest.number, newest.why, newest.restored) == (3, Why.RESTORED, 1)
    with pytest.raises(Conflict):
        restoring.restore(item=fresh, version=first, by=cast.owner, now=cast.now, expected_version=1)
    with pytest.raises(NotAllowed):
        restoring.restore(
            item=fresh, version=first, by=cast.analyst, now=cast.now, expected_version=fresh.version
        )


def test_what_is_gone_is_left_out_and_told(
    cast: Cast,
    bluesky: Channel,
    store: Store,  # noqa: F811
) -> None:
    photo = store()
    item = save(cast, text="Перше", media=[photo], variants=[VariantDraft(bluesky)])
    item = save(cast, item, after=20, text="Друге", media=[], variants=[])
    photo.delete()
    Channel.objects.filter(pk=bluesky.pk).update(is_active=False)
    first = versions.of(item).last()
    assert first
    done = restoring.restore(
        item=item, version=first, by=cast.owner, now=cast.now, expected_version=item.version
    )
    assert (done.gone, done.item.text) == (2, "Перше")
    assert not Item.objects.get().variants.exists()


def test_what_is_out_stays_as_it_is(cast: Cast, bluesky: Channel, matrix: Channel) -> None:
    item = save(cast, text="Перше", variants=[VariantDraft(bluesky)])
    places = [VariantDraft(bluesky), VariantDraft(matrix, "message", text="А")]
    item = save(cast, item, after=20, text="Друге", variants=places)
    item = save(
        cast,
        item,
        after=40,
        text="Друге",
        variants=[VariantDraft(bluesky), VariantDraft(matrix, "message", text="Б")],
    )
    variant = item.variants.get(channel=bluesky)
    Delivery.objects.create(
        workspace=cast.workspace, variant=variant, channel=bluesky, state=DeliveryState.PUBLISHED,
        due_at=cast.now, published_at=cast.now, created_at=cast.now, updated_at=cast.now,
    )  # fmt: skip
    third, second, first = versions.of(item)
    with pytest.raises(UserError) as caught:
        restoring.restore(
            item=item, version=first, by=cast.owner, now=cast.now, expected_version=item.version
        )
    assert caught.value.code == "item_is_out"
    assert Item.objects.get().text == "Друге"
    assert third.content["variants"][1]["text"] == "Б"
    restoring.restore(item=item, version=second, by=cast.owner, now=cast.now, expected_version=item.version)
    assert item.variants.get(channel=matrix).text == "А"


def test_people_see_each_other_for_a_while(cast: Cast) -> None:
    item = save(cast, text="Одне")
    assert presence.here(item=item, person=cast.owner, now=cast.now) == []
    assert presence.here(item=item, person=cast.colleague, now=cast.now) == [cast.owner]
    soon = cast.now + presence.LASTS - timedelta(seconds=1)
    assert presence.here(item=item, person=cast.owner, now=soon) == [cast.colleague]
    assert presence.others(item=item, person=cast.owner, now=cast.now + presence.LASTS) == []
    presence.gone(item=item, person=cast.owner)
    assert presence.others(item=item, person=cast.colleague, now=soon) == []
    presence.forget(now=cast.now + presence.LASTS * 2)
    assert not Presence.objects.exists()


def test_typed_words_are_each_persons_own(cast: Cast) -> None:
    item = save(cast, text="Одне")
    for text in ("Не збере", "Не збережене"):
        typed.keep(person=cast.owner, item=item, fields={"text": [text]}, item_version=1, now=cast.now)
    typed.keep(
        person=cast.owner,
        item=None,
        fields={"text": ["Новий"], "to": ["a", "b"]},
        item_version=0,
        now=cast.now,
    )
    assert TypedDraft.objects.count() == 2
    found = typed.kept(person=cast.owner, item=item)
    assert found
    assert found.fields == {"text": ["Не збережене"]}
    assert typed.kept(person=cast.colleague, item=item) is None
    assert Item.objects.get().text == "Одне"
    typed.forget(person=cast.owner, item=item)
    new = typed.kept(person=cast.owner, item=None)
    assert new
    assert new.fields["to"] == ["a", "b"]
    typed.forget_old(now=cast.now + typed.KEPT + timedelta(seconds=1))
    assert not TypedDraft.objects.exists()
    with pytest.raises(UserError) as caught:
        typed.keep(
            person=cast.owner, item=None, fields={"text": ["а" * 300_000]}, item_version=0, now=cast.now
        )
    assert caught.value.code == "text_far_too_long"
    with pytest.raises(NotAllowed):
        typed.keep(person=cast.analyst, item=None, fields={}, item_version=0, now=cast.now)
    assert ItemVersion.objects.count() == 1
