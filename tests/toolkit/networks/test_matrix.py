"""Matrix against a real Synapse."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from spilno.toolkit.networks.base import Kind, NetworkError, Outgoing, Prepared, Verdict

from . import faulty
from .contract import Bench, NetworkContract, World


@pytest.mark.servers
class TestMatrix(NetworkContract):
    network_key = "matrix"

    @pytest.fixture
    def world(self, synapse: Any) -> World:
        typed = {
            "homeserver": synapse.url,
            "room": synapse.room_id,
            "access_token": synapse.brand.access_token,
            "user": "",
            "password": "",
        }
        return World(
            typed=typed,
            wrong={**typed, "access_token": "syt_not_a_token_of_anybody"},
            count=lambda: sum(1 for one in synapse.messages() if one["content"].get("body")),
        )

    def test_a_password_is_traded_for_a_token_and_forgotten(self, network: Any, synapse: Any) -> None:
        typed = {
            "homeserver": synapse.url,
            "room": synapse.room_id,
            "user": synapse.brand.user_id,
            "password": synapse.brand.password,
        }
        with httpx.Client(timeout=20) as client:
            account = network.connect(client=client, credentials=typed)
            assert "password" not in account.credentials
            assert account.credentials["access_token"]
            readings = network.account_readings(client=client, credentials=account.credentials)
        assert [(one.metric, one.value) for one in readings] == [("members", 2)]

    def test_a_wrong_password_means_reconnect_or_refusal(self, network: Any, synapse: Any) -> None:
        typed = {
            "homeserver": synapse.url,
            "room": synapse.room_id,
            "user": synapse.brand.user_id,
            "password": "not the password",
        }
        with httpx.Client(timeout=20) as client, pytest.raises(NetworkError) as caught:
            network.connect(client=client, credentials=typed)
        assert caught.value.code == "forbidden"
        assert caught.value.params["their_code"] == "M_FORBIDDEN"

    def test_a_room_is_found_by_its_alias(self, network: Any, synapse: Any) -> None:
        alias = f"books-{uuid.uuid4().hex[:8]}"
        room = synapse.create_room("Книжкова спільнота", alias=alias)
        server = synapse.brand.user_id.partition(":")[2]
        typed = {
            "homeserver": synapse.url,
            "room": f"#{alias}:{server}",
            "access_token": synapse.brand.access_token,
        }
        with httpx.Client(timeout=20) as client:
            account = network.connect(client=client, credentials=typed)
        assert (account.external_id, account.name) == (room, "Книжкова спільнота")

    def test_an_encrypted_room_is_refused_at_once(self, network: Any, synapse: Any) -> None:
        room = synapse.create_room("Таємна")
        path = f"/_matrix/client/v3/rooms/{room}/state/m.room.encryption/"
        synapse.call("PUT", path, by=synapse.brand, content={"algorithm": "m.megolm.v1.aes-sha2"})
        typed = {"homeserver": synapse.url, "room": room, "access_token": synapse.brand.access_token}
        with httpx.Client(timeout=20) as client, pytest.raises(NetworkError) as caught:
            network.connect(client=client, credentials=typed)
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "room_encrypted")

    def test_a_picture_has_its_text_as_caption(self, bench: Bench, synapse: Any, image: Any) -> None:
        post = Outgoing(str(uuid.uuid4()), "message", "Полиця 📚", (image,))
        event = bench.commit(post, bench.prepare(post)).external_id
        content = next(one for one in synapse.messages() if one["event_id"] == event)["content"]
        assert (content["msgtype"], content["body"], content["filename"]) == (
            "m.image",
            "Полиця 📚",
            "книги.jpg",
        )
        assert synapse.media(content["url"]) == image.path.read_bytes()

    def test_it_is_found_after_the_server_has_forgotten_the_transaction(
        self, bench: Bench, synapse: Any
    ) -> None:
        # Another device has other transactions: as if the server's memory of ours were gone.
        typed = {**bench.credentials, "access_token": "", "user": synapse.brand.user_id}
        with bench.client() as client:
            elsewhere = bench.network.connect(
                client=client, credentials={**typed, "password": synapse.brand.password}
            )
        assert elsewhere.credentials["device_id"]
        post = Outgoing(str(uuid.uuid4()), "message", "Знайдеться за нашою позначкою")
        event = bench.commit(post, Prepared()).external_id
        sighting = replace(bench, account=elsewhere).find(post, Prepared())
        assert sighting.verdict is Verdict.FOUND
        assert sighting.published.external_id == event

    def test_looking_back_ends_at_the_first_attempt(self, bench: Bench) -> None:
        post = Outgoing(str(uuid.uuid4()), "message", "Давнє")
        bench.commit(post, Prepared())
        with bench.client() as client:
            sighting = bench.network.find(
                client=client,
                credentials=bench.credentials,
                post=post,
                prepared=Prepared(),
                not_before=datetime.now(UTC) + timedelta(hours=1),
            )
        assert sighting.verdict is Verdict.ABSENT

    def test_answers_and_reactions_are_heard(self, bench: Bench, synapse: Any) -> None:
        post = Outgoing(str(uuid.uuid4()), "message", "Хто принесе книги?")
        event = bench.commit(post, Prepared()).external_id

        def tell(kind: str, content: dict[str, Any]) -> None:
            path = f"/_matrix/client/v3/rooms/{synapse.room_id}/send/{kind}/{uuid.uuid4().hex}"
            synapse.call("PUT", path, by=synapse.fan, content=content)

        reply = {"m.in_reply_to": {"event_id": event}}
        tell("m.room.message", {"msgtype": "m.text", "body": "> Хто?\n\nЯ!", "m.relates_to": reply})
        thread = {"rel_type": "m.thread", "event_id": event, "is_falling_back": True, **reply}
        tell("m.room.message", {"msgtype": "m.text", "body": "І я", "m.relates_to": thread})
        tell("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": "👍"}})
        tell("m.room.message", {"msgtype": "m.text", "body": "Не про те"})
        with bench.client() as client:
            said = bench.network.replies(client=client, credentials=bench.credentials, external_id=event)
            readings = bench.network.post_readings(
                client=client, credentials=bench.credentials, external_id=event
            )
        assert [(one.text, one.author) for one in said] == [
            ("Я!", synapse.fan.user_id),
            ("І я", synapse.fan.user_id),
        ]
        assert {one.metric: one.value for one in readings} == {"reactions": 1, "replies": 1}

    def test_a_limit_tells_milliseconds(self, bench: Bench) -> None:
        body = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": 2500}
        post = Outgoing(str(uuid.uuid4()), "message", "Повільніше")
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, Prepared(), before=faulty.answering(429, body))
        assert (caught.value.kind, caught.value.params["seconds"]) == (Kind.WAIT, 2.5)
