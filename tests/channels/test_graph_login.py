"""From a registered app over the network's own page to channels that work: all of it, against a practice network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.test import override_settings

from spilno.channels import access, oauth, registration, services
from spilno.channels.models import Channel, Health, PendingConnection
from spilno.channels.oauth import Chosen
from spilno.kernel.errors import UserError
from spilno.toolkit.networks import get
from spilno.toolkit.practice import Practice, start
from spilno.toolkit.practice.graph_login import APP_ID, APP_SECRET
from tests.publishing.stage import Stage

pytestmark = pytest.mark.django_db
BACK = "https://spilno.example/networks/back/"


@pytest.fixture
def practice() -> Iterator[Practice]:
    with start(seed="login") as server:
        for name in ("books", "second"):
            server.state.add_account(network="facebook", name=name, title=name.capitalize())
            server.state.add_account(network="instagram", name=name)
        with override_settings(SPILNO_ALLOWED_PRIVATE_HOSTS=("127.0.0.1",)):
            yield server


def begin(stage: Stage, practice: Practice, network: str, channel: Channel | None = None) -> str:
    url, state = oauth.begin_oauth(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network=network, name="",
        purpose="brand", credentials={"graph_url": practice.graph_url}, redirect_uri=BACK, channel=channel,
    )  # fmt: skip
    asked = httpx.get(url)
    body: dict[str, Any] = {"answer": "allow"}
    for name, value in re.findall(
        r'<input type="(?:hidden|checkbox)" name="(.*?)" value="(.*?)"', asked.text
    ):
        body.setdefault(name, []).append(value)
    sent_back = parse_qs(urlsplit(httpx.post(url, data=body).headers["location"]).query)
    assert sent_back["state"] == [state]
    return f"{state} {sent_back['code'][0]}"


def finish(stage: Stage, there: str) -> Channel | PendingConnection:
    state, code = there.split()
    assert stage.cast.owner.user is not None
    return oauth.finish_oauth(state=state, code=code, user=stage.cast.owner.user, now=stage.clock.at)


def register(stage: Stage, network: str, secret: str = APP_SECRET) -> None:
    registration.keep_app(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network=get(network),
        values={"client_id": APP_ID, "client_secret": secret},
    )  # fmt: skip


@pytest.mark.parametrize("network", ["facebook_page", "instagram"])
def test_several_pages_become_channels_and_are_connected_again(
    stage: Stage, practice: Practice, network: str
) -> None:
    with pytest.raises(UserError, match="app_missing"):
        begin(stage, practice, network)
    register(stage, network)
    pending = finish(stage, begin(stage, practice, network))
    assert isinstance(pending, PendingConnection)
    user = stage.cast.owner.user
    assert user is not None
    offered = oauth.choices(state=pending.state, user=user, now=stage.clock.at).accounts
    assert len(offered) == 2
    chosen = [Chosen(one.number, one.name, "brand") for one in offered]
    made = oauth.choose(state=pending.state, user=user, now=stage.clock.at, chosen=chosen)
    assert len({one.external_id for one in made}) == 2
    for channel in made:
        kept = access.unsealed(channel.secret)
        assert not {"client_id", "client_secret"} & set(kept)
        services.check_health(channel=channel, now=stage.clock.at)
        channel.refresh_from_db()
        assert channel.health == Health.OK
    again = finish(stage, begin(stage, practice, network, channel=made[0]))
    assert isinstance(again, Channel)
    assert again.pk == made[0].pk


def test_a_wrong_secret_is_said_in_words(stage: Stage, practice: Practice) -> None:
    register(stage, "facebook_page", secret="something-else")
    with pytest.raises(UserError) as caught:
        finish(stage, begin(stage, practice, "facebook_page"))
    assert caught.value.code == "network_app_refused"
    assert "something-else" not in str(caught.value)
    assert not Channel.objects.filter(network="facebook_page").exists()
