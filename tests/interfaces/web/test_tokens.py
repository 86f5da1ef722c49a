"""Text can be read in both themes: WCAG 2.2 contrast of the tokens, computed from their oklch values."""

import math
import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[3] / "frontend" / "tokens.css"
TEXT = 4.5  # WCAG 1.4.3, normal text
SHAPE = 3.0  # WCAG 1.4.11, what one needs to see to use a control

PAIRS = [
    ("ink", "paper", TEXT),
    ("ink", "surface", TEXT),
    ("ink", "hover", TEXT),
    ("muted", "paper", TEXT),
    ("muted", "surface", TEXT),
    ("muted", "hover", TEXT),
    ("brand-ink", "brand-soft", TEXT),
    ("brand-ink", "surface", TEXT),
    ("ink", "brand-soft", TEXT),
    ("on-brand", "brand", TEXT),
    ("on-brand", "brand-deep", TEXT),
    ("voice-ink", "voice-soft", TEXT),
    ("voice-ink", "surface", TEXT),
    ("on-voice", "voice", TEXT),
    ("good-ink", "good-soft", TEXT),
    ("good-ink", "surface", TEXT),
    ("late-ink", "late-soft", TEXT),
    ("late-ink", "surface", TEXT),
    ("on-late", "late", TEXT),
    ("brand", "paper", SHAPE),
    ("good", "surface", SHAPE),
    ("late", "surface", SHAPE),
]


def tokens() -> dict[str, tuple[str, str]]:
    """Name → (light, dark) oklch text; one value serves both themes if only one is given."""
    found = {}
    for name, value in re.findall(r"--([\w-]+):\s*((?:light-dark|oklch)\([^;]+);", TOKENS.read_text()):
        values = re.findall(r"oklch\(([^)]+)\)", value)
        found[name] = (values[0], values[-1])
    return found


def luminance(oklch: str) -> float:
    """Relative luminance (WCAG) of ``"L C H"``; matrices of the OKLab definition (Ottosson, 2020)."""
    lightness, chroma, hue = (float(one) for one in oklch.split("/")[0].split())
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short
    inside = [min(max(one, 0.0), 1.0) for one in (red, green, blue)]
    return 0.2126 * inside[0] + 0.7152 * inside[1] + 0.0722 * inside[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_is_21() -> None:
    assert contrast("0 0 0", "1 0 0") == pytest.approx(21, abs=0.01)


@pytest.mark.parametrize(("front", "ground", "least"), PAIRS)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_contrast(front: str, ground: str, least: float, theme: int) -> None:
    known = tokens()
    assert contrast(known[front][theme], known[ground][theme]) >= least
