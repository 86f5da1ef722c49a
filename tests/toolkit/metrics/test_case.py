"""The reference case: six figures out of the rows, and other figures out of other rows."""

import json
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import spilno
from spilno.toolkit.metrics.__main__ import main
from spilno.toolkit.metrics.case import CaseError, figures, read_case

CASE = Path(spilno.__file__).parent / "exchange" / "data" / "charity-book-sale"
D = Decimal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CASE, tmp_path / "case"))


def values(folder: Path) -> dict[str, Decimal | None]:
    return {one.value.metric: one.value.value for one in figures(read_case(folder))}


def test_the_reference_case_gives_its_six_figures() -> None:
    assert values(CASE) == {
        "members_growth": D("0.135"),
        "leads": D(44),
        "catalogue_outsiders": D(5),
        "catalogue_items": D(115),
        "catalogue_exchanged": D(100),
        "donations": D(39000),
    }
    made = {one.value.metric: one for one in figures(read_case(CASE))}
    assert made["members_growth"].value.inputs == {"baseline": D(400), "last": D(454)}
    assert made["donations"].value.currency == "UAH"
    assert all(one.reached for one in made.values())


def test_other_rows_give_other_figures(folder: Path) -> None:
    leads = (folder / "leads.csv").read_text(encoding="utf-8").splitlines()
    (folder / "leads.csv").write_text("\n".join(leads[:11] + leads[1:4]), encoding="utf-8")
    books = (folder / "catalogue.csv").read_text(encoding="utf-8").splitlines()
    new = "book-900,New,Author,uk,guest-99,external,2021-06-20T10:00:00+03:00,"
    new += "2021-06-21T10:00:00+03:00,guest-98,external,1250.50,UAH"
    (folder / "catalogue.csv").write_text("\n".join([*books, new]), encoding="utf-8")
    observations = (folder / "observations.csv").read_text(encoding="utf-8")
    observations = observations.replace("members,454,", "members,390,")
    (folder / "observations.csv").write_text(observations, encoding="utf-8")
    assert values(folder) == {
        "members_growth": D("-0.025"),
        "leads": D(10),  # three of the rows name leads that are already there
        "catalogue_outsiders": D(7),
        "catalogue_items": D(116),
        "catalogue_exchanged": D(101),
        "donations": D("40250.50"),
    }
    assert {one.value.metric for one in figures(read_case(folder)) if one.reached is False} == {
        "members_growth",
        "leads",
    }


def test_without_observations_growth_is_unknown_not_zero(folder: Path) -> None:
    (folder / "observations.csv").write_text("subject,metric,value,observed_at\n", encoding="utf-8")
    growth = figures(read_case(folder))[0]
    assert (growth.value.value, growth.reached, growth.value.missing) == (None, None, "no_baseline")


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("leads.csv", "2021-06-03T09:54:00+03:00", "yesterday", "leads.csv row 2: occurred_at: 'yesterday'"),
        ("leads.csv", "2021-06-03T09:54:00+03:00", "2021-06-03T09:54", "has no offset from UTC"),
        ("observations.csv", ",389,", ",many,", "observations.csv row 2: value: 'many' is not a number"),
        ("observations.csv", ",389,", ",nan,", "value: 'nan' is not a number"),
        ("catalogue.csv", ",300,UAH", ",3oo,UAH", "catalogue.csv row 2: donation: '3oo' is not a number"),
        ("case.toml", 'slug = "charity-book-sale"', "", "case.toml: slug is missing"),
        ("case.toml", "ends_on = 2021-06-30", 'ends_on = "June"', "case.toml: ends_on is not a date"),
        ("case.toml", "[workspace]", "[workspace", "case.toml: "),
    ],
)
def test_a_wrong_folder_is_named_by_file_and_row(
    folder: Path, name: str, old: str, new: str, problem: str
) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CaseError) as caught:
        read_case(folder)
    assert problem in str(caught.value)


def test_the_command_prints_the_figures() -> None:
    """As a program of its own: without Django, without a database."""
    done = subprocess.run(
        [sys.executable, "-m", "spilno.toolkit.metrics", str(CASE)],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "13.5 %" in lines["members_growth"]
    assert "39000 UAH" in lines["donations"]
    assert all(line.endswith("reached") for line in lines.values())


def test_the_command_speaks_json_and_one_line_of_trouble(capsys, tmp_path: Path) -> None:
    assert main([str(CASE), "--json"]) == 0
    growth = json.loads(capsys.readouterr().out)[0]
    assert (growth["metric"], growth["subject"], growth["value"]) == (
        "members_growth",
        "facebook-group",
        0.135,
    )
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == "case.toml: No such file or directory\n"
