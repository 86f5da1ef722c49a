"""The plan as a table: what people's files look like, and what is said of each row."""

from __future__ import annotations

import io
from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from spilno.channels.models import Channel
from spilno.kernel.clock import from_wall
from spilno.kernel.errors import UserError
from spilno.plan import services
from spilno.plan.models import Item, PlanImport, Variant
from spilno.plan.transfer import columns, rows, tables, writing
from spilno.plan.transfer.rows import Checked, check_rows
from spilno.publishing import importing, rearranging
from spilno.publishing.models import Delivery
from spilno.toolkit.language.likeness import ALIKE, likeness, plain
from tests.conftest import Cast
from tests.plan.conftest import make_channel

TABLE = "Дата;Час;Канал;Текст\n2026-11-24;18:00;Our bluesky;Їжак; і ґанок\n"


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


def kyiv(text: str) -> datetime:
    return from_wall(datetime.fromisoformat(text), "Europe/Kyiv")


def brought(cast: Cast, *lines: dict[str, str]) -> PlanImport:
    names = list(dict.fromkeys(name for line in lines for name in line))
    return PlanImport.objects.create(
        workspace=cast.workspace, person=cast.owner, name="plan.csv", columns=names, created_at=cast.now,
        rows=[[number, [line.get(name, "") for name in names]] for number, line in enumerate(lines, 2)],
    )  # fmt: skip


def checked(cast: Cast, *lines: dict[str, str]) -> list[Checked]:
    return check_rows(plan_import=brought(cast, *lines), now=cast.now)


GOOD = {"date": "2026-11-24", "time": "18:00", "channel": "Our bluesky", "text": "Words"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "windows-1251"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_encodings_and_separators(encoding: str, separator: str) -> None:
    text = f"Дата{separator}Текст{separator}Канал\r\n2026-11-24{separator}«Їжак»{separator}Канал\r\n\r\n"
    if encoding == "windows-1251":
        text = text.replace("ґ", "г")
    assert tables.read_table(text.encode(encoding)) == [
        (1, ["Дата", "Текст", "Канал"]), (2, ["2026-11-24", "«Їжак»", "Канал"]),
    ]  # fmt: skip


def test_lines_within_a_cell_and_excels_own_word() -> None:
    found = tables.read_table(b'sep=,\nText,Channel\n"One, two\nthree",X\n')
    assert found == [(1, ["Text", "Channel"]), (2, ["One, two\nthree", "X"])]


def test_a_workbook_as_people_make_it() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Date", "Time", "Text", "Number"])
    sheet.append([date(2026, 11, 24), time(18, 0), "Words", 5])
    sheet.append([datetime(2026, 11, 25, 9, 30), None, None, 2.0])
    into = io.BytesIO()
    book.save(into)
    assert tables.read_table(into.getvalue()) == [
        (1, ["Date", "Time", "Text", "Number"]),
        (2, ["2026-11-24", "18:00", "Words", "5"]),
        (3, ["2026-11-25 09:30", "", "", "2"]),
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_is_empty"), (b" \n\n ", "file_is_empty"), (b"PK\x03\x04 no zip", "not_a_table"),
        (b"x" * (tables.BYTES_MOST + 1), "file_too_large"), (b"a\n" * (tables.ROWS_MOST + 2), "too_many_rows"),
        (b"," .join([b"a"] * 80), "too_many_columns"),
    ],
)  # fmt: skip
def test_what_is_no_table(content: bytes, code: str) -> None:
    with pytest.raises(UserError) as caught:
        tables.read_table(content)
    assert caught.value.code == code


def test_headings_in_three_languages() -> None:
    for language in ("uk", "en", "ru"):
        names, below = rows.heading_row([(1, writing.headings(language)), (2, ["x"])])
        assert tuple(names) == columns.COLUMNS
        assert below == [(2, ["x"])]
    names, _below = rows.heading_row([(1, ["publish date", " TEXT: ", "Who knows"])])
    assert names == ["date", "text", ""]
    for wrong, code in ((["a", "b"], "no_headings"), (["Text", "Текст"], "column_twice")):
        with pytest.raises(UserError) as caught:
            rows.heading_row([(1, wrong)])
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-04", (11, 4)), ("4.11.2026", (11, 4)), ("04.11.26", (11, 4)), ("13/11/2026", (11, 13)),
        ("5/5/2026", (5, 5)),
    ],
)  # fmt: skip
def test_dates(text: str, found: tuple[int, int]) -> None:
    assert columns.read_day(text, day_first=columns.day_comes_first([text])) == date(2026, *found)


def test_which_is_the_day_is_asked_unless_the_table_tells() -> None:
    with pytest.raises(ValueError, match="doubtful"):
        columns.read_day("03/04/2026", day_first=columns.day_comes_first(["03/04/2026", "05/06/2026"]))
    assert columns.read_day(
        "03/04/2026", day_first=columns.day_comes_first(["03/04/2026", "3/25/2026"])
    ) == date(2026, 3, 4)
    assert columns.day_comes_first(["13/04/2026", "3/25/2026"]) is None
    for wrong in ("2026-02-30", "32.1.2026", "yesterday", ""):
        with pytest.raises(ValueError):
            columns.read_day(wrong, day_first=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("18:00", (time(18), "")), ("9.05", (time(9, 5), "")), ("6:30 PM", (time(18, 30), "")),
        ("12 am", (time(0), "")), ("18:00:00", (time(18), "")), ("03:30 later", (time(3, 30), "later")),
        ("3:30 раніше", (time(3, 30), "earlier")),
    ],
)  # fmt: skip
def test_times(text: str, found: tuple[time, str]) -> None:
    assert columns.read_clock(text) == found


@pytest.mark.parametrize("text", ["25:00", "18", "noon", "13 pm", "later", ""])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        columns.read_clock(text)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"date": "tomorrow"}, "date", "not a date"),
        ({"time": "6"}, "time", "not a time"),
        ({"date": ""}, "date", "missing"),
        ({"channel": "Nowhere"}, "channel", "no channel “Nowhere”"),
        ({"text": "x" * 400}, "text", "Our bluesky"),
        ({"text": ""}, "text", "neither a text"),
        ({"link": "ftp:/x"}, "link", "not a web address"),
        ({"state": "maybe"}, "state", "draft"),
        ({"initiative": "Unknown"}, "initiative", "Unknown"),
        ({"pictures": "a.jpg"}, "pictures", "a.jpg"),
        ({"placement": "hologram"}, "placement", "hologram"),
        ({"date": "2027-03-28", "time": "03:30"}, "time", "does not exist"),
        ({"date": "2027-10-31", "time": "03:30"}, "time", "comes twice"),
        ({"date": "2026-11-19", "state": "scheduled"}, "date", "passed"),
        ({"tags": ",".join(map(str, range(30)))}, "tags", "20 tags"),
    ],
)
def test_every_problem_is_named_at_its_field(
    cast: Cast, bluesky: Channel, change: dict[str, str], field: str, words: str
) -> None:
    from django.utils import translation

    with translation.override("en"):
        bad, good = checked(cast, GOOD | change, GOOD | {"text": "Other words"})
    assert [one.field for one in bad.errors] == [field]
    assert words in bad.errors[0].text
    assert good.good


def test_doubtful_hours_are_answered_in_the_cell(cast: Cast, bluesky: Channel) -> None:
    first, second = checked(
        cast,
        GOOD | {"date": "2027-10-31", "time": "03:30 earlier", "text": "a"},
        GOOD | {"date": "2027-10-31", "time": "03:30 later", "text": "b"},
    )
    assert first.at
    assert second.at
    assert (second.at - first.at).total_seconds() == 3600


def test_the_same_twice(cast: Cast, bluesky: Channel) -> None:
    item = services.create_item(workspace=cast.workspace, by=cast.owner, now=cast.now, text="There  already!")
    services.put_variant(
        item=item, channel=bluesky, by=cast.owner, now=cast.now, publish_at=kyiv("2026-11-24T18:00")
    )
    known, fresh, again = checked(cast, GOOD | {"text": "there already"}, GOOD, GOOD)
    assert (known.good, fresh.good, again.good) == (False, True, False)


def test_several_channels_in_one_cell(cast: Cast, bluesky: Channel) -> None:
    matrix = make_channel(cast, "matrix")
    make_channel(
        cast,
        "linkedin",
        "a",
    )
    make_channel(cast, "linkedin", "b")
    both, by_network, unclear = checked(
        cast, GOOD | {"channel": "our BLUESKY; matrix"}, GOOD | {"channel": "Bluesky", "text": "b"},
        GOOD | {"channel": "linkedin", "text": "c"},
    )  # fmt: skip
    assert {one.pk for one, _place in both.places} == {bluesky.pk, matrix.pk}
    assert by_network.good
    assert [one.field for one in unclear.errors] == ["channel"]


def test_all_good_rows_or_none_and_the_others_wait(cast: Cast, bluesky: Channel) -> None:
    lines = [GOOD | {"text": f"Post {number}", "tags": "a, b", "state": "scheduled"} for number in range(4)]
    lines[2] = lines[2] | {"date": "never"}
    found = brought(cast, *lines)
    made, change = importing.apply(plan_import=found, by=cast.owner, now=cast.now)
    assert sorted(one.text for one in made) == ["Post 0", "Post 1", "Post 3"]
    assert Delivery.objects.count() == 3
    assert [one.name for one in made[0].tags.order_by("name")] == ["a", "b"]
    found.refresh_from_db()
    assert [number for number, _cells in found.rows] == [4]
    found.rows[0][1][0] = "2026-11-25"
    found.save()
    importing.apply(plan_import=found, by=cast.owner, now=cast.now)
    assert not PlanImport.objects.exists()
    assert Item.objects.count() == 4
    undone = rearranging.undo(change=change, by=cast.owner, now=cast.now)
    assert len(undone.items) == 3
    assert Item.objects.filter(deleted_at=None).count() == 1


def test_nothing_is_written_if_one_row_meets_something_unforeseen(
    cast: Cast, bluesky: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = brought(cast, GOOD | {"text": "a"}, GOOD | {"text": "b"})
    real, calls = importing.composition.save, []

    def second_fails(**values: object) -> Item:
        calls.append(1)
        if len(calls) == 2:
            raise UserError("channel_disconnected", name="x")
        return real(**values)  # type: ignore[arg-type]

    monkeypatch.setattr(importing.composition, "save", second_fails)
    with pytest.raises(UserError) as caught:
        importing.apply(plan_import=found, by=cast.owner, now=cast.now)
    assert (caught.value.code, caught.value.params["row"]) == ("import_row_refused", 3)
    assert not Item.objects.exists()
    assert PlanImport.objects.count() == 1


def test_rows_with_one_number_are_one_post(cast: Cast, bluesky: Channel) -> None:
    make_channel(cast, "matrix")
    found = brought(
        cast, GOOD | {"post": "1"}, GOOD | {"post": "1", "channel": "matrix", "text": "Own words", "time": "20:00"},
        GOOD | {"post": "2", "text": "a"}, GOOD | {"post": "2", "channel": "nowhere", "text": "a"},
    )  # fmt: skip
    made, _change = importing.apply(plan_import=found, by=cast.owner, now=cast.now)
    assert [one.text for one in made] == ["Words"], "of a post in several rows all or none"
    assert sorted(made[0].variants.values_list("text", flat=True)) == ["", "Own words"]


cells = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30).map(str.strip)


@given(
    table=st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=6),
    kind=st.sampled_from(["csv", "xlsx"]),
)
def test_what_is_written_is_read_again(table: list[list[str]], kind: str) -> None:
    """Also cells that a spreadsheet would take for formulas."""
    table = [["Text", "Channel"], *([f"x{row[0]}", *row[1:]] for row in table)]
    content = tables.write_csv(table) if kind == "csv" else tables.write_xlsx(table, title="Plan")
    found = [[tables.harmed(one) for one in row] for _number, row in tables.read_table(content)]

    def trimmed(row: list[str]) -> list[str]:
        kept = [one.strip() for one in row]
        while kept and not kept[-1]:
            kept.pop()
        return kept

    assert found == [trimmed(row) for row in table]


def test_formulas_are_made_harmless() -> None:
    content = tables.write_csv([["=1+1", "-5", "@x", "plain"]]).decode("utf-8-sig")
    assert content.strip() == "'=1+1;'-5;'@x;plain"


@pytest.mark.parametrize("language", ["uk", "en", "ru"])
def test_out_and_in_again(cast: Cast, bluesky: Channel, language: str) -> None:
    from spilno.plan.calendar import calendar

    lines = [
        GOOD | {"text": "=Formula\nand more", "tags": "a", "state": "scheduled"},
        GOOD | {"date": "2027-10-31", "time": "03:30 later", "text": "Second hour"},
    ]
    importing.apply(plan_import=brought(cast, *lines), by=cast.owner, now=cast.now)
    seen = [
        slot
        for first, after in (("2026-11-01", "2026-11-30"), ("2027-10-15", "2027-11-05"))
        for slot in calendar(
            workspace=cast.workspace, start=kyiv(f"{first}T00:00"), end=kyiv(f"{after}T00:00")
        )
    ]
    table = writing.table_of(
        workspace=cast.workspace, slots=seen, scheduled=frozenset({"queued"}), language=language
    )
    content = tables.write_csv([writing.headings(language), *table])
    before = sorted(Variant.objects.values_list("publish_at", "item__text"))
    Delivery.objects.all().delete()
    Item.objects.all().delete()
    names, below = rows.heading_row(tables.read_table(content))
    again = PlanImport.objects.create(
        workspace=cast.workspace, person=cast.owner, name="x", columns=names, created_at=cast.now,
        rows=[[number, row] for number, row in below],
    )  # fmt: skip
    importing.apply(plan_import=again, by=cast.owner, now=cast.now)
    assert sorted(Variant.objects.values_list("publish_at", "item__text")) == before
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Реєстрація відкрита до 3 грудня! https://a.example", "реєстрація відкрита до 4 грудня", True),
        ("Три книги, які варто прочитати до зустрічі", "Три книги, які варто прочитати до зустрічі 📚", True),
        ("Запитання тижня: як ви оцінюєте задачі?", "Запитання тижня: як ви наймаєте людей у команду?", False),
        ("Добрий ранок!", "Добрий ранок", True), ("Добрий ранок!", "Добрий вечір!", False), ("", "", False),
    ],
)  # fmt: skip
def test_likeness(one: str, other: str, alike: bool) -> None:
    assert (likeness(plain(one), plain(other)) >= ALIKE) is alike
