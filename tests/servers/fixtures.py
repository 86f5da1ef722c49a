"""The servers as pytest fixtures, one of each per test run, started when a test first asks for it.

Name this module in `pytest_plugins` of the topmost conftest. A server that cannot be installed or
started fails the test with the last lines of its log; nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .bluesky import Bluesky
    from .mail import Mail
    from .mastodon import Mastodon
    from .synapse import Synapse

# The servers' modules are imported inside the fixtures: a run without them should not pay for them.


@pytest.fixture(scope="session")
def bluesky() -> Iterator[Bluesky]:
    """PLC directory, PDS and AppView, with brand.test and fan.test."""
    from . import bluesky as module

    server = module.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def synapse() -> Iterator[Synapse]:
    """A Matrix homeserver with @brand and @fan and a room in which both are."""
    from . import synapse as module

    server = module.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mastodon() -> Iterator[Mastodon]:
    """The stand-in for Mastodon (see its docstring for what it does not do), with brand and fan."""
    from . import mastodon as module

    server = module.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mail_server() -> Iterator[Mail]:
    """The SMTP server itself, for settings that are made once."""
    from . import mail as module

    server = module.start()
    yield server
    server.stop()


@pytest.fixture
def mail(mail_server: Mail) -> Mail:
    """The SMTP server with an empty mailbox."""
    mail_server.clear()
    return mail_server
