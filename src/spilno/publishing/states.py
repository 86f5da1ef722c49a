"""The life cycle of a delivery (DESIGN.md, "Publishing once")."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from spilno.kernel.states import StateGraph


class DeliveryState(models.TextChoices):
    QUEUED = "queued", _("Scheduled")
    PREPARING = "preparing", _("Being prepared")
    PREPARED = "prepared", _("Ready to leave")
    COMMITTING = "committing", _("Leaving now")
    UNCERTAIN = "uncertain", _("Not confirmed yet")
    NEEDS_PERSON = "needs_person", _("Please check")
    WAITING = "waiting", _("Waiting")
    REMINDED = "reminded", _("To be posted by hand")
    PUBLISHED = "published", _("Published")
    FAILED = "failed", _("Failed")
    HELD = "held", _("On hold")
    MISSED = "missed", _("Missed")
    CANCELLED = "cancelled", _("Cancelled")


_S = DeliveryState

GRAPH = StateGraph(
    initial=_S.QUEUED,
    moves={
        # PUBLISHED can follow anything: a worker that was believed dead may still bring the network's answer, and a
        # person may say that a post which we gave up is there. What is known to be out is out.
        # REMINDED: the channel, or what is to be posted, cannot go by API: a person posts.
        # PREPARED and COMMITTING at once: where there is nothing to prepare.
        _S.QUEUED: {
            _S.PREPARING, _S.PREPARED, _S.COMMITTING, _S.REMINDED, _S.WAITING, _S.FAILED, _S.HELD, _S.MISSED,
            _S.CANCELLED, _S.PUBLISHED,
        },
        _S.PREPARING: {
            _S.PREPARED, _S.QUEUED, _S.WAITING, _S.FAILED, _S.HELD, _S.MISSED, _S.CANCELLED, _S.PUBLISHED,
        },
        # back to QUEUED: what was prepared expired, or the content changed.
        _S.PREPARED: {
            _S.COMMITTING, _S.QUEUED, _S.WAITING, _S.FAILED, _S.HELD, _S.MISSED, _S.CANCELLED, _S.PUBLISHED,
        },
        # WAITING or FAILED only if the request certainly created nothing.
        _S.COMMITTING: {_S.PUBLISHED, _S.UNCERTAIN, _S.NEEDS_PERSON, _S.WAITING, _S.FAILED},
        # QUEUED: the network says that it is not there. COMMITTING: the same request again, where that is harmless.
        _S.UNCERTAIN: {_S.PUBLISHED, _S.QUEUED, _S.COMMITTING, _S.NEEDS_PERSON},
        _S.NEEDS_PERSON: {_S.PUBLISHED, _S.QUEUED, _S.CANCELLED},
        _S.WAITING: {
            _S.QUEUED, _S.PREPARING, _S.PREPARED, _S.COMMITTING, _S.REMINDED, _S.FAILED, _S.HELD, _S.MISSED,
            _S.CANCELLED, _S.PUBLISHED,
        },
        _S.REMINDED: {_S.PUBLISHED, _S.QUEUED, _S.CANCELLED},
        _S.FAILED: {_S.QUEUED, _S.CANCELLED, _S.PUBLISHED},  # QUEUED: after a person mended what was wrong
        _S.HELD: {_S.QUEUED, _S.CANCELLED, _S.PUBLISHED},
        _S.MISSED: {_S.QUEUED, _S.CANCELLED, _S.PUBLISHED},
        _S.CANCELLED: {_S.QUEUED, _S.PUBLISHED},  # scheduled again
        _S.PUBLISHED: set(),
    },
    final={_S.PUBLISHED},
)  # fmt: skip

# Nothing of these states may change content, time or channel any more.
IN_FLIGHT = (_S.COMMITTING, _S.UNCERTAIN, _S.NEEDS_PERSON)
# A person has to do something about these.
NEEDS_ATTENTION = (_S.NEEDS_PERSON, _S.REMINDED, _S.FAILED, _S.MISSED)
# Still to come.
AHEAD = (_S.QUEUED, _S.PREPARING, _S.PREPARED, _S.WAITING, _S.HELD)
