"""docs/import-format.md names every key and column that is read, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spilno.exchange.cases import rows, toml
from spilno.exchange.cases.parse import parse
from spilno.exchange.cases.problems import Problems
from tests.exchange.folders import TOML, write

PAGE = (Path(__file__).parents[2] / "docs" / "import-format.md").read_text(encoding="utf-8")


def documented(heading: str) -> set[str]:
    """The names in the first column of the table under a heading."""
    part = PAGE.split(f"{heading}\n", 1)[1].split("\n## ")[0].split("\n### ")[0]
    names: set[str] = set()
    for line in part.splitlines():
        if line.startswith("| `"):
            names |= set(re.findall(r"`(\w+)`", line.split("|")[1]))
    return names


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Table of case.toml → the keys that reading it asks for."""
    asked: dict[str, set[str]] = {}
    end = toml.Block.end

    def note(block: toml.Block) -> None:
        asked.setdefault(re.sub(r"\[\d+\]", "", block.path), set()).update(block.taken)
        end(block)

    monkeypatch.setattr(toml.Block, "end", note)
    parse(write(tmp_path, case=TOML), Problems())
    return asked


@pytest.mark.parametrize(
    ("table", "heading"),
    [
        ("workspace", "### `[workspace]`"),
        ("people", "### `[[people]]`"),
        ("community", "### `[community]`"),
        ("channels", "### `[[channels]]`"),
        ("initiative", "### `[initiative]`"),
        ("brief", "### `[brief]`"),
        ("brief.targets", "### `[[brief.targets]]`"),
        ("plan", "### `[[plan]]`"),
        ("contingency", "### `[[contingency]]`"),
    ],
)
def test_every_key_is_documented(taken: dict[str, set[str]], table: str, heading: str) -> None:
    assert documented(heading) == taken[table] - {"targets"}


@pytest.mark.parametrize(
    ("heading", "columns"),
    [
        ("## catalogue.csv", rows.CATALOGUE),
        ("## leads.csv", rows.LEADS),
        ("## observations.csv", rows.OBSERVATIONS),
    ],
)
def test_every_column_is_documented(heading: str, columns: dict[str, bool]) -> None:
    assert documented(heading) == set(columns)
