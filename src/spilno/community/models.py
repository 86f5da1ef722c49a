"""Members of communities and what they say."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from spilno.kernel.models import Owned


class Member(Owned):
    """Somebody in a community. ``actor`` is the key under which facts know them."""

    community = models.ForeignKey("team.Community", on_delete=models.CASCADE, related_name="members")
    actor = models.CharField(max_length=200)
    name = models.CharField(max_length=120, blank=True)
    scope = models.CharField(max_length=20, blank=True)  # "internal" or "external"
    is_staff = models.BooleanField(default=False)
    is_leader = models.BooleanField(default=False)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["community", "actor"], name="member_once")]
        ordering = ["name", "actor"]


class Message(Owned):
    """Something somebody else said to us on a network, taken in once."""

    channel = models.ForeignKey("channels.Channel", on_delete=models.CASCADE, related_name="+")
    delivery = models.ForeignKey(
        "publishing.Delivery", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    external_id = models.CharField(max_length=300)
    author = models.CharField(max_length=200)
    author_name = models.CharField(max_length=200, blank=True)
    text = models.TextField()
    url = models.URLField(max_length=1000, blank=True)
    said_at = models.DateTimeField()
    taken_in_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)
    handled_by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="message_once")]
        indexes = [models.Index(fields=["workspace", "handled_at", "said_at"], name="message_open")]
        verbose_name = _("message")


class Watch(Owned):
    """When the conversation under a post is read next. ``None``: the post is too old to be talked about."""

    delivery = models.OneToOneField("publishing.Delivery", on_delete=models.CASCADE, related_name="+")
    next_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["next_at"], name="watch_due", condition=models.Q(next_at__isnull=False))
        ]
