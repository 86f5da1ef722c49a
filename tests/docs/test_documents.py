"""Documentation is compared with the code it tells of."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from spilno.config.env import SETTINGS
from spilno.team.permissions import TABLE

ROOT = Path(__file__).resolve().parents[2]


def test_the_picture_of_rooms_is_the_import_contract() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = next(one for one in config["tool"]["importlinter"]["contracts"] if one["id"] == "rooms")
    layers = [layer.removeprefix("spilno.") for layer in contract["layers"]]
    text = (ROOT / "docs" / "architecture.md").read_text()
    section = text.partition("## The rooms")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == layers


def test_every_folder_of_the_package_is_a_room() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = next(one for one in config["tool"]["importlinter"]["contracts"] if one["id"] == "rooms")
    rooms = {layer.removeprefix("spilno.") for layer in contract["layers"]}
    folders = {path.parent.name for path in (ROOT / "src" / "spilno").glob("*/__init__.py")}
    assert folders == rooms


def test_every_setting_is_documented_as_it_is() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.+?) \| (.+) \|$", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE
    )
    declared = [(one.name, f"`{one.default}`" if one.default else "–", one.help) for one in SETTINGS]
    assert rows == declared


def test_settings_are_read_only_where_they_are_declared() -> None:
    pattern = re.compile(r"environ(?:\.get\(|\[)\s*[\"'](SPILNO_\w+)")
    declared = {one.name for one in SETTINGS}
    for path in (ROOT / "src").rglob("*.py"):
        for name in pattern.findall(path.read_text()):
            assert name in declared, f"{path} reads {name}"


def test_every_permission_is_documented() -> None:
    text = (ROOT / "docs" / "permissions.md").read_text()
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.+?) \|$", text, re.MULTILINE))
    assert rows == {
        str(permission): ", ".join(sorted(roles)) or "owner only" for permission, roles in TABLE.items()
    }


def test_every_dependency_is_explained_and_nothing_else() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    explained = set()
    for cell in re.findall(r"^\| (`.+?`) \|", text, re.MULTILINE):
        explained |= {name.lower() for name in re.findall(r"`([^`]+)`", cell)}
    wanted = set(json.loads((ROOT / "package.json").read_text())["devDependencies"])
    for name in ("base", "dev"):
        for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines():
            match = re.match(r"[A-Za-z][\w.\-]*", line)
            if match:
                wanted.add(match.group().lower())
    assert explained == wanted
