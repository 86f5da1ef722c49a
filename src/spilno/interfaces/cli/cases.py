"""Commands that take whole cases in and out: ``import``, ``report``, ``demo``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from spilno.kernel import clock
from spilno.kernel.errors import UserError

notes = Console(stderr=True)


@contextmanager
def progress(text: str) -> Iterator[None]:
    """A moving bar while something long happens; nothing when the output is not a terminal."""
    if not notes.is_terminal:
        yield
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=notes, transient=True
    ) as bar:
        bar.add_task(text, total=None)
        yield


class ReportFormat(StrEnum):
    JSON = "json"
    PDF = "pdf"
    HTML = "html"


def import_case(
    folder: Annotated[Path, typer.Argument(help="Folder with case.toml and its CSV files.")],
    workspace: Annotated[
        str, typer.Option(help="Workspace to import into; default: the one that case.toml names.")
    ] = "",
) -> None:
    """Take in a case folder: all of it, or nothing. Importing again takes in only what changed."""
    from spilno.exchange.cases import import_case as take_in
    from spilno.team.models import Workspace

    target = None
    if workspace:
        target = Workspace.objects.filter(slug=workspace).first()
        if target is None:
            raise UserError("unknown_workspace", workspace=workspace)
    with progress(f"Importing {folder} …"):
        result = take_in(folder=folder, now=clock.now(), workspace=target)
    typer.echo(
        f"{result.workspace.slug}/{result.initiative.slug}: "
        f"{result.created} created, {result.changed} changed, {result.unchanged} unchanged"
    )


def report(
    slug: Annotated[str, typer.Argument(help="The initiative's slug, or WORKSPACE/SLUG.")],
    format: Annotated[ReportFormat, typer.Option("--format", help="What to make.")] = ReportFormat.JSON,
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    language: Annotated[str, typer.Option(help="uk, en or ru; default: the workspace's language.")] = "",
) -> None:
    """The results report of an initiative."""
    from django.utils import translation

    from spilno.briefs.models import Initiative
    from spilno.reports.queries import results_report

    workspace_slug, _, own_slug = slug.rpartition("/")
    found = Initiative.objects.select_related("workspace").filter(slug=own_slug)
    if workspace_slug:
        found = found.filter(workspace__slug=workspace_slug)
    matches = list(found[:2])
    if not matches:
        raise UserError("unknown_initiative", slug=slug)
    if len(matches) > 1:
        raise UserError("ambiguous_initiative", slug=slug)
    initiative = matches[0]
    chosen = language or initiative.workspace.language
    if chosen not in ("uk", "en", "ru"):
        raise UserError("unknown_language", language=chosen)
    with progress("Making the report …"), translation.override(chosen):
        made = results_report(
            workspace=initiative.workspace, initiative=initiative, language=chosen, now=clock.now()
        )
        if format is ReportFormat.PDF:
            from spilno.reports.pdf import render_pdf

            content = render_pdf(made)
        elif format is ReportFormat.HTML:
            from spilno.reports.html import render_html

            content = render_html(made).encode()
        else:
            from spilno.reports.document import to_json

            content = (json.dumps(to_json(made), ensure_ascii=False, indent=2) + "\n").encode()
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        raise UserError("file_not_written", file=str(out), reason=error.strerror or "") from error
    notes.print(f"{out}: {len(content):,} bytes", highlight=False)


def demo() -> None:
    """Load the demo workspace: a finished case, a living campaign, two colleagues, practice networks."""
    from spilno.exchange import demo as demo_workspace

    with progress("Loading the demo workspace …"):
        workspace = demo_workspace.load(now=clock.now())
    typer.echo(f"{workspace.slug}: {workspace.name}")


def register(app: typer.Typer) -> None:
    app.command("import")(import_case)
    app.command()(report)
    app.command()(demo)
