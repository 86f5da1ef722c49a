"""Connecting accounts and what people decide about channels."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.test import override_settings

from spilno.channels import access, queries, services
from spilno.channels.models import Channel, Health
from spilno.kernel.errors import NotAllowed, UserError
from spilno.team.models import AuditEntry
from spilno.toolkit.networks.base import Once
from tests.publishing.stage import PASSWORD, Stage

pytestmark = pytest.mark.django_db


def connect(stage: Stage, channel: Channel, **values: object) -> Channel:
    """Connect the account of the channel's network (again)."""
    arguments = {
        "workspace": stage.cast.workspace, "by": stage.cast.owner, "now": stage.clock.at,
        "network": channel.network, "name": "", "purpose": "brand",
        "credentials": {"name": "brand", "password": PASSWORD},
    } | values  # fmt: skip
    return services.connect(**arguments)  # type: ignore[arg-type]


def test_connecting_keeps_what_the_network_gave_and_nobody_can_read_it(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = stage.channel(Once.KEY)
    assert (channel.health, channel.external_id, channel.url) == (
        Health.OK, "id-brand", "https://fake.example/me",
    )  # fmt: skip
    assert access.credentials_of(channel) == {
        "name": "brand", "password": PASSWORD, "token": "added-by-connecting",
    }  # fmt: skip
    sealed = bytes(Channel.objects.get(pk=channel.pk).secret or b"")
    for secret in (PASSWORD, "added-by-connecting"):
        assert secret.encode() not in sealed
        assert (
            secret
            not in repr(channel) + str(vars(AuditEntry.objects.get(object_id=channel.pk))) + caplog.text
        )
    assert services.known_fields(channel) == {"name": "brand"}
    form = queries.form_of(access.network_of(channel), "en", access.credentials_of(channel))
    assert [one.value for one in form] == ["brand", ""]


def test_the_same_account_again_is_the_same_channel(stage: Stage) -> None:
    first = stage.channel(Once.KEY, name="brand")
    services.disconnect(channel=first, by=stage.cast.owner, now=stage.clock.at)
    first.refresh_from_db()
    assert (first.is_active, first.secret) == (False, None)
    again = connect(stage, first, name="Our page")
    assert (again.pk, again.key, again.name, again.is_active) == (first.pk, first.key, "Our page", True)
    assert Channel.objects.count() == 1
    another = connect(stage, first, credentials={"name": "second", "password": PASSWORD})
    assert another.pk != first.pk


def test_reconnecting_takes_the_same_account_only(stage: Stage) -> None:
    channel = stage.channel(Once.KEY)
    values = {"channel": channel, "by": stage.cast.owner, "now": stage.clock.at}
    with pytest.raises(UserError, match="other_account"):
        services.reconnect(credentials={"name": "another", "password": PASSWORD}, **values)
    with pytest.raises(UserError, match="network_not_accepted"):
        services.reconnect(credentials={"password": "wrong"}, **values)
    services.reconnect(credentials={"password": "a-new-one"}, **values)
    assert access.credentials_of(Channel.objects.get(pk=channel.pk))["password"] == "a-new-one"


def test_what_is_missing_is_named(stage: Stage) -> None:
    channel = stage.channel(Once.KEY)
    with pytest.raises(UserError) as caught:
        connect(stage, channel, credentials={"name": "brand", "password": " "})
    assert (caught.value.code, caught.value.field) == ("credential_missing", "password")
    with pytest.raises(UserError, match="unknown_network"):
        connect(stage, channel, network="nowhere")
    with pytest.raises(UserError, match="network_by_hand"):
        connect(stage, channel, network="facebook_group")
    with pytest.raises(UserError, match="not_of_this_workspace"):
        connect(stage, channel, owner=stage.cast.outsider)
    with pytest.raises(NotAllowed):
        connect(stage, channel, by=stage.cast.colleague)


@override_settings(SPILNO_ALLOWED_PRIVATE_HOSTS=())
@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:9", "http://10.1.2.3", "http://[::1]:80", "http://169.254.169.254"]
)
def test_private_hosts_are_refused(stage: Stage, host: str) -> None:
    with pytest.raises(UserError, match="private_host"):
        services.connect(
            workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network="bluesky",
            name="", purpose="brand",
            credentials={"handle": "a.test", "app_password": "secret", "service": host},
        )  # fmt: skip
    assert not Channel.objects.exists()


def test_a_host_that_nobody_answers_at_is_said_in_words(stage: Stage) -> None:
    with pytest.raises(UserError) as caught:
        services.connect(
            workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network="bluesky",
            name="", purpose="brand",
            credentials={"handle": "a.test", "app_password": "secret", "service": "http://127.0.0.1:9"},
        )  # fmt: skip
    assert (caught.value.code, caught.value.params["host"]) == ("network_unreachable", "127.0.0.1:9")
    assert "secret" not in str(caught.value)


def test_a_key_that_changed_asks_to_connect_again(stage: Stage) -> None:
    from cryptography.fernet import Fernet

    channel = stage.channel(Once.KEY)
    with override_settings(SPILNO_CREDENTIAL_KEYS=Fernet.generate_key().decode()):
        assert services.known_fields(channel) == {}
        services.check_health(channel=channel, now=stage.clock.at)
    channel.refresh_from_db()
    assert (channel.health, channel.health_code) == (Health.RECONNECT, "secret_key_changed")


def test_health_is_what_the_network_says(stage: Stage) -> None:
    channel = stage.channel(Once.KEY)
    Channel.objects.filter(pk=channel.pk).update(
        secret=access.sealed({"name": "brand", "password": "wrong"}), health=Health.TROUBLE
    )
    channel.refresh_from_db()
    later = stage.clock.forward(hours=1)
    services.check_health(channel=channel, now=later)
    channel.refresh_from_db()
    assert (channel.health, channel.health_code, channel.health_checked_at) == (
        Health.RECONNECT, "network_not_accepted", later,
    )  # fmt: skip


def test_reminder_channels(stage: Stage) -> None:
    values = {"workspace": stage.cast.workspace, "by": stage.cast.owner, "now": stage.clock.at}
    channel = services.add_by_hand(
        network="facebook_group", name="Connect", purpose="community", url="facebook.com/groups/x", **values
    )
    assert (channel.url, channel.health) == ("https://facebook.com/groups/x", Health.BY_HAND)
    assert channel.key not in services.RESERVED
    # A network with an API can be posted to by hand as well.
    services.add_by_hand(network="bluesky", name="By hand", purpose="brand", **values)
    with pytest.raises(UserError, match="bad_address"):
        services.add_by_hand(
            network="facebook_group", name="X", purpose="brand", url="not an address", **values
        )
    with pytest.raises(UserError, match="channel_name_missing"):
        services.add_by_hand(network="facebook_group", name=" ", purpose="brand", **values)
    services.disconnect(channel=channel, by=stage.cast.owner, now=stage.clock.at)
    services.reopen_by_hand(channel=channel, by=stage.cast.owner, now=stage.clock.at)
    assert Channel.objects.get(pk=channel.pk).is_active


def test_tolerance_has_bounds(stage: Stage) -> None:
    channel = stage.channel(Once.KEY)
    values = {"channel": channel, "by": stage.cast.owner, "now": stage.clock.at + timedelta(1)}
    services.update(late_tolerance=0, owner=stage.cast.colleague, **values)
    with pytest.raises(UserError, match="bad_tolerance"):
        services.update(late_tolerance=24 * 60 + 1, **values)
    channel.refresh_from_db()
    assert (channel.late_tolerance, channel.owner) == (0, stage.cast.colleague)
