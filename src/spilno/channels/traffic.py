"""May posts leave now? Limits and outages of networks, shared by all workers on all machines.

The caller asks :func:`permits` before posts leave and tells :func:`note` what came of it. Every limit is one row
(``RateUse``): what is used of a declared limit, what the network said is left, and until when it said to wait. Every
server of a network has a :mod:`circuit <spilno.channels.circuits>`. Both functions take whole batches, cost a
constant number of statements, and hold rows for as long as their own short transaction lasts: call them outside of
others.

A permit is taken from the limit when it is given. What a worker took and never used (it died) comes back when the
limit's span is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from spilno.channels import circuits, rates
from spilno.channels.rates import Rate
from spilno.channels.scopes import Scope, scopes_of
from spilno.channels.windows import Want, shares
from spilno.kernel.http import Heard
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Counts, Kind, Network, NetworkError, Per, Quota, RatePolicy

RATE_LIMITED = "rate_limited_ahead"
OUTAGE = "network_outage"

USUAL_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True)
class Wanted:
    """How many posts of each placement shall leave a channel now, and how many files are to be handed over.

    ``due_at``: when the first of them was due; who is due earlier is served earlier.
    """

    placements: Mapping[str, int]
    uploads: int = 0
    due_at: datetime | None = None

    @property
    def posts(self) -> int:
        return sum(self.placements.values())


@dataclass(frozen=True)
class Permit:
    """How many posts may leave now. ``wait_until``: before then the others need not ask again.

    ``code`` (``""``, :data:`RATE_LIMITED` or :data:`OUTAGE`) and JSON-able ``params`` say why to a person.
    ``placements`` tells which of the posts, should a limit count only some placements; ``granted`` is their sum.
    ``uploads``: may files be handed over?
    """

    granted: int
    wait_until: datetime | None
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    placements: Mapping[str, int] = field(default_factory=dict)
    uploads: bool = True


@dataclass(frozen=True)
class Seen:
    """What came of speaking to a network once.

    :param requests: how many requests it took; ``uploads``: how many files were handed over.
    :param permitted: how many of the requests were taken already by a permit (one for each post that left).
    :param what: which piece of work it was (a delivery's id): one that makes a server stumble again and again does
        not count as an outage. Empty: a piece of its own.
    """

    channel_id: UUID
    network: str
    ok: bool
    error: NetworkError | None
    quotas: tuple[Quota, ...] = ()
    requests: int = 1
    uploads: int = 0
    permitted: int = 0
    what: str = ""


def quotas_of(network: Network, heard: Heard) -> tuple[Quota, ...]:
    """What the headers of all answers said about limits; of each limit the last word."""
    found: dict[tuple[str, Per], Quota] = {}
    for headers in heard.headers:
        for one in network.quotas(headers):
            found[one.key, one.per] = one
    return tuple(found.values())


def permits(*, wanted: Mapping[UUID, Wanted], now: datetime) -> dict[UUID, Permit]:
    """Which posts may leave now, by channel.

    In the mapping's order where nothing else decides. Of a limit that several channels share and that does not
    suffice for all, workspaces and channels get one in turn, those due earlier first; whoever was refused before
    keeps a turn.
    """
    scopes = scopes_of(wanted.keys(), now=now)
    found: dict[UUID, Permit] = {}
    outages = circuits.blocked(
        [scopes[one] for one in wanted if one in scopes and wanted[one].posts], now=now
    )
    asking: dict[UUID, _Asking] = {}
    for one, want in wanted.items():
        scope = scopes.get(one)
        if scope is None:  # no such channel: nothing is known against it
            found[one] = Permit(want.posts, None, "", {}, dict(want.placements))
            continue
        outage = outages.get(one)
        most = want.posts if outage is None else outage.granted
        asking[one] = _Asking(scope, want, now, most)
    if asking:
        _grant(asking, now)
    for one, state in asking.items():
        outage = outages.get(one)
        if outage is not None and state.granted >= outage.granted:
            found[one] = Permit(
                state.granted, outage.wait_until, OUTAGE, outage.params, state.given, bool(outage.granted)
            )
        else:
            found[one] = state.permit(now)
    return found


class _Asking:
    """One channel on its way through all limits that concern it."""

    def __init__(self, scope: Scope, want: Wanted, now: datetime, most: int) -> None:
        self.scope = scope
        self.want = want
        self.due = want.due_at or now
        self.given = dict(want.placements)
        self.uploads = True
        self.wait: datetime | None = None
        if most < self.granted:
            self.cut((), self.granted - most)

    @property
    def granted(self) -> int:
        return sum(self.given.values())

    def concerned(self, placements: tuple[str, ...]) -> int:
        """How many of its posts a limit on these placements counts."""
        return sum(count for key, count in self.given.items() if not placements or key in placements)

    def cut(self, placements: tuple[str, ...], less: int) -> None:
        """Take ``less`` posts back, the last named placements first."""
        for key in reversed(list(self.given)):
            if placements and key not in placements:
                continue
            taken = min(less, self.given[key])
            self.given[key] -= taken
            less -= taken

    def waits(self, until: datetime) -> None:
        self.wait = until if self.wait is None else max(self.wait, until)

    def permit(self, now: datetime) -> Permit:
        if self.wait is None:
            return Permit(self.granted, None, "", {}, self.given, self.uploads)
        until = min(max(self.wait, now + timedelta(seconds=1)), now + LONGEST_WAIT)
        return Permit(
            self.granted, until, RATE_LIMITED, {"until": until.isoformat()}, self.given, self.uploads
        )


# What asks for a limit: the rate's row, the declared policy if there is one, and who is concerned.
_Line = tuple[Rate, RatePolicy | None, list[_Asking]]


def _grant(asking: Mapping[UUID, _Asking], now: datetime) -> None:
    """Cut what was asked for down to what the limits allow, and take it from them."""
    wanted = rates.wanted_rows([state.scope for state in asking.values()])
    if not wanted.declared and not rates.any_told(wanted):
        return
    with rates.holding(wanted, now=now) as held:
        lines = _lines(held, asking)
        refused = [one for line in lines for one in _cut(line, now)]
        for line in lines:
            _take(line, now)
        for one in refused:
            one.tell(now)


@dataclass(frozen=True)
class _Refused:
    """A channel that a limit did not let through in full.

    ``want``: what is left of its wish (``None``: files); ``rank``: how many uses have to come free before its next.
    """

    rate: Rate
    state: _Asking
    want: Want | None
    rank: int

    def tell(self, now: datetime) -> None:
        self.state.waits(self.rate.room_at(now, wanted=self.rank))
        if self.want is not None and self.rate.scope != Per.CHANNEL:
            self.rate.enqueue(self.state.scope.channel_id, self.want, now)


def _lines(held: Iterable[Rate], asking: Mapping[UUID, _Asking]) -> list[_Line]:
    """Limits of single channels first: what those do not let through shall not be taken from what many share."""
    by_scope: dict[tuple[str, str, str], list[_Asking]] = {}
    for state in asking.values():
        for per in Per:
            by_scope.setdefault((state.scope.network, per, state.scope.id_of(per)), []).append(state)
    found = [
        (rate, rate.policy, by_scope.get((rate.network, rate.scope, rate.scope_id), [])) for rate in held
    ]
    return sorted(found, key=lambda line: (line[0].scope != Per.CHANNEL, line[0].pk))


def _cut(line: _Line, now: datetime) -> list[_Refused]:
    rate, policy, concerned = line
    refused: list[_Refused] = []
    if rate.counts == Counts.UPLOAD:
        for state in concerned:
            if state.want.uploads and rate.room(now) < min(state.want.uploads, rate.most):
                state.uploads = False
                refused.append(_Refused(rate, state, None, state.want.uploads))
        return refused
    placements = policy.placements if policy is not None else ()
    queue = rate.queued(now)
    newcomer = min((one.had for one in queue.values()), default=0)
    wants: dict[UUID, Want] = {}
    for state in concerned:
        channel = state.scope.channel_id
        if count := state.concerned(placements):
            before = queue.pop(channel, None)
            due, had = (state.due, newcomer) if before is None else (min(before.due, state.due), before.had)
            wants[channel] = Want(state.scope.workspace_id, due, count, had)
    given = shares(rate.room(now), [*wants.items(), *queue.items()])
    kept = sum(given[one] for one in queue)  # for those who have not come back yet
    for state in concerned:
        want = wants.get(state.scope.channel_id)
        if want is None:
            continue
        granted = given[state.scope.channel_id]
        if granted < want.count:
            state.cut(placements, want.count - granted)
            rest = Want(want.group, want.due, want.count - granted, want.had + granted)
            refused.append(_Refused(rate, state, rest, kept + len(refused) + 1))
        else:
            rate.dequeue(state.scope.channel_id)
    return refused


def _take(line: _Line, now: datetime) -> None:
    rate, policy, concerned = line
    if rate.counts == Counts.UPLOAD:  # counted when they were made
        return
    placements = policy.placements if policy is not None else ()
    if uses := sum(one.concerned(placements) for one in concerned):
        rate.take(uses, now)


# ------------------------------------------------------------------------------------------------ what was seen


def note(*, seen: Sequence[Seen], now: datetime) -> None:
    """Remember what networks said and did. Call it after every request to a network, best for many at once."""
    if not seen:
        return
    scopes = scopes_of({one.channel_id for one in seen}, now=now)
    known = [(one, scopes[one.channel_id]) for one in seen if one.channel_id in scopes]
    circuits.note([(scope, one.what, one.ok, one.error) for one, scope in known], now=now)
    telling = [(one, scope) for one, scope in known if _tells(one)]
    if not telling:
        return
    wanted = rates.wanted_rows([scope for _, scope in telling])
    for one, scope in telling:
        for quota in one.quotas:
            wanted.also(scope.network, quota.per, scope.id_of(quota.per), quota.key, quota.counts)
        if _limited(one.error):
            per = _whose(scope.network, one.error)
            wanted.also(scope.network, per, scope.id_of(per), rates.TOLD_TO_WAIT, Counts.REQUEST)
    if not wanted:
        return
    with rates.holding(wanted, now=now) as held:
        by_key = {(rate.network, rate.scope, rate.scope_id, rate.key): rate for rate in held}
        for one, scope in telling:
            _note_one(one, scope, by_key, now)


def _tells(one: Seen) -> bool:
    return bool(one.quotas or one.uploads or one.requests != one.permitted or _limited(one.error))


def _note_one(
    one: Seen, scope: Scope, by_key: Mapping[tuple[str, str, str, str], Rate], now: datetime
) -> None:
    more = {Counts.REQUEST: one.requests - one.permitted, Counts.UPLOAD: one.uploads}
    net = registry.all_networks().get(scope.network)
    for policy in net.rates if net else ():
        if uses := more.get(policy.counts):
            by_key[scope.network, policy.per, scope.id_of(policy.per), policy.key].take(uses, now, told=False)
    for quota in one.quotas:
        by_key[scope.network, quota.per, scope.id_of(quota.per), quota.key].told(quota, now)
    if one.error is not None and _limited(one.error):
        per = _whose(scope.network, one.error)
        rate = by_key[scope.network, per, scope.id_of(per), rates.TOLD_TO_WAIT]
        rate.close(now + _wait_of(one.error, now))


def _limited(error: NetworkError | None) -> bool:
    """Did the network refuse because of a limit? (It also says "wait" while it works on a picture.)"""
    if error is None or error.kind is not Kind.WAIT:
        return False
    return error.code == "rate_limited" or error.status in (420, 429, 503)


def _whose(network: str, error: NetworkError | None) -> Per:
    """Whose limit was hit: as the network's file says, else what all its declared limits have in common."""
    said = error.params.get("per") if error is not None else None
    if said in set(Per):
        return Per(said)
    net = registry.all_networks().get(network)
    declared = {one.per for one in net.rates if one.counts is not Counts.UPLOAD} if net else set()
    return declared.pop() if len(declared) == 1 else Per.CHANNEL


def _wait_of(error: NetworkError, now: datetime) -> timedelta:
    seconds = error.params.get("seconds")
    wait = USUAL_WAIT
    if isinstance(seconds, int | float):
        wait = timedelta(seconds=min(max(0.0, float(seconds)), LONGEST_WAIT.total_seconds()))
    elif error.retry_at is not None:
        wait = error.retry_at - now
    return min(max(wait, timedelta(0)), LONGEST_WAIT)
