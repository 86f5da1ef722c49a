"""Opening strangers' files in a child process: bounded in time and memory, killable, gone with its parent.

A film that makes a decoder crash, eat memory or turn in a circle costs one child, never a web server or a worker.
The child is this module run as a program; it reads one task as JSON and answers with one line of JSON.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spilno.toolkit.media.facts import Facts, MediaTrouble
from spilno.toolkit.media.recipe import Recipe

MEMORY = 3 << 30
"""Bytes of address space a child may have; a 4K film takes about a third of it."""

READING = 120.0
"""Seconds in which a file must have been looked through."""

PER_SECOND = 40.0
"""Seconds of work that each second of a film may cost, beside :data:`READING`; usual is less than one."""

LONGEST = 3 * 60 * 60.0
KINDNESS = 10  # of 19: pages and posts go first
_TICK = 0.1
_PR_SET_PDEATHSIG = 1


class Stopped(Exception):
    """The work was called off by ``stopping``, or this machine is shutting down; nothing is wrong with the file."""


def look(path: Path) -> Facts:
    """What the file is.

    :raises MediaTrouble: those of :mod:`spilno.toolkit.media.reading`; ``media_too_heavy`` beyond the bounds.
    """
    return Facts.from_json(_ask({"do": "look", "path": str(path)}, seconds=READING, kindness=0))


def poster(path: Path, facts: Facts, into: Path, side: int) -> None:
    """:func:`spilno.toolkit.media.reading.poster`, bounded."""
    _ask(
        {"do": "poster", "path": str(path), "facts": facts.as_json(), "into": str(into), "side": side},
        seconds=READING,
        kindness=0,
    )


def convert(
    path: Path, facts: Facts, recipe: Recipe, into: Path, *, stopping: Callable[[], bool] = lambda: False
) -> Facts:
    """Make a file as the recipe says; ``into`` is written or, if anything goes wrong, not there.

    :param stopping: asked several times a second; true ends the work.
    :raises MediaTrouble: those of the conversions; ``media_too_heavy``, ``disk_full``.
    :raises Stopped: if it was called off.
    """
    seconds = min(LONGEST, READING + float(facts.seconds or 0) * PER_SECOND)
    task = {"do": "convert", "path": str(path), "recipe": recipe.as_json(), "into": str(into)}
    try:
        return Facts.from_json(_ask(task, seconds=seconds, kindness=KINDNESS, stopping=stopping))
    except BaseException:
        into.unlink(missing_ok=True)
        raise


def _ask(
    task: Mapping[str, Any],
    *,
    seconds: float,
    kindness: int,
    stopping: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    said = json.dumps(
        {**task, "kindness": kindness, "parent": os.getpid(), "seconds": seconds, "memory": MEMORY}
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}
    with tempfile.TemporaryFile() as answer:
        child = subprocess.Popen(
            [sys.executable, "-m", "spilno.toolkit.media.bounded"],
            stdin=subprocess.PIPE,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        try:
            assert child.stdin is not None
            with contextlib.suppress(BrokenPipeError), child.stdin:
                child.stdin.write(said.encode())
            _wait(child, seconds, stopping)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        answer.seek(0)
        return _answer(answer.read(), child.returncode)


def _wait(child: subprocess.Popen[bytes], seconds: float, stopping: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_TICK)
            return
        if stopping():
            raise Stopped
        if time.monotonic() > until:
            raise MediaTrouble("media_too_heavy")


def _answer(content: bytes, code: int) -> dict[str, Any]:
    try:
        said = json.loads(content.splitlines()[-1])
    except (ValueError, IndexError):
        if code == -signal.SIGTERM:  # sent to the whole group: this machine is shutting down
            raise Stopped from None
        heavy = code in (-signal.SIGKILL, -signal.SIGXCPU)
        raise MediaTrouble("media_too_heavy" if heavy else "media_broken") from None
    if "trouble" in said:
        raise MediaTrouble(said["trouble"], **said["params"])
    found: dict[str, Any] = said["found"]
    return found


# ------------------------------------------------------------------------------------------------ the child


def _bind(task: Mapping[str, Any]) -> None:
    """Give up what the work does not need, and end with the parent."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != task["parent"]:  # it died before it could be watched
            os._exit(1)
        resource.setrlimit(resource.RLIMIT_AS, (task["memory"], task["memory"]))
    most = int(task["seconds"]) * (os.cpu_count() or 1) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(task["kindness"])


def _do(task: Mapping[str, Any]) -> dict[str, Any]:
    from spilno.toolkit.media import reading

    path = Path(task["path"])
    if task["do"] == "look":
        return reading.read(path).as_json()
    if task["do"] == "poster":
        reading.poster(path, Facts.from_json(task["facts"]), Path(task["into"]), task["side"])
        return {}
    recipe = Recipe.from_json(task["recipe"])
    if recipe.kind == "image":
        from spilno.toolkit.media.pictures import convert_picture as make
    else:
        from spilno.toolkit.media.video import convert_video as make
    return make(path, recipe, Path(task["into"])).as_json()


def _main() -> None:
    task = json.load(sys.stdin)
    _bind(task)
    try:
        said: dict[str, Any] = {"found": _do(task)}
    except MediaTrouble as trouble:
        said = {"trouble": trouble.code, "params": trouble.params}
    except MemoryError:
        said = {"trouble": "media_too_heavy", "params": {}}
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        said = {"trouble": "disk_full" if full else "media_broken", "params": {}}
    sys.stdout.write("\n" + json.dumps(said, default=str) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
