"""The command line as somebody types it: a process of its own, no web server running."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path

import pytest

import spilno.exchange
from tests.config.test_up import COMMAND, environment, free_port

CASE = Path(spilno.exchange.__file__).parent / "data" / "charity-book-sale"
COMMANDS = (
    "up", "worker", "demo", "import", "report", "networks", "kpis", "check", "doctor", "backup", "restore",
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "data"


def spilno(data: Path, *words: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *words],
        env={**environment(data, free_port()), "LANG": "en_GB.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        input=stdin,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("command", COMMANDS)
def test_help_reads_well_for_every_command(data: Path, command: str) -> None:
    text = spilno(data, command, "--help").stdout
    assert "Usage" in text
    assert len(text.splitlines()) > 5


def test_the_reference_case_gives_its_six_figures(data: Path) -> None:
    first = spilno(data, "import", str(CASE)).stdout
    assert " 0 created" not in first
    again = spilno(data, "import", str(CASE)).stdout
    assert " 0 created, 0 changed" in again
    report = json.loads(spilno(data, "report", "charity-book-sale", "--format", "json").stdout)
    targets = {one["metric"]: one for one in report["targets"]}
    assert report["initiative"] == "charity-book-sale"
    assert report["period"] == {"from": "2021-05-03", "to": "2021-06-30"}
    assert targets["members_growth"]["value"] == 0.135
    assert targets["members_growth"]["baseline"] == 400
    assert targets["members_growth"]["subject"] == "facebook-group"
    assert targets["leads"]["value"] == 44
    assert targets["catalogue_outsiders"]["value"] == 5
    assert targets["catalogue_items"]["value"] == 115
    assert targets["catalogue_exchanged"]["value"] == 100
    assert targets["donations"]["value"] == "39000 UAH"
    assert all(one["reached"] is True for one in report["targets"])
    posts = {one["key"]: one for one in report["posts"]}
    assert posts["story-1"]["published_at"] == "2021-06-03T12:00:00+03:00"
    assert posts["story-1"]["placement"] == "story"
    assert "reserve-linkedin" not in posts


def test_other_rows_give_other_figures(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(CASE, folder)
    toml = (folder / "case.toml").read_text()
    toml = toml.replace('slug = "delivery-house"', 'slug = "other-house"')
    (folder / "case.toml").write_text(toml.replace('slug = "charity-book-sale"', 'slug = "other-sale"'))
    with (folder / "leads.csv").open() as file:
        rows = list(csv.reader(file))
    with (folder / "leads.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows[:-7])
    with (folder / "catalogue.csv").open() as file:
        books = list(csv.DictReader(file))
    gone = next(row for row in books if row["donation"])
    with (folder / "catalogue.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(books[0]))
        writer.writeheader()
        writer.writerows(row for row in books if row is not gone)
    spilno(data, "import", str(folder))
    report = json.loads(spilno(data, "report", "other-sale").stdout)
    values = {one["metric"]: one["value"] for one in report["targets"]}
    assert values["leads"] == 37
    assert values["catalogue_items"] == 114
    assert values["catalogue_exchanged"] == 99
    assert values["donations"] == f"{39000 - int(gone['donation'])} UAH"


def test_reports_as_pdf_and_html(data: Path, tmp_path: Path) -> None:
    spilno(data, "import", str(CASE))
    spilno(data, "report", "charity-book-sale", "--format", "pdf", "--out", str(tmp_path / "r.pdf"))
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    html = spilno(data, "report", "charity-book-sale", "--format", "html", "--language", "en").stdout
    assert "13.5" in html
    assert "<svg" in html


def test_check_counts_as_the_network_does(data: Path) -> None:
    found = json.loads(
        spilno(
            data, "check", "--network", "bluesky", "--placement", "post", "--json", stdin="привіт 👨‍👩‍👧"
        ).stdout
    )
    assert found["length"] == 8
    assert found["limit"] == 300
    assert found["problems"] == []
    long = json.loads(
        spilno(
            data, "check", "--network", "bluesky", "--placement", "post", "--json", stdin="а" * 301, code=1
        ).stdout
    )
    assert long["length"] == 301
    assert "text_too_long" in [one["code"] for one in long["problems"]]


def test_catalogues_as_json(data: Path) -> None:
    networks = {one["key"]: one for one in json.loads(spilno(data, "networks", "--json").stdout)}
    assert {"bluesky", "matrix", "mastodon", "instagram"} <= set(networks)
    limits = networks["bluesky"]["placements"][0]["limits"]
    assert all(one["checked_on"] and one["source"] for one in limits)
    kpis = {one["key"]: one for one in json.loads(spilno(data, "kpis", "--json").stdout)}
    assert kpis["leads"]["department"] == "marketing"


@pytest.mark.parametrize(
    "words",
    [
        ("report", "no-such-initiative"),
        ("import", "/no/such/folder"),
        ("check", "--network", "no-such-network"),
        ("check", "--network", "bluesky", "--placement", "no-such-placement"),
        ("check", "--network", "bluesky", "--text-file", "/no/such/file"),
        ("restore", "/no/such/file", "--yes"),
        ("backup", "/no/such/folder/file"),
        ("no-such-command",),
        ("report",),
    ],
    ids=" ".join,
)
def test_errors_are_one_line_and_exit_2(data: Path, words: tuple[str, ...]) -> None:
    done = spilno(data, *words, code=2)
    assert done.stderr.startswith("spilno:")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
