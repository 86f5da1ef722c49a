"""Writing a checked case into a workspace: what is not there is made, what differs is changed, the rest stays.

The file is the word on what it names; what people added beside it is left alone. What an earlier import brought
and the file no longer has is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from spilno.briefs import queries as briefs_queries
from spilno.briefs import services as briefs
from spilno.briefs.models import Brief, BriefState, Initiative
from spilno.channels.models import Channel, Health, Purpose
from spilno.exchange.cases import rows
from spilno.exchange.cases.contingency import write_checkpoints
from spilno.exchange.cases.model import Case, CaseBrief, CaseChannel, CasePerson
from spilno.exchange.cases.plan import write_plan
from spilno.exchange.cases.problems import TEXTS, Problems
from spilno.exchange.cases.toml import Block
from spilno.facts.models import SubjectKind
from spilno.facts.services import NewFact, NewObservation, observe_many, record_many
from spilno.kernel.errors import UserError
from spilno.plan.models import Item, Variant
from spilno.team import audit
from spilno.team.models import AuditEntry, Community, Department, Person, Workspace
from spilno.team.services import add_person, create_community, create_workspace
from spilno.toolkit.networks import registry

ACTION = "case.imported"


@dataclass(frozen=True)
class ImportResult:
    """What an import did. Counts are things of every sort: people, posts, targets, facts, observations …"""

    workspace: Workspace
    initiative: Initiative
    created: int
    changed: int
    unchanged: int


class Import:
    """One case on its way into the database. Everything happens in the caller's transaction."""

    def __init__(self, case: Case, now: datetime, problems: Problems) -> None:
        self.case = case
        self.now = now
        self.problems = problems
        self.created = self.changed = self.unchanged = 0
        self.workspace: Workspace
        self.initiative: Initiative
        self.before: Mapping[str, list[Any]] = {}
        self.brought: dict[str, list[Any]] = {}
        self.people: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.items: dict[str, Item] = {}
        self.variants: dict[str, Variant] = {}

    @property
    def source(self) -> str:
        """The name of the case's rows in the record of facts."""
        return f"import:{self.case.initiative.slug}"

    def run(self, workspace: Workspace | None) -> ImportResult:
        """Write everything. Problems that only the database could know are noted; the caller rolls back."""
        self.write_workspace(workspace)
        self.write_people()
        community = self.write_community()
        self.write_channels(community)
        self.write_initiative(community)
        self.before = self.earlier()
        self.write_brief(self.case.brief)
        write_plan(self)
        self.write_facts()
        write_checkpoints(self)
        self.note()
        initiative = briefs_queries.initiative_of(self.workspace, self.initiative.slug)
        return ImportResult(self.workspace, initiative, self.created, self.changed, self.unchanged)

    # ---------------------------------------------------------------------------------------------- helpers

    @contextmanager
    def noting(self, block: Block, key: str = "") -> Iterator[None]:
        """What a room below refuses becomes a problem of the key."""
        try:
            yield
        except UserError as error:
            name = key or (error.field if error.field in block.data else "")
            if error.code in TEXTS:
                block.problem(name, error.code, **error.params)
            else:
                block.problem(name, "refused", reason=error.code)

    def put(self, row: Model, **values: Any) -> bool:
        """Change what differs, and count."""
        different = [name for name, value in values.items() if getattr(row, name) != value]
        if not different:
            self.unchanged += 1
            return False
        for name in different:
            setattr(row, name, values[name])
        row.save(update_fields=different)
        self.changed += 1
        return True

    def earlier(self) -> Mapping[str, list[Any]]:
        """What the last import of this case brought, by sort."""
        last = (
            AuditEntry.objects.filter(
                workspace=self.workspace, initiative_id=self.initiative.pk, action=ACTION
            )
            .order_by("-at", "-pk")
            .first()
        )
        return last.detail.get("brought", {}) if last else {}

    def note(self) -> None:
        """Write into the initiative's log what came in; silent if nothing did."""
        if not self.created and not self.changed and self.before == self.brought:
            return
        audit.record(
            workspace=self.workspace,
            by=None,
            action=ACTION,
            object_kind="initiative",
            object_id=self.initiative.pk,
            now=self.now,
            initiative_id=self.initiative.pk,
            created=self.created,
            changed=self.changed,
            brought=self.brought,
        )

    # --------------------------------------------------------------------------------------- workspace, team

    def write_workspace(self, workspace: Workspace | None) -> None:
        """The workspace of the file's slug, or the given one, which keeps its own settings."""
        said = self.case.workspace
        if workspace is not None:
            self.workspace = workspace
            return
        values: dict[str, Any] = {
            "name": said.name,
            "market": said.market,
            "language": said.locale,
            "time_zone": said.time_zone,
            "currency": said.currency,
        }
        found = Workspace.objects.filter(slug=said.slug).first()
        if found is None:
            self.workspace = create_workspace(slug=said.slug, now=self.now, **values)
            self.created += 1
            return
        self.workspace = found
        self.put(found, **values)

    def write_people(self) -> None:
        known = {one.key: one for one in Person.objects.filter(workspace=self.workspace)}
        departments = {one.key: one for one in Department.objects.filter(workspace=self.workspace)}
        for said in self.case.people:
            with self.noting(said.block):
                self.people[said.key] = self.write_person(said, known.get(said.key), departments)

    def write_person(
        self, said: CasePerson, person: Person | None, departments: Mapping[str, Department]
    ) -> Person:
        if person is None:
            self.created += 1
            return add_person(
                workspace=self.workspace, key=said.key, name=said.name, roles=said.roles,
                department=said.department, by=None, now=self.now,
            )  # fmt: skip
        department = departments.get(said.department)
        self.put(person, name=said.name, roles=list(said.roles), department=department)
        return person

    def write_community(self) -> Community | None:
        said = self.case.community
        if said is None:
            return None
        owner = self.people.get(said.owner)
        found = Community.objects.filter(workspace=self.workspace, key=said.key).first()
        if found is not None:
            self.put(found, name=dict(said.name), kind=said.kind, owner=owner)
            return found
        self.created += 1
        return create_community(
            workspace=self.workspace, key=said.key, name=said.name, kind=said.kind, owner=owner,
            by=None, now=self.now,
        )  # fmt: skip

    # ---------------------------------------------------------------------------------------------- channels

    def write_channels(self, community: Community | None) -> None:
        known = {one.key: one for one in Channel.objects.filter(workspace=self.workspace)}
        for said in self.case.channels:
            channel = known.get(said.key)
            if channel is not None and channel.network != said.network:
                said.block.problem("network", "other_network")
                continue
            self.channels[said.key] = self.write_channel(said, channel, community)

    def write_channel(
        self, said: CaseChannel, channel: Channel | None, community: Community | None
    ) -> Channel:
        """A channel that is not connected: its history is there, whoever owns it can connect it any time."""
        values: dict[str, Any] = {
            "name": said.name,
            "purpose": said.purpose,
            "owner": self.people.get(said.owner),
            "community": community if said.purpose == Purpose.COMMUNITY else None,
        }
        if said.url:
            values["url"] = said.url
        if channel is not None:
            self.put(channel, **values)
            return channel
        by_hand = said.by_hand or registry.get(said.network).by_hand
        self.created += 1
        channel = Channel.objects.create(
            workspace=self.workspace,
            key=said.key,
            network=said.network,
            by_hand=by_hand,
            health=Health.BY_HAND if by_hand else Health.NEW,
            created_at=self.now,
            **values,
        )
        audit.record(
            workspace=self.workspace, by=None, action="channel.imported", object_kind="channel",
            object_id=channel.pk, now=self.now, name=channel.name, network=channel.network,
        )  # fmt: skip
        return channel

    # ------------------------------------------------------------------------------------- initiative, brief

    def write_initiative(self, community: Community | None) -> None:
        said = self.case.initiative
        values: dict[str, Any] = {
            "kind": said.kind,
            "title": dict(said.title),
            "starts_on": said.starts_on,
            "ends_on": said.ends_on,
            "public_from": said.public_from,
            "community": community if said.community else None,
            "owner": self.people.get(said.owner),
        }
        found = Initiative.objects.filter(workspace=self.workspace, slug=said.slug).first()
        if found is None:
            self.initiative = briefs.create_initiative(
                workspace=self.workspace, by=None, now=self.now, slug=said.slug, **values
            )
            self.created += 1
        else:
            # As briefs.services does, which would check what the file's checks have checked.
            self.put(found, **values)
            self.initiative = found
        if said.learned and self.initiative.learned != dict(said.learned):
            self.initiative = briefs.write_learned(
                initiative=self.initiative, by=None, now=self.now, text=said.learned
            )
            self.changed += found is not None
        self.initiative.workspace = self.workspace

    def write_brief(self, said: CaseBrief | None) -> None:
        if said is None:
            return
        brief = Brief.objects.select_related("initiative", "workspace").get(initiative=self.initiative)
        is_new = brief.updated_at == self.now and not brief.task
        was_ready = brief.state == BriefState.READY
        differs = self.brief_differs(brief, said)
        if was_ready and differs:
            brief = briefs.reopen(brief=brief, by=None, now=self.now)
        if differs:
            with self.noting(said.block):
                saved = briefs.save_brief(
                    brief=brief, by=None, now=self.now, expected_version=brief.version, task=said.task,
                    audience=said.audience, content_due=said.content_due, budget=said.budget,
                    report_formats=said.report_formats,
                )  # fmt: skip
                if saved.version != brief.version and not is_new:
                    self.changed += 1
            self.write_targets(brief, said)
        else:
            self.unchanged += len(said.targets)
        self.brought["targets"] = sorted([one.metric, one.channel] for one in said.targets)
        brief = Brief.objects.select_related("initiative").get(pk=brief.pk)
        if (is_new or was_ready) and not briefs_queries.missing(brief):
            briefs.mark_ready(brief=brief, by=None, now=self.now)

    def brief_differs(self, brief: Brief, said: CaseBrief) -> bool:
        """Would writing change anything? Asked first, because a ready brief is not reopened for nothing."""
        words = (
            brief.task == dict(said.task)
            and brief.audience == dict(said.audience)
            and brief.content_due == said.content_due
            and brief.budget == said.budget
            and set(brief.report_formats) == set(said.report_formats)
        )
        there = {
            (one.metric, one.channel.key if one.channel else ""): (one.value, one.baseline, one.due_on)
            for one in brief.targets.select_related("channel")
        }
        wanted = {(one.metric, one.channel): (one.value, one.baseline, one.due_on) for one in said.targets}
        gone = [key for key in self.before.get("targets", []) if tuple(key) not in wanted]
        return not (
            words
            and all(there.get(key) == value for key, value in wanted.items())
            and not any(tuple(key) in there for key in gone)
        )

    def write_targets(self, brief: Brief, said: CaseBrief) -> None:
        there = {
            (one.metric, one.channel.key if one.channel else ""): one
            for one in brief.targets.select_related("channel", "brief__initiative")
        }
        wanted = {(one.metric, one.channel): one for one in said.targets}
        for key in self.before.get("targets", []):
            if tuple(key) in there and tuple(key) not in wanted:
                briefs.remove_target(target=there[tuple(key)], by=None, now=self.now)
                self.changed += 1
        for name, one in wanted.items():
            values: dict[str, Any] = {"value": one.value, "baseline": one.baseline, "due_on": one.due_on}
            target = there.get(name)
            with self.noting(one.block):
                if target is None:
                    briefs.add_target(
                        brief=brief, by=None, now=self.now, metric=one.metric,
                        channel=self.channels.get(one.channel), **values,
                    )  # fmt: skip
                    self.created += 1
                elif all(getattr(target, field) == value for field, value in values.items()):
                    self.unchanged += 1
                else:
                    briefs.update_target(target=target, by=None, now=self.now, **values)
                    self.changed += 1

    # ------------------------------------------------------------------------------------------------- facts

    def write_facts(self) -> None:
        """Facts and observations, streamed once more from the tables that were checked before."""
        facts = record_many(
            workspace=self.workspace,
            source=self.source,
            facts=self.facts(),
            now=self.now,
            complete=rows.KINDS,
        )
        readings = observe_many(
            workspace=self.workspace,
            source=self.source,
            observations=self.observations(),
            now=self.now,
            complete=True,
        )
        done = facts + readings
        self.created += done.created
        self.changed += done.changed
        self.unchanged += done.unchanged

    def facts(self) -> Iterator[NewFact]:
        channels = {key: one.pk for key, one in self.channels.items()}
        items = {key: one.pk for key, one in self.items.items()}
        for said in rows.facts(self.case, self.problems):
            yield _placed(said.fact, self.initiative.pk, channels.get(said.channel), items.get(said.post))

    def observations(self) -> Iterator[NewObservation]:
        for said in rows.observations(self.case, self.problems):
            if said.subject in self.channels:
                kind, subject = SubjectKind.CHANNEL, self.channels[said.subject].pk
            elif said.subject in self.variants:
                kind, subject = SubjectKind.ITEM, self.variants[said.subject].pk
            else:
                continue  # its row of the plan could not be written, which is noted
            yield NewObservation(kind, subject, said.metric, said.value, said.observed_at)


def _placed(fact: NewFact, initiative: Any, channel: Any, item: Any) -> NewFact:
    return NewFact(
        kind=fact.kind,
        source_key=fact.source_key,
        occurred_at=fact.occurred_at,
        initiative_id=initiative,
        channel_id=channel,
        item_id=item,
        subject=fact.subject,
        actor=fact.actor,
        actor_scope=fact.actor_scope,
        amount=fact.amount,
        currency=fact.currency,
        utm_source=fact.utm_source,
        utm_medium=fact.utm_medium,
        utm_campaign=fact.utm_campaign,
        data=fact.data,
    )
