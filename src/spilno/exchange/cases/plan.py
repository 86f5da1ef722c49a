"""A case's plan: posts that went out are history, posts to come are planned, the reserve stays reserve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spilno.exchange.cases.model import CasePost
from spilno.kernel import texts
from spilno.plan import services as plan
from spilno.plan.models import Item, Variant
from spilno.publishing import services as publishing
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState

if TYPE_CHECKING:
    from spilno.exchange.cases.apply import Import


def write_plan(run: Import) -> None:
    """Items first, then the links between them, then what of it is out."""
    known = {
        one.key: one
        for one in Item.objects.filter(workspace=run.workspace, initiative=run.initiative).select_related(
            "workspace", "initiative", "link_to", "owner"
        )
    }
    for said in run.case.plan:
        with run.noting(said.block):
            run.items[said.key] = _write_item(run, said, known.get(said.key))
    for position, said in enumerate(run.case.plan):
        if said.key in run.items:
            with run.noting(said.block):
                _write_link(run, said)
                _write_variant(run, said, position)
    for key in run.before.get("items", []):
        if key in known and key not in run.items and known[key].deleted_at is None:
            plan.delete_item(item=known[key], by=None, now=run.now)
            run.changed += 1
    run.brought["items"] = sorted(run.items)


def _write_item(run: Import, said: CasePost, item: Item | None) -> Item:
    values: dict[str, Any] = {
        "title": said.title,
        "text": texts.pick(said.text, run.workspace.language, "uk"),
        "reserve": said.reserve,
        "owner": run.people.get(run.case.initiative.owner),
    }
    channel = run.channels.get(said.channel)
    if channel is not None and channel.owner is not None:
        values["owner"] = channel.owner
    if item is None:
        run.created += 1
        return plan.create_item(
            workspace=run.workspace, initiative=run.initiative, key=said.key, by=None, now=run.now, **values
        )
    if item.deleted_at is not None:
        plan.restore_item(item=item, by=None, now=run.now)
        item.refresh_from_db()
        run.changed += 1
    run.put(item, **values)
    return item


def _write_link(run: Import, said: CasePost) -> None:
    item = run.items[said.key]
    target = run.items.get(said.link)
    address = "" if target else said.link
    if (item.link, item.link_to_id) != (address, target.pk if target else None):
        item.link, item.link_to = address, target
        item.save(update_fields=["link", "link_to"])


def _write_variant(run: Import, said: CasePost, position: int) -> None:
    channel = run.channels.get(said.channel)
    if channel is None:  # noted already
        return
    item = run.items[said.key]
    # A reserve has no time until the contingency plan calls for it.
    publish_at = None if said.reserve else said.publish_at
    is_past = publish_at is not None and publish_at <= run.now
    for other in item.variants.exclude(channel=channel, placement=said.placement):
        _take_back(run, said, other)
    variant = Variant.objects.filter(item=item, channel=channel, placement=said.placement).first()
    if variant is None:
        variant = plan.put_variant(
            item=item, channel=channel, by=None, now=run.now, placement=said.placement, publish_at=publish_at
        )
        variant.position = position
        variant.save(update_fields=["position"])
    elif variant.publish_at != publish_at:
        delivery = Delivery.objects.filter(variant=variant).first()
        if delivery is not None and delivery.attempts.exists():
            said.block.problem("publish_at", "already_out")
            return
        run.put(variant, publish_at=publish_at)
    run.variants[said.key] = variant
    if is_past and publish_at is not None:
        _record_past(run, said, variant)
    elif Delivery.objects.filter(variant=variant, state=DeliveryState.PUBLISHED).exists():
        _take_back_delivery(run, said, variant)


def _record_past(run: Import, said: CasePost, variant: Variant) -> None:
    before = Delivery.objects.filter(variant=variant).values_list("published_at", "external_url").first()
    assert variant.publish_at is not None
    delivery = publishing.record_past(
        variant=variant, published_at=variant.publish_at, url=said.url, by=None, now=run.now
    )
    if before is not None and before != (delivery.published_at, delivery.external_url):
        run.changed += 1


def _take_back(run: Import, said: CasePost, variant: Variant) -> None:
    """The post moved to another channel or placement in the file."""
    if _take_back_delivery(run, said, variant):
        plan.remove_variant(variant=variant, by=None, now=run.now)
        run.changed += 1


def _take_back_delivery(run: Import, said: CasePost, variant: Variant) -> bool:
    """Remove imported history; what Spilno itself sent stays, and the file is told so."""
    delivery = Delivery.objects.filter(variant=variant).first()
    if delivery is None:
        return True
    if delivery.state != DeliveryState.PUBLISHED or delivery.attempts.exists():
        said.block.problem("channel", "already_out")
        return False
    delivery.delete()
    run.changed += 1
    return True
