"""A Bluesky network of our own: PLC directory, PDS and AppView, the programs Bluesky itself runs.

`ensure()` installs it (npm, pinned), `start()` runs it, and the `Bluesky` it returns speaks to it with
the independent `atproto` client. Indexing is asynchronous, as on the real network: what is written on
the PDS is seen by the AppView a moment later, so ask with `wait_for_post`.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from atproto import Client, models
from filelock import FileLock

from tests.servers.debian import need
from tests.servers.process import (
    ServerError,
    ServerProcess,
    cache_folder,
    free_ports,
    remove_folder,
    run,
    temporary_folder,
    until,
)

from .stores import Stores, start_stores

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Account:
    """An account on the PDS. `password` is the main password; see `Bluesky.app_password`."""

    handle: str
    password: str
    email: str
    did: str


@dataclass
class Bluesky:
    """A running network. Addresses are http://localhost:PORT, without a slash at the end."""

    plc_url: str
    pds_url: str
    appview_url: str
    appview_did: str
    brand: Account
    fan: Account
    log: Path
    _process: ServerProcess
    _stores: Stores
    _folder: Path
    _clients: dict[str, Client] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What a person or another program needs to use it."""
        return {
            "server": "bluesky",
            "plc": self.plc_url,
            "pds": self.pds_url,
            "appview": self.appview_url,
            "accounts": [vars(self.brand), vars(self.fan)],
            "log": str(self.log),
        }

    def client(self, account: Account | None = None) -> Client:
        """An `atproto` client of the PDS, signed in as `account` (default: the brand); kept for reuse."""
        account = account or self.brand
        if account.did not in self._clients:
            client = Client(base_url=self.pds_url)
            client.login(account.handle, account.password)
            self._clients[account.did] = client
        return self._clients[account.did]

    def create_account(self, name: str) -> Account:
        """A new account with the handle `<name>.test`.

        `name` is 3 to 18 letters, digits and hyphens, and not one of the network's reserved words.
        """
        password = secrets.token_urlsafe(12)
        handle, email = f"{name}.test", f"{name}@example.org"
        created = Client(base_url=self.pds_url).com.atproto.server.create_account(
            models.ComAtprotoServerCreateAccount.Data(handle=handle, email=email, password=password)
        )
        # Signing in asks the AppView for the profile, so wait until it has heard of the account.
        until(lambda: self._profile(created.did), what=f"the AppView to know {handle}")
        return Account(handle=handle, password=password, email=email, did=created.did)

    def _profile(self, did: str) -> dict[str, Any] | None:
        answer = httpx.get(
            f"{self.appview_url}/xrpc/app.bsky.actor.getProfiles", params={"actors": [did]}, timeout=10
        )
        answer.raise_for_status()
        profiles = answer.json()["profiles"]
        return profiles[0] if profiles else None

    def app_password(self, account: Account | None = None, *, name: str = "Spilno") -> str:
        """A new app password, as a person makes one in the settings to connect a program."""
        created = self.client(account).com.atproto.server.create_app_password(
            models.ComAtprotoServerCreateAppPassword.Data(name=f"{name} {secrets.token_hex(4)}")
        )
        return created.password

    def records(self, account: Account | None = None, *, collection: str = "app.bsky.feed.post") -> list[Any]:
        """The records in the account's repository on the PDS: uri, cid, value. Newest key first."""
        account = account or self.brand
        listed = Client(base_url=self.pds_url).com.atproto.repo.list_records(
            models.ComAtprotoRepoListRecords.Params(repo=account.did, collection=collection, limit=100)
        )
        return list(listed.records)

    def post(self, uri: str) -> dict[str, Any] | None:
        """The post as the AppView shows it to everybody (its JSON, counters included); None if unknown."""
        answer = httpx.get(
            f"{self.appview_url}/xrpc/app.bsky.feed.getPosts", params={"uris": [uri]}, timeout=10
        )
        answer.raise_for_status()
        posts = answer.json()["posts"]
        return posts[0] if posts else None

    def posts_of(self, account: Account | None = None) -> list[dict[str, Any]]:
        """The account's posts as the AppView shows them, newest first (at most 100, replies included)."""
        actor = (account or self.brand).did
        answer = httpx.get(
            f"{self.appview_url}/xrpc/app.bsky.feed.getAuthorFeed",
            params={"actor": actor, "limit": 100},
            timeout=10,
        )
        answer.raise_for_status()
        return [item["post"] for item in answer.json()["feed"]]

    def wait_for_post(
        self, uri: str, *, likes: int = 0, reposts: int = 0, replies: int = 0, timeout: float = 20.0
    ) -> dict[str, Any]:
        """The post once the AppView shows it with at least these counters; TimeoutError after `timeout` s."""

        def shown() -> dict[str, Any] | None:
            post = self.post(uri)
            enough = post and (
                post.get("likeCount", 0) >= likes
                and post.get("repostCount", 0) >= reposts
                and post.get("replyCount", 0) >= replies
            )
            return post if enough else None

        return until(
            shown, what=f"{uri} with {likes} likes, {reposts} reposts, {replies} replies", timeout=timeout
        )

    def like(self, uri: str, *, by: Account | None = None) -> None:
        """Like the post as `by` (default: the fan); the post must be shown by the AppView already."""
        self.client(by or self.fan).like(uri, self.wait_for_post(uri)["cid"])

    def repost(self, uri: str, *, by: Account | None = None) -> None:
        """Repost it as `by` (default: the fan)."""
        self.client(by or self.fan).repost(uri, self.wait_for_post(uri)["cid"])

    def reply(self, uri: str, text: str, *, by: Account | None = None) -> str:
        """Answer the post (taken as the root of its thread) as `by` (default: the fan); the reply's uri."""
        parent = models.ComAtprotoRepoStrongRef.Main(uri=uri, cid=self.wait_for_post(uri)["cid"])
        reply = models.AppBskyFeedPost.ReplyRef(parent=parent, root=parent)
        return self.client(by or self.fan).send_post(text, reply_to=reply).uri

    def remove(self, account: Account) -> None:
        """Delete the account for good, as a moderator of the server does."""
        answer = httpx.post(
            f"{self.pds_url}/xrpc/com.atproto.admin.deleteAccount",
            json={"did": account.did},
            auth=("admin", "admin-pass"),  # dev-env's own
            timeout=20,
        )
        answer.raise_for_status()

    def stop(self) -> None:
        """End everything and remove the data."""
        self._process.stop()
        self._stores.stop()
        remove_folder(self._folder)


def _node() -> str:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise ServerError("Node.js 20 or newer and npm are needed for the Bluesky test network.")
    return node


def _wanted(node: str) -> str:
    """A digest of all that decides what gets installed: pins, npm settings, Node's binary interface."""
    abi = subprocess.run(
        [node, "-p", "process.versions.modules"], capture_output=True, text=True, check=True
    ).stdout
    digest = hashlib.sha256(abi.encode())
    for name in ("package.json", "package-lock.json", ".npmrc"):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def ensure() -> Path:
    """Install the network's programs unless they are there; returns the folder that has node_modules.

    About a minute the first time (better-sqlite3 is compiled), nothing later.
    """
    node = _node()
    folder = cache_folder() / "bluesky"
    folder.mkdir(exist_ok=True)
    stamp = folder / "installed"
    wanted = _wanted(node)
    if stamp.exists() and stamp.read_text() == wanted:
        return folder
    need("g++", "make")
    with FileLock(cache_folder() / "bluesky.lock"):
        if stamp.exists() and stamp.read_text() == wanted:
            return folder
        stamp.unlink(missing_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copyfile(HERE / name, folder / name)
        run(
            ["npm", "ci", "--no-progress"],
            what="npm ci (Bluesky test network)",
            cwd=folder,
            env=_compiler(node),
        )
        stamp.write_text(wanted)
    return folder


def _compiler(node: str) -> dict[str, str]:
    """How better-sqlite3 is compiled: halves the time, for a database that holds a handful of posts.

    Also uses the headers installed with Node, if they are, instead of downloading them.
    """
    settings = {"CFLAGS": "-O1 -g0", "CXXFLAGS": "-O0 -g0"}
    prefix = Path(node).resolve().parent.parent
    if (prefix / "include/node/node_version.h").exists():
        settings["npm_config_nodedir"] = str(prefix)
    return {name: value for name, value in settings.items() if name not in os.environ}


def start() -> Bluesky:
    """Start a network with two accounts, brand.test and fan.test; returns when all of it answers."""
    node, installed = _node(), ensure()
    folder = temporary_folder("bluesky")
    plc, pds, appview, postgres_port, redis_port = free_ports(5)
    accounts = [
        {"handle": f"{name}.test", "password": secrets.token_urlsafe(12), "email": f"{name}@example.org"}
        for name in ("brand", "fan")
    ]
    try:
        stores = start_stores(folder, postgres_port=postgres_port, redis_port=redis_port)
    except BaseException:
        remove_folder(folder)
        raise
    settings = {
        "plc": plc,
        "pds": pds,
        "appview": appview,
        "postgres": stores.postgres_url,
        "redis": stores.redis_address,
        "accounts": accounts,
    }
    (folder / "files").mkdir()
    log = folder / "bluesky.log"
    try:
        process = ServerProcess(
            "Bluesky",
            [node, HERE / "server.mjs", json.dumps(settings)],
            log=log,
            cwd=installed,
            # The PDS keeps its repositories and blobs in the folder for temporary files.
            env={
                "TMPDIR": str(folder / "files"),
                "NODE_ENV": "development",
                "LOG_LEVEL": "error",
                "LOG_ENABLED": "true",
            },
        )
        ready = process.wait_until(lambda: _ready_line(log), timeout=90)
    except BaseException:
        stores.stop()
        remove_folder(folder)
        raise
    brand, fan = (Account(**account) for account in ready["accounts"])
    return Bluesky(
        plc_url=ready["plc"],
        pds_url=ready["pds"],
        appview_url=ready["appview"],
        appview_did=ready["appview_did"],
        brand=brand,
        fan=fan,
        log=log,
        _process=process,
        _stores=stores,
        _folder=folder,
    )


def _ready_line(log: Path) -> dict[str, Any] | None:
    for line in log.read_text(errors="replace").splitlines(keepends=True):
        if line.startswith('{"ready":') and line.endswith("\n"):
            found: dict[str, Any] = json.loads(line)
            return found
    return None
