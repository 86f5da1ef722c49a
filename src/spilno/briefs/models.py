"""Initiatives, briefs and their targets."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from spilno.kernel.models import Owned


class InitiativeKind(models.TextChoices):
    INITIATIVE = "initiative", _("Initiative")
    EVENT = "event", _("Event")
    ACHIEVEMENT = "achievement", _("Achievement")
    FORMAT = "format", _("Regular format")


class Initiative(Owned):
    """Something a community does that is worth telling."""

    slug = models.SlugField(max_length=80, allow_unicode=False)
    kind = models.CharField(max_length=12, choices=InitiativeKind.choices, default=InitiativeKind.INITIATIVE)
    title = models.JSONField(default=dict)  # LocalText
    community = models.ForeignKey(
        "team.Community", null=True, blank=True, on_delete=models.SET_NULL, related_name="initiatives"
    )
    owner = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    starts_on = models.DateField()
    # Growth is measured from the last observation before it.
    public_from = models.DateField(null=True, blank=True)
    ends_on = models.DateField()
    learned = models.JSONField(default=dict)  # LocalText: what was learned, written at the end
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="initiative_slug_once"),
            models.CheckConstraint(
                condition=models.Q(ends_on__gte=models.F("starts_on")), name="initiative_ends_after_start"
            ),
        ]
        ordering = ["-ends_on"]


class BriefState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    READY = "ready", _("Ready")


class ReportFormat(models.TextChoices):
    WEB = "web", _("Web page")
    PDF = "pdf", "PDF"


class Brief(Owned):
    """The agreement's first half. Opens with the main question; without an answer there is no brief."""

    initiative = models.OneToOneField(Initiative, on_delete=models.CASCADE, related_name="brief")
    task = models.JSONField(default=dict)  # LocalText: which task must the content solve?
    audience = models.JSONField(default=dict)  # LocalText
    content_due = models.DateField(null=True, blank=True)
    budget = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)  # workspace currency
    report_formats = ArrayField(models.CharField(max_length=10, choices=ReportFormat.choices), default=list)
    state = models.CharField(max_length=10, choices=BriefState.choices, default=BriefState.DRAFT)
    ready_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)  # for edits that meet: a save names the version it read
    updated_at = models.DateTimeField()


class Target(Owned):
    """A measurable result: a KPI of the catalogue, with the value wanted and the date."""

    brief = models.ForeignKey(Brief, on_delete=models.CASCADE, related_name="targets")
    metric = models.CharField(max_length=60)
    channel = models.ForeignKey(  # only for metrics that are about one channel
        "channels.Channel", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    value = models.DecimalField(max_digits=18, decimal_places=4)  # shares as fractions
    baseline = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)  # None: the initiative's last day
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["brief", "metric", "channel"], name="target_once", nulls_distinct=False
            )
        ]
        ordering = ["position"]
