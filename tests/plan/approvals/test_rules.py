"""How decisions make an approval."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from spilno.plan.approvals.rules import OWNER, Stage, Standing, State, Voice, standing

FIRST, SECOND = uuid4(), uuid4()
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def stage(pk: UUID = FIRST, *approvers: str, needs_all: bool = False) -> Stage:
    return Stage(pk, "", needs_all, approvers or ("person:a", "person:b"))


def voice(
    voter: str,
    minute: int = 0,
    *,
    at: UUID | None = FIRST,
    approves: bool = True,
    as_whom: tuple[str, ...] = (),
) -> Voice:
    whom = frozenset(as_whom or (voter,))
    return Voice(at, voter, whom, approves, voter, "", NOON + timedelta(minutes=minute))


def test_without_stages_nobody_is_asked() -> None:
    assert standing([], [voice("person:a")]) == Standing(State.NOT_NEEDED)


def test_one_of_several_is_enough_only_if_the_stage_says_so() -> None:
    assert standing([stage()], [voice("person:b")]).state is State.APPROVED
    both = [stage(needs_all=True)]
    waiting = standing(both, [voice("person:b")])
    assert (waiting.state, waiting.missing) == (State.WAITING, ("person:a",))
    assert standing(both, [voice("person:b"), voice("person:a", 1)]).state is State.APPROVED


def test_stages_go_one_after_the_other() -> None:
    stages = [stage(FIRST, "person:a"), stage(SECOND, "guest:g")]
    assert standing(stages, [voice("guest:g", at=SECOND)]).stage == stages[0]
    now = standing(stages, [voice("person:a")])
    assert (now.state, now.stage, now.missing) == (State.WAITING, stages[1], ("guest:g",))
    assert standing(stages, [voice("person:a"), voice("guest:g", 1, at=SECOND)]).state is State.APPROVED


def test_wanting_changes_stops_it_until_the_same_one_approves() -> None:
    said = [voice("person:a"), voice("person:b", 1, approves=False)]
    refused = standing([stage()], said)
    assert refused.state is State.CHANGES
    assert refused.changes == said[1]
    assert standing([stage()], [*said, voice("person:a", 2)]).state is State.CHANGES
    assert standing([stage()], [*said, voice("person:b", 2)]).state is State.APPROVED


def test_a_late_refusal_at_the_first_stage_stops_the_second() -> None:
    stages = [stage(FIRST, "person:a"), stage(SECOND, "person:b")]
    said = [voice("person:a"), voice("person:b", 1, at=SECOND), voice("person:a", 2, approves=False)]
    assert standing(stages, said).state is State.CHANGES


def test_one_person_can_stand_for_a_role_and_for_themselves() -> None:
    stages = [stage(FIRST, "person:a", "role:editor", needs_all=True)]
    assert standing(stages, [voice("person:a")]).missing == ("role:editor",)
    assert standing(stages, [voice("person:a", as_whom=("person:a", "role:editor"))]).state is State.APPROVED


def test_the_owner_can_stand_in_for_a_stage() -> None:
    stages = [stage(FIRST, "person:a", "person:b", needs_all=True), stage(SECOND, "person:c")]
    now = standing(stages, [voice("person:o", as_whom=(OWNER,))])
    assert (now.state, now.stage) == (State.WAITING, stages[1])


def test_a_stage_that_is_gone_does_not_count() -> None:
    assert (
        standing([stage()], [voice("person:a", at=None), voice("person:b", at=uuid4())]).state
        is State.WAITING
    )


PEOPLE = [f"person:{letter}" for letter in "abcd"]
voices = st.lists(
    st.builds(
        voice, st.sampled_from(PEOPLE), st.integers(0, 50), at=st.sampled_from([FIRST, SECOND]),
        approves=st.booleans(),
    ),
    max_size=8, unique_by=lambda one: one.at,
)  # fmt: skip


@given(voices, st.booleans(), st.booleans())
def test_the_order_in_which_voices_are_read_changes_nothing(
    said: list[Voice], first_all: bool, second_all: bool
) -> None:
    stages = [
        stage(FIRST, *PEOPLE[:2], needs_all=first_all), stage(SECOND, *PEOPLE[1:], needs_all=second_all)
    ]  # fmt: skip
    wanted = standing(stages, said)
    for other in itertools.islice(itertools.permutations(said), 12):
        assert standing(stages, other) == wanted


@given(voices)
def test_approved_means_that_every_stage_has_its_approval_and_nobody_wants_changes(said: list[Voice]) -> None:
    stages = [stage(FIRST, *PEOPLE[:2], needs_all=True), stage(SECOND, *PEOPLE[2:])]
    last = {(one.stage_id, one.voter): one for one in sorted(said, key=lambda one: one.at)}
    yes = {key for key, one in last.items() if one.approves}
    no = {key for key, one in last.items() if not one.approves}
    first = {(FIRST, one) for one in PEOPLE[:2]} <= yes
    second = bool({(SECOND, one) for one in PEOPLE[2:]} & yes)
    assert (standing(stages, said).state is State.APPROVED) == (first and second and not no)
