"""The stage of the publishing tests."""

from tests.publishing.stage import stage, store

__all__ = ["stage", "store"]
