"""Connected accounts and reminder channels: the only door to the networks."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from spilno.kernel.models import Owned


class Purpose(models.TextChoices):
    """Whose voice: the brand speaks to everybody, or the community lives there. Decides who a result is credited to."""

    BRAND = "brand", _("Brand channel")
    COMMUNITY = "community", _("Community channel")


class Health(models.TextChoices):
    NEW = "new", _("Not connected yet")
    OK = "ok", _("Connected")
    TROUBLE = "trouble", _("Does not answer")
    RECONNECT = "reconnect", _("Needs reconnecting")
    BY_HAND = "by_hand", _("By hand")


class Channel(Owned):
    """One account on one network. ``secret`` is the sealed credentials; it never leaves this room."""

    key = models.SlugField(max_length=60)
    network = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    purpose = models.CharField(max_length=12, choices=Purpose.choices, default=Purpose.BRAND)
    owner = models.ForeignKey(
        "team.Person", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    community = models.ForeignKey(
        "team.Community", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    by_hand = models.BooleanField(default=False)  # reminder channel: a person posts, we remind
    practice = models.BooleanField(default=False)  # speaks to a practice network
    external_id = models.CharField(max_length=300, blank=True)
    url = models.URLField(max_length=500, blank=True)
    secret = models.BinaryField(null=True, editable=False)
    health = models.CharField(max_length=10, choices=Health.choices, default=Health.NEW)
    health_checked_at = models.DateTimeField(null=True, blank=True)
    health_code = models.CharField(max_length=60, blank=True)
    health_params = models.JSONField(default=dict)
    late_tolerance = models.PositiveIntegerField(
        default=30
    )  # minutes; later than that a post is missed, not late
    is_active = models.BooleanField(default=True)
    observe_next_at = models.DateTimeField(null=True, blank=True)  # when its counters are read next
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="channel_key_once")]
        indexes = [models.Index(fields=["observe_next_at"], name="channel_observe_due")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PendingConnection(Owned):
    """A person sent to a network to allow the connection, not yet back. Short-lived; credentials sealed."""

    state = models.CharField(max_length=64, unique=True)
    network = models.CharField(max_length=40)
    person = models.ForeignKey("team.Person", on_delete=models.CASCADE, related_name="+")
    values = models.JSONField(default=dict)  # name, purpose …: what the form said, no secrets
    secret = models.BinaryField()
    channel = models.ForeignKey(Channel, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
