"""A video of a real size goes to LinkedIn piece by piece: neither side keeps more of it in memory than a part."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from spilno.toolkit.practice.linkedin import PREFIX
from spilno.toolkit.practice.uploads import digest

SIZE = 200 << 20
MOST_MORE = 48 << 20
"""Bytes by which the process may grow while it sends or takes 200 MB."""

SENDER = """
import json, resource, sys
from pathlib import Path
import httpx
from spilno.toolkit.networks import get
from spilno.toolkit.networks.base import MediaFile, Outgoing, Prepared

credentials, path = json.loads(sys.argv[1]), Path(sys.argv[2])
network = get("linkedin")
post = Outgoing("k", "video", "200 MB", (MediaFile(path, "video/mp4", path.stat().st_size),))
with httpx.Client(timeout=60) as client:
    account = network.connect(client=client, credentials=credentials)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    prepared = network.prepare(client=client, credentials=account.credentials, post=post, so_far=Prepared())
    published = network.commit(client=client, credentials=account.credentials, post=post, prepared=prepared)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"grown": (after - before) * 1024, "id": published.external_id}))
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path, block = tmp_path / "film.mp4", os.urandom(1 << 20)
    with path.open("wb") as file:
        file.write(bytes(4) + b"ftypisom")
        for number in range(SIZE >> 20):
            file.write(hashlib.sha256(str(number).encode()).digest() + block[32:])
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A practice network in a process of its own, whose memory is nobody else's."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "spilno.toolkit.practice", "--port", str(port), "--state",
               str(tmp_path / "state" / "practice.json"), "--linkedin", "books"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Practice network")
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            assert client.get(url).status_code == 200
        yield process, url
        process.terminate()
        process.wait(timeout=20)


def most_memory(process: subprocess.Popen[str]) -> int:
    """The most that a process ever had, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def test_two_hundred_megabytes_need_no_memory(
    film: Path, server: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    process, url = server
    typed = {"access_token": "practice-books", "author": "books", "api_url": f"{url}{PREFIX}"}
    before = most_memory(process)
    done = subprocess.run(
        [sys.executable, "-c", SENDER, json.dumps(typed), str(film)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["grown"] < MOST_MORE
    assert most_memory(process) - before < MOST_MORE
    kept = json.loads((tmp_path / "state" / "practice.json").read_text("utf-8"))
    (post,) = kept["posts"].values()
    assert told["id"].endswith(post["id"])
    assert digest(tmp_path / "state" / "practice.pictures" / post["pictures"][0]) == digest(film)
