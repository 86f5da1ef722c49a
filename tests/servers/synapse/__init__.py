"""A Matrix homeserver of our own: Synapse, in a virtual environment of its own, without federation.

`ensure()` installs it (pinned and hashed), `start()` runs it with a brand and a fan account, and the
`Synapse` it returns reads rooms with plain HTTP, independently of Spilno's own Matrix code.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import shutil
import sys
import venv
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from filelock import FileLock

from tests.servers.process import (
    ServerProcess,
    cache_folder,
    free_ports,
    remove_folder,
    run,
    temporary_folder,
    until,
)

HERE = Path(__file__).parent
#: The part of user ids and room aliases after the colon; it is resolved by nobody.
SERVER_NAME = "spilno.test"


@dataclass(frozen=True)
class Account:
    """A user of the homeserver with a session: `user_id` is @name:spilno.test."""

    user_id: str
    password: str
    access_token: str


@dataclass
class Synapse:
    """A running homeserver. `url` is http://127.0.0.1:PORT, without a slash at the end."""

    url: str
    brand: Account
    fan: Account
    #: A room that the brand made and in which both are.
    room_id: str
    log: Path
    _shared_secret: str
    _process: ServerProcess
    _folder: Path

    def as_json(self) -> dict[str, Any]:
        """What a person or another program needs to use it."""
        return {
            "server": "synapse",
            "homeserver": self.url,
            "accounts": [vars(self.brand), vars(self.fan)],
            "room": self.room_id,
            "log": str(self.log),
        }

    def call(
        self, method: str, path: str, *, by: Account | None, content: Any = None, **params: str | int
    ) -> dict[str, Any]:
        """One request to the homeserver; its JSON. Raises httpx.HTTPStatusError on an error status."""
        headers = {"Authorization": f"Bearer {by.access_token}"} if by else {}
        answer = httpx.request(
            method, f"{self.url}{path}", headers=headers, json=content, params=params or None, timeout=15
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def register(self, name: str) -> Account:
        """A new user `@name:spilno.test` with a random password, signed in."""
        password = secrets.token_urlsafe(12)
        path = "/_synapse/admin/v1/register"
        nonce = self.call("GET", path, by=None)["nonce"]
        # The message and the order of its parts are Synapse's: docs, "Shared-Secret Registration".
        message = b"\0".join(part.encode() for part in (nonce, name, password, "notadmin"))
        mac = hmac.new(self._shared_secret.encode(), message, hashlib.sha1).hexdigest()
        created = self.call(
            "POST",
            path,
            by=None,
            content={"nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac},
        )
        return Account(created["user_id"], password, created["access_token"])

    def create_room(self, name: str = "Spilno", *, alias: str | None = None) -> str:
        """A new room made by the brand, which the fan has joined; its id. `alias` is the local part."""
        content: dict[str, Any] = {
            "name": name,
            "preset": "private_chat",
            "invite": [self.fan.user_id],
        }
        if alias:
            content["room_alias_name"] = alias
        room_id: str = self.call("POST", "/_matrix/client/v3/createRoom", by=self.brand, content=content)[
            "room_id"
        ]
        self.call("POST", f"/_matrix/client/v3/join/{quote(room_id)}", by=self.fan, content={})
        return room_id

    def send(
        self, text: str, *, by: Account | None = None, room_id: str | None = None, txn_id: str | None = None
    ) -> str:
        """Say `text` in the room as `by` (default: the fan); the event's id."""
        txn_id = txn_id or secrets.token_hex(8)
        room = quote(room_id or self.room_id)
        path = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/{quote(txn_id, safe='')}"
        content = {"msgtype": "m.text", "body": text}
        event_id: str = self.call("PUT", path, by=by or self.fan, content=content)["event_id"]
        return event_id

    def messages(self, room_id: str | None = None, *, seen_by: Account | None = None) -> list[dict[str, Any]]:
        """The room's messages as a member (default: the fan) sees them, oldest first: whole events.

        At most the newest 500; all message types, pictures too, but not joins and the like.
        """
        path = f"/_matrix/client/v3/rooms/{quote(room_id or self.room_id)}/messages"
        answer = self.call("GET", path, by=seen_by or self.fan, dir="b", limit=500)
        return [event for event in reversed(answer["chunk"]) if event["type"] == "m.room.message"]

    def wait_for_message(
        self, text: str, *, room_id: str | None = None, timeout: float = 15.0
    ) -> dict[str, Any]:
        """The first message whose body contains `text`; TimeoutError after `timeout` seconds."""

        def said() -> dict[str, Any] | None:
            found = (m for m in self.messages(room_id) if text in m["content"].get("body", ""))
            return next(found, None)

        return until(said, what=f"a message with {text!r}", timeout=timeout)

    def media(self, uri: str, *, seen_by: Account | None = None) -> bytes:
        """The bytes behind an mxc://server/id address, fetched as a member (default: the fan)."""
        server, media_id = uri.removeprefix("mxc://").split("/")
        answer = httpx.get(
            f"{self.url}/_matrix/client/v1/media/download/{server}/{media_id}",
            headers={"Authorization": f"Bearer {(seen_by or self.fan).access_token}"},
            timeout=15,
        )
        answer.raise_for_status()
        return answer.content

    def stop(self) -> None:
        """End the homeserver and remove its data."""
        self._process.stop()
        remove_folder(self._folder)


def ensure() -> Path:
    """Install Synapse unless it is there; returns the Python program that can run it."""
    folder = cache_folder() / "synapse"
    python = folder / "bin/python"
    stamp = folder / "installed"
    requirements = HERE / "requirements.txt"
    wanted = hashlib.sha256(sys.version.encode() + requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    with FileLock(cache_folder() / "synapse.lock"):
        if stamp.exists() and stamp.read_text() == wanted:
            return python
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True, symlinks=True)
        run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
             "--requirement", requirements],
            what="pip install (Synapse)",
        )  # fmt: skip
        stamp.write_text(wanted)
    return python


def _settings(folder: Path, port: int, shared_secret: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Synapse's configuration: one loopback port, nobody to federate with, no limits in the way."""
    free = {"per_second": 10_000, "burst_count": 10_000}
    return {
        "server_name": SERVER_NAME,
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "listeners": [
            {
                "port": port,
                "type": "http",
                "tls": False,
                "bind_addresses": ["127.0.0.1"],
                "resources": [{"names": ["client"], "compress": False}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "log_config": str(folder / "log.json"),
        "pid_file": str(folder / "homeserver.pid"),
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "registration_shared_secret": shared_secret,
        "macaroon_secret_key": secrets.token_hex(16),
        "form_secret": secrets.token_hex(16),
        "report_stats": False,
        "suppress_key_server_warning": True,
        "trusted_key_servers": [],
        "federation_domain_whitelist": [],
        "url_preview_enabled": False,
        "presence": {"enabled": False},
        # The cost of hashing a password, as low as bcrypt allows.
        "bcrypt_rounds": 4,
        "rc_message": free,
        "rc_registration": free,
        "rc_login": {"address": free, "account": free, "failed_attempts": free},
        "rc_joins": {"local": free, "remote": free},
        "rc_joins_per_room": free,
        "rc_invites": {"per_room": free, "per_user": free, "per_issuer": free},
        "rc_media_create": free,
        "rc_room_creation": free,
        "rc_reports": free,
        # Room for a long video.
        "max_upload_size": "210M",
    } | changes


def start(**changes: Any) -> Synapse:
    """Start a homeserver with the users brand and fan and one room; returns when it answers.

    `changes` are settings of Synapse that replace ours.
    """
    python = ensure()
    folder = temporary_folder("synapse")
    (port,) = free_ports(1)
    shared_secret = secrets.token_hex(16)
    key = b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    (folder / "signing.key").write_text(f"ed25519 a_{secrets.token_hex(2)} {key}\n")
    logging = {
        "version": 1,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"level": "WARNING", "handlers": ["console"]},
    }
    # JSON is YAML, which is what Synapse reads.
    (folder / "log.json").write_text(json.dumps(logging))
    (folder / "homeserver.json").write_text(json.dumps(_settings(folder, port, shared_secret, changes)))
    url = f"http://127.0.0.1:{port}"
    log = folder / "synapse.log"
    nobody = Account("", "", "")
    try:
        process = ServerProcess(
            "Synapse",
            [python, "-m", "synapse.app.homeserver", "--config-path", folder / "homeserver.json"],
            log=log,
            cwd=folder,
        )
        process.wait_until(lambda: httpx.get(f"{url}/health", timeout=2).status_code == 200, timeout=60)
        synapse = Synapse(
            url=url,
            brand=nobody,
            fan=nobody,
            room_id="",
            log=log,
            _shared_secret=shared_secret,
            _process=process,
            _folder=folder,
        )
    except BaseException:
        remove_folder(folder)
        raise
    try:
        synapse.brand, synapse.fan = synapse.register("brand"), synapse.register("fan")
        synapse.room_id = synapse.create_room()
    except BaseException:
        synapse.stop()
        raise
    return synapse
