"""``spilno doctor``: what is configured, what is reachable, what would fail, and how to mend it."""

from __future__ import annotations

import json
import shutil
import smtplib
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated

import typer
from django.conf import settings
from django.db import connection
from rich.console import Console
from rich.table import Table

from spilno.config.database import OLDEST, is_embedded
from spilno.config.env import read
from spilno.config.migrations import pending
from spilno.kernel import clock

OK, WARN, BAD = "ok", "warning", "problem"
_LOW_DISK = 1 << 30  # bytes


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``mend`` says what to do when it is not all right."""

    what: str
    state: str
    detail: str
    mend: str = ""


def _data() -> Iterator[Finding]:
    free = shutil.disk_usage(settings.DATA).free
    detail = f"{settings.DATA}, {free / (1 << 30):.1f} GB free"
    if free < _LOW_DISK:
        yield Finding(
            "data folder", WARN, detail, "Free some disk space: uploads and the database will fail."
        )
    else:
        yield Finding("data folder", OK, detail)
    for name in ("credentials.key", "signing.key"):
        path = settings.DATA / "keys" / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Finding(name, BAD, "readable by other users", f"chmod 600 {path}")


def _database() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), pg_database_size(current_database())")
        version, size = cursor.fetchone()
    kind = "embedded" if is_embedded() else "from DATABASE_URL"
    yield Finding(
        "database", OK, f"PostgreSQL {version} ({kind}, needs {OLDEST}+), {size / (1 << 20):.0f} MB"
    )
    missing = pending()
    if missing:
        yield Finding(
            "tables", BAD, f"{missing} migrations missing", "Run `spilno up` once; it brings them up to date."
        )
    else:
        yield Finding("tables", OK, "up to date")


def _built() -> Iterator[Finding]:
    bundle = settings.PACKAGE / "interfaces" / "web" / "static" / "build" / "app.css"
    if bundle.exists():
        yield Finding("pages", OK, "styles and scripts are built")
    else:
        yield Finding("pages", BAD, "styles and scripts are not built", "Run `make build`.")
    missing = [
        one
        for one in ("uk", "ru")
        if not (settings.PACKAGE / "locale" / one / "LC_MESSAGES" / "django.mo").exists()
    ]
    if missing:
        yield Finding("languages", BAD, f"not compiled: {', '.join(missing)}", "Run `make build`.")
    else:
        yield Finding("languages", OK, "uk, en, ru")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _processes() -> Iterator[Finding]:
    port = int(read("SPILNO_PORT"))
    if _listens(port):
        yield Finding(
            "web server", OK, f"answers on port {port}; public address {settings.SPILNO_PUBLIC_URL}"
        )
    else:
        yield Finding("web server", WARN, f"nothing on port {port}", "Start it with `spilno up`.")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > %s",
            [clock.now() - timedelta(minutes=2)],
        )
        workers = cursor.fetchone()[0]
    if workers:
        yield Finding("workers", OK, f"{workers} at work")
    else:
        yield Finding(
            "workers",
            WARN,
            "none at work: nothing is published",
            "Start one with `spilno up` or `spilno worker`.",
        )
    if (settings.DATA / "practice" / "state.json").exists() and not _listens(
        int(read("SPILNO_PRACTICE_PORT"))
    ):
        yield Finding("practice networks", WARN, "do not answer", "They run while `spilno up` runs.")


def _mail() -> Iterator[Finding]:
    if not read("SPILNO_MAIL_URL"):
        yield Finding(
            "mail", WARN, f"written to {settings.DATA / 'mail'}, not sent",
            "Set SPILNO_MAIL_URL=smtp://user:password@host:port for invitations, password resets and reminders.",
        )  # fmt: skip
        return
    try:
        with (
            smtplib.SMTP_SSL(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=10)
            if getattr(settings, "EMAIL_USE_SSL", False)
            else smtplib.SMTP(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=10) as server
        ):
            server.noop()
        yield Finding("mail", OK, f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} answers")
    except (OSError, smtplib.SMTPException) as error:
        yield Finding(
            "mail", BAD, f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}: {error}", "Check SPILNO_MAIL_URL."
        )


def _channels() -> Iterator[Finding]:
    from spilno.channels.models import Channel, Health

    for channel in (
        Channel.objects.filter(is_active=True).select_related("workspace").order_by("workspace__slug")
    ):
        name = f"{channel.workspace.slug}: {channel.name} ({channel.network})"
        if channel.health == Health.RECONNECT:
            yield Finding(
                name, BAD, "no longer accepted by the network", "Open Networks and connect it again."
            )
        elif channel.health == Health.TROUBLE:
            yield Finding(
                name, WARN, f"does not answer ({channel.health_code})", "Open Networks to see since when."
            )


def _public() -> Iterator[Finding]:
    if settings.DEBUG:
        yield Finding("debug", WARN, "SPILNO_DEBUG is on", "Never leave it on where others can reach Spilno.")
    if read("SPILNO_HOST") not in ("127.0.0.1", "localhost") and not settings.SPILNO_PUBLIC_URL.startswith(
        "https://"
    ):
        yield Finding(
            "public address", WARN, f"{settings.SPILNO_PUBLIC_URL} is not encrypted",
            "Put a proxy with HTTPS in front and set SPILNO_PUBLIC_URL=https://…",
        )  # fmt: skip


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _data, _database, _built, _processes, _mail, _channels, _public,
)  # fmt: skip


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """What is configured, what is reachable, what would fail, and how to mend it. Exit code 1 if something is wrong."""
    findings = [finding for check in CHECKS for finding in check()]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in findings], ensure_ascii=False, indent=2))
    else:
        marks = {OK: "[green]✓ ok[/]", WARN: "[yellow]! look[/]", BAD: "[red]✗ mend[/]"}
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for one in findings:
            table.add_row(marks[one.state], one.what, one.detail + (f"\n→ {one.mend}" if one.mend else ""))
        Console().print(table)
    if any(one.state == BAD for one in findings):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    app.command()(doctor)
