"""Connected accounts and reminder channels: the only door to the networks."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from spilno.kernel.models import Owned, Row


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
    # Whose limits and outages it shares; read out of the credentials, "-" if they name none, "" if not looked yet.
    server = models.CharField(max_length=255, blank=True)
    app = models.CharField(max_length=64, blank=True)
    # What the credentials say about their own end, and who is making them anew just now.
    access_until = models.DateTimeField(null=True, blank=True)
    refresh_until = models.DateTimeField(null=True, blank=True)
    token_at = models.DateTimeField(null=True, blank=True)
    refresh_lease_until = models.DateTimeField(null=True, blank=True)
    refresh_next_at = models.DateTimeField(null=True, blank=True)
    refresh_tries = models.PositiveSmallIntegerField(default=0)
    end_told_for = models.DateTimeField(null=True, blank=True)  # the owner was warned of this end
    revoked_told_at = models.DateTimeField(null=True, blank=True)
    # Limits that replace the declared ones, by placement: what the server states, and what somebody decided (a copy
    # of the workspace's LimitOverride rows, so that checking a post asks the database nothing).
    live_limits = models.JSONField(default=dict)
    limits_read_at = models.DateTimeField(null=True, blank=True)
    limit_overrides = models.JSONField(default=dict)
    quotas_read_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="channel_key_once")]
        indexes = [
            models.Index(fields=["observe_next_at"], name="channel_observe_due"),
            models.Index(
                fields=["access_until"],
                name="channel_access_ends",
                condition=models.Q(access_until__isnull=False),
            ),
        ]
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
    accounts = models.BinaryField(
        null=True
    )  # back from the network with several: sealed, one is to be chosen
    created_at = models.DateTimeField()


class NetworkApp(Owned):
    """This workspace's registered app on a network (client id and secret, sealed), for all its channels there."""

    network = models.CharField(max_length=40)
    secret = models.BinaryField(editable=False)
    changed_by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "network"], name="network_app_once")]


class LimitOverride(Owned):
    """An administrator knows better than our table: this limit counts in this workspace."""

    network = models.CharField(max_length=40)
    placement = models.CharField(max_length=40)
    key = models.CharField(max_length=40)
    value = models.JSONField(null=True)  # null: none stated
    reason = models.CharField(max_length=300)
    by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "network", "placement", "key"], name="limit_override_once"
            )
        ]


class RateUse(Row):
    """How much of one limit on how often is used up, for all workers on all machines (see ``traffic``)."""

    network = models.CharField(max_length=40)
    scope = models.CharField(max_length=10)  # toolkit.networks.base.Per
    scope_id = models.CharField(max_length=300)
    key = models.CharField(max_length=60)  # of the RatePolicy or Quota
    counts = models.CharField(max_length=10)
    used = models.JSONField(default=list)  # by parts of the window, the oldest first
    part = models.BigIntegerField(default=0)  # number of the newest part since 1970
    allowed = models.IntegerField(null=True)  # as the network told, in place of the declared number
    left = models.IntegerField(null=True)  # as the network told, less what was granted since
    resets_at = models.DateTimeField(null=True)  # so long `left` counts
    granted_at = models.DateTimeField(null=True)
    closed_until = models.DateTimeField(null=True)  # the network said: nothing before then
    queue = models.JSONField(default=dict)  # who was refused: {channel: [workspace, due, wanted, until]}

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope_id", "scope", "network", "key"], name="rate_use_once")
        ]


class Circuit(Row):
    """Whether a server of a network answers at all."""

    network = models.CharField(max_length=40)
    server = models.CharField(max_length=255)
    failed = models.JSONField(default=list)  # what failed one after another, each once
    since = models.DateTimeField(null=True)  # first failure after the last answer
    last_at = models.DateTimeField(null=True)
    code = models.CharField(max_length=60, blank=True)
    open = models.BooleanField(default=False)
    pause = models.PositiveIntegerField(default=0)  # seconds between two probes
    probe_at = models.DateTimeField(null=True)
    probing_until = models.DateTimeField(null=True)  # one is under way

    class Meta:
        constraints = [models.UniqueConstraint(fields=["network", "server"], name="circuit_once")]
