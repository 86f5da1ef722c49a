"""Identifiers: UUID version 7, so that rows made later sort later and nobody can guess the next one."""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid


def new_id() -> uuid.UUID:
    """A new UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76
    value |= secrets.randbits(12) << 64
    value |= 0b10 << 62
    value |= secrets.randbits(62)
    return uuid.UUID(int=value)


def new_token(nbytes: int = 24) -> str:
    """An unguessable token for links (URL-safe, ``nbytes`` of randomness)."""
    return secrets.token_urlsafe(nbytes)


def hash_token(token: str) -> str:
    """What is kept of a token: enough to recognise it, nothing to use."""
    return hashlib.sha256(token.encode()).hexdigest()
