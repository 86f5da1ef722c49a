"""What goes out when and where."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from spilno.kernel.models import Owned
from spilno.plan.approvals import models as _approvals  # noqa: F401  (Django looks for models in this file)
from spilno.plan.comments import models as _comments  # noqa: F401


class Media(Owned):
    """A file of the workspace's library. Stored under its content's hash: the same file is kept once."""

    file = models.FileField(upload_to="media", max_length=300)
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    mime = models.CharField(max_length=60)
    bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField(
        null=True
    )  # as shown, after turning; of a document its first page, in points
    height = models.PositiveIntegerField(null=True)
    seconds = models.DecimalField(max_digits=12, decimal_places=6, null=True)  # of a video
    pages = models.PositiveIntegerField(null=True)  # of a document
    facts = models.JSONField(default=dict)  # everything that was found out: toolkit.media.facts.Facts
    alt = models.CharField(max_length=1500, blank=True)
    uploaded_by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "sha256"], name="media_once")]
        ordering = ["-created_at"]

    @property
    def kind(self) -> str:
        """``"image"``, ``"video"`` or ``"file"``."""
        head = self.mime.partition("/")[0]
        return head if head in ("image", "video") else "file"

    @property
    def has_audio(self) -> bool:
        return bool(self.facts.get("audio_codec"))

    @property
    def badge(self) -> str:
        """What a still picture of it does not show: ``"1:02:05"`` of a video, ``"PDF · 3"``, ``"GIF"``."""
        if self.kind == "video":
            whole = int(self.seconds or 0)
            hours, minutes = whole // 3600, whole // 60 % 60
            return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
        if self.kind == "file":
            return f"PDF · {self.pages}"
        return self.mime.partition("/")[2].upper() if self.facts.get("animated") else ""


class Rendition(Owned):
    """What a file becomes for a network that does not take it as it is. Made ahead of time, once per recipe.

    ``lease_until``: somebody is at it until then; what ran out is taken up by the next one.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        READY = "ready"
        FAILED = "failed"

    media = models.ForeignKey(Media, on_delete=models.CASCADE, related_name="renditions")
    key = models.CharField(max_length=64)  # of the recipe
    recipe = models.JSONField()  # toolkit.media.recipe.Recipe
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    file = models.CharField(max_length=300, blank=True)  # name in the storage
    mime = models.CharField(max_length=60, blank=True)
    bytes = models.PositiveBigIntegerField(default=0)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    seconds = models.DecimalField(max_digits=12, decimal_places=6, null=True)
    facts = models.JSONField(default=dict)
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict)
    tries = models.PositiveSmallIntegerField(default=0)  # that were begun
    lease = models.CharField(max_length=36, blank=True)  # whose it is
    lease_until = models.DateTimeField(null=True, blank=True)
    wanted_at = models.DateTimeField()  # the earliest time at which something goes out with it
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["media", "key"], name="rendition_once")]
        indexes = [
            models.Index(fields=["wanted_at"], name="rendition_to_make", condition=models.Q(state="pending"))
        ]


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


# ------------------------------------------------------------------------------------------------ schedule


class Tag(Owned):
    """A word that colleagues put on items to find them again. Names are unique whatever their case."""

    name = models.CharField(max_length=40)
    items = models.ManyToManyField(Item, related_name="tags", blank=True)

    class Meta:
        constraints = [models.UniqueConstraint("workspace", Lower("name"), name="tag_once")]
        ordering = ["name"]


class PlanSettings(Owned):
    """What holds for the whole workspace's plan, unless a channel says otherwise."""

    country = models.CharField(max_length=2, blank=True)  # ISO 3166-1: whose holidays; empty: nobody's
    lead_days = models.PositiveSmallIntegerField(default=0)  # content is wanted so many days earlier

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace"], name="plan_settings_once")]


class ChannelSchedule(Owned):
    """How a channel likes its posts. Its slots are :class:`PostingSlot`; no row means the defaults."""

    channel = models.OneToOneField(
        "channels.Channel", on_delete=models.CASCADE, related_name="posting_schedule"
    )
    closes_up = models.BooleanField(default=True)  # later posts of the queue move up when one is taken out
    min_gap = models.PositiveSmallIntegerField(default=30)  # minutes between two posts
    quiet_from = models.TimeField(null=True, blank=True)  # wall clock; may be later than `quiet_to`
    quiet_to = models.TimeField(null=True, blank=True)
    skip_holidays = models.BooleanField(default=False)  # on holidays its slots are not offered
    country = models.CharField(max_length=2, blank=True)  # empty: the workspace's
    lead_days = models.PositiveSmallIntegerField(null=True, blank=True)  # None: the workspace's


class PostingSlot(Owned):
    """A time of the week at which a channel likes to post, by the workspace's wall clock."""

    channel = models.ForeignKey("channels.Channel", on_delete=models.CASCADE, related_name="posting_slots")
    weekday = models.PositiveSmallIntegerField()  # Monday is 0
    at = models.TimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "weekday", "at"], name="posting_slot_once"),
            models.CheckConstraint(condition=models.Q(weekday__lt=7), name="posting_slot_weekday"),
        ]
        ordering = ["weekday", "at"]


class QueuePlace(Owned):
    """A variant that stands in its channel's queue: it has a slot's time and moves up if the queue closes up.

    Whoever gives the variant another time takes it out of the queue: then ``at`` is not its time any more.
    """

    variant = models.OneToOneField(Variant, on_delete=models.CASCADE, related_name="queue_place")
    at = models.DateTimeField()  # the slot it was given
    added_at = models.DateTimeField()


class PlanChange(Owned):
    """Something done to several items at once or by one gesture, kept so that it can be undone for a while.

    ``before`` and ``after``: item id → what :func:`spilno.publishing.rearranging.snapshot` says of it.
    """

    person = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=20)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    made_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["workspace", "made_at"], name="plan_change_by_time")]


class PlanView(Owned):
    """How somebody looks at the plan: the part of the address behind ``?``. The one without a name is the last used."""

    person = models.ForeignKey("team.Person", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60, blank=True)
    query = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="plan_view_once")]
        ordering = ["name"]


class CalendarFeed(Owned):
    """The plan as a calendar at a secret address: a person's, or of one channel. Deleting the row revokes it."""

    person = models.ForeignKey("team.Person", on_delete=models.CASCADE, related_name="+")
    channel = models.ForeignKey(
        "channels.Channel", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    token_hash = models.CharField(max_length=64, unique=True)
    secret = models.BinaryField()  # the sealed token, to show the address again
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "channel"], name="calendar_feed_once", nulls_distinct=False
            )
        ]


class PlanImport(Owned):
    """A table that somebody is about to import: its cells as they came, until it is confirmed or given up."""

    person = models.ForeignKey("team.Person", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    columns = models.JSONField(default=list)  # our names of the columns, "" for those we do not know
    rows = models.JSONField(default=list)  # [number in the file, [cells]]
    created_at = models.DateTimeField()
