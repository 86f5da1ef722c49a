"""Bringing deliveries out, step by step, once (DESIGN.md, "Publishing once").

One step is: read the row, decide, and either move it (one transaction), or claim it (one transaction), speak to the
network (no transaction), and note the answer (one transaction). A worker may die between any two of these; what it
leaves behind is found by its lease running out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Min

from spilno.channels import access
from spilno.channels.requirements import limits_for
from spilno.kernel.errors import UserError
from spilno.publishing import gate, ledger, reconcile, reminders
from spilno.publishing.models import Delivery, Step
from spilno.publishing.outgoing import Ready, build
from spilno.publishing.speaking import Trouble, cleaned, speak
from spilno.publishing.states import DeliveryState
from spilno.toolkit.networks.base import Kind, Prepared, Publishes
from spilno.toolkit.networks.check import ERROR
from spilno.toolkit.networks.check import check as check_network

S = DeliveryState

LEAD = timedelta(minutes=2)
"""How long before its time a post is prepared."""

MOST_STEPS = 12
"""A delivery takes at most six steps at one go; more means that it turns in a circle, and then it waits."""

BATCH = 200
AT_ONCE = 16
"""After so many another channel has its turn."""

STILL_TRUE = timedelta(seconds=1)
"""What was read so recently need not be read again before the request; the claim looks once more at what matters."""

FRESH = timedelta(seconds=10)
"""What was prepared must live at least so much longer when it is committed."""

Clock = Callable[[], datetime]


# ------------------------------------------------------------------------------------------------ what is due


def due_ids(*, now: datetime, channel_id: UUID | None = None) -> list[UUID]:
    """Deliveries that somebody has to look at, in the order in which they shall leave."""
    return [one[0] for one in _due_rows(now=now, channel_id=channel_id)]


def _due_rows(*, now: datetime, channel_id: UUID | None) -> list[tuple[UUID, str, datetime]]:
    """Id, state, and the second in which it shall be out."""
    due = Delivery.objects.filter(next_try_at__lte=now).filter(ledger.free(now))
    if channel_id is not None:
        due = due.filter(channel_id=channel_id)
    # What is ready to leave comes before what is only to be prepared.
    rows = due.order_by("next_try_at").values_list("pk", "state", "due_at", "variant__position")[:BATCH]
    ordered = sorted(
        rows, key=lambda one: (one[1] != S.PREPARED, one[2].replace(microsecond=0), one[3], one[0])
    )
    return [(one[0], one[1], one[2].replace(microsecond=0)) for one in ordered]


def due_channels(*, now: datetime) -> list[UUID]:
    """Channels in which something is due, the longest waiting first."""
    rows = (
        Delivery.objects.filter(next_try_at__lte=now)
        .filter(ledger.free(now))
        .values("channel_id")
        .annotate(first=Min("next_try_at"))
        .order_by("first")
    )
    return [row["channel_id"] for row in rows]


def next_due() -> datetime | None:
    """When the next delivery wants to be looked at."""
    return Delivery.objects.filter(next_try_at__isnull=False).aggregate(first=Min("next_try_at"))["first"]


def run_due(*, now: datetime, worker: str, channel_id: UUID | None = None, clock: Clock | None = None) -> int:
    """Do everything that is due, of all channels or one. Returns how many deliveries moved."""
    return sum(
        advance(delivery_id=one, now=now, worker=worker, clock=clock)
        for one in due_ids(now=now, channel_id=channel_id)
    )


def run_channel(
    *, channel_id: UUID, worker: str, clock: Clock, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Do what is due of one channel, at most :data:`AT_ONCE`. Returns how many deliveries moved.

    Others may be at work on the same channel. What is prepared and cannot leave has another's hand on it, or waits for
    one that has to leave before it: then what is prepared for the same second waits too, and only that is passed over.
    What it waits for is perhaps a dead worker's, in another state, and further down the list.
    """
    moved, standing = 0, set[datetime]()
    for delivery_id, state, second in _due_rows(now=clock(), channel_id=channel_id):
        if stopping() or moved >= AT_ONCE:
            break
        if state == S.PREPARED and second in standing:
            continue
        if advance(delivery_id=delivery_id, now=clock(), worker=worker, clock=clock):
            moved += 1
        elif state == S.PREPARED:
            standing.add(second)
    return moved


def advance(*, delivery_id: UUID, now: datetime, worker: str, clock: Clock | None = None) -> bool:
    """Bring one delivery as far as it goes now. Calling it for one that is not due, or is another's, is harmless.

    :param clock: gives the time while the work goes on (a request takes seconds); without it ``now`` stands still.
    :return: whether it moved.
    """
    tell = clock or (lambda: now)
    moved = False
    for _ in range(MOST_STEPS):
        delivery = _due(delivery_id, tell())
        if delivery is None or not _step(delivery, tell, worker):
            break
        moved = True
        if delivery.next_try_at is None or delivery.next_try_at > tell():  # what the step left behind
            break
    return moved


def _due(delivery_id: UUID, now: datetime) -> Delivery | None:
    """The delivery with all that a step looks at, if it is due and nobody has it."""
    rows = Delivery.objects.select_related("workspace", "channel", "variant__item", "scheduled_by")
    found = rows.filter(ledger.free(now), pk=delivery_id, next_try_at__lte=now).order_by().first()
    if found is not None:
        found.variant.workspace = found.workspace
    return found


def _step(delivery: Delivery, tell: Clock, worker: str) -> bool:
    now = tell()
    match delivery.state:
        case S.PREPARING:  # its worker died; preparing is harmless
            return ledger.move(delivery, target=S.QUEUED, now=now, next_try_at=now)
        case S.COMMITTING:  # its worker died with the request on its way
            return ledger.move(delivery, target=S.UNCERTAIN, now=now, next_try_at=now, code="worker_died")
        case S.UNCERTAIN:
            return reconcile.resolve(delivery, tell=tell, worker=worker, commit=_commit)
        case S.REMINDED:
            return reminders.send(delivery, tell=tell, worker=worker)
        case S.QUEUED | S.WAITING | S.PREPARED:
            return _go_on(delivery, tell, worker)
    return ledger.move(delivery, target=S(delivery.state), now=now, code=delivery.error_code,
                       params=delivery.error_params)  # fmt: skip


# ------------------------------------------------------------------------------------------------ on the way


def _go_on(delivery: Delivery, tell: Clock, worker: str) -> bool:
    now = tell()
    ready: Ready | None = None
    problem: UserError | None = None
    try:
        ready = build(delivery, now=now)
    except UserError as error:
        problem = error
    except KeyError:
        problem = UserError("unknown_placement", placement=delivery.variant.placement)
    by_hand = delivery.channel.by_hand or bool(ready and ready.by_hand)
    if stop := gate.stop_for(delivery, now=now, by_hand=by_hand):
        return ledger.move(
            delivery, target=stop.target, now=now, next_try_at=stop.next_try_at, code=stop.code,
            params=stop.params,
        )  # fmt: skip
    if problem is not None:
        if problem.code == "linked_post_not_out":
            late = now > gate.deadline(delivery)
            return ledger.move(
                delivery, target=S.MISSED if late else S.WAITING, now=now, code=problem.code,
                params=problem.params, next_try_at=None if late else gate.again(delivery, now, gate.LOOK_AGAIN),
            )  # fmt: skip
        return ledger.move(delivery, target=S.FAILED, now=now, code=problem.code, params=problem.params)
    assert ready is not None
    if by_hand:
        if delivery.state == S.PREPARED:  # a link was added meanwhile
            return ledger.move(delivery, target=S.QUEUED, now=now, next_try_at=now)
        return reminders.begin(delivery, now=now)
    if delivery.state == S.PREPARED:
        return _leave(delivery, ready, tell, worker)
    return _prepare(delivery, ready, tell, worker)


def _prepare(delivery: Delivery, ready: Ready, tell: Clock, worker: str) -> bool:
    now = tell()
    checked = check_network(
        network=ready.network, placement=ready.post.placement, text=ready.post.text, media=ready.post.media,
        link=ready.post.link, limits=limits_for(delivery.channel, ready.post.placement),
    )  # fmt: skip
    if problem := next((one for one in checked.problems if one.level == ERROR), None):
        params = {"problem": problem.code, "params": {key: str(one) for key, one in problem.params.items()}}
        return ledger.move(delivery, target=S.FAILED, now=now, code="does_not_fit", params=params)
    held = ledger.claim(
        delivery, target=S.PREPARING, step=Step.PREPARE, worker=worker, now=now, fingerprint=ready.fingerprint
    )
    if held is None:
        return False
    began, network, so_far = now, ready.network, _so_far(delivery, ready, now)
    assert isinstance(network, Publishes)
    with ledger.holding(held):
        answer = speak(
            delivery.channel,
            lambda client, credentials: network.prepare(
                client=client, credentials=credentials, post=ready.post, so_far=so_far
            ),
        )
    now = tell()
    if isinstance(answer, Trouble):
        return _prepare_failed(held, answer, ready, so_far, now)
    look_at = _look_at(delivery, answer.expires_at, now)
    fields = ledger.prepared_fields(answer, ready.fingerprint)
    if not ledger.finish(held, target=S.PREPARED, now=now, outcome="ok", next_try_at=look_at, **fields):
        return False
    if look_at <= now < began + STILL_TRUE:
        for name, value in {**fields, "state": S.PREPARED, "updated_at": now}.items():
            setattr(delivery, name, value)
        _leave(delivery, ready, tell, worker)
    return True


def _look_at(delivery: Delivery, expires: datetime | None, now: datetime) -> datetime:
    """When what is prepared is looked at again: at its time, or before, if it would be stale by then."""
    return max(now, min(delivery.due_at, expires - FRESH) if expires else delivery.due_at)


def _so_far(delivery: Delivery, ready: Ready, now: datetime) -> Prepared:
    kept = ledger.prepared_of(delivery)
    expired = kept.expires_at is not None and kept.expires_at <= now + FRESH
    return Prepared() if expired or delivery.prepared_for != ready.fingerprint else kept


def _prepare_failed(
    held: ledger.Claim, trouble: Trouble, ready: Ready, so_far: Prepared, now: datetime
) -> bool:
    delivery = held.delivery
    access.note_health(channel=delivery.channel, now=now, error=trouble.error)
    kept = so_far if trouble.so_far is None else trouble.so_far
    fields = ledger.prepared_fields(kept, ready.fingerprint)
    common: dict[str, Any] = {
        "now": now,
        "outcome": trouble.outcome,
        "code": trouble.code,
        "params": trouble.params,
    }
    if trouble.kind is Kind.PERMANENT:
        return ledger.finish(held, target=S.FAILED, **common, **fields)
    again = gate.again(delivery, now, trouble.wait(now, _tries(delivery, Step.PREPARE)))
    return ledger.finish(held, target=S.WAITING, next_try_at=again, **common, **fields)


def _tries(delivery: Delivery, step: Step) -> int:
    """How many tries of a step in a row went wrong without the network saying when to come again."""
    outcomes = delivery.attempts.filter(step=step).order_by("-number").values_list("outcome", flat=True)[:20]
    tries = 0
    for one in outcomes:
        if one == "ok":
            break
        tries += one in ("unreachable", "uncertain", "interrupted")
    return tries


def _leave(delivery: Delivery, ready: Ready, tell: Clock, worker: str) -> bool:
    """What was prepared is due: send it, or prepare it anew if it is not what it was."""
    now = tell()
    expires = delivery.prepared_expires_at
    if delivery.prepared_for != ready.fingerprint:
        return ledger.move(
            delivery, target=S.QUEUED, now=now, next_try_at=now, prepared={}, prepared_for="",
            prepared_expires_at=None,
        )  # fmt: skip
    if expires is not None and now >= expires - FRESH:
        return ledger.move(
            delivery, target=S.QUEUED, now=now, next_try_at=now, prepared={}, prepared_for="",
            prepared_expires_at=None,
        )  # fmt: skip
    if now < delivery.due_at:
        again = _look_at(delivery, expires, now)
        return ledger.move(delivery, target=S.PREPARED, now=now, next_try_at=again)
    return _commit(delivery, ready, tell, worker)


def _commit(delivery: Delivery, ready: Ready, tell: Clock, worker: str) -> bool:
    """The one request. From UNCERTAIN it is a repetition of the same request, where that is harmless."""
    now = tell()
    repeated = delivery.state == S.UNCERTAIN
    held = ledger.claim(
        delivery, target=S.COMMITTING, step=Step.COMMIT, worker=worker, now=now,
        fingerprint=ready.fingerprint, leaving=not repeated, first_commit_at=ledger.first_commit(now),
    )  # fmt: skip
    if held is None:
        return False
    network, prepared = ready.network, ledger.prepared_of(delivery)
    assert isinstance(network, Publishes)
    with ledger.holding(held):
        answer = speak(
            delivery.channel,
            lambda client, credentials: network.commit(
                client=client, credentials=credentials, post=ready.post, prepared=prepared
            ),
            visible=True,
        )
    now = tell()
    if not isinstance(answer, Trouble):
        ledger.publish(
            delivery, answer, now=now, held=held, answer=cleaned(network, delivery.channel, answer.answer)
        )
        access.note_health(channel=delivery.channel, now=now)
        return True
    access.note_health(channel=delivery.channel, now=now, error=answer.error)
    return _commit_failed(held, answer, ready, prepared, now, repeated=repeated)


def _commit_failed(
    held: ledger.Claim, trouble: Trouble, ready: Ready, prepared: Prepared, now: datetime, *, repeated: bool
) -> bool:
    delivery = held.delivery
    common: dict[str, Any] = {
        "now": now,
        "outcome": trouble.outcome,
        "code": trouble.code,
        "params": trouble.params,
    }
    if trouble.kind is Kind.UNCERTAIN or repeated:
        # Of a repetition even a clear refusal says nothing about the request before it.
        if repeated and trouble.kind in (Kind.PERMANENT, Kind.RECONNECT):
            return ledger.finish(held, target=S.NEEDS_PERSON, **common)
        wait = reconcile.pause(delivery) if trouble.kind is Kind.UNCERTAIN else trouble.wait(now, 1)
        return ledger.finish(held, target=S.UNCERTAIN, next_try_at=now + wait, **common)
    kept = prepared if trouble.so_far is None else trouble.so_far
    fields = ledger.prepared_fields(kept, ready.fingerprint) | {"first_commit_at": None}
    if trouble.kind is Kind.PERMANENT:
        return ledger.finish(held, target=S.FAILED, **common, **fields)
    again = gate.again(delivery, now, trouble.wait(now, _tries(delivery, Step.COMMIT)))
    return ledger.finish(held, target=S.WAITING, next_try_at=again, **common, **fields)
