"""Taking a published post away from its network again.

Deleting twice is no error anywhere, so an unclear answer needs no looking up: the person presses once more. What the
post brought until then stays on the record.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from spilno.channels import access
from spilno.kernel.errors import UserError
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.speaking import Trouble, speak
from spilno.publishing.states import DeliveryState
from spilno.team import audit
from spilno.team.models import Person
from spilno.team.permissions import Permission, require
from spilno.toolkit.networks.base import Deletes, Network, can


def possible(delivery: Delivery, network: Network | None) -> bool:
    """Can the network be asked to delete this post?"""
    return bool(
        network is not None
        and delivery.state == DeliveryState.PUBLISHED
        and delivery.external_id
        and delivery.removed_at is None
        and delivery.channel.is_active
        and not delivery.channel.by_hand
        and can(network, Deletes)
    )


def take_down(
    *, delivery: Delivery, by: Person | None, now: datetime, clock: Callable[[], datetime]
) -> Delivery:
    """Delete the post on its network. Not inside a transaction: the network is asked while one waits.

    :param clock: gives the time when the answer is there.
    :raises UserError: ``cannot_take_down`` if it is not out, out without us knowing under which id, or its network
        deletes nothing; ``take_down_unclear`` if no trustworthy answer came (again is harmless); ``network_…``.
    """
    require(by, Permission.PUBLISH)
    delivery = Delivery.objects.select_related("workspace", "channel", "variant__item").get(pk=delivery.pk)
    if delivery.removed_at is not None:
        return delivery
    network = access.network_of(delivery.channel)
    if not possible(delivery, network):
        raise UserError("cannot_take_down")
    assert isinstance(network, Deletes)
    attempt = _begin(delivery, by, now)
    answer = speak(
        delivery.channel,
        lambda client, credentials: network.delete(
            client=client, credentials=credentials, external_id=delivery.external_id
        ),
        visible=True,
    )
    ended = clock()
    if isinstance(answer, Trouble):
        access.note_health(channel=delivery.channel, now=ended, error=answer.error)
        Attempt.objects.filter(pk=attempt.pk).update(
            finished_at=ended, outcome=answer.outcome, code=answer.code[:60],
            answer={**attempt.answer, "params": dict(answer.params)},
        )  # fmt: skip
        if answer.outcome in ("uncertain", "unreachable"):
            raise UserError("take_down_unclear")
        raise UserError(answer.code, **answer.params)
    with transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(finished_at=ended, outcome="ok")
        Delivery.objects.filter(pk=delivery.pk).update(
            removed_at=ended, observe_next_at=None, updated_at=ended
        )
        item = delivery.variant.item
        audit.record(
            workspace=delivery.workspace, by=by, action="delivery.taken_down", object_kind="delivery",
            object_id=delivery.pk, now=ended, initiative_id=item.initiative_id, title=item.title,
            channel=delivery.channel.name,
        )  # fmt: skip
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def _begin(delivery: Delivery, by: Person | None, now: datetime) -> Attempt:
    Delivery.objects.select_for_update().get(pk=delivery.pk)  # numbers are given out one after the other
    last = delivery.attempts.aggregate(last=Max("number"))["last"] or 0
    return Attempt.objects.create(
        delivery=delivery, number=last + 1, step=Step.DELETE, started_at=now,
        answer={"by": by.name} if by else {},
    )  # fmt: skip
