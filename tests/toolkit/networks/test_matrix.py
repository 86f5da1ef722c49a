"""Matrix against a real Synapse."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from spilno.toolkit.networks.base import (
    ACCESS_UNTIL,
    Kind,
    MediaFile,
    NetworkError,
    Outgoing,
    Prepared,
    Verdict,
)

from . import faulty, flat
from .contract import Bench, NetworkContract, World


@dataclass
class Nio:
    """The fan, listening with matrix-nio: an independent client that parses every event."""

    synapse: Any

    def messages(self) -> list[Any]:
        """Events of the room's time-line, newest first."""

        async def ask(client: Any) -> Any:
            return (await client.room_messages(self.synapse.room_id, limit=200)).chunk

        return [one for one in self._with(ask) if hasattr(one, "body")]

    def file(self, address: str) -> bytes:
        """What lies in the media repository."""

        async def ask(client: Any) -> Any:
            return (await client.download(address)).body

        return bytes(self._with(ask))

    def _with(self, ask: Any) -> Any:
        from nio import AsyncClient

        async def inside() -> Any:
            client = AsyncClient(self.synapse.url, self.synapse.fan.user_id)
            client.access_token = self.synapse.fan.access_token
            try:
                return await ask(client)
            finally:
                await client.close()

        return asyncio.run(inside())


@pytest.fixture(scope="module")
def nio(synapse: Any) -> Nio:
    return Nio(synapse)


@pytest.fixture(scope="module")
def strict() -> Iterator[Any]:
    """A homeserver whose tokens all end."""
    from tests.servers import synapse as module

    server = module.start(refreshable_access_token_lifetime="1h", nonrefreshable_access_token_lifetime="1d")
    yield server
    server.stop()


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

    def test_a_wrong_password_means_reconnect(self, network: Any, synapse: Any) -> None:
        typed = {
            "homeserver": synapse.url,
            "room": synapse.room_id,
            "user": synapse.brand.user_id,
            "password": "not the password",
        }
        with httpx.Client(timeout=20) as client, pytest.raises(NetworkError) as caught:
            network.connect(client=client, credentials=typed)
        assert (caught.value.kind, caught.value.code) == (Kind.RECONNECT, "not_accepted")
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

    # ------------------------------------------------------------------------------------------ files

    def test_a_video_and_a_document(self, bench: Bench, nio: Any, tmp_path: Path) -> None:
        (tmp_path / "ролик.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 4000)
        (tmp_path / "план.pdf").write_bytes(b"%PDF-1.4 " + b"\x00" * 500)
        video = MediaFile(
            tmp_path / "ролик.mp4", "video/mp4", 4012, 640, 360, alt="Книжки падають", seconds=Decimal("7.5")
        )
        document = MediaFile(tmp_path / "план.pdf", "application/pdf", 509)
        posts = [
            Outgoing(str(uuid.uuid4()), "message", "", (video,)),
            Outgoing(str(uuid.uuid4()), "message", "План ярмарку", (document,), "https://example.org"),
        ]
        events = [bench.commit(one, bench.prepare(one)).external_id for one in posts]
        heard = {one.event_id: one for one in nio.messages()}
        clip, paper = (heard[one] for one in events)
        assert type(clip).__name__ == "RoomMessageVideo"
        assert clip.body == "Книжки падають"
        content = clip.source["content"]
        assert (content["filename"], content["info"]["duration"]) == ("ролик.mp4", 7500)
        assert (content["info"]["w"], content["info"]["size"], content["info"]["mimetype"]) == (
            640, 4012, "video/mp4",
        )  # fmt: skip
        assert type(paper).__name__ == "RoomMessageFile"
        assert paper.body == "План ярмарку\n\nhttps://example.org"
        assert nio.file(clip.url) == video.path.read_bytes()
        assert nio.file(paper.url) == document.path.read_bytes()

    def test_a_long_video_does_not_fill_the_memory(self, bench: Bench, synapse: Any, tmp_path: Path) -> None:
        grown = flat.sent("matrix", bench.credentials, "message", flat.large(tmp_path))
        assert grown.outcome.startswith("$")
        assert grown.memory < 30_000_000
        sent = next(one for one in synapse.messages() if one["event_id"] == grown.outcome)
        assert sent["content"]["info"]["size"] == flat.SIZE
        over = flat.sent("matrix", bench.credentials, "message", flat.large(tmp_path, 230_000_000))
        assert over.outcome in ("media_too_large", "connection_lost")

    def test_how_large_a_file_may_be_is_the_servers_own(self, bench: Bench) -> None:
        with bench.client() as client:
            limits = bench.network.live_limits(
                client=client, credentials=bench.credentials, placement="message"
            )
        most = 210 * 1024 * 1024
        assert {one.key: one.value for one in limits} == {
            "image_bytes": most, "video_bytes": most, "document_bytes": most,
        }  # fmt: skip

    # ------------------------------------------------------------------------------------------ conversations

    def test_matrix_nio_reads_what_was_sent_once(self, bench: Bench, nio: Any) -> None:
        post = Outgoing(str(uuid.uuid4()), "message", f"Раз і не більше {uuid.uuid4().hex}")
        sent = {bench.commit(post, Prepared()).external_id for _ in range(3)}
        heard = [one for one in nio.messages() if one.body == post.text]
        assert {one.event_id for one in heard} == sent
        assert len(heard) == 1
        assert type(heard[0]).__name__ == "RoomMessageText"
        assert heard[0].sender == bench.credentials["user_id"]

    def test_answers_stand_where_they_were_asked(self, bench: Bench, synapse: Any, nio: Any) -> None:
        post = Outgoing(str(uuid.uuid4()), "message", "Питайте")
        event = bench.commit(post, Prepared()).external_id
        plain = synapse.send("О котрій?")
        path = f"/_matrix/client/v3/rooms/{synapse.room_id}/send/m.room.message/{uuid.uuid4().hex}"
        thread = {"rel_type": "m.thread", "event_id": event}
        threaded = synapse.call(
            "PUT", path, by=synapse.fan,
            content={"msgtype": "m.text", "body": "А де?", "m.relates_to": thread},
        )["event_id"]  # fmt: skip
        given = []
        for asked in (plain, threaded):
            key = str(uuid.uuid4())
            for _ in range(2):
                with bench.client() as client:
                    said = bench.network.reply(
                        client=client, credentials=bench.credentials, in_reply_to=asked, text="Тут!", key=key
                    )
                given.append(said.external_id)
        assert given[0] == given[1] != given[2] == given[3]
        heard = {one.event_id: one.source["content"] for one in nio.messages()}
        assert heard[given[0]]["m.relates_to"] == {"m.in_reply_to": {"event_id": plain}}
        assert heard[given[2]]["m.relates_to"] == {
            **thread, "m.in_reply_to": {"event_id": threaded}, "is_falling_back": False,
        }  # fmt: skip
        assert heard[given[0]]["m.mentions"] == {"user_ids": [synapse.fan.user_id]}
        with bench.client() as client:  # our own answers are not what others say
            said = bench.network.replies(client=client, credentials=bench.credentials, external_id=event)
        assert [one.external_id for one in said] == [threaded]

    def test_answering_what_is_not_there(self, bench: Bench) -> None:
        with bench.client() as client, pytest.raises(NetworkError) as caught:
            bench.network.reply(
                client=client, credentials=bench.credentials, in_reply_to="$nothing", text="Що?", key="k"
            )
        assert caught.value.kind is Kind.PERMANENT

    def test_what_is_deleted_is_gone_for_everybody(self, bench: Bench, nio: Any) -> None:
        post = Outgoing(str(uuid.uuid4()), "message", f"Помилка {uuid.uuid4().hex}")
        event = bench.commit(post, Prepared()).external_id
        with bench.client() as client:
            bench.network.delete(client=client, credentials=bench.credentials, external_id=event)
            bench.network.delete(client=client, credentials=bench.credentials, external_id="$nothing-there")
        assert post.text not in {getattr(one, "body", "") for one in nio.messages()}

    # ------------------------------------------------------------------------------------------ rights and tokens

    def member(self, network: Any, synapse: Any) -> tuple[Any, dict[str, str], str]:
        """A new user of ours in a new room of the brand's."""
        account, room = synapse.register(f"guest{uuid.uuid4().hex[:8]}"), synapse.create_room("Гості")
        invite = f"/_matrix/client/v3/rooms/{room}/invite"
        synapse.call("POST", invite, by=synapse.brand, content={"user_id": account.user_id})
        typed = {"homeserver": synapse.url, "room": room, "access_token": account.access_token}
        with httpx.Client(timeout=20) as client:
            return account, dict(network.connect(client=client, credentials=typed).credentials), room

    def refused(self, network: Any, credentials: dict[str, str]) -> NetworkError:
        with httpx.Client(timeout=20) as client, pytest.raises(NetworkError) as caught:
            network.commit(
                client=client, credentials=credentials, post=Outgoing("k", "message", "Є хто?"),
                prepared=Prepared(),
            )  # fmt: skip
        return caught.value

    def test_who_was_put_out_of_the_room_may_not_post(self, network: Any, synapse: Any) -> None:
        account, credentials, room = self.member(network, synapse)
        kick = f"/_matrix/client/v3/rooms/{room}/kick"
        synapse.call("POST", kick, by=synapse.brand, content={"user_id": account.user_id})
        error = self.refused(network, credentials)
        assert (error.kind, error.code) == (Kind.RECONNECT, "may_not_post")

    def test_who_was_silenced_may_not_post(self, network: Any, synapse: Any) -> None:
        account, credentials, room = self.member(network, synapse)
        path = f"/_matrix/client/v3/rooms/{room}/state/m.room.power_levels/"
        levels = synapse.call("GET", path, by=synapse.brand)
        levels["users"][account.user_id] = -1
        synapse.call("PUT", path, by=synapse.brand, content=levels)
        error = self.refused(network, credentials)
        assert (error.kind, error.code) == (Kind.RECONNECT, "may_not_post")

    def test_an_account_that_is_gone(self, network: Any, synapse: Any) -> None:
        account, credentials, _ = self.member(network, synapse)
        login = {"type": "m.login.password", "password": account.password,
                 "identifier": {"type": "m.id.user", "user": account.user_id}}  # fmt: skip
        path = "/_matrix/client/v3/account/deactivate"
        headers = {"Authorization": f"Bearer {account.access_token}"}
        httpx.post(synapse.url + path, json={"auth": login}, headers=headers).raise_for_status()
        error = self.refused(network, credentials)
        assert (error.kind, error.code) == (Kind.RECONNECT, "not_accepted")

    def test_a_message_too_large_for_an_event(self, bench: Bench) -> None:
        with pytest.raises(NetworkError) as caught:
            bench.commit(Outgoing("k", "message", "ї" * 33_000), Prepared())
        assert (caught.value.kind, caught.value.code) == (Kind.PERMANENT, "refused")

    def test_tokens_that_end_are_made_anew(self, network: Any, strict: Any) -> None:
        typed = {
            "homeserver": strict.url, "room": strict.room_id, "user": strict.brand.user_id,
            "password": strict.brand.password,
        }  # fmt: skip
        with httpx.Client(timeout=20) as client:
            first = dict(network.connect(client=client, credentials=typed).credentials)
            ends = datetime.fromisoformat(first[ACCESS_UNTIL]) - datetime.now(UTC)
            assert timedelta(minutes=55) < ends < timedelta(minutes=65)
            post = Outgoing(str(uuid.uuid4()), "message", "Той самий")
            before = network.commit(client=client, credentials=first, post=post, prepared=Prepared())
            fresh = dict(network.refresh(client=client, credentials=first))
            assert set(fresh) == set(first)
            assert fresh["access_token"] != first["access_token"]
            # The device stays, and with it its transactions: the same post under a new token is the same event.
            after = network.commit(client=client, credentials=fresh, post=post, prepared=Prepared())
            assert after.external_id == before.external_id
            with pytest.raises(NetworkError) as caught:
                network.refresh(client=client, credentials=first)
        assert caught.value.kind is Kind.RECONNECT

    def test_tokens_that_do_not_end_are_left_alone(self, network: Any, synapse: Any) -> None:
        typed = {
            "homeserver": synapse.url, "room": synapse.room_id, "user": synapse.brand.user_id,
            "password": synapse.brand.password,
        }  # fmt: skip
        with httpx.Client(timeout=20) as client:
            kept = network.connect(client=client, credentials=typed).credentials
        assert ACCESS_UNTIL not in kept
        assert "refresh_token" not in kept

    def test_a_limit_tells_milliseconds(self, bench: Bench) -> None:
        body = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": 2500}
        post = Outgoing(str(uuid.uuid4()), "message", "Повільніше")
        with pytest.raises(NetworkError) as caught:
            bench.commit(post, Prepared(), before=faulty.answering(429, body))
        assert (caught.value.kind, caught.value.params["seconds"]) == (Kind.WAIT, 2.5)
