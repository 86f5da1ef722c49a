"""``python -m spilno.toolkit.networks``: what is declared about networks, as Markdown for their pages.

Without a name: one line per network. With one: the tables of its page in ``docs/networks/``.
"""

from __future__ import annotations

import sys

from spilno.toolkit.networks import all_networks
from spilno.toolkit.networks import base as contract
from spilno.toolkit.networks.base import Network, can

CAPABILITIES = (
    contract.Connects,
    contract.ConnectsByOAuth,
    contract.Refreshes,
    contract.Publishes,
    contract.Finds,
    contract.Replies,
    contract.Deletes,
    contract.ReadsInsights,
    contract.ReadsConversations,
    contract.ReadsLimits,
    contract.ReadsQuotas,
)


def capabilities(network: Network) -> list[str]:
    """Names of what the network can."""
    return [one.__name__ for one in CAPABILITIES if can(network, one)]


def tables(network: Network) -> str:
    """Declared data of a network as Markdown tables: connecting, placements, limits, counters."""
    lines = [f"Key: `{network.key}`. Can: {', '.join(capabilities(network)) or 'nothing by itself'}."]
    if network.rates:
        lines += [
            "",
            "| at most | counts | in seconds | per | checked | source |",
            "|---|---|---|---|---|---|",
        ]
        for one in network.rates:
            what = f"{one.counts} ({', '.join(one.placements)})" if one.placements else str(one.counts)
            lines.append(
                f"| {one.allowed} | {what} | {one.seconds} | {one.per} | {one.checked_on} | {one.source} |"
            )
    lines += ["", "| field | | secret | required | default |", "|---|---|---|---|---|"]
    for asked in (*network.app_fields, *network.credential_fields):
        lines.append(
            f"| `{asked.key}` | {asked.label['en']} | {'yes' if asked.secret else 'no'} "
            f"| {'yes' if asked.required else 'no'} | {asked.default or '–'} |"
        )
    lines += ["", "| placement | | counted in | once |", "|---|---|---|---|"]
    for place in network.placements:
        lines.append(f"| `{place.key}` | {place.label['en']} | {place.counting} | `{place.once}` |")
    lines += ["", "| placement | limit | value | unit | checked | source |", "|---|---|---|---|---|---|"]
    for place in network.placements:
        for entry in place.limits:
            value = "–" if entry.value is None else entry.value
            lines.append(
                f"| `{place.key}` | `{entry.key}` | {value} | {entry.unit} | {entry.checked_on} | {entry.source} |"
            )
    if network.metrics:
        lines += ["", "| theirs | ours |", "|---|---|"]
        lines += [f"| {theirs} | `{ours}` |" for theirs, ours in network.metrics.items()]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Print to standard output; 2 for an unknown network."""
    networks = all_networks()
    if not arguments:
        for key, network in networks.items():
            print(f"{key:16} {network.label['en']:16} {', '.join(capabilities(network)) or 'reminder'}")
        return 0
    if arguments[0] not in networks:
        print(f"no network {arguments[0]!r}: one of {', '.join(networks)}", file=sys.stderr)
        return 2
    print(tables(networks[arguments[0]]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
