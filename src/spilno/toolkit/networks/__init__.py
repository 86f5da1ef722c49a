"""One file per network; found by listing this package."""

from spilno.toolkit.networks.registry import all_networks, get

__all__ = ["all_networks", "get"]
