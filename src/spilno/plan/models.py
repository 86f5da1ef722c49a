"""What goes out when and where."""

from __future__ import annotations

from django.db import models

from spilno.kernel.models import Owned


class Media(Owned):
    """A file of the workspace's library. Stored under its content's hash: the same file is kept once."""

    file = models.FileField(upload_to="media", max_length=300)
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    mime = models.CharField(max_length=60)
    bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    alt = models.CharField(max_length=1500, blank=True)
    uploaded_by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "sha256"], name="media_once")]
        ordering = ["-created_at"]


class Item(Owned):
    """One piece of content: a common text, media and link, and one variant per channel."""

    key = models.SlugField(max_length=80)
    initiative = models.ForeignKey(
        "briefs.Initiative", null=True, blank=True, on_delete=models.SET_NULL, related_name="items"
    )
    title = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)
    link = models.URLField(max_length=1000, blank=True)
    link_to = (
        models.ForeignKey(  # the link leads to another item's post, whose address is known once it is out
            "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
        )
    )
    owner = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    reserve = models.BooleanField(default=False)  # published only if the contingency plan calls for it
    media = models.ManyToManyField(Media, through="ItemMedia", related_name="items")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)  # deleting can be undone

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "initiative", "key"], name="item_key_once", nulls_distinct=False
            )
        ]
        ordering = ["created_at"]


class ItemMedia(models.Model):
    item = models.ForeignKey(Item, on_delete=models.CASCADE)
    media = models.ForeignKey(Media, on_delete=models.PROTECT)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["item", "media"], name="item_media_once")]


class Variant(Owned):
    """The item on one channel. Empty ``text`` means the item's common text."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="variants")
    channel = models.ForeignKey("channels.Channel", on_delete=models.PROTECT, related_name="variants")
    placement = models.CharField(max_length=30, default="post")
    text = models.TextField(blank=True)
    publish_at = models.DateTimeField(null=True, blank=True)  # aware UTC; None: not scheduled yet
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "channel", "placement"], name="variant_once"),
        ]
        indexes = [models.Index(fields=["workspace", "publish_at"], name="variant_calendar")]
        ordering = ["position"]
