"""A small run of ``make chaos`` in the tests: practice networks, quick faults, short leases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.process import REPOSITORY


@pytest.mark.servers
def test_killed_workers_and_faults_lose_nothing_and_post_nothing_twice(tmp_path: Path) -> None:
    out = tmp_path / "chaos.json"
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.chaos", "--small", "--minutes", "0.15", "--deliveries", "60",
            "--kills", "8", "--workers", "3", "--seed", "2", "--out", str(out),
        ],
        cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY}"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=170,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    figures = json.loads(out.read_text())
    assert list(figures) == [
        "deliveries", "kills", "faults", "published", "duplicates", "lost", "missed", "needs_person", "seconds",
    ]  # fmt: skip
    assert figures["deliveries"] == 60
    assert (figures["duplicates"], figures["lost"], figures["missed"]) == (0, 0, 0)
    # One network of four cannot tell: where it gave no answer, a person is asked, whether the post is there or not.
    assert figures["needs_person"] <= 15
    assert figures["published"] + figures["needs_person"] >= 60
    assert figures["kills"] >= 8
    assert figures["faults"] > 0
