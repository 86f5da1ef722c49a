"""One run: schedule, let everything go wrong, let it settle, and count on the networks' side."""

from __future__ import annotations

import atexit
import contextlib
import io
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.chaos import house
from tests.chaos.faults import QUICK
from tests.chaos.places import EVERY, PRACTISED, Bluesky, Matrix, OfPractice, Place, practice

WARM_UP = 4.0
"""Seconds from the last scheduling to the first due moment, about."""

SETTLED_AFTER = 600.0
"""Seconds after which a run that does not settle is counted as it is."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How big a run is. ``small``: practice networks only, short leases, no silence of 20 seconds."""

    seconds: float = 300
    deliveries: int = 1_200
    kills: int = 240
    workers: int = 4
    accounts: int = 6  # of each network
    seed: str = "1"
    small: bool = False


@dataclass
class Outcome:
    """What was counted. ``figures`` is what build/chaos.json says."""

    figures: dict[str, int | float]
    faults: dict[str, Counter[str]]
    states: Counter[str]
    wrong_rows: list[str]
    by_network: dict[str, Counter[str]]
    restarts: int
    jumps: int
    telling: list[str] = field(default_factory=list)
    asked_in_vain: int = 0  # a person, although the network can tell

    @property
    def good(self) -> bool:
        """Everything once, nothing lost, nobody asked who need not be, and every row says what is true."""
        bad = ("duplicates", "lost")
        return not any(self.figures[one] for one in bad) and not self.wrong_rows and not self.asked_in_vain


@contextlib.contextmanager
def places(plan: Plan, kill: Callable[[int], bool]) -> Iterator[list[Place]]:
    """The networks, started."""
    with contextlib.ExitStack() as stack:
        found: list[Place] = []

        def add(place: Place) -> None:
            stack.callback(place.stop)
            found.append(place)

        server = practice(plan.seed)
        for one in PRACTISED:
            add(OfPractice(server, one, plan.seed, kill, QUICK if plan.small else EVERY))
        if not plan.small:
            add(Bluesky(plan.seed, kill))
            add(Matrix(plan.seed, kill))
        yield found


class Run:
    """See :func:`chaos`."""

    def __init__(self, plan: Plan, folder: Path, tell: Tell) -> None:
        self.plan, self.folder, self.tell = plan, folder, tell
        self.random = random.Random(f"{plan.seed} schedule")
        self.herd: house.Herd | None = None
        self.expected: dict[str, Any] = {}  # text → id of its delivery
        self.restarts = 0
        self.found: list[Place] = []

    def kill_at(self, port: int) -> bool:
        return self.herd is not None and self.herd.kill_at(port)

    def people(self) -> None:
        """The one who schedules, and a picture."""
        from PIL import Image

        from spilno.kernel import clock
        from spilno.plan import services as planning
        from spilno.team.models import Person, User
        from spilno.team.services import create_workspace

        now = clock.now()
        user = User.objects.create_user("chaos@example.org", "correct horse 42", name="Chaos")
        self.workspace = create_workspace(name="Chaos", owner=user, now=now)
        self.person = Person.objects.get(workspace=self.workspace, is_owner=True)
        into = io.BytesIO()
        Image.new("RGB", (640, 640), "teal").save(into, "JPEG")
        into.seek(0)
        self.picture = planning.store_media(
            workspace=self.workspace, by=self.person, now=now, name="photo.jpg", content=into, alt="A photo"
        )

    def connect(self, found: list[Place]) -> dict[str, list[tuple[Place, Any]]]:
        """``accounts`` channels on each network: with and without pictures are planned apart."""
        from spilno.channels import services as channels
        from spilno.kernel import clock

        connected: dict[str, list[tuple[Place, Any]]] = {}
        for place in found:
            least = -(-self.plan.deliveries // len(found) // place.most_posts)
            for number in range(max(self.plan.accounts, least)):
                channel = channels.connect(
                    workspace=self.workspace, by=self.person, now=clock.now(), network=place.network,
                    name=f"{place.network} {number}", purpose="brand", credentials=place.credentials(number),
                )  # fmt: skip
                connected.setdefault(place.network, []).append((place, channel))
        return connected

    def schedule(self, connected: dict[str, list[tuple[Place, Any]]]) -> None:
        """Spread over the run, one in eight in a burst with others of the same second."""
        from spilno.kernel import clock
        from spilno.plan.services import Draft, VariantDraft
        from spilno.publishing import composition

        networks = list(connected)
        allowance = 0.02 * self.plan.deliveries + WARM_UP
        begin = clock.now() + timedelta(seconds=allowance)
        moments = [self.random.uniform(0, self.plan.seconds * 0.95) for _ in range(self.plan.deliveries)]
        bursts = [self.random.uniform(0, self.plan.seconds * 0.95) for _ in range(5)]
        moments = [self.random.choice(bursts) if self.random.random() < 0.125 else one for one in moments]
        self.begin = begin
        for number, moment in enumerate(sorted(moments)):
            # Round the networks, then round their accounts.
            place, channel = connected[networks[number % len(networks)]][
                number // len(networks) % len(connected[networks[number % len(networks)]])
            ]
            text = f"Ярмарок книг, №{number} · {self.random.getrandbits(40):010x}"
            pictured = self.random.random() < place.pictures
            draft = Draft(
                text=text,
                media=[self.picture] if pictured else [],
                variants=[
                    VariantDraft(channel, place.placement, publish_at=begin + timedelta(seconds=moment))
                ],
            )
            item = composition.save(
                workspace=self.workspace, draft=draft, by=self.person, now=clock.now(),
                action=composition.Action.SCHEDULE,
            )  # fmt: skip
            self.expected[text] = item.variants.get().delivery.pk

    def storm(self, found: list[Place]) -> None:
        """Faults and kills until the time is over; PostgreSQL goes twice, once as by a power cut."""
        from spilno.kernel import clock

        assert self.herd is not None
        herd, plan = self.herd, self.plan
        herd.fill()
        if (wait := (self.begin - clock.now()).total_seconds()) > 0:
            time.sleep(wait)
        for place in found:
            place.proxy.dice.calm = False
        began = time.monotonic()
        restarts = [] if plan.small else [(plan.seconds * 0.35, False), (plan.seconds * 0.7, True)]
        said = 0.0
        while (passed := time.monotonic() - began) < plan.seconds:
            # Those who die at the proxy count too: random kills make up what is missing.
            if herd.kills < plan.kills * passed / plan.seconds:
                herd.kill_one()
            herd.fill()
            if restarts and passed > restarts[0][0]:
                house.restart_postgres(self.folder, crash=restarts.pop(0)[1])
                self.restarts += 1
            if passed - said > 30:
                said = passed
                self.tell(f"{passed:.0f} s: {herd.kills} kills, {self.faults()} faults")
            time.sleep(self.random.uniform(0.02, 0.2))
        while herd.kills < plan.kills:  # a busy machine may be behind
            herd.kill_one()
            herd.fill()
            time.sleep(0.1)
        for place in found:
            place.proxy.dice.calm = True
            if isinstance(place, OfPractice):
                place.practice.faults.clear()

    def faults(self) -> int:
        return sum(sum(one.proxy.dice.happened.values()) for one in self.found)

    def settle(self) -> None:
        """No more faults, no more kills: until nothing is under way."""
        from django.db import connection

        from spilno.publishing.models import Delivery
        from spilno.publishing.states import DeliveryState as S

        assert self.herd is not None
        under_way = (S.QUEUED, S.PREPARING, S.PREPARED, S.COMMITTING, S.UNCERTAIN, S.WAITING)
        connection.close()  # PostgreSQL was started anew since
        began = said = time.monotonic()
        while (left := Delivery.objects.filter(state__in=under_way).count()) and (
            time.monotonic() - began < SETTLED_AFTER
        ):
            self.herd.fill()
            if time.monotonic() - said > 30:
                said = time.monotonic()
                self.tell(f"settling: {left} under way")
            time.sleep(0.25)

    def count(self, seconds: float) -> Outcome:
        """What people see on the networks, against what was scheduled and what the rows say."""
        from spilno.publishing.models import Delivery
        from spilno.publishing.states import DeliveryState as S

        seen: Counter[str] = Counter()
        by_network: dict[str, Counter[str]] = {}
        for place in self.found:
            texts = Counter(place.texts())
            seen.update(texts)
            by_network[place.network] = Counter(
                posts=sum(texts.values()), twice=sum(one - 1 for one in texts.values()),
                faults=sum(place.proxy.dice.happened.values()),
            )  # fmt: skip
        rows = dict(Delivery.objects.values_list("pk", "state"))
        lost, wrong = 0, []
        for text, delivery in self.expected.items():
            state, is_out = rows[delivery], bool(seen[text])
            if not is_out and state not in (S.MISSED, S.NEEDS_PERSON):
                lost += 1
            if is_out != (state == S.PUBLISHED) and state != S.NEEDS_PERSON:
                wrong.append(f"{text}: {'is' if is_out else 'is not'} out, its row says {state} ({delivery})")
        strangers = sum(count for text, count in seen.items() if text not in self.expected)
        states = Counter(rows.values())
        assert self.herd is not None
        figures: dict[str, int | float] = {
            "deliveries": len(self.expected),
            "kills": self.herd.kills,
            "faults": self.faults(),
            "published": sum(1 for one in self.expected if seen[one]),
            "duplicates": sum(max(0, seen[one] - 1) for one in self.expected) + strangers,
            "lost": lost,
            "missed": states[S.MISSED],
            "needs_person": states[S.NEEDS_PERSON],
            "seconds": round(seconds, 1),
        }
        faults = {one.network: one.proxy.dice.happened for one in self.found}
        can_tell = [one.network for one in self.found if one.tells]
        asked = Delivery.objects.filter(state=S.NEEDS_PERSON, channel__network__in=can_tell).count()
        return Outcome(
            figures, faults, states, wrong, by_network, self.restarts, self.herd.jumps, self._stories(), asked
        )

    def _stories(self) -> list[str]:
        """The way of deliveries that did not end well, for whoever has to find out why."""
        from spilno.publishing.models import Delivery
        from spilno.publishing.states import DeliveryState as S

        told = []
        silent = [one.network for one in self.found if not one.tells]
        expected = Delivery.objects.filter(state=S.NEEDS_PERSON, channel__network__in=silent)
        ended_badly = Delivery.objects.exclude(state=S.PUBLISHED).exclude(pk__in=expected)
        for one in ended_badly.select_related("channel")[:20]:
            steps = " → ".join(
                f"{step} {outcome or '…'} {code}".strip()
                for step, outcome, code in one.attempts.values_list("step", "outcome", "code")
            )
            told.append(
                f"{one.channel.name} {one.pk}: {one.state} {one.error_code} {one.error_params} | {steps}"
            )
        return told


def chaos(plan: Plan, folder: Path, tell: Tell) -> Outcome:
    """The whole run, in ``folder``. Loads Django into this process."""
    began = time.monotonic()
    house.prepare(folder)
    atexit.register(house.stop_postgres, folder)
    run = Run(plan, folder, tell)
    run.people()
    with contextlib.ExitStack() as stack:
        run.found = found = stack.enter_context(places(plan, run.kill_at))
        server = house.web(folder)
        stack.callback(server.stop)
        connected = run.connect(found)
        tell(
            f"{sum(len(one) for one in connected.values())} channels; scheduling {plan.deliveries} deliveries"
        )
        run.schedule(connected)
        run.herd = house.Herd(
            plan.workers, f"{plan.seed} herd", folder / "workers.log", most_skew=0 if plan.small else 40,
            order={"lease": 6.0, "settle": 2.0} if plan.small else {},
        )  # fmt: skip
        try:
            tell(f"{plan.workers} workers for {plan.seconds:.0f} s, {plan.kills} kills")
            run.storm(found)
            tell("calm: no more kills and faults")
            run.settle()
        finally:
            run.herd.stop()
        return run.count(time.monotonic() - began)
