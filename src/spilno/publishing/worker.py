"""The worker process: a due loop that lets posts leave on the second, and the job queue.

Any number of these may run. The loop sleeps until the next delivery is due, or until somebody shouts
(:func:`spilno.publishing.waking.shout`). It alone asks the database; what it has claimed speaks to its network in
threads, and answers that arrived while it was at work are noted together.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from procrastinate.app import App
from procrastinate.contrib.django import app as django_app
from procrastinate.contrib.django.utils import connector_params

from spilno.kernel import clock
from spilno.publishing import backlog, engine, ledger, waking
from spilno.publishing.backlog import Backlog
from spilno.publishing.calls import Call
from spilno.publishing.crew import NAMED, Crew
from spilno.publishing.ledger import Claim, End
from spilno.publishing.speaking import Spoken
from spilno.toolkit.networks.base import Credentials

log = logging.getLogger(__name__)

THREADS = 128
"""At most so many requests under way, with those that hang."""

BATCH = 64
"""So many deliveries at most begin in one transaction."""

JOBS_AT_ONCE = 4
LONGEST_SLEEP = timedelta(seconds=20)
LISTEN_FOR = 0.25
"""Seconds between two looks at whether to stop; no question to the database."""

READ_AGAIN = 0.05
"""Seconds at least between two readings of all that is due; ten times as long as a reading takes, if that is more."""

LOOK_ROUND = 1.0
"""Seconds between two looks at which other workers there are, and whether their channels get on."""

BROKEN = timedelta(seconds=30)
"""A delivery for which no step can be found is looked at again after so long."""

AGAIN = 0.5
GIVE_UP = 20.0
"""Seconds between two tries to reach a database that is gone, and how long one who is asked to stop goes on trying."""


def run(*, worker_name: str, stop: threading.Event) -> None:
    """Do due work until ``stop`` is set. What is on its way is finished first.

    :param worker_name: who this is, in the attempts' records.
    :raises Exception: if one of the parts cannot go on; the process should be started again then.
    """
    name = f"{worker_name}-{secrets.token_hex(3)}"
    failed: list[BaseException] = []

    def guarded(part: Callable[[], None]) -> Callable[[], None]:
        def call() -> None:
            try:
                part()
            except BaseException as error:
                failed.append(error)
                stop.set()
            finally:
                connection.close()

        return call

    finished = threading.Event()
    jobs = threading.Thread(target=guarded(lambda: _run_jobs(name, stop)), name="jobs")
    leases = threading.Thread(target=guarded(lambda: _renew_leases(finished)), name="leases")
    jobs.start()
    leases.start()
    try:
        DueLoop(name, stop).run()
    finally:
        stop.set()
        jobs.join()
        finished.set()  # not before: what is on its way keeps its lease until it has arrived
        leases.join()
    if failed:
        raise failed[0]


def _renew_leases(finished: threading.Event) -> None:
    while not finished.wait(ledger.LEASE.total_seconds() / 4):
        try:
            ledger.renew(clock.now())
        except (DatabaseError, InterfaceError) as error:
            log.warning("The leases could not be renewed (%s)", type(error).__name__)
            connection.close()


def _run_jobs(name: str, stop: threading.Event) -> None:
    asyncio.run(_jobs(name, stop))


async def _jobs(name: str, stop: threading.Event) -> None:
    connector = django_app.connector.get_worker_connector()  # type: ignore[attr-defined]
    # An App of its own that shares the tasks: tasks which enqueue others go on doing so through Django's
    # connection, in Django's transaction.
    jobs = App(connector=connector, worker_defaults=django_app.worker_defaults)
    jobs.tasks, jobs.periodic_registry = django_app.tasks, django_app.periodic_registry
    middleware = [*(django_app.worker_defaults or {}).get("task_middleware", []), _close_connection]
    async with jobs.open_async():
        worker = asyncio.create_task(
            jobs.run_worker_async(
                name=name,
                concurrency=JOBS_AT_ONCE,
                install_signal_handlers=False,
                delete_jobs="successful",
                shutdown_graceful_timeout=20,
                task_middleware=middleware,
            )
        )
        while not stop.is_set() and not worker.done():
            await asyncio.sleep(LISTEN_FOR)
        if not worker.done():
            worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
    # Periodic jobs are enqueued through Django, in the thread that asgiref keeps for that.
    await sync_to_async(lambda: connection.close())()  # looked up there, not here


def _close_connection(call_next: Callable[[], Any], context: Any, worker: Any) -> Any:
    try:
        return call_next()
    finally:
        connection.close()


# ------------------------------------------------------------------------------------------------ the due loop


@dataclass(frozen=True)
class Arrived:
    """What a call brought; an ``error`` is a bug of ours, the network's own are within ``spoken``."""

    call: Call
    claim: Claim
    at: datetime
    spoken: Spoken[Any] | None
    error: BaseException | None = None


class Bell:
    """Wakes the loop out of its sleep, from any thread."""

    def __init__(self) -> None:
        self.ear, self._mouth = os.pipe()
        os.set_blocking(self.ear, False)
        os.set_blocking(self._mouth, False)

    def ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # it is ringing already
            os.write(self._mouth, b"!")

    def heard(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.ear, 4096)

    def close(self) -> None:
        os.close(self.ear)
        os.close(self._mouth)


class DueLoop:
    """Lets deliveries leave when they are due."""

    def __init__(self, name: str, stop: threading.Event) -> None:
        self._name = name
        self._stop = stop
        self._bell = Bell()
        self._ears: psycopg.Connection[Any] | None = None
        self._listens_as = f"{NAMED} {secrets.token_hex(6)}"
        self._crew = Crew(self._listens_as)
        self._backlog = Backlog()
        self._arrived: deque[Arrived] = deque()
        self._unnoted: list[End] = []
        self._shouted = True
        self._known_until: datetime | None = None  # what is due until then is in memory
        self._next: datetime | None = None  # when something after that is due
        self._looked = self._not_before = (
            0.0  # monotonic: when all that is due was read; when it may be read again
        )
        self._more = False

    def run(self) -> None:
        """Until ``stop`` is set; then until nothing is under way."""
        gone = 0.0
        with ThreadPoolExecutor(THREADS, thread_name_prefix="call") as pool:
            while not self._stop.is_set() or self._backlog.flights:
                try:
                    self._note()
                    if not self._stop.is_set():
                        self._listen()
                        self._look()
                        self._begin(pool)
                    self._wait()
                    gone = 0.0
                except (DatabaseError, InterfaceError, psycopg.Error) as error:
                    log.warning("The database does not answer (%s); trying again", type(error).__name__)
                    self._deaf()
                    connection.close()
                    gone += AGAIN
                    if self._stop.is_set() and gone > GIVE_UP:
                        break  # leases run out, and the next worker finds out
                    time.sleep(AGAIN)
        self._deaf()
        self._bell.close()
        connection.close()

    # -------------------------------------------------------------------------------------------- answers

    def _note(self) -> None:
        """Note all answers that are there, in one transaction."""
        while self._arrived:
            one = self._arrived[0]
            try:
                if one.spoken is None:
                    raise RuntimeError("the call itself failed") from one.error
                self._unnoted.append(one.call.judged(one.claim, one.spoken, one.at))
            except (DatabaseError, InterfaceError):
                raise
            except Exception:  # its lease runs out, and somebody finds out what became of it
                log.exception("No answer for delivery %s", one.claim.delivery.pk)
                self._done(one.claim)
            self._arrived.popleft()
        if not self._unnoted:
            return
        try:
            engine.finish(self._unnoted)
        except (OperationalError, InterfaceError):  # the database is gone: they are kept until it is back
            raise
        except DatabaseError as error:  # one that cannot be written shall not keep the others
            log.error("%s while noting %s answers: one by one", type(error).__name__, len(self._unnoted))
            connection.close()
            for end in self._unnoted:
                self._note_alone(end)
        for end in self._unnoted:
            self._done(end.claim, end.target, end.next_try_at)
        self._unnoted.clear()

    def _note_alone(self, end: End) -> None:
        try:
            engine.finish([end])
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError:
            log.exception("The answer for delivery %s cannot be noted", end.claim.delivery.pk)

    def _done(self, claim: Claim, state: str = "", again: datetime | None = None) -> None:
        ledger.let_go(claim)
        self._goes_on(claim.delivery.pk, state, again)

    def _goes_on(self, pk: UUID, state: str, again: datetime | None) -> None:
        """It is not under way any more. When it has to be looked at again, somebody will."""
        due = self._backlog.landed(pk)
        if again is None:
            return
        if self._known_until is not None and again <= self._known_until:
            self._backlog.add(replace(due, state=state, at=again))
        elif self._next is None or again < self._next:
            self._next = again

    # -------------------------------------------------------------------------------------------- what is due

    def _look(self) -> None:
        """Read what is due, if there may be something that is not in memory."""
        beat, now = time.monotonic(), clock.now()
        if beat < self._not_before or not self._has_to_look(beat, now):
            return
        self._shouted = False
        until = now + backlog.AHEAD
        rows = backlog.read(now=now, until=until)
        if rows:
            self._crew.meet()
        self._backlog.fill(rows, now=now)
        following = backlog.next_after(until)
        self._known_until = until
        self._next = min(one for one in (following, now + LONGEST_SLEEP) if one is not None)
        self._looked = time.monotonic()
        self._not_before = self._looked + max(READ_AGAIN, 10 * (self._looked - beat))

    def _has_to_look(self, beat: float, now: datetime) -> bool:
        if self._shouted or self._next is None or now >= self._next:
            return True
        waiting = len(self._backlog)
        if self._backlog.cut and waiting < backlog.MOST_READ // 2:
            return True
        # Others' channels, and what was refused: they get on, or they need us.
        return waiting > 0 and beat - self._looked > LOOK_ROUND

    def _begin(self, pool: ThreadPoolExecutor) -> None:
        """Claim whose turn it is, and let them speak."""
        room = min(BATCH, THREADS - len(self._backlog.flights))
        now = clock.now()
        passed = [one for one in self._backlog.channels if not self._mine(one)]
        rows = self._backlog.take(now=now, most=room, passed=passed) if room > 0 else []
        self._more = 0 < room == len(rows)
        if not rows:
            return
        left = {one.pk for one in rows}
        try:
            begun = engine.begin(
                engine.load([one.pk for one in rows], now=now), now=now, worker=self._name
            )  # fmt: skip
            for call, claim, credentials in begun.calls:
                ledger.hold(claim)
                left.discard(claim.delivery.pk)
                self._backlog.airborne(claim.delivery.pk, now)
                pool.submit(self._speak, call, claim, credentials)
            for pk, (state, again) in begun.moved.items():
                left.discard(pk)
                self._goes_on(pk, state, again)
            for pk in begun.broken:
                left.discard(pk)
                self._backlog.rest(pk, until=now + BROKEN)
            for pk in begun.refused:
                left.discard(pk)
                self._backlog.refused(pk, now=now)
        finally:
            for pk in left:  # not due any more; or the database is gone
                self._backlog.landed(pk)

    def _mine(self, channel: UUID) -> bool:
        return self._crew.is_ours(channel) or self._backlog.stands(channel)

    def _speak(self, call: Call, claim: Claim, credentials: Credentials | None) -> None:
        """In a thread."""
        spoken: Spoken[Any] | None = None
        error: BaseException | None = None
        try:
            spoken = call.speak(credentials)
        except BaseException as raised:
            error = raised
        finally:
            if connection.connection is not None:
                connection.close()
            self._arrived.append(Arrived(call, claim, clock.now(), spoken, error))
            self._bell.ring()

    # -------------------------------------------------------------------------------------------- waiting

    def _wait(self) -> None:
        """Until something may have to be done, at most for a moment: then it is looked whether to stop."""
        if self._arrived or (self._more and not self._stop.is_set()):
            return
        listening: list[Any] = [self._bell.ear]
        if self._ears is not None:
            listening.append(self._ears)
        woken, _, _ = select.select(listening, [], [], self._pause())
        if self._bell.ear in woken:
            self._bell.heard()
        if self._ears is not None:
            for _ in self._ears.notifies(timeout=0):
                self._shouted = True

    def _pause(self) -> float:
        now, beat = clock.now(), time.monotonic()
        pause = LISTEN_FOR
        moments = (self._backlog.next_at(now=now), self._next)
        for moment in moments:
            if moment is not None:
                pause = min(pause, (moment - now).total_seconds())
        if pause <= 0 or self._has_to_look(beat, now):
            pause = self._not_before - beat
        return max(0.0, min(pause, LISTEN_FOR))

    def _listen(self) -> None:
        if self._ears is None or self._ears.closed:
            self._ears = psycopg.connect(
                **{**connector_params(), "application_name": self._listens_as}, autocommit=True
            )
            self._ears.execute(f"LISTEN {waking.CHANNEL}")
            self._shouted = True  # whatever was said while nobody listened

    def _deaf(self) -> None:
        if self._ears is not None:
            self._ears.close()
            self._ears = None
