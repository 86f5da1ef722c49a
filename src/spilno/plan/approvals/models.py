"""Rules of approval, and decisions. Decisions are only ever added."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from spilno.kernel.models import Owned, Row
from spilno.team.models import Language, Role


class Needs(models.TextChoices):
    ANY = "any", _("One of them is enough")
    ALL = "all", _("All of them")


class Verdict(models.TextChoices):
    APPROVE = "approve", _("Approved")
    CHANGES = "changes", _("Changes wanted")


class ApprovalFlow(Owned):
    """The stages that posts pass before they may leave: of one channel, or (``channel`` empty) of all others.

    A flow without stages asks nobody.
    """

    channel = models.ForeignKey(
        "channels.Channel", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    own_allowed = models.BooleanField(default=False)  # may those who wrote it approve it?
    again_on_time = models.BooleanField(default=False)  # does another time ask again?
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "channel"], name="approval_flow_once", nulls_distinct=False
            )
        ]


class ApprovalStage(Row):
    flow = models.ForeignKey(ApprovalFlow, on_delete=models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60, blank=True)
    needs = models.CharField(max_length=3, choices=Needs.choices, default=Needs.ANY)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["flow", "position"], name="approval_stage_once")]


class GuestReviewer(Owned):
    """Somebody without an account who is asked by a link: a customer, a lawyer, a partner."""

    name = models.CharField(max_length=120)
    email = models.EmailField()
    language = models.CharField(max_length=2, choices=Language.choices, default=Language.UK)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "email"], name="guest_reviewer_once")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Approver(Row):
    """Whom a stage asks: a person, whoever has a role, or a guest. Exactly one of them is set."""

    stage = models.ForeignKey(ApprovalStage, on_delete=models.CASCADE, related_name="approvers")
    person = models.ForeignKey("team.Person", null=True, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=30, choices=Role.choices, blank=True)
    guest = models.ForeignKey(GuestReviewer, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    models.Q(person__isnull=False, role="", guest__isnull=True)
                    | (models.Q(person__isnull=True, guest__isnull=True) & ~models.Q(role=""))
                    | models.Q(person__isnull=True, role="", guest__isnull=False)
                ),
                name="approver_is_one",
            )
        ]


class ApprovalAsk(Owned):
    """Somebody asked for approval of an item. ``told_at``: when the letters about it had left."""

    item = models.ForeignKey("plan.Item", on_delete=models.CASCADE, related_name="approval_asks")
    by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    marks = models.JSONField(default=list)  # of what was asked about
    told_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["at"], name="approval_ask_untold", condition=models.Q(told_at__isnull=True))
        ]


class ApprovalDecision(Owned):
    """What somebody said of a variant as they saw it. ``mark``: of that content; ``as_whom``: the approvers whose
    part they took (``person:…``, ``role:…``, ``guest:…``, ``owner``), as the rules were then.
    """

    variant = models.ForeignKey("plan.Variant", on_delete=models.CASCADE, related_name="approval_decisions")
    stage = models.ForeignKey(ApprovalStage, null=True, on_delete=models.SET_NULL, related_name="+")
    mark = models.CharField(max_length=64)
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    person = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    guest = models.ForeignKey(GuestReviewer, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=120)  # as they were called then
    as_whom = models.JSONField(default=list)
    comment = models.TextField(blank=True)
    at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)  # when whoever wrote it was told by mail

    class Meta:
        ordering = ["at"]
        indexes = [
            models.Index(fields=["variant", "mark"], name="approval_by_variant"),
            models.Index(
                fields=["at"], name="approval_decision_untold", condition=models.Q(told_at__isnull=True)
            ),
        ]


class ReviewLink(Owned):
    """A guest's way in: some posts, for some days, without an account. The token itself is not kept."""

    guest = models.ForeignKey(GuestReviewer, on_delete=models.CASCADE, related_name="links")
    items = models.ManyToManyField("plan.Item", related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)  # first time

    class Meta:
        ordering = ["-created_at"]
