"""Results on the web."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from spilno import exchange
from spilno.briefs.models import Initiative
from spilno.exchange.cases import import_case
from spilno.publishing.models import Delivery
from tests.conftest import NOW, Cast

FOLDER = Path(exchange.__file__).parent / "data" / "charity-book-sale"
SLUG = "charity-book-sale"
SignIn = Callable[..., Client]


@pytest.fixture
def initiative(cast: Cast) -> Initiative:
    return import_case(folder=FOLDER, now=NOW, workspace=cast.workspace).initiative


def address(name: str, *args: str) -> str:
    return reverse(name, args=["delivery-house", *args])


def page(client: Client, name: str, *args: str, query: str = "", status: int = 200) -> str:
    response = client.get(address(name, *args) + query)
    assert response.status_code == status
    return response.content.decode()


def test_the_tab_shows_figures_sentence_posts_and_notes(
    cast: Cast, client_of: SignIn, initiative: Initiative
) -> None:
    html = page(client_of(cast.owner), "initiatives-results", SLUG)
    text = html.replace("\u00a0", " ").replace("\u202f", " ")

    for figure in ("+13,5 %", "400 → 454", "39 000 ₴", "35 000 ₴", ">115<", ">100<"):
        assert figure in text
    assert "44 ліди — на 4 більше, ніж домовилися." in text
    assert "не повідомляє: охоплення" in text
    assert text.count('data-state="reached"') == 6
    assert "Каталог — за посиланням" in text
    specs = [one for one in html.split("<script") if "vega-lite/v6" in one]
    assert len(specs) == 6


def test_every_tile_opens_into_its_facts(cast: Cast, client_of: SignIn, initiative: Initiative) -> None:
    client = client_of(cast.analyst)
    html = page(client, "initiatives-results", SLUG)
    for metric, rows in {
        "leads": 44, "catalogue_items": 115, "catalogue_exchanged": 100, "donations": 100,
        "catalogue_outsiders": None, "members_growth": None,
    }.items():  # fmt: skip
        link = address("results-facts", SLUG, metric)
        if metric == "members_growth":
            link += "?channel=facebook-group"
        assert f'href="{link}"' in html
        response = client.get(link)
        assert response.status_code == 200
        if rows is not None:
            assert response.context["page"].page.paginator.count == rows


def test_the_rows_behind_a_figure_are_those_it_is_computed_from(
    cast: Cast, client_of: SignIn, initiative: Initiative
) -> None:
    client = client_of(cast.owner)
    seen = []
    for number in (1, 2):
        response = client.get(address("results-facts", SLUG, "donations") + f"?page={number}")
        seen += [one.amount for one in response.context["page"].facts]
    amounts = [int("".join(letter for letter in one if letter.isdigit())) for one in seen]
    assert sum(amounts) == 39000

    outsiders = client.get(address("results-facts", SLUG, "catalogue_outsiders") + "?lang=en").context["page"]
    assert len({one.who for one in outsiders.facts}) == 5
    assert {one.scope for one in outsiders.facts} == {"from outside"}

    growth = client.get(address("results-facts", SLUG, "members_growth") + "?channel=facebook-group").context[
        "page"
    ]
    marked = {one.mark: one.value for one in growth.readings if one.mark}
    assert marked == {"last": "454", "baseline": "400"}


@pytest.mark.parametrize("query", ["?page=abc", "?page=999", "?page=-1"])
def test_pages_that_are_not_there_show_one_that_is(
    cast: Cast, client_of: SignIn, initiative: Initiative, query: str
) -> None:
    page(client_of(cast.owner), "results-facts", SLUG, "leads", query=query)


@pytest.mark.parametrize(
    ("metric", "query"),
    [("visits", ""), ("nonsense", ""), ("members_growth", ""), ("leads", "?channel=instagram")],
)
def test_figures_that_nobody_wants_are_not_there(
    cast: Cast, client_of: SignIn, initiative: Initiative, metric: str, query: str
) -> None:
    page(client_of(cast.owner), "results-facts", SLUG, metric, query=query, status=404)


def test_report_files(cast: Cast, client_of: SignIn, initiative: Initiative) -> None:
    client = client_of(cast.analyst)
    pdf = client.get(address("initiatives-report-pdf", SLUG))
    assert pdf.headers["Content-Type"] == "application/pdf"
    assert pdf.headers["Content-Disposition"] == 'attachment; filename="charity-book-sale.pdf"'
    assert pdf.content.startswith(b"%PDF")
    html = client.get(address("initiatives-report-html", SLUG))
    assert b"<svg" in html.content
    data = json.loads(client.get(address("initiatives-report-json", SLUG)).content)
    assert data["targets"][0]["value"] == 0.135
    assert data["targets"][1]["facts"] == address("results-facts", SLUG, "leads")


def test_whoever_may_writes_what_was_learned(cast: Cast, client_of: SignIn, initiative: Initiative) -> None:
    client = client_of(cast.owner)
    response = client.post(
        address("initiatives-learned", SLUG),
        {"learned": "Сторіс — першою.\r\n\r\nІ раніше.", "language": "uk"},
    )
    assert response.status_code == 302
    initiative.refresh_from_db()
    assert initiative.learned == {"uk": "Сторіс — першою.\n\nІ раніше."}
    assert "Сторіс — першою." in page(client, "initiatives-results", SLUG)
    assert "Сторіс — першою." in page(client_of(cast.analyst), "initiatives-results", SLUG)


def test_what_is_too_long_is_kept_in_the_form(cast: Cast, client_of: SignIn, initiative: Initiative) -> None:
    response = client_of(cast.owner).post(address("initiatives-learned", SLUG), {"learned": "є" * 5001})
    assert response.status_code == 422
    assert "є" * 5001 in response.content.decode()
    initiative.refresh_from_db()
    assert initiative.learned == {}


def test_the_analyst_reads_but_does_not_write(cast: Cast, client_of: SignIn, initiative: Initiative) -> None:
    client = client_of(cast.analyst)
    assert "<textarea" not in page(client, "initiatives-results", SLUG)
    assert client.post(address("initiatives-learned", SLUG), {"learned": "x"}).status_code == 403


def test_outsiders_see_nothing(cast: Cast, client_of: SignIn, initiative: Initiative) -> None:
    client = client_of(cast.outsider)
    for name, args in (
        ("results", ()),
        ("initiatives-results", (SLUG,)),
        ("initiatives-report-pdf", (SLUG,)),
        ("results-facts", (SLUG, "leads")),
    ):
        page(client, name, *args, status=404)


def test_an_initiative_without_anything_says_what_to_do(cast: Cast, client_of: SignIn) -> None:
    from datetime import date

    from spilno.briefs.services import create_initiative

    create_initiative(
        workspace=cast.workspace, by=cast.owner, now=NOW, kind="event", title={"uk": "Нова"}, slug="nova",
        starts_on=date(2026, 11, 1), ends_on=date(2026, 12, 1),
    )  # fmt: skip
    client = client_of(cast.owner)
    html = page(client, "initiatives-results", "nova")
    assert address("initiatives-brief", "nova") in html
    assert client.get(address("initiatives-report-pdf", "nova")).content.startswith(b"%PDF")
    assert page(client, "results")


def test_the_scorecard_names_who_answers(cast: Cast, client_of: SignIn, initiative: Initiative) -> None:
    client = client_of(cast.analyst)
    response = client.get(address("results"))
    shown = response.context["page"]
    assert shown.current == "finished"  # nothing is running, so what is over is shown
    assert [(one.name, one.reached, len(one.rows)) for one in shown.departments] == [("Маркетинг", 6, 6)]
    assert page(client, "results", query="?period=running")


def test_the_number_of_queries_of_the_overview_does_not_grow(
    cast: Cast, client_of: SignIn, initiative: Initiative
) -> None:
    client = client_of(cast.owner)
    client.get(address("results"))
    with CaptureQueriesContext(connection) as before:
        client.get(address("results"))
    from spilno.briefs.models import Brief, Target

    for number in range(8):
        other = Initiative.objects.create(
            workspace=cast.workspace, slug=f"other-{number}", title={"uk": "Інша"}, created_at=NOW,
            starts_on=initiative.starts_on, ends_on=initiative.ends_on,
        )  # fmt: skip
        brief = Brief.objects.create(workspace=cast.workspace, initiative=other, updated_at=NOW)
        Target.objects.create(workspace=cast.workspace, brief=brief, metric="leads", value=5)
    with CaptureQueriesContext(connection) as after:
        client.get(address("results"))
    assert len(after) == len(before)


def test_asking_for_fresh_numbers_makes_posts_due(
    cast: Cast, client_of: SignIn, initiative: Initiative
) -> None:
    delivery = Delivery.objects.get(variant__item__key="story-1")
    Delivery.objects.filter(pk=delivery.pk).update(external_id="178")
    response = client_of(cast.owner).post(address("initiatives-refresh", SLUG))
    assert response.status_code == 302
    delivery.refresh_from_db()
    assert delivery.observe_next_at is not None


def test_nobody_reads_markup_out_of_what_was_typed(
    cast: Cast, client_of: SignIn, initiative: Initiative
) -> None:
    Initiative.objects.filter(pk=initiative.pk).update(
        title={"uk": "</script><img src=x>"}, learned={"uk": "<b>x</b>"}
    )
    html = page(client_of(cast.analyst), "initiatives-results", SLUG)
    assert "<img src=x>" not in html
    assert "<b>x</b>" not in html
