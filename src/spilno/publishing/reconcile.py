"""Finding out what became of a request that got no trustworthy answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from spilno.kernel.errors import UserError
from spilno.publishing import gate, ledger
from spilno.publishing.calls import Call, ended
from spilno.publishing.ledger import Claim, End, Move, Take
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.outgoing import Ready, build
from spilno.publishing.speaking import Spoken, Trouble, converse
from spilno.publishing.states import DeliveryState
from spilno.toolkit.networks.base import Credentials, Finds, Kind, Once, Outgoing, Sighting, Verdict, can

S = DeliveryState

SETTLE = timedelta(seconds=30)
"""A network may still be working on a request whose connection broke: "not there" counts only after that long."""

KEY_HONOURED = timedelta(minutes=30)
"""How long networks certainly remember a key (Matrix servers forget after half an hour, Mastodon after one)."""

ASK_FOR = timedelta(minutes=30)
"""How long to go on asking a network that does not answer before a person is asked."""

MOST_REPEATS = 5

SOON = timedelta(seconds=5)
"""How often a delivery looks whether its pictures and videos are converted by now."""

MOST_REFUSALS = 3
"""How often a look-up may be refused before a person is asked: networks refuse for reasons that pass."""

Commit = Callable[[Delivery, Ready, datetime], Call]


def pause(delivery: Delivery) -> timedelta:
    """Before asking what became of a request: at once after the first, then longer and longer."""
    asked = delivery.attempts.filter(step__in=(Step.COMMIT, Step.FIND)).count()
    return (
        timedelta(0)
        if asked <= 1
        else min(timedelta(minutes=5), timedelta(seconds=5 * 2 ** min(asked - 1, 10)))
    )


def resolve(
    delivery: Delivery, composed: Outgoing | UserError, *, now: datetime, commit: Commit
) -> Move | Call:
    """Ask the network; repeat where that is harmless; else ask a person. Never send again blindly.

    :param delivery: with its attempts, read this moment.
    """
    attempts = sorted(delivery.attempts.all(), key=lambda one: one.number)
    last = next((one for one in reversed(attempts) if one.step == Step.COMMIT), None)
    if last is None or delivery.first_commit_at is None:  # cannot be; and if it is, nobody can tell
        return _ask_person(delivery, "cannot_tell")
    if not delivery.channel.is_active:
        return _ask_person(delivery, "channel_disconnected", name=delivery.channel.name)
    try:
        ready = build(delivery, composed)
    except UserError as error:
        if error.code == "media_not_ready" and now < delivery.first_commit_at + ASK_FOR:
            return Move(delivery, S.UNCERTAIN, now + SOON, delivery.error_code, delivery.error_params)
        return _ask_person(delivery, error.code, **error.params)
    except KeyError:
        return _ask_person(delivery, "unknown_placement", placement=delivery.variant.placement)
    told_nothing = (attempts[-1].step, attempts[-1].outcome) == (Step.FIND, str(Verdict.CANNOT_TELL))
    if can(ready.network, Finds) and not (told_nothing and _repeatable(delivery, ready, last, now)):
        return _find(delivery, ready, last)
    if _repeatable(delivery, ready, last, now):
        return commit(delivery, ready, now)
    return _ask_person(delivery, "cannot_tell")


def _find(delivery: Delivery, ready: Ready, last: Attempt) -> Call:
    network, since = ready.network, delivery.first_commit_at
    assert isinstance(network, Finds)
    assert since is not None

    def call(credentials: Credentials | None) -> Spoken[Sighting]:
        return converse(
            delivery.channel,
            lambda client, credentials: network.find(
                client=client,
                credentials=credentials,
                post=ready.post,
                prepared=ledger.prepared_of(delivery),
                not_before=since,
            ),
            credentials=credentials,
        )

    def judge(claim: Claim, spoken: Spoken[Sighting], at: datetime) -> End:
        if isinstance(spoken.value, Trouble):
            return _no_answer(claim, spoken.value, at)
        return _answered(claim, ready, last, spoken.value, at)

    return Call(Take(delivery, S.UNCERTAIN, Step.FIND, ready.fingerprint), call, judge)


def _answered(claim: Claim, ready: Ready, last: Attempt, sighting: Sighting, at: datetime) -> End:
    delivery, outcome = claim.delivery, str(sighting.verdict)
    if sighting.verdict is Verdict.FOUND and sighting.published is not None:
        return End(claim, at, outcome, published=sighting.published, answer=sighting.published.answer)
    same = ready.fingerprint == last.fingerprint
    if sighting.verdict is Verdict.ABSENT and same:
        if at < last.started_at + SETTLE:
            return End(
                claim, at, outcome, S.UNCERTAIN, code=delivery.error_code, params=delivery.error_params,
                next_try_at=last.started_at + SETTLE,
            )  # fmt: skip
        return End(claim, at, outcome, S.QUEUED, next_try_at=at, changes={"first_commit_at": None})
    if _repeatable(delivery, ready, last, at):
        # Not with this claim: the next step repeats the request, as a claim and an attempt of its own.
        return End(
            claim, at, outcome, S.UNCERTAIN, code=delivery.error_code, params=delivery.error_params,
            next_try_at=at,
        )  # fmt: skip
    look = {"look_at": sighting.look_at} if sighting.look_at else {}
    return End(claim, at, outcome, S.NEEDS_PERSON, code="cannot_tell", params=look)


def _no_answer(claim: Claim, trouble: Trouble, at: datetime) -> End:
    since = claim.delivery.first_commit_at or at
    finds = Attempt.objects.filter(delivery=claim.delivery, step=Step.FIND, started_at__gte=since)
    refused = trouble.kind is Kind.PERMANENT and (
        finds.filter(outcome=str(Kind.PERMANENT)).count() + 1 >= MOST_REFUSALS
    )
    if refused or trouble.kind is Kind.RECONNECT or at >= since + ASK_FOR:
        return ended(claim, at, trouble, S.NEEDS_PERSON)
    return ended(claim, at, trouble, S.UNCERTAIN, next_try_at=at + trouble.wait(at, finds.count()))


def _repeatable(delivery: Delivery, ready: Ready, last: Attempt, now: datetime) -> bool:
    """Is sending the very same request again certainly harmless, and not too late to be wanted?"""
    since = delivery.first_commit_at
    if since is None or ready.fingerprint != last.fingerprint or now > gate.deadline(delivery):
        return False
    commits = [one for one in delivery.attempts.all() if one.step == Step.COMMIT and one.started_at >= since]
    if len(commits) > MOST_REPEATS:
        return False
    match ready.placement.once:
        case Once.KEY:
            return now < since + KEY_HONOURED
        case Once.PREPARE:
            expires = delivery.prepared_expires_at
            return bool(delivery.prepared) and (expires is None or now < expires)
    return False


def _ask_person(delivery: Delivery, code: str, **params: Any) -> Move:
    return Move(delivery, S.NEEDS_PERSON, code=code, params=params)
