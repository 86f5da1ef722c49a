"""What is collected here."""

from __future__ import annotations

import os
from pathlib import Path

# Published descriptions of the networks' APIs are no part of the project: `make conformance` says where they lie.
collect_ignore = (
    []
    if os.environ.get("SPILNO_SPECS")
    else [one.name for one in Path(__file__).parent.glob("test_conformance*.py")]
)
