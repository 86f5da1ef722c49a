"""Posts that a person makes: telling them in time, with everything they need on the phone."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from spilno.channels import access
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.plan import queries as plan
from spilno.publishing.calls import Call
from spilno.publishing.ledger import Claim, End, Move, Take
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.speaking import Spoken, Trouble
from spilno.publishing.states import DeliveryState
from spilno.team.mail import letter
from spilno.team.models import Person, User
from spilno.toolkit.networks.base import Credentials, Kind

log = logging.getLogger(__name__)

MOST_TRIES = 5
MOST_ATTACHED = 15 * 1024 * 1024
"""Bytes of pictures in one mail; mail servers commonly refuse more than 20 to 25 MB with everything."""


def begin(delivery: Delivery, *, now: datetime) -> Move:
    """At the due time the delivery becomes the person's; before it, wait."""
    if now < delivery.due_at:
        return Move(delivery, DeliveryState.QUEUED, delivery.due_at)
    # The row says it before the mail is sent: should the mail get lost, the page "Today" still has it.
    return Move(delivery, DeliveryState.REMINDED, now, changes={"reminded_at": now})


def whom(delivery: Delivery) -> list[Person]:
    """Who is reminded: the channel's owner, else the item's, else the workspace's owners; only with a login."""
    for one in (delivery.channel.owner, delivery.variant.item.owner):
        if one is not None and one.is_active and one.user is not None:
            return [one]
    owners = Person.objects.select_related("user").filter(
        workspace=delivery.workspace, is_owner=True, is_active=True, user__isnull=False
    )
    return list(owners)


def send(delivery: Delivery, *, now: datetime) -> Call:
    """Mail the reminder. A mail that cannot be sent is tried again a few times; the page has it in any case."""

    def call(_: Credentials | None) -> Spoken[list[str]]:
        people = whom(delivery)
        try:
            for person in people:
                assert person.user is not None
                message(delivery, person.user, now=now).send()
        except Exception as error:  # smtplib, sockets, files: whatever it was, the reminder itself stands
            log.error("%s while mailing the reminder of delivery %s", type(error).__name__, delivery.pk)
            return Spoken(Trouble(Kind.UNREACHABLE, "mail_failed", {"to": [one.name for one in people]}))
        return Spoken([one.name for one in people])

    def judge(claim: Claim, spoken: Spoken[list[str]], at: datetime) -> End:
        said, stays = spoken.value, DeliveryState.REMINDED
        if not isinstance(said, Trouble):
            code = "" if said else "nobody_to_remind"
            return End(claim, at, "ok", stays, code=code, answer={"to": said}, heard=False)
        tries = Attempt.objects.filter(delivery=delivery, step=Step.REMIND).count()
        again = at + timedelta(minutes=2**tries) if tries < MOST_TRIES else None
        return End(
            claim, at, "failed", stays, code=said.code, answer=said.params, next_try_at=again, heard=False
        )

    return Call(Take(delivery, DeliveryState.REMINDED, Step.REMIND), call, judge)


def page_address(delivery: Delivery) -> str:
    """The delivery's page, where the text can be copied and the post confirmed."""
    return settings.SPILNO_PUBLIC_URL + reverse("plan-delivery", args=[delivery.workspace.slug, delivery.pk])


def message(delivery: Delivery, user: User, *, now: datetime) -> EmailMessage:
    """The reminder as a mail in the person's language: what to post, where, and the pictures."""
    variant, channel = delivery.variant, delivery.channel
    with translation.override(user.language):
        local = delivery.due_at.astimezone(ZoneInfo(delivery.workspace.time_zone))
        placement = pick(access.network_of(channel).placement(variant.placement).label, user.language)
        title = plan.title_of(variant.item.title, plan.text_of(variant))
        try:
            link = plan.link_of(variant)
        except UserError:
            link = ""
        lines = [
            _("It is time to post: %(placement)s in “%(channel)s”, %(time)s.")
            % {"placement": placement, "channel": channel.name, "time": local.strftime("%H:%M")},
            "",
            _("Open on the phone, copy, post, and confirm with the link:"),
            page_address(delivery),
        ]
        if text := plan.words_of(variant):
            lines += ["", _("Text:"), text]
        if link:
            lines += ["", _("Link:"), link]
        if channel.url:
            lines += ["", _("Where:"), channel.url]
        mail = letter(
            workspace=delivery.workspace,
            subject=_("To post now in “%(channel)s”: %(title)s") % {"channel": channel.name, "title": title},
            body="\n".join(lines),
            to=user.email,
        )
    room = MOST_ATTACHED
    for one in plan.media_of(variant.item):
        if one.bytes <= room:
            with one.file.open("rb") as file:
                mail.attach(one.name, file.read(), one.mime)
            room -= one.bytes
    return mail
