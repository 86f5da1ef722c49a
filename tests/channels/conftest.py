"""The same stage as for publishing."""

from tests.publishing.stage import stage

__all__ = ["stage"]
