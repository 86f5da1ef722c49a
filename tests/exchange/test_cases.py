"""Case folders: the figures follow the rows, twice is once, and a changed folder changes what it changed."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spilno.channels.models import Channel, Health
from spilno.contingency.models import Checkpoint
from spilno.exchange.cases import ImportResult, import_case
from spilno.facts.models import Fact
from spilno.facts.queries import effective, observations
from spilno.kernel.ids import new_id
from spilno.measurement.values import target_values
from spilno.plan.models import Item, Variant
from spilno.plan.services import create_item
from spilno.publishing.models import Delivery
from spilno.team.models import Community, Person, Workspace
from spilno.toolkit.metrics.case import figures, read_case
from tests.conftest import NOW, Cast
from tests.exchange.folders import CATALOGUE, LEADS, OBSERVATIONS, TOML, table, write
from tests.exchange.test_reference import OURS

LATER = NOW + timedelta(days=1)


def values(result: ImportResult) -> dict[str, Decimal | None]:
    return {one.target.metric: one.value.value for one in target_values(result.initiative, NOW)}


def oracle(folder: Path) -> dict[str, Decimal | None]:
    """The toolkit's own figures, from the tables alone."""
    return {one.value.metric: one.value.value for one in figures(read_case(folder))}


# ----------------------------------------------------------------------------------------------- what comes in


def test_our_own_numbers(db: None, tmp_path: Path) -> None:
    result = import_case(folder=write(tmp_path), now=NOW)
    assert values(result) == {
        "members_growth": Decimal("0.3"),
        "leads": 3,
        "catalogue_items": 3,
        "catalogue_exchanged": 2,
        "catalogue_outsiders": 1,
        "donations": Decimal("12.5"),
    }


def test_everything_of_the_folder_is_there(db: None, tmp_path: Path) -> None:
    result = import_case(folder=write(tmp_path), now=NOW)

    workspace, initiative = result.workspace, result.initiative
    assert (workspace.name, workspace.market, workspace.language, workspace.currency) == (
        "Tea House", "b2c", "en", "EUR",
    )  # fmt: skip
    assert Person.objects.get(workspace=workspace).roles == ["community_manager"]
    assert initiative.community == Community.objects.get(workspace=workspace)
    assert (initiative.kind, initiative.public_from) == ("event", date(2024, 3, 10))
    assert initiative.brief.task == {"en": "Neighbours bring tea"}
    assert initiative.brief.budget == Decimal("120.50")
    assert initiative.brief.state == "ready"
    club, shop = Channel.objects.filter(workspace=workspace).order_by("key")
    assert (club.by_hand, club.health, club.community) == (True, Health.BY_HAND, initiative.community)
    assert (shop.by_hand, shop.health, shop.secret) == (False, Health.NEW, None)
    look = Item.objects.get(key="look")
    assert look.text == "Look here"
    assert look.link_to is not None
    assert look.link_to.key == "hello"
    delivery = Delivery.objects.get(variant__item=look)
    assert (delivery.state, delivery.published_at) == ("published", datetime(2024, 3, 11, 10, tzinfo=UTC))
    spare = Variant.objects.get(item__key="spare")
    assert spare.item.reserve
    assert spare.publish_at is None
    assert not Delivery.objects.filter(variant=spare).exists()
    checkpoint = Checkpoint.objects.get(initiative=initiative)
    assert checkpoint.at == datetime(2024, 3, 14, 22, tzinfo=UTC)  # the first moment of 15 March in Kyiv
    assert (checkpoint.fired_at, checkpoint.seen) == (checkpoint.at, 2)
    lead = Fact.objects.get(source_key="l1", kind="lead")
    assert (lead.channel_id, lead.item_id) == (club.pk, Item.objects.get(key="hello").pk)
    assert (lead.utm_source, lead.utm_medium) == ("instagram", "story")
    assert Fact.objects.get(source_key="tea-1", kind="item_given").data == {
        "title": "Sencha",
        "language": "en",
    }


def test_a_plan_for_tomorrow_is_planned_not_published(db: None, tmp_path: Path) -> None:
    folder = write(tmp_path, case=TOML.replace("2024-03", "2027-03"), leads=LEADS.split("\n")[0] + "\n")
    result = import_case(folder=folder, now=NOW)

    hello = Variant.objects.get(item__key="hello")
    assert hello.publish_at == datetime(2027, 3, 10, 7, tzinfo=UTC)
    assert not Delivery.objects.filter(state="published").exists()
    assert Checkpoint.objects.get(initiative=result.initiative).fired_at is None


def test_it_can_go_into_a_workspace_that_is_there(cast: Cast, tmp_path: Path) -> None:
    result = import_case(folder=write(tmp_path), now=NOW, workspace=cast.workspace)
    assert result.workspace == cast.workspace
    cast.workspace.refresh_from_db()
    assert (cast.workspace.name, cast.workspace.currency) == ("Delivery House", "UAH")  # its own settings
    assert not Workspace.objects.filter(slug="tea-house").exists()


def test_the_same_case_lives_in_two_workspaces(cast: Cast, tmp_path: Path) -> None:
    first = import_case(folder=write(tmp_path), now=NOW, workspace=cast.workspace)
    second = import_case(folder=tmp_path, now=NOW, workspace=cast.other_workspace)
    assert first.created == second.created
    assert effective(cast.workspace).count() == effective(cast.other_workspace).count() == 10


# ---------------------------------------------------------------------------------------------- taken in again


def test_twice_is_once(db: None, tmp_path: Path) -> None:
    first = import_case(folder=write(tmp_path), now=NOW)
    before = {model: model.objects.count() for model in (Fact, Item, Variant, Delivery, Checkpoint, Person)}

    again = import_case(folder=tmp_path, now=LATER)

    assert (again.created, again.changed) == (0, 0)
    assert {model: model.objects.count() for model in before} == before
    assert again.initiative == first.initiative
    assert again.initiative.brief.version == first.initiative.brief.version


@pytest.mark.parametrize(
    "file",
    ["\ufeff{}", "{}\n\n", "{}"],
    ids=["with a mark in front", "with empty lines", "with other line ends"],
)
def test_spreadsheets_may_have_saved_it(
    db: None, tmp_path: Path, file: str, request: pytest.FixtureRequest
) -> None:
    import_case(folder=write(tmp_path), now=NOW)
    texts = {name: file.format(content) for name, content in (("leads", LEADS), ("catalogue", CATALOGUE))}
    if "other line ends" in request.node.name:
        texts = {name: text.replace("\n", "\r\n") for name, text in texts.items()}
    again = import_case(folder=write(tmp_path, **texts), now=LATER)
    assert (again.created, again.changed) == (0, 0)


def test_rows_in_another_order_are_the_same_rows(db: None, tmp_path: Path) -> None:
    import_case(folder=write(tmp_path), now=NOW)
    head, *rows = OBSERVATIONS.strip().split("\n")
    again = import_case(folder=write(tmp_path, observations="\n".join([head, *reversed(rows)])), now=LATER)
    assert (again.created, again.changed) == (0, 0)


def test_changed_rows_correct_and_rows_that_are_gone_are_withdrawn(db: None, tmp_path: Path) -> None:
    import_case(folder=write(tmp_path), now=NOW)
    catalogue = CATALOGUE.replace("4.50", "6.50")
    leads = "\n".join(line for line in LEADS.split("\n") if not line.startswith("l2")) + (
        "l4,2024-03-20T10:00:00+02:00,,,,,\nl5,2024-03-20T11:00:00+02:00,,,,,\n"
    )
    observations_ = OBSERVATIONS.replace("club,members,52", "club,members,60")

    result = import_case(
        folder=write(tmp_path, catalogue=catalogue, leads=leads, observations=observations_), now=LATER
    )

    assert (result.created, result.changed) == (2, 3)
    assert values(result)["donations"] == Decimal("14.5")
    assert values(result)["leads"] == 4
    assert values(result)["members_growth"] == Decimal("0.5")
    assert Fact.objects.filter(source_key="l2").count() == 2  # said, and withdrawn: nothing is forgotten
    back = import_case(folder=write(tmp_path), now=LATER)
    assert values(back) == {**values(back), "donations": Decimal("12.5"), "leads": 3}


def test_a_table_that_is_gone_takes_its_rows_back(db: None, tmp_path: Path) -> None:
    import_case(folder=write(tmp_path), now=NOW)
    result = import_case(folder=write(tmp_path, case=TOML.replace('leads = "leads.csv"\n', "")), now=LATER)
    assert values(result)["leads"] == 0
    assert values(result)["catalogue_items"] == 3


def test_brief_and_targets_follow_the_file(db: None, tmp_path: Path) -> None:
    first = import_case(folder=write(tmp_path), now=NOW)
    toml = (
        TOML.replace("value = 0.25", "value = 0.35")
        .replace("Neighbours bring tea", "Everybody brings tea")
        .replace('[[brief.targets]]\nmetric = "catalogue_outsiders"\nvalue = 1\n\n', "")
    )
    result = import_case(folder=write(tmp_path, case=toml), now=LATER)

    brief = result.initiative.brief
    assert brief.task == {"en": "Everybody brings tea"}
    assert brief.targets.get(metric="members_growth").value == Decimal("0.35")
    assert not brief.targets.filter(metric="catalogue_outsiders").exists()
    assert brief.state == "ready"
    assert brief.targets.get(metric="leads").pk == first.initiative.brief.targets.get(metric="leads").pk
    assert result.changed == 3
    assert import_case(folder=tmp_path, now=LATER).changed == 0


def test_what_people_added_beside_the_file_stays(db: None, tmp_path: Path) -> None:
    first = import_case(folder=write(tmp_path), now=NOW)
    ours = create_item(
        workspace=first.workspace, initiative=first.initiative, key="ours", text="Ours", by=None, now=NOW
    )
    toml = TOML.replace(
        TOML[TOML.index('[[plan]]\nkey = "look"') : TOML.index('[[plan]]\nkey = "spare"')], ""
    )
    result = import_case(
        folder=write(tmp_path, case=toml, observations=OBSERVATIONS.split("look")[0]), now=LATER
    )
    ours.refresh_from_db()
    assert ours.deleted_at is None
    assert Item.objects.get(key="look").deleted_at is not None
    assert result.changed == 3  # the post and its two readings
    back = import_case(folder=write(tmp_path), now=LATER)
    assert Item.objects.get(key="look").deleted_at is None
    assert observations(back.workspace).filter(metric="reach").count() == 2


def test_the_plan_follows_the_file(db: None, tmp_path: Path) -> None:
    import_case(folder=write(tmp_path), now=NOW)
    toml = (
        TOML.replace("2024-03-10T09:00:00+02:00", "2024-03-10T10:30:00+02:00")
        .replace("Look here", "Look there")
        .replace('placement = "story"', 'placement = "post"')
        .replace(
            'text = { en = "Bring your tea" }',
            'text = { en = "Bring your tea" }\nurl = "https://example.org/1"',
        )
    )
    import_case(folder=write(tmp_path, case=toml), now=LATER)

    hello = Delivery.objects.get(variant__item__key="hello")
    assert hello.published_at == datetime(2024, 3, 10, 8, 30, tzinfo=UTC)
    assert hello.external_url == "https://example.org/1"
    look = Variant.objects.get(item__key="look")
    assert (look.item.text, look.placement, look.delivery.state) == ("Look there", "post", "published")
    assert import_case(folder=tmp_path, now=LATER).changed == 0


def test_settings_people_and_channels_follow_the_file(db: None, tmp_path: Path) -> None:
    import_case(folder=write(tmp_path), now=NOW)
    toml = (
        TOML.replace("Tea House", "House of Tea")
        .replace("Anna Koval", "Hanna Koval")
        .replace('"Tea club"', '"The tea club"')
        .replace("Tea swap", "Swap of teas")
    )
    result = import_case(folder=write(tmp_path, case=toml), now=LATER)
    assert (result.created, result.changed) == (0, 4)
    assert result.workspace.name == "House of Tea"
    assert Person.objects.get().name == "Hanna Koval"
    assert Channel.objects.get(key="club").name == "The tea club"
    assert result.initiative.title["en"] == "Swap of teas"


def test_a_checkpoint_follows_the_file_and_looks_back_again(db: None, tmp_path: Path) -> None:
    first = import_case(folder=write(tmp_path), now=NOW)
    import_case(folder=write(tmp_path, case=TOML.replace("at = 2024-03-15", "at = 2024-03-12")), now=LATER)
    assert Checkpoint.objects.get(initiative=first.initiative).seen == 1
    import_case(folder=write(tmp_path, case=TOML[: TOML.index("[[contingency]]")]), now=LATER)
    assert not Checkpoint.objects.filter(initiative=first.initiative).exists()


# ------------------------------------------------------------------------------------- other rows, other numbers

MOMENT = st.builds(
    lambda days, minutes: datetime(2024, 3, 1, tzinfo=UTC) + timedelta(days=days, minutes=minutes),
    st.integers(-3, 24),
    st.integers(0, 1439),
).map(lambda moment: moment.isoformat())
SCOPE = st.sampled_from(["internal", "external", ""])
WHO = st.sampled_from(["", "m1", "m2", "g1", "g2", "g3"])


@st.composite
def catalogue_row(draw: st.DrawFn) -> list[str]:
    row = ["", "Tea, «green»", "", "uk", draw(WHO), draw(SCOPE), draw(MOMENT)]
    if not draw(st.booleans()):
        return [*row, "", "", "", "", ""]
    amount = draw(st.none() | st.integers(0, 99999))
    paid = (
        ["", ""]
        if amount is None
        else [f"{amount / 100:.2f}", draw(st.sampled_from(["EUR", "EUR", "USD", ""]))]
    )
    return [*row, draw(MOMENT), draw(WHO), draw(SCOPE), *paid]


def numbered(prefix: str, rows: list[list[str]]) -> list[list[str]]:
    return [[f"{prefix}{number}", *row[1:]] for number, row in enumerate(rows)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    catalogue=st.lists(catalogue_row(), max_size=12),
    leads=st.lists(
        st.tuples(MOMENT, st.sampled_from(["", "club", "shop"]), st.sampled_from(["", "hello"])), max_size=12
    ),
    readings=st.lists(
        st.tuples(st.sampled_from(["club", "shop"]), st.integers(0, 500), MOMENT),
        max_size=12,
        unique_by=lambda row: (row[0], row[2]),
    ),
)
def test_any_folder_gives_its_own_figures(  # type: ignore[no-untyped-def]
    db: None, tmp_path_factory: pytest.TempPathFactory, catalogue, leads, readings
) -> None:
    slug = f"w-{new_id().hex}"
    columns = {name: text.split("\n")[0].split(",") for name, text in (("c", CATALOGUE), ("l", LEADS))}
    folder = write(
        tmp_path_factory.mktemp("case"),
        case=TOML.replace("tea-house", slug),
        catalogue=table(columns["c"], numbered("t", catalogue)),
        leads=table(
            columns["l"],
            [[f"l{n}", when, channel, post, "", "", ""] for n, (when, channel, post) in enumerate(leads)],
        ),
        observations=table(
            OBSERVATIONS.split("\n")[0].split(","),
            [[subject, "members", value, when] for subject, value, when in readings],
        ),
    )

    result = import_case(folder=folder, now=NOW)

    assert values(result) == oracle(folder)
    again = import_case(folder=folder, now=NOW)
    assert (again.created, again.changed) == (0, 0)
    shutil.rmtree(folder)


def mutated(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "metric", "value"),
    [
        ("catalogue.csv", "external,300,UAH", "external,1300,UAH", "donations", Decimal(40000)),
        ("catalogue.csv", "guest-04,external,300", "guest-99,external,300", "catalogue_outsiders", None),
        ("leads.csv", "lead-035,2021-06-03", "lead-035,2021-07-03", "leads", Decimal(43)),
        ("observations.csv", "facebook-group,members,454,2021-06-30", "facebook-group,members,500,2021-06-30",
         "members_growth", Decimal("0.25")),
    ],
)  # fmt: skip
def test_a_changed_row_of_the_reference_case_changes_its_figure(
    db: None, tmp_path: Path, file: str, old: str, new: str, metric: str, value: Decimal | None
) -> None:
    folder = tmp_path / "case"
    shutil.copytree(OURS / "charity-book-sale", folder)
    mutated(folder, file, old, new)
    figures_now = values(import_case(folder=folder, now=NOW))
    assert figures_now == oracle(folder)
    if value is not None:
        assert figures_now[metric] == value


def test_a_long_table_costs_few_queries(db: None, tmp_path: Path) -> None:
    moment = datetime(2024, 3, 11, tzinfo=UTC)
    rows = [
        [f"l{number}", (moment + timedelta(seconds=number)).isoformat(), "", "", "", "", ""]
        for number in range(5_000)
    ]
    with CaptureQueriesContext(connection) as short:
        import_case(folder=write(tmp_path), now=NOW)
    with CaptureQueriesContext(connection) as long:
        result = import_case(
            folder=write(
                tmp_path,
                case=TOML.replace("tea-house", "other"),
                leads=table(LEADS.split("\n")[0].split(","), rows),
            ),
            now=NOW,
        )
    assert values(result)["leads"] == 5_000
    assert len(long) - len(short) < 20
