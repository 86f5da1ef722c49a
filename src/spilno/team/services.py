"""Making workspaces, people, departments and communities; invitations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.text import slugify

from spilno.kernel.errors import UserError
from spilno.kernel.ids import hash_token, new_id, new_token
from spilno.team import audit
from spilno.team.models import (
    Community,
    CommunityKind,
    Department,
    Invitation,
    Person,
    Role,
    User,
    Workspace,
    default_business_hours,
)
from spilno.team.permissions import Permission, require
from spilno.toolkit.language.transliteration import latin

DEPARTMENTS: dict[str, dict[str, str]] = {
    "marketing": {"uk": "Маркетинг", "en": "Marketing", "ru": "Маркетинг"},
    "sales": {"uk": "Продажі", "en": "Sales", "ru": "Продажи"},
    "support": {"uk": "Підтримка клієнтів", "en": "Customer support", "ru": "Поддержка клиентов"},
    "product": {"uk": "Управління продуктом", "en": "Product management", "ru": "Управление продуктом"},
}

INVITATION_LIFE = timedelta(days=14)


def slug_for(text: str, *, taken: Iterable[str] = (), longest: int = 60) -> str:
    """A readable address part for a text in any of our languages, different from all ``taken``."""
    base = slugify(latin(text))[:longest].strip("-") or "x" + new_id().hex[-6:]
    used, slug, number = set(taken), base, 2
    while slug in used:
        slug = f"{base[: longest - 4]}-{number}"
        number += 1
    return slug


@transaction.atomic
def create_workspace(
    *,
    name: str,
    now: datetime,
    owner: User | None = None,
    slug: str = "",
    market: str = "b2b",
    language: str = "uk",
    time_zone: str = "Europe/Kyiv",
    currency: str = "UAH",
    business_hours: Mapping[str, list[str]] | None = None,
    is_demo: bool = False,
) -> Workspace:
    """A workspace with the four departments of the field; ``owner`` becomes its first person with all permissions.

    :raises UserError: ``workspace_name_missing``, ``unknown_time_zone``, ``slug_taken``.
    """
    if not name.strip():
        raise UserError("workspace_name_missing", field="name")
    if time_zone not in available_timezones():
        raise UserError("unknown_time_zone", field="time_zone", time_zone=time_zone)
    if slug and Workspace.objects.filter(slug=slug).exists():
        raise UserError("slug_taken", field="slug", slug=slug)
    workspace = Workspace.objects.create(
        slug=slug or slug_for(name, taken=Workspace.objects.values_list("slug", flat=True)),
        name=name.strip(),
        market=market,
        language=language,
        time_zone=str(ZoneInfo(time_zone)),
        currency=currency,
        business_hours=dict(business_hours or default_business_hours()),
        is_demo=is_demo,
        created_at=now,
    )
    Department.objects.bulk_create(
        Department(workspace=workspace, key=key, name=names) for key, names in DEPARTMENTS.items()
    )
    if owner is not None:
        Person.objects.create(
            workspace=workspace,
            user=owner,
            key=slug_for(owner.name or owner.email.partition("@")[0]),
            name=owner.name or owner.email,
            roles=[Role.COMMUNITY_MANAGER, Role.SMM_MANAGER],
            is_owner=True,
        )
    audit.record(
        workspace=workspace, by=None, action="workspace.created", object_kind="workspace",
        object_id=workspace.pk, now=now,
    )  # fmt: skip
    return workspace


@transaction.atomic
def add_person(
    *,
    workspace: Workspace,
    name: str,
    roles: Iterable[str],
    by: Person | None,
    now: datetime,
    key: str = "",
    department: str = "",
    user: User | None = None,
    is_owner: bool = False,
) -> Person:
    """Somebody who works in the workspace, with or without a login.

    :raises UserError: ``unknown_role``, ``unknown_department``, ``person_key_taken``.
    """
    require(by, Permission.TEAM_MANAGE)
    chosen = list(dict.fromkeys(roles))
    if unknown := [one for one in chosen if one not in Role.values]:
        raise UserError("unknown_role", field="roles", role=unknown[0])
    people = Person.objects.filter(workspace=workspace)
    if key and people.filter(key=key).exists():
        raise UserError("person_key_taken", field="key", key=key)
    person = Person.objects.create(
        workspace=workspace,
        user=user,
        key=key or slug_for(name, taken=people.values_list("key", flat=True)),
        name=name.strip(),
        roles=chosen,
        department=department_of(workspace=workspace, key=department) if department else None,
        is_owner=is_owner,
    )
    audit.record(
        workspace=workspace, by=by, action="person.added", object_kind="person", object_id=person.pk, now=now,
        name=person.name,
    )  # fmt: skip
    return person


def department_of(*, workspace: Workspace, key: str) -> Department:
    """:raises UserError: ``unknown_department``."""
    found = Department.objects.filter(workspace=workspace, key=key).first()
    if found is None:
        raise UserError("unknown_department", field="department", department=key)
    return found


@transaction.atomic
def create_community(
    *,
    workspace: Workspace,
    name: Mapping[str, str],
    by: Person | None,
    now: datetime,
    kind: str = CommunityKind.PRACTICE,
    key: str = "",
    owner: Person | None = None,
    description: Mapping[str, str] | None = None,
) -> Community:
    """:raises UserError: ``community_name_missing``."""
    require(by, Permission.INITIATIVE_EDIT)
    texts = {language: text for language, text in name.items() if text.strip()}
    if not texts:
        raise UserError("community_name_missing", field="name")
    taken = Community.objects.filter(workspace=workspace).values_list("key", flat=True)
    community = Community.objects.create(
        workspace=workspace,
        key=key or slug_for(next(iter(texts.values())), taken=taken),
        name=texts,
        kind=kind,
        owner=owner,
        description=dict(description or {}),
    )
    audit.record(
        workspace=workspace, by=by, action="community.created", object_kind="community",
        object_id=community.pk, now=now,
    )  # fmt: skip
    return community


@transaction.atomic
def invite(
    *,
    workspace: Workspace,
    by: Person,
    now: datetime,
    roles: Iterable[str] = (),
    department: Department | None = None,
    person: Person | None = None,
    email: str = "",
) -> tuple[Invitation, str]:
    """An invitation and its token, which is shown once and not kept. ``person``: give a login to somebody known.

    :raises UserError: ``unknown_role``, ``roles_missing``.
    """
    require(by, Permission.TEAM_MANAGE)
    chosen = list(dict.fromkeys(roles)) or (list(person.roles) if person else [])
    if not chosen:
        raise UserError("roles_missing", field="roles")
    if unknown := [one for one in chosen if one not in Role.values]:
        raise UserError("unknown_role", field="roles", role=unknown[0])
    token = new_token()
    invitation = Invitation.objects.create(
        workspace=workspace,
        token_hash=hash_token(token),
        roles=chosen,
        department=department,
        person=person,
        email=email.strip().lower(),
        created_by=by,
        created_at=now,
        expires_at=now + INVITATION_LIFE,
    )
    audit.record(
        workspace=workspace, by=by, action="invitation.created", object_kind="invitation",
        object_id=invitation.pk, now=now, roles=chosen,
    )  # fmt: skip
    return invitation, token


def open_invitation(*, token: str, now: datetime) -> Invitation:
    """:raises UserError: ``invitation_unknown``, ``invitation_over`` (used, revoked or expired)."""
    found = (
        Invitation.objects.select_related("workspace", "person", "department", "created_by")
        .filter(token_hash=hash_token(token))
        .first()
    )
    if found is None:
        raise UserError("invitation_unknown")
    if found.accepted_at or found.revoked_at or found.expires_at <= now:
        raise UserError("invitation_over")
    return found


@transaction.atomic
def accept_invitation(*, token: str, user: User, now: datetime) -> Person:
    """Join the workspace. Two people with one link: the first joins, the other is told that it was used.

    :raises UserError: ``invitation_unknown``, ``invitation_over``, ``already_member``, ``demo_cannot_join``.
    """
    invitation = open_invitation(token=token, now=now)
    if user.is_demo:  # anybody can sign in as one: the workspace would be open to all
        raise UserError("demo_cannot_join")
    if Person.objects.filter(workspace=invitation.workspace, user=user).exists():
        raise UserError("already_member", workspace=invitation.workspace.name)
    taken = Invitation.objects.filter(
        Q(pk=invitation.pk), accepted_at=None, revoked_at=None, expires_at__gt=now
    ).update(accepted_at=now)
    if not taken:
        raise UserError("invitation_over")
    person = invitation.person
    if person is not None:
        person.user, person.roles = user, invitation.roles
        person.save(update_fields=["user", "roles"])
    else:
        try:
            person = add_person(
                workspace=invitation.workspace,
                name=user.name or user.email.partition("@")[0],
                roles=invitation.roles,
                by=None,
                now=now,
                department=invitation.department.key if invitation.department else "",
                user=user,
            )
        except IntegrityError as error:
            raise UserError("already_member", workspace=invitation.workspace.name) from error
    audit.record(
        workspace=invitation.workspace, by=person, action="invitation.accepted", object_kind="invitation",
        object_id=invitation.pk, now=now,
    )  # fmt: skip
    return person


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, by: Person, now: datetime) -> None:
    """Withdraw an invitation that nobody accepted yet; one that was accepted stays as it is."""
    require(by, Permission.TEAM_MANAGE)
    Invitation.objects.filter(pk=invitation.pk, accepted_at=None).update(revoked_at=now)
    audit.record(
        workspace=invitation.workspace,
        by=by,
        action="invitation.revoked",
        object_kind="invitation",
        object_id=invitation.pk,
        now=now,
    )


@transaction.atomic
def update_workspace(
    *,
    workspace: Workspace,
    by: Person,
    now: datetime,
    name: str,
    market: str,
    language: str,
    time_zone: str,
    currency: str,
) -> Workspace:
    """:raises UserError: ``workspace_name_missing``, ``unknown_time_zone``."""
    require(by, Permission.WORKSPACE_MANAGE)
    if not name.strip():
        raise UserError("workspace_name_missing", field="workspace")
    if time_zone not in available_timezones():
        raise UserError("unknown_time_zone", field="time_zone", time_zone=time_zone)
    workspace.name, workspace.market, workspace.language = name.strip(), market, language
    workspace.time_zone, workspace.currency = time_zone, currency
    workspace.save(update_fields=["name", "market", "language", "time_zone", "currency"])
    audit.record(
        workspace=workspace,
        by=by,
        action="workspace.changed",
        object_kind="workspace",
        object_id=workspace.pk,
        now=now,
    )
    return workspace


@transaction.atomic
def update_person(
    *, person: Person, by: Person, now: datetime, roles: Iterable[str], department: str = ""
) -> Person:
    """:raises UserError: ``unknown_role``, ``roles_missing``, ``unknown_department``."""
    require(by, Permission.TEAM_MANAGE)
    chosen = list(dict.fromkeys(roles))
    if not chosen and not person.is_owner:
        raise UserError("roles_missing", field="roles")
    if unknown := [one for one in chosen if one not in Role.values]:
        raise UserError("unknown_role", field="roles", role=unknown[0])
    person.roles = chosen
    person.department = department_of(workspace=person.workspace, key=department) if department else None
    person.save(update_fields=["roles", "department"])
    audit.record(
        workspace=person.workspace,
        by=by,
        action="person.changed",
        object_kind="person",
        object_id=person.pk,
        now=now,
        roles=chosen,
    )
    return person


@transaction.atomic
def set_active(*, person: Person, by: Person, now: datetime, active: bool) -> Person:
    """Give or take access. The workspace's owner cannot be shut out.

    :raises UserError: ``owner_stays``.
    """
    require(by, Permission.TEAM_MANAGE)
    if person.is_owner and not active:
        raise UserError("owner_stays")
    person.is_active = active
    person.save(update_fields=["is_active"])
    audit.record(
        workspace=person.workspace,
        by=by,
        action="person.activated" if active else "person.deactivated",
        object_kind="person",
        object_id=person.pk,
        now=now,
    )
    return person


@transaction.atomic
def add_department(*, workspace: Workspace, by: Person, now: datetime, name: Mapping[str, str]) -> Department:
    """:raises UserError: ``department_name_missing``."""
    require(by, Permission.TEAM_MANAGE)
    texts = {language: text.strip() for language, text in name.items() if text.strip()}
    if not texts:
        raise UserError("department_name_missing", field="name")
    taken = Department.objects.filter(workspace=workspace).values_list("key", flat=True)
    department = Department.objects.create(
        workspace=workspace, key=slug_for(next(iter(texts.values())), taken=taken, longest=40), name=texts
    )
    audit.record(
        workspace=workspace,
        by=by,
        action="department.added",
        object_kind="department",
        object_id=department.pk,
        now=now,
    )
    return department
