"""Taking a post away from a network again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from spilno.channels import access, services
from spilno.kernel import clock
from spilno.kernel.errors import NotAllowed, UserError
from spilno.publishing import takedown
from spilno.publishing.models import Delivery, Step
from spilno.publishing.states import DeliveryState as S
from spilno.team.models import AuditEntry
from spilno.toolkit.networks.base import Once
from tests.publishing.stage import Stage
from tests.toolkit.networks.faulty import Faulty, lost_after

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]


@pytest.fixture
def out(stage: Stage, bluesky: Any) -> Delivery:
    """A post that is out on the real network."""
    stage.clock.at = clock.now()
    channel = services.connect(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network="bluesky", name="",
        purpose="brand",
        credentials={
            "handle": bluesky.brand.handle, "app_password": bluesky.app_password(),
            "service": bluesky.pds_url, "appview": bluesky.appview_url,
        },
    )  # fmt: skip
    delivery = stage.delivery(channel, due=stage.clock.at, text="Допис, якого не буде")
    stage.play()
    done = Delivery.objects.get(pk=delivery.pk)
    assert done.state == S.PUBLISHED
    return done


def there(bluesky: Any, delivery: Delivery) -> bool:
    return delivery.external_id in [one.uri for one in bluesky.records()]


def take_down(stage: Stage, delivery: Delivery) -> Delivery:
    return takedown.take_down(
        delivery=delivery, by=stage.cast.owner, now=stage.clock.at, clock=stage.clock
    )  # fmt: skip


def test_it_is_gone_there_and_its_history_stays(stage: Stage, bluesky: Any, out: Delivery) -> None:
    assert there(bluesky, out)
    done = take_down(stage, out)
    assert not there(bluesky, out)
    assert (done.state, done.observe_next_at) == (S.PUBLISHED, None)
    assert done.removed_at is not None
    assert done.attempts.get(step=Step.DELETE).outcome == "ok"
    assert AuditEntry.objects.filter(object_id=out.pk, action="delivery.taken_down").count() == 1
    assert take_down(stage, done).removed_at == done.removed_at
    assert done.attempts.filter(step=Step.DELETE).count() == 1


def test_an_answer_that_got_lost_is_told_and_pressing_again_ends_well(
    stage: Stage, bluesky: Any, out: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        transport = Faulty(wanted=lambda request: "deleteRecord" in request.url.path, after=lost_after)
        patch.setattr(access, "client", lambda **_: httpx.Client(transport=transport, timeout=20))
        with pytest.raises(UserError, match="take_down_unclear"):
            take_down(stage, out)
    assert Delivery.objects.get(pk=out.pk).removed_at is None
    assert out.attempts.get(step=Step.DELETE).outcome == "uncertain"
    assert take_down(stage, out).removed_at is not None
    assert not there(bluesky, out)


def test_only_who_may_publish_may(stage: Stage, bluesky: Any, out: Delivery) -> None:
    with pytest.raises(NotAllowed):
        takedown.take_down(delivery=out, by=stage.cast.analyst, now=stage.clock.at, clock=stage.clock)
    assert there(bluesky, out)


def test_a_network_that_deletes_nothing_says_so(stage: Stage, store: Callable[[], Any]) -> None:
    delivery = stage.delivery(stage.channel(Once.KEY))
    stage.play()
    with pytest.raises(UserError, match="cannot_take_down"):
        take_down(stage, delivery)
