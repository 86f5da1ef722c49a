"""Files are made into what networks take ahead of time: once, whoever dies meanwhile."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import translation
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.plan import checks, jobs, queries, renditions, services, stored
from spilno.plan.models import Item, Media, Rendition, Variant
from spilno.toolkit.media import bounded
from spilno.toolkit.media.facts import MediaTrouble
from tests.conftest import Cast
from tests.plan.conftest import make_channel, picture
from tests.plan.test_items import make_item
from tests.toolkit.media.films import film, moving, photo

Store = Callable[..., Media]
S = Rendition.State
DAY = timedelta(days=1)


def put(
    cast: Cast, channel: Channel, media: list[Media], at: datetime | None = None, **values: Any
) -> Variant:
    item = make_item(cast, "Words", media=media)
    return services.put_variant(
        item=item, channel=channel, by=cast.owner, now=cast.now, publish_at=at, **values
    )


def make(cast: Cast, kind: str = "image") -> int:
    return renditions.work(kind=kind, clock=lambda: cast.now)


def composed(cast: Cast, variant: Variant) -> Any:
    return queries.outgoing(variant=variant, key="k", now=cast.now)


def code_of(run: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(UserError) as caught:
        run()
    return caught.value.code, str(caught.value.params.get("reason", ""))


def test_what_has_a_time_is_made_ahead(cast: Cast, instagram: Channel, store: Store) -> None:
    drawing = store(picture("PNG", (300, 900)), alt="Books")
    put(cast, instagram, [drawing])
    assert not Rendition.objects.exists(), "a draft may still change"
    variant = put(cast, instagram, [drawing], at=cast.now + DAY)
    (row,) = Rendition.objects.all()
    assert (row.state, row.wanted_at, row.workspace) == (S.PENDING, cast.now + DAY, cast.workspace)
    assert make(cast) == 1
    row.refresh_from_db()
    assert (row.state, row.mime, row.width, row.height) == (S.READY, "image/jpeg", 720, 900)
    post = composed(cast, variant)
    (file,) = post.media
    assert (file.mime, file.width, file.height, file.alt) == ("image/jpeg", 720, 900, "Books")
    assert file.path.stat().st_size == file.bytes == row.bytes
    assert file.url.endswith(".jpg")
    with Image.open(file.path) as made:
        assert (made.format, made.size) == ("JPEG", (720, 900))


def test_what_fits_is_sent_as_it_is(cast: Cast, bluesky: Channel, store: Store) -> None:
    content = picture()
    variant = put(cast, bluesky, [store(content)], at=cast.now + DAY)
    assert not Rendition.objects.exists()
    assert composed(cast, variant).media[0].path.read_bytes() == content


def test_the_same_is_made_once_for_all_who_want_it(
    cast: Cast, instagram: Channel, store: Store, group: Channel
) -> None:
    drawing = store(picture("PNG", (300, 900)))
    second = make_channel(cast, "instagram", "second")
    for channel, days in ((instagram, 3), (second, 1), (group, 2)):
        put(cast, channel, [drawing], at=cast.now + days * DAY)
    assert Rendition.objects.get().wanted_at == cast.now + DAY, "the first to leave decides what is urgent"
    assert make(cast) == 1
    assert make(cast) == 0


def test_on_demand(cast: Cast, instagram: Channel, store: Store) -> None:
    variant = put(cast, instagram, [store(picture("PNG"))])
    assert code_of(lambda: composed(cast, variant))[0] == "media_not_ready"
    assert code_of(lambda: composed(cast, variant))[0] == "media_not_ready"
    assert make(cast) == 1
    assert composed(cast, variant).media[0].mime == "image/jpeg"


def test_what_a_person_posts_stays_as_it_is(cast: Cast, instagram: Channel, store: Store) -> None:
    item = make_item(cast, "", link="https://example.org", media=[store(picture("PNG"))])
    variant = services.put_variant(
        item=item,
        channel=instagram,
        by=cast.owner,
        now=cast.now,
        placement="story",
        publish_at=cast.now + DAY,
    )
    assert not Rendition.objects.exists()
    assert composed(cast, variant).media[0].mime == "image/png"


def test_what_fails_says_why_and_can_be_tried_again(
    cast: Cast, instagram: Channel, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = store(picture("PNG"))
    variant = put(cast, instagram, [drawing], at=cast.now + DAY)
    with monkeypatch.context() as patch:

        def fail(*_: Any, **__: Any) -> None:
            raise MediaTrouble("image_cannot_be_made_smaller", limit=8_000_000)

        patch.setattr(bounded, "convert", fail)
        assert make(cast) == 1
    assert code_of(lambda: composed(cast, variant)) == ("media_failed", "image_cannot_be_made_smaller")
    verdict = checks.check_variant(variant)
    assert not verdict.ok, "before its time a person hears of it"
    assert verdict.conversions[0].state == "failed"
    (one,) = queries.failed_media(workspace=cast.workspace, now=cast.now)
    assert (one.variant, one.media, one.code) == (variant, drawing, "image_cannot_be_made_smaller")
    assert renditions.retry(workspace=cast.workspace, media=drawing, by=cast.owner, now=cast.now) == 1
    assert make(cast) == 1
    assert composed(cast, variant).media[0].mime == "image/jpeg"
    assert not queries.failed_media(workspace=cast.workspace, now=cast.now)


def test_a_file_that_is_gone(cast: Cast, instagram: Channel, store: Store) -> None:
    drawing = store(picture("PNG"))
    variant = put(cast, instagram, [drawing], at=cast.now + DAY)
    Path(stored.local(str(drawing.file.name))).unlink()
    make(cast)
    assert code_of(lambda: composed(cast, variant)) == ("media_failed", "media_file_gone")


def test_what_may_mend_itself_is_tried_again_later(
    cast: Cast, instagram: Channel, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = put(cast, instagram, [store(picture("PNG"))], at=cast.now + DAY)
    clock = [cast.now]
    with monkeypatch.context() as patch:

        def full(*_: Any, **__: Any) -> None:
            raise UserError("disk_full")

        patch.setattr(stored, "put", full)
        for _ in range(renditions.MOST_TRIES + 2):
            renditions.work(kind="image", clock=lambda: clock[0])
            assert Rendition.objects.get().error_code == "disk_full"
            assert not renditions.pending(kind="image", now=clock[0]), "not at once again"
            clock[0] += renditions.AGAIN
    assert code_of(lambda: composed(cast, variant))[0] == "media_not_ready"
    renditions.work(kind="image", clock=lambda: clock[0])
    assert Rendition.objects.get().state == S.READY


def test_a_worker_that_died_is_replaced_and_one_that_kills_them_given_up(
    cast: Cast, instagram: Channel, store: Store
) -> None:
    put(cast, instagram, [store(picture("PNG"))], at=cast.now + DAY)
    now = cast.now
    for _ in range(renditions.MOST_TRIES):
        dead = renditions.claim(kind="image", now=now)
        assert dead is not None
        assert renditions.claim(kind="image", now=now) is None, "it is somebody's"
        now += renditions.LEASE
    assert renditions.claim(kind="image", now=now) is None
    row = Rendition.objects.get()
    assert (row.state, row.error_code) == (S.FAILED, "media_too_heavy")


def test_who_lost_the_lease_notes_nothing(
    cast: Cast, instagram: Channel, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cast, instagram, [store(picture("PNG"))], at=cast.now + DAY)
    convert = bounded.convert

    def slowly(*given: Any, **named: Any) -> Any:
        found = convert(*given, **named)
        Rendition.objects.update(lease="another's")
        return found

    monkeypatch.setattr(bounded, "convert", slowly)
    assert make(cast) == 0
    row = Rendition.objects.get()
    assert (row.state, row.lease, row.file) == (S.PENDING, "another's", "")


def test_called_off_it_is_begun_anew_by_others(cast: Cast, instagram: Channel, store: Store) -> None:
    put(cast, instagram, [store(picture("PNG"))], at=cast.now + DAY)
    asked = iter([False, True])
    assert renditions.work(kind="image", clock=lambda: cast.now, stopping=lambda: next(asked, True)) == 0
    row = Rendition.objects.get()
    assert (row.state, row.tries, row.lease_until) == (S.PENDING, 0, None)
    assert make(cast) == 1


def test_the_sweep_finds_what_nobody_wanted(cast: Cast, instagram: Channel, store: Store) -> None:
    drawing = store(picture("PNG"))
    put(cast, instagram, [drawing], at=cast.now + DAY)
    gone = put(cast, instagram, [drawing], at=cast.now + DAY, placement="story")
    services.delete_item(item=Item.objects.get(pk=gone.item_id), by=cast.owner, now=cast.now)
    put(cast, instagram, [drawing], at=cast.now + 20 * DAY)
    Rendition.objects.all().delete()
    assert renditions.sweep(now=cast.now) == 1
    assert renditions.sweep(now=cast.now) == 0
    assert Rendition.objects.get().wanted_at == cast.now + DAY


def test_what_is_old_is_put_away(cast: Cast, instagram: Channel, store: Store) -> None:
    variant = put(cast, instagram, [store(picture("PNG"))], at=cast.now + DAY)
    make(cast)
    file = stored.local(Rendition.objects.get().file)
    assert file.exists()
    assert renditions.forget(now=cast.now + 20 * DAY) == 0
    assert renditions.forget(now=cast.now + 40 * DAY) == 1
    assert not file.exists()
    assert code_of(lambda: composed(cast, variant))[0] == "media_not_ready", "and made anew when wanted"
    make(cast)
    assert composed(cast, variant).media[0].path.exists()


def test_renditions_go_with_their_file(
    cast: Cast, instagram: Channel, store: Store, django_capture_on_commit_callbacks: Any
) -> None:
    drawing = store(picture("PNG"))
    variant = put(cast, instagram, [drawing], at=cast.now + DAY)
    make(cast)
    made = stored.local(Rendition.objects.get().file)
    variant.item.itemmedia_set.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_media(media=drawing, by=cast.owner, now=cast.now)
    assert not made.exists()
    assert not Rendition.objects.exists()


def test_many_cost_no_more_questions_than_one(
    cast: Cast, instagram: Channel, bluesky: Channel, store: Store, django_assert_max_num_queries: Any
) -> None:
    target = make_item(cast, "There")
    drawings = [store(picture("PNG", (300, 700 + number))) for number in range(4)]
    variants = []
    for number in range(16):
        variants.append(put(cast, instagram, [drawings[number % 4]], at=cast.now + DAY))
        item = (
            make_item(cast, "x", link="https://example.org")
            if number % 2
            else make_item(cast, link_to=target)
        )
        variants.append(services.put_variant(item=item, channel=bluesky, by=cast.owner, now=cast.now))
    make(cast)
    keys = {one.pk: str(one.pk) for one in variants}

    def questions(count: int) -> tuple[int, dict[Any, Any]]:
        fresh = list(Variant.objects.filter(pk__in=[one.pk for one in variants[:count]]))
        with django_assert_max_num_queries(12) as seen:
            found = queries.composed_many(variants=fresh, keys=keys, now=cast.now)
        return len(seen), found

    few, _ = questions(4)
    many, found = questions(32)
    assert few == many
    assert len(found) == 32
    sent = [one for one in found.values() if not isinstance(one, UserError)]
    assert len(sent) == 24
    assert {one.code for one in found.values() if isinstance(one, UserError)} == {"linked_post_not_out"}
    assert all(one.media[0].mime == "image/jpeg" for one in sent if one.media)


def test_the_check_tells_what_becomes_of_files(cast: Cast, instagram: Channel, store: Store) -> None:
    large = io.BytesIO()
    photo((2400, 1800)).save(large, "PNG")
    assert len(large.getvalue()) > 8_000_000
    with translation.override("en"):
        verdict = checks.check(
            channel=instagram, placement="post", text="a", media=[store(large.getvalue(), alt="Books")]
        )
        assert verdict.ok, "judged is what leaves, not what was uploaded"
        assert [one.text for one in verdict.conversions] == ["It will be converted: JPEG, at most 8 MB."]
        tall = checks.check(
            channel=instagram, placement="post", text="a", media=[store(picture("JPEG", (300, 900)), alt="a")]
        )
        assert tall.ok
        assert tall.conversions[0].text == (
            "It will be converted: 720 × 900 px, filled up at its edges, nothing is cut off."
        )
        assert tall.conversions[0].state == ""
        tiny = checks.check(
            channel=instagram, placement="post", text="a", media=[store(picture("JPEG", (40, 40)))]
        )
        assert "image_too_small" in {one.code for one in tiny.problems if one.level == "error"}


def test_a_film_for_a_place_that_takes_films(cast: Cast, store: Store, tmp_path: Path) -> None:
    telegram = make_channel(cast, "telegram")
    upload = store(film(tmp_path / "a.mov", seconds=1.5).read_bytes(), name="a.mov", alt="A bar wanders")
    assert (upload.mime, upload.kind, upload.name) == ("video/quicktime", "video", "a.mov")
    assert upload.seconds is not None
    variant = put(cast, telegram, [upload], at=cast.now + DAY)
    assert make(cast, "video") == 1
    (file,) = composed(cast, variant).media
    assert (file.mime, file.seconds, file.alt) == ("video/mp4", upload.seconds, "A bar wanders")
    wave = store(moving(tmp_path / "a.gif").read_bytes(), name="a.gif")
    second = put(cast, telegram, [wave], at=cast.now + DAY)
    assert make(cast, "video") == 1
    assert composed(cast, second).media[0].kind == "video"


def test_the_job_wakes_and_nothing_more(
    cast: Cast, instagram: Channel, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cast, instagram, [store(picture("PNG"))], at=cast.now + DAY)
    put(cast, instagram, [store(picture("PNG", (640, 481)))], at=cast.now + DAY)
    assert jobs.run("image") == 2
    assert jobs.run("image") == 0
    assert jobs.run("video") == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_each_once(cast: Cast, store: Store) -> None:
    instagram = make_channel(cast, "instagram")
    for number in range(6):
        put(cast, instagram, [store(picture("PNG", (300, 500 + number)))], at=cast.now + DAY)
    made: list[int] = []
    barrier = threading.Barrier(2)

    def worker() -> None:
        try:
            barrier.wait(20)
            made.append(renditions.work(kind="image", clock=lambda: cast.now))
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert sum(made) == 6
    assert set(Rendition.objects.values_list("state", "tries")) == {(S.READY, 1)}


def test_queries_of_a_post_without_files(
    cast: Cast, bluesky: Channel, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    variant = put(cast, bluesky, [])
    fresh = Variant.objects.select_related("item", "workspace").get(pk=variant.pk)
    with django_assert_num_queries(1):
        queries.composed(variant=fresh, key="k", now=cast.now)
