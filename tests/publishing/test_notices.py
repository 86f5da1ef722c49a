"""Who is told by mail that a post needs them."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from spilno.publishing import notices, services
from spilno.publishing.models import Delivery, Step
from spilno.publishing.states import DeliveryState as S
from spilno.toolkit.networks.base import Once
from tests.publishing.stage import Stage

pytestmark = pytest.mark.django_db


def missed(stage: Stage, *texts: str) -> list[Delivery]:
    """Posts whose time went by while no worker ran."""
    channel = stage.channel(Once.KEY)
    made = [stage.delivery(channel, text=one) for one in texts]
    stage.clock.forward(hours=3)
    stage.work()
    return made


def tell(stage: Stage) -> int:
    return notices.tell(now=stage.clock.at, clock=stage.clock)


def test_one_letter_names_every_post_once(stage: Stage) -> None:
    deliveries = missed(stage, "Перший допис", "Другий допис")
    assert tell(stage) == 1
    (sent,) = mail.outbox
    assert sent.to == ["olena@example.org"]
    for one, words in zip(deliveries, ("Перший допис", "Другий допис"), strict=True):
        assert words in sent.body
        assert str(one.pk) in sent.body
        told = one.attempts.get(step=Step.TELL)
        assert (told.outcome, told.answer) == ("ok", {"to": ["Olena"]})
    stage.clock.forward(minutes=1)
    assert tell(stage) == 0
    assert len(mail.outbox) == 1


def test_what_goes_wrong_again_is_told_again(stage: Stage) -> None:
    (delivery,) = missed(stage, "Допис")
    assert tell(stage) == 1
    services.retry(delivery=delivery, by=stage.cast.owner, now=stage.clock.forward(minutes=5))
    assert tell(stage) == 0
    stage.clock.forward(hours=2)
    stage.work()
    assert Delivery.objects.get(pk=delivery.pk).state == S.MISSED
    assert tell(stage) == 1
    assert len(mail.outbox) == 2


def test_a_post_that_leaves_is_not_told_of(stage: Stage) -> None:
    stage.delivery(stage.channel(Once.KEY))
    stage.play()
    assert tell(stage) == 0
    assert mail.outbox == []


def test_a_mail_server_that_is_down_is_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    (delivery,) = missed(stage, "Допис")

    def broken(self: EmailBackend, messages: object) -> int:
        raise OSError("no mail today")

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", broken)
        assert tell(stage) == 0
    assert delivery.attempts.get(step=Step.TELL).code == "mail_failed"
    stage.clock.forward(minutes=1)
    assert tell(stage) == 1
    assert [one.outcome for one in delivery.attempts.filter(step=Step.TELL)] == ["failed", "ok"]


def test_what_is_a_day_old_is_left_to_the_page(stage: Stage) -> None:
    missed(stage, "Допис")
    stage.clock.forward(hours=25)
    assert tell(stage) == 0


def test_the_number_of_queries_grows_only_with_what_is_told(
    stage: Stage, django_assert_max_num_queries: object
) -> None:
    missed(stage, "Один", "Два", "Три")
    tell(stage)
    stage.clock.forward(minutes=1)
    with django_assert_max_num_queries(1):  # type: ignore[operator]
        tell(stage)
