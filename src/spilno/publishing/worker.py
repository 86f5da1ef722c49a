"""The worker process: a due loop that lets posts leave on the second, and the job queue.

Any number of these may run. The loop sleeps until the next delivery is due, or until somebody shouts
(:func:`spilno.publishing.waking.shout`), and gives every channel with due work a lane of its own, so that a slow
network holds up nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from asgiref.sync import sync_to_async
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    InterfaceError,
    close_old_connections,
    connection,
    connections,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from procrastinate.app import App
from procrastinate.contrib.django import app as django_app
from procrastinate.contrib.django.utils import connector_params

from spilno.kernel import clock
from spilno.publishing import engine, ledger, waking

log = logging.getLogger(__name__)

LANES = 8
JOBS_AT_ONCE = 4
LONGEST_SLEEP = timedelta(seconds=20)
LISTEN_FOR = 0.25
"""Seconds between two looks at whether to stop or whether a lane became free; no question to the database."""

PATIENCE = timedelta(seconds=3)
"""A channel that another worker has for longer, perhaps because the network hangs, is worked on beside it."""

BLOCKED = timedelta(milliseconds=200)
"""What is due and cannot move (its predecessor is still on its way) is looked at again so soon."""


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


@contextlib.contextmanager
def _alone(channel: UUID) -> Iterator[bool]:
    """Are we the only worker on this channel? Saves work, nothing else: claims alone decide who sends what."""
    key = channel.int & (1 << 63) - 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        (locked,) = cursor.fetchone()
    try:
        yield locked
    finally:
        if locked:
            # A connection that broke has let go of it already.
            with contextlib.suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


class DueLoop:
    """Lets deliveries leave when they are due."""

    def __init__(self, name: str, stop: threading.Event) -> None:
        self._name = name
        self._stop = stop
        self._lanes: dict[UUID, Future[int]] = {}
        self._ears: psycopg.Connection[Any] | None = None
        self._connections: list[BaseDatabaseWrapper] = []
        self._resting: dict[UUID, datetime] = {}
        self._refused: dict[UUID, datetime] = {}  # since when another worker has the channel

    def run(self) -> None:
        """Until ``stop`` is set; then until the lanes are empty."""
        with ThreadPoolExecutor(LANES, thread_name_prefix="lane") as pool:
            while not self._stop.is_set():
                try:
                    self._listen()
                    self._wait(self._dispatch(pool))
                except (DatabaseError, InterfaceError, psycopg.Error) as error:
                    log.warning("The database does not answer (%s); trying again", type(error).__name__)
                    self._deaf()
                    connection.close()
                    self._stop.wait(1)
        for one in self._connections:
            one.close()
        self._deaf()
        connection.close()

    def _dispatch(self, pool: ThreadPoolExecutor) -> datetime:
        """Give every channel with due work a lane; returns when to look again."""
        close_old_connections()
        now = clock.now()
        self._collect(now)
        due = engine.due_channels(now=now)
        # In any order: several workers that all began with the same channel would only be in each other's way.
        random.shuffle(due)
        for channel in due:
            if channel not in self._lanes and channel not in self._resting and len(self._lanes) < LANES:
                self._lanes[channel] = pool.submit(self._lane, channel)
        following = engine.next_due()
        if following is None:
            return now + LONGEST_SLEEP
        if following <= now:  # at work, or waiting for its turn
            return now + BLOCKED
        return min(following, now + LONGEST_SLEEP)

    def _collect(self, now: datetime) -> None:
        """Empty the lanes that are done. Where nothing could move, another worker is at it: that channel rests."""
        self._resting = {channel: until for channel, until in self._resting.items() if until > now}
        for channel, future in list(self._lanes.items()):
            if future.done():
                del self._lanes[channel]
                if (error := future.exception()) is not None:
                    log.error("Lane of channel %s: %s", channel, type(error).__name__, exc_info=error)
                if error is not None or not future.result():
                    self._resting[channel] = now + BLOCKED

    def _lane(self, channel: UUID) -> int:
        self._remember_connection()
        close_old_connections()
        with _alone(channel) as alone:
            if alone:
                self._refused.pop(channel, None)
            elif clock.now() - self._refused.setdefault(channel, clock.now()) < PATIENCE:
                return 0
            return engine.run_channel(
                channel_id=channel, worker=self._name, clock=clock.now, stopping=self._stop.is_set
            )

    def _remember_connection(self) -> None:
        """A lane's thread keeps its connection for the next channel; at the end we close it from here."""
        mine = connections[DEFAULT_DB_ALIAS]
        if mine not in self._connections:
            mine.inc_thread_sharing()
            self._connections.append(mine)

    def _wait(self, until: datetime) -> None:
        """Until the time has come, somebody shouts, a lane is done, or ``stop`` is set."""
        assert self._ears is not None
        while not self._stop.is_set():
            left = (until - clock.now()).total_seconds()
            if left <= 0 or any(one.done() for one in self._lanes.values()):
                return
            for _ in self._ears.notifies(timeout=min(left, LISTEN_FOR), stop_after=1):
                return

    def _listen(self) -> None:
        if self._ears is None or self._ears.closed:
            self._ears = psycopg.connect(**connector_params(), autocommit=True)
            self._ears.execute(f"LISTEN {waking.CHANNEL}")

    def _deaf(self) -> None:
        if self._ears is not None:
            self._ears.close()
            self._ears = None
