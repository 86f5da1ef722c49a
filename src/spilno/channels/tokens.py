"""Tokens that end: made anew ahead of time, by one worker at a time; and telling people in time if that cannot be.

Refresh tokens may be good for one use only, so two workers must never trade the same one. Whoever refreshes takes a
lease on the channel's row by a conditional update, speaks to the network outside of any transaction, and writes the
answer only onto the credentials that it began with: what somebody connected meanwhile is never overwritten.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from spilno.channels import access, registration
from spilno.channels.models import Channel, Health
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.team.mail import letter
from spilno.team.models import Person
from spilno.toolkit.language import formats
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import (
    ACCESS_UNTIL,
    REFRESH_UNTIL,
    Credentials,
    Kind,
    NetworkError,
    Refreshes,
)
from spilno.toolkit.networks.http import moment

log = logging.getLogger(__name__)

SOON = timedelta(minutes=10)
"""A token that ends within this is made anew, however short it lives."""

SHARE = 0.15
"""A token that lives long is made anew when so much of its life is left."""

LEASE = timedelta(minutes=2)
"""Longer than any request takes; after it the refresher is believed dead."""

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)

WARNED = timedelta(days=7)
"""So long before the end people are told that they have to connect again."""


class Outcome(StrEnum):
    REFRESHED = "refreshed"
    BUSY = "busy"  # another worker is at it
    FAILED = "failed"  # the old token stays; tried again later
    REFUSED = "refused"  # the network wants the person again
    NOT_NEEDED = "not_needed"


def times_of(credentials: Credentials) -> dict[str, datetime | None]:
    """When the credentials end, as a channel's row keeps it."""
    return {
        "access_until": moment(credentials.get(ACCESS_UNTIL)),
        "refresh_until": moment(credentials.get(REFRESH_UNTIL)),
    }


def refreshable(channel: Channel) -> bool:
    """Can the channel's tokens be made anew without a person?"""
    net = registry.all_networks().get(channel.network)
    return isinstance(net, Refreshes) and channel.access_until is not None


def ends_at(channel: Channel) -> datetime | None:
    """When a person has to connect the channel again, ``None`` if never or unknown."""
    if not channel.is_active or channel.by_hand or channel.access_until is None:
        return None if not channel.is_active or channel.by_hand else channel.refresh_until
    if not refreshable(channel):
        return channel.access_until
    if channel.refresh_tries >= 3:  # it could be made anew, but does not work
        return min(one for one in (channel.access_until, channel.refresh_until) if one is not None)
    return channel.refresh_until


def refresh_from(channel: Channel) -> datetime | None:
    """From when on the token shall be made anew."""
    if channel.access_until is None or not refreshable(channel):
        return None
    ahead = SOON
    if channel.token_at is not None and channel.token_at < channel.access_until:
        ahead = max(ahead, (channel.access_until - channel.token_at) * SHARE)
    return channel.access_until - ahead


def due(*, now: datetime) -> list[UUID]:
    """Channels whose tokens are to be made anew."""
    able = [key for key, net in registry.all_networks().items() if isinstance(net, Refreshes)]
    rows = Channel.objects.filter(
        Q(refresh_next_at=None) | Q(refresh_next_at__lte=now),
        Q(refresh_lease_until=None) | Q(refresh_lease_until__lte=now),
        network__in=able, is_active=True, by_hand=False, access_until__isnull=False,
    ).exclude(health=Health.RECONNECT)  # fmt: skip
    found = []
    for channel in rows.only("network", "access_until", "token_at", "is_active", "by_hand", "health_code"):
        begin = refresh_from(channel)
        if begin is not None and begin <= now:
            found.append(channel.pk)
    return found


def refresh(*, channel_id: UUID, now: datetime) -> Outcome:
    """Make a channel's tokens anew, if nobody else is at it. Not inside a transaction.

    A failure keeps what there is. Only a clear refusal asks for a person.
    """
    channel = Channel.objects.filter(pk=channel_id, is_active=True, by_hand=False).first()
    net = registry.all_networks().get(channel.network) if channel else None
    if channel is None or channel.secret is None or not isinstance(net, Refreshes):
        return Outcome.NOT_NEEDED
    begin = refresh_from(channel)
    if begin is None or now < begin:  # somebody was faster
        return Outcome.NOT_NEEDED
    before = bytes(channel.secret)
    same = Channel.objects.filter(pk=channel.pk, secret=before, is_active=True)
    free = Q(refresh_lease_until=None) | Q(refresh_lease_until__lte=now)
    if not same.filter(free).update(refresh_lease_until=now + LEASE):
        return Outcome.BUSY
    try:
        old = access.credentials_of(channel)
        with access.client() as client:
            fresh = net.refresh(client=client, credentials=old)
    except NetworkError as error:
        return _failed(channel, before, error, now)
    except UserError as error:  # the key file changed, or the address leads into a private network
        same.update(refresh_lease_until=None)
        access.note_health(channel=channel, now=now, error=error)
        return Outcome.REFUSED
    except Exception as error:
        log.error("%s while refreshing the token of channel %s", type(error).__name__, channel.pk)
        return _failed(channel, before, None, now)
    if not _complete(fresh, old):
        log.error("An incomplete answer while refreshing the token of channel %s", channel.pk)
        return _failed(channel, before, None, now)
    kept = registration.without_app(net, fresh, registration.values_of(channel.workspace_id, net.key))
    saved = same.update(
        secret=access.sealed(kept), refresh_lease_until=None, refresh_next_at=None, refresh_tries=0,
        token_at=now, **times_of(kept),
    )  # fmt: skip
    if saved:
        trouble = Channel.objects.filter(pk=channel.pk, health_code="network_token_ended")
        trouble.update(health=Health.OK, health_code="", health_params={}, health_checked_at=now)
    return Outcome.REFRESHED if saved else Outcome.NOT_NEEDED


def _complete(fresh: Credentials, old: Credentials) -> bool:
    """Nothing that was there is empty or gone, and the new token does not end before the old one."""
    if any(
        value and not fresh.get(key) for key, value in old.items() if key not in (ACCESS_UNTIL, REFRESH_UNTIL)
    ):
        return False
    new_end, old_end = moment(fresh.get(ACCESS_UNTIL)), moment(old.get(ACCESS_UNTIL))
    return new_end is None or old_end is None or new_end >= old_end


def _failed(channel: Channel, before: bytes, error: NetworkError | None, now: datetime) -> Outcome:
    pause = min(FIRST_PAUSE * 2 ** min(channel.refresh_tries, 10), LONGEST_PAUSE)
    if error is not None and error.kind is Kind.WAIT:
        seconds = error.params.get("seconds")
        if isinstance(seconds, int | float):
            pause = min(max(pause, timedelta(seconds=float(seconds))), LONGEST_PAUSE)
    mine = Channel.objects.filter(pk=channel.pk, secret=before).update(
        refresh_lease_until=None, refresh_tries=F("refresh_tries") + 1, refresh_next_at=now + pause
    )
    refused = error is not None and (
        error.kind is Kind.RECONNECT or (error.kind is Kind.PERMANENT and error.status in (400, 401, 403))
    )
    if not mine or not refused:
        return Outcome.FAILED
    assert error is not None
    access.note_health(
        channel=channel,
        now=now,
        error=NetworkError(Kind.RECONNECT, error.code, params=error.params, status=error.status),
        refreshing=True,
    )
    return Outcome.REFUSED


def fresh_credentials(*, channel: Channel, now: datetime) -> dict[str, str]:
    """The channel's credentials, made anew before if they end within minutes. Not inside a transaction.

    :raises NetworkError: ``token_refreshing`` (wait a few seconds) if they have ended and another worker is making
        them anew; ``token_ended`` (wait) if they have ended and the network cannot be asked now.
    :raises UserError: ``secret_key_changed``.
    """
    begin = refresh_from(channel)
    ended = channel.access_until is not None and channel.access_until <= now
    if begin is None or now < max(begin, (channel.access_until or now) - SOON):
        return access.credentials_of(channel)
    waiting = channel.refresh_next_at is not None and channel.refresh_next_at > now
    outcome = Outcome.FAILED if waiting else refresh(channel_id=channel.pk, now=now)
    if outcome is Outcome.FAILED and ended:
        raise NetworkError(Kind.WAIT, "token_ended", params={"seconds": 60})
    if outcome is Outcome.BUSY and ended:
        raise NetworkError(Kind.WAIT, "token_refreshing", params={"seconds": 3})
    if outcome is Outcome.REFUSED and ended:
        raise NetworkError(Kind.RECONNECT, "not_accepted")
    channel.refresh_from_db(fields=["secret", "access_until", "refresh_until", "token_at", "refresh_tries"])
    return access.credentials_of(channel)


# ------------------------------------------------------------------------------------------------ telling people


def ending(channels: Collection[Channel], *, now: datetime) -> list[tuple[Channel, datetime]]:
    """Those that have to be connected again within a week (or already had to be), the most urgent first."""
    found = []
    for channel in channels:
        end = ends_at(channel)
        if end is not None and end - now <= WARNED and channel.health != Health.RECONNECT:
            found.append((channel, end))
    return sorted(found, key=lambda one: one[1])


def may_end(now: datetime) -> Q:
    """Rows among which :func:`ending` looks."""
    end = now + WARNED
    return Q(is_active=True, by_hand=False) & (Q(access_until__lte=end) | Q(refresh_until__lte=end))


def tell(*, now: datetime) -> int:
    """Mail whoever answers for a channel: once that it ends within a week, once that it was revoked.

    The page says both all the time. A mail that does not leave is tried again the next time. Returns how many left.
    """
    sent = 0
    rows = Channel.objects.select_related("workspace", "owner__user")
    for channel, end in ending(list(rows.filter(may_end(now))), now=now):
        told = channel.end_told_for
        if told == end:
            continue
        mine = Channel.objects.filter(pk=channel.pk, end_told_for=told)
        if mine.update(end_told_for=end):
            if _mail(channel, end=end, now=now):
                sent += 1
            else:
                Channel.objects.filter(pk=channel.pk, end_told_for=end).update(end_told_for=told)
    revoked = rows.filter(is_active=True, by_hand=False, health=Health.RECONNECT, revoked_told_at=None)
    for channel in revoked:
        if Channel.objects.filter(pk=channel.pk, revoked_told_at=None).update(revoked_told_at=now):
            if _mail(channel, end=None, now=now):
                sent += 1
            else:
                Channel.objects.filter(pk=channel.pk, revoked_told_at=now).update(revoked_told_at=None)
    return sent


def _whom(channel: Channel) -> list[Person]:
    """Whoever answers for the channel, else the workspace's owners; only people with a sign-in."""
    if channel.owner is not None and channel.owner.is_active and channel.owner.user is not None:
        return [channel.owner]
    return list(
        Person.objects.select_related("user").filter(
            workspace=channel.workspace, is_owner=True, is_active=True, user__isnull=False
        )
    )


def _mail(channel: Channel, *, end: datetime | None, now: datetime) -> bool:
    """``False`` if nobody could be reached."""
    net = registry.all_networks().get(channel.network)
    address = settings.SPILNO_PUBLIC_URL + reverse(
        "networks-reconnect", args=[channel.workspace.slug, channel.key]
    )
    try:
        for person in _whom(channel):
            assert person.user is not None
            language = person.user.language
            with translation.override(language):
                values = {"name": channel.name, "network": net.label.get(language, net.key) if net else ""}
                if end is None:
                    subject = _("“%(name)s” must be connected again") % values
                    first = _(
                        "%(network)s does not let us into “%(name)s” any more. Nothing leaves there until somebody"
                        " connects it again; what is scheduled waits, and nothing is lost."
                    )
                else:
                    zone = channel.workspace.time_zone
                    values["day"] = formats.day(
                        clock.local_day(end, zone), language, today=clock.local_day(now, zone)
                    )
                    subject = _("“%(name)s”: connect again by %(day)s") % values
                    first = _(
                        "The permission that %(network)s gave us for “%(name)s” ends on %(day)s. Connect it again"
                        " before, it takes a minute; what is scheduled stays."
                    )
                first = first % values
                letter(
                    workspace=channel.workspace, subject=subject, body=f"{first}\n\n{address}",
                    to=person.user.email,
                ).send()  # fmt: skip
    except OSError as error:
        log.error("%s while mailing about channel %s", type(error).__name__, channel.pk)
        return False
    return True
