"""From case.toml to a checked :class:`~spilno.exchange.cases.model.Case`, noting everything that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import available_timezones

from spilno.briefs.briefing import check_number
from spilno.briefs.models import InitiativeKind, ReportFormat
from spilno.briefs.services import LONGEST_DAYS
from spilno.briefs.values import baseline_unit, may_be_negative
from spilno.channels.models import Purpose
from spilno.exchange.cases import toml
from spilno.exchange.cases.model import (
    Case,
    CaseBrief,
    CaseChannel,
    CaseCheckpoint,
    CaseCommunity,
    CaseInitiative,
    CasePerson,
    CasePost,
    CaseTarget,
    CaseWorkspace,
)
from spilno.exchange.cases.problems import Problems
from spilno.exchange.cases.tables import currencies
from spilno.exchange.cases.toml import Block
from spilno.kernel import clock
from spilno.kernel.addresses import is_web_address
from spilno.kernel.errors import UserError
from spilno.team.models import CommunityKind, Language, Market, Role
from spilno.team.services import DEPARTMENTS
from spilno.toolkit.metrics import Better, Definition, Subject, Unit, all_definitions, get
from spilno.toolkit.networks import registry

MEDIA = ("photo", "video", "carousel", "none")
ACTIONS = ("publish", "remind")


def parse(folder: Path, problems: Problems) -> Case | None:
    """The case, or ``None`` if the file is too broken to say what it means (then there are problems)."""
    root = toml.read(folder, problems)
    if root is None:
        return None
    workspace = _workspace(root)
    people = [_person(one) for one in root.blocks("people")]
    _unique(((one.block, one.key) for one in people), "key")
    names = {one.key for one in people}
    community = _community(root, names)
    channels = [_channel(one, names) for one in root.blocks("channels")]
    _unique(((one.block, one.key) for one in channels), "key")
    initiative = _initiative(root, folder, {community.key} if community else set(), names)
    by_key = {one.key: one for one in channels}
    brief = _brief(root, by_key, initiative)
    plan = [_post(one, by_key) for one in root.blocks("plan")]
    _unique(((one.block, one.key) for one in plan), "key")
    _check_links(plan)
    zone = workspace.time_zone if workspace else "UTC"
    contingency = [
        made
        for one in root.blocks("contingency")
        if (made := _checkpoint(one, plan, by_key, initiative, zone))
    ]
    _unique(((one.block, f"{one.stage} · {one.metric}") for one in contingency), "stage")
    root.end()
    if workspace is None or initiative is None or (root.data.get("brief") and brief is None):
        return None
    return Case(
        folder, workspace, tuple(people), community, tuple(channels), initiative, brief, tuple(plan),
        tuple(contingency),
    )  # fmt: skip


def _unique(keyed: Iterable[tuple[Block, str]], name: str) -> None:
    first: dict[str, int] = {}
    for block, key in keyed:
        if key and key in first:
            block.problem(name, "duplicate", value=key, first=first[key])
        first.setdefault(key, block.line(name))


def _reference(block: Block, key: str, known: Collection[str], *, required: bool = False) -> str:
    """A key defined elsewhere in the file."""
    value = block.text(key, required=required)
    if value and value not in known:
        block.problem(key, "unknown_reference", value=value)
    return value


def _workspace(root: Block) -> CaseWorkspace | None:
    block = root.block("workspace", required=True)
    if block is None:
        return None
    time_zone = block.text("time_zone", default="Europe/Kyiv")
    if time_zone not in available_timezones():
        block.problem("time_zone", "unknown_time_zone", value=time_zone)
        time_zone = "UTC"
    currency = block.text("currency", default="UAH")
    if currency not in currencies():
        block.problem("currency", "unknown_currency", value=currency)
    made = CaseWorkspace(
        slug=block.key("slug", required=True),
        name=block.text("name", required=True, limit=120),
        market=block.choice("market", Market.values, default=Market.B2B),
        locale=block.choice("locale", Language.values, default=Language.UK),
        time_zone=time_zone,
        currency=currency,
    )
    block.end()
    return made


def _person(block: Block) -> CasePerson:
    made = CasePerson(
        block=block,
        key=block.key("key", required=True),
        name=block.text("name", required=True, limit=120),
        roles=tuple(block.choices("roles", Role.values)),
        department=block.choice("department", list(DEPARTMENTS)),
    )
    block.end()
    return made


def _community(root: Block, people: Collection[str]) -> CaseCommunity | None:
    block = root.block("community")
    if block is None:
        return None
    made = CaseCommunity(
        key=block.key("key", required=True),
        name=block.texts("name", required=True, limit=120),
        kind=block.choice("kind", CommunityKind.values, default=CommunityKind.PRACTICE),
        owner=_reference(block, "owner", people),
    )
    block.end()
    return made


def _channel(block: Block, people: Collection[str]) -> CaseChannel:
    made = CaseChannel(
        block=block,
        key=block.key("key", required=True),
        network=block.choice("network", list(registry.all_networks()), required=True),
        name=block.text("name", required=True, limit=120),
        purpose=block.choice("purpose", Purpose.values, default=Purpose.BRAND),
        owner=_reference(block, "owner", people),
        url=_address(block, "url"),
        by_hand=block.flag("by_hand"),
    )
    block.end()
    return made


def _address(block: Block, key: str) -> str:
    value = block.text(key, limit=500)
    if value and not is_web_address(value):
        block.problem(key, "not_an_address", value=value)
    return value


def _initiative(
    root: Block, folder: Path, communities: Collection[str], people: Collection[str]
) -> CaseInitiative | None:
    block = root.block("initiative", required=True)
    if block is None:
        return None
    starts_on, ends_on = block.day("starts_on", required=True), block.day("ends_on", required=True)
    public_from = block.day("public_from")
    if starts_on and ends_on:
        if ends_on < starts_on:
            block.problem("ends_on", "ends_before_start")
        elif (ends_on - starts_on).days > LONGEST_DAYS:
            block.problem("ends_on", "initiative_too_long")
        elif public_from and not starts_on <= public_from <= ends_on:
            block.problem("public_from", "public_from_outside")
    made = {
        "slug": block.key("slug", required=True, limit=80),
        "kind": block.choice("kind", InitiativeKind.values, default=InitiativeKind.INITIATIVE),
        "title": block.texts("title", required=True, limit=160),
        "community": _reference(block, "community", communities),
        "owner": _reference(block, "owner", people),
        "learned": block.texts("learned", limit=5000),
        "catalogue": _file(block, "catalogue", folder),
        "leads": _file(block, "leads", folder),
        "observations": _file(block, "observations", folder),
    }
    block.end()
    if starts_on is None or ends_on is None:
        return None
    return CaseInitiative(block=block, starts_on=starts_on, public_from=public_from, ends_on=ends_on, **made)  # type: ignore[arg-type]


def _file(block: Block, key: str, folder: Path) -> str:
    """The name of a table beside case.toml; nothing outside the folder is read."""
    name = block.text(key)
    if not name:
        return ""
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        inside = False
    if not inside:
        block.problem(key, "file_outside")
        return ""
    if not path.is_file():
        block.problem(key, "file_missing")
        return ""
    return name


def _brief(
    root: Block, channels: dict[str, CaseChannel], initiative: CaseInitiative | None
) -> CaseBrief | None:
    block = root.block("brief")
    if block is None:
        return None
    content_due = block.day("content_due")
    if content_due and initiative and content_due > initiative.ends_on:
        block.problem("content_due", "content_due_late")
    budget = block.number("budget")
    if budget is not None:
        if budget < 0:
            block.problem("budget", "negative", value=str(budget))
        elif budget != round(budget, 2):
            block.problem("budget", "too_precise", value=str(budget), places=2)
        elif budget >= Decimal(10) ** 11:
            block.problem("budget", "too_large", value=str(budget))
    targets = [_target(one, channels, initiative) for one in block.blocks("targets")]
    _unique(
        (
            (one.block, f"{one.metric} · {one.channel}" if one.channel else one.metric)
            for one in targets
            if one
        ),
        "metric",
    )
    made = CaseBrief(
        block=block,
        task=block.texts("task", limit=600),
        audience=block.texts("audience", limit=2000),
        content_due=content_due,
        budget=budget,
        report_formats=tuple(block.choices("report_formats", ReportFormat.values)),
        targets=tuple(one for one in targets if one),
    )
    block.end()
    return made


def _metric(block: Block, key: str) -> Definition | None:
    value = block.text(key, required=True)
    if not value:
        return None
    if value not in {one.key for one in all_definitions()}:
        block.problem(key, "unknown_metric", value=value)
        return None
    return get(value)


def _subject(block: Block, definition: Definition | None, channels: Collection[str]) -> str:
    """The channel that a metric is asked about."""
    value = _reference(block, "subject", channels)
    if definition is None:
        return value
    if value and not definition.accepts(Subject.CHANNEL):
        block.problem("subject", "channel_not_wanted")
    if not value and definition.subject_required and definition.accepts(Subject.CHANNEL):
        block.problem("subject", "channel_needed")
    return value


def _value(block: Block, key: str, definition: Definition | None, unit: Unit | None) -> Decimal | None:
    """A number that the metric can have."""
    value = block.number(key, required=key != "baseline")
    if value is None or definition is None or unit is None:
        return value
    try:
        return check_number(definition, value, unit, field=key)
    except UserError as error:
        block.problem(key, error.code, **error.params)
        return None


def _target(
    block: Block, channels: dict[str, CaseChannel], initiative: CaseInitiative | None
) -> CaseTarget | None:
    definition = _metric(block, "metric")
    channel = _subject(block, definition, channels)
    value = _value(block, "value", definition, definition.unit if definition else None)
    baseline = _value(block, "baseline", definition, baseline_unit(definition) if definition else None)
    wants_more = definition is not None and definition.better is Better.UP and not may_be_negative(definition)
    if wants_more and value is not None and value <= 0:
        block.problem("value", "target_not_positive")
    due_on = block.day("due_on")
    if due_on and initiative and due_on < initiative.starts_on:
        block.problem("due_on", "target_too_early")
    block.end()
    if definition is None or value is None:
        return None
    return CaseTarget(block, definition.key, channel, value, baseline, due_on)


def _post(block: Block, channels: dict[str, CaseChannel]) -> CasePost:
    channel = _reference(block, "channel", channels, required=True)
    placement = block.text("placement", default="post")
    network = registry.all_networks().get(channels[channel].network) if channel in channels else None
    if network is not None:
        known = [one.key for one in network.placements]
        if placement not in known:
            block.problem("placement", "unknown_placement", value=placement, known=", ".join(known))
    block.choice("media", MEDIA)
    made = CasePost(
        block=block,
        key=block.key("key", required=True, limit=80),
        channel=channel,
        placement=placement,
        publish_at=block.moment("publish_at"),
        title=block.text("title"),
        text=block.texts("text", limit=60_000),
        link=block.text("link", limit=1000),
        url=_address(block, "url"),
        reserve=block.flag("reserve"),
    )
    block.end()
    return made


def _check_links(plan: Collection[CasePost]) -> None:
    known = {one.key for one in plan}
    for one in plan:
        if not one.link or one.link in known:
            if one.link and one.link == one.key:
                one.block.problem("link", "links_to_itself")
        elif "://" in one.link:
            if not is_web_address(one.link):
                one.block.problem("link", "not_an_address", value=one.link)
        else:
            one.block.problem("link", "unknown_reference", value=one.link)


def _checkpoint(
    block: Block,
    plan: Collection[CasePost],
    channels: dict[str, CaseChannel],
    initiative: CaseInitiative | None,
    zone: str,
) -> CaseCheckpoint | None:
    definition = _metric(block, "metric")
    channel = _subject(block, definition, channels)
    below = _value(block, "below", definition, definition.unit if definition else None)
    stage = block.text("stage", required=True, limit=80)
    at = _moment_or_day(block, "at")
    if at is not None and initiative is not None:
        day = clock.local_day(at, zone) if isinstance(at, datetime) else at
        if day > initiative.ends_on:
            block.problem("at", "checkpoint_after_end")
    reserves = {one.key for one in plan if one.reserve}
    posts = {one.key for one in plan}
    actions = []
    for one in block.blocks("actions"):
        if made := _action(one, reserves, posts, channels):
            actions.append(made)
    if not block.data.get("actions"):
        block.problem("actions", "required")
    block.end()
    if definition is None or below is None or at is None:
        return None
    return CaseCheckpoint(block, stage, at, definition.key, channel, below, tuple(actions))


def _moment_or_day(block: Block, key: str) -> datetime | date | None:
    read: Callable[..., datetime | date | None] = (
        block.moment if isinstance(block.data.get(key), datetime) else block.day
    )
    return read(key, required=True)


def _action(
    block: Block, reserves: Collection[str], posts: Collection[str], channels: Collection[str]
) -> dict[str, str] | None:
    kinds = [kind for kind in ACTIONS if kind in block.data]
    values = {kind: block.text(kind) for kind in ACTIONS}
    block.end()
    if len(kinds) != 1:
        block.problem("", "unknown_choice", value=", ".join(block.data), known=" / ".join(ACTIONS))
        return None
    (kind,) = kinds
    value = values[kind]
    known = posts if kind == "publish" else channels
    if value not in known:
        block.problem(kind, "unknown_reference", value=value)
    elif kind == "publish" and value not in reserves:
        block.problem(kind, "not_a_reserve", value=value)
    return {kind: value}
