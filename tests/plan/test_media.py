"""The library: kept once, described, deleted only if unused, public only by a signed address that ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from spilno.kernel.errors import NotAllowed, UserError
from spilno.plan import media as room
from spilno.plan import queries, services
from spilno.plan.models import Media
from tests.conftest import Cast
from tests.plan.conftest import picture

Store = Callable[..., Media]


def test_a_picture_is_kept_under_its_hash_and_once_per_workspace(cast: Cast, store: Store) -> None:
    content = picture()
    first = store(content, name="C:\\Users\\olena\\Фото з ярмарку.PNG")
    again = store(content, name="another name.jpg", alt="Стос  книг\nна столі")
    elsewhere = store(content, workspace=cast.other_workspace, by=cast.outsider)
    assert again.pk == first.pk
    assert elsewhere.pk != first.pk
    assert first.sha256 == hashlib.sha256(content).hexdigest()
    assert first.name == "Фото з ярмарку.jpg"
    assert (first.mime, first.bytes, first.width, first.height) == ("image/jpeg", len(content), 640, 480)
    assert room.path_of(first).read_bytes() == content
    assert room.path_of(elsewhere) != room.path_of(first)
    first.refresh_from_db()
    assert first.alt == "Стос книг на столі", "an empty description is filled by the second upload"
    store(content, alt="Something else")
    first.refresh_from_db()
    assert first.alt == "Стос книг на столі", "a description is never overwritten by an upload"


def test_a_name_that_is_no_name(store: Store) -> None:
    assert store(name="../../..\x00/").name == "file.jpg"
    assert len(store(picture(color="red"), name="a" * 400 + ".png").name) <= 200


def test_describing(cast: Cast, store: Store) -> None:
    media = store()
    services.describe_media(media=media, alt=" Two people ", by=cast.colleague, now=cast.now)
    assert Media.objects.get().alt == "Two people"
    with pytest.raises(UserError) as caught:
        services.describe_media(media=media, alt="a" * 1501, by=cast.colleague, now=cast.now)
    assert caught.value.code == "alt_too_long"
    with pytest.raises(NotAllowed):
        services.describe_media(media=media, alt="", by=cast.analyst, now=cast.now)


def test_deleting_only_what_nobody_uses(
    cast: Cast, store: Store, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    media = store()
    path = room.path_of(media)
    item = services.create_item(
        workspace=cast.workspace, by=cast.owner, now=cast.now, text="a", media=[media]
    )
    with pytest.raises(UserError) as caught:
        services.delete_media(media=media, by=cast.owner, now=cast.now)
    assert caught.value.code == "media_in_use"
    services.delete_item(item=item, by=cast.owner, now=cast.now)
    with pytest.raises(UserError):  # deleting the item can be undone, so its pictures stay
        services.delete_media(media=Media.objects.get(), by=cast.owner, now=cast.now)
    item.itemmedia_set.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_media(media=Media.objects.get(), by=cast.owner, now=cast.now)
    assert not Media.objects.exists()
    assert not path.exists()


def test_a_file_that_was_uploaded_again_meanwhile_stays(
    cast: Cast, store: Store, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    path = room.path_of(store())
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_media(media=Media.objects.get(), by=cast.owner, now=cast.now)
        store()
    assert path.exists()


def test_public_addresses_are_signed_and_end(cast: Cast, store: Store) -> None:
    media = store()
    url = room.public_url(media, cast.now)
    assert url.startswith("http")
    assert url.endswith(".jpg")
    token = url.rsplit("/", 1)[1].removesuffix(".jpg")
    meant = room.Public(str(media.file.name), "image/jpeg", media.bytes)
    assert room.from_token(token=token, now=cast.now) == meant
    assert room.from_token(token=token, now=cast.now + timedelta(hours=23)) == meant
    assert room.from_token(token=token, now=cast.now + timedelta(hours=24, minutes=1)) == meant, (
        "clocks differ"
    )
    assert room.from_token(token=token, now=cast.now + timedelta(hours=25)) is None
    for wrong in (token[:-1], token[::-1], "", "x:y", token.replace(":", "")):
        assert room.from_token(token=wrong, now=cast.now) is None
    Media.objects.all().delete()
    assert room.from_token(token=token, now=cast.now) is None


def test_the_library_counts_where_a_picture_is_used(cast: Cast, store: Store) -> None:
    used, unused = store(), store(picture(color="red"))
    for number in range(2):
        services.create_item(
            workspace=cast.workspace, by=cast.owner, now=cast.now, text=str(number), media=[used]
        )
    gone = services.create_item(workspace=cast.workspace, by=cast.owner, now=cast.now, text="x", media=[used])
    services.delete_item(item=gone, by=cast.owner, now=cast.now)
    store(picture(color="blue"), workspace=cast.other_workspace, by=cast.outsider)
    found = {one.pk: (one.uses, one.kept_by_deleted) for one in queries.library(cast.workspace)}
    assert found == {used.pk: (2, 1), unused.pk: (0, 0)}


def test_who_may_upload(cast: Cast, store: Store) -> None:
    assert store(by=cast.colleague).uploaded_by == cast.colleague
    with pytest.raises(NotAllowed):
        store(by=cast.analyst)
    assert Path(room.path_of(Media.objects.get())).exists()
