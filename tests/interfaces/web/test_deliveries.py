"""The page of a delivery, and what a person does on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from spilno.channels import services as channels
from spilno.interfaces.web.delivery_words import Words, lines, next_words
from spilno.kernel import clock
from spilno.plan.models import Media
from spilno.publishing import queries
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.states import DeliveryState as S
from spilno.team.models import Person
from spilno.toolkit.networks.base import Kind, NetworkError, Once, Verdict
from tests.publishing import stage as stages
from tests.publishing.stage import Stage

pytestmark = pytest.mark.django_db
stage, store = stages.stage, stages.store
Browser = Callable[[Person], Client]


@pytest.fixture
def today(stage: Stage) -> Stage:
    """Views read the real clock."""
    stage.clock.at = clock.now()
    return stage


def address(delivery: Delivery, action: str = "") -> str:
    name = f"plan-delivery-{action}" if action else "plan-delivery"
    return reverse(name, args=["delivery-house", delivery.pk])


def state(delivery: Delivery) -> str:
    return Delivery.objects.get(pk=delivery.pk).state


@pytest.mark.parametrize("language", ["uk", "en", "ru"])
@pytest.mark.parametrize("by_hand", [True, False])
def test_every_state_says_what_happens_next(
    today: Stage, client_of: Browser, language: str, by_hand: bool
) -> None:
    channel = today.channel(Once.KEY)
    delivery = today.delivery(channel)
    if by_hand:
        type(channel).objects.filter(pk=channel.pk).update(by_hand=True)
    browser, said = client_of(today.cast.owner), set()
    for one in S:
        Delivery.objects.filter(pk=delivery.pk).update(state=one)
        assert browser.get(f"{address(delivery)}?lang={language}").status_code == 200
        page = queries.delivery_page(today.cast.workspace, delivery.pk)
        assert page is not None
        said.add(next_words(page, Words(language, "Europe/Kyiv", today.clock.at)))
    assert len(said) == len(S)


def test_every_step_and_outcome_has_words(today: Stage) -> None:
    delivery = today.delivery(today.channel(Once.KEY))
    outcomes = ["", "ok", *Kind, *Verdict, "interrupted", "failed", "posted", "absent"]
    pairs = [(step, outcome) for step in Step for outcome in outcomes if step != Step.CONFIRM]
    pairs += [(Step.CONFIRM, "posted"), (Step.CONFIRM, "absent")]
    for number, (step, outcome) in enumerate(pairs, 1):
        Attempt.objects.create(
            delivery=delivery, number=number, step=step, outcome=str(outcome), started_at=today.clock.at
        )
    page = queries.delivery_page(today.cast.workspace, delivery.pk)
    assert page is not None
    shown = lines(page, Words("en", "Europe/Kyiv", today.clock.at))
    assert len(shown) == len(pairs) + 1  # and that it was scheduled
    assert not {str(one.title) for one in shown} & {str(one) for one in Step}


def test_the_history_is_told_with_reasons(today: Stage, client_of: Browser) -> None:
    today.side.script = [NetworkError(Kind.PERMANENT, "refused", params={"message": "Words we do not like"})]
    delivery = today.delivery(today.channel(Once.NONE), due=today.clock.at)
    today.play()
    html = client_of(today.cast.analyst).get(f"{address(delivery)}?lang=en").content.decode()
    assert html.count("Words we do not like") == 2  # above, and in the history
    assert "Scheduled for" in html
    assert "Olena" in html
    assert address(delivery, "retry") not in html  # an analyst changes nothing


def test_a_reminder_is_made_for_the_phone(
    today: Stage, client_of: Browser, store: Callable[[], Media]
) -> None:
    group = channels.add_by_hand(
        workspace=today.cast.workspace, by=today.cast.owner, now=today.clock.at, network="facebook_group",
        name="Group", purpose="community", url="https://group.example",
    )  # fmt: skip
    picture = store()
    delivery = today.delivery(
        group, text="Книги!", due=today.clock.at, media=[picture], link="https://b.example"
    )
    today.play()
    browser = client_of(today.cast.owner)
    html = browser.get(f"{address(delivery)}?lang=en").content.decode()
    file = reverse("library-file", args=["delivery-house", picture.pk])
    for part in ("Книги!", "https://b.example", 'download="photo.jpg"', 'href="https://group.example"', file):
        assert part in html
    assert 'data-copy="#text-to-copy"' in html
    wrong = browser.post(f"{address(delivery, 'confirm')}?lang=en", {"url": "I posted it"})
    assert wrong.status_code == 422
    assert 'value="I posted it"' in wrong.content.decode()
    assert "This is not a link" in wrong.content.decode()
    future = f"{today.clock.at + timedelta(days=1):%Y-%m-%dT%H:%M}"
    assert browser.post(address(delivery, "confirm"), {"url": "", "posted_at": future}).status_code == 422
    assert browser.post(address(delivery, "confirm"), {"url": "", "posted_at": "soon"}).status_code == 422
    done = browser.post(address(delivery, "confirm"), {"url": "https://group.example/1"}, follow=True)
    assert "https://group.example/1" in done.content.decode()
    assert state(delivery) == S.PUBLISHED


def test_looking_and_telling(today: Stage, client_of: Browser) -> None:
    today.side.script = ["lost_before", "lost_after"]
    channel = today.channel(Once.NONE, finds=False)
    one, two = (today.delivery(channel, due=today.clock.at) for _ in range(2))
    today.play()
    assert (state(one), state(two)) == (S.NEEDS_PERSON, S.NEEDS_PERSON)
    browser = client_of(today.cast.owner)
    assert "https://fake.example/me" in browser.get(address(one)).content.decode()
    assert client_of(today.cast.colleague).post(address(one, "absent")).status_code == 403
    browser.post(address(one, "absent"))
    today.clock.at = max(today.clock.at, clock.now())
    browser.post(address(two, "confirm"), {"url": "https://fake.example/2"})
    today.play()
    assert (state(one), state(two)) == (S.PUBLISHED, S.PUBLISHED)
    assert len(today.side.posts) == 2


def test_calling_off_and_sending_again(today: Stage, client_of: Browser) -> None:
    delivery = today.delivery(today.channel(Once.KEY))
    browser = client_of(today.cast.owner)
    browser.post(address(delivery, "cancel"))
    assert state(delivery) == S.CANCELLED
    browser.post(address(delivery, "retry"))
    assert state(delivery) == S.QUEUED
    Delivery.objects.filter(pk=delivery.pk).update(state=S.COMMITTING)
    html = browser.post(f"{address(delivery, 'cancel')}?lang=en", follow=True).content.decode()
    assert state(delivery) == S.COMMITTING
    assert address(delivery, "cancel") not in html


def test_it_is_nobody_else_s(today: Stage, client_of: Browser) -> None:
    delivery = today.delivery(today.channel(Once.KEY))
    outsider = client_of(today.cast.outsider)
    assert outsider.get(address(delivery)).status_code == 404
    assert outsider.get(address(delivery).replace("delivery-house", "elsewhere")).status_code == 404
    assert (
        outsider.post(address(delivery, "cancel").replace("delivery-house", "elsewhere")).status_code == 404
    )
    assert state(delivery) == S.QUEUED


def test_the_page_asks_a_bounded_number_of_questions(
    today: Stage, client_of: Browser, django_assert_max_num_queries: Callable[..., object]
) -> None:
    delivery = today.delivery(today.channel(Once.KEY), due=today.clock.at)
    today.play()
    browser = client_of(today.cast.owner)
    with django_assert_max_num_queries(16):
        browser.get(address(delivery))


def test_what_missed_its_time_gets_another(today: Stage, client_of: Browser) -> None:
    delivery = today.delivery(today.channel(Once.KEY))
    Delivery.objects.filter(pk=delivery.pk).update(state=S.MISSED, next_try_at=None)
    browser = client_of(today.cast.owner)
    wrong = browser.post(address(delivery, "later"), {"at": "soon"})
    assert (wrong.status_code, state(delivery)) == (422, S.MISSED)
    assert "soon" in wrong.content.decode()
    past = browser.post(address(delivery, "later"), {"at": "2020-01-01T10:00"})
    assert (past.status_code, state(delivery)) == (422, S.MISSED)
    tomorrow = (
        (today.clock.at + timedelta(days=1)).astimezone(ZoneInfo("Europe/Kyiv")).replace(hour=12, minute=5)
    )
    browser.post(address(delivery, "later"), {"at": tomorrow.strftime("%Y-%m-%dT%H:%M")})
    moved = Delivery.objects.get(pk=delivery.pk)
    assert moved.state == S.QUEUED
    assert moved.due_at == tomorrow.replace(second=0, microsecond=0)


def test_the_record_of_a_request_can_be_opened(today: Stage, client_of: Browser) -> None:
    delivery = today.delivery(today.channel(Once.KEY))
    today.play()
    page = client_of(today.cast.owner).get(f"{address(delivery)}?lang=en").content.decode()
    commit = delivery.attempts.get(step=Step.COMMIT)
    assert commit.fingerprint[:16] in page
    assert commit.worker in page
    assert "Record" in page
