"""Being sent to a network and back."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from spilno.channels import access, oauth
from spilno.channels.models import Channel, PendingConnection
from spilno.kernel.errors import UserError
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Account, Credentials, Kind, NetworkError, Once
from tests.publishing.fake import Side, Speaking
from tests.publishing.stage import Stage

pytestmark = pytest.mark.django_db
BACK = "https://spilno.example/networks/back/"


class Visited(Speaking):
    """A network where the person allows the connection."""

    def authorization(
        self, *, client: httpx.Client, credentials: Credentials, redirect_uri: str, state: str
    ) -> tuple[str, Credentials]:
        return f"https://visited.example/allow?state={state}", {**credentials, "verifier": "kept-meanwhile"}

    def finish(
        self, *, client: httpx.Client, credentials: Credentials, code: str, redirect_uri: str
    ) -> tuple[Account, ...]:
        assert (credentials["verifier"], redirect_uri) == ("kept-meanwhile", BACK)
        if code == "bad":
            raise NetworkError(Kind.PERMANENT, "refused", params={"message": "bad code"})
        return (Account(f"id-{code}", "@brand", "", {**credentials, "token": "fresh"}),)


@pytest.fixture
def visited(stage: Stage) -> str:
    network = Visited(Once.KEY, Side())
    network.key = "fake_visited"  # type: ignore[misc]
    registry._found()[network.key] = network
    return network.key


def begin(stage: Stage, network: str, **values: object) -> str:
    """Begin a connection; returns its state."""
    url, state = oauth.begin_oauth(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network=network,
        name="Ours", purpose="community", owner=stage.cast.colleague,
        credentials={"name": "brand", "password": "app-secret"}, redirect_uri=BACK, **values,  # type: ignore[arg-type]
    )  # fmt: skip
    assert parse_qs(urlsplit(url).query)["state"] == [state]
    return state


def finish(stage: Stage, state: str, code: str = "1", *, other: bool = False) -> Channel:
    user = (stage.cast.colleague if other else stage.cast.owner).user
    assert user is not None
    return oauth.finish_oauth(state=state, code=code, user=user, now=stage.clock.at)


def test_there_and_back(stage: Stage, visited: str) -> None:
    state = begin(stage, visited)
    pending = PendingConnection.objects.get()
    assert b"app-secret" not in bytes(pending.secret)
    assert "app-secret" not in str(pending.values)
    channel = finish(stage, state)
    assert (channel.name, channel.purpose, channel.owner) == ("Ours", "community", stage.cast.colleague)
    assert access.credentials_of(channel)["token"] == "fresh"
    assert not PendingConnection.objects.exists()


def test_a_state_works_once_for_an_hour_and_for_who_began(stage: Stage, visited: str) -> None:
    used, old, foreign = (begin(stage, visited) for _ in range(3))
    finish(stage, used)
    with pytest.raises(UserError, match="connection_expired"):
        finish(stage, used)
    with pytest.raises(UserError, match="connection_expired"):
        finish(stage, foreign, other=True)
    with pytest.raises(UserError, match="connection_expired"):
        finish(stage, "made-up")
    stage.clock.at += oauth.PENDING_LIFE + timedelta(seconds=1)
    with pytest.raises(UserError, match="connection_expired"):
        finish(stage, old)
    assert Channel.objects.count() == 1


def test_connecting_again_by_visit_takes_the_same_account(stage: Stage, visited: str) -> None:
    channel = finish(stage, begin(stage, visited), "1")
    with pytest.raises(UserError, match="other_account"):
        finish(stage, begin(stage, visited, channel=channel), "2")
    again = finish(stage, begin(stage, visited, channel=channel), "1")
    assert again.pk == channel.pk


def test_a_refusal_is_said_and_leaves_nothing(stage: Stage, visited: str) -> None:
    with pytest.raises(UserError, match="network_refused"):
        finish(stage, begin(stage, visited), "bad")
    state = begin(stage, visited)
    assert stage.cast.owner.user is not None
    assert oauth.give_up(state=state, user=stage.cast.owner.user) == stage.cast.workspace
    assert not PendingConnection.objects.exists()
    assert not Channel.objects.exists()
