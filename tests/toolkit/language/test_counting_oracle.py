"""Our counting against implementations of others: ICU in Node, and twitter-text (see ``oracle.mjs``)."""

from __future__ import annotations

import json
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from spilno.toolkit.language.counting import length, urls
from spilno.toolkit.networks.base import Counting

Ask = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    node = shutil.which("node")
    assert node, "Node.js is needed, as it is for building the pages"
    with subprocess.Popen(
        [node, Path(__file__).with_name("oracle.mjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def say(text: str) -> dict[str, Any]:
            process.stdin.write(json.dumps(text) + "\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            return dict(json.loads(process.stdout.readline()))  # type: ignore[union-attr]

        yield say
        process.stdin.close()
        process.wait(10)


EMOJI = [
    "👨‍👩‍👧‍👦", "🏳️‍🌈", "🏴‍☠️", "🇺🇦", "🇬🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👍🏽", "👩🏿‍🚀", "1️⃣", "❤️", "❤", "📚", "🦔", "☎️", "©", "™️",
]  # fmt: skip
WORDS = [
    "Їжак", "ґанок", "за́мок", "и\u0306", "і\u0308", "საქართველო", "მხედრული", "漢字", "한국어", "한", "नमस्ते", "ภาษาไทย",
    "שָׁלוֹם", "e\u0301\u0323", "“так”", "—", "…", "ﬁ", "Ⅷ", "\u200d", "\u200f", "\u2060", "a\r\nb", "\n",
]  # fmt: skip
ADDRESSES = [
    "https://example.org", "https://example.org/", "http://example.com/a_(b)_c", "https://uk.wikipedia.org/wiki/Ґ_(літера)",
    "https://example.org:8080/x?y=1&z=%D0%B0#part", "https://xn--80ak6aa92e.com/path", "https://президент.укр/новини",
    "https://sub.domain.co.uk/~user/file.html", "https://example.org/a-b_c.d,e;f=g+h",
]  # fmt: skip
MENTIONS = ["@olena", "@olena@mastodon.social", "@taras_1@social.example.org", "#книги", "mail@example"]
BETWEEN = [" ", "\n", " (", ") ", ", ", ". ", "! ", " — ", " «", "» "]

pieces = st.lists(
    st.tuples(st.sampled_from(EMOJI + WORDS + ADDRESSES + MENTIONS), st.sampled_from(BETWEEN)), max_size=12
).map(lambda parts: " ".join(f"{one}{after}" for one, after in parts))

# What Unicode 14 knows: later characters are known to one side and not yet to the other.
known = st.characters(codec="utf-8", exclude_categories=("Cs", "Cn", "Co")).filter(
    lambda one: unicodedata.name(one, "") != "" or unicodedata.category(one) == "Cc"
)
often = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@often
@given(pieces)
@example("👨‍👩‍👧‍👦" * 300)
@example("")
def test_every_way_of_counting(ask: Ask, text: str) -> None:
    said = ask(text)
    for how in Counting:
        assert length(text, how) == said[how], (how, text)


@often
@given(st.text(alphabet=known, max_size=40))
def test_plain_ways_with_any_text(ask: Ask, text: str) -> None:
    said = ask(text)
    for how in (Counting.GRAPHEMES, Counting.CODE_POINTS, Counting.UTF16, Counting.BYTES):
        assert length(text, how) == said[how], (how, text)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("around", ["{}", "Дивіться {}.", "({})", "«{}»", "{}, і ще", "{}…", "{}!?", '"{}"'])
def test_where_an_address_ends(ask: Ask, address: str, around: str) -> None:
    text = around.format(address)
    assert [text[a:b] for a, b in urls(text)] == ask(text)["urls"] == [address]
