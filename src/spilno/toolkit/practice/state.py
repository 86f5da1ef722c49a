"""What the practice network remembers: one JSON file, and a folder of pictures beside it.

Accounts may be added and posts put in with any time of publication *before* a server is started on the file (a demo
needs a history), or through the control endpoints while it runs. One process owns the file at a time.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from spilno.toolkit.practice import growth

Clock = Callable[[], datetime]
NETWORKS = ("instagram", "facebook", "telegram", "linkedin", "youtube")
HEADS = {
    "instagram": "178414",
    "facebook": "10",
    "telegram": "-100",
    "linkedin": "1",
    "youtube": "UC00000000000",
}
"""How an account's id begins."""


def wall_clock() -> datetime:
    """The machine's time, aware UTC."""
    return datetime.now(UTC)


BOT = 8100
"""Number of the bot that posts to practice channels."""


class UnreadablePicture(ValueError):
    """The bytes are no picture."""


class State:
    """Accounts, containers, unpublished photos, posts; thread-safe.

    :param path: the JSON file; ``None`` keeps everything in memory and in a temporary folder.
    :param seed: what counters grow from; a file that exists keeps the seed it was made with.
    :param clock: where the time comes from.
    """

    def __init__(self, path: Path | None = None, *, seed: str = "spilno", clock: Clock = wall_clock) -> None:
        self.path = path
        self.clock = clock
        self._lock = threading.RLock()
        self._temporary = None if path else tempfile.TemporaryDirectory(prefix="spilno-practice-")
        self.data: dict[str, Any] = {
            "version": 1,
            "seed": seed,
            "next": 1,
            "accounts": {},
            "containers": {},
            "photos": {},
            "videos": {},
            "comments": {},
            "logins": {},
            "posts": {},
            "pictures": {},
        }
        if path and path.exists():
            self.data |= json.loads(path.read_text("utf-8"))

    @property
    def seed(self) -> str:
        """What counters grow from."""
        return str(self.data["seed"])

    @property
    def folder(self) -> Path:
        """Where pictures lie."""
        if self._temporary is not None:
            return Path(self._temporary.name)
        assert self.path is not None
        return self.path.with_suffix(".pictures")

    def close(self) -> None:
        """Remove the temporary folder, if there is one."""
        if self._temporary is not None:
            self._temporary.cleanup()

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """The data to be changed; written atomically at the end, so that a kill leaves the old file or the new."""
        with self._lock:
            yield self.data
            self._save()

    @contextmanager
    def reading(self) -> Iterator[dict[str, Any]]:
        """The data, while nobody changes it."""
        with self._lock:
            yield self.data

    def _save(self) -> None:
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=self.path.name, dir=self.path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self.data, file, ensure_ascii=False, indent=1)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def new_id(self, data: dict[str, Any], head: str) -> str:
        """The next id: digits only, as Meta's are."""
        number = data["next"]
        data["next"] = number + 1
        return f"{head}{number:09d}"

    # ------------------------------------------------------------------------------------------ accounts

    def add_account(
        self,
        *,
        network: str,
        name: str,
        title: str = "",
        followers: int = 1200,
        since: datetime | None = None,
        token: str = "",
    ) -> dict[str, Any]:
        """An account that can be connected with the token ``practice-<name>`` (or another one).

        A bot's token begins with the bot's number: ``8100:practice-<name>``.

        An account of that network and name that exists already is returned as it is.

        :param followers: how many it had at ``since`` (default: now).
        """
        if network not in NETWORKS:
            raise ValueError(f"no practice network {network!r}: one of {', '.join(NETWORKS)}")
        with self.changing() as data:
            if (found := self.account_named(network, name)) is not None:
                return found
            number = zlib.crc32(f"{network}/{name}".encode())
            if not token:
                token = f"{BOT}:practice-{name}" if network == "telegram" else f"practice-{name}"
            account = {
                "id": f"{HEADS[network]}{number:011d}",
                "network": network,
                "name": name,
                "title": title or name,
                "token": token,
                "followers": followers,
                "since": (since or self.clock()).isoformat(),
                "revoked": False,
            }
            data["accounts"][account["id"]] = account
            return account

    def account_named(self, network: str, name: str) -> dict[str, Any] | None:
        """The account of that network and name."""
        with self.reading() as data:
            return next(
                (a for a in data["accounts"].values() if a["network"] == network and a["name"] == name), None
            )

    def accounts_of_token(self, token: str) -> list[dict[str, Any]]:
        """Accounts that the token opens (the same name on both networks has the same token)."""
        with self.reading() as data:
            return [a for a in data["accounts"].values() if a["token"] == token and not a["revoked"]]

    def followers(self, account: dict[str, Any], at: datetime) -> int:
        """Followers of the account at a time."""
        age = at - datetime.fromisoformat(account["since"])
        return growth.followers(seed=self.seed, account=account["id"], base=account["followers"], age=age)

    # ------------------------------------------------------------------------------------------ pictures

    def add_picture(self, content: bytes) -> dict[str, Any]:
        """Keep a picture.

        :raises UnreadablePicture: if it is none.
        """
        try:
            with Image.open(io.BytesIO(content)) as image:
                width, height, form = image.width, image.height, image.format or ""
        except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
            raise UnreadablePicture(str(error)) from None
        return self.add_file(content, Image.MIME.get(form, "application/octet-stream"), width, height)

    def add_file(self, content: bytes, mime: str, width: int, height: int) -> dict[str, Any]:
        """Keep a file of any kind beside the pictures (a video)."""
        with self.changing() as data:
            number = self.new_id(data, "3")
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / number).write_bytes(content)
            picture = {"id": number, "mime": mime, "width": width, "height": height, "bytes": len(content)}
            data["pictures"][number] = picture
            return picture

    def keep_file(self, path: Path, mime: str, width: int, height: int, **more: Any) -> dict[str, Any]:
        """Keep a file that lies in our folder already (spooled there): it is moved, never read."""
        with self.changing() as data:
            number = self.new_id(data, "3")
            size = path.stat().st_size
            path.replace(self.folder / number)
            kept = {"id": number, "mime": mime, "width": width, "height": height, "bytes": size, **more}
            data["pictures"][number] = kept
            return kept

    # ------------------------------------------------------------------------------------------ posts

    def add_post(
        self,
        *,
        account: dict[str, Any],
        kind: str = "post",
        text: str = "",
        link: str = "",
        pictures: tuple[str, ...] = (),
        alt: str = "",
        published_at: datetime | None = None,
        published: bool = True,
    ) -> dict[str, Any]:
        """Put a post in, at any time of publication (default: now)."""
        with self.changing() as data:
            head = {"instagram": "179", "telegram": f"{account['id']}_", "youtube": "YT"}.get(
                account["network"], f"{account['id']}_1"
            )
            number = self.new_id(data, head)
            if account["network"] == "linkedin":  # its numbers tell when a post was made, in milliseconds
                millis = round((published_at or self.clock()).timestamp() * 1000)
                number = str(millis << 22 | data["next"] & 0x3FFFFF)
            now = (published_at or self.clock()).isoformat()
            post = {
                "id": number,
                "account": account["id"],
                "kind": kind,
                "text": text,
                "link": link,
                "pictures": list(pictures),
                "alt": alt,
                "created_at": now,
                "published_at": now if published else None,
            }
            data["posts"][number] = post
            return post

    def posts_of(self, account: dict[str, Any], *, kind: str = "") -> list[dict[str, Any]]:
        """Published posts of the account, newest first."""
        with self.reading() as data:
            found = [
                p
                for p in data["posts"].values()
                if p["account"] == account["id"] and p["published_at"] and kind in ("", p["kind"])
            ]
        return sorted(found, key=lambda p: (p["published_at"], p["id"]), reverse=True)

    def growth_of(self, post: dict[str, Any]) -> tuple[growth.Growth, timedelta]:
        """How the post is received, and its age now."""
        published = datetime.fromisoformat(post["published_at"])
        account = self.data["accounts"][post["account"]]
        grows = growth.of_post(
            seed=self.seed,
            post=post["id"],
            kind=post["kind"],
            followers=self.followers(account, published),
        )
        age = self.clock() - published
        return grows, growth.story_age(age) if post["kind"] == "story" else age

    def counters(self, post: dict[str, Any]) -> dict[str, int]:
        """Counters of a published post now."""
        grows, age = self.growth_of(post)
        return grows.at(age)

    def remarks(self, post: dict[str, Any]) -> list[growth.Remark]:
        """Comments under a published post now."""
        grows, age = self.growth_of(post)
        return growth.remarks(seed=self.seed, post=post["id"], growth=grows, age=age)
