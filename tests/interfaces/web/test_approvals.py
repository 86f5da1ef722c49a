"""Approving in the browser: colleagues, rules, and guests behind a link."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from PIL import Image

from spilno.channels import services as channels
from spilno.kernel import clock
from spilno.plan import services as plan
from spilno.plan.approvals import letters, queries, services
from spilno.plan.approvals.models import ApprovalFlow, GuestReviewer
from spilno.plan.approvals.rules import State
from spilno.plan.approvals.services import StageDraft
from spilno.plan.models import Item
from spilno.team.models import Person
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
Browser = Callable[[Person], Client]


@pytest.fixture
def item(cast: Cast) -> Item:
    """Written by the colleague, for two channels."""
    made = plan.create_item(
        workspace=cast.workspace, by=cast.colleague, now=cast.now, text="Приходьте на ярмарок <b>книг</b>"
    )
    for name in ("Group one", "Group two"):
        channel = channels.add_by_hand(
            workspace=cast.workspace, by=cast.owner, now=cast.now, network="facebook_group", name=name,
            purpose="community",
        )  # fmt: skip
        plan.put_variant(item=made, channel=channel, by=cast.colleague, now=cast.now)
    return Item.objects.get(pk=made.pk)


def rules(cast: Cast, *parts: str) -> ApprovalFlow:
    return services.save_flow(
        workspace=cast.workspace, by=cast.owner, now=cast.now, channel=None, stages=[StageDraft(parts)]
    )


@pytest.fixture
def guest(cast: Cast) -> GuestReviewer:
    return services.save_guest(
        workspace=cast.workspace, by=cast.owner, now=cast.now, name="Пані Юрист", email="law@example.org",
        language="uk",
    )  # fmt: skip


def address(name: str, *args: Any) -> str:
    return reverse(name, args=["delivery-house", *args])


def states(item: Item) -> list[State]:
    return [one.standing.state for one in queries.of_item(Item.objects.get(pk=item.pk))]


def form(page: str) -> dict[str, Any]:
    """What the browser would send: ticked variants and what was seen of them."""
    seen = dict(re.findall(r'name="(seen-[0-9a-f-]+)" value="([0-9a-f]+)"', page))
    return {"variant": [key.removeprefix("seen-") for key in seen], **seen}


def test_a_colleague_sees_it_as_it_will_look_and_approves(cast: Cast, item: Item, client_of: Browser) -> None:
    rules(cast, f"person:{cast.owner.pk}")
    services.ask(item=item, by=cast.colleague, now=clock.now())
    browser = client_of(cast.owner)
    assert "Приходьте" in browser.get(address("plan-review")).content.decode()
    assert address("plan-approval", item.pk) in browser.get(address("today")).content.decode()
    page = browser.get(address("plan-approval", item.pk)).content.decode()
    assert "&lt;b&gt;книг" in page
    sent = form(page)
    assert len(sent["variant"]) == 2
    refused = browser.post(address("plan-approval-decide", item.pk), sent | {"verdict": "changes"})
    assert refused.status_code == 422
    browser.post(address("plan-approval-decide", item.pk), sent | {"verdict": "approve"})
    assert states(item) == [State.APPROVED, State.APPROVED]
    assert address("plan-approval", item.pk) not in browser.get(address("today")).content.decode()


def test_only_what_is_ticked_is_meant(cast: Cast, item: Item, client_of: Browser) -> None:
    rules(cast, f"person:{cast.owner.pk}")
    browser = client_of(cast.owner)
    sent = form(browser.get(address("plan-approval", item.pk)).content.decode())
    sent["variant"] = sent["variant"][:1]
    browser.post(address("plan-approval-decide", item.pk), sent | {"verdict": "approve"})
    assert states(item) == [State.APPROVED, State.WAITING]


def test_a_version_that_was_not_seen_is_not_approved(cast: Cast, item: Item, client_of: Browser) -> None:
    rules(cast, f"person:{cast.owner.pk}")
    browser = client_of(cast.owner)
    sent = form(browser.get(address("plan-approval", item.pk)).content.decode())
    plan.update_item(
        item=item, by=cast.colleague, now=cast.now, expected_version=item.version, text="Щось інше"
    )
    answer = browser.post(
        address("plan-approval-decide", item.pk), sent | {"verdict": "approve", "comment": "Гарно"}
    )
    assert answer.status_code == 422
    assert "Щось інше" in answer.content.decode()
    assert "Гарно" in answer.content.decode()
    assert states(item) == [State.WAITING, State.WAITING]


def test_who_wrote_it_is_told_that_others_decide(cast: Cast, item: Item, client_of: Browser) -> None:
    rules(cast, f"person:{cast.colleague.pk}", f"person:{cast.owner.pk}")
    page = client_of(cast.colleague).get(address("plan-approval", item.pk) + "?lang=en").content.decode()
    assert "somebody else has to approve" in page
    assert 'value="approve"' not in page


def test_rules_are_made_in_the_form(cast: Cast, item: Item, client_of: Browser) -> None:
    browser = client_of(cast.owner)
    edit = address("settings-approvals-edit", "all")
    assert browser.get(edit).status_code == 200
    browser.post(edit, {
        "stage-0-name": "Redaction", "stage-0-needs": "all",
        "stage-0-who": [f"person:{cast.owner.pk}", "role:editor"], "stage-2-who": ["role:analyst"],
    })  # fmt: skip
    flow = ApprovalFlow.objects.get(workspace=cast.workspace)
    assert [(one.name, one.needs, one.approvers.count()) for one in flow.stages.all()] == [
        ("Redaction", "all", 2), ("", "any", 1)
    ]  # fmt: skip
    page = browser.get(address("settings-approvals")).content.decode()
    assert "Redaction" in page
    wrong = browser.post(edit, {"stage-0-who": ["person:nobody"], "stage-0-name": "Kept"})
    assert wrong.status_code == 422
    assert "Kept" in wrong.content.decode()
    assert flow.stages.count() == 2


def test_a_guest_approves_on_a_page_without_an_account(
    cast: Cast, item: Item, guest: GuestReviewer, client: Client, client_of: Browser
) -> None:
    rules(cast, f"guest:{guest.pk}")
    made = client_of(cast.owner).post(
        address("plan-approval-link", item.pk), {"guest": str(guest.pk), "days": "3"}
    )
    link = re.search(r"(/review/[\w-]+/)", made.content.decode())
    assert link is not None
    page = client.get(link.group(1), follow=True)
    text = page.content.decode()
    assert page.status_code == 200
    assert page.headers["Content-Language"] == "uk"
    assert "&lt;b&gt;книг" in text
    assert "no-store" in page.headers["Cache-Control"]
    there = page.redirect_chain[-1][0]
    refused = client.post(there, form(text) | {"verdict": "changes", "comment": "  "})
    assert refused.status_code == 422
    client.post(there, form(text) | {"verdict": "changes", "comment": "Додайте адресу"})
    assert states(item) == [State.CHANGES, State.CHANGES]
    client.post(there, form(text) | {"verdict": "approve"})
    assert states(item) == [State.APPROVED, State.APPROVED]
    (found,) = queries.links(cast.workspace, clock.now())
    assert found.opened_at is not None
    client_of(cast.owner).post(address("plan-review-link-end", found.pk))
    assert client.get(there).status_code == 404
    assert "Приходьте" not in client.get(there).content.decode()


def test_a_link_opens_nothing_else(cast: Cast, item: Item, guest: GuestReviewer, client: Client) -> None:
    rules(cast, f"guest:{guest.pk}")
    other = plan.create_item(workspace=cast.workspace, by=cast.owner, now=cast.now, text="Таємне")
    _link, token = services.open_link(
        workspace=cast.workspace, guest=guest, items=[item], by=cast.owner, now=clock.now()
    )
    assert client.get(reverse("review-item", args=[token, other.pk])).status_code == 404
    assert client.get(reverse("review", args=["x" * 32])).status_code == 404
    plan.delete_item(item=item, by=cast.owner, now=cast.now)
    assert client.get(reverse("review-item", args=[token, item.pk])).status_code == 404


def test_letters_go_to_who_is_asked_and_back_to_who_wrote(
    cast: Cast, item: Item, guest: GuestReviewer, client: Client
) -> None:
    rules(cast, f"guest:{guest.pk}", f"person:{cast.owner.pk}")
    now = clock.now()
    services.ask(item=item, by=cast.colleague, now=now, note="Будь ласка, до вечора")
    assert letters.tell(now=now) == 2
    assert sorted(one.to[0] for one in mail.outbox) == ["law@example.org", "olena@example.org"]
    assert all("до вечора" in one.body for one in mail.outbox)
    assert letters.tell(now=now) == 0
    (to_guest,) = [one for one in mail.outbox if one.to == ["law@example.org"]]
    path = re.search(r"(/review/[\w-]+/)", to_guest.body)
    assert path is not None
    page = client.get(path.group(1), follow=True)
    mail.outbox.clear()
    there = page.redirect_chain[-1][0]
    client.post(there, form(page.content.decode()) | {"verdict": "changes", "comment": "Без імен"})
    assert letters.tell(now=now + timedelta(seconds=1)) == 1
    (back,) = mail.outbox
    assert back.to == ["taras@example.org"]
    assert "Без імен" in back.body


def test_the_pages_ask_a_bounded_number_of_questions(
    cast: Cast, item: Item, client_of: Browser, django_assert_max_num_queries: Any
) -> None:
    rules(cast, f"person:{cast.owner.pk}")
    services.ask(item=item, by=cast.colleague, now=clock.now())
    browser = client_of(cast.owner)
    for page in (
        address("plan-review"), address("plan-approval", item.pk), address("settings-approvals"),
        address("settings-approvals-edit", "all"),
    ):  # fmt: skip
        browser.get(page)
        with django_assert_max_num_queries(20):
            assert browser.get(page).status_code == 200


def test_a_guest_sees_the_pictures_and_nothing_larger(
    cast: Cast, item: Item, guest: GuestReviewer, client: Client
) -> None:
    into = io.BytesIO()
    Image.new("RGB", (2400, 1600), "teal").save(into, "JPEG")
    into.seek(0)
    photo = plan.store_media(
        workspace=cast.workspace, by=cast.colleague, now=cast.now, name="photo.jpg", content=into, alt="Стіл"
    )
    plan.update_item(item=item, by=cast.colleague, now=cast.now, expected_version=item.version, media=[photo])
    rules(cast, f"guest:{guest.pk}")
    _link, token = services.open_link(
        workspace=cast.workspace, guest=guest, items=[item], by=cast.owner, now=clock.now()
    )
    page = client.get(reverse("review-item", args=[token, item.pk])).content.decode()
    shown = re.search(r'<img src="(/[^"]+)" alt="Стіл"', page)
    assert shown is not None
    answer = client.get(shown.group(1))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(b"".join(answer.streaming_content))) as picture:  # type: ignore[attr-defined]
        assert max(picture.size) < 1000
    assert client.get(shown.group(1)[:-6] + "x.webp").status_code == 404
