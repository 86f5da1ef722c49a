"""Pictures of the main pages, made from the demo: ``python -m tests.screenshots [--all] [--out FOLDER] [PAGE …]``.

Without ``--all`` those that the documentation shows are written to docs/screenshots; with it, every page in every
language, theme and width, to be looked at.
"""

from __future__ import annotations

import argparse
import io
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.servers.process import free_ports

ROOT = Path(__file__).resolve().parents[1]
SIZES = {1440: 900, 390: 844}
LANGUAGES = ("uk", "en", "ru")
THEMES = ("light", "dark")
CHROMIUM = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

# name → (role that signs in, or "" for a stranger; path). {w} is the demo workspace.
PAGES: dict[str, tuple[str, str]] = {
    "today": ("smm_manager", "/w/{w}/today/"),
    "today-cm": ("community_manager", "/w/{w}/today/"),
    "initiatives": ("community_manager", "/w/{w}/initiatives/"),
    "brief": ("community_manager", "/w/{w}/initiatives/charity-book-sale/"),
    "plan": ("smm_manager", "/w/{w}/plan/"),
    "composer": ("smm_manager", "/w/{w}/plan/new/"),
    "results": ("community_manager", "/w/{w}/initiatives/charity-book-sale/results/"),
    "scorecard": ("community_manager", "/w/{w}/results/"),
    "networks": ("smm_manager", "/w/{w}/networks/"),
    "library": ("smm_manager", "/w/{w}/library/"),
    "inbox": ("community_manager", "/w/{w}/inbox/"),
    "community": ("community_manager", "/w/{w}/community/"),
    "settings": ("community_manager", "/w/{w}/settings/"),
    "sign-in": ("", "/account/login/"),
}
SHOWN = (
    ("uk", "light", 1440), ("en", "light", 1440), ("uk", "dark", 1440), ("uk", "light", 390),
)  # fmt: skip


@contextmanager
def spilno(data: Path, *, demo: bool = True) -> Iterator[str]:
    """A running Spilno on a data folder of its own; gives its address."""
    port, practice = free_ports(2)
    environment = {
        **{
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("SPILNO_", "DATABASE_URL", "DJANGO_"))
        },
        "SPILNO_DATA": str(data),
        "SPILNO_PORT": str(port),
        "SPILNO_PRACTICE_PORT": str(practice),
    }
    command = [sys.executable, "-m", "spilno.config.command"]
    if demo:
        subprocess.run([*command, "demo"], env=environment, check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen([*command, "up"], env=environment, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                with urllib.request.urlopen(f"{address}/healthz", timeout=2):
                    break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("Spilno does not start") from None
                time.sleep(0.2)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)


def sign_in(page: Page, address: str, role: str) -> str:
    """Enter the demo as one of its colleagues; gives the workspace's slug."""
    page.goto(f"{address}/account/login/")
    page.locator(f'form[action="/demo/{role}/"] button').click()
    page.wait_for_url("**/today/")
    return page.url.split("/w/")[1].split("/")[0]


def settled(page: Page) -> None:
    """Wait until everything that the page loads later has arrived."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    for drawn in ("[data-calendar]", "[data-chart] .plot"):
        for one in page.locator(drawn).all():
            one.locator(":scope .fc-view, :scope svg, :scope canvas").first.wait_for(timeout=20_000)


def picture(page: Page, path: Path) -> None:
    """A full-page picture with at most 256 colours, so that the repository stays small."""
    image = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def context(browser: Browser, language: str, theme: str, width: int, address: str) -> BrowserContext:
    made = browser.new_context(
        viewport={"width": width, "height": SIZES[width]},
        locale={"uk": "uk-UA", "en": "en-GB", "ru": "ru-RU"}[language],
        color_scheme=theme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        is_mobile=width < 600,
        has_touch=width < 600,
    )
    made.add_cookies([
        {"name": "django_language", "value": language, "url": address},
        {"name": "theme", "value": theme, "url": address},
    ])  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--languages", default=",".join(LANGUAGES))
    parser.add_argument("pages", nargs="*", default=list(PAGES))
    asked = parser.parse_args()
    kinds = tuple(itertools.product(asked.languages.split(","), THEMES, SIZES)) if asked.all else SHOWN
    with (
        tempfile.TemporaryDirectory() as folder,
        spilno(Path(folder) / "data") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM))
        for language, theme, width in kinds:
            for role, names in itertools.groupby(
                sorted(asked.pages or PAGES, key=lambda name: PAGES[name][0]), key=lambda name: PAGES[name][0]
            ):
                made = context(browser, language, theme, width, address)
                page = made.new_page()
                workspace = sign_in(page, address, role) if role else ""
                for name in names:
                    page.goto(address + PAGES[name][1].format(w=workspace))
                    settled(page)
                    target = asked.out / f"{name}-{language}-{theme}-{width}.png"
                    picture(page, target)
                    sys.stdout.write(f"{target.name}\n")
                made.close()
        browser.close()


if __name__ == "__main__":
    main()
