"""``@name`` in a text becomes what that person or page is called on each network.

Names are the workspace's own table (:class:`Handle`). What is not in it stays as it was typed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

import regex
from django.db.models import QuerySet
from django.db.models.functions import Lower

from spilno.kernel.errors import UserError
from spilno.plan.writing.models import Handle
from spilno.team import audit
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require
from spilno.toolkit.networks import registry

NAME = regex.compile(r"(?<![\p{L}\p{N}_@/.])@([\p{L}\p{N}_](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}_])?)")
GOOD_NAME = regex.compile(r"[\p{L}\p{N}_](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}_])?")

Names = Mapping[str, Mapping[str, str]]
"""Name in lower case → network (``""``: everywhere else) → what stands there."""

NOBODY: Names = {}


def names_of(workspaces: Collection[UUID]) -> dict[UUID, dict[str, dict[str, str]]]:
    """The tables of workspaces."""
    found: dict[UUID, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    rows = Handle.objects.filter(workspace__in=workspaces).annotate(low=Lower("name"))
    for workspace, name, network, handle in rows.values_list("workspace_id", "low", "network", "handle"):
        found[workspace][name][network] = handle
    return found


def names_for(workspace: UUID, texts: Iterable[str]) -> Names:
    """The workspace's table, asked for only if somebody is named."""
    return names_of([workspace])[workspace] if any("@" in one for one in texts) else NOBODY


def resolved(text: str, network: str, names: Names) -> str:
    """The text as it reads on the network (its key)."""
    if not names or "@" not in text:
        return text

    def put(match: regex.Match[str]) -> str:
        known = names.get(match[1].lower())
        if known is None:
            return str(match[0])
        return known.get(network) or known.get("") or str(match[1])

    return str(NAME.sub(put, text))


def rows_of(workspace: Workspace) -> QuerySet[Handle]:
    """The workspace's table, row by row, by name."""
    return Handle.objects.filter(workspace=workspace)


def put_name(
    *,
    workspace: Workspace,
    name: str,
    handles: Mapping[str, str],
    by: Person | None,
    now: datetime,
    was: str = "",
) -> None:
    """Say what somebody is called: network's key (``""``: everywhere else) → handle. Empty ones are taken away.

    :param was: the name under which they are known now, if it changes.
    :raises UserError: ``name_missing``, ``mention_name_wrong``, ``mention_name_taken``, ``unknown_network``,
        ``mention_without_handle``.
    """
    require(by, Permission.PLAN_EDIT)
    name = name.strip().lstrip("@").strip()
    if not name:
        raise UserError("name_missing", field="name")
    if len(name) > 60 or not GOOD_NAME.fullmatch(name):
        raise UserError("mention_name_wrong", field="name", name=name[:60])
    known = registry.all_networks()
    if wrong := next((one for one in handles if one and one not in known), None):
        raise UserError("unknown_network", network=wrong[:40])
    wanted = {key: value.strip()[:120] for key, value in handles.items() if value.strip()}
    if not wanted:
        raise UserError("mention_without_handle", field="handle-")
    rows = Handle.objects.filter(workspace=workspace)
    if name.lower() != was.lower() and rows.filter(name__iexact=name).exists():
        raise UserError("mention_name_taken", field="name", name=name)
    rows.filter(name__iexact=was or name).delete()
    Handle.objects.bulk_create(
        Handle(workspace=workspace, name=name, network=key, handle=value) for key, value in wanted.items()
    )
    audit.record(
        workspace=workspace, by=by, action="mention.changed", object_kind="mention", object_id=workspace.pk,
        now=now, title=name,
    )  # fmt: skip


def remove_name(*, workspace: Workspace, name: str, by: Person | None) -> None:
    """``@name`` is a word like any other again."""
    require(by, Permission.PLAN_EDIT)
    Handle.objects.filter(workspace=workspace, name__iexact=name).delete()
