"""Sends a post in a process of its own and tells how much its memory grew: large files have to stream.

``python -m tests.toolkit.networks.flat`` reads one JSON object: ``network``, ``credentials``, ``placement``, ``file``,
``mime``. It first does the same with a tiny file, so that what is loaded once does not count.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIZE = 200_000_000


@dataclass(frozen=True)
class Grown:
    """``memory`` in bytes; ``outcome``: the post's id, or the code of the error."""

    memory: int
    outcome: str


def large(folder: Path, size: int = SIZE) -> Path:
    """A video in name of ``size`` bytes that takes no room on the disk."""
    path = folder / "large.mp4"
    with path.open("wb") as file:
        file.write(b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom")
        file.truncate(size)
    return path


def sent(network: str, credentials: dict[str, str], placement: str, file: Path) -> Grown:
    """Prepare and publish the file as a video, in a process of its own."""
    order = {
        "network": network,
        "credentials": credentials,
        "placement": placement,
        "file": str(file),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.toolkit.networks.flat"],
        input=json.dumps(order), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return Grown(**json.loads(done.stdout))


def _main() -> None:
    import httpx

    from spilno.toolkit.networks import get
    from spilno.toolkit.networks.base import MediaFile, NetworkError, Outgoing

    order = json.loads(sys.stdin.read())
    network: Any = get(order["network"])
    large_one = Path(order["file"])
    tiny = large_one.with_name("tiny.mp4")
    tiny.write_bytes(large_one.open("rb").read(5_000))

    def publish(key: str, path: Path) -> str:
        media = MediaFile(path, "video/mp4", path.stat().st_size, 640, 360, alt="Довге відео")
        post = Outgoing(key, order["placement"], "Відео", (media,))
        with httpx.Client(timeout=60) as client:
            speak = {"client": client, "credentials": order["credentials"], "post": post}
            try:
                prepared = _prepared(network, speak)
                return str(network.commit(**speak, prepared=prepared).external_id)
            except NetworkError as error:
                return error.code

    publish(f"flat-tiny-{large_one.stat().st_mtime_ns}", tiny)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = publish(f"flat-large-{large_one.stat().st_mtime_ns}", large_one)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"memory": grown * 1024, "outcome": outcome}))


def _prepared(network: Any, speak: dict[str, Any]) -> Any:
    """What preparation comes to, asked again as long as the network says that it is at work."""
    from spilno.toolkit.networks.base import Kind, NetworkError, Prepared

    so_far = Prepared()
    while True:
        try:
            return network.prepare(**speak, so_far=so_far)
        except NetworkError as error:
            if error.kind is not Kind.WAIT or not error.so_far or not error.so_far.data:
                raise
            so_far = error.so_far


if __name__ == "__main__":
    _main()
