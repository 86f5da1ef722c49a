"""What does not fit, in words."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import pytest
from django.utils import translation

from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.plan import checks, services
from spilno.plan.models import Media
from spilno.toolkit.networks import check as network_checks
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import NetworkError  # noqa: F401 - the package must import whole
from tests.conftest import Cast
from tests.plan.conftest import make_channel, picture
from tests.plan.test_items import make_item

Store = Callable[..., Media]


def codes(verdict: checks.Verdict) -> list[tuple[str, str, str]]:
    return [(one.code, one.level, one.field) for one in verdict.problems]


def test_every_problem_of_the_networks_has_words() -> None:
    found = set(re.findall(r'Problem\(\s*"(\w+)"', inspect.getsource(network_checks)))
    assert len(found) >= 10
    assert found <= set(checks.MESSAGES)


def test_words_are_filled_for_every_network_and_place(cast: Cast, store: Store) -> None:
    """Provoke as much as possible everywhere: no message may miss a value or stay a code."""
    far = [store(picture("GIF", (2000, 90), color)) for color in ("red", "blue", "green", "pink")]
    far.append(store(picture("JPEG", (2000, 90), "gray")))
    seen: set[str] = set()
    with translation.override("en"):
        for key, network in registry.all_networks().items():
            channel = make_channel(cast, key, f"all-{key}")
            for place in network.placements:
                for text, media, link in (
                    ("", [], ""),
                    ("Ю" * 70_000 + " #a" * 60, far, "not-an-address"),
                    ("x", far * 5, "https://example.org"),
                ):
                    verdict = checks.check(
                        channel=channel,
                        placement=place.key,
                        text=text,
                        media=media,
                        link=link,
                        awaits_link=True,
                    )
                    for one in verdict.problems:
                        seen.add(one.code)
                        assert one.text != one.code
                        assert "%(" not in one.text
                        assert "None" not in one.text
    assert {
        "text_too_long",
        "media_too_many",
        "media_wrong_type",
        "link_by_hand",
        "media_converted",
    } <= seen


def test_length_as_the_network_counts(cast: Cast, bluesky: Channel) -> None:
    verdict = checks.check(channel=bluesky, placement="post", text="👩‍👩‍👧‍👦" * 300)
    assert (verdict.length, verdict.limit, verdict.ok) == (300, 300, False), "7,500 bytes are too many"
    with translation.override("en"):
        long = checks.check(channel=bluesky, placement="post", text="a" * 305)
    assert [one.text for one in long.problems] == ["Too long by 5: 305 of 300 characters."]


def test_a_story_with_a_link_goes_by_hand_and_a_picture_is_needed(
    cast: Cast, instagram: Channel, store: Store
) -> None:
    bare = checks.check(channel=instagram, placement="story", text="", link="https://example.org")
    assert ("media_required", "error", "media") in codes(bare)
    picture_1080 = store(picture("JPEG", (1080, 1920)), alt="Books")
    whole = checks.check(
        channel=instagram, placement="story", text="", media=[picture_1080], link="https://example.org"
    )
    assert whole.ok
    assert whole.by_hand
    assert ("link_by_hand", "note", "link") in codes(whole)
    without = checks.check(channel=instagram, placement="story", text="", media=[picture_1080])
    assert without.ok
    assert not without.by_hand


def test_alt_text_is_asked_for_but_not_demanded(cast: Cast, bluesky: Channel, store: Store) -> None:
    verdict = checks.check(channel=bluesky, placement="post", text="a", media=[store()])
    assert codes(verdict) == [("alt_missing", "note", "media.0")]
    assert verdict.ok


def test_a_channel_that_is_gone_and_a_network_that_is_not_there(cast: Cast, bluesky: Channel) -> None:
    bluesky.is_active = False
    assert codes(checks.check(channel=bluesky, placement="post", text="a")) == [
        ("channel_gone", "error", "channel")
    ]
    lost = make_channel(cast, "no_such_network")
    assert not checks.check(channel=lost, placement="post", text="a").ok
    assert checks.placements_of(lost) == ()
    assert not checks.check(channel=bluesky, placement="no-such-place", text="a").ok


def test_only_errors_stand_in_the_way(cast: Cast, bluesky: Channel, group: Channel, store: Store) -> None:
    target = make_item(cast)
    item = make_item(cast, "Short", media=[store()], link_to=target)
    variant = services.put_variant(item=item, channel=bluesky, by=cast.owner, now=cast.now)
    checks.require_fitting(variant)
    assert {one.code for one in checks.problems_of(variant)} == {"alt_missing", "linked_post_not_out"}
    variant = services.put_variant(item=item, channel=bluesky, by=cast.owner, now=cast.now, text="a" * 301)
    with translation.override("en"), pytest.raises(UserError) as caught:
        checks.require_fitting(variant)
    assert caught.value.code == "variant_does_not_fit"
    assert caught.value.params == {
        "channel": bluesky.name,
        "problem": "Too long by 1: 301 of 300 characters.",
    }
