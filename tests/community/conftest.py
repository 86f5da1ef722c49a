"""A post that is out and under which people speak."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from spilno.briefs.services import create_initiative
from spilno.channels import access
from spilno.channels.models import Channel
from spilno.plan.services import create_item, put_variant
from spilno.publishing.models import Delivery
from spilno.publishing.services import record_past
from spilno.team.models import Community, Workspace
from spilno.team.services import create_community
from spilno.toolkit.networks.base import Said
from tests.conftest import NOW, Cast


@dataclass(frozen=True)
class Scene:
    workspace: Workspace
    community: Community
    channel: Channel
    delivery: Delivery


def scene_of(workspace: Workspace, *, network: str = "bluesky", key: str = "pm") -> Scene:
    community = create_community(
        workspace=workspace, name={"uk": "Менеджери", "en": "Managers"}, by=None, now=NOW, key=key
    )
    initiative = create_initiative(
        workspace=workspace,
        by=None,
        now=NOW,
        kind="event",
        title={"uk": "Зустріч"},
        starts_on=date(2026, 11, 1),
        ends_on=date(2026, 12, 1),
        community=community,
    )
    channel = Channel.objects.create(
        workspace=workspace,
        key=f"{key}-channel",
        network=network,
        name="Our channel",
        secret=access.sealed({"handle": "us", "app_password": "x"}),
        created_at=NOW,
    )
    item = create_item(
        workspace=workspace, by=None, now=NOW, title="Приходьте", text="Приходьте", initiative=initiative
    )
    variant = put_variant(item=item, channel=channel, by=None, now=NOW)
    delivery = record_past(
        variant=variant, published_at=NOW - timedelta(hours=5), external_id="post-1", url="", by=None, now=NOW
    )
    return Scene(
        workspace, community, channel, Delivery.objects.select_related("variant__item").get(pk=delivery.pk)
    )


def said(
    number: int, text: str = "Чи буде запис?", *, at: datetime = NOW, author: str = "", to: str = "post-1"
) -> Said:
    return Said(
        external_id=f"words-{number}",
        author=author or f"handle{number}.example.org",
        author_name=f"Ірина {number}",
        text=text,
        said_at=at,
        in_reply_to=to,
        url=f"https://example.org/{number}",
    )


@pytest.fixture
def scene(cast: Cast) -> Scene:
    return scene_of(cast.workspace)
