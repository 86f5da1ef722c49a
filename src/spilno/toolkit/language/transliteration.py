"""Cyrillic in Latin letters, for addresses. Ukrainian by the resolution of the Cabinet of Ministers No. 55 (2010);
Russian letters that Ukrainian lacks by the usual passport spelling."""

from __future__ import annotations

_FIRST = {"є": "ye", "ї": "yi", "й": "y", "ю": "yu", "я": "ya"}
_LETTERS = {
    "а": "a", "б": "b", "в": "v", "г": "h", "ґ": "g", "д": "d", "е": "e", "є": "ie", "ж": "zh", "з": "z",
    "и": "y", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p",
    "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch",
    "ь": "", "ю": "iu", "я": "ia", "ё": "e", "ъ": "", "ы": "y", "э": "e", "’": "", "'": "", "ʼ": "",
}  # fmt: skip


def latin(text: str) -> str:
    """Lower-case Latin spelling; what is not Cyrillic stays as it is."""
    out: list[str] = []
    word_begins = True
    lowered = text.lower()
    index = 0
    while index < len(lowered):
        letter = lowered[index]
        if lowered.startswith("зг", index):
            out.append("zgh")
            index += 2
            word_begins = False
            continue
        out.append(_FIRST[letter] if word_begins and letter in _FIRST else _LETTERS.get(letter, letter))
        word_begins = not (letter.isalpha() or letter in "’'ʼ")
        index += 1
    return "".join(out)
