"""Networks are known in their own files only, and each has its page."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from spilno.toolkit.networks import all_networks
from spilno.toolkit.networks.__main__ import main
from spilno.toolkit.networks.base import Network

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "spilno"
PAGES = ROOT / "docs" / "networks"
AT_HOME = ("toolkit/networks", "toolkit/practice", "toolkit/language/counting.py", "exchange")
"""Rooms that may name a network; `exchange` holds the demo's case data, counting the networks' own rules."""

NAMES = sorted({*all_networks(), "facebook"}, key=len, reverse=True)
NAME = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(NAMES)})(?![a-z0-9])", re.IGNORECASE)


def _said(path: Path) -> list[tuple[int, str]]:
    """Lines of a file that name a network, but for comments, docstrings and translations of words."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        return [(line, word) for line, word in _python(text) if NAME.search(word)]
    if path.suffix == ".html":
        text = re.sub(r"{% comment.*?endcomment %}|{#.*?#}|<!--.*?-->", "", text, flags=re.DOTALL)
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if NAME.search(line)]


def _python(text: str) -> list[tuple[int, str]]:
    """Names, attributes and string constants of a module that are not documentation."""
    tree = ast.parse(text)
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            found.append((node.lineno, node.value))
        elif isinstance(node, ast.Name):
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute):
            found.append((node.lineno, node.attr))
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
    return found


def test_no_other_room_knows_a_network_by_name() -> None:
    found = []
    for path in sorted(SOURCE.rglob("*")):
        inside = path.relative_to(SOURCE).as_posix()
        if path.suffix not in (".py", ".html", ".txt", ".toml", ".sql") or inside.startswith(AT_HOME):
            continue
        if "/static/" in inside or "/locale/" in inside:
            continue
        found += [f"{inside}:{line}: {word[:100]}" for line, word in _said(path)]
    assert not found, "Ask what a network can do, not which it is:\n" + "\n".join(found)


def test_the_search_itself_finds_names(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text('"""About instagram."""\nx = 1  # matrix\nif key == "instagram":\n    y = "x-matrix-y"\n')
    assert _said(path) == [(3, "instagram"), (4, "x-matrix-y")]


@pytest.mark.parametrize("network", all_networks().values(), ids=lambda one: one.key)
def test_every_network_has_its_page(network: Network) -> None:
    path = PAGES / f"{network.key.replace('_', '-')}.md"
    assert path.exists(), f"write {path.relative_to(ROOT)}"
    text = path.read_text("utf-8")
    assert f"`{network.key}`" in text
    for one in network.credential_fields:
        assert f"`{one.key}`" in text, one.key
    for place in network.placements:
        assert f"`{place.key}`" in text
        assert f"`{place.once}`" in text
        for one in place.limits:
            row = f"| `{place.key}` | `{one.key}` | {'–' if one.value is None else one.value} | {one.unit} |"
            assert row in text, f"{path.name} lacks: {row}"
    for ours in set(network.metrics.values()):
        assert f"`{ours}`" in text, ours


def test_no_page_without_its_network() -> None:
    pages = {path.stem.replace("-", "_") for path in PAGES.glob("*.md")} - {"index"}
    assert pages == set(all_networks())


def test_declared_data_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert all(key in listed for key in all_networks())
    assert main(["bluesky"]) == 0
    printed = capsys.readouterr().out.strip()
    assert printed in (PAGES / "bluesky.md").read_text("utf-8")
    assert main(["nowhere"]) == 2
    assert "no network" in capsys.readouterr().err
