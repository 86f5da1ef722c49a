"""Posts that a person makes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail

from spilno.channels import services as channels
from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.plan.models import Media
from spilno.publishing import services
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState as S
from spilno.toolkit.networks.base import Once
from tests.publishing.stage import Stage

pytestmark = pytest.mark.django_db


def by_hand(stage: Stage, **values: object) -> Channel:
    return channels.add_by_hand(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network="facebook_group",
        name="Our group", purpose="community", url="https://group.example/ours", **values,  # type: ignore[arg-type]
    )  # fmt: skip


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def test_at_its_time_the_person_gets_everything_by_mail(stage: Stage, store: Callable[[], Media]) -> None:
    channel = by_hand(stage, owner=stage.cast.colleague)
    delivery = stage.delivery(channel, text="Книги чекають", link="https://books.example", media=[store()])
    stage.clock.at = delivery.due_at - timedelta(seconds=1)
    stage.work()
    assert (fresh(delivery).state, mail.outbox) == (S.QUEUED, [])
    stage.clock.forward(seconds=1)
    stage.work()
    assert fresh(delivery).state == S.REMINDED
    (sent,) = mail.outbox
    assert sent.to == ["taras@example.org"]
    for part in ("Книги чекають", "https://books.example", "https://group.example/ours", str(delivery.pk)):
        assert part in sent.body
    assert [one[2] for one in sent.attachments] == ["image/jpeg"]
    stage.play()
    assert len(mail.outbox) == 1


def test_confirming_with_the_link_publishes(stage: Stage) -> None:
    delivery = stage.delivery(by_hand(stage))
    stage.play()
    posted = delivery.due_at + timedelta(minutes=4)
    now = stage.clock.forward(minutes=20)
    with pytest.raises(UserError, match="not_an_address"):
        services.confirm_posted(delivery=delivery, url="here it is", by=stage.cast.owner, now=now)
    services.confirm_posted(
        delivery=delivery, url="group.example/ours/1", by=stage.cast.owner, now=now, posted_at=posted
    )
    done = fresh(delivery)
    assert (done.state, done.published_at, done.confirmed_by) == (S.PUBLISHED, posted, stage.cast.owner)
    assert done.external_url == "https://group.example/ours/1"
    assert list(done.attempts.values_list("step", "outcome")) == [("remind", "ok"), ("confirm", "posted")]


def test_a_story_with_a_link_is_a_reminder_and_without_one_it_is_not(
    stage: Stage, store: Callable[[], Media]
) -> None:
    channel, picture = stage.channel(Once.PREPARE), store()
    linked = stage.delivery(channel, placement="story", link="https://books.example", media=[picture])
    plain = stage.delivery(channel, placement="story", media=[picture])
    stage.play()
    assert fresh(linked).state == S.REMINDED
    assert fresh(plain).state == S.PUBLISHED


def test_a_reminder_comes_late_rather_than_never(stage: Stage) -> None:
    delivery = stage.delivery(by_hand(stage))
    stage.clock.at = delivery.due_at + timedelta(hours=5)
    stage.work()
    assert fresh(delivery).state == S.REMINDED


def test_a_mail_that_cannot_be_sent_does_not_lose_the_reminder(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.mail import EmailMessage

    tries = []

    def refuse(self: EmailMessage, fail_silently: bool = False) -> int:
        tries.append(self)
        raise ConnectionRefusedError("mail server")

    monkeypatch.setattr(EmailMessage, "send", refuse)
    delivery = stage.delivery(by_hand(stage))
    stage.play()
    assert fresh(delivery).state == S.REMINDED
    assert len(tries) == 5
    services.confirm_posted(delivery=delivery, url="", by=stage.cast.owner, now=stage.clock.at)
    assert fresh(delivery).state == S.PUBLISHED
