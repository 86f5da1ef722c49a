"""``spilno check`` and the composer say the same of the same words, on every network and placement."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer import Typer
from typer.testing import CliRunner

from spilno.interfaces.cli.catalogues import check
from spilno.interfaces.web.composing import Composer, Typed
from spilno.plan import checks
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.check import Problem
from tests.conftest import Cast
from tests.plan.conftest import make_channel

PLACES = [
    (network.key, place.key) for network in registry.all_networks().values() for place in network.placements
]
WORDS = [
    "книга",
    "👩‍👩‍👧",
    "https://example.org/довга/адреса?a=b",
    "#читання",
    "@olena@example.org",
    "é",
    "中文",
    "\n",
    "\n\n",
    "e\u0301",
]
TEXTS = st.builds(
    lambda words, times: " ".join(words * times),
    st.lists(st.sampled_from(WORDS), max_size=10),
    st.sampled_from([1, 2, 9, 60, 400]),
)
LINKS = st.sampled_from(["", "https://example.org/p/a", "https://example.org/?q=книги"])


def command() -> Typer:
    app = Typer()
    app.command()(check)
    return app


@pytest.mark.parametrize(("network", "placement"), PLACES)
def test_they_agree(cast: Cast, network: str, placement: str) -> None:
    channel = make_channel(cast, network)
    app, key = command(), f"{channel.pk}:{placement}"

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(TEXTS, LINKS)
    def agree(text: str, link: str) -> None:
        text = text.strip()
        words = [
            "--network",
            network,
            "--placement",
            placement,
            "--json",
            *(["--link", link] if link else []),
        ]
        said = json.loads(CliRunner().invoke(app, words, input=text.encode()).stdout)
        composer = Composer(
            workspace=cast.workspace, typed=Typed(text=text, link=link, to=(key,)), language="en"
        )
        (preview,) = composer.previews()
        verdict = preview.verdict
        assert (verdict.length, verdict.limit) == (said["length"], said["limit"])
        told = [
            checks.say(Problem(one["code"], one["params"], one["field"], one["level"]))
            for one in said["problems"]
        ]
        assert list(verdict.problems) == told

    agree()
