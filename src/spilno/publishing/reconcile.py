"""Finding out what became of a request that got no trustworthy answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from spilno.channels import access
from spilno.kernel.errors import UserError
from spilno.publishing import gate, ledger
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.outgoing import Ready, build
from spilno.publishing.speaking import Trouble, cleaned, speak
from spilno.publishing.states import DeliveryState
from spilno.toolkit.networks.base import Finds, Kind, Once, Sighting, Verdict, can

S = DeliveryState

SETTLE = timedelta(seconds=30)
"""A network may still be working on a request whose connection broke: "not there" counts only after that long."""

KEY_HONOURED = timedelta(minutes=30)
"""How long networks certainly remember a key (Matrix servers forget after half an hour, Mastodon after one)."""

ASK_FOR = timedelta(minutes=30)
"""How long to go on asking a network that does not answer before a person is asked."""

MOST_REPEATS = 5

MOST_REFUSALS = 3
"""How often a look-up may be refused before a person is asked: networks refuse for reasons that pass."""

Commit = Callable[[Delivery, Ready, Callable[[], datetime], str], bool]


def pause(delivery: Delivery) -> timedelta:
    """Before asking what became of a request: at once after the first, then longer and longer."""
    asked = delivery.attempts.filter(step__in=(Step.COMMIT, Step.FIND)).count()
    return (
        timedelta(0)
        if asked <= 1
        else min(timedelta(minutes=5), timedelta(seconds=5 * 2 ** min(asked - 1, 10)))
    )


def resolve(delivery: Delivery, *, tell: Callable[[], datetime], worker: str, commit: Commit) -> bool:
    """Ask the network; repeat where that is harmless; else ask a person. Never send again blindly."""
    now = tell()
    last = delivery.attempts.filter(step=Step.COMMIT).order_by("-number").first()
    if last is None or delivery.first_commit_at is None:  # cannot be; and if it is, nobody can tell
        return _ask_person(delivery, now, "cannot_tell")
    if not delivery.channel.is_active:
        return _ask_person(delivery, now, "channel_disconnected", name=delivery.channel.name)
    try:
        ready = build(delivery, now=now)
    except UserError as error:
        return _ask_person(delivery, now, error.code, **error.params)
    except KeyError:
        return _ask_person(delivery, now, "unknown_placement", placement=delivery.variant.placement)
    asked = delivery.attempts.order_by("-number").values_list("step", "outcome").first()
    told_nothing = asked == (Step.FIND, str(Verdict.CANNOT_TELL))
    if can(ready.network, Finds) and not (told_nothing and _repeatable(delivery, ready, last, now)):
        return _find(delivery, ready, last, tell, worker, commit)
    if _repeatable(delivery, ready, last, now):
        return commit(delivery, ready, tell, worker)
    return _ask_person(delivery, now, "cannot_tell")


def _find(
    delivery: Delivery, ready: Ready, last: Attempt, tell: Callable[[], datetime], worker: str, commit: Commit
) -> bool:
    now, network, since = tell(), ready.network, delivery.first_commit_at
    assert isinstance(network, Finds)
    assert since is not None
    held = ledger.claim(
        delivery, target=S.UNCERTAIN, step=Step.FIND, worker=worker, now=now, fingerprint=ready.fingerprint
    )
    if held is None:
        return False
    with ledger.holding(held):
        answer = speak(
            delivery.channel,
            lambda client, credentials: network.find(
                client=client,
                credentials=credentials,
                post=ready.post,
                prepared=ledger.prepared_of(delivery),
                not_before=since,
            ),
        )
    now = tell()
    if isinstance(answer, Trouble):
        return _no_answer(held, answer, now)
    access.note_health(channel=delivery.channel, now=now)
    return _answered(held, ready, last, answer, now)


def _answered(held: ledger.Claim, ready: Ready, last: Attempt, sighting: Sighting, now: datetime) -> bool:
    delivery, outcome = held.delivery, str(sighting.verdict)
    if sighting.verdict is Verdict.FOUND and sighting.published is not None:
        answer = cleaned(ready.network, delivery.channel, sighting.published.answer)
        ledger.publish(delivery, sighting.published, now=now, held=held, outcome=outcome, answer=answer)
        return True
    same = ready.fingerprint == last.fingerprint
    if sighting.verdict is Verdict.ABSENT and same:
        if now < last.started_at + SETTLE:
            return ledger.finish(
                held, target=S.UNCERTAIN, now=now, outcome=outcome, code=delivery.error_code,
                params=delivery.error_params, next_try_at=last.started_at + SETTLE,
            )  # fmt: skip
        return ledger.finish(
            held, target=S.QUEUED, now=now, outcome=outcome, next_try_at=now, first_commit_at=None
        )
    look = {"look_at": sighting.look_at} if sighting.look_at else {}
    if _repeatable(delivery, ready, last, now):
        # Not with this claim: the next step repeats the request, as a claim and an attempt of its own.
        return ledger.finish(
            held, target=S.UNCERTAIN, now=now, outcome=outcome, code=delivery.error_code,
            params=delivery.error_params, next_try_at=now,
        )  # fmt: skip
    return ledger.finish(
        held, target=S.NEEDS_PERSON, now=now, outcome=outcome, code="cannot_tell", params=look
    )


def _no_answer(held: ledger.Claim, trouble: Trouble, now: datetime) -> bool:
    delivery = held.delivery
    access.note_health(channel=delivery.channel, now=now, error=trouble.error)
    common: dict[str, Any] = {
        "now": now,
        "outcome": trouble.outcome,
        "code": trouble.code,
        "params": trouble.params,
    }
    since = delivery.first_commit_at or now
    finds = delivery.attempts.filter(step=Step.FIND, started_at__gte=since)
    refused = trouble.kind is Kind.PERMANENT and (
        finds.filter(outcome=str(Kind.PERMANENT)).count() + 1 >= MOST_REFUSALS
    )
    if refused or trouble.kind is Kind.RECONNECT or now >= since + ASK_FOR:
        return ledger.finish(held, target=S.NEEDS_PERSON, **common)
    wait = trouble.wait(now, finds.count())
    return ledger.finish(held, target=S.UNCERTAIN, next_try_at=now + wait, **common)


def _repeatable(delivery: Delivery, ready: Ready, last: Attempt, now: datetime) -> bool:
    """Is sending the very same request again certainly harmless, and not too late to be wanted?"""
    since = delivery.first_commit_at
    if since is None or ready.fingerprint != last.fingerprint or now > gate.deadline(delivery):
        return False
    if delivery.attempts.filter(step=Step.COMMIT, started_at__gte=since).count() > MOST_REPEATS:
        return False
    match ready.placement.once:
        case Once.KEY:
            return now < since + KEY_HONOURED
        case Once.PREPARE:
            expires = delivery.prepared_expires_at
            return bool(delivery.prepared) and (expires is None or now < expires)
    return False


def _ask_person(delivery: Delivery, now: datetime, code: str, **params: Any) -> bool:
    return ledger.move(delivery, target=S.NEEDS_PERSON, now=now, code=code, params=params)
