"""The composer: everything typed stays, nothing leaves unasked, nobody overwrites anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from spilno.channels.models import Channel
from spilno.kernel.clock import from_wall
from spilno.plan import queries, services
from spilno.plan.models import Item, Media, Variant
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState as S
from spilno.team.models import Person
from spilno.toolkit.networks import get
from tests.conftest import Cast
from tests.plan.conftest import make_channel, picture, store  # noqa: F401 - a fixture
from tests.plan.test_items import deliver, make_initiative, make_item

ClientOf = Callable[[Person], Client]
Store = Callable[..., Media]


@pytest.fixture(autouse=True)
def _today(cast: Cast) -> object:
    with time_machine.travel(cast.now, tick=False):
        yield


@pytest.fixture
def bluesky(cast: Cast) -> Channel:
    return make_channel(cast, "bluesky")


@pytest.fixture
def instagram(cast: Cast) -> Channel:
    return make_channel(cast, "instagram")


@pytest.fixture
def client(cast: Cast, client_of: ClientOf) -> Client:
    return client_of(cast.owner)


def kyiv(text: str) -> datetime:
    return from_wall(datetime.fromisoformat(text), "Europe/Kyiv")


def to(channel: Channel, placement: str = "post") -> str:
    return f"{channel.pk}:{placement}"


def new(client: Client, do: str = "save", **said: Any) -> HttpResponse:
    return client.post(reverse("plan-new", args=["delivery-house"]), {"do": do, **said})


def edit(client: Client, item: Item, do: str = "save", **said: Any) -> HttpResponse:
    said = {"version": item.version, "text": item.text, "title": item.title, "link": item.link} | said
    return client.post(reverse("plan-item", args=["delivery-house", item.pk]), {"do": do, **said})


def errors(response: HttpResponse) -> str:
    assert response.status_code == 422, response.status_code
    found = re.search(r'class="form-errors".*?<p>(.*?)</p>', response.content.decode(), re.DOTALL)
    assert found
    return found[1]


def test_an_empty_form(client: Client, cast: Cast, bluesky: Channel, instagram: Channel) -> None:
    make_channel(cast, "linkedin", is_active=False)
    make_channel(cast, "mastodon", other=True)
    initiative = make_initiative(cast, "meetup")
    response = client.get(
        reverse("plan-new", args=["delivery-house"]),
        {"at": "2026-11-25T18:00", "initiative": "meetup", "reserve": "1"},
    )
    page = response.content.decode()
    assert re.findall(r'name="to" value="([^"]+)"', page) == [
        to(bluesky), *(to(instagram, one.key) for one in get("instagram").placements),
    ]  # fmt: skip
    assert 'value="2026-11-25T18:00"' in page
    assert f'<option value="{initiative.pk}" selected>' in page
    assert 'name="reserve" value="1"' in page
    day = client.get(reverse("plan-new", args=["delivery-house"]), {"at": "2026-11-25"}).content.decode()
    assert 'value="2026-11-25T12:00"' in day


def test_a_draft_with_all_its_parts(
    client: Client,
    cast: Cast,
    bluesky: Channel,
    instagram: Channel,
    store: Store,  # noqa: F811
) -> None:
    one, two = store(), store(picture(color="red"))
    initiative = make_initiative(cast)
    response = new(
        client, title="Working title", text="Common\r\nwords", link="https://example.org/a",
        initiative=str(initiative.pk), media=[str(two.pk), str(one.pk)], to=[to(instagram), to(bluesky)],
        at="2026-11-25T18:00",
        **{
            f"text-{to(bluesky)}": "Own words", f"at-{to(bluesky)}": "2026-11-26T09:15",
            f"text-{to(instagram)}": "Common\r\nwords", f"alt-{one.pk}": "Books",
            f"text-{to(instagram, 'story')}": "of a place that was not chosen",
        },
    )  # fmt: skip
    item = Item.objects.get()
    assert response.status_code == 302
    assert response.headers["Location"] == reverse("plan-item", args=["delivery-house", item.pk])
    assert (item.title, item.text, item.link) == ("Working title", "Common\nwords", "https://example.org/a")
    assert (item.initiative, item.owner, item.reserve) == (initiative, cast.owner, False)
    assert queries.media_of(item) == [two, one]
    found = [(one.channel, one.text, one.publish_at) for one in item.variants.select_related("channel")]
    assert found == [
        (instagram, "", kyiv("2026-11-25T18:00")),  # the same words again are not words of its own
        (bluesky, "Own words", kyiv("2026-11-26T09:15")),
    ]
    one.refresh_from_db()
    assert one.alt == "Books"
    assert not Delivery.objects.exists()


def test_what_is_shown_is_what_was_saved(
    client: Client, cast: Cast, bluesky: Channel, instagram: Channel
) -> None:
    """Opening and saving without a change changes nothing, to the second, even in an hour that comes twice."""
    item = make_item(cast, "Words", link="https://example.org/")
    first_of_two = datetime.fromisoformat("2026-10-25T03:30:17+03:00")
    for channel, text, at in ((bluesky, "Own", first_of_two), (instagram, "", kyiv("2026-11-26T09:15"))):
        services.put_variant(item=item, channel=channel, text=text, publish_at=at, by=None, now=cast.now)
    address = reverse("plan-item", args=["delivery-house", item.pk])
    page = client.get(address).content.decode()
    fields = dict(re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', page))
    assert fields["at"] == "2026-10-25T03:30"
    said = {name: value for name, value in fields.items() if name.startswith(("at", "version"))}
    chosen = re.findall(r'name="to" value="([^"]+)" checked', page)
    before = list(item.variants.order_by("pk").values_list("channel", "text", "publish_at"))
    response = client.post(
        address,
        {
            "do": "save",
            "text": "Words",
            "link": "https://example.org/",
            "to": chosen,
            f"text-{to(bluesky)}": "Own",
            **said,
        },
    )
    assert response.status_code == 302, response.content.decode()
    assert list(item.variants.order_by("pk").values_list("channel", "text", "publish_at")) == before


def test_scheduling(client: Client, cast: Cast, bluesky: Channel) -> None:
    response = new(client, "schedule", text="Words", to=to(bluesky), at="2026-11-25T18:00")
    assert response.status_code == 302
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.due_at) == (S.QUEUED, kyiv("2026-11-25T18:00"))
    page = client.get(reverse("plan-item", args=["delivery-house", Item.objects.get().pk])).content.decode()
    assert reverse("plan-delivery", args=["delivery-house", delivery.pk]) in page
    assert 'value="cancel"' in page


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"at": "2026-11-25T18:00", "to": ""}, "Choose at least one channel"),
        ({"at": ""}, "Choose when it goes out"),
        ({"at": "2026-11-01T18:00"}, ""),
        ({"at": "2027-03-28T03:30"}, "does not exist"),
        ({"at": "2027-10-31T03:30"}, "comes twice"),
        ({"at": "soon"}, "This is not a time"),
        ({"at": "2026-11-25T18:00", "text": "a" * 301}, "Too long by 1"),
        ({"at": "2026-11-25T18:00", "text": ""}, "neither text nor a picture"),
        ({"at": "2026-11-25T18:00", "link": "example"}, "not a web address"),
        ({"at": "2026-11-25T18:00", "link_to": str(uuid4())}, "not there any more"),
        ({"at": "2026-11-25T18:00", "to": f"{uuid4()}:post"}, ""),
        ({"at": "2026-11-25T18:00", "initiative": "nonsense"}, ""),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    client: Client, bluesky: Channel, said: dict[str, str], word: str
) -> None:
    typed = {
        "title": "My title",
        "text": "Слова, які шкода втратити",
        "to": to(bluesky),
        "link": "https://example.org",
    }
    typed |= {f"text-{to(bluesky)}": ""} | said
    response = new(client, "schedule", **typed, lang="en")
    message = errors(
        client.post(reverse("plan-new", args=["delivery-house"]) + "?lang=en", {"do": "schedule", **typed})
    )
    assert word in message
    page = response.content.decode()
    for name in ("title", "link"):
        assert f'value="{typed[name]}"' in page
    assert typed["text"] in page
    if typed["at"] != "soon":
        assert f'value="{typed["at"]}"' in page
    if typed["to"] == to(bluesky):
        assert f'value="{to(bluesky)}" checked' in page
    assert not Item.objects.exists()
    assert not Delivery.objects.exists()


def test_publishing_now_is_asked_about(client: Client, cast: Cast, bluesky: Channel) -> None:
    group = make_channel(cast, "facebook_group", by_hand=True)
    matrix = make_channel(cast, "matrix")
    said = {"text": "Words", "to": [to(bluesky), to(group)]}
    asked = new(client, "publish", **said)
    assert asked.status_code == 200
    dialog = re.search(r'<dialog[^>]*id="sure".*?</dialog>', asked.content.decode(), re.DOTALL)
    assert dialog
    assert bluesky.name in dialog[0]
    assert group.name in dialog[0]
    assert matrix.name not in dialog[0]
    assert not Item.objects.exists(), "asking saves and sends nothing"
    assert new(client, "send", **said).status_code == 302
    assert {one.due_at for one in Delivery.objects.all()} == {cast.now}
    assert Delivery.objects.count() == 2


def test_publishing_now_is_not_asked_about_what_cannot_go(client: Client, bluesky: Channel) -> None:
    for said in ({"text": "Words"}, {"text": "a" * 301, "to": to(bluesky)}):
        response = new(client, "publish", **said)
        assert response.status_code == 422
        assert b'id="sure"' not in response.content


def test_calling_off(client: Client, cast: Cast, bluesky: Channel) -> None:
    new(client, "schedule", text="Words", to=to(bluesky), at="2026-11-25T18:00")
    item = Item.objects.get()
    edit(client, item, "cancel", to=to(bluesky), at="2026-11-25T18:00")
    assert Delivery.objects.get().state == S.CANCELLED
    assert Variant.objects.get().publish_at == kyiv("2026-11-25T18:00")


def test_keeping_in_reserve_and_taking_out(client: Client, bluesky: Channel) -> None:
    new(client, "reserve", text="Spare", to=to(bluesky))
    item = Item.objects.get()
    assert item.reserve
    edit(client, item, "save", text="Better", to=to(bluesky), reserve="1")
    item.refresh_from_db()
    assert (item.text, item.reserve) == ("Better", True)
    edit(client, item, "schedule", text="Better", to=to(bluesky), reserve="1", at="2026-11-25T18:00")
    item.refresh_from_db()
    assert not item.reserve
    assert Delivery.objects.get().state == S.QUEUED


def test_two_editors_at_once(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    item = make_item(cast, "Before")
    assert edit(client_of(cast.owner), item, text="Mine").status_code == 302
    response = edit(client_of(cast.colleague), item, text="Також важливе", to=to(bluesky))
    assert response.status_code == 422
    page = response.content.decode()
    assert "Також важливе" in page
    assert Item.objects.get().text == "Mine"
    # Both texts stand side by side; what is chosen carries the version that was laid beside.
    (version,) = re.findall(r'<button[^>]* name="resolve" value="(\d+)"', page)
    assert re.findall(r'<input type="hidden" name="version" value="(\d+)"', page) == ["1"]
    address = reverse("plan-item", args=["delivery-house", item.pk])
    client_of(cast.colleague).post(
        address, {"version": "1", "resolve": version, "choice-text": "mine", "text": "Також важливе"}
    )
    assert Item.objects.get().text == "Також важливе"


def test_what_is_out_is_shown_and_kept(
    client: Client, cast: Cast, bluesky: Channel, instagram: Channel
) -> None:
    item = make_item(cast, "Out")
    variant = services.put_variant(item=item, channel=bluesky, by=None, now=cast.now, publish_at=cast.now)
    deliver(variant, "published", cast.now, published_at=cast.now)
    item.refresh_from_db()
    page = client.get(reverse("plan-item", args=["delivery-house", item.pk])).content.decode()
    assert re.search(r'<textarea[^>]*id="id_text"[^>]* readonly', page)
    assert f'type="hidden" name="to" value="{to(bluesky)}"' in page
    assert reverse("plan-delete", args=["delivery-house", item.pk]) not in page
    assert errors(edit(client, item, text="Changed history", to=to(bluesky)))
    assert errors(edit(client, item, "publish", to=to(bluesky)))
    assert (
        edit(client, item, title="For us", to=to(bluesky), **{f"text-{to(bluesky)}": "ignored"}).status_code
        == 302
    )
    item.refresh_from_db()
    assert (item.title, item.text) == ("For us", "Out")
    # Without naming it, what is out is not taken off either.
    assert edit(client, item, title="Again").status_code == 302
    assert Variant.objects.get().text == ""
    assert client.post(reverse("plan-delete", args=["delivery-house", item.pk])).status_code == 422
    assert Item.objects.get().deleted_at is None


def test_deleting_and_undoing(client: Client, cast: Cast, bluesky: Channel) -> None:
    new(client, "schedule", title="Gone", text="Words", to=to(bluesky), at="2026-11-25T18:00")
    item = Item.objects.get()
    response = client.post(reverse("plan-delete", args=["delivery-house", item.pk]))
    assert response.status_code == 302
    assert Delivery.objects.get().state == S.CANCELLED
    plan = client.get(response.headers["Location"]).content.decode()
    restore = reverse("plan-restore", args=["delivery-house", item.pk])
    assert restore in plan
    assert errors(edit(client, item, text="To a deleted one", to=to(bluesky)))
    assert client.get(reverse("plan-item", args=["delivery-house", item.pk])).status_code == 200
    assert client.post(restore).status_code == 302
    item.refresh_from_db()
    assert item.deleted_at is None
    assert Delivery.objects.get().state == S.CANCELLED, "nothing is scheduled again by itself"


def test_in_the_panel(client: Client, bluesky: Channel) -> None:
    address = reverse("plan-new", args=["delivery-house"])
    opened = client.get(address, headers={"HX-Request": "true", "HX-Target": "panel"}).content.decode()
    assert opened.lstrip().startswith('<div class="dialog-head">')
    assert "<html" not in opened
    wrong = client.post(
        address, {"do": "schedule", "panel": "1", "text": "Words"}, headers={"HX-Request": "true"}
    )
    assert wrong.status_code == 422
    assert wrong.content.decode().lstrip().startswith('<div class="dialog-head">')
    saved = client.post(
        address,
        {"do": "schedule", "panel": "1", "text": "Words", "to": to(bluesky), "at": "2026-11-25T18:00"},
        headers={"HX-Request": "true"},
    )
    assert saved.status_code == 204
    triggers = json.loads(saved.headers["HX-Trigger"])
    assert {"plan-changed", "close-panel", "toast"} == set(triggers)
    assert "18:00" in triggers["toast"]["text"]


def test_where_it_leads_afterwards(client: Client, bluesky: Channel) -> None:
    said = {"text": "Words", "to": to(bluesky)}
    ours = "/w/delivery-house/initiatives/meetup/plan/"
    assert new(client, next=ours, **said).headers["Location"] == ours
    for other in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        assert "evil" not in new(client, next=other, **said).headers["Location"]
        assert "alert" not in new(client, next=other, **said).headers["Location"]


def check(client: Client, **said: Any) -> str:
    response = client.post(reverse("plan-check", args=["delivery-house"]) + "?lang=en", said)
    assert response.status_code == 200
    return response.content.decode()


def test_checking_while_typing(
    client: Client,
    cast: Cast,
    bluesky: Channel,
    instagram: Channel,
    store: Store,  # noqa: F811
) -> None:
    wide = store(picture("PNG", (1200, 200)), alt="<b>Wide</b>")
    page = check(
        client, text="a" * 310, to=[to(bluesky), to(instagram, "story")], link="https://example.org/x",
        media=str(wide.pk),
        **{f"text-{to(bluesky)}": "Short <script>"},
    )  # fmt: skip
    assert "Short &lt;script&gt;" in page
    assert "&lt;b&gt;Wide&lt;/b&gt;" in page
    assert "Too long" not in page, "the story shows no text and the other one has words of its own"
    assert "PNG is not accepted here" in page
    assert "can only be added by hand" in page
    long = check(client, text="a" * 310, to=to(bluesky))
    assert "Too long by 10: 310 of 300 characters." in long
    assert 'data-state="over"' in long
    assert not Item.objects.exists()


def test_checking_a_post_that_leads_to_another(client: Client, cast: Cast, bluesky: Channel) -> None:
    target = make_item(cast, "Target")
    said = {"text": "Words", "to": to(bluesky), "link_to": str(target.pk)}
    assert "not out yet" in check(client, **said)
    variant = services.put_variant(item=target, channel=bluesky, by=None, now=cast.now)
    deliver(variant, "published", cast.now, published_at=cast.now, external_url="https://bsky.example/1")
    page = check(client, **said)
    assert "not out yet" not in page
    assert "bsky.example/1" in page


def test_checking_survives_anything(client: Client, bluesky: Channel) -> None:
    for said in (
        {},
        {"to": "x", "media": "x", "version": "x", "link_to": "x", "at": "x", "text": "\x00"},
        {"to": [f"{bluesky.pk}:nowhere", f"{bluesky.pk}", ":"], "media": [str(uuid4()), "x"]},
    ):
        assert "class=" in check(client, **said)
    response = client.post(reverse("plan-check", args=["delivery-house"]), {"item": str(uuid4())})
    assert response.status_code == 404


def upload(client: Client, *files: tuple[str, bytes]) -> HttpResponse:
    said = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post(reverse("plan-upload", args=["delivery-house"]), {"files": said})


def test_uploading(client: Client, cast: Cast) -> None:
    response = upload(
        client, ("a.jpg", picture()), ("fake.jpg", b"no picture"), ("b.png", picture("PNG", color="red"))
    )
    page = response.content.decode()
    assert response.status_code == 200
    assert {one.name for one in Media.objects.all()} == {"a.jpg", "b.png"}
    for media in Media.objects.all():
        assert f'name="media" value="{media.pk}"' in page
        assert f'name="alt-{media.pk}"' in page
    assert "fake.jpg" in page
    alone = upload(client, ("fake.jpg", b"no picture"))
    assert alone.status_code == 422
    assert "X-Problem" in alone.headers
    again = upload(client, ("again.jpg", picture()))
    assert Media.objects.count() == 2
    assert again.status_code == 200


def test_pictures_sent_with_the_form_without_scripts(client: Client, bluesky: Channel) -> None:
    address = reverse("plan-new", args=["delivery-house"])
    good = SimpleUploadedFile("a.jpg", picture())
    client.post(address, {"do": "save", "text": "Words", "to": to(bluesky), "files": good})
    assert queries.media_of(Item.objects.get()) == [Media.objects.get()]
    files = [SimpleUploadedFile("b.jpg", picture(color="red")), SimpleUploadedFile("fake.jpg", b"x")]
    response = client.post(address, {"do": "save", "text": "Other words", "files": files})
    assert errors(response)
    assert "Other words" in response.content.decode()
    kept = Media.objects.get(name="b.jpg")
    assert f'name="media" value="{kept.pk}"' in response.content.decode(), (
        "the good one need not be chosen again"
    )


def test_ids_of_other_workspaces(
    client: Client,
    cast: Cast,
    client_of: ClientOf,
    bluesky: Channel,
    store: Store,  # noqa: F811
) -> None:
    foreign_channel = make_channel(cast, "bluesky", other=True)
    foreign_media = store(workspace=cast.other_workspace, by=cast.outsider)
    foreign_item = make_item(cast, "Foreign", workspace=cast.other_workspace, by=cast.outsider)
    foreign_initiative = make_initiative(cast, other=True)
    assert errors(new(client, text="a", to=to(foreign_channel)))
    assert errors(new(client, text="a", link_to=str(foreign_item.pk)))
    assert errors(new(client, text="a", initiative=str(foreign_initiative.pk)))
    assert not Item.objects.filter(workspace=cast.workspace).exists()
    new(client, text="a", media=str(foreign_media.pk))
    assert queries.media_of(Item.objects.get(workspace=cast.workspace)) == []
    for name in ("plan-item", "plan-delete", "plan-restore"):
        address = reverse(name, args=["delivery-house", foreign_item.pk])
        assert client.post(address, {"text": "x"}).status_code == 404
    assert client.get(reverse("plan-item", args=["delivery-house", foreign_item.pk])).status_code == 404
    ours = Item.objects.get(workspace=cast.workspace)
    assert (
        client_of(cast.outsider).get(reverse("plan-item", args=["delivery-house", ours.pk])).status_code
        == 404
    )
    foreign_item.refresh_from_db()
    assert (foreign_item.text, foreign_item.deleted_at) == ("Foreign", None)


def test_who_may_what(cast: Cast, client_of: ClientOf, bluesky: Channel) -> None:
    item = make_item(cast)
    analyst, designer = client_of(cast.analyst), client_of(cast.colleague)
    address = reverse("plan-item", args=["delivery-house", item.pk])
    read = analyst.get(address)
    assert read.status_code == 200
    assert b"composer-foot" not in read.content
    assert b'<fieldset class="composer-grid" disabled>' in read.content
    for name, args in (
        ("plan-new", []), ("plan-check", []), ("plan-upload", []), ("plan-item", [item.pk]), ("plan-delete", [item.pk]),
        ("plan-restore", [item.pk]),
    ):  # fmt: skip
        assert analyst.post(reverse(name, args=["delivery-house", *args])).status_code == 403, name
    page = designer.get(address).content.decode()
    assert 'value="schedule"' not in page
    assert 'value="publish"' not in page
    for do in ("schedule", "send"):
        assert errors(edit(designer, item, do, to=to(bluesky), at="2026-11-25T18:00"))
    assert not Delivery.objects.exists()
    assert edit(designer, item, text="Better", to=to(bluesky), at="2026-11-25T18:00").status_code == 302


def test_a_channel_that_was_disconnected(client: Client, cast: Cast, bluesky: Channel) -> None:
    item = make_item(cast)
    services.put_variant(
        item=item, channel=bluesky, by=None, now=cast.now, publish_at=cast.now + timedelta(days=1)
    )
    Channel.objects.update(is_active=False)
    page = client.get(reverse("plan-item", args=["delivery-house", item.pk]) + "?lang=en").content.decode()
    assert bluesky.name in page
    assert "no longer connected" in page
    item.refresh_from_db()
    assert errors(edit(client, item, "schedule", to=to(bluesky), at="2026-11-25T18:00"))
    assert not Delivery.objects.exists()


def test_choosing_from_the_library(
    client: Client,
    cast: Cast,
    client_of: ClientOf,
    store: Store,  # noqa: F811
) -> None:
    books, hall = store(name="books.jpg", alt="Стос книг"), store(picture(color="red"), name="hall.jpg")
    foreign = store(workspace=cast.other_workspace, by=cast.outsider)

    def offered(query: str = "") -> set[str]:
        page = client.get(reverse("plan-pictures", args=["delivery-house"]), {"q": query}).content.decode()
        return set(re.findall(r'data-id="([^"]+)"', page))

    assert offered() == {str(books.pk), str(hall.pk)}
    assert offered("стос") == {str(books.pk)}
    assert offered("HALL") == {str(hall.pk)}
    assert offered("%") == set()
    one = reverse("plan-picture", args=["delivery-house", books.pk])
    assert f'name="media" value="{books.pk}"' in client.get(one).content.decode()
    assert client.get(reverse("plan-picture", args=["delivery-house", foreign.pk])).status_code == 404
    assert client_of(cast.analyst).get(one).status_code == 403
    new_post = client.get(
        reverse("plan-new", args=["delivery-house"]), {"media": str(books.pk)}
    ).content.decode()
    assert f'name="media" value="{books.pk}"' in new_post
