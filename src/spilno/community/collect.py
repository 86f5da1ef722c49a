"""Taking in what others say under our posts, each word once.

A watch says when a post's conversation is read next. Whoever moves that time first has it; the network is asked
outside any transaction; a worker's death costs one lease.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import httpx
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from spilno.channels import access
from spilno.channels.models import Channel
from spilno.community.models import Member, Message, Watch
from spilno.facts import services as facts
from spilno.facts.models import Kind as FactKind
from spilno.kernel.addresses import web_address
from spilno.kernel.errors import UserError
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Kind, NetworkError, ReadsConversations, Said, can

log = logging.getLogger(__name__)

AT_ONCE = 100
"""Posts looked at in one run; what is left is due in the next."""

LEASE = timedelta(minutes=5)
AGAIN = timedelta(minutes=15)
STEPS: tuple[tuple[timedelta, timedelta], ...] = (
    (timedelta(hours=6), timedelta(minutes=2)),
    (timedelta(days=2), timedelta(minutes=15)),
    (timedelta(days=7), timedelta(hours=1)),
    (timedelta(days=60), timedelta(hours=12)),
)
"""Up to which age of a post its conversation is read how often."""

KEY_MOST = 200


def due(*, now: datetime) -> int:
    """Read every conversation whose time has come. Returns how many messages were new. Not inside a transaction."""
    watch_new(now=now)
    new = 0
    unwilling: set[UUID] = set()  # channels that are not to be asked again in this run
    watches = (
        Watch.objects.filter(next_at__lte=now, delivery__channel__in=_readable())
        .select_related("delivery__channel", "delivery__workspace", "delivery__variant__item__initiative")
        .order_by("next_at")[:AT_ONCE]
    )
    for watch in watches:
        if watch.delivery.channel_id not in unwilling:
            new += _read(watch, now, unwilling)
    return new


def watch_new(*, now: datetime) -> None:
    """Begin to watch posts that came out and are not watched yet."""
    oldest = now - STEPS[-1][0]
    fresh = (
        Delivery.objects.filter(
            state=DeliveryState.PUBLISHED, published_at__gt=oldest, channel__in=_readable()
        )
        .exclude(external_id="")
        .filter(~Exists(Watch.objects.filter(delivery=OuterRef("pk"))))
    )
    Watch.objects.bulk_create(
        (Watch(workspace_id=one.workspace_id, delivery=one, next_at=now) for one in fresh[:AT_ONCE]),
        ignore_conflicts=True,
    )


def next_look(*, published_at: datetime, now: datetime) -> datetime | None:
    """When a conversation is read after ``now``; ``None`` when the post is too old."""
    age = now - published_at
    return next((now + every for until, every in STEPS if age < until), None)


@transaction.atomic
def take_in(*, delivery: Delivery, said: Sequence[Said], now: datetime) -> int:
    """Keep what was said under a post, and record it as facts. Returns how many words were new.

    Taking the same in twice changes nothing, except that an edited text is kept as it reads now.
    """
    channel, workspace = delivery.channel, delivery.workspace
    known = {
        one.external_id: one
        for one in Message.objects.filter(channel=channel, external_id__in=[one.external_id for one in said])
    }
    new = 0
    for one in said:
        if not one.external_id or len(one.external_id) > 300:
            continue
        before = known.get(one.external_id)
        if before is not None:
            if before.text != _storable(one.text):
                Message.objects.filter(pk=before.pk).update(text=_storable(one.text))
            continue
        _, made = Message.objects.get_or_create(
            channel=channel,
            external_id=one.external_id,
            defaults={
                "workspace": workspace,
                "delivery": delivery,
                "author": _storable(one.author)[:200],
                "author_name": _storable(one.author_name)[:200],
                "text": _storable(one.text),
                "url": web_address(one.url),
                "said_at": one.said_at,
                "taken_in_at": now,
            },
        )
        if made:
            _record(delivery, one, now)
            new += 1
    return new


def actor_of(*, channel: Channel, author: str) -> str:
    """The key under which facts know whoever writes as ``author`` on the channel's network: no handle, no name."""
    text = f"{channel.workspace_id}\x1f{channel.network}\x1f{author}"
    return f"voice:{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _record(delivery: Delivery, one: Said, now: datetime) -> None:
    channel, item = delivery.channel, delivery.variant.item
    actor = actor_of(channel=channel, author=one.author) if one.author else ""
    key = f"{channel.pk}:{one.external_id}"
    if len(key) > KEY_MOST:
        key = f"{channel.pk}:{hashlib.sha256(one.external_id.encode()).hexdigest()}"
    facts.record(
        workspace=delivery.workspace,
        # An answer to somebody else's words, or the first word under our post.
        kind=FactKind.REPLY if one.in_reply_to not in ("", delivery.external_id) else FactKind.MESSAGE,
        occurred_at=one.said_at,
        now=now,
        source=f"network:{channel.network}",
        source_key=key,
        initiative_id=item.initiative_id,
        channel_id=channel.pk,
        item_id=item.pk,
        subject=delivery.external_id[:200],
        actor=actor,
    )
    home = channel.community_id or (item.initiative.community_id if item.initiative else None)
    if home and actor:
        Member.objects.get_or_create(
            community_id=home,
            actor=actor,
            defaults={
                "workspace": delivery.workspace,
                "name": (one.author_name or one.author)[:120],
                "first_seen_at": one.said_at,
            },
        )


def _readable() -> QuerySet[Channel]:
    """Channels whose network lets us read what is said."""
    networks = [key for key, network in registry.all_networks().items() if can(network, ReadsConversations)]
    return Channel.objects.filter(network__in=networks, is_active=True, by_hand=False)


def _read(watch: Watch, now: datetime, unwilling: set[UUID]) -> int:
    mine = Watch.objects.filter(pk=watch.pk, next_at=watch.next_at)
    lease = now + LEASE
    if not mine.update(next_at=lease):
        return 0
    delivery = watch.delivery
    channel = delivery.channel
    network = access.network_of(channel)
    assert isinstance(network, ReadsConversations)
    later = next_look(published_at=delivery.published_at or now, now=now)
    new = 0
    try:
        credentials = access.credentials_of(channel)
        with access.client() as client:
            said = network.replies(client=client, credentials=credentials, external_id=delivery.external_id)
    except (NetworkError, UserError, httpx.HTTPError) as error:
        later = _later(channel, error, now, later, unwilling)
    else:
        new = take_in(delivery=delivery, said=said, now=now)
        access.note_health(channel=channel, now=now)
    Watch.objects.filter(pk=watch.pk, next_at=lease).update(next_at=later)
    return new


def _later(
    channel: Channel,
    error: NetworkError | UserError | httpx.HTTPError,
    now: datetime,
    usual: datetime | None,
    unwilling: set[UUID],
) -> datetime | None:
    """When to look again. What the network refuses for one post says nothing about the others."""
    log.info("What is said on %s cannot be read: %s", channel.pk, error)
    if not isinstance(error, httpx.HTTPError):
        access.note_health(channel=channel, now=now, error=error)
    if isinstance(error, NetworkError) and error.kind is Kind.PERMANENT:
        return usual and max(usual, now + AGAIN)
    unwilling.add(channel.pk)
    if isinstance(error, NetworkError) and error.retry_at is not None:
        return max(error.retry_at, now + timedelta(minutes=1))
    return now + AGAIN


def watch(*, delivery: Delivery, next_at: datetime) -> None:
    """Watch a post from ``next_at`` on."""
    Watch.objects.update_or_create(
        delivery=delivery, defaults={"workspace_id": delivery.workspace_id, "next_at": next_at}
    )


def _storable(text: str) -> str:
    """What people wrote, without the one character that the database does not take."""
    return text.replace("\x00", "")
