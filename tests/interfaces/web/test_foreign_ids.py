"""Ids of another workspace in addresses and in forms: as if they did not exist, and nothing there changes.

The first tests walk every address below ``/w/<workspace>/`` that carries an id or a key; a new page is walked as soon
as it exists. Whether anything crossed over is asked of the database: no row may point into another workspace.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.db import connection, models
from django.test import Client
from django.urls import URLPattern, reverse
from PIL import Image

from spilno.briefs.models import Brief, Initiative, Target
from spilno.channels.models import Channel
from spilno.community.models import Message
from spilno.contingency.models import Checkpoint, Proposal, Reminder
from spilno.pages.models import Entry, PublicPage
from spilno.plan import services as plan
from spilno.plan.approvals.models import GuestReviewer, ReviewLink
from spilno.plan.comments.models import Comment
from spilno.plan.models import Item, Media, PlanChange, PlanImport, Rendition, Variant
from spilno.publishing.models import Delivery
from spilno.team.models import Community, Department, Invitation, Person, Workspace
from tests.conftest import NOW, Cast
from tests.interfaces.web.test_access import PATTERNS

NOT_OF_A_WORKSPACE = {"network", "kind", "metric", "number"}  # keys of the toolkit, the same for everybody


@dataclass(frozen=True)
class House:
    """One of everything, in one workspace."""

    workspace: Workspace
    owner: Person
    department: Department
    community: Community
    invitation: Invitation
    channel: Channel
    initiative: Initiative
    brief: Brief
    target: Target
    media: Media
    item: Item
    variant: Variant
    delivery: Delivery
    page: PublicPage
    entry: Entry
    message: Message
    checkpoint: Checkpoint
    proposal: Proposal
    reminder: Reminder
    rendition: Rendition
    change: PlanChange
    plan_import: PlanImport
    guest: GuestReviewer
    link: ReviewLink
    comment: Comment


def furnish(workspace: Workspace, owner: Person, name: str) -> House:
    of = {"workspace": workspace}
    department = Department.objects.create(**of, key=f"{name}-department", name={"en": name})
    community = Community.objects.create(**of, key=f"{name}-community", name={"en": name}, owner=owner)
    invitation = Invitation.objects.create(
        **of, token_hash=name, roles=["editor"], created_by=owner, created_at=NOW,
        expires_at=NOW + timedelta(days=3650),
    )  # fmt: skip
    channel = Channel.objects.create(
        **of,
        key=f"{name}-channel",
        network="facebook_group",
        name=f"{name} group",
        by_hand=True,
        owner=owner,
        created_at=NOW,
    )
    initiative = Initiative.objects.create(
        **of, slug=f"{name}-initiative", title={"en": name}, community=community, owner=owner,
        starts_on=date(2026, 11, 1), ends_on=date(2036, 11, 30), created_at=NOW,
    )  # fmt: skip
    brief = Brief.objects.create(**of, initiative=initiative, task={"en": "Why?"}, updated_at=NOW)
    target = Target.objects.create(**of, brief=brief, metric="leads", value=Decimal(44))
    content = io.BytesIO()
    Image.new("RGB", (640, 480), (len(name) * 20, 120, 90)).save(content, "PNG")
    media = plan.store_media(
        workspace=workspace,
        by=None,
        now=NOW,
        name=f"{name}.png",
        content=ContentFile(content.getvalue()).file,
    )
    item = Item.objects.create(
        **of, key=f"{name}-item", initiative=initiative, title=name, text=f"Words of {name}", owner=owner,
        reserve=True, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    item.media.add(media)
    variant = Variant.objects.create(**of, item=item, channel=channel)
    delivery = Delivery.objects.create(
        **of,
        variant=variant,
        channel=channel,
        state="needs_person",
        due_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    page = PublicPage.objects.create(
        **of, initiative=initiative, slug=f"{name}-page", kind="registration", title={"en": name},
        starts_at=NOW + timedelta(days=3650), created_at=NOW,
    )  # fmt: skip
    entry = Entry.objects.create(
        **of, page=page, name="Visitor", email="v@example.org", actor=name, token=name, created_at=NOW
    )
    message = Message.objects.create(
        **of, channel=channel, external_id="1", author="a", text="Hello", said_at=NOW, taken_in_at=NOW
    )
    checkpoint = Checkpoint.objects.create(
        **of, initiative=initiative, stage="Half", at=NOW, metric="leads", below=Decimal(5), fired_at=NOW,
        actions=[{"remind": channel.key}],
    )  # fmt: skip
    proposal = Proposal.objects.create(**of, checkpoint=checkpoint, created_at=NOW)
    reminder = Reminder.objects.create(**of, proposal=proposal, channel=channel, person=owner, created_at=NOW)
    rendition = Rendition.objects.create(
        **of, media=media, key="0" * 64, recipe={"kind": "image"}, state="ready", file=media.file.name,
        mime="image/png", bytes=media.bytes, wanted_at=NOW, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    change = PlanChange.objects.create(**of, person=owner, kind="moved", made_at=NOW)
    plan_import = PlanImport.objects.create(
        **of, person=owner, name="plan.csv", columns=["text"], rows=[[2, ["a"]]], created_at=NOW
    )
    guest = GuestReviewer.objects.create(**of, name="Guest", email=f"{name}@example.org", created_at=NOW)
    link = ReviewLink.objects.create(
        **of, guest=guest, token_hash=name, created_at=NOW, expires_at=NOW + timedelta(days=3650)
    )
    link.items.add(item)
    comment = Comment.objects.create(**of, item=item, person=owner, name="Owner", text="Words", at=NOW)
    return House(
        workspace, owner, department, community, invitation, channel, initiative, brief, target, media, item,
        variant, delivery, page, entry, message, checkpoint, proposal, reminder, rendition, change, plan_import,
        guest=guest, link=link, comment=comment,
    )  # fmt: skip


@pytest.fixture
def ours(cast: Cast) -> House:
    return furnish(cast.workspace, cast.owner, "ours")


@pytest.fixture
def theirs(cast: Cast) -> House:
    return furnish(cast.other_workspace, cast.outsider, "theirs")


@pytest.fixture
def browser(cast: Cast, client_of: Callable[[Person], Client]) -> Client:
    """Of our owner, who may do everything here and nothing there."""
    return client_of(cast.owner)


def value_of(pattern: URLPattern, name: str, house: House) -> str:
    """What stands for ``house``'s object in the place ``name`` of an address."""
    match name:
        case "pk":
            view = str(pattern.name)
            if view.startswith("plan-delivery"):
                return str(house.delivery.pk)
            return str(house.media.pk if "picture" in view or view.startswith("library") else house.item.pk)
        case "slug" | "initiative":
            return house.initiative.slug
        case "key" | "scope":
            return house.channel.key
        case "community":
            return house.community.key
        case "event":
            return f"{house.item.pk}@{int(NOW.timestamp())}"
        case "network":
            return "bluesky"
        case "kind":
            return "registration"
        case "metric":
            return "leads"
        case "person":
            return str(house.owner.pk)
        case "number":
            return "1"
        case _:
            return str(getattr(house, name).pk)


def names_of(pattern: URLPattern) -> list[str]:
    """The places of an address that stand for something of a workspace."""
    return [one for one in pattern.pattern.converters if one != "workspace" and one not in NOT_OF_A_WORKSPACE]


def address(pattern: URLPattern, ours: House, theirs: House, foreign: set[str]) -> str:
    values = {
        name: value_of(pattern, name, theirs if name in foreign else ours)
        for name in pattern.pattern.converters
        if name != "workspace"
    }
    return reverse(str(pattern.name), kwargs={"workspace": ours.workspace.slug, **values})


def addresses() -> Iterator[tuple[URLPattern, set[str]]]:
    """Every address with every one of its places foreign, and all of them at once."""
    for pattern in PATTERNS:
        names = names_of(pattern)
        for name in names:
            yield pattern, {name}
        if len(names) > 1:
            yield pattern, set(names)


CASES = list(addresses())


def rows(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    """Everything that belongs to the workspace."""
    found = {}
    for model in apps.get_models():
        if any(field.name == "workspace" for field in model._meta.fields):
            found[model._meta.label] = list(
                model._default_manager.filter(workspace=workspace).order_by("pk").values()
            )
    return found


def crossings() -> list[str]:
    """Rows that point into another workspace than their own, over every foreign key there is."""
    found = []
    for model in apps.get_models():
        names = {field.name for field in model._meta.fields}
        if "workspace" not in names:
            continue
        for field in model._meta.fields:
            target = field.related_model
            if not isinstance(field, models.ForeignKey) or not isinstance(target, type):
                continue
            if "workspace" in {one.name for one in target._meta.fields}:
                query = model._default_manager.exclude(**{f"{field.name}": None}).exclude(
                    **{f"{field.name}__workspace": models.F("workspace")}
                )
                found += [f"{model._meta.label}.{field.name}: {row.pk}" for row in query]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT link.id FROM plan_itemmedia link JOIN plan_item item ON item.id = link.item_id"
            " JOIN plan_media media ON media.id = link.media_id"
            " WHERE item.workspace_id <> media.workspace_id"
        )
        found += [f"plan.ItemMedia: {key}" for (key,) in cursor.fetchall()]
    return found


def test_the_walk_meets_every_kind_of_thing() -> None:
    """Should a page with a new kind of id come, ``House`` has to learn it; here one sees that the walk is not empty."""
    assert len(CASES) > 50
    assert {name for _pattern, names in CASES for name in names} >= {
        "pk", "initiative", "slug", "key", "community", "target", "checkpoint", "proposal", "reminder", "page",
        "message", "invitation", "person", "event",
    }  # fmt: skip


def test_our_own_addresses_open(browser: Client, ours: House, theirs: House) -> None:
    """The same addresses with our own ids do not answer 404: the walk below is about the foreign ones."""
    for pattern, _names in CASES:
        if pattern.name == "networks-reconnect":  # there is nothing to connect again by hand
            continue
        url = address(pattern, ours, theirs, set())
        assert browser.get(url).status_code in (200, 302, 405), pattern.name


def test_a_foreign_id_in_an_address_is_not_there(browser: Client, ours: House, theirs: House) -> None:
    before = rows(theirs.workspace)
    kept = rows(ours.workspace)
    for pattern, foreign in CASES:
        url = address(pattern, ours, theirs, foreign)
        for answer in (
            browser.get(url),
            browser.post(url),
            browser.post(url, headers={"HX-Request": "true"}),
        ):
            assert_not_there(pattern, foreign, answer)
    assert rows(theirs.workspace) == before
    assert rows(ours.workspace) == kept
    assert crossings() == []


# What is gone already is as it was wanted to be: removing answers as if it were done.
REMOVERS = {"initiatives-brief-target-remove", "initiatives-contingency-remove"}


def assert_not_there(pattern: URLPattern, foreign: set[str], answer: Any) -> None:
    if str(pattern.name) in REMOVERS and foreign <= {"target", "checkpoint"}:
        assert answer.status_code in (200, 302, 405), pattern.name
    else:
        assert answer.status_code in (404, 405), (pattern.name, foreign, answer.status_code)


def forms(ours: House, theirs: House) -> list[tuple[str, list[Any], dict[str, Any]]]:
    """Every form that names something of the workspace, filled with what is theirs: address, arguments, fields."""
    here = ours.initiative.slug
    days = {"starts_on": "2026-12-01", "ends_on": "2026-12-20", "kind": "event", "title": "Borrowed"}
    to = f"{theirs.channel.pk}:post"
    post = {"title": "Borrowed", "text": "Words", "do": "save", "version": str(ours.item.version)}
    checkpoint = {"stage": "Late", "at": "2030-01-01T12:00", "below": "3"}
    page = [here, ours.page.pk]
    return [
        ("initiatives-new", [], {**days, "community": theirs.community.pk, "owner": ours.owner.pk}),
        ("initiatives-new", [], {**days, "owner": theirs.owner.pk}),
        ("initiatives-edit", [here], {**days, "community": theirs.community.pk, "owner": ours.owner.pk}),
        ("initiatives-edit", [here], {**days, "owner": theirs.owner.pk}),
        (
            "initiatives-brief-targets",
            [here],
            {"metric": "members_growth", "value": "10", "channel": theirs.channel.pk},
        ),
        (
            "initiatives-brief-targets",
            [here],
            {"metric": "members_growth", "value": "10", "channel": theirs.channel.key},
        ),
        (
            "initiatives-brief-target",
            [here, ours.target.pk],
            {"metric": "leads", "value": "10", "channel": theirs.channel.key},
        ),
        ("initiatives-contingency", [here], {**checkpoint, "subject": "leads|", "publish": theirs.item.key}),
        (
            "initiatives-contingency",
            [here],
            {**checkpoint, "subject": "leads|", "remind": theirs.channel.key},
        ),
        (
            "initiatives-contingency",
            [here],
            {
                **checkpoint,
                "subject": f"members_growth|{theirs.channel.key}",
                "remind": ours.channel.key,
            },
        ),
        ("plan-new", [], {**post, "to": to}),
        ("plan-new", [], {**post, "initiative": theirs.initiative.pk}),
        ("plan-new", [], {**post, "link_to": theirs.item.pk}),
        ("plan-new", [], {**post, "media": theirs.media.pk, f"alt-{theirs.media.pk}": "Ours now"}),
        ("plan-item", [ours.item.pk], {**post, "to": to, "do": "schedule", "at": "2036-01-01T12:00"}),
        ("plan-item", [ours.item.pk], {**post, "media": theirs.media.pk}),
        ("plan-check", [], {"item": theirs.item.pk, "to": to, "media": theirs.media.pk}),
        ("plan-check", [], {"to": to, "media": theirs.media.pk, "link_to": theirs.item.pk}),
        (
            "networks-channel",
            [ours.channel.key],
            {"name": "Group", "purpose": "brand", "late_tolerance": "30", "owner": theirs.owner.pk},
        ),
        (
            "networks-channel",
            [ours.channel.key],
            {
                "name": "Group",
                "purpose": "community",
                "late_tolerance": "30",
                "owner": ours.owner.pk,
                "community": theirs.community.pk,
            },
        ),
        (
            "networks-by-hand",
            ["facebook_group"],
            {
                "name": "Second group",
                "purpose": "brand",
                "owner": theirs.owner.pk,
                "community": theirs.community.pk,
            },
        ),
        ("settings-invite", [], {"roles": "editor", "department": theirs.department.key}),
        ("settings-person", [ours.owner.pk], {"roles": "editor", "department": theirs.department.key}),
        ("initiatives-page-edit", page, {"title_en": "Page", "link": theirs.page.pk}),
    ]


def test_a_foreign_id_in_a_form_crosses_nothing(browser: Client, ours: House, theirs: House) -> None:
    before = rows(theirs.workspace)
    for name, arguments, fields in forms(ours, theirs):
        answer = browser.post(reverse(name, args=[ours.workspace.slug, *arguments]), fields)
        assert answer.status_code in (200, 302, 404, 422), (name, fields, answer.status_code)
        assert crossings() == [], (name, fields)
        assert rows(theirs.workspace) == before, (name, fields)
        assert not leaked(answer, theirs), (name, fields)
    for checkpoint in Checkpoint.objects.filter(workspace=ours.workspace):
        assert theirs.item.key not in str(checkpoint.actions)
        assert theirs.channel.key not in str(checkpoint.actions)


def leaked(answer: Any, theirs: House) -> list[str]:
    """What of theirs the page says. (The id that was sent may come back in an error, it was known before.)"""
    shown = answer.content.decode()
    words = ("Words of theirs", "theirs group", "theirs.png", f"/{theirs.media.pk}/", ">theirs<", "“theirs”")
    return [one for one in words if one in shown]


FILTERS = [
    ("plan", {"view": "list", "month": "2026-11"}),
    ("plan", {}),
    ("plan-events", {"start": "2026-11-01", "end": "2026-12-01"}),
    ("plan-new", {}),
    ("inbox", {}),
    ("today", {"all": "1"}),
    ("library", {}),
    ("plan-pictures", {}),
    ("community", {}),
    ("networks", {}),
    ("settings", {}),
    ("initiatives", {"all": "1"}),
    ("results", {}),
]


@pytest.mark.parametrize(("name", "query"), FILTERS, ids=lambda one: str(one))
def test_a_foreign_id_in_a_query_shows_nothing_of_theirs(
    browser: Client, ours: House, theirs: House, name: str, query: dict[str, str]
) -> None:
    asked = {
        "channel": str(theirs.channel.pk),
        "initiative": str(theirs.initiative.pk),
        "media": str(theirs.media.pk),
        "undo": str(theirs.item.pk),
        "before": str(theirs.item.pk),
    }
    for more in ({}, asked, {**asked, "channel": theirs.channel.key, "initiative": theirs.initiative.slug}):
        answer = browser.get(reverse(name, args=[ours.workspace.slug]), {**query, **more})
        assert answer.status_code == 200
        assert not leaked(answer, theirs)
