"""The command ``spilno``. Starts what a command needs (embedded database, Django) and nothing more."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from spilno.config.database import DatabaseTrouble, ensure
from spilno.config.env import read

app = typer.Typer(
    name="spilno",
    help="Spilno: one workspace for social media managers and community managers.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)

errors = Console(stderr=True)

# Commands that need neither the database nor Django.
ALONE = {"networks", "kpis", "check", "up"}


def fail(text: str) -> NoReturn:
    """One line on standard error, exit code 2."""
    errors.print(f"[bold red]spilno:[/] {' '.join(text.split())}", highlight=False, soft_wrap=True)
    raise typer.Exit(2)


def start_django() -> None:
    """Make the database answer, bring its tables up to date, load Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spilno.config.settings")
    ensure()
    import django

    django.setup()
    from spilno.config.migrations import bring_up_to_date

    bring_up_to_date()


def _help_asked() -> bool:
    return any(word in ("--help", "-h") for word in sys.argv[1:])


@app.callback()
def prepare(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as version_of

        typer.echo(version_of("spilno"))
        raise typer.Exit
    if context.invoked_subcommand not in ALONE and not _help_asked():
        start_django()


def register() -> None:
    """Collect the commands: those that translate (interfaces) and those that run the house (here)."""
    from spilno.config import backup, doctor, supervisor, work
    from spilno.interfaces.cli import cases, catalogues

    for module in (supervisor, work, cases, catalogues, doctor, backup):
        module.register(app)


def main() -> None:
    """Entry point: errors that a person can mend are one line and exit code 2."""
    register()
    try:
        code = app(standalone_mode=False)  # what typer.Exit carried, or what the command returned
        sys.exit(code if isinstance(code, int) else 0)
    except DatabaseTrouble as trouble:
        errors.print(f"[bold red]spilno:[/] {trouble}", highlight=False, soft_wrap=True)
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    except typer.TyperException as error:
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        errors.print(f"[bold red]spilno:[/] {text}", highlight=False, soft_wrap=True)
        sys.exit(2)
    except Exception as error:
        from spilno.kernel.errors import UserError

        if isinstance(error, UserError):
            _print_user_error(error)
            sys.exit(2)
        if read("SPILNO_DEBUG") == "1":
            raise
        errors.print(
            f"[bold red]spilno:[/] something unexpected happened: {type(error).__name__}: {error}. "
            "Set SPILNO_DEBUG=1 to see where.",
            highlight=False,
            soft_wrap=True,
        )
        sys.exit(2)


def _print_user_error(error: Exception) -> None:
    from spilno.interfaces.cli.words import lines_of

    for line in lines_of(error):
        errors.print(f"[bold red]spilno:[/] {line}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
