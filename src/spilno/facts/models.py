"""The append-only record: what happened (facts) and what was observed (counters at a time).

Rows are never changed or deleted (a trigger in the database refuses it); a correction is a new row that names
the one it corrects. What is below knows nothing of what is above: initiatives, channels and deliveries are
plain ids here.
"""

from __future__ import annotations

from django.db import models

from spilno.kernel.models import Owned


class Kind(models.TextChoices):
    """What happened. KPI definitions name these."""

    VISIT = "visit"
    LEAD = "lead"
    REGISTRATION = "registration"
    REGISTRATION_CANCELLED = "registration_cancelled"
    ATTENDANCE = "attendance"
    DONATION = "donation"
    PURCHASE = "purchase"
    JOIN = "join"
    LEAVE = "leave"
    ITEM_GIVEN = "item_given"
    ITEM_EXCHANGED = "item_exchanged"
    MESSAGE = "message"
    REPLY = "reply"
    MENTION = "mention"
    PRODUCT_USE = "product_use"
    SPEND = "spend"


class Fact(Owned):
    """Something that happened, once.

    ``source`` and ``source_key`` name it in the place it came from, so that taking the same thing in twice
    changes nothing. ``corrects`` makes the chain of corrections; ``void`` withdraws without replacing. The
    *effective* facts are those that nothing corrects and that are not void.
    """

    kind = models.CharField(max_length=40, choices=Kind.choices)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    initiative_id = models.UUIDField(null=True)
    channel_id = models.UUIDField(null=True)  # where it happened or came in
    item_id = models.UUIDField(null=True)  # the plan item (post) that it is attributed to
    subject = models.CharField(max_length=200, blank=True)  # what it is about, e.g. the catalogue item's key
    actor = models.CharField(max_length=200, blank=True)  # pseudonymous key of who did it
    actor_scope = models.CharField(max_length=20, blank=True)  # "internal", "external" or unknown
    amount = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True)
    utm_source = models.CharField(max_length=200, blank=True)
    utm_medium = models.CharField(max_length=200, blank=True)
    utm_campaign = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict)
    source = models.CharField(max_length=100)  # "import:charity-book-sale", "page:registration", "network" …
    source_key = models.CharField(max_length=200)
    revision = models.PositiveIntegerField(default=0)  # 0 for the first word, then one more per correction
    corrects = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="corrected_by")
    void = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "source", "source_key", "kind", "revision"], name="fact_taken_in_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "initiative_id", "kind", "occurred_at"], name="fact_by_initiative"
            ),
            models.Index(fields=["workspace", "kind", "occurred_at"], name="fact_by_kind"),
            models.Index(fields=["workspace", "item_id", "kind"], name="fact_by_item"),
        ]


class SubjectKind(models.TextChoices):
    CHANNEL = "channel"
    ITEM = "item"  # a plan item's post: subject_id is the variant


class Observation(Owned):
    """A counter as somebody reported it at a time. A missing counter has no row: missing is not zero."""

    subject_kind = models.CharField(max_length=20, choices=SubjectKind.choices)
    subject_id = models.UUIDField()  # channel id, or variant id for posts
    metric = models.CharField(max_length=60)
    value = models.DecimalField(max_digits=20, decimal_places=4)
    observed_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=100)
    revision = models.PositiveIntegerField(default=0)
    corrects = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="corrected_by")
    void = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "subject_id", "metric", "observed_at", "source", "revision"],
                name="observation_taken_in_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "subject_id", "metric", "observed_at"], name="observation_series"
            ),
        ]
