"""What browsers are told not to do with our pages, and that the pages live well with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Browser, expect

import spilno
from spilno.interfaces.web.safety import HEADER, USUAL
from spilno.team.models import Person
from tests.conftest import NOW, Cast
from tests.interfaces.web.test_design_browser import browser  # noqa: F401 - a fixture
from tests.interfaces.web.test_foreign_ids import PATTERNS, address, furnish

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


def test_guessing_a_password_ends_soon(cast: Cast) -> None:
    cache.clear()
    client, right = Client(), {"login": "olena@example.org", "password": "correct horse 42"}
    for number in range(6):
        client.post("/account/login/", {**right, "password": f"guess {number}"})
    refused = client.post("/account/login/", right)
    cache.clear()
    assert refused.status_code in (200, 429)
    assert "_auth_user_id" not in client.session
    assert client.post("/account/login/", right).status_code == 302


def test_signing_in_gives_a_new_session(cast: Cast) -> None:
    client = Client()
    client.get("/account/login/")
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    before = session.session_key
    client.cookies["sessionid"] = before
    client.post("/account/login/", {"login": "olena@example.org", "password": "correct horse 42"})
    assert client.session["_auth_user_id"]
    assert client.session.session_key != before


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"]
)
def test_nothing_leads_out_of_the_house(
    cast: Cast, client_of: Callable[[Person], Client], target: str
) -> None:
    """``next`` in every form that takes one."""
    house = furnish(cast.workspace, cast.owner, "ours")
    inside, client = "/w/delivery-house", client_of(cast.owner)
    answers = [
        client.post("/language/", {"language": "en", "next": target}),
        client.post(f"{inside}/inbox/{house.message.pk}/handled/", {"next": target}),
        client.post(f"{inside}/today/reminders/{house.reminder.pk}/done/", {"next": target}),
        client.post(f"{inside}/plan/new/", {"title": "A", "text": "B", "do": "save", "next": target}),
        Client().post(
            "/account/login/", {"login": "olena@example.org", "password": "correct horse 42", "next": target}
        ),
        client.post("/account/logout/", {"next": target}),
    ]
    for answer in answers:
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/")
        assert "evil" not in answer.headers["Location"]
    composer = client_of(cast.owner).get(f"{inside}/plan/new/", {"next": target}).content.decode()
    assert f'href="{target}"' not in composer


PAYLOAD = "</script>'\"><img src=x onerror=alert(1)>{{7*7}}"


def test_what_people_type_never_becomes_markup(cast: Cast, client_of: Callable[[Person], Client]) -> None:
    """Every name and text there is holds markup; every page shows it as text."""
    house = furnish(cast.workspace, cast.owner, "ours")
    local = dict.fromkeys(("uk", "en", "ru"), PAYLOAD)
    for row, values in (
        (house.workspace, {"name": PAYLOAD}),
        (house.owner, {"name": PAYLOAD}),
        (house.department, {"name": local}),
        (house.community, {"name": local, "description": local}),
        (house.channel, {"name": PAYLOAD}),
        (house.initiative, {"title": local, "learned": local}),
        (house.brief, {"task": local, "audience": local}),
        (house.media, {"name": PAYLOAD, "alt": PAYLOAD}),
        (house.item, {"title": PAYLOAD, "text": PAYLOAD}),
        (house.variant, {"text": PAYLOAD, "publish_at": NOW}),
        (house.page, {"title": local, "body": local, "place": local}),
        (house.entry, {"name": PAYLOAD, "company": PAYLOAD, "note": PAYLOAD}),
        (house.message, {"author": PAYLOAD, "author_name": PAYLOAD, "text": PAYLOAD}),
        (house.checkpoint, {"stage": PAYLOAD}),
    ):
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
    client, shown = client_of(cast.owner), 0
    pages = [address(pattern, house, house, set()) for pattern in PATTERNS]
    for url in [*pages, f"/p/{house.page.slug}/", "/profile/"]:
        answer = client.get(url)
        if not answer.headers.get("Content-Type", "").startswith("text/html"):
            continue
        said = answer.content.decode()
        assert "<img src=x" not in said, url
        assert "</script>'" not in said, url
        assert "}49" not in said, url
        shown += "&lt;img src=x" in said
    assert shown > 15, "the pages do show what was typed"


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
