"""The interface is complete in Ukrainian and Russian, and counts as people do in both."""

from __future__ import annotations

import re
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.mofile import write_mo

from tests.translations import PACKAGE, TRANSLATED, load, problems, trouble_of

TEMPLATES = PACKAGE / "interfaces" / "web" / "templates"
FORMS = {
    "uk": {0: "дописах", 1: "дописі", 2: "дописах", 5: "дописах", 11: "дописах", 21: "дописі"},
    "ru": {0: "публикациях", 1: "публикации", 2: "публикациях", 5: "публикациях", 21: "публикации"},
}
COUNTED = {
    "uk": {0: "заявок", 1: "заявка", 2: "заявки", 5: "заявок", 11: "заявок", 21: "заявка", 22: "заявки"},
    "ru": {0: "заявок", 1: "заявка", 2: "заявки", 5: "заявок", 11: "заявок", 21: "заявка", 22: "заявки"},
}


def texts_of(language: str) -> list[tuple[str, str]]:
    """Every (English, translated) pair; plural forms one by one."""
    pairs = []
    for message in load(PACKAGE, language):
        if not message.id:
            continue
        first = message.id[0] if isinstance(message.id, (list, tuple)) else message.id
        forms = message.string if isinstance(message.string, (list, tuple)) else [message.string]
        pairs += [(first, one or "") for one in forms]
    return pairs


def compiled(language: str) -> GNUTranslations:
    into = BytesIO()
    write_mo(into, load(PACKAGE, language))
    into.seek(0)
    return GNUTranslations(into)


def test_every_text_is_translated() -> None:
    assert problems() == []


def test_trouble_is_seen() -> None:
    assert trouble_of(Message("Open", "")) == "not translated"
    assert trouble_of(Message("Open", "Відкрити", flags={"fuzzy"})) == "fuzzy"
    wrong = Message("Until %(day)s", "До %(date)s", flags={"python-format"})
    assert trouble_of(wrong) == "placeholders ['%(date)s', '%(day)s']"
    assert trouble_of(Message("Until %(day)s", "До %(day)s", flags={"python-format"})) == ""


@pytest.mark.parametrize("language", TRANSLATED)
def test_numbers_choose_their_form(language: str) -> None:
    catalogue = compiled(language)
    for number, word in FORMS[language].items():
        assert catalogue.ngettext("in %(number)s post", "in %(number)s posts", number).endswith(word)
    for number, word in COUNTED[language].items():
        assert (
            catalogue.ngettext("%(n)s request", "%(n)s requests", number) == f"%(n)s\N{NO-BREAK SPACE}{word}"
        )


@pytest.mark.parametrize("language", TRANSLATED)
def test_letters_and_marks_are_the_language_s_own(language: str) -> None:
    foreign = {"uk": "ыэъёЫЭЪЁ", "ru": "іїєґІЇЄҐʼ"}[language]
    wrong = [
        text
        for _, text in texts_of(language)
        if set(text) & set(foreign)
        or re.search(r"[а-яіїєґ]['’`][а-яіїєґ]", text)  # the apostrophe is ʼ (U+02BC)
        or re.search(r"[“”„\"]", text)  # quotes are «»
        or re.search(r"[а-яё][a-z]|[a-z][а-яё]", text)  # a Latin letter that looks Cyrillic
    ]
    assert wrong == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_sentence_ends_as_in_english(language: str) -> None:
    wrong = [
        (was, text)
        for was, text in texts_of(language)
        if was.endswith(("?", ":")) != text.endswith(("?", ":"))
    ]
    assert wrong == []


def test_templates_keep_percent_signs_out_of_constants() -> None:
    """``_("10 %")`` in a template is looked up as "10 %%" and would be shown so: ``{% translate … as … %}`` is not."""
    found = [
        f"{path.name}: {match.group(0)}"
        for path in sorted(Path(TEMPLATES).rglob("*.html"))
        for match in re.finditer(r"""_\((["'])[^"']*%[^"']*\1\)""", path.read_text(encoding="utf-8"))
    ]
    assert found == []
