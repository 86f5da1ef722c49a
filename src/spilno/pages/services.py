"""Making public pages, and what visitors do there: register, cancel, leave a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db import IntegrityError, connection, transaction

from spilno.briefs.models import Initiative
from spilno.facts import services as facts
from spilno.facts.models import Kind
from spilno.kernel.errors import UserError
from spilno.kernel.ids import new_token
from spilno.kernel.texts import LANGUAGES
from spilno.pages.addresses import page_address
from spilno.pages.links import track_item, tracked_link
from spilno.pages.models import Entry, PageKind, PublicPage
from spilno.pages.queries import Door, door, seats_taken, without_link
from spilno.pages.visits import Asker, Origin, counts, forget, visit
from spilno.team import audit
from spilno.team.models import Person
from spilno.team.permissions import Permission, require
from spilno.team.services import slug_for

__all__ = [
    "Asker", "Entered", "Origin", "cancel_registration", "counts", "create_page", "forget", "leave_lead", "register",
    "set_open", "track_item", "track_page", "tracked_link", "update_page", "visit",
]  # fmt: skip

TITLE_LENGTH = 160
BODY_LENGTH = 5000
PLACE_LENGTH = 300
LARGEST_CAPACITY = 100_000
MAIL_AGAIN = timedelta(minutes=10)
"""Who registers again is sent the confirmation again, but nobody's mailbox can be filled that way."""

_SAME: Any = object()


# ------------------------------------------------------------------------------------------------ pages


@transaction.atomic
def create_page(
    *,
    initiative: Initiative,
    by: Person | None,
    now: datetime,
    kind: str,
    title: Mapping[str, str] | None = None,
    body: Mapping[str, str] | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    place: Mapping[str, str] | None = None,
    capacity: int | None = None,
    slug: str = "",
) -> PublicPage:
    """A public page of an initiative, open from now on. Texts are LocalTexts; without ``title`` the initiative's.

    :param starts_at: aware; a registration page needs it.
    :param capacity: seats; ``None``: no limit.
    :param slug: unique in the installation; made from the initiative's if empty.
    :raises UserError: ``unknown_page_kind``, ``page_title_missing``, ``page_text_long``, ``event_start_missing``,
        ``event_ends_before_start``, ``capacity_wrong``, ``page_slug_taken``.
    """
    require(by, Permission.PAGE_EDIT)
    if kind not in PageKind.values:
        raise UserError("unknown_page_kind", field="kind", kind=kind[:40])
    page = PublicPage(
        workspace=initiative.workspace,
        initiative=initiative,
        kind=kind,
        title=dict(title or initiative.title),
        body=dict(body or {}),
        starts_at=starts_at,
        ends_at=ends_at,
        place=dict(place or {}),
        capacity=capacity,
        created_at=now,
    )
    _check(page)
    if slug:
        page.slug = slug
        if not _saved(page):
            raise UserError("page_slug_taken", field="slug", slug=slug[:80])
    else:
        _save_with_free_slug(page)
    _note(page, by, now, "page.created")
    return page


@transaction.atomic
def update_page(
    *,
    page: PublicPage,
    by: Person | None,
    now: datetime,
    title: Mapping[str, str] = _SAME,
    body: Mapping[str, str] = _SAME,
    starts_at: datetime | None = _SAME,
    ends_at: datetime | None = _SAME,
    place: Mapping[str, str] = _SAME,
    capacity: int | None = _SAME,
) -> PublicPage:
    """Change what is named. Fewer seats than are taken is allowed: nobody is thrown out.

    :raises UserError: as :func:`create_page`.
    """
    require(by, Permission.PAGE_EDIT)
    current = PublicPage.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=page.pk)
    wanted = {
        "title": title, "body": body, "starts_at": starts_at, "ends_at": ends_at, "place": place, "capacity": capacity,
    }  # fmt: skip
    changed = [
        name for name, value in wanted.items() if value is not _SAME and getattr(current, name) != value
    ]
    if not changed:
        return current
    for name in changed:
        value = wanted[name]
        setattr(current, name, dict(value) if isinstance(value, Mapping) else value)
    _check(current)
    current.save(update_fields=changed)
    _note(current, by, now, "page.changed", fields=changed)
    return current


@transaction.atomic
def set_open(*, page: PublicPage, by: Person | None, now: datetime, is_open: bool) -> None:
    """Open or close the page for new entries. Saying it twice is no error."""
    require(by, Permission.PAGE_EDIT)
    if PublicPage.objects.filter(pk=page.pk).exclude(is_open=is_open).update(is_open=is_open):
        _note(page, by, now, "page.opened" if is_open else "page.closed")


@transaction.atomic
def track_page(*, page: PublicPage, by: Person | None, now: datetime) -> int:
    """A short link to the page for every post of the initiative that has none. Returns how many were made."""
    require(by, Permission.PLAN_EDIT)
    variants = list(without_link(page))
    for variant in variants:
        tracked_link(target=page_address(page), variant=variant, now=now)
    return len(variants)


# ------------------------------------------------------------------------------------------------ visitors


@dataclass(frozen=True)
class Entered:
    """What entering gave. ``new`` is false if this address was there already; nothing was changed then."""

    entry: Entry
    new: bool


def register(
    *,
    page: PublicPage,
    now: datetime,
    name: str,
    email: str,
    company: str = "",
    language: str = "uk",
    origin: Origin | None = None,
    mail: bool = True,
) -> Entered:
    """Register somebody for the event: one seat per e-mail address, never more seats than there are.

    Who is registered already gets the confirmation again and loses nothing, also when the event is full.

    :param mail: send the confirmation (after the transaction).
    :raises UserError: ``name_missing``, ``email_wrong``, ``page_closed``, ``page_full``, ``event_over``.
    """
    given = _given(name=name, email=email, company=company)
    with transaction.atomic():
        # Everybody who wants a seat stands in one line here.
        page = PublicPage.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=page.pk)
        entry = Entry.objects.filter(page=page, email=given["email"]).select_related("page").first()
        if entry is not None and entry.cancelled_at is None:
            if mail and (entry.mailed_at is None or entry.mailed_at < now - MAIL_AGAIN):
                _mail(entry, now)
            return Entered(entry, new=False)
        _through(page, now)
        entry = _enter(page, entry, given, language, origin or Origin(), now)
        _record(entry, Kind.REGISTRATION, now)
        if mail:
            _mail(entry, now)
    return Entered(entry, new=True)


@transaction.atomic
def cancel_registration(*, entry: Entry, now: datetime) -> bool:
    """Give the seat back. Returns whether that changed anything."""
    if not Entry.objects.filter(pk=entry.pk, cancelled_at=None).update(cancelled_at=now, mail_due_at=None):
        return False
    entry = Entry.objects.select_related("page", "workspace", "link__variant").get(pk=entry.pk)
    _record(entry, Kind.REGISTRATION_CANCELLED, now)
    return True


def leave_lead(
    *,
    page: PublicPage,
    now: datetime,
    name: str,
    email: str,
    company: str = "",
    note: str = "",
    language: str = "uk",
    origin: Origin | None = None,
) -> Entered:
    """A request left on a lead form. A second one from the same address is added to the first: one lead, no loss.

    :raises UserError: ``name_missing``, ``email_wrong``, ``page_closed``.
    """
    given = _given(name=name, email=email, company=company)
    note = note.strip()[:2000]
    with transaction.atomic():
        page = PublicPage.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=page.pk)
        entry = Entry.objects.filter(page=page, email=given["email"]).select_related("page").first()
        if entry is not None:
            if note and note not in entry.note:
                entry.note = f"{entry.note}\n\n{note}".strip()[-2000:]
                entry.save(update_fields=["note"])
            return Entered(entry, new=False)
        _through(page, now)
        entry = _enter(page, None, given | {"note": note}, language, origin or Origin(), now)
        _record(entry, Kind.LEAD, now)
    return Entered(entry, new=True)


# ------------------------------------------------------------------------------------------------ inside


def _given(*, name: str, email: str, company: str) -> dict[str, str]:
    name, email = " ".join(name.split())[:120], email.strip().lower()
    if not name:
        raise UserError("name_missing", field="name")
    try:
        EmailValidator()(email)
    except ValidationError:
        raise UserError("email_wrong", field="email") from None
    if len(email) > 254:
        raise UserError("email_wrong", field="email")
    return {"name": name, "email": email, "company": " ".join(company.split())[:120]}


def _through(page: PublicPage, now: datetime) -> None:
    state = door(page, now=now, taken=seats_taken(page) if page.capacity is not None else 0)
    if state is not Door.OPEN:
        raise UserError({Door.CLOSED: "page_closed", Door.FULL: "page_full", Door.OVER: "event_over"}[state])


def _enter(
    page: PublicPage,
    entry: Entry | None,
    given: Mapping[str, str],
    language: str,
    origin: Origin,
    now: datetime,
) -> Entry:
    """A new entry, or the one of somebody who comes back after cancelling."""
    if entry is None:
        entry = Entry(workspace=page.workspace, page=page, token=new_token())
        entry.actor = _actor(page, given["email"])
    for name, value in {**given, **origin.utm}.items():
        setattr(entry, name, value[:200])
    entry.link = origin.link
    entry.language = language if language in LANGUAGES else page.workspace.language
    entry.created_at, entry.cancelled_at, entry.mailed_at = now, None, None
    entry.save()
    return entry


def _actor(page: PublicPage, email: str) -> str:
    """The key under which facts know this person: the same on all pages of a workspace, and made of nothing.

    Once the entries are erased, nothing leads from the facts back to the address.
    """
    with connection.cursor() as cursor:  # the same person on two pages at once is one person
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"actor:{page.workspace_id}:{email}"]
        )
    known = Entry.objects.filter(workspace_id=page.workspace_id, email=email).values_list("actor", flat=True)
    return known.first() or f"person:{new_token(12)}"


def _record(entry: Entry, kind: Kind, now: datetime) -> None:
    variant = entry.link.variant if entry.link else None
    facts.record(
        workspace=entry.workspace,
        kind=kind,
        occurred_at=now,
        now=now,
        source=f"page:{entry.page.kind}",
        # Who comes back after cancelling registers anew: the time makes it another fact.
        source_key=f"{entry.pk}:{int(entry.created_at.timestamp() * 1000)}",
        initiative_id=entry.page.initiative_id,
        channel_id=variant.channel_id if variant else None,
        item_id=variant.item_id if variant else None,
        subject=entry.page.slug,
        actor=entry.actor,
        utm_source=entry.utm_source,
        utm_medium=entry.utm_medium,
        utm_campaign=entry.utm_campaign,
    )


def _mail(entry: Entry, now: datetime) -> None:
    """The row says that a mail is due; the job only wakes somebody up."""
    from spilno.pages.jobs import send_confirmations  # jobs call services

    Entry.objects.filter(pk=entry.pk).update(mail_due_at=now)
    send_confirmations.defer()


def _check(page: PublicPage) -> None:
    for field, limit in (("title", TITLE_LENGTH), ("body", BODY_LENGTH), ("place", PLACE_LENGTH)):
        texts = {key: text.strip() for key, text in getattr(page, field).items() if text.strip()}
        if any(len(text) > limit for text in texts.values()):
            raise UserError("page_text_long", field=field, limit=limit)
        setattr(page, field, texts)
    if not page.title:
        raise UserError("page_title_missing", field="title")
    if page.kind == PageKind.REGISTRATION and page.starts_at is None:
        raise UserError("event_start_missing", field="starts_at")
    if page.ends_at is not None and (page.starts_at is None or page.ends_at <= page.starts_at):
        raise UserError("event_ends_before_start", field="ends_at")
    if page.capacity is not None and not 1 <= page.capacity <= LARGEST_CAPACITY:
        raise UserError("capacity_wrong", field="capacity", largest=LARGEST_CAPACITY)


def _save_with_free_slug(page: PublicPage) -> None:
    wanted = page.initiative.slug if page.kind == PageKind.REGISTRATION else f"{page.initiative.slug}-lead"
    page.slug = slug_for(wanted, taken=_taken(wanted), longest=70)
    while not _saved(page):
        page.slug = slug_for(f"{wanted[:60]}-{new_token(4)}", longest=70)


def _taken(wanted: str) -> list[str]:
    return list(PublicPage.objects.filter(slug__startswith=wanted[:40]).values_list("slug", flat=True))


def _saved(page: PublicPage) -> bool:
    try:
        with transaction.atomic():
            page.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def _note(page: PublicPage, by: Person | None, now: datetime, action: str, **detail: Any) -> None:
    audit.record(
        workspace=page.workspace, by=by, action=action, object_kind="page", object_id=page.pk, now=now,
        initiative_id=page.initiative_id, slug=page.slug, **detail,
    )  # fmt: skip
