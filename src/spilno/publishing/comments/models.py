"""A first comment on its way. Its row is the truth, as a delivery's is; the post it hangs on is out already."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from spilno.kernel.models import Owned
from spilno.kernel.states import StateGraph


class CommentState(models.TextChoices):
    QUEUED = "queued", _("To be posted")
    SENDING = "sending", _("Leaving now")
    UNCERTAIN = "uncertain", _("Not confirmed yet")
    NEEDS_PERSON = "needs_person", _("Please check")
    FAILED = "failed", _("Failed")
    OUT = "out", _("Published")
    DROPPED = "dropped", _("Cancelled")


_S = CommentState

GRAPH = StateGraph(
    initial=_S.QUEUED,
    moves={
        _S.QUEUED: {_S.SENDING, _S.FAILED, _S.DROPPED, _S.OUT},
        # QUEUED only if the request certainly created nothing.
        _S.SENDING: {_S.OUT, _S.QUEUED, _S.UNCERTAIN, _S.NEEDS_PERSON, _S.FAILED},
        # SENDING: the same request again, where the network makes that harmless.
        _S.UNCERTAIN: {_S.SENDING, _S.NEEDS_PERSON, _S.OUT},
        _S.NEEDS_PERSON: {_S.QUEUED, _S.OUT, _S.DROPPED},
        _S.FAILED: {_S.QUEUED, _S.OUT, _S.DROPPED},
        _S.DROPPED: {_S.QUEUED, _S.OUT},
        _S.OUT: set(),
    },
    final={_S.OUT},
)


class FirstComment(Owned):
    """``key`` of its requests is its id: the same for all of them."""

    delivery = models.OneToOneField(
        "publishing.Delivery", on_delete=models.CASCADE, related_name="first_comment"
    )
    text = models.TextField()  # as it reads on the network
    state = models.CharField(max_length=12, choices=CommentState.choices, default=CommentState.QUEUED)
    next_try_at = models.DateTimeField(null=True)  # None: nobody needs to look
    lease_by = models.CharField(max_length=36, blank=True)
    lease_until = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)  # requests that were begun; written before they leave
    first_try_at = models.DateTimeField(null=True)
    external_id = models.CharField(max_length=300, blank=True)
    external_url = models.URLField(max_length=1000, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict)
    told_at = models.DateTimeField(null=True)  # when somebody was written to that it needs them
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["next_try_at"],
                name="first_comment_due",
                condition=models.Q(next_try_at__isnull=False),
            )
        ]
