"""A shortened text fits, says nothing new, and ends at a word."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spilno.toolkit.networks import registry
from spilno.toolkit.networks.check import check
from spilno.toolkit.networks.mending import shortened

PLACES = [
    (network.key, place.key)
    for network in registry.all_networks().values()
    for place in network.placements
    if place.text_allowed
]
WORDS = [
    "книга",
    "Ярмарок",
    "👩‍👩‍👧",
    "https://example.org/a/very/long/address",
    "#читання",
    "co",
    "fee,",
    "—",
    "\n\n",
]
TEXTS = st.builds(
    lambda words, times: " ".join(words * times),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=12),
    st.integers(1, 400),
)


@pytest.mark.parametrize(("network", "placement"), PLACES)
@settings(max_examples=8, deadline=None)
@given(TEXTS, st.sampled_from(["", "https://example.org/p/a"]))
def test_what_is_offered_fits(network: str, placement: str, text: str, link: str) -> None:
    found = shortened(network=registry.get(network), placement=placement, text=text, link=link)

    def wrong(said: str) -> set[str]:
        problems = check(network=network, placement=placement, text=said, link=link).problems
        return {one.code for one in problems} & {"text_too_long", "title_too_long", "hashtags_too_many"}

    if found is None:
        assert not wrong(text.strip())
        return
    assume(len(text) < 50_000)
    assert wrong(text.strip())
    assert not wrong(found)
    # Nothing is said that was not said before, and no word is broken.
    rest = text.split()
    for word in found.replace("…", " ").split():
        assert any(one.startswith(word) for one in rest)


def test_as_much_as_possible_is_kept() -> None:
    text = "слово " * 60  # 359 characters; 300 fit
    assert shortened(network=registry.get("bluesky"), placement="post", text=text) == "слово " * 49 + "слово…"
    assert shortened(network=registry.get("bluesky"), placement="post", text="Коротко") is None


def test_hashtags_at_the_end_stay() -> None:
    text = "слово " * 60 + "\n\n#книги #Київ"
    found = shortened(network=registry.get("bluesky"), placement="post", text=text)
    assert found is not None
    assert found.endswith("слово…\n\n#книги #Київ")
    assert 290 < len(found) <= 300


def test_one_word_without_end_is_cut_by_letters() -> None:
    found = shortened(network=registry.get("mastodon"), placement="post", text="👩‍👩‍👧" * 600)
    assert found == "👩‍👩‍👧" * 499 + "…"


def test_the_link_always_has_its_place() -> None:
    link = "https://example.org/a-rather-long-address/that-counts"
    found = shortened(network=registry.get("bluesky"), placement="post", text="слово " * 60, link=link)
    assert found is not None
    assert check(network="bluesky", placement="post", text=found, link=link).ok
