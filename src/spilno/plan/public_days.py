"""Public holidays of a country, by the library that knows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

# The library's names for our languages, in order of preference.
_LANGUAGES = {"uk": ("uk",), "ru": ("ru", "en_US", "en_GB"), "en": ("en_US", "en_GB")}


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """Codes (ISO 3166-1, two letters) of the countries whose holidays are known."""
    import holidays

    return frozenset(one for one in holidays.list_supported_countries(include_aliases=False) if len(one) == 2)


@lru_cache(maxsize=64)
def of_year(country: str, year: int, language: str) -> Mapping[date, str]:
    """The country's public holidays of a year with their names, in ``language`` if the library has them in it."""
    import holidays

    if country not in countries():
        return {}
    spoken = holidays.list_localized_countries(include_aliases=False).get(country, ())
    wished = next((one for one in _LANGUAGES.get(language, ()) if one in spoken), None)
    known = holidays.country_holidays(country, years=year, language=wished)
    # A holiday on which people have to work (as in Ukraine now) is a holiday for those who read posts all the same.
    kinds = tuple(one for one in ("public", "workday") if one in known.supported_categories)
    found = holidays.country_holidays(country, years=year, language=wished, categories=kinds)
    return dict(sorted(found.items()))


def between(country: str, first: date, after: date, *, language: str = "uk") -> dict[date, str]:
    """The holidays from ``first`` to before ``after``; none without a country."""
    if not country:
        return {}
    return {
        day: name
        for year in range(first.year, after.year + 1)
        for day, name in of_year(country, year, language).items()
        if first <= day < after
    }
