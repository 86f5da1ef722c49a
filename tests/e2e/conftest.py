"""A browser and running Spilnos, shared by the tests of this folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    expect,
    sync_playwright,
)

from tests.screenshots import CHROMIUM, SIZES
from tests.servers import debian
from tests.servers.process import REPOSITORY

from . import house
from .house import House

PICTURES = REPOSITORY / "build" / "e2e"
LOCALES = {"uk": "uk-UA", "en": "en-GB", "ru": "ru-RU"}
PATIENCE = 30_000
"""Milliseconds to wait for something in a page. Long, because other tests may be at work on the same machine."""


# Not for the whole session: as long as Playwright runs, Django refuses database work in this thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    debian.need("chromium", "fonts-dejavu-core", "fonts-noto-core", "fonts-noto-color-emoji")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def loop_house() -> Iterator[House]:
    """An empty installation that may speak to the servers of the tests."""
    running = house.start({"SPILNO_ALLOWED_PRIVATE_HOSTS": "127.0.0.1,localhost"})
    yield running
    running.stop()


@pytest.fixture(scope="package")
def demo_house(browser: Browser) -> Iterator[House]:
    """An installation whose first visitor opened the demo."""
    running = house.start()
    page = browser.new_page(base_url=running.address)
    # A month of two networks is played, and its pictures are drawn: the answer takes a while.
    page.set_default_timeout(5 * PATIENCE)
    page.goto("/")
    page.locator("form[action='/setup/demo/'] button").click()
    page.wait_for_url("**/account/login/")
    page.close()
    yield running
    running.stop()


@pytest.fixture
def empty_house() -> Iterator[House]:
    """An empty installation for one test."""
    running = house.start()
    yield running
    running.stop()


@dataclass
class Window:
    """A browser window of one person, which notes everything that goes wrong in it."""

    page: Page
    address: str
    troubles: list[str] = field(default_factory=list)
    expected: list[re.Pattern[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self._note(f"script: {error}"))
        self.page.on("console", self._console)
        self.page.on("response", self._answer)

    def enter_demo(self, role: str) -> str:
        """With one click, as the demo's colleague of that role; the workspace's slug."""
        self.page.goto("/account/login/")
        self.page.locator(f"form[action='/demo/{role}/'] button").click()
        self.page.wait_for_url("**/today/")
        return self.page.url.split("/w/")[1].split("/")[0]

    def settle(self) -> None:
        """Until everything that a page draws later is there."""
        self.page.wait_for_load_state("load")
        self.page.evaluate("document.fonts.ready")
        expect(self.page.locator("[data-chart] .plot:not([data-drawn])")).to_have_count(0)
        calendar = self.page.locator("[data-calendar]")
        if calendar.count():
            expect(calendar.locator(".fc-view-harness").first).to_be_visible()

    def expect_trouble(self, pattern: str) -> None:
        """What matches is part of the test."""
        self.expected.append(re.compile(pattern))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console on {urlsplit(self.page.url).path}: {message.text}")

    def _answer(self, response: Response) -> None:
        if response.status >= 400 and response.url.startswith(self.address):
            self._note(f"{response.status} {response.request.method} {urlsplit(response.url).path}")

    def _note(self, text: str) -> None:
        self.troubles.append(text)

    def unexpected(self) -> list[str]:
        """Everything that went wrong without being announced."""
        return [one for one in self.troubles if not any(known.search(one) for known in self.expected)]


Opener = Callable[..., Window]


@pytest.fixture
def window(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Opens windows: ``window(address, language=, theme=, width=)``.

    At the end a test fails if a script broke or an answer was an error; pictures of all windows of a failed test
    lie in build/e2e.
    """
    opened: list[tuple[BrowserContext, Window]] = []

    def open_window(
        address: str, *, language: str = "en", theme: str = "light", width: int = 1440, **more: Any
    ) -> Window:
        context = browser.new_context(
            base_url=address,
            locale=LOCALES[language],
            timezone_id="Europe/Kyiv",
            viewport={"width": width, "height": SIZES[width]},
            color_scheme=theme,
            reduced_motion="reduce",
            is_mobile=width < 600,
            has_touch=width < 600,
            **more,
        )
        context.set_default_timeout(PATIENCE)
        context.add_cookies([
            {"name": "django_language", "value": language, "url": address},
            {"name": "theme", "value": theme, "url": address},
        ])  # fmt: skip
        made = Window(context.new_page(), address)
        opened.append((context, made))
        return made

    yield open_window
    report = request.node.stash.get(RESULT, None)
    troubles = [trouble for _, made in opened for trouble in made.unexpected()]
    if troubles or (report is not None and report.failed):
        name = re.sub(r"[^\w-]+", "-", request.node.name)
        for number, (_, made) in enumerate(opened):
            _picture(made.page, PICTURES / f"{name}-{number}.png")
    for context, _ in opened:
        context.close()
    assert not troubles, "\n".join(troubles)


def _picture(page: Page, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=True)


RESULT = pytest.StashKey[pytest.TestReport]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Remember how the test itself ended, for the fixtures' ends."""
    report: pytest.TestReport = yield
    if report.when == "call":
        item.stash[RESULT] = report
        if report.failed:
            for name, value in getattr(item, "funcargs", {}).items():
                if isinstance(value, House):
                    report.sections.append((f"log of {name}", value.log()))
    return report
