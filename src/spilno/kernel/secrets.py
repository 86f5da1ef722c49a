"""Secrets at rest: encrypted with a key that lies outside the database."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from spilno.kernel.errors import UserError


def ensure_key(path: Path) -> str:
    """Read the key file, or make it (readable by its owner only). The first line encrypts, all lines decrypt."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
    return path.read_text().strip()


@lru_cache(maxsize=4)
def _box(keys: str) -> MultiFernet:
    return MultiFernet([Fernet(line) for line in keys.splitlines() if line.strip()])


def seal(values: Mapping[str, str], *, keys: str) -> bytes:
    """Encrypt a mapping. ``keys``: content of the key file."""
    return _box(keys).encrypt(json.dumps(dict(values)).encode())


def unseal(sealed: bytes | None, *, keys: str) -> dict[str, str]:
    """Decrypt what :func:`seal` made; nothing gives ``{}``.

    :raises UserError: ``secret_key_changed`` if no key of the file fits.
    """
    if not sealed:
        return {}
    try:
        loaded: dict[str, str] = json.loads(_box(keys).decrypt(bytes(sealed)))
    except InvalidToken:
        raise UserError("secret_key_changed") from None
    return loaded
