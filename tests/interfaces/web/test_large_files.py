"""A file of a real size through the real web server: memory stays flat, on the disk and in a bucket."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from django.conf import settings
from django.test import Client

from spilno.plan.models import Media
from tests.conftest import Cast
from tests.plan.conftest import picture
from tests.publishing.test_killed import database_address, until
from tests.servers import bucket
from tests.servers.process import free_ports
from tests.toolkit.media.films import film

SIZE = 200_000_000
SPARE = 60_000_000
"""Bytes by which the server may grow meanwhile: a fraction of the file, whatever its size."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 200 MB: a small one, and a box behind it that players pass over."""
    path = tmp_path_factory.mktemp("large") / "film.mp4"
    film(path, seconds=3)
    rest = SIZE - path.stat().st_size
    with path.open("ab") as file:
        file.write(rest.to_bytes(4, "big") + b"free")
        block = os.urandom(1 << 20)
        left = rest - 8
        while left:
            left -= file.write(block[: min(left, len(block))])
    return path


@contextlib.contextmanager
def server(environment: dict[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    """Our web server as ``spilno up`` starts it; gives its address and its process."""
    (port,) = free_ports(1)
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--blocking-threads", "4", "--no-ws", "--log-level", "warning",
        "spilno.config.wsgi:application",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environment)
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{address}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        until(answers)
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


class Watch(threading.Thread):
    """The most memory (resident, bytes) that a process and its children have had, one by one."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.process, self.over = process, threading.Event()
        self.before = self.now()
        self.peak = self.before

    def now(self) -> int:
        found = [self.process, *self.process.children()]
        sizes = []
        for one in found:
            with contextlib.suppress(psutil.Error):
                sizes.append(int(one.memory_info().rss))
        return max(sizes)

    def run(self) -> None:
        while not self.over.wait(0.05):
            self.peak = max(self.peak, self.now())

    def grown(self) -> int:
        self.over.set()
        self.join()
        return self.peak - self.before


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(280)
@pytest.mark.parametrize("where", ["disk", "bucket"])
def test_two_hundred_megabytes(cast: Cast, large: Path, tmp_path: Path, where: str) -> None:
    with contextlib.ExitStack() as stack:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SPILNO_")},
            "DJANGO_SETTINGS_MODULE": "spilno.config.settings",
            "DATABASE_URL": database_address(),
            "SPILNO_DATA": str(tmp_path),
            "SPILNO_SECRET_KEY": settings.SECRET_KEY,
            "SPILNO_UPLOAD_MAX_MB": "300",
            "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
        }
        if where == "bucket":
            environment |= stack.enter_context(bucket.running()).environment("large")
        address, process = stack.enter_context(server(environment))
        browser = Client()
        assert cast.owner.user is not None
        browser.force_login(cast.owner.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        cookies = {"sessionid": browser.cookies["sessionid"].value}
        client = stack.enter_context(httpx.Client(base_url=address, cookies=cookies, timeout=200))
        client.get("/w/delivery-house/library/")
        head = {"X-CSRFToken": client.cookies["csrftoken"], "Referer": address}
        # What the first upload needs once and for all is not what is measured.
        client.post("/w/delivery-house/library/upload/", files={"files": ("a.jpg", picture())}, headers=head)
        watch = Watch(process)
        watch.start()
        with large.open("rb") as file:
            answer = client.post(
                "/w/delivery-house/library/upload/", files={"files": ("Ролик.mp4", file)}, headers=head
            )
        assert answer.status_code == 200, answer.text
        media = Media.objects.get(mime="video/mp4")
        assert (media.bytes, str(media.seconds)) == (SIZE, "3.000000")
        if where == "bucket":
            for copy in (tmp_path / "cache").rglob("*.mp4"):
                copy.unlink()  # what follows comes from the bucket
        got = 0
        with client.stream("GET", f"/w/delivery-house/library/{media.pk}/file/") as sent:
            for piece in sent.iter_bytes():
                got += len(piece)
        assert got == SIZE
        part = client.get(
            f"/w/delivery-house/library/{media.pk}/file/", headers={"Range": f"bytes={SIZE - 10}-"}
        )
        assert (part.status_code, len(part.content)) == (206, 10)
        assert watch.grown() < SPARE
        leftovers = [one.name for one in (tmp_path / "incoming").iterdir()]
        assert not leftovers


@pytest.mark.django_db(transaction=True)
def test_more_than_is_allowed_is_said_and_not_kept(cast: Cast, tmp_path: Path) -> None:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("SPILNO_")},
        "DJANGO_SETTINGS_MODULE": "spilno.config.settings",
        "DATABASE_URL": database_address(),
        "SPILNO_DATA": str(tmp_path),
        "SPILNO_SECRET_KEY": settings.SECRET_KEY,
        "SPILNO_UPLOAD_MAX_MB": "5",
        "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
    }
    with server(environment) as (address, _process):
        browser = Client()
        assert cast.owner.user is not None
        browser.force_login(cast.owner.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        cookies = {"sessionid": browser.cookies["sessionid"].value, "django_language": "en"}
        with httpx.Client(base_url=address, cookies=cookies, timeout=60) as client:
            client.get("/w/delivery-house/library/")
            head = {"X-CSRFToken": client.cookies["csrftoken"], "Referer": address}
            files = [("files", ("long.mp4", b"\0" * 6_000_000)), ("files", ("good.jpg", picture()))]
            answer = client.post("/w/delivery-house/library/upload/", files=files, headers=head)
            assert answer.status_code == 200
            assert "long.mp4: The file is larger than 5 MB." in answer.text
            assert [one.name for one in Media.objects.all()] == ["good.jpg"]
        # Whoever is not signed in fills nobody's disk.
        with httpx.Client(base_url=address, timeout=60) as stranger:
            sent = stranger.post("/account/login/", files={"files": ("a.jpg", b"\0" * 4_000_000)})
            assert sent.status_code in (200, 403)
            assert not list((tmp_path / "incoming").iterdir())
