"""What is collected here."""

from __future__ import annotations

import os

# Published descriptions of the networks' APIs are no part of the project: `make conformance` says where they lie.
collect_ignore = (
    [] if os.environ.get("SPILNO_SPECS") else ["test_conformance.py", "test_conformance_telegram.py"]
)
