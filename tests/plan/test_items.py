"""Items and their variants."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections

from spilno.briefs.models import Initiative
from spilno.channels.models import Channel
from spilno.kernel.errors import Conflict, NotAllowed, UserError
from spilno.plan import queries, renditions, services
from spilno.plan.models import Item, Media, Variant
from spilno.plan.services import Draft, VariantDraft
from spilno.publishing.models import Delivery
from spilno.team.models import AuditEntry
from tests.conftest import Cast
from tests.plan.conftest import make_channel, picture

Store = Callable[..., Media]


def make_initiative(cast: Cast, slug: str = "book-sale", *, other: bool = False) -> Initiative:
    return Initiative.objects.create(
        workspace=cast.other_workspace if other else cast.workspace,
        slug=slug,
        title={"uk": "Ярмарок книг"},
        starts_on=dt.date(2026, 11, 1),
        ends_on=dt.date(2026, 11, 30),
        created_at=cast.now,
    )


def make_item(cast: Cast, text: str = "Понад 80 книг чекають", **values: object) -> Item:
    values = {"workspace": cast.workspace, "by": cast.owner} | values
    return services.create_item(now=cast.now, text=text, **values)  # type: ignore[arg-type]


def deliver(variant: Variant, state: str, now: dt.datetime, **values: object) -> Delivery:
    return Delivery.objects.create(
        workspace_id=variant.workspace_id,
        variant=variant,
        channel=variant.channel,
        state=state,
        due_at=variant.publish_at or now,
        created_at=now,
        updated_at=now,
        **values,  # type: ignore[arg-type]
    )


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        call()
    return caught.value.code


def test_an_item_gets_a_key_from_its_words(cast: Cast) -> None:
    item = make_item(cast, title="Каталог для всіх")
    assert item.key == "kataloh-dlia-vsikh"
    assert (item.version, item.owner, item.created_at) == (1, cast.owner, cast.now)
    again = make_item(cast, title="Каталог для всіх")
    assert again.key != item.key
    assert again.key.startswith("kataloh-dlia-vsikh-")
    assert make_item(cast, text="").key
    initiative = make_initiative(cast)
    assert make_item(cast, title="Каталог для всіх", initiative=initiative).key == item.key
    assert code_of(lambda: make_item(cast, key=item.key)) == "item_key_taken"
    assert AuditEntry.objects.filter(action="item.created", initiative_id=initiative.pk).count() == 1


def test_content_is_checked(cast: Cast, store: Store) -> None:
    elsewhere = make_item(cast, workspace=cast.other_workspace, by=cast.outsider)
    foreign = store(workspace=cast.other_workspace, by=cast.outsider)
    for link in (
        "example.org",
        "javascript:alert(1)",
        "https://",
        "ftp://example.org",
        "https://a b",
        "http://[",
    ):
        assert code_of(lambda link=link: make_item(cast, link=link)) == "link_not_an_address", link
    assert code_of(lambda: make_item(cast, link_to=elsewhere)) == "unknown_item"
    assert code_of(lambda: make_item(cast, media=[foreign])) == "unknown_media"
    assert code_of(lambda: make_item(cast, text="a" * 60_001)) == "text_far_too_long"
    other = make_initiative(cast, other=True)
    assert code_of(lambda: make_item(cast, initiative=other)) == "unknown_initiative"
    assert Item.objects.filter(workspace=cast.workspace).count() == 0


def test_who_may_plan(cast: Cast, bluesky: Channel) -> None:
    item = make_item(cast, by=cast.colleague)
    variant = services.put_variant(item=item, channel=bluesky, by=cast.colleague, now=cast.now)
    calls: list[Callable[[], object]] = [
        lambda: make_item(cast, by=cast.analyst),
        lambda: services.update_item(item=item, by=cast.analyst, now=cast.now, expected_version=2, text="x"),
        lambda: services.put_variant(item=item, channel=bluesky, by=cast.analyst, now=cast.now),
        lambda: services.remove_variant(variant=variant, by=cast.analyst, now=cast.now),
        lambda: services.delete_item(item=item, by=cast.analyst, now=cast.now),
        lambda: services.restore_item(item=item, by=cast.analyst, now=cast.now),
    ]
    for call in calls:
        with pytest.raises(NotAllowed):
            call()


def test_updating_changes_only_what_is_named(cast: Cast, store: Store) -> None:
    one, two = store(), store(picture(color="red"))
    item = make_item(cast, title="Title", link="https://example.org/", media=[one, two])
    later = cast.now + timedelta(minutes=5)
    changed = services.update_item(
        item=item, by=cast.colleague, now=later, expected_version=1, text=" new ", media=[two, one]
    )
    assert (changed.title, changed.text, changed.link) == ("Title", "new", "https://example.org/")
    assert (changed.version, changed.updated_at) == (2, later)
    assert queries.media_of(changed) == [two, one]
    cleared = services.update_item(
        item=changed, by=cast.colleague, now=later, expected_version=2, link="", media=[]
    )
    assert (cleared.link, queries.media_of(cleared)) == ("", [])


def test_two_editors_at_once(cast: Cast) -> None:
    item = make_item(cast)
    services.update_item(item=item, by=cast.owner, now=cast.now, expected_version=1, text="first")
    with pytest.raises(Conflict) as caught:
        services.update_item(item=item, by=cast.colleague, now=cast.now, expected_version=1, text="second")
    assert caught.value.code == "item_changed"
    assert Item.objects.get().text == "first"


@pytest.mark.django_db(transaction=True)
def test_two_editors_in_the_same_moment(cast: Cast) -> None:
    item = make_item(cast)
    barrier = threading.Barrier(2)
    results: list[str] = []

    def edit(text: str) -> None:
        barrier.wait()
        try:
            services.update_item(item=item, by=cast.owner, now=cast.now, expected_version=1, text=text)
            results.append(text)
        except Conflict:
            results.append("conflict")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=edit, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "conflict" in results
    winner = next(one for one in results if one != "conflict")
    saved = Item.objects.get()
    assert (saved.text, saved.version) == (winner, 2)


def test_moving_to_another_initiative_where_the_key_is_taken(cast: Cast) -> None:
    initiative = make_initiative(cast)
    make_item(cast, title="Same", initiative=initiative)
    item = make_item(cast, title="Same")
    moved = services.update_item(
        item=item, by=cast.owner, now=cast.now, expected_version=1, initiative=initiative
    )
    assert moved.initiative == initiative
    assert moved.key.startswith("same-")


def test_variants_have_own_words_or_the_common_ones(cast: Cast, bluesky: Channel, matrix: Channel) -> None:
    item = make_item(cast)
    first = services.put_variant(item=item, channel=bluesky, by=cast.owner, now=cast.now)
    second = services.put_variant(
        item=item, channel=matrix, by=cast.owner, now=cast.now, placement="message", text="For the room"
    )
    assert queries.text_of(first) == item.text
    assert queries.text_of(second) == "For the room"
    again = services.put_variant(item=item, channel=bluesky, by=cast.owner, now=cast.now, text="Own")
    assert (again.pk, again.text) == (first.pk, "Own")
    back = services.put_variant(item=item, channel=bluesky, by=cast.owner, now=cast.now)
    assert queries.text_of(back) == item.text
    assert Item.objects.get().version == 5, "an editor who read the item before must see that it changed"


def test_variants_are_checked(cast: Cast, bluesky: Channel) -> None:
    item = make_item(cast)

    def put(channel: Channel, placement: str = "post") -> Callable[[], Variant]:
        return lambda: services.put_variant(
            item=item, channel=channel, by=cast.owner, now=cast.now, placement=placement
        )

    assert code_of(put(make_channel(cast, "bluesky", other=True))) == "unknown_channel"
    assert code_of(put(make_channel(cast, "bluesky", "gone", is_active=False))) == "channel_disconnected"
    assert code_of(put(bluesky, "billboard")) == "unknown_placement"
    assert code_of(put(make_channel(cast, "no_such_network"))) == "unknown_network"
    services.delete_item(item=item, by=cast.owner, now=cast.now)
    item.refresh_from_db()
    assert code_of(put(bluesky)) == "item_deleted"


def test_what_is_scheduled_is_called_off_before_it_is_removed(cast: Cast, bluesky: Channel) -> None:
    variant = services.put_variant(item=make_item(cast), channel=bluesky, by=cast.owner, now=cast.now)
    delivery = deliver(variant, "queued", cast.now)

    def remove() -> None:
        services.remove_variant(variant=variant, by=cast.owner, now=cast.now)

    assert code_of(remove) == "variant_is_scheduled"
    delivery.delete()
    remove()
    assert not Variant.objects.exists()


def test_deleting_can_be_undone(cast: Cast, bluesky: Channel) -> None:
    item = make_item(cast)
    variant = services.put_variant(item=item, channel=bluesky, by=cast.owner, now=cast.now)
    services.delete_item(item=item, by=cast.owner, now=cast.now)
    assert not queries.items(cast.workspace).exists()
    with pytest.raises(UserError) as caught:
        services.update_item(item=item, by=cast.owner, now=cast.now, expected_version=1, text="x")
    assert caught.value.code == "item_deleted"
    assert code_of(lambda: queries.outgoing(variant=variant, key="k", now=cast.now)) == "item_deleted"
    services.restore_item(item=item, by=cast.owner, now=cast.now)
    assert queries.items(cast.workspace).get().variants.get() == variant
    assert list(AuditEntry.objects.filter(object_id=item.pk).order_by("at", "pk").values_list("action", flat=True)) == [
        "item.created", "item.deleted", "item.restored",
    ]  # fmt: skip


def test_what_is_out_cannot_change(cast: Cast, bluesky: Channel, matrix: Channel, store: Store) -> None:
    item = make_item(cast)
    at = cast.now + timedelta(hours=1)
    out = services.put_variant(item=item, channel=bluesky, by=cast.owner, now=cast.now, publish_at=at)
    draft = Draft(
        title="Only a name for us",
        text=item.text,
        variants=[VariantDraft(bluesky, publish_at=at), VariantDraft(matrix, "message", "Own words")],
    )

    def save(**values: object) -> Item:
        version = Item.objects.get().version
        return services.save_draft(
            workspace=cast.workspace, item=item, expected_version=version, by=cast.owner, now=cast.now,
            locked={out.pk}, draft=Draft(**({**vars(draft), **values})),
        )  # type: ignore[arg-type]  # fmt: skip

    assert save().title == "Only a name for us"
    assert item.variants.count() == 2, "another channel can still be added"
    for values in ({"text": "new"}, {"link": "https://example.org"}, {"media": [store()]}):
        assert code_of(lambda values=values: save(**values)) == "item_is_out"
    matrix_only = [VariantDraft(matrix, "message", "Own words")]
    assert code_of(lambda: save(variants=matrix_only)) == "variant_is_out"
    for change in ({"text": "other"}, {"publish_at": at + timedelta(hours=1)}):
        wrong = VariantDraft(**({"channel": bluesky, "publish_at": at} | change))  # type: ignore[arg-type]
        assert code_of(lambda wrong=wrong: save(variants=[wrong, *matrix_only])) == "variant_is_out"
    assert (
        code_of(lambda: services.delete_item(item=item, by=cast.owner, now=cast.now, locked={out.pk}))
        == "item_is_out"
    )
    assert item.variants.get(channel=bluesky).publish_at == at


def test_a_draft_is_saved_whole_or_not_at_all(cast: Cast, bluesky: Channel, matrix: Channel) -> None:
    at = cast.now + timedelta(hours=2)
    draft = Draft(
        text="Common", variants=[VariantDraft(matrix, "message", "Room", at), VariantDraft(bluesky)]
    )
    item = services.save_draft(workspace=cast.workspace, draft=draft, by=cast.owner, now=cast.now)
    found = [(one.channel, one.placement, one.text, one.publish_at) for one in item.variants.all()]
    assert found == [(matrix, "message", "Room", at), (bluesky, "post", "", None)]
    bad = Draft(text="Changed", variants=[VariantDraft(bluesky), VariantDraft(matrix, "no-such-place")])
    assert (
        code_of(
            lambda: services.save_draft(
                workspace=cast.workspace,
                draft=bad,
                item=item,
                expected_version=1,
                by=cast.owner,
                now=cast.now,
            )
        )
        == "unknown_placement"
    )
    kept = Item.objects.get()
    assert (kept.text, kept.version, kept.variants.count()) == ("Common", 1, 2)
    twice = Draft(variants=[VariantDraft(bluesky), VariantDraft(bluesky, text="again")])
    assert (
        code_of(
            lambda: services.save_draft(workspace=cast.workspace, draft=twice, by=cast.owner, now=cast.now)
        )
        == "channel_twice"
    )
    less = Draft(text="Less", variants=[VariantDraft(bluesky)])
    services.save_draft(
        workspace=cast.workspace, draft=less, item=item, expected_version=1, by=cast.owner, now=cast.now
    )
    assert [one.channel for one in item.variants.all()] == [bluesky]


def test_what_leaves(cast: Cast, instagram: Channel, store: Store) -> None:
    one, two = store(alt="Books"), store(picture("PNG", (200, 100)))
    item = make_item(cast, link="https://example.org/catalogue", media=[two, one])
    variant = services.put_variant(item=item, channel=instagram, by=cast.owner, now=cast.now, text="Own")
    Variant.objects.filter(pk=variant.pk).update(text="Changed meanwhile")
    with pytest.raises(UserError) as caught:  # the drawing has to become a photograph first
        queries.outgoing(variant=variant, key="d-1", now=cast.now)
    assert (caught.value.code, caught.value.params) == ("media_not_ready", {"name": "photo.png"})
    assert renditions.work(kind="image", clock=lambda: cast.now) == 1
    post = queries.outgoing(variant=variant, key="d-1", now=cast.now)
    assert (post.key, post.placement, post.language) == ("d-1", "post", "uk")
    assert post.text == "Changed meanwhile", (
        "what is in the database now leaves, not what was when it was read"
    )
    assert post.link == "https://example.org/catalogue"
    assert [(file.mime, file.width, file.height, file.alt) for file in post.media] == [
        ("image/jpeg", 320, 168, ""),
        ("image/jpeg", 640, 480, "Books"),
    ]
    assert all(file.path.stat().st_size == file.bytes for file in post.media)
    assert all(file.url.startswith("http") for file in post.media)


def test_a_post_that_leads_to_another_post(cast: Cast, group: Channel, instagram: Channel) -> None:
    target = make_item(cast, title="Catalogue")
    there = services.put_variant(item=target, channel=group, by=cast.owner, now=cast.now)
    story = make_item(cast, text="", link_to=target)
    variant = services.put_variant(
        item=story, channel=instagram, by=cast.owner, now=cast.now, placement="story"
    )
    assert queries.link_of(variant) == ""
    with pytest.raises(UserError) as caught:
        queries.outgoing(variant=variant, key="k", now=cast.now)
    assert (caught.value.code, caught.value.params) == ("linked_post_not_out", {"title": "Catalogue"})
    delivery = deliver(there, "queued", cast.now, external_url="https://social.example/1")
    assert queries.link_of(variant) == "", "only a published post has an address to lead to"
    Delivery.objects.filter(pk=delivery.pk).update(state="published")
    assert queries.outgoing(variant=variant, key="k", now=cast.now).link == "https://social.example/1"
    assert (
        code_of(
            lambda: services.update_item(
                item=target, by=cast.owner, now=cast.now, expected_version=2, link_to=target
            )
        )
        == "link_to_itself"
    )


def test_what_an_item_is_called() -> None:
    assert queries.title_of("Title", "text") == "Title"
    assert queries.title_of("", "\n  First line \nsecond") == "First line"
    assert queries.title_of("", "") == ""
    long = queries.title_of("", "а" * 200)
    assert len(long) == 80
    assert long.endswith("…")
