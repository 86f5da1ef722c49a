from __future__ import annotations

from pathlib import Path

import pytest

import spilno.exchange


@pytest.fixture
def case_folder() -> Path:
    """The reference case, as the package brings it."""
    return Path(spilno.exchange.__file__).parent / "data" / "charity-book-sale"
