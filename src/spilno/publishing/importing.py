"""Writing a checked table into the plan: all of its good rows or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from spilno.kernel.errors import UserError
from spilno.plan import tags
from spilno.plan.models import Item, PlanChange, PlanImport
from spilno.plan.services import Draft, VariantDraft
from spilno.plan.transfer.columns import LINK, POST, RESERVE, SCHEDULED, TAGS, TEXT, TITLE
from spilno.plan.transfer.rows import Checked, check_rows
from spilno.publishing import composition
from spilno.publishing.composition import Action
from spilno.publishing.rearranging import snapshot
from spilno.team import audit
from spilno.team.models import Person
from spilno.team.permissions import Permission, require


@transaction.atomic
def apply(*, plan_import: PlanImport, by: Person, now: datetime) -> tuple[list[Item], PlanChange]:
    """Write the rows that are good, as they are now; those that are not stay in the import to be mended.

    Rows with the same post number become one post. An import without rows left goes away.

    :raises UserError: ``import_gone``, ``nothing_to_import``, and with ``row`` among its values whatever a row meets
        that no check foresaw: then nothing at all is written.
    """
    require(by, Permission.PLAN_EDIT)
    held = (
        PlanImport.objects.select_for_update(of=("self",))
        .select_related("workspace", "person")
        .filter(pk=plan_import.pk)
        .first()
    )
    if held is None:
        raise UserError("import_gone")
    rows = check_rows(plan_import=held, now=now)
    good = [one for one in rows if one.good]
    bad = {one.number for one in rows if not one.good}
    # Of a post in several rows all or none.
    waiting = {one.said(POST).casefold() for one in rows if not one.good and one.said(POST)}
    good = [one for one in good if not one.said(POST) or one.said(POST).casefold() not in waiting]
    if not good:
        raise UserError("nothing_to_import")
    groups: dict[str, list[Checked]] = {}
    for row in good:
        groups.setdefault(row.said(POST).casefold() or f"row {row.number}", []).append(row)
    made = []
    for group in groups.values():
        try:
            made.append(_write(held, group, by, now))
        except UserError as error:
            raise UserError("import_row_refused", row=group[0].number, error=error) from error
    written = {one.number for one in good}
    left = [[number, cells] for number, cells in held.rows if number not in written]
    assert {number for number, _cells in left} >= bad
    if left:
        PlanImport.objects.filter(pk=held.pk).update(rows=left)
    else:
        held.delete()
    change = PlanChange.objects.create(
        workspace=plan_import.workspace, person=by, kind="imported", made_at=now, before={},
        after=snapshot(plan_import.workspace, [one.pk for one in made]),
    )  # fmt: skip
    audit.record(
        workspace=plan_import.workspace, by=by, action="plan.imported", object_kind="plan", object_id=change.pk,
        now=now, posts=len(made), file=plan_import.name,
    )  # fmt: skip
    return made, change


def _write(held: PlanImport, group: Sequence[Checked], by: Person, now: datetime) -> Item:
    first = group[0]
    variants = [
        VariantDraft(
            channel=channel,
            placement=placement,
            text="" if row.said(TEXT) == first.said(TEXT) else row.said(TEXT),
            publish_at=None if row.state == RESERVE else row.at,
        )
        for row in group
        for channel, placement in row.places
    ]
    draft = Draft(
        title=first.said(TITLE),
        text=first.said(TEXT),
        link=first.said(LINK),
        initiative=first.initiative,
        reserve=first.state == RESERVE,
        media=first.media,
        variants=variants,
    )
    scheduled = first.state == SCHEDULED and bool(variants)
    item = composition.save(
        workspace=held.workspace, draft=draft, by=by, now=now,
        action=Action.SCHEDULE if scheduled else Action.KEEP,
    )  # fmt: skip
    if names := tags.read_names(first.said(TAGS)):
        tags.set_tags(item=item, names=names, by=by)
    return item
