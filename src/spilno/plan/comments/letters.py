"""Letters about comments: to who is mentioned, who spoke in the thread, and whose post it is."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from spilno.plan.approvals.letters import send, title_of_item
from spilno.plan.approvals.models import GuestReviewer
from spilno.plan.approvals.services import open_link
from spilno.plan.comments.models import Comment
from spilno.team.mail import letter
from spilno.team.models import Person

MOST = 50
STALE = timedelta(days=1)


def tell(*, now: datetime) -> int:
    """Send what is to be told of fresh comments. Returns how many letters left."""
    fresh = (
        Comment.objects.filter(told_at=None, at__gte=now - STALE, item__deleted_at=None)
        .select_related("workspace", "item__workspace", "item__owner__user", "answers__person__user")
        .prefetch_related("mentions__user")
        .order_by("at")
    )
    sent = 0
    for one in fresh[:MOST]:
        if Comment.objects.filter(pk=one.pk, told_at=None).update(told_at=now):
            sent += sum(send(mail) for mail in _letters(one, now))
    return sent


def _letters(one: Comment, now: datetime) -> list[EmailMessage]:
    people: dict[Person, None] = dict.fromkeys(one.mentions.all())
    if one.item.owner is not None:
        people[one.item.owner] = None
    guests: dict[GuestReviewer, None] = {}
    if one.answers is not None:
        spoke = [one.answers, *one.answers.replies.select_related("person__user", "guest")]
        people |= {each.person: None for each in spoke if each.person is not None}
        guests |= {each.guest: None for each in spoke if each.guest is not None and each.guest.is_active}
    made = [
        _to_person(one, person)
        for person in people
        if person.pk != one.person_id and person.is_active and person.user is not None
    ]
    if one.for_guests:
        made += [_to_guest(one, guest, now) for guest in guests if guest.pk != one.guest_id]
    return made


def _to_person(one: Comment, person: Person) -> EmailMessage:
    assert person.user is not None
    address = reverse("plan-approval", args=[one.workspace.slug, one.item_id])
    with translation.override(person.user.language):
        return letter(
            workspace=one.workspace, subject=_subject(one),
            body="\n".join([one.text, "", f"{settings.SPILNO_PUBLIC_URL}{address}#comment-{one.pk}"]),
            to=person.user.email,
        )  # fmt: skip


def _to_guest(one: Comment, guest: GuestReviewer, now: datetime) -> EmailMessage:
    _link, token = open_link(workspace=one.workspace, guest=guest, items=[one.item], by=None, now=now)
    with translation.override(guest.language):
        address = settings.SPILNO_PUBLIC_URL + reverse("review", args=[token])
        return letter(
            workspace=one.workspace, subject=_subject(one), body="\n".join([one.text, "", address]),
            to=guest.email,
        )  # fmt: skip


def _subject(one: Comment) -> str:
    return _("%(name)s about “%(title)s”") % {"name": one.name, "title": title_of_item(one.item)}
