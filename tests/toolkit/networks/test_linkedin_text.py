"""LinkedIn's text format: typed, sent, read back."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spilno.toolkit.networks.linkedin_text import (
    RESERVED,
    escaped,
    fingerprint,
    first_line,
    little,
    plain,
    shown,
)
from spilno.toolkit.practice import linkedin_posts


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("Звичайний текст.", "Звичайний текст."),
        ("(a) [b] {c} <d> e|f ~g *h* _i_ \\j", r"\(a\) \[b\] \{c\} \<d\> e\|f \~g \*h\* \_i\_ \\j"),
        ("#книги і #2026рік", r"{hashtag|\#|книги} і {hashtag|\#|2026рік}"),
        ("#з_підкресленням", r"{hashtag|\#|з\_підкресленням}"),
        ("C# , №#1 і a#b", r"C\# , №\#1 і a\#b"),
        ("https://e.org/a_b#part", r"https://e.org/a\_b\#part"),
        ("@хтось і a@b.org", r"\@хтось і a\@b.org"),
        ("@[Acme (UA)](urn:li:organization:12)!", r"@[Acme \(UA\)](urn:li:organization:12)!"),
        ("@[Хтось](urn:li:group:1)", r"\@\[Хтось\]\(urn:li:group:1\)"),
        ("@[#тег](urn:li:person:a-B_9)", r"@[\#тег](urn:li:person:a-B_9)"),
    ],
)
def test_typed_and_sent(typed: str, sent: str) -> None:
    assert little(typed) == sent
    assert plain(sent) == shown(typed)
    assert linkedin_posts.little(sent) == shown(
        typed
    )  # as the practice network reads it, with code of its own


def test_a_mention_counts_as_its_name() -> None:
    assert shown("Дякую @[Фонд](urn:li:organization:1) (!)") == "Дякую Фонд (!)"


@given(st.text(alphabet=st.one_of(st.sampled_from(RESERVED + " \n:/.?&%'"), st.characters(codec="utf-8"))))
def test_nothing_that_is_typed_is_lost(typed: str) -> None:
    sent = little(typed)
    assert plain(sent) == shown(typed)
    assert linkedin_posts.little(sent) == shown(typed)
    assert plain(escaped(typed)) == typed


@pytest.mark.parametrize("letter", RESERVED.replace("\\", ""))
def test_the_practice_network_cuts_off_what_is_not_escaped(letter: str) -> None:
    assert linkedin_posts.little(f"до {letter} після") == "до "


def test_the_practice_network_knows_the_documented_elements() -> None:
    assert (
        linkedin_posts.little("Hello @[Acme Corp](urn:li:organization:1234) #tag end")
        == "Hello Acme Corp #tag end"
    )
    assert (
        linkedin_posts.little("the future of {hashtag|#|Technology} and") == "the future of #Technology and"
    )


def test_a_fingerprint_outlives_what_linkedin_does_to_a_text() -> None:
    typed = "Каталог  тут:\r\nhttps://example.org/довга/адреса?x=1 — заходьте"
    kept = "Каталог тут:\nhttps://lnkd.in/gYDpC24R — заходьте"
    assert fingerprint(typed) == fingerprint(kept)
    assert fingerprint(typed) != fingerprint(kept.replace("заходьте", "приходьте"))


def test_the_first_line_is_cut_between_words() -> None:
    assert first_line("\n  Перший рядок \nдругий", 100) == "Перший рядок"
    assert first_line("один два три", 9) == "один два…"
    assert first_line("один два три", 8) == "один…"
    assert len(first_line(string.ascii_letters * 9, 100)) == 100
    assert first_line(" \n", 10) == ""
