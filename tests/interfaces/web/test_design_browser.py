"""What the interface's scripts do, in a real browser, on the page that shows every component."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator

import pytest
from django.test import Client
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from spilno.team.models import User
from tests.servers import debian

pytestmark = pytest.mark.browser

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    debian.need("chromium")
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread. The fixtures' database work is not inside it, but Django
        # cannot know that.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def session(transactional_db: None) -> str:
    """The session of a member of staff."""
    user = User.objects.create_user("staff@example.org", "correct horse 42", name="Staff", is_staff=True)
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client.cookies["sessionid"].value


@pytest.fixture
def page(session: str, live_server: object, browser: Browser) -> Iterator[Page]:
    address = str(live_server)
    context = browser.new_context(
        base_url=address,
        locale="uk",
        viewport={"width": 1440, "height": 900},
        bypass_csp=True,  # wait_for_function compiles in the page; test_safety holds the pages against their policy
    )
    context.add_cookies([{"name": "sessionid", "value": session, "url": address}])
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto("/design/")
    yield page
    context.close()
    assert not problems


def test_theme_is_kept_and_sent_with_the_page(page: Page) -> None:
    page.locator(".page-head [data-set-theme=dark]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator(".page-head [data-set-theme=auto]").click()
    page.reload()
    assert page.locator("html").get_attribute("data-theme") is None


def test_what_was_typed_is_offered_again(page: Page) -> None:
    page.locator("[hx-target='#panel']").first.click()
    page.locator("#panel_text").fill("Щось нове")
    page.wait_for_function("localStorage.getItem('spilno:typed:design-panel')")
    page.reload()
    page.locator("[hx-target='#panel']").first.click()
    page.locator(".restore button").first.click()
    expect(page.locator("#panel_text")).to_have_value("Щось нове")
    expect(page.locator(".restore")).to_have_count(0)


def test_forgotten_text_stays_forgotten(page: Page) -> None:
    page.locator("[hx-target='#panel']").first.click()
    page.locator("#panel_text").fill("Щось нове")
    page.wait_for_function("localStorage.getItem('spilno:typed:design-panel')")
    page.keyboard.press("Escape")
    page.locator("[hx-target='#panel']").first.click()
    page.locator(".restore button").last.click()
    assert page.evaluate("localStorage.getItem('spilno:typed:design-panel')") is None


def test_a_dangerous_form_asks_first(page: Page) -> None:
    page.evaluate(
        "document.querySelector('form[data-confirm]').addEventListener('submit', () => window.sent = true)"
    )
    page.locator("form[data-confirm] button").click()
    expect(page.locator("#confirm")).to_be_visible()
    page.locator("#confirm [data-answer=no]").click()
    assert page.evaluate("window.sent") is None
    page.locator("form[data-confirm] button").click()
    page.locator("#confirm [data-answer=yes]").click()
    page.wait_for_function("window.sent === true")


def test_the_servers_count_replaces_the_estimate(page: Page) -> None:
    box = page.locator("#text-light_counter")
    page.locator("#text-light").fill(
        "👍🏽" * 10 + " ПРИВІТАННЯ"
    )  # the server counts code points, and complains
    expect(box.locator(".problems li")).to_have_count(1)
    expect(box.locator("output")).to_have_text("269")


def test_the_preview_follows_text_link_and_pictures(page: Page) -> None:
    preview = page.locator("#light .preview")
    page.locator("#text-light").fill("Перший рядок\nдругий")
    expect(preview.locator(".text")).to_have_text("Перший рядок\nдругий", use_inner_text=True)
    page.locator("#link-light").fill("not a link")
    expect(preview.locator(".linkcard")).to_be_hidden()
    page.locator("#media-light").set_input_files(
        [{"name": "a.png", "mimeType": "image/png", "buffer": _png()}]
    )
    expect(preview.locator(".media img")).to_have_count(1)
    expect(page.locator("#light .thumb")).to_have_count(1)


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "purple").save(file, "PNG")
    return file.getvalue()


def test_a_moved_post_goes_back_when_the_server_refuses(page: Page) -> None:
    event = page.locator(".fc-event").nth(1)  # odd ones are refused
    event.scroll_into_view_if_needed()
    day = event.locator("xpath=ancestor::td[@data-date]").get_attribute("data-date")
    title = event.locator("time").inner_text()
    with page.expect_response("**/design/move/**") as answer:
        event.drag_to(page.locator(".fc-daygrid-day").nth(20))
    assert answer.value.status == 409
    assert re.search(r"start=\d{4}-\d\d-\d\dT", answer.value.request.post_data or "")
    expect(page.locator(".toasts .toast-late")).to_be_visible()
    expect(page.locator(f'td[data-date="{day}"] .fc-event time').first).to_have_text(title)


def test_charts_are_drawn_in_the_colours_of_their_theme(page: Page) -> None:
    page.locator("#chart-light[data-drawn=''] svg").wait_for()
    page.locator("#chart-dark[data-drawn=''] svg").wait_for()
    line = "#chart-{} svg .mark-line path"
    colours = {
        theme: page.locator(line.format(theme)).first.get_attribute("stroke") for theme in ("light", "dark")
    }
    assert colours["light"] != colours["dark"]


def test_the_page_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    page.locator("#chart-light[data-drawn='']").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
