"""What becomes of a delivery that somebody looks at now: a move, or a call to its network. Nothing is written here."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from spilno.channels.requirements import limits_for
from spilno.kernel.errors import UserError
from spilno.publishing import gate, ledger, reconcile, reminders
from spilno.publishing.calls import Call, ended
from spilno.publishing.ledger import Changes, Claim, End, Move, Take
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.outgoing import Ready, build
from spilno.publishing.speaking import Spoken, Trouble, converse, prepared_silently
from spilno.publishing.states import DeliveryState
from spilno.toolkit.networks.base import Credentials, Kind, Once, Outgoing, Prepared, Published, Publishes
from spilno.toolkit.networks.check import ERROR
from spilno.toolkit.networks.check import check as check_network

S = DeliveryState

FRESH = timedelta(seconds=10)
"""What was prepared must live at least so much longer when it is committed."""

_AWAITED = {"linked_post_not_out": gate.LOOK_AGAIN, "media_not_ready": reconcile.SOON}
"""What the content may still lack and will have by itself, and how often to look."""


GOING_ON = (S.QUEUED, S.WAITING, S.PREPARED)
"""States from which a post may leave: whether it may is asked every time."""


def decide(
    delivery: Delivery, composed: Outgoing | UserError, *, now: datetime, approved: bool = True
) -> Move | Call:
    """The next step of a delivery that was read this moment and is due.

    :param composed: what it would send now, or why it cannot (:func:`~spilno.publishing.outgoing.compose`).
    :param approved: has everybody agreed who has to (:mod:`spilno.plan.approvals`)?

    An uncertain one with its attempts. A held, failed, missed, cancelled one wants no step: it is given no time.
    """
    match delivery.state:
        case S.PREPARING:  # its worker died; preparing is harmless
            return Move(delivery, S.QUEUED, now)
        case S.COMMITTING:  # its worker died with the request on its way
            return Move(delivery, S.UNCERTAIN, now, "worker_died")
        case S.UNCERTAIN:
            return reconcile.resolve(delivery, composed, now=now, commit=_commit)
        case S.REMINDED:
            return reminders.send(delivery, now=now)
        case S.QUEUED | S.WAITING | S.PREPARED:
            return _go_on(delivery, composed, now, approved)
    return Move(delivery, S(delivery.state), code=delivery.error_code, params=delivery.error_params)


def _go_on(delivery: Delivery, composed: Outgoing | UserError, now: datetime, approved: bool) -> Move | Call:
    ready: Ready | None = None
    problem: UserError | None = None
    try:
        ready = build(delivery, composed)
    except UserError as error:
        problem = error
    except KeyError:
        problem = UserError("unknown_placement", placement=delivery.variant.placement)
    by_hand = delivery.channel.by_hand or bool(ready and ready.by_hand)
    if stop := gate.stop_for(delivery, now=now, by_hand=by_hand, approved=approved):
        return Move(delivery, stop.target, stop.next_try_at, stop.code, stop.params)
    if problem is not None:
        if (pause := _AWAITED.get(problem.code)) is None:
            return Move(delivery, S.FAILED, None, problem.code, problem.params)
        late = now > gate.deadline(delivery)
        again = None if late else gate.again(delivery, now, pause)
        return Move(delivery, S.MISSED if late else S.WAITING, again, problem.code, problem.params)
    assert ready is not None
    if by_hand:
        if delivery.state == S.PREPARED:  # a link was added meanwhile
            return Move(delivery, S.QUEUED, now)
        return reminders.begin(delivery, now=now)
    if delivery.state == S.PREPARED:
        return _leave(delivery, ready, now)
    return _prepare(delivery, ready, now)


# ------------------------------------------------------------------------------------------------ preparing


def _prepare(delivery: Delivery, ready: Ready, now: datetime) -> Move | Call:
    checked = check_network(
        network=ready.network, placement=ready.post.placement, text=ready.post.text, media=ready.post.media,
        link=ready.post.link, limits=limits_for(delivery.channel, ready.post.placement),
    )  # fmt: skip
    if problem := next((one for one in checked.problems if one.level == ERROR), None):
        params = {"problem": problem.code, "params": {key: str(one) for key, one in problem.params.items()}}
        return Move(delivery, S.FAILED, None, "does_not_fit", params)
    network, so_far = ready.network, _so_far(delivery, ready, now)
    assert isinstance(network, Publishes)
    silent = prepared_silently(network, ready.post, so_far)
    if silent is not None and _lives(silent, now):
        fields = ledger.prepared_fields(silent, ready.fingerprint)
        if now >= delivery.due_at:
            return _commit(delivery, ready, now, prepared=silent, changes=fields)
        return Move(delivery, S.PREPARED, _look_at(delivery, silent.expires_at, now), changes=fields)

    def call(credentials: Credentials | None) -> Spoken[Prepared]:
        return converse(
            delivery.channel,
            lambda client, credentials: network.prepare(
                client=client, credentials=credentials, post=ready.post, so_far=so_far
            ),
            credentials=credentials,
            post=ready.post,
        )

    def judge(claim: Claim, spoken: Spoken[Prepared], at: datetime) -> End:
        if isinstance(spoken.value, Trouble):
            return _prepare_failed(claim, spoken.value, ready, so_far, at)
        look_at = _look_at(delivery, spoken.value.expires_at, at)
        fields = ledger.prepared_fields(spoken.value, ready.fingerprint)
        return End(claim, at, "ok", S.PREPARED, next_try_at=look_at, changes=fields)

    take = Take(delivery, S.PREPARING, Step.PREPARE, ready.fingerprint)
    # A preparation that is gone on with (a network still digests, an upload broke off) had its files counted when it
    # began: asking thirty times whether a video is ready is not thirty uploads.
    return Call(take, call, judge, uploads=0 if so_far.data else len(ready.post.media))


def _lives(prepared: Prepared, now: datetime) -> bool:
    return prepared.expires_at is None or now < prepared.expires_at - FRESH


def _look_at(delivery: Delivery, expires: datetime | None, now: datetime) -> datetime:
    """When what is prepared is looked at again: at its time, or before, if it would be stale by then."""
    return max(now, min(delivery.due_at, expires - FRESH) if expires else delivery.due_at)


def _so_far(delivery: Delivery, ready: Ready, now: datetime) -> Prepared:
    kept = ledger.prepared_of(delivery)
    return kept if _lives(kept, now) and delivery.prepared_for == ready.fingerprint else Prepared()


def _prepare_failed(claim: Claim, trouble: Trouble, ready: Ready, so_far: Prepared, at: datetime) -> End:
    kept = so_far if trouble.so_far is None else trouble.so_far
    fields = ledger.prepared_fields(kept, ready.fingerprint)
    if trouble.kind is Kind.PERMANENT:
        return ended(claim, at, trouble, S.FAILED, changes=fields)
    again = gate.again(claim.delivery, at, trouble.wait(at, _tries(claim.delivery, Step.PREPARE)))
    return ended(claim, at, trouble, S.WAITING, next_try_at=again, changes=fields)


def _tries(delivery: Delivery, step: Step) -> int:
    """How many tries of a step in a row went wrong without the network saying when to come again."""
    tried = Attempt.objects.filter(delivery=delivery, step=step).order_by("-number")
    tries = 0
    for one in tried.values_list("outcome", flat=True)[:20]:
        if one == "ok":
            break
        tries += one in ("unreachable", "uncertain", "interrupted")
    return tries


# ------------------------------------------------------------------------------------------------ leaving


def _leave(delivery: Delivery, ready: Ready, now: datetime) -> Move | Call:
    """What was prepared is due: send it, or prepare it anew if it is not what it was."""
    prepared = ledger.prepared_of(delivery)
    if delivery.prepared_for != ready.fingerprint or not _lives(prepared, now):
        return Move(delivery, S.QUEUED, now, changes=ledger.prepared_fields(Prepared(), ""))
    if now < delivery.due_at:
        return Move(delivery, S.PREPARED, _look_at(delivery, prepared.expires_at, now))
    return _commit(delivery, ready, now)


def _commit(
    delivery: Delivery,
    ready: Ready,
    now: datetime,
    *,
    prepared: Prepared | None = None,
    changes: Changes | None = None,
) -> Call:
    """The one request. From UNCERTAIN it is a repetition of the same request, where that is harmless."""
    repeated = delivery.state == S.UNCERTAIN
    network, switch = ready.network, prepared or ledger.prepared_of(delivery)
    assert isinstance(network, Publishes)

    def call(credentials: Credentials | None) -> Spoken[Published]:
        return converse(
            delivery.channel,
            lambda client, credentials: network.commit(
                client=client, credentials=credentials, post=ready.post, prepared=switch
            ),
            credentials=credentials,
            post=ready.post,
            visible=True,
            kept=ready.placement.once in (Once.KEY, Once.PREPARE),
        )

    def judge(claim: Claim, spoken: Spoken[Published], at: datetime) -> End:
        if isinstance(spoken.value, Trouble):
            return _commit_failed(claim, spoken.value, ready, switch, at, repeated=repeated)
        return End(claim, at, "ok", published=spoken.value, answer=spoken.value.answer)

    take = Take(
        delivery, S.COMMITTING, Step.COMMIT, ready.fingerprint, leaving=not repeated, changes=changes or {}
    )
    return Call(take, call, judge, placement="" if repeated else ready.post.placement)


def _commit_failed(
    claim: Claim, trouble: Trouble, ready: Ready, prepared: Prepared, at: datetime, *, repeated: bool
) -> End:
    delivery = claim.delivery
    if trouble.kind is Kind.UNCERTAIN or repeated:
        # Of a repetition even a clear refusal says nothing about the request before it.
        if repeated and trouble.kind in (Kind.PERMANENT, Kind.RECONNECT):
            return ended(claim, at, trouble, S.NEEDS_PERSON)
        wait = reconcile.pause(delivery) if trouble.kind is Kind.UNCERTAIN else trouble.wait(at, 1)
        return ended(claim, at, trouble, S.UNCERTAIN, next_try_at=at + wait)
    kept = prepared if trouble.so_far is None else trouble.so_far
    fields: dict[str, Any] = ledger.prepared_fields(kept, ready.fingerprint) | {"first_commit_at": None}
    if trouble.kind is Kind.PERMANENT:
        return ended(claim, at, trouble, S.FAILED, changes=fields)
    again = gate.again(delivery, at, trouble.wait(at, _tries(delivery, Step.COMMIT)))
    return ended(claim, at, trouble, S.WAITING, next_try_at=again, changes=fields)
