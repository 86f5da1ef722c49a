"""Counting visits of public pages and short links, without cookies and without knowing anybody.

A visitor is a hash of address and browser with a salt that is made anew every day and deleted after two, so it
cannot be followed from day to day nor turned back. Two people behind one address with the same browser are one
visitor; one person with two devices is two. A new visit begins after 30 minutes of silence.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from spilno.facts import services as facts
from spilno.facts.models import Fact, Kind
from spilno.kernel.ids import new_id, new_token
from spilno.pages.models import Salt, TrackedLink, Visitor
from spilno.team.models import Workspace

SILENCE = timedelta(minutes=30)
KEPT = timedelta(days=2)

# What programs call themselves: crawlers, previews of links in messengers, monitors, libraries, automated browsers.
# (Cubot makes phones.)
_BOT = re.compile(
    r"(?<!\bcu)bot\b|crawl|spider|slurp|preview|facebookexternalhit|facebookcatalog|whatsapp|skypeuri|embedly"
    r"|vkshare|ia_archiver|mediapartners|lighthouse|pingdom|uptime|monitor|headless|phantomjs|scrapy|curl/|wget/"
    r"|python|httpx|aiohttp|okhttp|go-http|java/|libwww|axios|node-fetch|undici|postman|insomnia|feed|validator",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Asker:
    """Who asks for a page, as far as the request says. ``do_not_count``: Do Not Track or Global Privacy Control."""

    address: str
    browser: str
    do_not_count: bool = False
    ahead: bool = False  # fetched by the browser in advance; nobody has seen it


@dataclass(frozen=True)
class Origin:
    """Where somebody came from: a tracked link and what the address said about it."""

    link: TrackedLink | None = None
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""

    @property
    def channel_id(self) -> UUID | None:
        """The channel of the post that carried the link."""
        return self.link.variant.channel_id if self.link and self.link.variant else None

    @property
    def item_id(self) -> UUID | None:
        """The plan item whose post carried the link."""
        return self.link.variant.item_id if self.link and self.link.variant else None

    @property
    def utm(self) -> dict[str, str]:
        """What the address said; where it said nothing, what the link knows."""
        names = ("utm_source", "utm_medium", "utm_campaign")
        return {
            name: getattr(self, name) or (getattr(self.link, name) if self.link else "") for name in names
        }


def counts(asker: Asker) -> bool:
    """Is it a person who does not mind being counted?"""
    browser = asker.browser.strip()
    return bool(browser) and not (asker.do_not_count or asker.ahead or _BOT.search(browser))


def visit(
    *,
    workspace: Workspace,
    asker: Asker,
    now: datetime,
    subject: str,
    initiative_id: UUID | None = None,
    origin: Origin | None = None,
) -> Fact | None:
    """Record a visit, if it is one: not a bot, not refused, and not the same visit going on (then ``None``).

    :param subject: what was visited, e.g. the page's slug.
    """
    if not counts(asker):
        return None
    origin = origin or Origin()
    utm = origin.utm
    place = str(initiative_id or subject)[:64]
    who = _who(workspace, asker, _salt(now))
    with transaction.atomic():
        if not _begins(workspace, who, _who_yesterday(workspace, asker, now), place, now):
            return None
        return facts.record(
            workspace=workspace,
            kind=Kind.VISIT,
            occurred_at=now,
            now=now,
            source="page:visit",
            source_key=str(new_id()),
            initiative_id=initiative_id,
            channel_id=origin.channel_id,
            item_id=origin.item_id,
            subject=subject[:200],
            actor=f"visitor:{who}",
            utm_source=utm["utm_source"],
            utm_medium=utm["utm_medium"],
            utm_campaign=utm["utm_campaign"],
        )


def forget(*, now: datetime) -> int:
    """Delete salts and visitors that are not needed any more. Returns how many rows went."""
    salts, _ = Salt.objects.filter(day__lt=(now - KEPT).astimezone(UTC).date()).delete()
    visitors, _ = Visitor.objects.filter(last_seen_at__lt=now - KEPT).delete()
    return salts + visitors


def _begins(workspace: Workspace, who: str, who_yesterday: str, place: str, now: datetime) -> bool:
    """Note that the visitor was here; does a new visit begin? Two requests at once begin one."""
    seen = Visitor.objects.select_for_update().filter(workspace=workspace, place=place)
    row = seen.filter(who__in=[who, who_yesterday]).order_by("-last_seen_at").first()
    if row is not None and now - row.last_seen_at < SILENCE:
        if now > row.last_seen_at:
            row.last_seen_at = now
            row.save(update_fields=["last_seen_at"])
        return False
    if row is not None and row.who == who:
        row.last_seen_at = now
        row.save(update_fields=["last_seen_at"])
        return True
    try:
        with transaction.atomic():
            Visitor.objects.create(workspace=workspace, who=who, place=place, last_seen_at=now)
    except IntegrityError:  # the same visitor's other request was faster
        return False
    return True


def _who(workspace: Workspace, asker: Asker, salt: str) -> str:
    text = "\x1f".join((salt, str(workspace.pk), asker.address, asker.browser))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _who_yesterday(workspace: Workspace, asker: Asker, now: datetime) -> str:
    """Who they were before midnight, so that a visit going on at midnight stays one."""
    before = Salt.objects.filter(day=(now - timedelta(days=1)).astimezone(UTC).date()).first()
    return _who(workspace, asker, before.value) if before else ""


def _salt(now: datetime) -> str:
    row, _ = Salt.objects.get_or_create(day=now.astimezone(UTC).date(), defaults={"value": new_token(32)})
    return row.value
