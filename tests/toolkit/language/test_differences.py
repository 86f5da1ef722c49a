"""Differences word by word, and two people's changes in one text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spilno.toolkit.language.differences import MOST_TOKENS, Mark, Piece, difference, excerpt, merged

WORDS = st.lists(st.sampled_from(["книга", "і", "чай", "-", "\n", "📚", "Kyiv's"]), max_size=25).map(" ".join)


def sides(pieces: tuple[Piece, ...]) -> tuple[str, str]:
    return (
        "".join(one.text for one in pieces if one.mark is not Mark.NEW),
        "".join(one.text for one in pieces if one.mark is not Mark.GONE),
    )


@given(WORDS, WORDS)
def test_a_difference_holds_both_texts(before: str, after: str) -> None:
    assert sides(difference(before, after)) == (before, after)


def test_words_are_whole_and_neighbours_stand_together() -> None:
    assert difference("Приходьте в суботу о шостій", "Приходьте в неділю ввечері о шостій") == (
        Piece(Mark.SAME, "Приходьте в "),
        Piece(Mark.GONE, "суботу"),
        Piece(Mark.NEW, "неділю ввечері"),
        Piece(Mark.SAME, " о шостій"),
    )


def test_a_very_long_text_is_compared_by_lines() -> None:
    before = "слово " * MOST_TOKENS + "\nостанній рядок"
    found = difference(before, before + " змінено")
    assert sides(found) == (before, before + " змінено")
    assert [one.mark for one in found] == [Mark.SAME, Mark.GONE, Mark.NEW]


def test_an_excerpt_keeps_every_change() -> None:
    text = "слово " * 100
    found = excerpt(difference(f"{text}кінець", f"{text}початок"))
    assert sum(len(one.text) for one in found) < 150
    assert [one.text for one in found[1:]] == ["кінець", "початок"]


@given(WORDS, WORDS)
def test_who_changed_nothing_gets_the_others_text(base: str, text: str) -> None:
    assert merged(base, text, base) == text
    assert merged(base, base, text) == text
    assert merged(base, text, text) == text


def test_changes_of_different_words_go_together() -> None:
    base = "Приходьте в суботу. Чай буде."
    assert merged(base, "Приходьте в неділю. Чай буде.", "Приходьте в суботу. Кава буде.") == (
        "Приходьте в неділю. Кава буде."
    )
    assert merged(base, "Приходьте в неділю. Чай буде.", "Приходьте в п'ятницю. Чай буде.") is None
