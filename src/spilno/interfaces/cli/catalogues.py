"""Commands that tell what Spilno knows: ``networks``, ``kpis``, ``check``. They need no database."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from spilno.kernel.errors import UserError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _print_table(table: Table) -> None:
    """In a pipe there is no width to fit into: nothing is cut off."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)


def _print_json(value: Any) -> None:
    def plain(thing: Any) -> Any:
        if isinstance(thing, Decimal):
            return int(thing) if thing == thing.to_integral_value() else float(thing)
        return str(thing)

    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=plain))


def networks(as_json: AsJson = False) -> None:
    """Networks, their placements, limits and how a post is made to happen once."""
    from spilno.toolkit.networks import all_networks
    from spilno.toolkit.networks.base import (
        Connects,
        ConnectsByOAuth,
        Deletes,
        Finds,
        Publishes,
        ReadsConversations,
        ReadsInsights,
        can,
    )

    capabilities = (Connects, ConnectsByOAuth, Publishes, Finds, ReadsInsights, ReadsConversations, Deletes)
    rows = [
        {
            "key": network.key,
            "label": dict(network.label),
            "by_hand": network.by_hand,
            "practice": network.practice,
            "capabilities": [one.__name__ for one in capabilities if can(network, one)],
            "placements": [
                {
                    "key": placement.key,
                    "label": dict(placement.label),
                    "once": placement.once.value,
                    "counting": placement.counting.value,
                    "limits": [asdict(one) for one in placement.limits],
                }
                for placement in network.placements
            ],
        }
        for network in all_networks().values()
    ]
    if as_json:
        _print_json(rows)
        return
    table = Table("network", "placement", "once", "text", "capabilities", show_lines=False)
    for network in all_networks().values():
        can_do = ", ".join(one.__name__ for one in capabilities if can(network, one)) or "reminder"
        for number, placement in enumerate(network.placements):
            text = placement.limit("text")
            table.add_row(
                network.key if number == 0 else "",
                placement.key,
                placement.once.value,
                f"{text} {placement.counting.value}" if text is not None else "–",
                can_do if number == 0 else "",
            )
    _print_table(table)


def kpis(as_json: AsJson = False) -> None:
    """The KPI catalogue: what is measured, how, and who answers for it."""
    from spilno.toolkit.metrics.catalogue import all_definitions

    definitions = list(all_definitions())
    if as_json:
        _print_json([asdict(one) for one in definitions])
        return
    table = Table("key", "what", "formula", "unit", "better", "role", "department", "version")
    for one in definitions:
        table.add_row(
            one.key, one.label["en"], str(one.formula), str(one.unit), str(one.better), str(one.role),
            str(one.department), str(one.version),
        )  # fmt: skip
    _print_table(table)


def check(
    network: Annotated[str, typer.Option(help="Key of the network, as `spilno networks` lists it.")],
    placement: Annotated[str, typer.Option(help="Placement, e.g. post or story.")] = "post",
    text_file: Annotated[
        Path | None, typer.Option(help="File with the text; default: standard input.")
    ] = None,
    link: Annotated[str, typer.Option(help="Link that goes with the text.")] = "",
    as_json: AsJson = False,
) -> None:
    """Would this text be accepted? Length as the network counts it, its limit, and every problem."""
    from spilno.toolkit.networks import get
    from spilno.toolkit.networks.check import check as check_post

    try:
        chosen = get(network)
    except KeyError:
        raise UserError("unknown_network", network=network) from None
    try:
        place = chosen.placement(placement)
    except KeyError:
        raise UserError(
            "unknown_placement", placement=placement, known=", ".join(one.key for one in chosen.placements)
        ) from None
    try:
        raw = text_file.read_bytes() if text_file else sys.stdin.buffer.read()
        text = raw.decode("utf-8-sig").removesuffix("\n")
    except OSError as error:
        raise UserError("file_not_read", file=str(text_file), reason=error.strerror or "") from error
    except UnicodeDecodeError as error:
        raise UserError("not_utf8", file=str(text_file or "-")) from error
    found = check_post(network=chosen, placement=place.key, text=text, link=link)
    problems: list[dict[str, Any]] = [
        {"code": one.code, "level": one.level, "field": one.field, "params": dict(one.params)}
        for one in found.problems
    ]
    if as_json:
        _print_json(
            {
                "network": network,
                "placement": placement,
                "length": found.length,
                "limit": found.limit,
                "counting": str(found.counting),
                "problems": problems,
            }
        )
    else:
        typer.echo(f"{found.length} of {found.limit if found.limit is not None else '∞'} ({found.counting})")
        for one in problems:
            values = ", ".join(f"{key}={value}" for key, value in one["params"].items())
            typer.echo(f"{one['level']}: {one['code']} {values}".rstrip())
    if any(one["level"] == "error" for one in problems):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    for command in (networks, kpis, check):
        app.command()(command)
