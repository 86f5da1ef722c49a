"""What browsers are told not to do with our pages, and that the pages live well with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, expect

import spilno
from spilno.interfaces.web.safety import HEADER, USUAL
from spilno.team.models import Person
from tests.conftest import Cast
from tests.interfaces.web.test_design_browser import browser  # noqa: F401 - a fixture
from tests.interfaces.web.test_foreign_ids import furnish

TEMPLATES = sorted((Path(spilno.__file__).parent / "interfaces/web/templates").rglob("*.html"))


def test_every_page_forbids_foreign_scripts_and_frames(
    cast: Cast, client_of: Callable[[Person], Client]
) -> None:
    client = client_of(cast.owner)
    for url in ("/w/delivery-house/today/", "/w/delivery-house/nowhere/", "/profile/", "/p/nobody/"):
        answer = client.get(url)
        assert answer.headers[HEADER] == USUAL, url
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"]
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    script = next(one for one in USUAL.split("; ") if one.startswith("script-src"))
    assert script == "script-src 'self'"  # neither 'unsafe-inline' nor 'unsafe-eval'


def test_only_connecting_may_lead_a_form_elsewhere(cast: Cast, client_of: Callable[[Person], Client]) -> None:
    client = client_of(cast.owner)
    connecting = client.get("/w/delivery-house/networks/connect/mastodon/").headers[HEADER]
    assert "form-action 'self' https:" in connecting
    assert "script-src 'self';" in connecting
    assert USUAL.endswith("form-action 'self'")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_no_template_carries_a_script_of_its_own(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<script(?![^>]*(\bsrc=|type=\"application/json\"))", text)
    assert not re.search(r"\s(on[a-z]+|hx-on[:a-z-]*)=[\"']", text)
    assert not re.search(r"hx-trigger=\"[^\"]*\[", text), "a filter in hx-trigger is compiled"
    assert "javascript:" not in text
    assert "js:{" not in text


def test_a_host_that_is_not_ours_is_refused(client: Client, db: None) -> None:
    """Else a forged Host header would put a foreign address into the mail that resets a password."""
    assert "*" not in settings.ALLOWED_HOSTS
    for host in (
        "evil.example",
        "testserver.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
    ):
        answer = client.post(
            "/account/password/reset/", {"email": "olena@example.org"}, headers={"host": host}
        )
        assert answer.status_code == 400, host


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_form_pressed_twice_is_sent_once(
    cast: Cast,
    client_of: Callable[[Person], Client],
    live_server: object,
    browser: Browser,  # noqa: F811
) -> None:
    address = str(live_server)
    context = browser.new_context(base_url=address)
    context.add_cookies(
        [{"name": "sessionid", "value": client_of(cast.owner).cookies["sessionid"].value, "url": address}]
    )
    page = context.new_page()
    page.goto("/w/delivery-house/initiatives/new/")
    # Browsers send the form unless a listener forbids it: what dispatchEvent answers.
    press = """() => document.querySelector("[name=title]").form.dispatchEvent(
        new SubmitEvent("submit", {bubbles: true, cancelable: true}))"""
    assert page.evaluate(press) is True
    assert page.evaluate(press) is False
    page.evaluate("() => window.dispatchEvent(new PageTransitionEvent('pageshow'))")  # came back to the page
    assert page.evaluate(press) is True
    context.close()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_pages_work_under_the_policy(
    cast: Cast,
    client_of: Callable[[Person], Client],
    live_server: object,
    browser: Browser,  # noqa: F811
) -> None:
    """Calendar, charts, composer, dialogs: no script, style or picture of ours is refused; a foreign script is."""
    house = furnish(cast.workspace, cast.owner, "ours")
    assert cast.owner.user is not None
    cast.owner.user.is_staff = True
    cast.owner.user.save()
    address = str(live_server)
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 1000})
    context.add_cookies(
        [{"name": "sessionid", "value": client_of(cast.owner).cookies["sessionid"].value, "url": address}]
    )
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security" in said.text else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    inside = "/w/delivery-house"
    initiative = f"{inside}/initiatives/{house.initiative.slug}"
    for url in (
        f"{inside}/today/",
        f"{inside}/plan/",
        f"{inside}/plan/items/{house.item.pk}/",
        f"{inside}/plan/deliveries/{house.delivery.pk}/",
        f"{inside}/library/",
        f"{inside}/inbox/",
        f"{initiative}/brief/",
        f"{initiative}/contingency/",
        f"{initiative}/results/",
        f"{inside}/networks/",
        f"{inside}/networks/connect/bluesky/",
        f"{inside}/settings/",
        "/profile/",
        f"/p/{house.page.slug}/",
        "/account/login/",
        "/design/",
    ):
        page.goto(url)
        page.wait_for_load_state("networkidle")
        assert refused == [], url
    expect(
        page.locator('.plot[data-drawn=""]').first
    ).to_be_visible()  # a chart of /design, drawn without eval
    page.evaluate(
        "() => { const one = document.createElement('script'); one.textContent = 'window.foreign = 1';"
        " document.body.append(one); }"
    )
    assert page.evaluate("() => window.foreign") is None
    assert refused, "the browser says what it refused"
    context.close()
