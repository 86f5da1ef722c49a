"""Bases of all rows."""

from __future__ import annotations

from django.db import models

from spilno.kernel.ids import new_id


class Row(models.Model):
    """A row with a UUIDv7 as primary key."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


class Owned(Row):
    """A row that belongs to one workspace. Every query names the workspace."""

    workspace = models.ForeignKey("team.Workspace", on_delete=models.CASCADE, related_name="+")

    class Meta:
        abstract = True
