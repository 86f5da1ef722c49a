"""Pages of networks and channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from spilno.channels import services
from spilno.channels.models import Channel, Health
from spilno.interfaces.web import network_words
from spilno.interfaces.web.messages import TEXTS
from spilno.team.models import Person
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Once
from tests.channels.test_oauth import BACK, Visited
from tests.conftest import Cast
from tests.publishing import stage as stages
from tests.publishing.fake import Side
from tests.publishing.stage import PASSWORD, Stage

pytestmark = pytest.mark.django_db
stage = stages.stage
Browser = Callable[[Person], Client]
ROOT = "/w/delivery-house/networks/"


def channel_by_hand(cast: Cast) -> Channel:
    return services.add_by_hand(
        workspace=cast.workspace, by=cast.owner, now=cast.now, network="facebook_group", name="Our group",
        purpose="community",
    )  # fmt: skip


def test_without_channels_the_page_says_what_to_do(cast: Cast, client_of: Browser) -> None:
    html = client_of(cast.owner).get(f"{ROOT}?lang=en").content.decode()
    assert "No channel yet" in html
    assert f'href="{ROOT}connect/"' in html
    assert f'href="{ROOT}connect/"' not in client_of(cast.analyst).get(ROOT).content.decode()


@pytest.mark.parametrize("language", ["uk", "en", "ru"])
def test_every_network_has_its_pages(cast: Cast, client_of: Browser, language: str) -> None:
    browser = client_of(cast.owner)
    for network in registry.all_networks().values():
        about = browser.get(f"{ROOT}about/{network.key}/?lang={language}").content.decode()
        for placement in network.placements:
            assert placement.label[language] in about
        form = browser.get(f"{ROOT}by-hand/{network.key}/?lang={language}")
        assert form.status_code == 200
        if not network.by_hand:
            html = browser.get(f"{ROOT}connect/{network.key}/?lang={language}").content.decode()
            for field in network.credential_fields:
                assert f'name="{field.key}"' in html
    assert browser.get(f"{ROOT}about/nowhere/").status_code == 404


def test_every_limit_has_words() -> None:
    keys = {
        limit.key
        for network in registry.all_networks().values()
        for place in network.placements
        for limit in place.limits
    }
    assert keys <= set(network_words.RULES)
    assert {str(one) for one in Once} <= set(network_words.ONCE)


def test_connecting_asks_the_network_and_never_gives_a_secret_back(stage: Stage, client_of: Browser) -> None:
    network = stage.channel(Once.KEY).network
    Channel.objects.all().delete()
    browser = client_of(stage.cast.owner)
    typed = {"name": "Ours", "purpose": "brand", "password": "wrong", "owner": str(stage.cast.colleague.pk)}
    refused = browser.post(f"{ROOT}connect/{network.replace('_', '-')}/", typed)
    assert refused.status_code == 404
    refused = browser.post(f"{ROOT}connect/{network}/?lang=en", typed)
    assert refused.status_code == 422
    html = refused.content.decode()
    assert "does not accept" in html
    assert 'value="wrong"' not in html
    assert 'value="Ours"' in html
    done = browser.post(f"{ROOT}connect/{network}/", typed | {"password": PASSWORD}, follow=True)
    channel = Channel.objects.get()
    assert done.redirect_chain[-1][0] == f"{ROOT}{channel.key}/"
    assert (channel.owner, channel.external_id) == (stage.cast.colleague, "id-Ours")
    assert PASSWORD not in done.content.decode()


def test_a_reminder_channel_is_added_changed_and_ended(cast: Cast, client_of: Browser) -> None:
    browser = client_of(cast.owner)
    wrong = browser.post(
        f"{ROOT}by-hand/facebook_group/", {"name": "Група", "purpose": "community", "url": "a b"}
    )
    assert wrong.status_code == 422
    browser.post(
        f"{ROOT}by-hand/facebook_group/", {"name": "Група", "purpose": "community", "url": "fb.com/g"}
    )
    channel = Channel.objects.get()
    page = f"{ROOT}{channel.key}/"
    form = {"name": "Група 2", "purpose": "brand", "owner": "", "community": "", "late_tolerance": "5"}
    assert browser.post(page, form).status_code == 302
    assert browser.post(page, form | {"late_tolerance": "99999"}).status_code == 422
    channel.refresh_from_db()
    assert (channel.name, channel.purpose, channel.late_tolerance) == ("Група 2", "brand", 5)
    browser.post(f"{page}disconnect/")
    assert "Група 2" in browser.get(ROOT).content.decode()
    browser.post(f"{page}reopen/")
    channel.refresh_from_db()
    assert channel.is_active


def test_a_channel_in_trouble_comes_first_with_what_to_do(stage: Stage, client_of: Browser) -> None:
    channel = stage.channel(Once.KEY)
    Channel.objects.update(
        health=Health.RECONNECT, health_code="network_not_accepted", health_params={"host": "fake"}
    )
    browser = client_of(stage.cast.owner)
    html = browser.get(f"{ROOT}?lang=en").content.decode()
    assert f"{ROOT}{channel.key}/reconnect/" in html
    again = browser.post(f"{ROOT}{channel.key}/reconnect/", {"password": "fresh"})
    assert again.status_code == 302
    channel.refresh_from_db()
    assert channel.health == Health.OK
    assert browser.post(f"{ROOT}{channel.key}/check/").status_code == 302


def test_colleagues_of_another_workspace_do_not_see_it(cast: Cast, client_of: Browser) -> None:
    channel = channel_by_hand(cast)
    outsider = client_of(cast.outsider)
    assert outsider.get(f"{ROOT}{channel.key}/").status_code == 404
    assert outsider.get(f"/w/elsewhere/networks/{channel.key}/").status_code == 404
    assert client_of(cast.colleague).post(f"{ROOT}{channel.key}/disconnect/").status_code == 403


@pytest.fixture
def visited(stage: Stage, settings: object) -> str:
    network = Visited(Once.KEY, Side())
    network.key = "fake_visited"  # type: ignore[misc]
    registry._found()[network.key] = network
    return network.key


def test_to_the_network_and_back_in_one_session(stage: Stage, visited: str, client_of: Browser) -> None:
    browser, other = client_of(stage.cast.owner), client_of(stage.cast.owner)
    typed = {"name": "Ours", "purpose": "brand", "password": "x"}
    there = browser.post(f"{ROOT}connect/{visited}/", typed, headers={"host": "testserver"})
    assert there.status_code == 302
    state = there.headers["Location"].partition("state=")[2]
    back = f"/networks/back/?state={state}&code=1"
    # The same person in another browser did not begin this.
    assert "/networks/" not in other.get(back).headers["Location"]
    assert Channel.objects.count() == 0
    assert Client().get(back).headers["Location"].startswith("/account/login/")
    from unittest.mock import patch

    with patch("tests.channels.test_oauth.BACK", "http://testserver/networks/back/"):
        done = browser.get(back)
    assert done.headers["Location"] == f"{ROOT}{Channel.objects.get().key}/"
    assert browser.get(back).status_code == 302
    assert Channel.objects.count() == 1
    assert BACK.endswith("/networks/back/")


def test_a_refusal_at_the_network_is_told(stage: Stage, visited: str, client_of: Browser) -> None:
    browser = client_of(stage.cast.owner)
    there = browser.post(f"{ROOT}connect/{visited}/", {"name": "Ours", "purpose": "brand", "password": "x"})
    state = there.headers["Location"].partition("state=")[2]
    back = browser.get(f"/networks/back/?state={state}&error=access_denied&lang=en", follow=True)
    assert "was not allowed" in back.content.decode()


def test_every_code_of_these_rooms_has_words() -> None:
    import re
    from pathlib import Path

    import spilno

    root = Path(spilno.__file__).parent
    codes: set[str] = set()
    for room in ("channels", "publishing"):
        for file in (root / room).glob("*.py"):
            text = file.read_text()
            codes |= set(re.findall(r'(?:UserError|_ask_person)\(\s*(?:delivery, now, )?"([a-z_]+)"', text))
            codes |= set(re.findall(r'Stop\(\s*state\.[A-Z]+, "([a-z_]+)"', text))
            codes |= set(re.findall(r'code="([a-z_]+)"', text))
            codes |= set(re.findall(r'Trouble\([\w.]+, "([a-z_]+)"', text))
    networks = " ".join(file.read_text() for file in (root / "toolkit" / "networks").glob("*.py"))
    codes |= {f"network_{one}" for one in re.findall(r'NetworkError\(\s*Kind\.[A-Z]+, "([a-z_]+)"', networks)}
    codes |= {f"network_{one}" for one in re.findall(r'Kind\.[A-Z]+, "([a-z_]+)"', networks)}
    assert len(codes) > 40
    assert codes - set(TEXTS) == set()


def test_who_may_practise_is_told_where(cast: Cast, client_of: Browser, settings: Any) -> None:
    client = client_of(cast.owner)
    practised = next(key for key, one in registry.all_networks().items() if one.practice)
    path = f"/w/{cast.workspace.slug}/networks/connect/{practised}/"
    assert settings.SPILNO_PRACTICE_URL not in client.get(path).content.decode()  # nothing runs there
    cast.workspace.is_demo = True
    cast.workspace.save()
    assert settings.SPILNO_PRACTICE_URL in client.get(path).content.decode()


def test_a_part_of_a_page_is_not_replaced_by_the_sign_in(cast: Cast, client: Client) -> None:
    path = f"/w/{cast.workspace.slug}/networks/"
    assert client.get(path).status_code == 302
    assert client.get(path, headers={"HX-Request": "true"}).status_code == 401
