"""Posting first comments, once each.

The same five rules as for posts (docs/publishing.md): claimed by conditional update, written down before speaking,
doubt is a state, never blindly again, knowledge wins. Networks whose way of answering is ``key`` or ``lookup`` find an
answer that is there already by themselves, so the same request may be made again after a while; with the others a
person is asked. Whatever becomes of a comment, its post stays published.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q

from spilno.channels import access
from spilno.channels.models import Channel
from spilno.kernel.addresses import web_address
from spilno.kernel.errors import UserError
from spilno.kernel.ids import new_id
from spilno.plan.writing import mentions
from spilno.publishing.comments.models import GRAPH, CommentState, FirstComment
from spilno.publishing.models import Delivery
from spilno.publishing.speaking import Trouble, speak
from spilno.publishing.states import DeliveryState
from spilno.team import audit
from spilno.team.models import Person
from spilno.team.permissions import Permission, require
from spilno.toolkit.networks.base import Kind, Once, Published, Replies, can

log = logging.getLogger(__name__)

S = CommentState

LEASE = timedelta(seconds=90)  # longer than any request may take
SETTLED = timedelta(seconds=30)  # before that a network may still be working on a request
INSIST = timedelta(minutes=30)  # how long a doubtful request is repeated where that is harmless
LATEST = timedelta(hours=24)  # a first comment a day after its post is none
REPEATABLE = (Once.KEY, Once.LOOKUP)
MOST = 100  # in one round


def can_comment(channel: Channel) -> bool:
    """Can a comment follow a post on this channel?"""
    try:
        return not channel.by_hand and can(access.network_of(channel), Replies)
    except UserError:
        return False


def begin(*, now: datetime) -> int:
    """Queue the comments of posts that are out. Returns how many; saying it twice makes none."""
    out = (
        Delivery.objects.filter(
            state=DeliveryState.PUBLISHED, published_at__gt=now - LATEST, removed_at=None, first_comment=None,
            variant__item__deleted_at=None,
        )
        .exclude(external_id="")
        .exclude(variant__item__extra=None)
        .exclude(variant__item__extra__first_comment="")
        .select_related("channel", "variant__item__extra")
        .order_by("published_at")[:MOST]
    )  # fmt: skip
    made = []
    for one in out:
        if (
            not can_comment(one.channel) or not one.attempts.exists()
        ):  # history that was imported has no comment
            continue
        said = one.variant.item.extra.first_comment
        names = mentions.names_for(one.workspace_id, [said])
        made.append(
            FirstComment(
                workspace_id=one.workspace_id, delivery=one, next_try_at=now, created_at=now, updated_at=now,
                text=mentions.resolved(said, one.channel.network, names),
            )
        )  # fmt: skip
    return len(FirstComment.objects.bulk_create(made, ignore_conflicts=True))


def work(*, clock: Callable[[], datetime], stopping: Callable[[], bool] = lambda: False) -> int:
    """Everything that is due, one after the other. Returns how many requests were made. Not inside a transaction."""
    begin(now=clock())
    _give_up_on_the_dead(now=clock())
    done = 0
    due = FirstComment.objects.filter(state__in=(S.QUEUED, S.UNCERTAIN), next_try_at__lte=clock()).order_by(
        "next_try_at"
    )
    for pk in due.values_list("pk", flat=True)[:MOST]:
        if stopping():
            break
        done += _post(pk, clock)
    return done


def _post(pk: UUID, clock: Callable[[], datetime]) -> bool:
    now, lease = clock(), str(new_id())
    taken = FirstComment.objects.filter(
        pk=pk, state__in=(S.QUEUED, S.UNCERTAIN), next_try_at__lte=now
    ).update(
        state=S.SENDING, lease_by=lease, lease_until=now + LEASE, tries=F("tries") + 1, updated_at=now,
        first_try_at=F("first_try_at"),
    )  # fmt: skip
    if not taken:
        return False
    FirstComment.objects.filter(pk=pk, first_try_at=None).update(first_try_at=now)
    comment = FirstComment.objects.select_related("delivery__channel", "delivery__variant__item").get(pk=pk)
    channel = comment.delivery.channel
    if reason := _hindrance(comment, now):
        _settle(comment, lease, S.FAILED, clock(), code=reason)
        return False
    network = access.network_of(channel)
    assert isinstance(network, Replies)
    answer = speak(
        channel,
        lambda client, credentials: network.reply(
            client=client, credentials=credentials, in_reply_to=comment.delivery.external_id, text=comment.text,
            key=str(comment.pk),
        ),
        visible=True,
    )  # fmt: skip
    ended = clock()
    if isinstance(answer, Published):
        _out(comment, answer, ended)
    else:
        access.note_health(channel=channel, now=ended, error=answer.error)
        _trouble(comment, lease, answer, network.reply_once, ended)
    return True


def _hindrance(comment: FirstComment, now: datetime) -> str:
    """What came in between since it was queued; asked before the first request only: then doubt has to be cleared."""
    if comment.tries > 1:
        return ""
    delivery = comment.delivery
    if delivery.removed_at is not None or delivery.variant.item.deleted_at is not None:
        return "comment_post_gone"
    if not delivery.channel.is_active:
        return "channel_disconnected"
    published = delivery.published_at or now
    return "comment_too_late" if now > published + LATEST else ""


def _out(comment: FirstComment, said: Published, now: datetime) -> None:
    """Knowledge wins over leases, whatever the row says meanwhile."""
    FirstComment.objects.filter(pk=comment.pk).exclude(state=S.OUT).update(
        state=S.OUT, external_id=said.external_id[:300], external_url=web_address(said.url), next_try_at=None,
        lease_by="", lease_until=None, error_code="", error_params={}, updated_at=now,
    )  # fmt: skip


def _trouble(comment: FirstComment, lease: str, trouble: Trouble, once: Once, now: datetime) -> None:
    if trouble.kind is Kind.PERMANENT:
        _settle(comment, lease, S.FAILED, now, code=trouble.code, params=dict(trouble.params))
    elif trouble.kind is Kind.UNCERTAIN:
        _doubt(comment, lease, once, now, trouble.code)
    else:
        again = now + trouble.wait(now, comment.tries)
        if again > (comment.delivery.published_at or now) + LATEST:
            _settle(comment, lease, S.FAILED, now, code=trouble.code, params=dict(trouble.params))
        else:
            _settle(
                comment, lease, S.QUEUED, now, code=trouble.code, params=dict(trouble.params), again=again
            )


def _doubt(comment: FirstComment, lease: str, once: Once, now: datetime, code: str) -> None:
    """It may be there. Repeating is harmless where the network knows it again; else a person looks."""
    since = comment.first_try_at or now
    if once in REPEATABLE and now < since + INSIST:
        _settle(comment, lease, S.UNCERTAIN, now, code=code, again=now + SETTLED)
    else:
        _settle(comment, lease, S.NEEDS_PERSON, now, code=code)


def _settle(
    comment: FirstComment, lease: str, state: CommentState, now: datetime, *, code: str = "",
    params: dict[str, object] | None = None, again: datetime | None = None,
) -> None:  # fmt: skip
    GRAPH.check(S.SENDING, state)
    FirstComment.objects.filter(pk=comment.pk, lease_by=lease, state=S.SENDING).update(
        state=state, next_try_at=again, lease_by="", lease_until=None, error_code=code[:60],
        error_params=params or {}, updated_at=now,
    )  # fmt: skip


def _give_up_on_the_dead(*, now: datetime) -> None:
    """Whoever had these is gone, with the request perhaps on its way."""
    lost = FirstComment.objects.filter(state=S.SENDING, lease_until__lt=now).select_related(
        "delivery__channel"
    )
    for one in lost:
        try:
            network = access.network_of(one.delivery.channel)
            once = network.reply_once if isinstance(network, Replies) else Once.NONE
        except UserError:
            once = Once.NONE
        _doubt(one, one.lease_by, once, now, "timeout")


# ------------------------------------------------------------------------------------------------ what people decide


def again(*, comment: FirstComment, by: Person | None, now: datetime) -> None:
    """A person looked, or mended what was wrong: post it, under the same key.

    :raises UserError: ``not_in_question``.
    """
    _decide(
        comment, by, now, S.QUEUED, (S.NEEDS_PERSON, S.FAILED, S.DROPPED), "comment.again", next_try_at=now
    )


def is_there(*, comment: FirstComment, by: Person | None, now: datetime) -> None:
    """A person looked: it is there.

    :raises UserError: ``not_in_question``.
    """
    _decide(
        comment,
        by,
        now,
        S.OUT,
        (S.NEEDS_PERSON, S.FAILED, S.UNCERTAIN),
        "comment.confirmed",
        next_try_at=None,
    )


def drop(*, comment: FirstComment, by: Person | None, now: datetime) -> None:
    """It shall not be posted any more.

    :raises UserError: ``not_in_question``.
    """
    _decide(
        comment, by, now, S.DROPPED, (S.QUEUED, S.NEEDS_PERSON, S.FAILED), "comment.dropped", next_try_at=None
    )


def _decide(
    comment: FirstComment, by: Person | None, now: datetime, state: CommentState, of: tuple[CommentState, ...],
    action: str, *, next_try_at: datetime | None,
) -> None:  # fmt: skip
    require(by, Permission.PUBLISH)
    changed = FirstComment.objects.filter(pk=comment.pk, state__in=of).update(
        state=state, next_try_at=next_try_at, error_code="", error_params={}, updated_at=now, told_at=None,
        first_try_at=None if state == S.QUEUED else F("first_try_at"), tries=0 if state == S.QUEUED else F("tries"),
    )  # fmt: skip
    if not changed:
        raise UserError("not_in_question")
    item = comment.delivery.variant.item
    audit.record(
        workspace=comment.workspace, by=by, action=action, object_kind="delivery", object_id=comment.delivery_id,
        now=now, initiative_id=item.initiative_id, title=item.title, channel=comment.delivery.channel.name,
    )  # fmt: skip


def untold() -> Q:
    """Comments of which nobody knows yet that they need a person."""
    return Q(state__in=(S.NEEDS_PERSON, S.FAILED), told_at=None)
