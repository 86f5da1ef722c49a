"""Who and what is there before the campaign: a workspace, two colleagues, their communities, channels, a past case."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from spilno.channels import services as channels
from spilno.channels.models import Channel
from spilno.exchange.cases import import_case
from spilno.exchange.demo import pictures, words
from spilno.plan import services as plan
from spilno.plan.models import Item
from spilno.team.models import Community, Person, Role, User, Workspace
from spilno.team.services import add_person, create_community, create_workspace, slug_for
from spilno.toolkit.practice import Practice

CASE = Path(__file__).resolve().parent.parent / "data" / "charity-book-sale"
SLUG = "delivery-house"
ACCOUNT = "delivery.house"
PAGE = "delivery.house.kyiv"


@dataclass(frozen=True)
class House:
    """The demo's workspace and who is in it."""

    workspace: Workspace
    cm: Person
    smm: Person
    community: Community
    mentors: Community
    channels: dict[str, Channel]


def build_house(*, now: datetime, network: Practice) -> House:
    """The workspace with two people who sign in by one click, the finished case, and channels that work."""
    then = now - timedelta(days=40)
    workspace = create_workspace(
        name="Delivery House",
        slug=slug_for(SLUG, taken=Workspace.objects.values_list("slug", flat=True)),
        now=then,
        is_demo=True,
    )
    cm = _colleague(workspace, "cm", "Olena Bondar", [Role.COMMUNITY_MANAGER], then)
    smm = _colleague(workspace, "smm", "Taras Melnyk", [Role.SMM_MANAGER, Role.DESIGNER], then)
    import_case(folder=CASE, now=then, workspace=workspace)
    cm.refresh_from_db()
    smm.refresh_from_db()
    community = Community.objects.get(workspace=workspace, key="pm-community")
    mentors = create_community(
        workspace=workspace,
        name=words.COMMUNITY,
        kind="volunteering",
        key="mentors",
        owner=cm,
        by=None,
        now=then,
    )
    house = House(workspace, cm, smm, community, mentors, _channels(workspace, smm, now, network))
    _paint_case(house, then)
    return house


def _colleague(workspace: Workspace, key: str, name: str, roles: list[Role], now: datetime) -> Person:
    email = f"{name.split()[0].lower()}@{workspace.slug}.example"
    user = User.objects.create_user(email, None, name=name, language="uk", is_demo=True)
    return add_person(
        workspace=workspace,
        key=key,
        name=name,
        roles=roles,
        department="marketing",
        by=None,
        now=now,
        user=user,
    )


def _channels(workspace: Workspace, smm: Person, now: datetime, network: Practice) -> dict[str, Channel]:
    """Two accounts on the practice networks: the case's own one connected, and a page added; a group by hand."""
    since = now - timedelta(days=60)
    network.state.add_account(
        network="instagram", name=ACCOUNT, title="Delivery House", followers=2310, since=since
    )
    network.state.add_account(
        network="facebook", name=PAGE, title="Delivery House", followers=1180, since=since
    )
    # Not connected: whoever wants to practise goes through its consent page.
    for other, followers in (("youtube", 640), ("linkedin", 910)):
        network.state.add_account(
            network=other, name=PAGE, title="Delivery House", followers=followers, since=since
        )
    known = {one.key: one for one in Channel.objects.filter(workspace=workspace)}
    known["instagram"] = channels.reconnect(
        channel=known["instagram"],
        by=smm,
        now=now,
        credentials={"access_token": f"practice-{ACCOUNT}", "graph_url": network.graph_url},
    )
    known["facebook-page"] = channels.connect(
        workspace=workspace,
        by=smm,
        now=now,
        network="facebook_page",
        name="Delivery House",
        purpose="brand",
        credentials={"access_token": f"practice-{PAGE}", "graph_url": network.graph_url},
        owner=smm,
        key="facebook-page",
    )
    return known


def _paint_case(house: House, now: datetime) -> None:
    """The finished case's posts get their pictures: its folder has none."""
    for key, (size, headline, note, begin, ground) in words.CASE_PICTURES.items():
        item = Item.objects.filter(
            workspace=house.workspace, key=key, initiative__slug="charity-book-sale"
        ).first()
        if item is None:
            continue
        media = plan.store_media(
            workspace=house.workspace,
            by=None,
            now=now,
            name=f"{key}.jpg",
            content=io.BytesIO(pictures.books(size, headline, note, begin=begin, ground=ground)),
            alt=f"{' '.join(headline.split())}. Обкладинки книг.",
        )
        plan.update_item(item=item, by=None, now=now, expected_version=item.version, media=[media])
