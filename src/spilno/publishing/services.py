"""What people decide about deliveries: schedule, move, call off, confirm, try again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Max

from spilno.kernel.addresses import is_web_address
from spilno.kernel.errors import UserError
from spilno.plan import checks
from spilno.plan.approvals import services as approvals
from spilno.plan.models import Item, Variant
from spilno.publishing import ledger, waking
from spilno.publishing.engine import LEAD
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.states import GRAPH, IN_FLIGHT, DeliveryState
from spilno.team import audit
from spilno.team.models import Person
from spilno.team.permissions import Permission, require
from spilno.toolkit.networks.base import Published

S = DeliveryState

CONFIRMABLE = (S.REMINDED, S.NEEDS_PERSON, S.UNCERTAIN, S.MISSED, S.FAILED, S.HELD)
"""States in which a person may say that the post is there."""

FILM_LEAD = timedelta(minutes=30)
"""How long before its time a post with a film is prepared."""

RETRIABLE = (S.FAILED, S.MISSED, S.HELD, S.WAITING, S.CANCELLED)


def schedule(*, variant: Variant, due_at: datetime, by: Person | None, now: datetime) -> Delivery:
    """Let the variant leave at ``due_at`` (aware UTC), or move it there if it is scheduled and not on its way.

    :raises UserError: ``time_is_past`` (more than the channel's tolerance ago), ``delivery_in_flight``,
        ``already_published``, ``item_deleted``, ``item_in_reserve``, ``channel_disconnected``,
        ``variant_does_not_fit``.
    """
    require(by, Permission.PUBLISH)
    if due_at < now - timedelta(minutes=variant.channel.late_tolerance):
        raise UserError("time_is_past", field="publish_at")
    return _schedule(
        variant, due_at=due_at, first_try=due_at - _lead(variant), by=by, now=now, action="delivery.scheduled"
    )


def publish_now(*, variant: Variant, by: Person | None, now: datetime) -> Delivery:
    """Let the variant leave at once. Raises what :func:`schedule` raises."""
    require(by, Permission.PUBLISH)
    return _schedule(variant, due_at=now, first_try=now, by=by, now=now, action="delivery.sent_now")


@transaction.atomic
def _schedule(
    variant: Variant, *, due_at: datetime, first_try: datetime, by: Person | None, now: datetime, action: str
) -> Delivery:
    item, channel = Item.objects.select_for_update().get(pk=variant.item_id), variant.channel
    if item.deleted_at is not None:
        raise UserError("item_deleted")
    if item.reserve:
        raise UserError("item_in_reserve")
    if not channel.is_active:
        raise UserError("channel_disconnected", name=channel.name)
    checks.require_fitting(variant)
    first_try = max(now, due_at if channel.by_hand else first_try)
    delivery = Delivery.objects.select_for_update().filter(variant=variant).first()
    if delivery is None:
        delivery = Delivery(
            workspace_id=variant.workspace_id, variant=variant, channel=channel, created_at=now
        )
    else:
        _check_free(delivery)
    _reset(delivery)
    delivery.channel, delivery.state, delivery.due_at, delivery.scheduled_by = channel, S.QUEUED, due_at, by
    delivery.next_try_at, delivery.updated_at = first_try, now
    delivery.save()
    Variant.objects.filter(pk=variant.pk).update(publish_at=due_at)
    variant.publish_at = due_at
    waking.shout()
    _log(delivery, by, now, action, due_at=due_at.isoformat())
    approvals.ask_if_needed(item=item, by=by, now=now)
    return delivery


def _lead(variant: Variant) -> timedelta:
    """How long before its time it is prepared: a film takes its time to be handed over and worked on."""
    film = variant.item.media.filter(mime__startswith="video/").exists()
    return FILM_LEAD if film else LEAD


def _check_free(delivery: Delivery) -> None:
    if delivery.state in IN_FLIGHT:
        raise UserError("delivery_in_flight")
    if delivery.state == S.PUBLISHED:
        raise UserError("already_published")
    GRAPH.check(delivery.state, S.QUEUED) if delivery.state != S.QUEUED else None


def _reset(delivery: Delivery) -> None:
    """Forget errors and leases, but not what was prepared: the next preparation decides whether it still fits."""
    delivery.lease_by, delivery.lease_until = "", None
    delivery.first_commit_at = delivery.reminded_at = None
    delivery.error_code, delivery.error_params = "", {}


@transaction.atomic
def cancel(*, delivery: Delivery, by: Person | None, now: datetime) -> Delivery:
    """Call a delivery off. It can be scheduled again.

    :raises UserError: ``delivery_in_flight`` (the request may be on its way), ``already_published``.
    """
    require(by, Permission.PUBLISH)
    delivery = _locked(delivery)
    if delivery.state == S.CANCELLED:
        return delivery
    if delivery.state in (S.COMMITTING, S.UNCERTAIN):
        raise UserError("delivery_in_flight")
    if delivery.state == S.PUBLISHED:
        raise UserError("already_published")
    GRAPH.check(delivery.state, S.CANCELLED)
    delivery.state, delivery.next_try_at, delivery.updated_at = S.CANCELLED, None, now
    delivery.lease_by, delivery.lease_until = "", None
    delivery.error_code, delivery.error_params = "", {}
    delivery.save()
    _log(delivery, by, now, "delivery.cancelled")
    return delivery


@transaction.atomic
def retry(*, delivery: Delivery, by: Person | None, now: datetime) -> Delivery:
    """Try again after something was mended: at its time, or at once if that is over.

    :raises UserError: ``delivery_in_flight``, ``already_published``, ``invalid_transition``.
    """
    require(by, Permission.PUBLISH)
    delivery = _locked(delivery)
    _check_free(delivery)
    if delivery.state not in RETRIABLE:
        return delivery
    _send_again(delivery, by, now)
    _log(delivery, by, now, "delivery.retried")
    return delivery


@transaction.atomic
def confirm_absent(*, delivery: Delivery, by: Person | None, now: datetime) -> Delivery:
    """A person looked: the post is not there. It is sent again, under the same key.

    :raises UserError: ``not_in_question`` if nobody asked.
    """
    require(by, Permission.PUBLISH)
    delivery = _locked(delivery)
    if delivery.state != S.NEEDS_PERSON:
        raise UserError("not_in_question")
    _attest(delivery, by, now, outcome="absent")
    _send_again(delivery, by, now)
    _log(delivery, by, now, "delivery.confirmed_absent")
    return delivery


@transaction.atomic
def confirm_posted(
    *, delivery: Delivery, url: str, by: Person | None, now: datetime, posted_at: datetime | None = None
) -> Delivery:
    """A person says that the post is out: after a reminder, or after looking where we could not tell.

    :param url: its address; may be empty where posts have none (a story).
    :param posted_at: when it went out (aware UTC), by default now.
    :raises UserError: ``not_an_address``, ``posted_in_future``, ``already_published``, ``not_in_question``.
    """
    require(by, Permission.PUBLISH)
    address = _address(url)
    if posted_at is not None and posted_at > now:
        raise UserError("posted_in_future", field="posted_at")
    delivery = _locked(delivery)
    if delivery.state == S.PUBLISHED:
        raise UserError("already_published")
    if delivery.state not in CONFIRMABLE:
        raise UserError("not_in_question")
    _attest(delivery, by, now, outcome="posted")
    ledger.publish(delivery, Published("", address, posted_at or now), now=now, by=by)
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def record_past(
    *,
    variant: Variant,
    published_at: datetime,
    by: Person | None,
    now: datetime,
    url: str = "",
    external_id: str = "",
) -> Delivery:
    """A post that went out before Spilno knew of it (imported history): published, without attempts.

    Said twice, the later word counts; a post that Spilno itself sent is never touched.

    :raises UserError: ``posted_in_future``, ``not_an_address``, ``delivery_exists``.
    """
    require(by, Permission.PUBLISH)
    if published_at > now:
        raise UserError("posted_in_future", field="published_at")
    delivery = Delivery.objects.select_for_update().filter(variant=variant).first()
    if delivery is None:
        delivery = Delivery(
            workspace_id=variant.workspace_id, variant=variant, channel=variant.channel, created_at=now
        )
    elif delivery.state != S.PUBLISHED or delivery.attempts.exists():
        raise UserError("delivery_exists", channel=variant.channel.name)
    said: dict[str, Any] = {
        "state": S.PUBLISHED,
        "due_at": published_at,
        "published_at": published_at,
        "external_url": _address(url),
        "external_id": external_id[:300],
    }
    if delivery._state.adding or any(getattr(delivery, key) != value for key, value in said.items()):
        for key, value in said.items():
            setattr(delivery, key, value)
        delivery.updated_at = now
        delivery.save()
        Variant.objects.filter(pk=variant.pk).update(publish_at=published_at)
        variant.publish_at = published_at
    return delivery


# ------------------------------------------------------------------------------------------------ inside


def _locked(delivery: Delivery) -> Delivery:
    return (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("workspace", "channel", "variant__item")
        .get(pk=delivery.pk)
    )


def _send_again(delivery: Delivery, by: Person | None, now: datetime) -> None:
    GRAPH.check(delivery.state, S.QUEUED)
    _reset(delivery)
    delivery.state, delivery.scheduled_by, delivery.updated_at = S.QUEUED, by, now
    delivery.due_at = max(delivery.due_at, now)
    ahead = delivery.due_at if delivery.channel.by_hand else delivery.due_at - _lead(delivery.variant)
    delivery.next_try_at = max(now, ahead)
    delivery.save()
    Variant.objects.filter(pk=delivery.variant_id).update(publish_at=delivery.due_at)
    waking.shout()


def _attest(delivery: Delivery, by: Person | None, now: datetime, *, outcome: str) -> None:
    """What a person said, as a step of the delivery's history."""
    last = delivery.attempts.aggregate(last=Max("number"))["last"] or 0
    Attempt.objects.create(
        delivery=delivery,
        number=last + 1,
        step=Step.CONFIRM,
        worker="",
        started_at=now,
        finished_at=now,
        outcome=outcome,
        answer={"by": by.name} if by else {},
    )


def _address(url: str) -> str:
    text = url.strip()
    if not text:
        return ""
    address = text if "://" in text else f"https://{text}"
    # A host without a dot is a word that was typed in the wrong field.
    if not is_web_address(address) or "." not in (urlsplit(address).hostname or ""):
        raise UserError("not_an_address", field="url")
    return urlsplit(address).geturl()


def _log(delivery: Delivery, by: Person | None, now: datetime, action: str, **detail: Any) -> None:
    item = delivery.variant.item
    audit.record(
        workspace=delivery.workspace, by=by, action=action, object_kind="delivery", object_id=delivery.pk,
        now=now, initiative_id=item.initiative_id, title=item.title, channel=delivery.channel.name, **detail,
    )  # fmt: skip
