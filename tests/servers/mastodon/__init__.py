"""A *stand-in* for a Mastodon server: mastodon-mock, a mock from the package index, not Mastodon.

Mastodon itself (Ruby, PostgreSQL, Redis, Sidekiq) cannot be installed from the registries we use. What
the mock does do: state, statuses, media records, favourites, boosts, replies, notifications,
`Idempotency-Key`, 422 above 500 characters or 4 attachments, 401 without a valid token, app
registration and the authorization-code flow.

What it does NOT do, so that no test here may be taken as proof of it:
- It counts characters plainly: a link counts its full length (Mastodon: 23), a remote handle too.
- It keeps idempotency keys for ever (Mastodon: about an hour).
- OAuth is theatre: client secret, redirect address and PKCE are not checked, a code names the user and
  never expires. Scopes are checked coarsely, because we switch that on.
- No rate limits unless asked for, no federation, no asynchronous media processing (202, then 206),
  no limits of media size or type, no HTML sanitising as Mastodon does it.
- Time-lines and counters change at once; on a real server Sidekiq does that a moment later.
"""

from __future__ import annotations

import re
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from mastodon import Mastodon as Client

from tests.servers.process import ServerProcess, free_ports, remove_folder, temporary_folder

#: What an application asks for that publishes and reads its own results.
SCOPES = ["read", "write"]


@dataclass(frozen=True)
class Account:
    """A user of the stand-in. There are no passwords: `access_token` is all there is."""

    username: str
    access_token: str


@dataclass(frozen=True)
class App:
    """A registered OAuth application."""

    client_id: str
    client_secret: str
    redirect_uri: str


@dataclass
class Mastodon:
    """The running stand-in. `url` is http://127.0.0.1:PORT, without a slash at the end."""

    url: str
    brand: Account
    fan: Account
    log: Path
    _process: ServerProcess
    _folder: Path

    def as_json(self) -> dict[str, Any]:
        """What a person or another program needs to use it."""
        return {
            "server": "mastodon",
            "stand_in": True,
            "instance": self.url,
            "accounts": [vars(self.brand), vars(self.fan)],
            "log": str(self.log),
        }

    def client(self, account: Account | None = None) -> Client:
        """A Mastodon.py client as `account` (default: the brand)."""
        return Client(access_token=(account or self.brand).access_token, api_base_url=self.url)

    def create_app(self, *, redirect_uri: str = "urn:ietf:wg:oauth:2.0:oob", name: str = "Spilno") -> App:
        """Register an application with `SCOPES`."""
        client_id, client_secret = Client.create_app(
            name, scopes=SCOPES, redirect_uris=redirect_uri, api_base_url=self.url
        )
        return App(client_id, client_secret, redirect_uri)

    def authorize(self, app: App, *, by: Account | None = None, state: str = "") -> str:
        """What a person does in the browser who says yes; the code that the application gets."""
        answer = httpx.post(
            f"{self.url}/oauth/authorize",
            data={
                "client_id": app.client_id,
                "redirect_uri": app.redirect_uri,
                "scope": " ".join(SCOPES),
                "state": state,
                "username": (by or self.brand).username,
            },
            timeout=10,
        )
        if answer.is_redirect:
            return str(httpx.URL(answer.headers["location"]).params["code"])
        found = re.search(r"Authorization code: (\S+?)<", answer.text)
        if found is None:
            raise AssertionError(f"No code in the answer: {answer.text[:500]}")
        return found[1]

    def create_token(self, app: App, *, by: Account | None = None) -> str:
        """A user's access token for the application, by way of the authorization-code flow."""
        client = Client(client_id=app.client_id, client_secret=app.client_secret, api_base_url=self.url)
        token: str = client.log_in(
            code=self.authorize(app, by=by), redirect_uri=app.redirect_uri, scopes=SCOPES, allow_http=True
        )
        return token

    def reset(self) -> None:
        """Forget all statuses, apps and tokens but those the server started with."""
        httpx.post(f"{self.url}/api/v1/_mock/reset", timeout=10).raise_for_status()

    def fail(self, *, path: str, status: int, count: int = 1, method: str = "POST") -> None:
        """Answer the next `count` requests of `path` with `status` instead of doing them."""
        rule = {
            "match": {"methods": [method], "path": path},
            "effect": {"type": "status", "status": status},
            "count": count,
        }
        httpx.post(f"{self.url}/api/v1/_mock/faults", json=rule, timeout=10).raise_for_status()

    def stop(self) -> None:
        """End the stand-in and remove its data."""
        self._process.stop()
        remove_folder(self._folder)


def start() -> Mastodon:
    """Start the stand-in with the users brand and fan; returns when it answers."""
    folder = temporary_folder("mastodon")
    (port,) = free_ports(1)
    brand, fan = (Account(name, secrets.token_urlsafe(16)) for name in ("brand", "fan"))
    seeds = "".join(
        f'[[seed.accounts]]\nusername = "{a.username}"\naccess_token = "{a.access_token}"\n'
        for a in (brand, fan)
    )
    config = folder / "mock.toml"
    config.write_text(f"[auth]\nenforce_scopes = true\n{seeds}")
    url = f"http://127.0.0.1:{port}"
    log = folder / "mastodon.log"
    try:
        process = ServerProcess(
            "mastodon-mock",
            [sys.executable, "-m", "mastodon_mock", "serve", "--config", config, "--in-memory",
             "--host", "127.0.0.1", "--port", str(port), "--domain", f"127.0.0.1:{port}",
             "--log-level", "warning"],
            log=log,
            cwd=folder,
        )  # fmt: skip
        process.wait_until(
            lambda: httpx.get(f"{url}/api/v2/instance", timeout=2).status_code == 200, timeout=40
        )
    except BaseException:
        remove_folder(folder)
        raise
    return Mastodon(url=url, brand=brand, fan=fan, log=log, _process=process, _folder=folder)
