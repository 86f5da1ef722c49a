"""Spilno's settings for tests: a data folder and an embedded PostgreSQL of their own, a database per run."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_cache = Path(os.environ.get("SPILNO_TEST_CACHE") or Path(__file__).resolve().parent.parent / ".cache")
os.environ["SPILNO_DATA"] = str(_cache / "test-data")
os.environ.setdefault("SPILNO_ALLOWED_PRIVATE_HOSTS", "127.0.0.1,localhost")
(_cache / "test-data").mkdir(parents=True, exist_ok=True)

from spilno.config.database import ensure  # noqa: E402

ensure()

from spilno.config.settings import *  # noqa: E402, F403
from spilno.config.settings import DATABASES  # noqa: E402

# What a crash could lose here is a test run; waiting for the disk at every commit would double its length.
DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c synchronous_commit=off"
DATABASES["default"]["TEST"] = {"NAME": f"test_{os.getpid()}"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MEDIA_ROOT = Path(tempfile.mkdtemp(prefix="spilno-test-files-"))
atexit.register(shutil.rmtree, MEDIA_ROOT, ignore_errors=True)
