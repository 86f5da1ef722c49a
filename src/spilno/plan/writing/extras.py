"""What an item carries beside its words, as one row that exists only if something is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spilno.kernel.errors import UserError
from spilno.plan.models import Item
from spilno.plan.writing.models import ItemExtra, LinkMode, Pillar
from spilno.team.models import Workspace

COMMENT_MOST = 10_000


@dataclass(frozen=True)
class Extra:
    """``link_mode`` empty: the workspace's. ``pillar``: id, or empty."""

    link_mode: str = ""
    first_comment: str = ""
    pillar: str = ""

    def as_content(self) -> Mapping[str, str]:
        """As versions keep it."""
        return {"link_mode": self.link_mode, "first_comment": self.first_comment, "pillar": self.pillar}


def of(item: Item) -> Extra:
    """What is said of the item now, read anew."""
    found = ItemExtra.objects.filter(item=item).first()
    if found is None:
        return Extra()
    return Extra(found.link_mode, found.first_comment, str(found.pillar_id or ""))


def put(*, item: Item, extra: Extra, workspace: Workspace) -> None:
    """Save it. Who may is checked by those who save the item.

    :raises UserError: ``link_mode_unknown``, ``unknown_pillar``, ``text_far_too_long``.
    """
    if extra.link_mode and extra.link_mode not in LinkMode.values:
        raise UserError("link_mode_unknown", field="link_mode")
    if len(extra.first_comment) > COMMENT_MOST:
        raise UserError("text_far_too_long", field="first_comment", limit=COMMENT_MOST)
    pillar = None
    if extra.pillar:
        pillar = Pillar.objects.filter(workspace=workspace, pk=extra.pillar).first()
        if pillar is None:
            raise UserError("unknown_pillar", field="pillar")
    if not (extra.link_mode or extra.first_comment.strip() or pillar):
        ItemExtra.objects.filter(item=item).delete()
        return
    ItemExtra.objects.update_or_create(
        item=item,
        defaults={
            "workspace": workspace, "link_mode": extra.link_mode, "first_comment": extra.first_comment.strip(),
            "pillar": pillar,
        },
    )  # fmt: skip


def copy(*, of_item: Item, to: Item) -> None:
    """A duplicated item says the same."""
    said = of(of_item)
    if said != Extra():
        put(item=to, extra=said, workspace=to.workspace)
