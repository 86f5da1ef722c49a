"""A backup holds everything, and a restore brings it back; anything else is refused before something is touched."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.config.test_up import COMMAND, environment, free_port, running


def spilno(data: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *words],
        env={**environment(data, free_port()), "LANG": "en_GB.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.mark.timeout(300)
def test_what_was_backed_up_comes_back_on_another_installation(tmp_path: Path, case_folder: Path) -> None:
    one, two, file = tmp_path / "one", tmp_path / "two", tmp_path / "spilno.backup"
    spilno(one, "import", str(case_folder))
    before = spilno(one, "report", case_folder.name).stdout
    (one / "files" / "media").mkdir(parents=True, exist_ok=True)
    (one / "files" / "media" / "picture.jpg").write_bytes(b"not really a picture")
    spilno(one, "backup", str(file))
    assert file.stat().st_mode & 0o077 == 0  # it holds the keys
    with tarfile.open(file) as archive:
        assert {"manifest.json", "database.dump", "keys", "files"} <= set(archive.getnames())

    spilno(two, "restore", str(file), "--yes")
    strip = [line for line in before.splitlines() if "generated" not in line]
    assert [
        line
        for line in spilno(two, "report", case_folder.name).stdout.splitlines()
        if "generated" not in line
    ] == strip
    assert (two / "files" / "media" / "picture.jpg").read_bytes() == b"not really a picture"
    assert (two / "keys" / "credentials.key").read_text() == (one / "keys" / "credentials.key").read_text()

    # Something that is no backup changes nothing.
    broken = tmp_path / "broken"
    broken.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    answer = spilno(two, "restore", str(broken), "--yes", code=2)
    assert answer.stderr.count("\n") == 1
    assert "damaged" in answer.stderr
    assert case_folder.name in spilno(two, "report", case_folder.name).stdout

    # Without --yes it asks; with nobody to answer it stops.
    assert spilno(two, "restore", str(file), code=130).stdout.count("replaced") == 1


@pytest.mark.timeout(200)
def test_restoring_under_a_running_spilno_is_refused(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "spilno.backup"
    with running(data, free_port()):
        spilno(data, "backup", str(file))
        assert "Stop it first" in spilno(data, "restore", str(file), "--yes", code=2).stderr
    assert os.path.getsize(file) > 10_000


def test_doctor_tells_what_is_configured(tmp_path: Path) -> None:
    text = spilno(tmp_path / "data", "doctor", "--json").stdout
    for words in ("PostgreSQL 18", "up to date", "SPILNO_MAIL_URL", "spilno worker"):
        assert words in text
