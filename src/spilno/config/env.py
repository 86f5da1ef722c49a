"""Every setting that comes from the environment, declared once. ``docs/settings.md`` lists them; a test compares."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    name: str
    default: str
    help: str


SETTINGS = (
    Setting("SPILNO_DATA", "var", "Data folder: embedded database, media, keys. Made if it does not exist."),
    Setting("DATABASE_URL", "", "PostgreSQL 15 or newer to use instead of the embedded PostgreSQL 18."),
    Setting("SPILNO_HOST", "127.0.0.1", "Address the web server listens on."),
    Setting("SPILNO_PORT", "8000", "Port of the web server."),
    Setting(
        "SPILNO_PUBLIC_URL", "", "Address people and networks reach Spilno at; default http://HOST:PORT."
    ),
    Setting("SPILNO_PRACTICE_PORT", "8090", "Port of the practice networks on 127.0.0.1."),
    Setting(
        "SPILNO_SECRET_KEY",
        "",
        "Key that signs sessions and links; made and kept in the data folder if empty.",
    ),
    Setting(
        "SPILNO_ALLOWED_PRIVATE_HOSTS",
        "",
        "Hosts (host or host:port, comma-separated) in private networks that channels may speak to.",
    ),
    Setting("SPILNO_WORKERS", "1", "Worker processes that `spilno up` starts."),
    Setting("SPILNO_DEBUG", "", "1 shows technical details of errors in the page. Never on the internet."),
    Setting("SPILNO_SIGNUP", "", "1 lets anybody make an account; else people join by invitation."),
    Setting(
        "SPILNO_MAIL_URL",
        "",
        "smtp://user:password@host:port (or smtps://) for mail; empty writes mails to the data folder.",
    ),
    Setting("SPILNO_MAIL_FROM", "spilno@localhost", "Sender of mails."),
    Setting(
        "SPILNO_UPLOAD_MAX_MB",
        "2048",
        "Largest file that people may upload, in MB (pictures: 50 at most). A proxy in front must allow as much.",
    ),
    Setting("SPILNO_S3_BUCKET", "", "Bucket for files; empty keeps them in the data folder. See media.md."),
    Setting("SPILNO_S3_ENDPOINT", "", "Address of the S3-compatible storage; empty means Amazon."),
    Setting("SPILNO_S3_REGION", "", "Region of the bucket."),
    Setting("SPILNO_S3_ACCESS_KEY", "", "Access key; empty uses what the machine itself may (a role)."),
    Setting("SPILNO_S3_SECRET_KEY", "", "Secret key that belongs to the access key."),
    Setting(
        "SPILNO_S3_PATH_STYLE", "1", "1 asks for ENDPOINT/BUCKET/…; 0 for BUCKET.ENDPOINT/…, as Amazon wants."
    ),
    Setting("SPILNO_S3_PREFIX", "", "Folder inside the bucket."),
    Setting(
        "SPILNO_CACHE_MB",
        "4096",
        "With a bucket: how much of it is kept in the data folder as well, the last used first.",
    ),
)

_DEFAULTS = {one.name: one.default for one in SETTINGS}


def read(name: str) -> str:
    """The setting's value, or its default. ``KeyError`` for one that is not declared."""
    return os.environ.get(name) or _DEFAULTS[name]


def data_folder() -> Path:
    """The data folder as an absolute path (not yet made)."""
    return Path(read("SPILNO_DATA")).expanduser().resolve()
