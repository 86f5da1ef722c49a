"""Counters are a pure function, only grow, and fit each other."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from spilno.toolkit.practice import growth

SEEDS = st.text(min_size=1, max_size=8)
KINDS = st.sampled_from(["post", "story"])
AGES = st.timedeltas(min_value=timedelta(-1), max_value=timedelta(400))
FOLLOWERS = st.integers(min_value=0, max_value=1_000_000)


@given(SEEDS, KINDS, FOLLOWERS, AGES, AGES)
def test_later_is_never_less(seed: str, kind: str, followers: int, one: timedelta, two: timedelta) -> None:
    grows = growth.of_post(seed=seed, post="p", kind=kind, followers=followers)
    earlier, later = grows.at(min(one, two)), grows.at(max(one, two))
    assert all(later[name] >= value >= 0 for name, value in earlier.items())
    assert grows == growth.of_post(seed=seed, post="p", kind=kind, followers=followers)


@given(SEEDS, KINDS, FOLLOWERS, AGES)
def test_counters_fit_each_other(seed: str, kind: str, followers: int, age: timedelta) -> None:
    counters = growth.of_post(seed=seed, post="p", kind=kind, followers=followers).at(age)
    assert counters["views"] >= counters["reach"]
    assert all(value <= counters["reach"] for name, value in counters.items() if name != "views")


@given(SEEDS, st.integers(min_value=100, max_value=100_000), AGES)
def test_there_are_as_many_comments_as_are_counted(seed: str, followers: int, age: timedelta) -> None:
    grows = growth.of_post(seed=seed, post="p", kind="post", followers=followers)
    remarks = growth.remarks(seed=seed, post="p", growth=grows, age=age)
    assert len(remarks) == grows.at(age)["comments"]
    assert [one.age for one in remarks] == sorted(one.age for one in remarks)
    # Half a second: an age is kept in whole microseconds, and the curve is flat where it ends.
    assert all(one.age <= age + timedelta(seconds=0.5) for one in remarks)


@given(SEEDS, FOLLOWERS, AGES, AGES)
def test_followers_do_not_fall(seed: str, base: int, one: timedelta, two: timedelta) -> None:
    earlier = growth.followers(seed=seed, account="a", base=base, age=min(one, two))
    later = growth.followers(seed=seed, account="a", base=base, age=max(one, two))
    assert base <= earlier <= later


def test_other_seeds_and_posts_grow_otherwise() -> None:
    made = {
        tuple(
            growth.of_post(seed=seed, post=post, kind="post", followers=5000).at(timedelta(days=3)).values()
        )
        for seed in ("a", "b")
        for post in ("1", "2")
    }
    assert len(made) == 4


def test_a_story_stands_still_after_a_day() -> None:
    assert growth.story_age(timedelta(hours=30)) == timedelta(hours=24)
    assert growth.story_age(timedelta(hours=3)) == timedelta(hours=3)
