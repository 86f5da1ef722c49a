"""Registered apps, several accounts at once, and limits that somebody here knows better."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from spilno.channels import access, oauth, registration, requirements, services
from spilno.channels.models import Channel, LimitOverride, NetworkApp, PendingConnection
from spilno.channels.oauth import Chosen
from spilno.kernel.errors import NotAllowed, UserError
from spilno.plan import checks
from spilno.team.models import AuditEntry, Person
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import (
    Account,
    Counting,
    CredentialField,
    Credentials,
    Limit,
    Once,
    Placement,
    ReadsLimits,
    can,
)
from tests.conftest import Cast
from tests.publishing.fake import Side, Speaking
from tests.publishing.stage import Stage

pytestmark = pytest.mark.django_db
Browser = Callable[[Person], Client]
BACK = "https://spilno.example/networks/back/"
SECRET = "app-secret-nobody-may-see"
DAY = date(2026, 11, 1)


class Registered(Speaking):
    """A network that wants an app, and gives several accounts."""

    credential_fields = (CredentialField("address", label={"en": "Address"}, kind="url", required=False),)
    app_fields = (
        CredentialField("client_id", label={"en": "Client id"}),
        CredentialField("client_secret", label={"en": "Client secret"}, secret=True),
    )
    app_steps = ({"en": "Open the page for apps.", "uk": "Відкрийте.", "ru": "Откройте."},)
    app_scopes = ("post.write",)

    def __init__(self) -> None:
        super().__init__(Once.KEY, Side())
        self.key = "fake_registered"  # type: ignore[misc]
        limits = (Limit("text", 300, "characters", DAY, "https://example.org"),
                  Limit("ratio_min", Decimal("0.8"), "ratio", DAY, "https://example.org"))  # fmt: skip
        self.placements = (  # type: ignore[misc]
            Placement(
                "post", label={"en": "Post"}, counting=Counting.GRAPHEMES, limits=limits, once=Once.KEY
            ),
        )
        self.accounts = 3
        self.live = 500

    def authorization(
        self, *, client: httpx.Client, credentials: Credentials, redirect_uri: str, state: str
    ) -> tuple[str, Credentials]:
        return f"https://there.example/?client_id={credentials['client_id']}&state={state}", credentials

    def finish(
        self, *, client: httpx.Client, credentials: Credentials, code: str, redirect_uri: str
    ) -> tuple[Account, ...]:
        assert credentials["client_secret"] == SECRET
        return tuple(
            Account(
                f"id-{n}", f"Page {n}", f"https://there.example/{n}", {**credentials, "token": f"token-{n}"}
            )
            for n in range(self.accounts)
        )

    def live_limits(
        self, *, client: httpx.Client, credentials: Credentials, placement: str
    ) -> tuple[Limit, ...]:
        return (Limit("text", self.live, "characters", DAY, "https://there.example/limits"),)


@pytest.fixture
def network(stage: Stage) -> Iterator[Registered]:
    one = Registered()
    registry._found()[one.key] = one
    yield one
    registry._found().pop(one.key, None)


def keep(stage: Stage, network: Registered, **values: str) -> registration.App:
    return registration.keep_app(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network=network,
        values={"client_id": "id-1", "client_secret": SECRET} | values,
    )  # fmt: skip


def begin(stage: Stage, network: Registered, channel: Channel | None = None) -> str:
    return oauth.begin_oauth(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network=network.key,
        name="", purpose="brand", credentials={}, redirect_uri=BACK, channel=channel,
    )[1]  # fmt: skip


def back(stage: Stage, state: str) -> Channel | PendingConnection:
    assert stage.cast.owner.user is not None
    return oauth.finish_oauth(state=state, code="1", user=stage.cast.owner.user, now=stage.clock.at)


def choose(stage: Stage, state: str, *numbers: int, person: Person | None = None) -> list[Channel]:
    user = (person or stage.cast.owner).user
    assert user is not None
    chosen = [Chosen(number, f"Ours {number}", "community" if number else "brand") for number in numbers]
    return oauth.choose(state=state, user=user, now=stage.clock.at, chosen=chosen)


def channel_of(stage: Stage, network: Registered) -> Channel:
    keep(stage, network)
    network.accounts = 1
    found = back(stage, begin(stage, network))
    assert isinstance(found, Channel)
    return found


# ------------------------------------------------------------------------------------------------ apps


def test_an_app_is_kept_sealed_and_never_in_a_channel(stage: Stage, network: Registered) -> None:
    channel = channel_of(stage, network)
    row = NetworkApp.objects.get()
    assert SECRET.encode() not in bytes(row.secret)
    assert access.unsealed(channel.secret) == {"token": "token-0"}
    assert access.credentials_of(channel) == {
        "client_id": "id-1", "client_secret": SECRET, "token": "token-0",
    }  # fmt: skip
    assert SECRET not in str(list(AuditEntry.objects.values()))
    shown = registration.app_of(stage.cast.workspace, network)
    assert (shown.shown, shown.ready) == ({"client_id": "id-1"}, True)


def test_a_secret_left_empty_stays_and_a_new_one_counts_at_once(stage: Stage, network: Registered) -> None:
    channel = channel_of(stage, network)
    keep(stage, network, client_id="id-2", client_secret="")
    assert access.credentials_of(channel)["client_secret"] == SECRET
    assert access.credentials_of(channel)["client_id"] == "id-2"
    keep(stage, network, client_secret="newer")
    assert access.credentials_of(channel)["client_secret"] == "newer"
    registration.forget_app(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network=network
    )
    assert access.credentials_of(channel) == {"token": "token-0"}


def test_without_an_app_nothing_begins(stage: Stage, network: Registered) -> None:
    with pytest.raises(UserError, match="app_missing"):
        begin(stage, network)
    with pytest.raises(UserError, match="credential_missing"):
        keep(stage, network, client_secret="")
    with pytest.raises(NotAllowed):
        registration.keep_app(
            workspace=stage.cast.workspace,
            by=stage.cast.analyst,
            now=stage.clock.at,
            network=network,
            values={},
        )
    assert not NetworkApp.objects.exists()


def test_another_workspace_has_another_app(stage: Stage, network: Registered) -> None:
    keep(stage, network)
    assert not registration.app_of(stage.cast.other_workspace, network).ready
    assert registration.values_of(stage.cast.other_workspace.pk, network.key) == {}


def test_credentials_of_many_cost_one_query(stage: Stage, network: Registered) -> None:
    keep(stage, network)
    found = back(stage, begin(stage, network))
    assert isinstance(found, PendingConnection)
    channels = [*choose(stage, found.state, 0, 1, 2), stage.channel(Once.KEY)]
    with CaptureQueriesContext(connection) as queries:
        read = access.credentials_of_many(channels)
    assert len(queries) == 1
    assert [read[one.pk].get("client_secret") for one in channels] == [SECRET, SECRET, SECRET, None]
    assert read == {one.pk: access.credentials_of(one) for one in channels}


# ------------------------------------------------------------------------------------------------ several accounts


def test_several_accounts_become_several_channels(stage: Stage, network: Registered) -> None:
    keep(stage, network)
    found = back(stage, begin(stage, network))
    assert isinstance(found, PendingConnection)
    assert b"token-1" not in bytes(found.accounts or b"")
    assert not Channel.objects.exists()
    made = choose(stage, found.state, 0, 2)
    assert [(one.name, one.external_id, one.purpose) for one in made] == [
        ("Ours 0", "id-0", "brand"), ("Ours 2", "id-2", "community"),
    ]  # fmt: skip
    assert access.credentials_of(made[1])["token"] == "token-2"
    with pytest.raises(UserError, match="connection_expired"):
        choose(stage, found.state, 1)
    # The next time the page says which are there, and connecting one again is no second channel.
    again = back(stage, begin(stage, network))
    assert isinstance(again, PendingConnection)
    assert stage.cast.owner.user is not None
    listed = oauth.choices(state=again.state, user=stage.cast.owner.user, now=stage.clock.at)
    assert [one.channel for one in listed.accounts] == [made[0], None, made[1]]
    assert choose(stage, again.state, 0)[0].pk == made[0].pk
    assert Channel.objects.count() == 2


def test_only_who_began_may_choose_and_something_has_to_be_chosen(stage: Stage, network: Registered) -> None:
    keep(stage, network)
    found = back(stage, begin(stage, network))
    assert isinstance(found, PendingConnection)
    with pytest.raises(UserError, match="connection_expired"):
        choose(stage, found.state, 0, person=stage.cast.colleague)
    with pytest.raises(UserError, match="accounts_missing"):
        choose(stage, found.state)
    with pytest.raises(UserError, match="accounts_missing"):
        choose(stage, found.state, 17)
    assert choose(stage, found.state, 1)


def test_connecting_again_takes_the_own_account_without_asking(stage: Stage, network: Registered) -> None:
    keep(stage, network)
    found = back(stage, begin(stage, network))
    assert isinstance(found, PendingConnection)
    (channel,) = choose(stage, found.state, 1)
    again = back(stage, begin(stage, network, channel))
    assert isinstance(again, Channel)
    assert (again.pk, again.external_id) == (channel.pk, "id-1")
    Channel.objects.filter(pk=channel.pk).update(external_id="id-gone")
    channel.refresh_from_db()
    with pytest.raises(UserError, match="other_account"):
        back(stage, begin(stage, network, channel))


def test_no_account_at_all_is_said(stage: Stage, network: Registered) -> None:
    keep(stage, network)
    network.accounts = 0
    with pytest.raises(UserError, match="no_accounts"):
        back(stage, begin(stage, network))


# ------------------------------------------------------------------------------------------------ limits


def decide(stage: Stage, network: Registered, value: str = "1000", **values: Any) -> LimitOverride:
    arguments = {
        "workspace": stage.cast.workspace, "by": stage.cast.owner, "now": stage.clock.at, "network": network,
        "placement": "post", "key": "text", "value": value, "reason": "Our account may",
    } | values  # fmt: skip
    return requirements.override(**arguments)


def text_limit(channel: Channel) -> Any:
    return requirements.placement_for(Channel.objects.get(pk=channel.pk), "post").limit("text")


def test_declared_live_decided(stage: Stage, network: Registered) -> None:
    channel = channel_of(stage, network)
    assert can(network, ReadsLimits)
    assert text_limit(channel) == 300
    assert requirements.read_live(channel=channel, now=stage.clock.at)
    assert text_limit(channel) == 500
    decide(stage, network)
    assert text_limit(channel) == 1000
    decide(stage, network, "0,75", key="ratio_min")
    place = requirements.placement_for(Channel.objects.get(pk=channel.pk), "post")
    assert place.limit("ratio_min") == Decimal("0.75")
    assert requirements.take_back(
        workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network=network,
        placement="post", key="text",
    )  # fmt: skip
    assert text_limit(channel) == 500
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"limit.overridden", "limit.taken_back"} <= actions


def test_the_composer_uses_what_counts_here(stage: Stage, network: Registered) -> None:
    channel = channel_of(stage, network)
    text = "a" * 400
    assert not checks.check(channel=channel, placement="post", text=text).ok
    decide(stage, network, "450")
    channel.refresh_from_db()
    with CaptureQueriesContext(connection) as queries:
        verdict = checks.check(channel=channel, placement="post", text=text)
    assert (verdict.ok, verdict.limit, len(queries)) == (True, 450, 0)


def test_a_channel_connected_later_has_it_too_and_other_workspaces_do_not(
    stage: Stage, network: Registered
) -> None:
    decide(stage, network)
    assert text_limit(channel_of(stage, network)) == 1000
    elsewhere = Channel.objects.create(
        workspace=stage.cast.other_workspace,
        key="x",
        name="x",
        network=network.key,
        created_at=stage.clock.at,
    )
    decide(stage, network, "2000")
    assert text_limit(elsewhere) == 300


@pytest.mark.parametrize("value", ["", "many", "-1", "1.5", "NaN", "1e99"])
def test_nonsense_is_refused(stage: Stage, network: Registered, value: str) -> None:
    with pytest.raises(UserError, match="bad_limit"):
        decide(stage, network, value)
    with pytest.raises(UserError, match="reason_missing"):
        decide(stage, network, reason=" ")
    with pytest.raises(UserError, match="unknown_limit"):
        decide(stage, network, key="nothing")
    with pytest.raises(NotAllowed):
        decide(stage, network, by=stage.cast.analyst)


def test_a_server_that_does_not_answer_changes_no_limit(
    stage: Stage, network: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spilno.toolkit.networks.base import Kind, NetworkError

    channel = channel_of(stage, network)
    requirements.read_live(channel=channel, now=stage.clock.at)

    def away(**values: Any) -> Any:
        raise NetworkError(Kind.UNREACHABLE, "unreachable")

    monkeypatch.setattr(network, "live_limits", away)
    assert not requirements.read_live(channel=channel, now=stage.clock.at)
    assert text_limit(channel) == 500


# ------------------------------------------------------------------------------------------------ pages


def test_the_pages_of_an_app(cast: Cast, stage: Stage, network: Registered, client_of: Browser) -> None:
    browser = client_of(cast.owner)
    root = "/w/delivery-house"
    connect = browser.get(f"{root}/networks/connect/{network.key}/?lang=en").content.decode()
    assert f"{root}/settings/networks/{network.key}/" in connect
    url = f"{root}/settings/networks/{network.key}/"
    html = browser.get(f"{url}?lang=en").content.decode()
    assert "Open the page for apps." in html
    assert "http://testserver/networks/back/" in html
    assert "post.write" in html
    wrong = browser.post(url, {"client_id": "id-1", "client_secret": ""})
    assert wrong.status_code == 422
    assert browser.post(url, {"client_id": "id-1", "client_secret": SECRET}).status_code == 302
    html = browser.get(url).content.decode()
    assert "id-1" in html
    assert SECRET not in html
    assert network.label["en"] in browser.get(f"{root}/settings/networks/?lang=en").content.decode()
    assert client_of(cast.analyst).get(url).status_code == 403
    assert client_of(cast.outsider).get(url).status_code == 404
    assert (
        SECRET
        not in client_of(cast.outsider).get(url.replace("delivery-house", "elsewhere")).content.decode()
    )
    assert browser.get(f"{root}/settings/networks/bluesky/").status_code == 404
    assert browser.post(f"{url}forget/").status_code == 302
    assert not NetworkApp.objects.exists()


def test_choosing_accounts_on_the_page(stage: Stage, network: Registered, client_of: Browser) -> None:
    keep(stage, network)
    browser = client_of(stage.cast.owner)
    root = "/w/delivery-house/networks"
    there = browser.post(f"{root}/connect/{network.key}/", {"name": "", "purpose": "brand"})
    state = there.headers["Location"].partition("state=")[2]
    came = browser.get(f"/networks/back/?state={state}&code=1")
    assert came.headers["Location"] == f"{root}/accounts/"
    html = browser.get(f"{root}/accounts/?lang=en").content.decode()
    assert all(f"Page {number}" in html for number in range(3))
    assert "token-" not in html
    assert browser.post(f"{root}/accounts/", {}).status_code == 422
    assert client_of(stage.cast.owner).get(f"{root}/accounts/").status_code == 302  # another browser
    done = browser.post(
        f"{root}/accounts/",
        {"account": ["0", "2"], "name-0": "First", "purpose-0": "brand", "name-2": "Third",
         "purpose-2": "community"},
    )  # fmt: skip
    assert done.headers["Location"] == f"{root}/"
    assert set(Channel.objects.values_list("name", "purpose")) == {("First", "brand"), ("Third", "community")}


def test_a_limit_is_changed_on_its_page(stage: Stage, network: Registered, client_of: Browser) -> None:
    channel = channel_of(stage, network)
    browser = client_of(stage.cast.owner)
    root = f"/w/delivery-house/networks/about/{network.key}"
    page = f"{root}/limit/?placement=post&limit=text"
    assert browser.get(page).status_code == 200
    assert browser.get(f"{root}/limit/?placement=post&limit=nothing").status_code == 404
    form = {"placement": "post", "limit": "text", "value": "777", "reason": "Because"}
    assert browser.post(f"{root}/limit/", form | {"value": "x"}).status_code == 422
    assert client_of(stage.cast.analyst).post(f"{root}/limit/", form).status_code == 403
    assert browser.post(f"{root}/limit/", form).status_code == 302
    assert text_limit(channel) == 777
    assert "777" in browser.get(f"{root}/").content.decode()
    assert (
        "777"
        not in client_of(stage.cast.outsider)
        .get(f"/w/elsewhere/networks/about/{network.key}/")
        .content.decode()
    )
    assert (
        browser.post(f"{root}/limit/", {"placement": "post", "limit": "text", "back": "1"}).status_code == 302
    )
    assert text_limit(channel) == 300


def test_no_page_costs_more_than_twenty_queries(
    stage: Stage, network: Registered, client_of: Browser
) -> None:
    from spilno.channels import traffic
    from tests.channels.test_traffic import down

    channel = channel_of(stage, network)
    decide(stage, network)
    for number in range(5):
        traffic.note(
            seen=[traffic.Seen(channel.pk, channel.network, False, down(), what=str(number))],
            now=stage.clock.at,
        )
    browser = client_of(stage.cast.owner)
    root = "/w/delivery-house"
    for url in (
        f"{root}/networks/", f"{root}/networks/{channel.key}/", f"{root}/networks/about/{network.key}/",
        f"{root}/networks/about/{network.key}/limit/?placement=post&limit=text", f"{root}/settings/networks/",
        f"{root}/settings/networks/{network.key}/", f"{root}/networks/connect/{network.key}/",
        f"{root}/today/",
    ):  # fmt: skip
        with CaptureQueriesContext(connection) as queries:
            answer = browser.get(f"{url}{'&' if '?' in url else '?'}lang=en")
        if answer.status_code == 404 and url.endswith("/today/"):
            continue
        assert answer.status_code == 200, url
        assert len(queries) <= 20, (url, len(queries))
    assert "has not answered since" in browser.get(f"{root}/networks/?lang=en").content.decode()
    assert "has not answered since" in browser.get(f"{root}/networks/{channel.key}/?lang=en").content.decode()
    assert {"accounts", "about"} <= services.RESERVED
