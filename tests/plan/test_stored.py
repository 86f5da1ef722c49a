"""Where files are kept: on the disk or in a bucket, the rooms above see no difference."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.plan import media as room
from spilno.plan import queries, renditions, services, stored
from spilno.plan.models import Media, Rendition
from tests.conftest import Cast
from tests.plan.conftest import picture
from tests.plan.test_items import make_item
from tests.servers.bucket import NAME, BucketServer, running
from tests.toolkit.media.films import document, film

Store = Callable[..., Media]


@pytest.fixture(scope="module")
def server() -> Iterator[BucketServer]:
    with running() as found:
        yield found


@pytest.fixture(params=["disk", "bucket"])
def place(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> str:
    """Files on the disk, or in a bucket that only this test uses."""
    settings.SPILNO_CACHE = tmp_path / "cache"
    settings.MEDIA_ROOT = tmp_path / "files"
    if request.param == "bucket":
        server: BucketServer = request.getfixturevalue("server")
        backend = {"BACKEND": "spilno.config.bucket.Bucket", "OPTIONS": server.options(tmp_path.name)}
        settings.STORAGES = settings.STORAGES | {"default": backend}
    assert stored.at_home() == (request.param == "disk")
    return str(request.param)


@pytest.fixture
def bucket(place: str, server: BucketServer) -> BucketServer:
    if place == "disk":
        pytest.skip("only for a bucket")
    return server


def put(tmp_path: Path, content: bytes, name: str = "media/a/file.bin") -> str:
    (tmp_path / "new").write_bytes(content)
    stored.put(name, tmp_path / "new")
    return name


def test_kept_read_in_parts_and_gone(place: str, tmp_path: Path) -> None:
    content = os.urandom(stored.PIECE * 2 + 100)
    name = put(tmp_path, content)
    assert stored.exists(name)
    assert stored.size(name) == len(content)
    assert stored.local(name).read_bytes() == content
    assert stored.local(name) == stored.path_of(name)
    stored.fetch(stored.path_of(name))
    assert b"".join(stored.pieces(name)) == content
    assert b"".join(stored.pieces(name, 10, 20)) == content[10:20]
    assert b"".join(stored.pieces(name, len(content) - 5)) == content[-5:]
    stored.delete(name)
    stored.delete(name)
    assert not stored.exists(name)
    for read in (stored.local, stored.pieces, stored.size):
        with pytest.raises(FileNotFoundError):
            read(name)
    with pytest.raises(FileNotFoundError):
        stored.fetch(stored.path_of(name))


def test_a_name_that_is_taken_is_kept_unless_it_is_replaced(place: str, tmp_path: Path) -> None:
    name = put(tmp_path, b"first")
    put(tmp_path, b"second")
    assert b"".join(stored.pieces(name)) == b"first"
    (tmp_path / "new").write_bytes(b"third")
    stored.put(name, tmp_path / "new", replace=True)
    assert b"".join(stored.pieces(name)) == b"third"
    assert stored.local(name).read_bytes() == b"third"


def test_what_is_not_here_is_fetched_once(bucket: BucketServer, tmp_path: Path) -> None:
    name = put(tmp_path, b"content")
    copy = stored.path_of(name)
    assert copy.read_bytes() == b"content", "what was just put is here already"
    copy.unlink()
    assert b"".join(stored.pieces(name, 1, 4)) == b"ont", "read from the bucket, no copy is made"
    assert not copy.exists()
    assert stored.local(name).read_bytes() == b"content"
    bucket.client.delete_object(Bucket=NAME, Key=f"{tmp_path.name}/{name}")
    assert stored.local(name).read_bytes() == b"content", "the copy serves"


def test_copies_stay_within_bounds(bucket: BucketServer, tmp_path: Path, settings: Any) -> None:
    settings.SPILNO_CACHE_BYTES = 2500
    names = [put(tmp_path, bytes([number]) * 1000, f"media/{number}.bin") for number in range(2)]
    old = time.time() - 2 * stored.IN_USE
    os.utime(stored.path_of(names[0]), (old, old))
    os.utime(stored.path_of(names[1]), (old - 1, old - 1))
    stored.local(names[1])  # used again
    put(tmp_path, b"x" * 1000, "media/2.bin")
    assert not stored.path_of(names[0]).exists(), "not used for longest"
    assert stored.path_of(names[1]).exists()
    put(tmp_path, b"y" * 1000, "media/3.bin")
    assert stored.path_of("media/2.bin").exists(), "what somebody may be about to open stays"
    assert stored.local(names[0]).read_bytes() == b"\0" * 1000


def test_a_bucket_that_does_not_answer(bucket: BucketServer, settings: Any, tmp_path: Path) -> None:
    name = put(tmp_path, b"content")
    backend = settings.STORAGES["default"]
    options = backend["OPTIONS"] | {"endpoint_url": "http://127.0.0.1:1"}
    settings.STORAGES = settings.STORAGES | {"default": backend | {"OPTIONS": options}}
    stored.path_of(name).unlink()
    for read in (stored.local, stored.pieces, stored.exists, stored.delete):
        with pytest.raises(stored.StorageTrouble):
            read(name)


def test_a_disk_that_is_full(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stored, "_move", full)
    with pytest.raises(UserError) as caught:
        store(picture())
    assert caught.value.code == "disk_full"
    assert not Media.objects.exists()


def test_from_upload_to_what_leaves(
    place: str, cast: Cast, instagram: Channel, store: Store, tmp_path: Path,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    drawing = store(picture("PNG", (300, 900)), alt="Books")
    paper = store(document(tmp_path / "a.pdf", 4).read_bytes(), name="Каталог.pdf")
    assert (paper.kind, paper.pages, paper.badge) == ("file", 4, "PDF · 4")
    small = room.small_of(paper)
    assert b"".join(stored.pieces(small))[8:12] == b"WEBP"
    assert b"".join(stored.pieces(room.small_of(drawing)))[8:12] == b"WEBP"
    item = make_item(cast, "x", media=[drawing])
    variant = services.put_variant(
        item=item, channel=instagram, by=cast.owner, now=cast.now, publish_at=cast.now + timedelta(days=1)
    )
    assert renditions.work(kind="image", clock=lambda: cast.now) == 1
    row = Rendition.objects.get()
    if place == "bucket":
        stored.path_of(row.file).unlink()  # another machine made it
    (file,) = queries.outgoing(variant=variant, key="k", now=cast.now).media
    assert file.path.stat().st_size == file.bytes == row.bytes
    token = file.url.rsplit("/", 1)[1].rpartition(".")[0]
    public = room.from_token(token=token, now=cast.now)
    assert public is not None
    assert b"".join(stored.pieces(public.name)) == file.path.read_bytes()
    item.itemmedia_set.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_media(media=drawing, by=cast.owner, now=cast.now)
    assert not stored.exists(row.file)
    assert not stored.exists(str(drawing.file.name))


def test_a_storage_that_is_away_makes_a_post_wait(
    bucket: BucketServer, cast: Cast, bluesky: Channel, store: Store, settings: Any
) -> None:
    photo = store(picture())
    item = make_item(cast, "x", media=[photo])
    variant = services.put_variant(item=item, channel=bluesky, by=cast.owner, now=cast.now)
    stored.path_of(str(photo.file.name)).unlink()
    backend = settings.STORAGES["default"]
    away = backend | {"OPTIONS": backend["OPTIONS"] | {"endpoint_url": "http://127.0.0.1:1"}}
    settings.STORAGES = settings.STORAGES | {"default": away}
    with pytest.raises(UserError) as caught:
        queries.outgoing(variant=variant, key="k", now=cast.now)
    assert caught.value.code == "media_not_ready"
    with pytest.raises(UserError) as refused:
        store(picture(color="red"))
    assert refused.value.code == "storage_away"
    settings.STORAGES = settings.STORAGES | {"default": backend}
    assert queries.outgoing(variant=variant, key="k", now=cast.now).media[0].path.read_bytes() == picture()


# ------------------------------------------------------------------------------------------------ uploading


class Endless(io.RawIOBase):
    """More than is allowed, made as it is read."""

    def __init__(self, begin: bytes) -> None:
        self.begin, self.given = begin, 0

    def read(self, size: int = -1) -> bytes:
        piece = self.begin if not self.given else b"\0" * size
        self.given += len(piece)
        return piece


def test_an_upload_without_end(store: Store, settings: Any, cast: Cast, tmp_path: Path) -> None:
    settings.SPILNO_UPLOAD_MAX_BYTES = 3_000_000
    settings.SPILNO_INCOMING = tmp_path
    endless = Endless(b"\0\0\0\x18ftypmp42")
    with pytest.raises(UserError) as caught:
        services.store_media(
            workspace=cast.workspace, by=cast.owner, now=cast.now, name="a.mp4", content=endless,  # type: ignore[arg-type]
        )  # fmt: skip
    assert (caught.value.code, caught.value.params) == ("media_too_large", {"limit": 3})
    assert endless.given < 3_600_000, "it was not read any further"
    assert not list(tmp_path.iterdir()), "nothing is left lying about"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "media_empty"),
        (b"MZ" + b"\0" * 100, "media_unknown_type"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 900, "media_broken"),
        (b"%PDF-1.7\nnothing", "media_broken"),
    ],
)
def test_what_is_not_taken(store: Store, settings: Any, tmp_path: Path, content: bytes, code: str) -> None:
    settings.SPILNO_INCOMING = tmp_path
    with pytest.raises(UserError) as caught:
        store(content or io.BytesIO(b"").getvalue()) if content else _empty(store)
    assert (caught.value.code, caught.value.field) == (code, "media")
    assert not list(tmp_path.iterdir())


def _empty(store: Store) -> None:
    # The fixture takes an empty content for "any picture".
    class Nothing(bytes):
        def __bool__(self) -> bool:
            return True

    store(Nothing())


def test_a_film_is_kept_as_it_came_and_once(store: Store, tmp_path: Path) -> None:
    content = film(tmp_path / "a.mp4", metadata={"location": "+50.4501+030.5234/"}).read_bytes()
    first, again = store(content, name="Ролик.avi"), store(content, name="other.mp4", alt="A bar")
    assert first.pk == again.pk
    assert first.name == "Ролик.mp4"
    assert (str(first.seconds), first.has_audio, first.badge) == ("2.000000", True, "0:02")
    assert stored.local(str(first.file.name)).read_bytes() == content
    assert again.alt == "A bar"


def test_a_file_that_was_lost_comes_back_with_the_next_upload(store: Store) -> None:
    media = store(picture())
    stored.delete(str(media.file.name))
    assert store(picture()).pk == media.pk
    assert stored.local(str(media.file.name)).read_bytes() == picture()


def test_nothing_heavy_is_loaded_before_it_is_used() -> None:
    """A web server, a worker and every command start without decoders and clients of storages."""
    program = (
        "import django, sys; django.setup(); import spilno.publishing.worker, spilno.plan.jobs, spilno.plan.checks;"
        "print(sorted({'PIL', 'av', 'pypdfium2', 'pillow_heif', 'boto3', 'storages'} & set(sys.modules)))"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "spilno.config.settings",
        "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
    }
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
