"""The first comment leaves once, after its post, and whatever becomes of it the post stays."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.core import mail
from django.db import connections

from spilno.channels import services as channels
from spilno.channels.models import Channel
from spilno.kernel.errors import NotAllowed, UserError
from spilno.plan.writing import extras, mentions
from spilno.plan.writing.extras import Extra
from spilno.publishing.comments import notices, services
from spilno.publishing.comments.models import CommentState as S
from spilno.publishing.comments.models import FirstComment
from spilno.publishing.models import Delivery
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Credentials, Kind, NetworkError, Once, Published
from tests.publishing.fake import FindingNetwork
from tests.publishing.stage import PASSWORD, Stage

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Under:
    """What stands under posts: (key, post, text). ``script``: faults for the coming answers."""

    said: list[tuple[str, str, str]] = field(default_factory=list)
    asked: int = 0
    script: list[Any] = field(default_factory=list)


class Answering(FindingNetwork):
    """The fake network, and one can answer there."""

    reply_once = Once.KEY

    def __init__(self, once: Once, side: Any, reply_once: Once) -> None:
        super().__init__(once, side)
        self.key += f"_answers_{reply_once}"  # type: ignore[misc]
        self.reply_once, self.under = reply_once, Under()

    def reply(
        self, *, client: httpx.Client, credentials: Credentials, in_reply_to: str, text: str, key: str
    ) -> Published:
        self.under.asked += 1
        fault = self.under.script.pop(0) if self.under.script else None
        if isinstance(fault, BaseException):
            raise fault
        known = {one for one, _, _ in self.under.said}
        if fault != "lost_before" and not (self.reply_once is not Once.NONE and key in known):
            self.under.said.append((key, in_reply_to, text))
        if fault in ("lost_before", "lost_after"):
            raise NetworkError(Kind.UNCERTAIN, "timeout")
        return Published(f"comment-{key}", "https://fake.example/comment")


@dataclass
class Scene:
    stage: Stage
    network: Answering
    channel: Channel

    def published(self, comment: str = "More here: https://example.org", *, begin: bool = True) -> Delivery:
        item = self.stage.item("The post")
        extras.put(item=item, extra=Extra(first_comment=comment), workspace=self.stage.cast.workspace)
        delivery = self.stage.delivery(self.channel, item=item)
        self.stage.play()
        delivery.refresh_from_db()
        assert delivery.state == "published"
        return delivery

    def work(self) -> int:
        return services.work(clock=self.stage.clock)

    def pass_time(self, **length: float) -> None:
        self.stage.clock.at += timedelta(**length)

    @property
    def comment(self) -> FirstComment:
        return FirstComment.objects.get()


def scene(stage: Stage, reply_once: Once) -> Scene:
    network = Answering(Once.KEY, stage.side, reply_once)
    registry._found()[network.key] = network
    channel = channels.connect(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network=network.key,
        name="Answering", purpose="brand", owner=stage.cast.owner,
        credentials={"name": "brand", "password": PASSWORD},
    )  # fmt: skip
    return Scene(stage, network, channel)


@pytest.fixture
def keyed(stage: Stage) -> Scene:
    return scene(stage, Once.KEY)


@pytest.fixture
def blind(stage: Stage) -> Scene:
    return scene(stage, Once.NONE)


def test_it_follows_the_post_once(keyed: Scene) -> None:
    delivery = keyed.published()
    assert keyed.work() == 1
    assert keyed.work() == 0
    comment = keyed.comment
    assert (comment.state, comment.external_url) == (S.OUT, "https://fake.example/comment")
    assert keyed.network.under.said == [
        (str(comment.pk), delivery.external_id, "More here: https://example.org")
    ]


def test_nothing_follows_where_nothing_was_said_or_nothing_can(keyed: Scene, stage: Stage) -> None:
    item = stage.item("Without")
    stage.delivery(keyed.channel, item=item)
    silent = stage.channel(Once.KEY)
    other = stage.item("Where nobody can answer")
    extras.put(item=other, extra=Extra(first_comment="Hm"), workspace=stage.cast.workspace)
    stage.delivery(silent, item=other)
    stage.play()
    assert keyed.work() == 0
    assert not FirstComment.objects.exists()


def test_people_are_named_as_they_are_there(keyed: Scene) -> None:
    mentions.put_name(
        workspace=keyed.stage.cast.workspace,
        name="olena",
        handles={"": "Олена"},
        by=None,
        now=keyed.stage.clock.at,
    )
    keyed.published("Питайте @olena")
    keyed.work()
    assert keyed.network.under.said[0][2] == "Питайте Олена"


@pytest.mark.parametrize("fault", ["lost_before", "lost_after"])
def test_a_lost_answer_is_asked_again_where_that_is_harmless(keyed: Scene, fault: str) -> None:
    keyed.published()
    keyed.network.under.script = [fault, fault]
    keyed.work()
    assert keyed.comment.state == S.UNCERTAIN
    assert keyed.work() == 0  # not before the network has settled
    keyed.pass_time(seconds=31)
    keyed.work()
    assert keyed.comment.state == S.UNCERTAIN
    keyed.pass_time(seconds=31)
    keyed.work()
    assert keyed.comment.state == S.OUT
    assert len(keyed.network.under.said) == 1


def test_doubt_that_does_not_end_goes_to_a_person(keyed: Scene) -> None:
    keyed.published()
    keyed.network.under.script = ["lost_before"] * 200
    for _ in range(80):
        keyed.work()
        keyed.pass_time(seconds=31)
    assert keyed.comment.state == S.NEEDS_PERSON
    assert not keyed.network.under.said


@pytest.mark.parametrize("fault", ["lost_before", "lost_after"])
def test_where_nothing_is_known_a_person_is_asked_and_nothing_is_sent_again(blind: Scene, fault: str) -> None:
    delivery = blind.published()
    blind.network.under.script = [fault]
    blind.work()
    blind.pass_time(hours=2)
    blind.work()
    assert blind.comment.state == S.NEEDS_PERSON
    assert blind.network.under.asked == 1
    delivery.refresh_from_db()
    assert delivery.state == "published"
    owner = blind.stage.cast.owner
    if fault == "lost_after":
        services.is_there(comment=blind.comment, by=owner, now=blind.stage.clock.at)
        blind.work()
    else:
        services.again(comment=blind.comment, by=owner, now=blind.stage.clock.at)
        blind.work()
    assert blind.comment.state == S.OUT
    assert len(blind.network.under.said) == 1


def test_a_worker_that_dies_on_the_way(keyed: Scene, blind: Scene) -> None:
    for one in (keyed, blind):
        one.published()
        one.network.under.script = [KeyboardInterrupt()]
    for _ in (keyed, blind):
        with pytest.raises(KeyboardInterrupt):
            keyed.work()
    states = FirstComment.objects.values_list("state", flat=True)
    assert set(states) == {S.SENDING}
    assert keyed.work() == 0  # its lease still runs
    keyed.pass_time(seconds=91)
    keyed.work()
    keyed.pass_time(seconds=31)
    keyed.work()
    found = {one.delivery.channel.pk: one.state for one in FirstComment.objects.all()}
    assert found == {keyed.channel.pk: S.OUT, blind.channel.pk: S.NEEDS_PERSON}
    assert len(keyed.network.under.said) == 1
    assert not blind.network.under.said


def test_a_limit_is_waited_for_and_a_refusal_is_told(keyed: Scene) -> None:
    delivery = keyed.published()
    wait = NetworkError(Kind.WAIT, "rate_limited", params={"seconds": 600})
    keyed.network.under.script = [wait, NetworkError(Kind.PERMANENT, "text_too_long")]
    keyed.work()
    assert keyed.comment.state == S.QUEUED
    keyed.pass_time(seconds=599)
    assert keyed.work() == 0
    keyed.pass_time(seconds=2)
    keyed.work()
    comment = keyed.comment
    assert (comment.state, comment.error_code) == (S.FAILED, "network_text_too_long")
    mail.outbox.clear()
    assert notices.tell(now=keyed.stage.clock.at) == 1
    assert notices.tell(now=keyed.stage.clock.at) == 0
    assert keyed.stage.cast.owner.user is not None
    assert mail.outbox[0].to == [keyed.stage.cast.owner.user.email]
    delivery.refresh_from_db()
    assert delivery.state == "published"


def test_a_comment_of_yesterday_is_none(keyed: Scene) -> None:
    keyed.published()
    services.begin(now=keyed.stage.clock.at)
    keyed.pass_time(hours=25)
    keyed.work()
    assert (keyed.comment.state, keyed.comment.error_code) == (S.FAILED, "comment_too_late")
    FirstComment.objects.all().delete()
    assert services.begin(now=keyed.stage.clock.at) == 0


def test_a_post_that_was_taken_down_gets_none(keyed: Scene) -> None:
    delivery = keyed.published()
    services.begin(now=keyed.stage.clock.at)
    Delivery.objects.filter(pk=delivery.pk).update(removed_at=keyed.stage.clock.at)
    keyed.work()
    assert keyed.comment.error_code == "comment_post_gone"
    assert not keyed.network.under.said


def test_two_workers_at_once_send_one(keyed: Scene) -> None:
    keyed.published()
    services.begin(now=keyed.stage.clock.at)
    barrier, failed = threading.Barrier(4), []

    def run() -> None:
        try:
            barrier.wait(10)
            services.work(clock=keyed.stage.clock)
        except BaseException as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failed
    assert keyed.network.under.asked == 1
    assert keyed.comment.state == S.OUT


def test_who_may_decide(blind: Scene) -> None:
    blind.published()
    blind.network.under.script = ["lost_before"]
    blind.work()
    now = blind.stage.clock.at
    with pytest.raises(NotAllowed):
        services.again(comment=blind.comment, by=blind.stage.cast.analyst, now=now)
    services.drop(comment=blind.comment, by=blind.stage.cast.owner, now=now)
    assert blind.comment.state == S.DROPPED
    with pytest.raises(UserError) as caught:
        services.is_there(comment=blind.comment, by=blind.stage.cast.owner, now=now)
    assert caught.value.code == "not_in_question"
    assert blind.work() == 0
