"""What to do if the wanted result is not in sight."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from spilno.kernel.models import Owned


class Checkpoint(Owned):
    """At a moment, look at a target: if its value is below, propose the actions. Fires once.

    ``actions``: list of ``{"publish": ITEM_KEY}`` (a reserve item) or ``{"remind": CHANNEL_KEY}``.
    """

    initiative = models.ForeignKey("briefs.Initiative", on_delete=models.CASCADE, related_name="checkpoints")
    stage = models.CharField(max_length=80)
    at = models.DateTimeField()
    metric = models.CharField(max_length=60)
    channel = models.ForeignKey("channels.Channel", null=True, on_delete=models.PROTECT, related_name="+")
    below = models.DecimalField(max_digits=18, decimal_places=4)
    actions = models.JSONField(default=list)
    fired_at = models.DateTimeField(null=True)
    seen = models.DecimalField(
        max_digits=18, decimal_places=4, null=True
    )  # value when it fired; None: unknown
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["initiative", "stage", "metric"], name="checkpoint_once")
        ]
        indexes = [
            models.Index(fields=["at"], name="checkpoint_due", condition=models.Q(fired_at__isnull=True))
        ]
        ordering = ["at", "position"]


class ProposalState(models.TextChoices):
    OPEN = "open", _("Waits for a decision")
    ACCEPTED = "accepted", _("Accepted")
    DISMISSED = "dismissed", _("Dismissed")


class Proposal(Owned):
    """What a checkpoint proposed, who decided, and what happened."""

    checkpoint = models.OneToOneField(Checkpoint, on_delete=models.CASCADE, related_name="proposal")
    state = models.CharField(max_length=10, choices=ProposalState.choices, default=ProposalState.OPEN)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    results = models.JSONField(default=list)  # per action: what was done


class Reminder(Owned):
    """What an accepted proposal asks a person to do on one channel. Told by mail and on Today until it is done."""

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="reminders")
    channel = models.ForeignKey("channels.Channel", on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    mail_claimed_at = models.DateTimeField(null=True)  # a worker is sending it, or failed to
    mailed_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["proposal", "channel"], name="reminder_once")]
        indexes = [
            models.Index(
                fields=["created_at"], name="reminder_open", condition=models.Q(done_at__isnull=True)
            )
        ]
        ordering = ["created_at"]
