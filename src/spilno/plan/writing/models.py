"""Versions of an item, people who have it open, words that were typed and not saved."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from spilno.kernel.models import Owned


class Why(models.TextChoices):
    """How a version came to be."""

    FIRST = "first", _("First version")
    SAVED = "saved", _("Saved")
    RESTORED = "restored", _("Brought back")
    ELSEWHERE = "elsewhere", _("Changed in the plan")


class ItemVersion(Owned):
    """What an item said after somebody had saved it. ``content``: :func:`spilno.plan.writing.versions.content_of`."""

    item = models.ForeignKey("plan.Item", on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()  # counted within the item, from 1
    item_version = models.PositiveIntegerField()  # plan.Item.version when it was saved
    by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    why = models.CharField(max_length=10, choices=Why.choices, default=Why.SAVED)
    restored = models.PositiveIntegerField(null=True, blank=True)  # the version that was brought back
    content = models.JSONField(default=dict)
    begun_at = (
        models.DateTimeField()
    )  # several savings of one person shortly after each other are one version
    made_at = models.DateTimeField()  # the last of them

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "number"], name="item_version_once")]
        ordering = ["-number"]


class Presence(Owned):
    """Somebody has the item open in the composer. The row says until when that is known."""

    item = models.ForeignKey("plan.Item", on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey("team.Person", on_delete=models.CASCADE, related_name="+")
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "person"], name="presence_once")]
        indexes = [models.Index(fields=["until"], name="presence_by_end")]


class TypedDraft(Owned):
    """What a person typed into the composer and did not save: of an item, or (without one) of a new post."""

    person = models.ForeignKey("team.Person", on_delete=models.CASCADE, related_name="+")
    item = models.ForeignKey("plan.Item", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    fields = models.JSONField(default=dict)  # the form: name → values
    item_version = models.PositiveIntegerField(default=0)  # of the item that was read before typing
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "item"], name="typed_draft_once", nulls_distinct=False)
        ]
        indexes = [models.Index(fields=["saved_at"], name="typed_draft_by_age")]
