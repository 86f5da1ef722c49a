"""Public pages: what outsiders see, and the facts they leave."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from spilno.kernel.models import Owned, Row


class PageKind(models.TextChoices):
    REGISTRATION = "registration", _("Event registration")
    LEAD_FORM = "lead_form", _("Lead form")


class PublicPage(Owned):
    """A public page of an initiative. Its address is ``/p/<slug>/``; the slug is unique in the installation."""

    initiative = models.ForeignKey("briefs.Initiative", on_delete=models.CASCADE, related_name="pages")
    slug = models.SlugField(max_length=80, unique=True)
    kind = models.CharField(max_length=20, choices=PageKind.choices)
    title = models.JSONField(default=dict)  # LocalText
    body = models.JSONField(default=dict)  # LocalText, plain text with paragraphs
    starts_at = models.DateTimeField(null=True, blank=True)  # of the event
    ends_at = models.DateTimeField(null=True, blank=True)
    place = models.JSONField(default=dict)  # LocalText
    capacity = models.PositiveIntegerField(null=True, blank=True)
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField()


class Entry(Owned):
    """What somebody typed into a public page: the personal data, kept apart from the facts so that it can be erased."""

    page = models.ForeignKey(PublicPage, on_delete=models.CASCADE, related_name="entries")
    name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(blank=True)
    note = models.TextField(blank=True, max_length=2000)
    company = models.CharField(max_length=120, blank=True)
    actor = models.CharField(max_length=64)  # the key under which the facts know this person
    token = models.CharField(max_length=64, unique=True)  # cancel link
    utm_source = models.CharField(max_length=200, blank=True)
    utm_medium = models.CharField(max_length=200, blank=True)
    utm_campaign = models.CharField(max_length=200, blank=True)
    link = models.ForeignKey("TrackedLink", null=True, on_delete=models.SET_NULL, related_name="+")
    language = models.CharField(max_length=2, default="uk")  # in which they were spoken to
    created_at = (
        models.DateTimeField()
    )  # of the registration that counts: who comes back after cancelling is new
    cancelled_at = models.DateTimeField(null=True)
    mail_due_at = models.DateTimeField(
        null=True
    )  # when the confirmation is (next) tried; None: nothing to send
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["page", "email"], name="entry_email_once")]
        indexes = [
            models.Index(
                fields=["mail_due_at"], name="entry_mail_due", condition=models.Q(mail_due_at__isnull=False)
            )
        ]
        ordering = ["-created_at"]


class TrackedLink(Owned):
    """A short address ``/l/<code>`` that counts a visit for the post that carried it and leads on."""

    code = models.CharField(max_length=16, unique=True)
    target = models.URLField(max_length=1000)
    initiative = models.ForeignKey(
        "briefs.Initiative", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    variant = models.ForeignKey("plan.Variant", null=True, on_delete=models.CASCADE, related_name="links")
    utm_source = models.CharField(max_length=200, blank=True)
    utm_medium = models.CharField(max_length=200, blank=True)
    utm_campaign = models.CharField(max_length=200, blank=True)
    utm_content = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["variant", "target"], name="link_once")]


class Salt(Row):
    """What a day's visitors are hashed with. Deleted after two days: then nobody can tell any more who it was."""

    day = models.DateField(unique=True)  # UTC
    value = models.CharField(max_length=64)


class Visitor(Owned):
    """When an unnamed visitor was last seen at a place, to know when a new visit begins. Deleted after two days."""

    who = models.CharField(max_length=64)  # hash with the day's salt
    place = models.CharField(max_length=64)  # the initiative, or what was visited if there is none
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "who", "place"], name="visitor_once")]
