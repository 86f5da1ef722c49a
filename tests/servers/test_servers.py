"""The servers do what the rest of the tests rely on: seen with independent clients."""

from __future__ import annotations

import io
import json
import os
import signal
import smtplib
import subprocess
import sys
from email.message import EmailMessage
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
from mastodon import MastodonAPIError
from PIL import Image

from . import debian
from .process import (
    REPOSITORY,
    ServerError,
    ServerProcess,
    free_ports,
    remove_folder,
    temporary_folder,
    until,
)

if TYPE_CHECKING:
    from pathlib import Path

    from .bluesky import Bluesky
    from .mail import Mail
    from .mastodon import Mastodon
    from .synapse import Synapse


pytestmark = pytest.mark.servers


def a_picture() -> bytes:
    """A small valid JPEG."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 60)).save(buffer, "JPEG")
    return buffer.getvalue()


class TestBluesky:
    def test_what_is_posted_on_the_pds_is_shown_and_counted_by_the_appview(self, bluesky: Bluesky) -> None:
        posted = bluesky.client().send_post("Ярмарок книжок у суботу 📚")
        assert [r.uri for r in bluesky.records()].count(posted.uri) == 1
        shown = bluesky.wait_for_post(posted.uri)
        assert shown["record"]["text"] == "Ярмарок книжок у суботу 📚"
        assert (shown["likeCount"], shown["repostCount"], shown["replyCount"]) == (0, 0, 0)

        bluesky.like(posted.uri)
        bluesky.repost(posted.uri)
        answer = bluesky.reply(posted.uri, "Прийду!")
        counted = bluesky.wait_for_post(posted.uri, likes=1, reposts=1, replies=1)
        assert (counted["likeCount"], counted["repostCount"], counted["replyCount"]) == (1, 1, 1)
        assert bluesky.wait_for_post(answer)["author"]["handle"] == "fan.test"

    # The atproto client hands the bytes to httpx in a way that httpx no longer likes.
    @pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
    def test_a_picture_can_be_fetched_where_the_appview_says(self, bluesky: Bluesky) -> None:
        posted = bluesky.client().send_image("Наша полиця", a_picture(), "Полиця з книжками")
        (image,) = bluesky.wait_for_post(posted.uri)["embed"]["images"]
        assert image["alt"] == "Полиця з книжками"
        blob = bluesky.records()[0].value.embed.images[0].image
        answer = httpx.get(
            f"{bluesky.pds_url}/xrpc/com.atproto.sync.getBlob",
            params={"did": bluesky.brand.did, "cid": blob.ref.link},
            timeout=10,
        )
        assert answer.content == a_picture()
        assert image["fullsize"].startswith(bluesky.appview_url)
        picture = httpx.get(image["fullsize"], timeout=10)
        assert picture.status_code == 200, picture.text
        width, height = Image.open(io.BytesIO(picture.content)).size  # scaled by the AppView
        assert width * 48 == height * 64

    def test_an_app_password_signs_in_and_new_accounts_can_act(self, bluesky: Bluesky) -> None:
        session = httpx.post(
            f"{bluesky.pds_url}/xrpc/com.atproto.server.createSession",
            json={"identifier": bluesky.brand.handle, "password": bluesky.app_password()},
            timeout=10,
        )
        assert session.json()["did"] == bluesky.brand.did
        reader = bluesky.create_account("olha-reads")
        posted = bluesky.client(reader).send_post("Вітаю")
        assert bluesky.wait_for_post(posted.uri)["author"]["did"] == reader.did
        assert [p["uri"] for p in bluesky.posts_of(reader)] == [posted.uri]

    def test_it_listens_on_loopback_only(self, bluesky: Bluesky) -> None:
        main = psutil.Process(bluesky._process.pid)
        listening = {c.laddr.ip for c in main.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}


class TestSynapse:
    def test_a_message_sent_twice_with_one_transaction_id_is_said_once(self, synapse: Synapse) -> None:
        room = synapse.create_room("Книжковий обмін")
        first = synapse.send("Зустріч о 18:00", by=synapse.brand, room_id=room, txn_id="plan-1")
        second = synapse.send("Зустріч о 18:00", by=synapse.brand, room_id=room, txn_id="plan-1")
        assert first == second
        (message,) = synapse.messages(room)
        assert (message["content"]["body"], message["sender"]) == ("Зустріч о 18:00", synapse.brand.user_id)
        synapse.send("Зустріч о 18:00", by=synapse.brand, room_id=room, txn_id="plan-2")
        assert len(synapse.messages(room)) == 2

    def test_passwords_sign_in_and_wrong_ones_do_not(self, synapse: Synapse) -> None:
        def sign_in(password: str) -> httpx.Response:
            who = {"type": "m.id.user", "user": synapse.fan.user_id}
            content = {"type": "m.login.password", "identifier": who, "password": password}
            return httpx.post(f"{synapse.url}/_matrix/client/v3/login", json=content, timeout=10)

        assert sign_in(synapse.fan.password).json()["user_id"] == synapse.fan.user_id
        assert sign_in("wrong").status_code == 403

    def test_uploaded_media_come_back(self, synapse: Synapse) -> None:
        answer = httpx.post(
            f"{synapse.url}/_matrix/media/v3/upload",
            content=a_picture(),
            headers={"Authorization": f"Bearer {synapse.brand.access_token}", "Content-Type": "image/jpeg"},
            timeout=10,
        )
        assert synapse.media(answer.json()["content_uri"]) == a_picture()


class TestMastodonStandIn:
    def test_one_idempotency_key_makes_one_status(self, mastodon: Mastodon) -> None:
        client = mastodon.client()
        first = client.status_post("Запрошуємо на ярмарок", idempotency_key="plan-1")
        second = client.status_post("Запрошуємо на ярмарок", idempotency_key="plan-1")
        third = client.status_post("Запрошуємо на ярмарок", idempotency_key="plan-2")
        assert first.id == second.id != third.id
        mine = client.account_statuses(client.me().id)
        assert {s.id for s in mine} >= {first.id, third.id}
        mastodon.client(mastodon.fan).status_favourite(first.id)
        assert client.status(first.id).favourites_count == 1

    def test_too_long_is_refused(self, mastodon: Mastodon) -> None:
        with pytest.raises(MastodonAPIError) as refused:
            mastodon.client().status_post("х" * 501)
        assert refused.value.args[1] == 422

    def test_an_app_gets_a_token_for_the_user_who_agreed(self, mastodon: Mastodon) -> None:
        app = mastodon.create_app(redirect_uri="http://127.0.0.1:8000/channels/oauth/")
        token = mastodon.create_token(app, by=mastodon.fan)
        who = httpx.get(
            f"{mastodon.url}/api/v1/accounts/verify_credentials",
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        assert who.json()["username"] == "fan"

    def test_faults_can_be_asked_for(self, mastodon: Mastodon) -> None:
        mastodon.fail(path="/api/v1/statuses", status=503)
        with pytest.raises(MastodonAPIError) as failed:
            mastodon.client().status_post("Спроба")
        assert failed.value.args[1] == 503
        assert mastodon.client().status_post("Спроба").id


def test_mail_is_received(mail: Mail) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "Запрошення"
    message.set_content("Приєднуйтесь до простору.")
    with smtplib.SMTP(mail.host, mail.port) as smtp:
        smtp.send_message(message)
    received = mail.wait_for("b@example.org")
    assert (received.sender, received.subject) == ("a@example.org", "Запрошення")
    assert received.text.strip() == "Приєднуйтесь до простору."
    mail.clear()
    assert mail.to("b@example.org") == []


class TestProcesses:
    def test_servers_end_and_folders_go_when_their_starter_is_killed(self) -> None:
        starter = subprocess.Popen(
            [sys.executable, "-m", "tests.servers", "mastodon"],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert starter.stdout is not None
        with starter.stdout:
            ready = json.loads(starter.stdout.readline())
        children = psutil.Process(starter.pid).children(recursive=True)
        folder = os.path.dirname(ready["log"])
        assert any("mastodon_mock" in " ".join(child.cmdline()) for child in children)
        assert os.path.isdir(folder)
        starter.kill()
        starter.wait()

        def all_gone() -> bool:
            running = [c for c in children if c.is_running() and c.status() != psutil.STATUS_ZOMBIE]
            return not running and not os.path.exists(folder)

        until(all_gone, what="the servers to end", timeout=20)

    def test_the_command_ends_on_sigterm_and_leaves_nothing(self) -> None:
        starter = subprocess.Popen(
            [sys.executable, "-m", "tests.servers", "mail", "mastodon"],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert starter.stdout is not None
        with starter.stdout:
            named = [json.loads(starter.stdout.readline())["server"] for _ in range(2)]
        assert sorted(named) == ["mail", "mastodon"]
        children = psutil.Process(starter.pid).children(recursive=True)
        starter.send_signal(signal.SIGTERM)
        assert starter.wait(20) == 0
        until(lambda: not any(c.is_running() for c in children), what="the children to end")

    def test_a_server_that_cannot_start_shows_its_log(self) -> None:
        folder = temporary_folder("broken")
        try:
            broken = ServerProcess(
                "Broken", [sys.executable, "-c", "raise SystemExit('no such port')"], log=folder / "log"
            )
            with pytest.raises(ServerError, match=r"ended with status 1.*\nno such port"):
                broken.wait_until(lambda: False, timeout=20)
        finally:
            remove_folder(folder)
        assert not folder.exists()

    def test_what_ignores_the_signal_to_end_is_killed_with_its_children(self, tmp_path: Path) -> None:
        program = (
            "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            "subprocess.Popen([sys.executable, '-c', 'import signal, time;"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)']);"
            "time.sleep(600)"
        )
        stubborn = ServerProcess("Stubborn", [sys.executable, "-c", program], log=tmp_path / "log")
        stubborn.wait_until(lambda: "1" in stubborn.tail(), timeout=20)
        family = [psutil.Process(stubborn.pid), *psutil.Process(stubborn.pid).children()]
        assert len(family) == 2
        stubborn.stop(patience=0.2)
        # The child becomes an orphan: it may stay a zombie where nothing collects orphans.
        until(
            lambda: all(not p.is_running() or p.status() == psutil.STATUS_ZOMBIE for p in family),
            what="the family to end",
        )

    def test_ports_are_different_and_free(self) -> None:
        ports = free_ports(20)
        assert len(set(ports)) == 20
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{ports[0]}/")


class TestDebian:
    def test_without_root_it_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(debian.PACKAGES, "a-package", lambda: False)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(ServerError, match=r"apt-get install -y --no-install-recommends a-package$"):
            debian.need("gettext", "a-package")

    def test_a_package_we_cannot_recognise_is_an_error(self) -> None:
        with pytest.raises(KeyError, match="no-such-thing"):
            debian.need("no-such-thing")
