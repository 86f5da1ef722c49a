"""What is wrong with a folder is said at once, all of it, with file, line and column; and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import translation

from spilno.exchange.cases import CaseProblems, import_case
from spilno.exchange.cases.problems import MOST, TEXTS, Problem
from spilno.facts.models import Fact
from spilno.team.models import Workspace
from tests.conftest import NOW
from tests.exchange.folders import CATALOGUE, LEADS, OBSERVATIONS, TOML, write


def problems_of(folder: Path) -> list[Problem]:
    with pytest.raises(CaseProblems) as caught:
        import_case(folder=folder, now=NOW)
    assert not Workspace.objects.exists()
    return caught.value.problems


def places(folder: Path) -> list[tuple[str, int, str, str]]:
    return [(one.file, one.row, one.column, one.code) for one in problems_of(folder)]


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ("2024-03-02T10:00:00+02:00", "2024-03-02T10:00:00", "given_at", "no_offset"),
        ("2024-03-02T10:00:00+02:00", "2 March", "given_at", "not_a_time"),
        ("2024-03-02T10:00:00+02:00", "2024-02-31T10:00:00+02:00", "given_at", "not_a_time"),
        ("2024-03-02T10:00:00+02:00", "0001-01-01T00:00:00+14:00", "given_at", "not_a_time"),
        ("2024-03-02T10:00:00+02:00", "", "given_at", "required"),
        ("4.50", "-4.50", "donation", "negative"),
        ("4.50", "4.50001", "donation", "too_precise"),
        ("4.50", "four", "donation", "not_a_number"),
        ("4.50", "4e2", "donation", "not_a_number"),
        ("4.50", "NaN", "donation", "not_a_number"),
        ("4.50", "٤", "donation", "not_a_number"),
        ("4.50", '"4,50"', "donation", "not_a_number"),
        ("4.50", "9" * 20, "donation", "too_large"),
        (",EUR\ntea-2", ",XXZ\ntea-2", "currency", "unknown_currency"),
        (",EUR\ntea-2", ",eur\ntea-2", "currency", "unknown_currency"),
        ("internal", "intern", "giver_scope", "unknown_choice"),
        ("tea-1", "", "item", "required"),
        ("Sencha", "S" * 201, "title", "too_long"),
        ("Sencha", "Sen\0cha", "title", "bad_character"),
        ("2024-03-12T10:00:00+02:00", "", "exchanged_by", "needs"),
    ],
)
def test_a_wrong_cell_of_the_catalogue(
    db: None, tmp_path: Path, old: str, new: str, column: str, code: str
) -> None:
    assert old in CATALOGUE
    found = places(write(tmp_path, catalogue=CATALOGUE.replace(old, new, 1)))
    assert found[0] == ("catalogue.csv", 2, column, code)


@pytest.mark.parametrize(
    ("file", "content", "place"),
    [
        ("leads", LEADS.replace("l3", "l1"), ("leads.csv", 4, "lead", "duplicate")),
        ("leads", LEADS.replace("club,hello", "clubb,hello", 1), ("leads.csv", 2, "channel", "unknown_reference")),
        ("leads", LEADS.replace("club,hello", "club,helo", 1), ("leads.csv", 2, "post", "unknown_reference")),
        ("leads", LEADS.replace("utm_source", "utmsource"), ("leads.csv", 1, "utmsource", "unknown_column")),
        ("leads", LEADS.replace("occurred_at", "when", 1), ("leads.csv", 1, "when", "unknown_column")),
        ("leads", LEADS.replace("post", "channel", 1), ("leads.csv", 1, "channel", "column_twice")),
        ("leads", "", ("leads.csv", 0, "", "file_empty")),
        ("leads", "\n\n", ("leads.csv", 0, "", "file_empty")),
        ("leads", LEADS + "l9,2024-03-19T10:00:00+02:00\n", ("leads.csv", 5, "", "too_few_cells")),
        ("leads", LEADS + "l9,2024-03-19T10:00:00+02:00,,,,,,,\n", ("leads.csv", 5, "", "too_many_cells")),
        ("leads", LEADS.replace(",", ";"), ("leads.csv", 1, "", "semicolons")),
        ("leads", LEADS + 'l9,"2024', ("leads.csv", 5, "", "not_csv")),
        ("leads", LEADS.encode("utf-16"), ("leads.csv", 1, "", "not_utf8")),
        ("leads", LEADS.encode() + "l9,пізно".encode("cp1251"), ("leads.csv", 5, "", "not_utf8")),
        ("observations", OBSERVATIONS.replace("look,reach", "loook,reach", 1),
         ("observations.csv", 5, "subject", "unknown_reference")),
        ("observations", OBSERVATIONS.replace("members", "people", 1),
         ("observations.csv", 2, "metric", "unknown_counter")),
        ("observations", OBSERVATIONS.replace(",40,", ",-40,"), ("observations.csv", 2, "value", "negative")),
        ("observations", OBSERVATIONS.replace(",40,", ",,"), ("observations.csv", 2, "value", "required")),
        ("observations", OBSERVATIONS + "club,members,41,2024-03-09T21:00:00+00:00\n",
         ("observations.csv", 7, "observed_at", "duplicate")),
    ],
)  # fmt: skip
def test_a_wrong_table(
    db: None, tmp_path: Path, file: str, content: str | bytes, place: tuple[str, int, str, str]
) -> None:
    assert place in places(write(tmp_path, **{file: content}))


def line_of(text: str, needle: str) -> int:
    return text[: text.index(needle)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ('slug = "tea-house"\n', "", "workspace.slug", "required"),
        ('slug = "tea-house"', 'slug = "Tea House"', "workspace.slug", "not_a_key"),
        ('market = "b2c"', 'market = "b2x"', "workspace.market", "unknown_choice"),
        ('"Europe/Kyiv"', '"Europe/Atlantis"', "workspace.time_zone", "unknown_time_zone"),
        ('currency = "EUR"', 'currency = "EURO"', "workspace.currency", "unknown_currency"),
        ('locale = "en"', 'lokale = "en"', "workspace.lokale", "unknown_key"),
        ('"community_manager"', '"comunity_manager"', "people[1].roles", "unknown_choice"),
        ('department = "marketing"', 'department = "magic"', "people[1].department", "unknown_choice"),
        (
            'owner = "anna"\n\n[[channels]]',
            'owner = "hanna"\n\n[[channels]]',
            "community.owner",
            "unknown_reference",
        ),
        ('network = "instagram"', 'network = "instagran"', "channels[2].network", "unknown_choice"),
        ('key = "shop"', 'key = "club"', "channels[2].key", "duplicate"),
        ("ends_on = 2024-03-20", "ends_on = 2024-02-20", "initiative.ends_on", "ends_before_start"),
        ("ends_on = 2024-03-20", "ends_on = 2044-02-20", "initiative.ends_on", "initiative_too_long"),
        ("ends_on = 2024-03-20", "", "initiative.ends_on", "required"),
        ("ends_on = 2024-03-20", 'ends_on = "20 March"', "initiative.ends_on", "wrong_type"),
        (
            "public_from = 2024-03-10",
            "public_from = 2024-04-10",
            "initiative.public_from",
            "public_from_outside",
        ),
        ('kind = "event"', 'kind = "party"', "initiative.kind", "unknown_choice"),
        ('catalogue = "catalogue.csv"', 'catalogue = "catalog.csv"', "initiative.catalogue", "file_missing"),
        (
            'catalogue = "catalogue.csv"',
            'catalogue = "../catalogue.csv"',
            "initiative.catalogue",
            "file_outside",
        ),
        (
            'catalogue = "catalogue.csv"',
            'catalogue = "/etc/hostname"',
            "initiative.catalogue",
            "file_outside",
        ),
        ("budget = 120.50", "budget = -1", "brief.budget", "negative"),
        ("budget = 120.50", "budget = 1.005", "brief.budget", "too_precise"),
        ("content_due = 2024-03-08", "content_due = 2024-04-08", "brief.content_due", "content_due_late"),
        ('report_formats = ["web"]', 'report_formats = ["fax"]', "brief.report_formats", "unknown_choice"),
        ('metric = "leads"\nvalue', 'metric = "lead"\nvalue', "brief.targets[2].metric", "unknown_metric"),
        (
            'metric = "leads"\nvalue = 3',
            'metric = "leads"\nvalue = -3',
            "brief.targets[2].value",
            "target_negative",
        ),
        (
            'metric = "leads"\nvalue = 3',
            'metric = "leads"\nvalue = 0',
            "brief.targets[2].value",
            "target_not_positive",
        ),
        (
            'metric = "leads"\nvalue = 3',
            'metric = "leads"\nvalue = 3.5',
            "brief.targets[2].value",
            "number_must_be_whole",
        ),
        (
            'metric = "leads"\nvalue = 3',
            'metric = "leads"\nvalue = nan',
            "brief.targets[2].value",
            "not_a_number",
        ),
        (
            'metric = "leads"\nvalue = 3',
            'metric = "leads"\nvalue = true',
            "brief.targets[2].value",
            "wrong_type",
        ),
        ('metric = "leads"\nvalue = 3', 'metric = "leads"', "brief.targets[2].value", "required"),
        ('subject = "club"\n', "", "brief.targets[1].subject", "channel_needed"),
        ('metric = "donations"', 'metric = "leads"', "brief.targets[6].metric", "duplicate"),
        ('channel = "club"', 'channel = "klub"', "plan[1].channel", "unknown_reference"),
        ('placement = "story"', 'placement = "billboard"', "plan[2].placement", "unknown_placement"),
        ('media = "photo"', 'media = "oil painting"', "plan[2].media", "unknown_choice"),
        ("2024-03-11T12:00:00+02:00", "2024-03-11T12:00:00", "plan[2].publish_at", "no_offset"),
        (
            "publish_at = 2024-03-11T12:00:00+02:00",
            "publish_at = 2024-03-11",
            "plan[2].publish_at",
            "wrong_type",
        ),
        ('link = "hello"', 'link = "helo"', "plan[2].link", "unknown_reference"),
        ('link = "hello"', 'link = "look"', "plan[2].link", "links_to_itself"),
        ('link = "hello"', 'link = "ftp://example.org"', "plan[2].link", "not_an_address"),
        ('key = "look"', 'key = "hello"', "plan[2].key", "duplicate"),
        ('publish = "spare"', 'publish = "hello"', "contingency[1].actions[1].publish", "not_a_reserve"),
        ('publish = "spare"', 'publish = "none"', "contingency[1].actions[1].publish", "unknown_reference"),
        ('remind = "club"', 'remind = "pub"', "contingency[1].actions[2].remind", "unknown_reference"),
        ('remind = "club"', 'call = "club"', "contingency[1].actions[2].call", "unknown_key"),
        ("at = 2024-03-15", "at = 2024-05-15", "contingency[1].at", "checkpoint_after_end"),
        ('stage = "half"\n', "", "contingency[1].stage", "required"),
        ("[workspace]", "[wokspace]", "wokspace", "unknown_key"),
    ],
)
def test_a_wrong_key_of_the_case(
    db: None, tmp_path: Path, old: str, new: str, column: str, code: str
) -> None:
    assert old in TOML
    text = TOML.replace(old, new, 1)
    found = problems_of(write(tmp_path, case=text))
    hit = next((one for one in found if (one.column, one.code) == (column, code)), None)
    assert hit is not None, [str(one) for one in found]
    # The line is the key's own, or that of its table if the key is missing.
    key = column.rpartition(".")[2].split("[")[0]
    line = text.split("\n")[hit.row - 1]
    assert hit.row > 0
    assert line.lstrip().startswith((key, "[")) or "actions" in line, line


def test_everything_is_said_at_once(db: None, tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        case=TOML.replace('market = "b2c"', 'market = "x"').replace("value = 3", "value = -3"),
        leads=LEADS.replace("l3", "l1"),
        catalogue=CATALOGUE.replace("4.50", "-1").replace("8,EUR", "8,EU"),
    )
    assert places(folder) == [
        ("case.toml", 4, "workspace.market", "unknown_choice"),
        ("case.toml", line_of(TOML, "value = 3"), "brief.targets[2].value", "target_negative"),
        ("catalogue.csv", 2, "donation", "negative"),
        ("catalogue.csv", 4, "currency", "unknown_currency"),
        ("leads.csv", 4, "lead", "duplicate"),
    ]


def test_a_line_of_a_table_is_the_line_in_the_file(db: None, tmp_path: Path) -> None:
    catalogue = CATALOGUE.replace("Sencha", '"Sencha,\nsecond\nflush"').replace("8,EUR", "-8,EUR")
    assert places(write(tmp_path, catalogue=catalogue)) == [("catalogue.csv", 6, "donation", "negative")]


def test_a_broken_case_file_says_where(db: None, tmp_path: Path) -> None:
    (found,) = problems_of(write(tmp_path, case=TOML.replace('slug = "tea-house"', 'slug = "tea-house')))
    assert (found.file, found.row, found.code) == ("case.toml", 2, "not_toml")


@pytest.mark.parametrize(
    ("content", "code"),
    [(TOML.encode("utf-16"), "not_utf8"), ("Назва".encode("cp1251"), "not_utf8"), (b"", "required")],
)
def test_a_case_file_that_is_none(db: None, tmp_path: Path, content: bytes, code: str) -> None:
    assert code in [one.code for one in problems_of(write(tmp_path, case=content))]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: path / "nowhere", "folder_missing"),
        (lambda path: path, "file_missing"),
    ],
)
def test_a_folder_that_is_none(db: None, tmp_path: Path, make: Callable[[Path], Path], code: str) -> None:
    assert [one.code for one in problems_of(make(tmp_path))] == [code]


def test_a_thousand_problems_are_counted_not_listed(db: None, tmp_path: Path) -> None:
    leads = LEADS + "".join(f"x{number},never,,,,,\n" for number in range(1000))
    found = problems_of(write(tmp_path, leads=leads))
    assert len(found) == MOST + 1
    assert found[-1].params == {"count": 1000 - MOST}


def test_nothing_is_half_taken_in(db: None, tmp_path: Path) -> None:
    import_case(folder=write(tmp_path), now=NOW)
    before = Fact.objects.count()
    with pytest.raises(CaseProblems):
        import_case(
            folder=write(tmp_path, case=TOML.replace("Tea House", "House"), leads=LEADS + "l9,never,,,,,\n"),
            now=NOW,
        )
    assert Workspace.objects.get().name == "Tea House"
    assert Fact.objects.count() == before


def test_a_channel_does_not_move_to_another_network(db: None, tmp_path: Path) -> None:
    import_case(folder=write(tmp_path), now=NOW)
    toml = TOML.replace('network = "facebook_group"', 'network = "linkedin"').replace("Tea House", "House")
    with pytest.raises(CaseProblems) as caught:
        import_case(folder=write(tmp_path, case=toml), now=NOW)
    assert [(one.column, one.code) for one in caught.value.problems] == [
        ("channels[1].network", "other_network")
    ]
    assert Workspace.objects.get().name == "Tea House"


@pytest.mark.parametrize("language", ["uk", "en", "ru"])
def test_every_problem_has_words(language: str) -> None:
    values = dict.fromkeys(
        ["reason", "count", "known", "found", "wanted", "value", "places", "limit", "first", "other", "slug"],
        "1",
    )
    with translation.override(language):
        for code in TEXTS:
            one = Problem("leads.csv", 3, "lead", code, values)
            assert "%(" not in str(one)
            assert "lead" in str(one)
    with translation.override("en"):
        assert str(
            Problem("leads.csv", 12, "occurred_at", "no_offset", {"value": "2021-06-03T09:54:00"})
        ) == ("leads.csv, line 12, occurred_at: 2021-06-03T09:54:00 has no offset from UTC, like +03:00")


def test_what_a_file_says_cannot_mess_up_the_terminal(db: None, tmp_path: Path) -> None:
    leads = LEADS + "l9,\x1b[31mred\x1b[0m and very long " + "x" * 150 + ",,,,,\n"
    (found,) = problems_of(write(tmp_path, leads=leads))
    assert "\x1b" not in str(found)
    assert len(str(found)) < 200
