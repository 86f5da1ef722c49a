"""Making and changing initiatives. Briefs and targets are in :mod:`.briefing`, offered here as well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from spilno.briefs.briefing import (
    add_target,
    mark_ready,
    remove_target,
    reopen,
    save_brief,
    update_target,
)
from spilno.briefs.models import Brief, Initiative, InitiativeKind
from spilno.briefs.unset import UNSET, Unset
from spilno.kernel.errors import UserError
from spilno.team import audit
from spilno.team.models import Community, Person, Workspace
from spilno.team.permissions import Permission, require
from spilno.team.services import slug_for

__all__ = [
    "UNSET",
    "add_target",
    "archive",
    "create_initiative",
    "mark_ready",
    "remove_target",
    "reopen",
    "save_brief",
    "unarchive",
    "update_initiative",
    "update_target",
    "write_learned",
]

TITLE_LENGTH = 160
LEARNED_LENGTH = 5000
LONGEST_DAYS = 3 * 366
RESERVED = frozenset({"new"})  # addresses of pages beside the initiatives
_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


def create_initiative(
    *,
    workspace: Workspace,
    by: Person | None,
    now: datetime,
    kind: str,
    title: Mapping[str, str],
    starts_on: date,
    ends_on: date,
    community: Community | None = None,
    owner: Person | None = None,
    public_from: date | None = None,
    slug: str = "",
) -> Initiative:
    """A new initiative with its empty brief. Days are calendar days in the workspace's zone, both inclusive.

    ``title`` is a LocalText. Without ``slug`` a readable one is made from the title.

    :raises UserError: ``initiative_title_missing``, ``initiative_title_long``, ``unknown_initiative_kind``,
        ``ends_before_start``, ``initiative_too_long``, ``public_from_outside``, ``slug_wrong``,
        ``slug_taken``, ``unknown_community``, ``unknown_person``.
    """
    require(by, Permission.INITIATIVE_EDIT)
    texts = _titles(title)
    _check_kind(kind)
    _check_days(starts_on, ends_on, public_from)
    _check_ours(workspace, community=community, owner=owner)
    if slug and (len(slug) > 80 or slug in RESERVED or not _SLUG.fullmatch(slug)):
        raise UserError("slug_wrong", field="slug", slug=slug[:80])
    values: dict[str, Any] = {
        "workspace": workspace,
        "kind": kind,
        "title": texts,
        "community": community,
        "owner": owner or by,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "public_from": public_from,
        "created_at": now,
    }
    for _try in range(5):
        taken = {*RESERVED, *Initiative.objects.filter(workspace=workspace).values_list("slug", flat=True)}
        chosen = slug or slug_for(texts.get(workspace.language) or next(iter(texts.values())), taken=taken)
        try:
            with transaction.atomic():
                initiative = Initiative.objects.create(slug=chosen, **values)
                Brief.objects.create(workspace=workspace, initiative=initiative, updated_at=now)
                audit.record(
                    workspace=workspace, by=by, action="initiative.created", object_kind="initiative",
                    object_id=initiative.pk, now=now, initiative_id=initiative.pk,
                )  # fmt: skip
                return initiative
        except IntegrityError as error:
            # Somebody took the address between our look and our write; with a made one, make another.
            if slug:
                raise UserError("slug_taken", field="slug", slug=slug) from error
    raise UserError("slug_taken", field="slug", slug=chosen)


@transaction.atomic
def update_initiative(
    *,
    initiative: Initiative,
    by: Person | None,
    now: datetime,
    kind: str | Unset = UNSET,
    title: Mapping[str, str] | Unset = UNSET,
    starts_on: date | Unset = UNSET,
    ends_on: date | Unset = UNSET,
    public_from: date | Unset | None = UNSET,
    community: Community | Unset | None = UNSET,
    owner: Person | Unset | None = UNSET,
) -> Initiative:
    """Change what is named, leave the rest. The slug stays: links and imports rely on it.

    :raises UserError: as :func:`create_initiative`.
    """
    require(by, Permission.INITIATIVE_EDIT)
    current = (
        Initiative.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=initiative.pk)
    )
    wanted: dict[str, Any] = {
        name: value
        for name, value in {
            "kind": kind,
            "title": title if isinstance(title, Unset) else _titles(title),
            "starts_on": starts_on,
            "ends_on": ends_on,
            "public_from": public_from,
            "community": community,
            "owner": owner,
        }.items()
        if not isinstance(value, Unset)
    }
    changed = [name for name, value in wanted.items() if getattr(current, name) != value]
    if not changed:
        return current
    for name in changed:
        setattr(current, name, wanted[name])
    _check_kind(current.kind)
    _check_days(current.starts_on, current.ends_on, current.public_from)
    _check_ours(current.workspace, community=current.community, owner=current.owner)
    current.save(update_fields=changed)
    audit.record(
        workspace=current.workspace, by=by, action="initiative.changed", object_kind="initiative",
        object_id=current.pk, now=now, initiative_id=current.pk, fields=changed,
    )  # fmt: skip
    return current


@transaction.atomic
def archive(*, initiative: Initiative, by: Person | None, now: datetime) -> None:
    """Take it off the lists; everything stays and :func:`unarchive` brings it back. Twice is once."""
    require(by, Permission.INITIATIVE_EDIT)
    if Initiative.objects.filter(pk=initiative.pk, archived_at=None).update(archived_at=now):
        _note(initiative, by, now, "initiative.archived")


@transaction.atomic
def unarchive(*, initiative: Initiative, by: Person | None, now: datetime) -> None:
    """Bring an archived initiative back."""
    require(by, Permission.INITIATIVE_EDIT)
    if Initiative.objects.filter(pk=initiative.pk, archived_at__isnull=False).update(archived_at=None):
        _note(initiative, by, now, "initiative.unarchived")


@transaction.atomic
def write_learned(
    *, initiative: Initiative, by: Person | None, now: datetime, text: Mapping[str, str]
) -> Initiative:
    """What was learned, for the report and the next brief. ``text`` is a LocalText and replaces all of it.

    :raises UserError: ``text_too_long``.
    """
    require(by, Permission.INITIATIVE_EDIT)
    kept = {language: words.strip() for language, words in text.items() if words.strip()}
    if any(len(words) > LEARNED_LENGTH for words in kept.values()):
        raise UserError("text_too_long", field="learned", limit=LEARNED_LENGTH)
    current = Initiative.objects.select_for_update(of=("self",)).get(pk=initiative.pk)
    if current.learned != kept:
        current.learned = kept
        current.save(update_fields=["learned"])
        _note(current, by, now, "initiative.learned")
    return current


def _note(initiative: Initiative, by: Person | None, now: datetime, action: str) -> None:
    audit.record(
        workspace=initiative.workspace, by=by, action=action, object_kind="initiative",
        object_id=initiative.pk, now=now, initiative_id=initiative.pk,
    )  # fmt: skip


def _titles(title: Mapping[str, str]) -> dict[str, str]:
    texts = {language: " ".join(text.split()) for language, text in title.items() if text.strip()}
    if not texts:
        raise UserError("initiative_title_missing", field="title")
    if any(len(text) > TITLE_LENGTH for text in texts.values()):
        raise UserError("initiative_title_long", field="title", limit=TITLE_LENGTH)
    return texts


def _check_kind(kind: str) -> None:
    if kind not in InitiativeKind.values:
        raise UserError("unknown_initiative_kind", field="kind", kind=kind[:40])


def _check_days(starts_on: date, ends_on: date, public_from: date | None) -> None:
    if ends_on < starts_on:
        raise UserError("ends_before_start", field="ends_on")
    if (ends_on - starts_on).days > LONGEST_DAYS:
        raise UserError("initiative_too_long", field="ends_on")
    if public_from is not None and not starts_on <= public_from <= ends_on:
        raise UserError("public_from_outside", field="public_from")


def _check_ours(workspace: Workspace, *, community: Community | None, owner: Person | None) -> None:
    if community is not None and community.workspace_id != workspace.pk:
        raise UserError("unknown_community", field="community")
    if owner is not None and owner.workspace_id != workspace.pk:
        raise UserError("unknown_person", field="owner")
