"""Saying something about a post, and settling it."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from spilno.kernel.errors import NotAllowed, UserError
from spilno.plan.approvals.models import GuestReviewer
from spilno.plan.comments.models import Comment
from spilno.plan.models import Item, Media, Variant
from spilno.team.models import Person
from spilno.team.permissions import Permission, require

TEXT_MOST = 5_000
FOUR_PLACES = Decimal("0.0001")


@transaction.atomic
def say(
    *,
    item: Item,
    text: str,
    now: datetime,
    by: Person | None = None,
    guest: GuestReviewer | None = None,
    answers: Comment | None = None,
    variant: Variant | None = None,
    media: Media | None = None,
    place: tuple[Decimal, Decimal] | None = None,
    for_guests: bool = False,
) -> Comment:
    """A comment by a colleague or a guest. ``@Name`` in a colleague's text tells that person.

    :param place: of a picture, parts of its width and height; only with ``media``.
    :param for_guests: may guests see it? What a guest says always is; an answer is like its thread.
    :raises UserError: ``comment_empty``, ``comment_too_long``, ``item_deleted``, ``unknown_comment``,
        ``unknown_media``, ``bad_place``.
    """
    if (by is None) == (guest is None):
        raise ValueError("either a person or a guest speaks")
    if by is not None:
        require(by, Permission.DISCUSS)
    text = text.strip()
    if not text:
        raise UserError("comment_empty", field="text")
    if len(text) > TEXT_MOST:
        raise UserError("comment_too_long", field="text", most=TEXT_MOST)
    if item.deleted_at is not None:
        raise UserError("item_deleted")
    if answers is not None:
        answers = answers.answers or answers  # an answer to an answer belongs to the same thread
        if answers.item_id != item.pk or (guest is not None and not answers.for_guests):
            raise UserError("unknown_comment")
    if variant is not None and variant.item_id != item.pk:
        raise UserError("unknown_comment")
    if media is not None and not item.media.filter(pk=media.pk).exists():
        raise UserError("unknown_media", field="media")
    if place is not None and (media is None or not all(0 <= one <= 1 for one in place)):
        raise UserError("bad_place")
    who = by or guest
    assert who is not None
    made = Comment.objects.create(
        workspace_id=item.workspace_id, item=item, answers=answers,
        variant=None if answers else variant, media=None if answers else media,
        x=place[0].quantize(FOUR_PLACES) if place and not answers else None,
        y=place[1].quantize(FOUR_PLACES) if place and not answers else None,
        person=by, guest=guest, name=who.name, text=text, at=now,
        for_guests=answers.for_guests if answers else (guest is not None or for_guests),
    )  # fmt: skip
    if answers is not None:  # it goes on
        Comment.objects.filter(pk=answers.pk).update(resolved_at=None, resolved_by="")
    if by is not None:
        made.mentions.set(mentioned(text, item.workspace_id))
    return made


def mentioned(text: str, workspace_id: UUID) -> list[Person]:
    """Colleagues whom a text names with ``@`` and their name, in any case; the longest name that fits counts."""
    if "@" not in text:
        return []
    people = Person.objects.filter(workspace_id=workspace_id, is_active=True)
    found = []
    rest = text
    for one in sorted(people, key=lambda person: -len(person.name)):
        for name in dict.fromkeys((one.name, one.name.split()[0])):
            pattern = re.compile(rf"@{re.escape(name)}(?!\w)", re.IGNORECASE)
            if pattern.search(rest):
                found.append(one)
                rest = pattern.sub(" ", rest)
                break
    return found


@transaction.atomic
def settle(*, comment: Comment, by: Person, now: datetime, settled: bool = True) -> None:
    """Fold a thread, or open it again."""
    require(by, Permission.DISCUSS)
    begin = comment.answers or comment
    Comment.objects.filter(pk=begin.pk).update(
        resolved_at=now if settled else None, resolved_by=by.name if settled else ""
    )


@transaction.atomic
def take_back(*, comment: Comment, by: Person) -> None:
    """Delete one's own comment, as long as nobody answered it.

    :raises NotAllowed: if somebody else said it.
    :raises UserError: ``comment_answered``.
    """
    if comment.person_id != by.pk:
        raise NotAllowed("comment.delete")
    if comment.replies.exists():
        raise UserError("comment_answered")
    comment.delete()
