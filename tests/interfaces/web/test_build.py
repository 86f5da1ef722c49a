"""What the browser gets: small where it must be, and nothing from elsewhere."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "src" / "spilno" / "interfaces" / "web" / "static" / "build"
TEMPLATES = ROOT / "src" / "spilno" / "interfaces" / "web" / "templates"


def size(name: str) -> int:
    path = BUILD / name
    assert path.exists(), f"{name} is not built: npm ci && npm run build"
    return path.stat().st_size


def test_public_pages_stay_under_their_weight() -> None:
    sheet = size("public.css")
    assert sheet < 30_000
    fonts = sum(size(f"fonts/onest-{one}-wght-normal.woff2") for one in ("latin", "cyrillic", "cyrillic-ext"))
    page = 10_000  # a long form
    assert sheet + fonts + page < 100_000


def test_public_pages_need_no_script() -> None:
    for path in (TEMPLATES / "base_public.html", *(TEMPLATES / "public").rglob("*.html")):
        assert "<script" not in path.read_text(), f"{path.name} has a script"


@pytest.mark.parametrize("name", ["app.js", "calendar.js", "chart.js", "icons.svg", "app.css"])
def test_every_part_is_built(name: str) -> None:
    assert size(name) > 1000


def test_the_large_scripts_stay_out_of_the_common_one() -> None:
    assert size("app.js") < 160_000


def test_style_sheets_fetch_only_our_fonts() -> None:
    for name in ("app.css", "public.css"):
        size(name)
        addresses = set(re.findall(r"url\(([^)]+)\)", (BUILD / name).read_text()))
        foreign = {one for one in addresses if not one.strip("\"'").startswith(("fonts/", "data:"))}
        assert not foreign


def test_the_lock_file_names_no_host() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert packages
    assert not [name for name, entry in packages.items() if "resolved" in entry]
