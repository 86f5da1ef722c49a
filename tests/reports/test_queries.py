"""The report filled from the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from spilno import exchange
from spilno.briefs.models import Target
from spilno.exchange.cases import ImportResult, import_case
from spilno.facts.services import record
from spilno.plan.services import create_item, put_variant
from spilno.publishing.services import record_past
from spilno.reports.document import ResultsReport, to_json
from spilno.reports.html import render_html
from spilno.reports.pdf import render_pdf
from spilno.reports.queries import results_report, tag_label
from tests.conftest import NOW

FOLDER = Path(exchange.__file__).parent / "data" / "charity-book-sale"


@pytest.fixture
def case(db: None) -> ImportResult:
    return import_case(folder=FOLDER, now=NOW)


def report_of(case: ImportResult, language: str = "en") -> ResultsReport:
    return results_report(workspace=case.workspace, initiative=case.initiative, language=language, now=NOW)


def test_the_contract_of_the_json_report(case: ImportResult) -> None:
    data = to_json(report_of(case))

    assert data["initiative"] == "charity-book-sale"
    assert data["period"] == {"from": "2021-05-03", "to": "2021-06-30"}
    assert [
        (one["metric"], one["subject"], one["baseline"], one["target"], one["value"], one["reached"])
        for one in data["targets"]
    ] == [
        ("members_growth", "facebook-group", 400, 0.1, 0.135, True),
        ("leads", None, None, 40, 44, True),
        ("catalogue_outsiders", None, None, 5, 5, True),
        ("catalogue_items", None, None, 110, 115, True),
        ("catalogue_exchanged", None, None, 90, 100, True),
        ("donations", None, None, "35000 UAH", "39000 UAH", True),
    ]
    assert [(one["key"], one["channel"], one["network"], one["placement"]) for one in data["posts"]] == [
        ("catalogue-post", "facebook-group", "facebook_group", "post"),
        ("story-1", "instagram", "instagram", "story"),
        ("story-2", "instagram", "instagram", "story"),
        ("story-3", "instagram", "instagram", "story"),
        ("story-link", "instagram", "instagram", "story"),
    ]
    assert data["posts"][1]["published_at"] == "2021-06-03T12:00:00+03:00"
    assert data["posts"][4]["metrics"]["link_clicks"] == 86
    assert data["posts"][0]["metrics"] == {"leads": 44}  # the group reports nothing: nothing is not zero


def test_every_curve_ends_where_its_value_is(case: ImportResult) -> None:
    for one in report_of(case).targets:
        assert one.curve[-1].value == one.value, one.metric
        assert one.curve[-1].day == case.initiative.ends_on


def test_leads_are_told_by_where_they_came_from(case: ImportResult) -> None:
    leads = next(one for one in report_of(case, "uk").targets if one.metric == "leads")
    assert [(part.label, part.value) for part in leads.parts] == [
        ("Instagram, сторіс", 25),
        ("Facebook, допис", 19),
    ]


@pytest.mark.parametrize(
    ("source", "medium", "label"),
    [
        ("instagram", "story", "Instagram, story"),
        ("newsletter", "email", "Newsletter, email"),
        ("", "x", "x"),
    ],
)
def test_tags_are_said_in_words(source: str, medium: str, label: str) -> None:
    assert tag_label(source, medium, language="en") == label


def test_our_own_links_name_the_channel() -> None:
    channels = {"facebook-page": "Delivery House"}
    assert tag_label("facebook-page", "social", language="en", channels=channels) == "Delivery House"
    assert tag_label("facebook", "post", language="en", channels=channels) == "Facebook, post"


def test_an_item_on_two_channels_claims_no_leads_for_either(case: ImportResult) -> None:
    workspace, initiative = case.workspace, case.initiative
    item = create_item(
        workspace=workspace, initiative=initiative, key="both", text="Two places", by=None, now=NOW
    )
    from spilno.channels.models import Channel

    for channel in Channel.objects.filter(workspace=workspace, key__in=["instagram", "facebook-group"]):
        variant = put_variant(item=item, channel=channel, by=None, now=NOW)
        record_past(variant=variant, published_at=NOW - timedelta(days=1), by=None, now=NOW)
    record(
        workspace=workspace, kind="lead", occurred_at=NOW, now=NOW, source="t", source_key="x",
        initiative_id=initiative.pk, item_id=item.pk, actor="x",
    )  # fmt: skip
    posts = [one for one in report_of(case).posts if one.key == "both"]
    assert [dict(one.metrics) for one in posts] == [{}, {}]


def test_the_number_of_queries_does_not_grow(
    case: ImportResult, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    with CaptureQueriesContext(connection) as before:
        report_of(case)
    workspace, initiative = case.workspace, case.initiative
    channel = initiative.brief.targets.get(metric="members_growth").channel
    assert channel is not None
    for number in range(30):
        item = create_item(
            workspace=workspace, initiative=initiative, key=f"more-{number}", text="More", by=None, now=NOW
        )
        variant = put_variant(item=item, channel=channel, by=None, now=NOW)
        record_past(variant=variant, published_at=NOW - timedelta(days=1), by=None, now=NOW)
    for position, metric in enumerate(("visits", "sales", "registrations", "unique_visitors"), start=10):
        Target.objects.create(
            workspace=workspace, brief=initiative.brief, metric=metric, value=Decimal(1), position=position
        )
    with CaptureQueriesContext(connection) as after:
        report = report_of(case)

    assert (len(report.posts), len(report.targets)) == (35, 10)
    assert len(after) == len(before) <= 20


@pytest.mark.parametrize("language", ["uk", "en", "ru"])
def test_page_and_pdf_are_made_from_it(case: ImportResult, language: str) -> None:
    report = report_of(case, language)
    page = render_html(report)
    assert page.count("<svg") == 6
    assert "http" not in page.split("</style>")[1].replace("http://www.w3.org/", "")
    assert render_pdf(report).startswith(b"%PDF")


def test_what_people_typed_stays_text(case: ImportResult) -> None:
    case.initiative.title = {"uk": "<script>alert(1)</script>"}
    case.initiative.save()
    page = render_html(report_of(case))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
