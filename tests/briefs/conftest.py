from __future__ import annotations

from datetime import date

import pytest

from spilno.briefs import services
from spilno.briefs.models import Initiative
from spilno.channels.models import Channel
from tests.conftest import Cast


@pytest.fixture
def initiative(cast: Cast) -> Initiative:
    """An event of two weeks around ``cast.now``, its brief still empty."""
    return services.create_initiative(
        workspace=cast.workspace,
        by=cast.owner,
        now=cast.now,
        kind="event",
        title={"uk": "Agile після роботи"},
        starts_on=date(2026, 11, 16),
        ends_on=date(2026, 11, 30),
    )


@pytest.fixture
def group(cast: Cast) -> Channel:
    return Channel.objects.create(
        workspace=cast.workspace, key="group", network="reminder", name="PM community", created_at=cast.now
    )


@pytest.fixture
def strange_group(cast: Cast) -> Channel:
    """A channel of another workspace."""
    return Channel.objects.create(
        workspace=cast.other_workspace, key="group", network="reminder", name="Theirs", created_at=cast.now
    )
