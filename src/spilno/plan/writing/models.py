"""Versions of an item, people who have it open, words that were typed and not saved."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from spilno.kernel.models import Owned


class Why(models.TextChoices):
    """How a version came to be."""

    FIRST = "first", _("First version")
    SAVED = "saved", _("Saved")
    RESTORED = "restored", _("Brought back")
    ELSEWHERE = "elsewhere", _("Changed in the plan")


class ItemVersion(Owned):
    """What an item said after somebody had saved it. ``content``: :func:`spilno.plan.writing.versions.content_of`."""

    item = models.ForeignKey("plan.Item", on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()  # counted within the item, from 1
    item_version = models.PositiveIntegerField()  # plan.Item.version when it was saved
    by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    why = models.CharField(max_length=10, choices=Why.choices, default=Why.SAVED)
    restored = models.PositiveIntegerField(null=True, blank=True)  # the version that was brought back
    content = models.JSONField(default=dict)
    begun_at = (
        models.DateTimeField()
    )  # several savings of one person shortly after each other are one version
    made_at = models.DateTimeField()  # the last of them

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "number"], name="item_version_once")]
        ordering = ["-number"]


class Presence(Owned):
    """Somebody has the item open in the composer. The row says until when that is known."""

    item = models.ForeignKey("plan.Item", on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey("team.Person", on_delete=models.CASCADE, related_name="+")
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "person"], name="presence_once")]
        indexes = [models.Index(fields=["until"], name="presence_by_end")]


class TypedDraft(Owned):
    """What a person typed into the composer and did not save: of an item, or (without one) of a new post."""

    person = models.ForeignKey("team.Person", on_delete=models.CASCADE, related_name="+")
    item = models.ForeignKey("plan.Item", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    fields = models.JSONField(default=dict)  # the form: name → values
    item_version = models.PositiveIntegerField(default=0)  # of the item that was read before typing
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "item"], name="typed_draft_once", nulls_distinct=False)
        ]
        indexes = [models.Index(fields=["saved_at"], name="typed_draft_by_age")]


# ------------------------------------------------------------------------------------------------ what one writes with


class Snippet(Owned):
    """Words that are used again and again, or a set of hashtags."""

    class Kind(models.TextChoices):
        TEXT = "text", _("Text")
        TAGS = "tags", _("Hashtags")

    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=5, choices=Kind.choices, default=Kind.TEXT)
    text = models.TextField(max_length=3000)
    by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("workspace", Lower("name"), name="snippet_once")]
        ordering = ["name"]


class Handle(Owned):
    """What somebody is called on a network: ``@name`` in a text becomes ``handle`` there.

    Without a network: the words that stand wherever nothing else is known.
    """

    name = models.CharField(max_length=60)  # what is typed behind the @
    network = models.CharField(max_length=40, blank=True)
    handle = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint("workspace", Lower("name"), "network", name="handle_once")]
        ordering = ["name", "network"]


# ------------------------------------------------------------------------------------------------ links


class LinkMode(models.TextChoices):
    """How a post's link goes out."""

    PLAIN = "plain", _("As it is")
    UTM = "utm", _("With UTM parameters")
    SHORT = "short", _("As a short link that counts visits")


class LinkRules(Owned):
    """What becomes of links in the workspace. Patterns: :mod:`spilno.plan.writing.links`."""

    mode = models.CharField(max_length=5, choices=LinkMode.choices, default=LinkMode.PLAIN)
    source = models.CharField(max_length=120, blank=True, default="{network}")
    medium = models.CharField(max_length=120, blank=True, default="{medium}")
    campaign = models.CharField(max_length=120, blank=True, default="{initiative}")
    content = models.CharField(max_length=120, blank=True, default="{item}")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace"], name="link_rules_once")]


# ------------------------------------------------------------------------------------------------ rubrics and ideas


class Pillar(Owned):
    """A rubric: what part of the content shall be about it, in percent (``None``: not agreed)."""

    name = models.CharField(max_length=60)
    colour = models.PositiveSmallIntegerField(default=1)  # 1 to 8: a colour of the tokens
    share = models.PositiveSmallIntegerField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint("workspace", Lower("name"), name="pillar_once")]
        ordering = ["name"]

    @property
    def hue(self) -> int:
        """Of its colour, in degrees; lightness and chroma are the style sheet's."""
        return self.colour * 45


class Idea(Owned):
    """Something that may become a post."""

    class State(models.TextChoices):
        NEW = "new", _("New")
        SHAPING = "shaping", _("Taking shape")
        READY = "ready", _("Ready to write")
        GROWN = "grown", _("Became a post")

    title = models.CharField(max_length=200)
    note = models.TextField(blank=True, max_length=5000)
    state = models.CharField(max_length=8, choices=State.choices, default=State.NEW)
    position = models.FloatField(default=0)  # within the state, from above
    pillar = models.ForeignKey(Pillar, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    initiative = models.ForeignKey(
        "briefs.Initiative", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    by = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    item = models.ForeignKey("plan.Item", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["workspace", "state", "position"], name="idea_on_board")]
        ordering = ["position"]


class ItemExtra(Owned):
    """What an item carries beside its words: how its link goes out, the first comment, its rubric."""

    carried_along = True  # a copy of the post has it, too

    item = models.OneToOneField("plan.Item", on_delete=models.CASCADE, related_name="extra")
    link_mode = models.CharField(max_length=5, choices=LinkMode.choices, blank=True)  # empty: the workspace's
    first_comment = models.TextField(blank=True)
    pillar = models.ForeignKey(
        Pillar, null=True, blank=True, on_delete=models.SET_NULL, related_name="extras"
    )
