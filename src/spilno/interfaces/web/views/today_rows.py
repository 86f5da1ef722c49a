"""What needs somebody now, as rows: what it is, why, and its one action.

Everything that waits in the workspace is gathered once; ``mine`` says whether it waits for this person: by their
permissions, and by who owns the channel, the post or the initiative. What is nobody's is everybody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from spilno.briefs import queries as briefs
from spilno.briefs.models import BriefState, Initiative, Target
from spilno.channels import tokens
from spilno.channels.models import Channel, Circuit, Health
from spilno.contingency import queries as contingency
from spilno.contingency.queries import CheckpointView
from spilno.interfaces.web import deadline_words
from spilno.interfaces.web.limit_words import silence_lines
from spilno.interfaces.web.messages import TEXTS, text_of
from spilno.interfaces.web.templatetags.format import day, when_short
from spilno.interfaces.web.ui.numbers import shown_value
from spilno.interfaces.web.views.initiative_frame import language_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.plan import deadlines
from spilno.plan.approvals import queries as approvals
from spilno.plan.approvals.rules import OWNER
from spilno.plan.deadlines import Deadline
from spilno.plan.queries import failed_media, title_of
from spilno.publishing.comments.models import CommentState
from spilno.publishing.models import Delivery
from spilno.publishing.states import NEEDS_ATTENTION, DeliveryState
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, may

DAY = timedelta(days=1)
SOON = timedelta(days=3)  # a content deadline is near
DUE_BACK = timedelta(days=60)  # a content deadline that nobody met
STARTS_SOON = timedelta(days=7)  # a brief should be ready
LONG_AGO = timedelta(days=14)  # what nobody cared for so long is not of today any more
MOST = 20  # of each kind


@dataclass(frozen=True)
class Row:
    """One line. ``voice``: the mark (out, in, late); ``post``: the action is a POST to ``url``."""

    title: str
    note: str
    voice: str
    action: str
    url: str
    mine: bool
    primary: bool = False
    post: bool = False


def rows_of(workspace: Workspace, person: Person, now: datetime) -> list[Row]:
    """Everything that waits, the most urgent first. The number of queries does not depend on how much it is."""
    today = clock.local_day(now, workspace.time_zone)
    return [
        *_proposals(workspace, person),
        *_deliveries(workspace, person, now),
        *_files(workspace, person, now),
        *_approvals(workspace, person),
        *_reminders(workspace, person),
        *_channels(workspace, person, now),
        *_content_and_briefs(workspace, person, today),
    ]


def _own(person: Person, *owners: Person | None) -> bool:
    """Is it theirs? The first owner there is decides; without one it is everybody's."""
    owner = next((one for one in owners if one is not None), None)
    return owner is None or owner.pk == person.pk


def _page(name: str, *args: Any) -> str:
    return reverse(name, args=args)


def _proposals(workspace: Workspace, person: Person) -> Iterator[Row]:
    decides = may(person, Permission.CONTINGENCY_DECIDE)
    for one in contingency.open_proposals(workspace)[:MOST]:
        initiative = pick(one.initiative.title, language_of())
        proposed = ", ".join(action.label for action in one.actions if not action.problem)
        parts = [initiative, _("we propose: %(what)s") % {"what": proposed} if proposed else ""]
        yield Row(
            title=_seen(one, workspace.currency),
            note=" · ".join(part for part in parts if part),
            voice="late",
            action=_("Look"),
            url=_page("initiatives-contingency", workspace.slug, one.initiative.slug)
            + f"#proposal-{one.proposal.pk if one.proposal else ''}",
            mine=decides,
            primary=True,
        )


def _seen(one: CheckpointView, currency: str) -> str:
    metric = pick(one.definition.label, language_of()) if one.definition else one.metric
    unit = one.definition.unit if one.definition else "count"
    values = {
        "metric": metric,
        "seen": shown_value(one.seen, unit, currency),
        "agreed": shown_value(one.below, unit, currency),
    }
    if one.seen is None:
        return _("%(metric)s: unknown, please look") % values
    if one.above_is_behind:
        return _("%(metric)s: more than agreed, %(seen)s instead of %(agreed)s") % values
    return _("%(metric)s: less than agreed, %(seen)s instead of %(agreed)s") % values


COMMENT_NEEDS = (CommentState.NEEDS_PERSON, CommentState.FAILED)


def _deliveries(workspace: Workspace, person: Person, now: datetime) -> Iterator[Row]:
    publishes = may(person, Permission.PUBLISH)
    found = (
        Delivery.objects.filter(
            Q(state__in=NEEDS_ATTENTION) | Q(first_comment__state__in=COMMENT_NEEDS),
            workspace=workspace,
            due_at__gt=now - LONG_AGO,
            variant__item__deleted_at=None,
        )
        .select_related("channel__owner", "variant__item__owner")
        .order_by("due_at")[:MOST]
    )
    order = (
        DeliveryState.NEEDS_PERSON, DeliveryState.FAILED, DeliveryState.REMINDED, DeliveryState.MISSED,
        DeliveryState.PUBLISHED,
    )  # fmt: skip
    for one in sorted(found, key=lambda row: (order.index(DeliveryState(row.state)), row.due_at)):
        item = one.variant.item
        title = title_of(item.title, item.text, most=60) or one.channel.name
        if (
            one.state == DeliveryState.PUBLISHED
        ):  # the post is out; its first comment is not, or nobody can tell
            words = _("First comment under “%(title)s”: please check") % {"title": title}
            why, action, voice = "", _("Look"), "out"
        else:
            words, why, action, voice = _about(one, title)
        yield Row(
            title=words,
            note=" · ".join(part for part in (one.channel.name, when_short(one.due_at), why) if part),
            voice=voice,
            action=action,
            url=_page("plan-delivery", workspace.slug, one.pk),
            mine=publishes and _own(person, one.channel.owner, item.owner),
        )


def _approvals(workspace: Workspace, person: Person) -> Iterator[Row]:
    """Posts that wait for a word: of those who are asked, and back to whoever wrote them if changes are wanted."""
    parts = approvals.parts_of(person) - {OWNER}
    seen: set[Any] = set()
    for one in approvals.waiting(workspace):
        item = one.variant.item
        wanted = one.standing.changes
        if item.pk in seen or len(seen) >= MOST:
            continue
        seen.add(item.pk)
        title = title_of(item.title, item.text, most=60) or one.variant.channel.name
        when = when_short(one.variant.publish_at) if one.variant.publish_at else ""
        if wanted is not None:
            words, why, mine = (
                _("Change “%(title)s”"),
                f"{wanted.name}: {wanted.comment}",
                _own(person, item.owner),
            )
            page, action = "plan-item", _("Mend")
        else:
            words, why, mine = _("Approve “%(title)s”"), "", approvals.is_asked(one, parts)
            page, action = "plan-approval", _("Look")
        yield Row(
            title=words % {"title": title},
            note=" · ".join(part for part in (one.variant.channel.name, when, why[:120]) if part),
            voice="out",
            action=action,
            url=_page(page, workspace.slug, item.pk),
            mine=mine,
        )


def _about(one: Delivery, title: str) -> tuple[str, str, str, str]:
    """What it is, why, the action's word, and the mark."""
    values = {"title": title}
    if one.state == DeliveryState.NEEDS_PERSON:
        why = _("the network could not tell; we do not send twice")
        return _("Check whether “%(title)s” is out") % values, why, _("Check"), "out"
    if one.state == DeliveryState.REMINDED:
        return _("Post by hand: “%(title)s”") % values, "", _("Open"), "out"
    reason = ""
    if one.error_code in TEXTS:
        try:
            reason = text_of(UserError(one.error_code, **one.error_params))
        except (KeyError, TypeError):  # an error of an older version with other values
            reason = ""
    if one.state == DeliveryState.FAILED:
        return _("“%(title)s” did not leave") % values, reason, _("Mend"), "late"
    return _("“%(title)s” missed its time") % values, reason, _("Decide"), "late"


def _files(workspace: Workspace, person: Person, now: datetime) -> Iterator[Row]:
    """Pictures and videos of coming posts that cannot be made into what the network takes."""
    seen = set()
    for one in failed_media(workspace=workspace, now=now)[:MOST]:
        item, channel = one.variant.item, one.variant.channel
        if (item.pk, one.media.pk) in seen:
            continue
        seen.add((item.pk, one.media.pk))
        problem = text_of(UserError(one.code, **one.params))
        yield Row(
            title=title_of(item.title, item.text) or _("Without words yet"),
            note=f"{channel.name}, {when_short(one.variant.publish_at)} · {one.media.name}: {problem}",
            voice="late",
            action=_("Replace the file"),
            url=_page("plan-item", workspace.slug, item.pk),
            mine=_own(person, item.owner, channel.owner),
        )


def _reminders(workspace: Workspace, person: Person) -> Iterator[Row]:
    decides = may(person, Permission.CONTINGENCY_DECIDE)
    for one in contingency.open_reminders(workspace)[:MOST]:
        initiative = one.proposal.checkpoint.initiative
        yield Row(
            title=_("Remind people in %(channel)s") % {"channel": one.channel.name},
            note=pick(initiative.title, language_of()),
            voice="out",
            action=_("Done"),
            url=_page("today-reminder-done", workspace.slug, one.pk),
            mine=one.person_id == person.pk or (one.person_id is None and decides),
            post=True,
        )


def _channels(workspace: Workspace, person: Person, now: datetime) -> Iterator[Row]:
    manages = may(person, Permission.CHANNEL_MANAGE)
    silent = Circuit.objects.filter(open=True, network=OuterRef("network"), server=OuterRef("server"))
    found = list(
        Channel.objects.filter(workspace=workspace, is_active=True)
        .annotate(silent=Exists(silent))
        .filter(Q(health=Health.RECONNECT) | Q(silent=True) | tokens.may_end(now))
        .select_related("owner")
    )
    for broken in [row for row in found if row.health == Health.RECONNECT][:MOST]:
        yield Row(
            title=_("“%(channel)s” has to be connected again") % {"channel": broken.name},
            note=_("until then nothing leaves there"),
            voice="late",
            action=_("Connect"),
            url=_page("networks", workspace.slug),
            mine=manages and _own(person, broken.owner),
        )
    for line in silence_lines(workspace, language_of(), now=now) if any(row.silent for row in found) else ():
        yield Row(
            title=line.text,
            note=", ".join(line.channels),
            voice="late",
            action=_("Look"),
            url=_page("networks", workspace.slug),
            mine=manages,
        )
    for ending, end in tokens.ending(found, now=now)[:MOST]:
        yield Row(
            title=_("“%(channel)s”: connect it again by %(day)s")
            % {"channel": ending.name, "day": day(clock.local_day(end, workspace.time_zone))},
            note=_("then the access ends; what is scheduled stays"),
            voice="late",
            action=_("Connect"),
            url=_page("networks-reconnect", workspace.slug, ending.key),
            mine=manages and _own(person, ending.owner),
        )


def _content_and_briefs(workspace: Workspace, person: Person, today: date) -> Iterator[Row]:
    """Content that is due, first what is late or due today; then briefs that should be ready."""
    due = [(one.on, _content(workspace, person, one, today)) for one in _due(workspace, today)]
    yield from (row for on, row in due if on <= today)
    yield from (row for on, row in due if on > today)
    yield from _briefs(workspace, person, today)


def _due(workspace: Workspace, today: date) -> list[Deadline]:
    found = deadlines.due_between(workspace=workspace, first=today - DUE_BACK, after=today + SOON + DAY)
    return [one for one in found if not one.done and (one.ends_on is None or one.ends_on >= today)][:MOST]


def _content(workspace: Workspace, person: Person, one: Deadline, today: date) -> Row:
    title = deadline_words.title_of(one, language_of())
    parts = (title, deadline_words.channels_of(one), deadline_words.lacks(one))
    return Row(
        title=_deadline(one.on, today),
        note=" · ".join(part for part in parts if part),
        voice="late" if one.on < today else "out",
        action=_("Open"),
        url=(
            _page("plan-item", workspace.slug, one.item_id)
            if one.item_id
            else _page("initiatives-plan", workspace.slug, one.slug)
        ),
        mine=may(person, Permission.PLAN_EDIT),
    )


def _briefs(workspace: Workspace, person: Person, today: date) -> Iterator[Row]:
    edits = may(person, Permission.BRIEF_EDIT)
    rows = (
        Initiative.objects.filter(
            workspace=workspace, archived_at=None, ends_on__gte=today, starts_on__lte=today + STARTS_SOON
        )
        .exclude(brief__state=BriefState.READY)
        .select_related("brief", "owner")
        .prefetch_related(Prefetch("brief__targets", Target.objects.filter(workspace=workspace)))
        .order_by("starts_on")[:MOST]
    )
    for one in rows:
        lacking = briefs.missing(one.brief)
        begins = (
            _("begins %(day)s") % {"day": day(one.starts_on)}
            if one.starts_on > today
            else _("began %(day)s") % {"day": day(one.starts_on)}
        )
        yield Row(
            title=_("The brief “%(title)s” is not ready") % {"title": pick(one.title, language_of())},
            note=" · ".join([begins, *(str(step.text) for step in lacking[:2])]),
            voice="out",
            action=_("Open"),
            url=_page("initiatives-brief", workspace.slug, one.slug),
            mine=edits and _own(person, one.owner),
        )


def _deadline(due: date, today: date) -> str:
    if due < today:
        return _("The content was due on %(day)s") % {"day": day(due)}
    if due == today:
        return _("The content is due today")
    return _("The content is due on %(day)s") % {"day": day(due)}
