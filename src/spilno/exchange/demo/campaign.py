"""The campaign that is alive: planned, posted, talked about, behind its target.

Everything is done by the services people's clicks call, each at the time it happened; networks are asked what they
would have answered then.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from spilno.briefs import services as briefs
from spilno.briefs.models import Brief, Initiative
from spilno.channels import access
from spilno.channels.models import Channel
from spilno.community import collect as listening
from spilno.community import services as community
from spilno.community.models import Message
from spilno.contingency import services as contingency
from spilno.exchange.demo import words
from spilno.exchange.demo.house import House
from spilno.exchange.demo.practice import Hands
from spilno.exchange.demo.words import Post, Visitors
from spilno.facts.models import SubjectKind
from spilno.facts.services import NewObservation, observe_many
from spilno.kernel import clock
from spilno.measurement import collect as measuring
from spilno.pages import services as pages
from spilno.pages.addresses import page_address
from spilno.pages.models import PublicPage, TrackedLink
from spilno.plan import queries as plan_queries
from spilno.plan import services as plan
from spilno.plan.models import Item, Media, Variant
from spilno.publishing import services as publishing
from spilno.publishing.models import Delivery
from spilno.toolkit.language import formats
from spilno.toolkit.language.transliteration import latin
from spilno.toolkit.networks.base import Reading, ReadsConversations, ReadsInsights
from spilno.toolkit.practice import Practice

SEATS = 60
EVENT_IN = 9  # days from today
EVENT_AT = time(18, 30)
BEGAN = -12
READ_AT = (0.5, 1, 2, 4, 8, 14, 24, 36, 48, 72, 96, 120, 168, 216)  # hours after a post
SETTLE = timedelta(minutes=3)  # until the practice networks' own process is surely up

_BROWSERS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
)


@dataclass(frozen=True)
class Guest:
    """Somebody who comes to the registration page. ``name`` is empty for who only looks."""

    at: datetime
    link: TrackedLink | None
    name: str = ""
    company: str = ""


class Campaign:
    """One campaign being played from its beginning until now."""

    def __init__(self, house: House, *, network: Practice, hands: Hands, now: datetime) -> None:
        self.house = house
        self.workspace = house.workspace
        self.network = network
        self.hands = hands
        self.now = now
        self.zone = ZoneInfo(self.workspace.time_zone)
        self.today = clock.local_day(now, self.workspace.time_zone)
        self.dice = random.Random("spilno-demo")  # noqa: S311 - the same demo every time
        self.event_at = self.moment(EVENT_IN, EVENT_AT)
        self.media: dict[str, Media] = {}
        self.out: list[tuple[Post, Variant, Delivery]] = []

    def play(self) -> None:
        """From the first word to now."""
        began = self.moment(BEGAN, time(11, 0))
        self.initiative = self.agree(began)
        self.page = self.open_page(began + timedelta(hours=2))
        for post in words.POSTS:
            self.write(post)
        self.keep_reserve(began + timedelta(hours=4))
        self.checkpoints(began + timedelta(hours=5))
        self.visitors()
        with access.client() as self.client:
            self.counters()
            self.voices()
        self.hands.at = self.now
        contingency.check_due(now=self.now)
        measuring.ask_again(initiative=self.initiative, now=self.now + SETTLE)
        self.next_initiative(self.moment(-2, time(15, 0)))

    # ------------------------------------------------------------------------------------------------ time

    def moment(self, day: int, at: time) -> datetime:
        """A wall-clock time some days from today; an hour that the clocks skip is the one after it."""
        wall = datetime.combine(self.today + timedelta(days=day), at, self.zone)
        return wall.astimezone(ZoneInfo("UTC"))

    def due(self, post: Post) -> datetime:
        """When the post goes out: a wall-clock time, or ``"+2"`` hours from the next full half hour."""
        if post.time.startswith("+"):
            half = self.now.replace(minute=0, second=0, microsecond=0) + timedelta(minutes=30)
            half += timedelta(minutes=30) if half <= self.now else timedelta()
            return half + timedelta(hours=float(post.time[1:]) - 0.5)
        due = self.moment(post.day, time.fromisoformat(post.time))
        if post.brought is not None and post.day == 0 and due > self.now - timedelta(minutes=45):
            return self.moment(-1, time(20, 30))  # early in the morning it went out last night
        return due

    def day(self, days: int) -> date:
        """A calendar day some days from today."""
        return self.today + timedelta(days=days)

    # ------------------------------------------------------------------------------------------- agreement

    def agree(self, at: datetime) -> Initiative:
        """The initiative, its brief with targets, agreed."""
        cm = self.house.cm
        initiative = briefs.create_initiative(
            workspace=self.workspace,
            by=cm,
            now=at,
            kind="event",
            title=words.EVENT,
            starts_on=self.day(BEGAN),
            public_from=self.day(-9),
            ends_on=self.day(EVENT_IN),
            community=self.house.community,
            owner=cm,
            slug="agile-after-work",
        )
        brief = self.fill(
            initiative.brief, at, task=words.TASK, audience=words.AUDIENCE, content_due=self.day(1)
        )
        group = self.house.channels["facebook-group"]
        for metric, value, channel in (
            ("registrations", Decimal(SEATS), None),
            ("visits", Decimal(350), None),
            ("members_growth", Decimal("0.03"), group),
        ):
            briefs.add_target(brief=brief, by=cm, now=at, metric=metric, value=value, channel=channel)
        briefs.mark_ready(brief=brief, by=cm, now=at + timedelta(hours=1))
        return initiative

    def fill(
        self,
        brief: Brief,
        at: datetime,
        *,
        task: words.Texts | None = None,
        audience: words.Texts | None = None,
        content_due: date | None = None,
    ) -> Brief:
        """Write a brief's words."""
        return briefs.save_brief(
            brief=brief,
            by=self.house.cm,
            now=at,
            expected_version=brief.version,
            task=task or {},
            audience=audience or {},
            content_due=content_due,
            budget=None,
            report_formats=["web", "pdf"],
        )

    def open_page(self, at: datetime) -> PublicPage:
        """Where people register."""
        return pages.create_page(
            initiative=self.initiative,
            by=self.house.cm,
            now=at,
            kind="registration",
            title=words.EVENT,
            body=words.BODY,
            place=words.PLACE,
            starts_at=self.event_at,
            ends_at=self.event_at + timedelta(hours=2, minutes=30),
            capacity=SEATS,
        )

    def checkpoints(self, at: datetime) -> None:
        """What to do if it does not go well, agreed on at the beginning."""
        actions = [{"publish": words.RESERVE}, {"remind": "facebook-group"}]
        for stage, moment, below in (
            ("Половина шляху", self.moment(-1, time(12, 0)), Decimal(30)),
            ("Останній тиждень", self.moment(5, time(10, 0)), Decimal(48)),
        ):
            contingency.add_checkpoint(
                initiative=self.initiative,
                by=self.house.cm,
                now=at,
                stage=stage,
                at=moment,
                metric="registrations",
                below=below,
                actions=actions,
            )

    # ----------------------------------------------------------------------------------------------- posts

    def write(self, post: Post) -> Item:
        """A post with its channels: out already, or scheduled."""
        due = self.due(post)
        written = min(due - timedelta(days=2, hours=3), self.now - timedelta(hours=2))
        item = self.item(post, written)
        is_out = post.brought is not None
        for target in post.channels:
            key, _, placement = target.partition(":")
            variant = plan.put_variant(
                item=item,
                channel=self.house.channels[key],
                by=self.house.smm,
                now=written,
                placement=placement or "post",
                publish_at=due,
            )
            pages.track_item(item=item, now=written)
            if is_out:
                self.out.append((post, variant, self.publish(variant, due)))
            else:
                publishing.schedule(variant=variant, due_at=due, by=self.house.smm, now=self.now)
        return item

    def item(self, post: Post, at: datetime, *, reserve: bool = False) -> Item:
        """The post's common text, link and picture."""
        by_group = post.channels == ("facebook-group",)
        return plan.create_item(
            workspace=self.workspace,
            by=self.house.cm if by_group else self.house.smm,
            now=at,
            key=post.key,
            title=post.title,
            text=post.text,
            link=page_address(self.page) if post.linked else "",
            initiative=self.initiative,
            reserve=reserve,
            media=[self.picture(post)] if post.picture else [],
        )

    def picture(self, post: Post) -> Media:
        """The post's picture, drawn."""
        when = formats.when(self.event_at, "uk", zone=self.zone, now=self.now)
        content = words.draw(post.picture, date=when, taken=23, of=SEATS)
        return plan.store_media(
            workspace=self.workspace,
            by=self.house.smm,
            now=self.now,
            name=f"{post.key}.jpg",
            content=io.BytesIO(content),
            alt=post.alt,
        )

    def publish(self, variant: Variant, at: datetime) -> Delivery:
        """A post of the past: on the practice network as it was, or posted by hand."""
        external_id = url = ""
        if variant.channel.practice:
            external_id, url = self.on_the_network(variant, at)
        return publishing.record_past(
            variant=variant,
            published_at=at,
            url=url,
            external_id=external_id,
            by=self.house.smm,
            now=self.now,
        )

    def on_the_network(self, variant: Variant, at: datetime) -> tuple[str, str]:
        """Put a post of the past onto the practice network; its id and address there."""
        state, net = self.network.state, access.network_of(variant.channel)
        account = next(
            one for one in state.data["accounts"].values() if one["id"] == variant.channel.external_id
        )
        post = plan_queries.outgoing(variant=variant, key=variant.pk.hex, now=self.now)
        kept = [state.add_picture(one.path.read_bytes())["id"] for one in post.media]
        made = state.add_post(
            account=account,
            kind="story" if post.placement == "story" else "post",
            text=net.sent_text(placement=post.placement, text=post.text, link=post.link, media=bool(kept)),
            pictures=tuple(kept),
            alt=" ".join(one.alt for one in post.media),
            published_at=at,
        )
        return made["id"], f"{self.network.url}/{account['network']}/{account['name']}/{made['id']}"

    def keep_reserve(self, at: datetime) -> None:
        """What leaves only if the plan calls for it, and an idea without a day."""
        item = self.item(words.RESERVE_POST, at, reserve=True)
        for key in words.RESERVE_POST.channels:
            plan.put_variant(item=item, channel=self.house.channels[key], by=self.house.smm, now=at)
        pages.track_item(item=item, now=at)
        self.item(words.IDEA, at)

    # -------------------------------------------------------------------------------------------- visitors

    def visitors(self) -> None:
        """Who came through which post, in the order of time; one of them cancelled."""
        people = iter(words.PEOPLE)
        for number, guest in enumerate(sorted(self.guests(people), key=lambda one: one.at)):
            origin = pages.Origin(guest.link)
            asker = pages.Asker(f"203.0.113.{number % 250}", _BROWSERS[number % len(_BROWSERS)])
            pages.visit(
                workspace=self.workspace,
                asker=asker,
                now=guest.at,
                subject=self.page.slug,
                initiative_id=self.initiative.pk,
                origin=origin,
            )
            if guest.name:
                entered = pages.register(
                    page=self.page,
                    now=min(guest.at + timedelta(minutes=2), self.now),
                    name=guest.name,
                    email=f"{latin(guest.name).lower().replace(' ', '.')}@example.org",
                    company=guest.company,
                    language="uk",
                    origin=origin,
                    mail=False,  # nobody of them exists
                )
                if guest.name == words.PEOPLE[-1][0]:
                    pages.cancel_registration(
                        entry=entered.entry, now=min(guest.at + timedelta(hours=5), self.now)
                    )

    def guests(self, people: Iterator[tuple[str, str]]) -> list[Guest]:
        """Everybody who came, at times that follow the post: most of them soon."""
        found: list[Guest] = []
        for post, variant, delivery in self.out:
            brought = (post.brought or {}).get(variant.channel.key, Visitors(0, 0))
            link = TrackedLink.objects.filter(variant=variant).first()
            assert delivery.published_at is not None
            for number in range(brought.visits):
                at = self.soon_after(delivery.published_at)
                name, company = next(people) if number < brought.entries else ("", "")
                found.append(Guest(at, link, name, company))
        began = self.moment(-8, time(9, 0))
        # The last of the list changes their mind: so many seats stay taken as there are people less one.
        found += [Guest(self.soon_after(began, days=4), None, name, company) for name, company in people]
        found += [Guest(self.soon_after(began, days=6), None) for _ in range(14)]
        return found

    def soon_after(self, start: datetime, *, days: float = 1.0) -> datetime:
        """A moment after ``start``, before now, rather sooner than later."""
        longest = max((self.now - start).total_seconds() - 600, 60)
        at = start + timedelta(seconds=min(self.dice.expovariate(1 / (days * 30_000)) + 40, longest))
        if (
            at.astimezone(self.zone).hour < 7
        ):  # people sleep: who would have come at night came in the evening before
            evening = at - timedelta(hours=9)
            at = max(start + timedelta(minutes=self.dice.randint(3, 50)), evening)
        return min(at, self.now - timedelta(minutes=5))

    # ------------------------------------------------------------------------------------- what comes back

    def counters(self) -> None:
        """What the networks would have told when asked since the posts came out, and the group by hand."""
        for _, variant, delivery in self.out:
            channel, at = variant.channel, delivery.published_at
            assert at is not None
            if not delivery.external_id:
                continue
            readings = []
            for hours in READ_AT:
                moment = at + timedelta(hours=hours)
                if moment > self.now:
                    break
                self.hands.at = moment
                readings += [(one, moment) for one in self.ask_post(channel, delivery)]
            self.note(SubjectKind.ITEM, variant, channel, readings)
        for key in ("instagram", "facebook-page"):
            channel = self.house.channels[key]
            readings = []
            for day in range(-35, 1):
                moment = min(self.moment(day, time(23, 55)), self.now)
                self.hands.at = moment
                readings += [(one, moment) for one in self.ask_account(channel)]
            self.note(SubjectKind.CHANNEL, channel, channel, readings)
        group = self.house.channels["facebook-group"]
        counted = [
            (Reading("members", Decimal(number)), self.moment(day, time(9, 0)))
            for day, number in (
                (-35, 1184),
                (-28, 1190),
                (-21, 1195),
                (-13, 1201),
                (-7, 1212),
                (-4, 1219),
                (-1, 1226),
            )
        ]
        self.note(SubjectKind.CHANNEL, group, group, counted, source="by-hand")
        self.hands.at = self.now

    def ask_post(self, channel: Channel, delivery: Delivery) -> list[Reading]:
        """A post's counters at the time the practice network believes it to be."""
        net = access.network_of(channel)
        assert isinstance(net, ReadsInsights)
        return list(
            net.post_readings(
                client=self.client,
                credentials=access.credentials_of(channel),
                external_id=delivery.external_id,
            )
        )

    def ask_account(self, channel: Channel) -> list[Reading]:
        """An account's counters at that time."""
        net = access.network_of(channel)
        assert isinstance(net, ReadsInsights)
        return list(net.account_readings(client=self.client, credentials=access.credentials_of(channel)))

    def note(
        self,
        kind: SubjectKind,
        subject: Variant | Channel,
        channel: Channel,
        readings: list[tuple[Reading, datetime]],
        source: str = "",
    ) -> None:
        """Keep readings under the moment they belong to."""
        observe_many(
            workspace=self.workspace,
            source=source or f"network:{channel.network}",
            observations=[
                NewObservation(kind, subject.pk, one.metric, one.value, moment) for one, moment in readings
            ],
            now=self.now,
        )

    def voices(self) -> None:
        """What people said under the posts; what is older than two and a half days is taken care of."""
        for _, variant, delivery in self.out:
            net = access.network_of(variant.channel)
            if not delivery.external_id or not isinstance(net, ReadsConversations):
                continue
            said = net.replies(
                client=self.client,
                credentials=access.credentials_of(variant.channel),
                external_id=delivery.external_id,
            )
            listening.take_in(delivery=delivery, said=said, now=self.now)
            listening.watch(delivery=delivery, next_at=self.now + SETTLE)
        old = Message.objects.filter(
            workspace=self.workspace, said_at__lt=self.now - timedelta(days=2, hours=12)
        )
        for number, message in enumerate(old.order_by("said_at")):
            by = self.house.cm if number % 3 == 0 else self.house.smm
            community.handle(message=message, by=by, now=message.said_at + timedelta(hours=3, minutes=number))

    # ------------------------------------------------------------------------------------------- what next

    def next_initiative(self, at: datetime) -> None:
        """One more initiative whose brief has no answer yet."""
        initiative = briefs.create_initiative(
            workspace=self.workspace,
            by=self.house.cm,
            now=at,
            kind="initiative",
            title=words.NEXT,
            starts_on=self.day(20),
            ends_on=self.day(62),
            community=self.house.mentors,
            owner=self.house.cm,
            slug="mentoring-spring",
        )
        self.fill(initiative.brief, at, audience=words.NEXT_AUDIENCE, content_due=self.day(16))
