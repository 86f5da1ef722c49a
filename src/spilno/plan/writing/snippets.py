"""Words and sets of hashtags that a workspace uses again and again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from spilno.kernel.errors import UserError
from spilno.plan.writing.models import Snippet
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require

MOST = 500
LENGTH = 3000


def of(workspace: Workspace) -> QuerySet[Snippet]:
    """The workspace's snippets by name."""
    return Snippet.objects.filter(workspace=workspace)


def put(
    *,
    workspace: Workspace,
    name: str,
    kind: str,
    text: str,
    by: Person | None,
    now: datetime,
    pk: UUID | None = None,
) -> Snippet:
    """Make a snippet, or change the one of that id. Words of a set of hashtags get their ``#``.

    :raises UserError: ``name_missing``, ``snippet_empty``, ``snippet_name_taken``, ``snippets_too_many``,
        ``text_far_too_long``, ``unknown_snippet``.
    """
    require(by, Permission.PLAN_EDIT)
    name, text = " ".join(name.split())[:60], text.strip().replace("\r\n", "\n")
    if not name:
        raise UserError("name_missing", field="name")
    if kind not in Snippet.Kind.values:
        raise UserError("unknown_snippet")
    if kind == Snippet.Kind.TAGS:
        text = hashtags(text)
    if not text:
        raise UserError("snippet_empty", field="text")
    if len(text) > LENGTH:
        raise UserError("text_far_too_long", field="text", limit=LENGTH)
    if pk is None:
        if of(workspace).count() >= MOST:
            raise UserError("snippets_too_many", limit=MOST)
        snippet = Snippet(workspace=workspace)
    else:
        found = of(workspace).filter(pk=pk).first()
        if found is None:
            raise UserError("unknown_snippet")
        snippet = found
    snippet.name, snippet.kind, snippet.text, snippet.by, snippet.updated_at = name, kind, text, by, now
    try:
        with transaction.atomic():
            snippet.save()
    except IntegrityError:
        raise UserError("snippet_name_taken", field="name", name=name) from None
    return snippet


def remove(*, workspace: Workspace, pk: UUID, by: Person | None) -> None:
    """It is not offered any more; posts keep the words."""
    require(by, Permission.PLAN_EDIT)
    of(workspace).filter(pk=pk).delete()


def hashtags(text: str) -> str:
    """Words as hashtags, each once: ``"книги, #Київ книги"`` → ``"#книги #Київ"``."""
    words = (one.strip("#.,;") for one in text.replace(",", " ").split())
    return " ".join(dict.fromkeys(f"#{one}" for one in words if one))
