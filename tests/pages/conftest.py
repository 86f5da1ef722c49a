"""An event with its registration page, and a post that leads to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from spilno.briefs.models import Initiative
from spilno.briefs.services import create_initiative
from spilno.channels.models import Channel
from spilno.pages.models import PublicPage
from spilno.pages.services import create_page
from spilno.plan.models import Variant
from spilno.plan.services import create_item, put_variant
from spilno.team.models import Workspace

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True)
class Stage:
    """What the tests of public pages play on."""

    workspace: Workspace
    initiative: Initiative
    page: PublicPage
    channel: Channel
    variant: Variant


def stage_of(
    workspace: Workspace, *, now: datetime, capacity: int | None = None, key: str = "agile"
) -> Stage:
    initiative = create_initiative(
        workspace=workspace,
        by=None,
        now=now,
        kind="event",
        title={"uk": "Agile після роботи", "en": "Agile after work"},
        starts_on=date(2026, 11, 10),
        ends_on=date(2026, 12, 1),
        slug=key,
    )
    page = create_page(
        initiative=initiative,
        by=None,
        now=now,
        kind="registration",
        body={"uk": "Зустріч для тих, хто керує проєктами.", "en": "For those who lead projects."},
        starts_at=datetime(2026, 12, 1, 16, 30, tzinfo=UTC),
        ends_at=datetime(2026, 12, 1, 18, 30, tzinfo=UTC),
        place={"uk": "Київ, вул. Січових Стрільців, 10"},
        capacity=capacity,
    )
    channel = Channel.objects.create(
        workspace=workspace, key=f"{key}-channel", network="bluesky", name="Our channel", created_at=now
    )
    item = create_item(
        workspace=workspace, by=None, now=now, title="Приходьте", text="Приходьте", initiative=initiative
    )
    variant = put_variant(item=item, channel=channel, by=None, now=now)
    return Stage(workspace, initiative, page, channel, variant)


@pytest.fixture
def stage(cast) -> Stage:  # type: ignore[no-untyped-def]
    return stage_of(cast.workspace, now=cast.now - timedelta(days=5))
