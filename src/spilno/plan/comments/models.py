"""Comments. A thread is a comment with its answers; only its beginning can be resolved."""

from __future__ import annotations

from django.db import models

from spilno.kernel.models import Owned


class Comment(Owned):
    """Something said about an item, about it on one channel (``variant``), or about a place of a picture
    (``media`` with ``x`` and ``y``, parts of its width and height from the upper left corner).

    ``for_guests``: guests with a link to the item see it; an answer is seen by who sees its thread.
    """

    item = models.ForeignKey("plan.Item", on_delete=models.CASCADE, related_name="comments")
    variant = models.ForeignKey("plan.Variant", null=True, on_delete=models.SET_NULL, related_name="+")
    media = models.ForeignKey("plan.Media", null=True, on_delete=models.SET_NULL, related_name="+")
    x = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    y = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    answers = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="replies")
    person = models.ForeignKey("team.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    guest = models.ForeignKey("plan.GuestReviewer", null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=120)  # as they were called then
    text = models.TextField()
    for_guests = models.BooleanField(default=False)
    mentions = models.ManyToManyField("team.Person", related_name="+")
    at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=120, blank=True)
    told_at = models.DateTimeField(null=True)  # when those concerned were told by mail

    class Meta:
        ordering = ["at"]
        indexes = [
            models.Index(fields=["item", "at"], name="comment_by_item"),
            models.Index(fields=["at"], name="comment_untold", condition=models.Q(told_at__isnull=True)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(x__isnull=True, y__isnull=True)
                | models.Q(x__gte=0, x__lte=1, y__gte=0, y__lte=1),
                name="comment_place",
            )
        ]
