"""Deliveries and their attempts. A delivery's row is the truth; jobs only wake somebody up."""

from __future__ import annotations

from django.db import models

from spilno.kernel.models import Owned, Row
from spilno.publishing.states import DeliveryState


class Delivery(Owned):
    """One variant leaving for one channel, once."""

    variant = models.OneToOneField("plan.Variant", on_delete=models.PROTECT, related_name="delivery")
    channel = models.ForeignKey("channels.Channel", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=DeliveryState.choices, default=DeliveryState.QUEUED)
    due_at = models.DateTimeField()  # when it shall be out
    scheduled_by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    next_try_at = models.DateTimeField(null=True)  # when somebody looks at it next; None: nobody needs to
    lease_by = models.CharField(max_length=80, blank=True)  # worker that has it now
    lease_until = models.DateTimeField(null=True)
    prepared = models.JSONField(default=dict)  # networks.base.Prepared.data
    prepared_expires_at = models.DateTimeField(null=True)
    prepared_for = models.CharField(max_length=64, blank=True)  # fingerprint of the content that was prepared
    first_commit_at = models.DateTimeField(null=True)  # start of the first request that may have published
    published_at = models.DateTimeField(null=True)
    external_id = models.CharField(max_length=300, blank=True)
    external_url = models.URLField(max_length=1000, blank=True)
    removed_at = models.DateTimeField(null=True)  # taken away from the network again
    confirmed_by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict)
    reminded_at = models.DateTimeField(null=True)
    observe_next_at = models.DateTimeField(null=True)  # when its counters are read next
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["next_try_at"], name="delivery_due", condition=models.Q(next_try_at__isnull=False)
            ),
            models.Index(
                fields=["observe_next_at"],
                name="delivery_observe_due",
                condition=models.Q(observe_next_at__isnull=False),
            ),
            models.Index(fields=["workspace", "state", "due_at"], name="delivery_by_state"),
            # What has to leave before another of the same channel and second (publishing.ledger).
            models.Index(
                fields=["channel", "due_at"],
                name="delivery_ahead",
                condition=models.Q(state__in=["queued", "preparing", "prepared", "committing"]),
            ),
            models.Index(  # the calendar shows a post where it really went out
                fields=["workspace", "published_at"],
                name="delivery_by_publishing",
                condition=models.Q(published_at__isnull=False),
            ),
            models.Index(
                fields=["updated_at"],
                name="delivery_to_tell",
                condition=models.Q(state__in=["needs_person", "failed", "missed"]),
            ),
        ]


class Step(models.TextChoices):
    PREPARE = "prepare"
    COMMIT = "commit"
    FIND = "find"
    REMIND = "remind"
    CONFIRM = "confirm"
    TELL = "tell"
    DELETE = "delete"


class Attempt(Row):
    """One try at one step. Written before the request leaves; completed when the answer is there."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    step = models.CharField(max_length=10, choices=Step.choices)
    worker = models.CharField(max_length=80, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)  # SHA-256 of what was to be sent
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=20, blank=True
    )  # "ok", an error kind, a verdict; "" while under way
    code = models.CharField(max_length=60, blank=True)
    answer = models.JSONField(default=dict)  # redacted

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number_once")]
        ordering = ["number"]
