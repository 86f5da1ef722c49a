"""Workspaces, people, roles, departments, communities as owners, audit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from spilno.kernel.models import Owned, Row
from spilno.kernel.texts import LANGUAGES


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **values: Any) -> User:
        user = self.model(email=email.strip().lower(), **values)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **values: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **values)


class User(AbstractBaseUser, PermissionsMixin, Row):
    """A login. What somebody may do is decided by their :class:`Person` in each workspace."""

    email = models.EmailField(_("E-mail"), unique=True)  # kept in lower case
    name = models.CharField(_("Name"), max_length=120, blank=True)
    language = models.CharField(max_length=2, choices=[(one, one) for one in LANGUAGES], default="uk")
    theme = models.CharField(max_length=5, default="auto")  # "light", "dark", "auto"
    time_zone = models.CharField(max_length=60, blank=True)  # where they are; empty: like each workspace
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False)  # may be signed in by one click while the demo is open
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email


class Market(models.TextChoices):
    B2B = "b2b", _("Companies (B2B)")
    B2C = "b2c", _("Consumers (B2C)")


class Language(models.TextChoices):
    UK = "uk", "Українська"
    EN = "en", "English"
    RU = "ru", "Русский"


def default_business_hours() -> dict[str, list[str]]:
    return {day: ["09:00", "18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}


class Workspace(Row):
    """One company's or brand's room. Everything else belongs to exactly one workspace."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    market = models.CharField(max_length=3, choices=Market.choices, default=Market.B2B)
    language = models.CharField(max_length=2, choices=Language.choices, default=Language.UK)
    time_zone = models.CharField(max_length=60, default="Europe/Kyiv")
    currency = models.CharField(max_length=3, default="UAH")
    business_hours = models.JSONField(default=default_business_hours)  # weekday → [from, to] in the time zone
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Department(Owned):
    """Who is accountable for a number. Four come with the workspace; more can be added."""

    key = models.SlugField(max_length=40)
    name = models.JSONField(default=dict)  # LocalText

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="department_key_once")]
        ordering = ["key"]


class Role(models.TextChoices):
    """The eleven roles of the field and the two from outside."""

    COMMUNITY_MANAGER = "community_manager", _("Community manager")
    SMM_MANAGER = "smm_manager", _("SMM manager")
    EDITOR = "editor", _("Editor")
    AUTHOR = "author", _("Author")
    MEDIA_PLANNER = "media_planner", _("Media planner")
    DESIGNER = "designer", _("Designer")
    CREATIVE_MANAGER = "creative_manager", _("Creative manager")
    STRATEGIST = "strategist", _("Strategist")
    TARGETING_MANAGER = "targeting_manager", _("Targeting (ads) manager")
    PROJECT_MANAGER = "project_manager", _("Project manager")
    ANALYST = "analyst", _("Analyst")
    COMMUNITY_LEADER = "community_leader", _("Community leader")
    GUEST = "guest", _("Guest approver")


def role_labels(keys: Iterable[str]) -> list[str]:
    """Roles in words of the active language; keys that are no roles (any more) stay as they are."""
    names = dict(Role.choices)
    return [str(names.get(key, key)) for key in keys]


class Person(Owned):
    """Somebody in a workspace. Has a login once the invitation is accepted; a case can name people without one."""

    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="people")
    key = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    roles = ArrayField(models.CharField(max_length=30, choices=Role.choices), default=list)
    department = models.ForeignKey(Department, null=True, blank=True, on_delete=models.SET_NULL)
    is_owner = models.BooleanField(default=False)  # owns the workspace: every permission
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "key"], name="person_key_once"),
            models.UniqueConstraint(fields=["workspace", "user"], name="person_login_once"),
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def role_labels(self) -> list[str]:
        """The roles in words of the active language."""
        return role_labels(self.roles)


class CommunityKind(models.TextChoices):
    PRACTICE = "practice", _("Community of practice")
    INTEREST = "interest", _("Community of interest")
    VOLUNTEERING = "volunteering", _("Volunteering")
    CUSTOMERS = "customers", _("Customers")


class Community(Owned):
    """A community as an owner of initiatives. Its members and what they say live in the room ``community``."""

    key = models.SlugField(max_length=60)
    name = models.JSONField(default=dict)  # LocalText
    kind = models.CharField(max_length=20, choices=CommunityKind.choices, default=CommunityKind.PRACTICE)
    owner = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    description = models.JSONField(default=dict)  # LocalText

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="community_key_once")]
        ordering = ["key"]


class Invitation(Owned):
    """A link that lets one person join. Only the hash of its token is kept."""

    token_hash = models.CharField(max_length=64, unique=True)
    roles = ArrayField(models.CharField(max_length=30, choices=Role.choices), default=list)
    department = models.ForeignKey(Department, null=True, blank=True, on_delete=models.SET_NULL)
    person = models.ForeignKey(Person, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    email = models.EmailField(blank=True)
    created_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    @property
    def role_labels(self) -> list[str]:
        """The roles in words of the active language."""
        return role_labels(self.roles)


class AuditEntry(Owned):
    """Who did what to which thing. Written by services, in the same transaction as the change."""

    at = models.DateTimeField()
    person = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=60)  # "brief.ready", "delivery.cancelled" …
    object_kind = models.CharField(max_length=40)
    object_id = models.UUIDField(null=True)
    initiative_id = models.UUIDField(null=True)  # so that an initiative's log is one query
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "initiative_id", "at"], name="audit_of_initiative"),
            models.Index(fields=["workspace", "at"], name="audit_by_time"),
        ]
