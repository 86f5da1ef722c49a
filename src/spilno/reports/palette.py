"""The interface's colours where CSS cannot go: in charts and PDF.

The values are those of ``frontend/tokens.css`` (a test compares), as sRGB because neither the chart renderer nor
every PDF reader knows oklch. The conversion follows Ottosson, "A perceptual color space for image processing"
(2020), clipped to the sRGB gamut.
"""

from __future__ import annotations

import math
import re
from functools import cache

# token → (light, dark), each lightness 0…1, chroma, hue in degrees
TOKENS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "paper": ((0.982, 0.004, 85), (0.19, 0.015, 275)),
    "surface": ((1, 0, 0), (0.225, 0.017, 275)),
    "hover": ((0.965, 0.006, 275), (0.265, 0.018, 275)),
    "ink": ((0.24, 0.025, 275), (0.94, 0.008, 275)),
    "muted": ((0.5, 0.02, 275), (0.71, 0.018, 275)),
    "faint": ((0.72, 0.015, 275), (0.5, 0.018, 275)),
    "line": ((0.915, 0.008, 275), (0.31, 0.018, 275)),
    "brand": ((0.5, 0.19, 277), (0.72, 0.135, 280)),
    "brand-ink": ((0.48, 0.19, 277), (0.78, 0.115, 280)),
    "brand-soft": ((0.955, 0.025, 277), (0.3, 0.06, 278)),
    "on-brand": ((0.99, 0, 0), (0.18, 0.03, 278)),
    "voice": ((0.76, 0.155, 68), (0.79, 0.14, 70)),
    "voice-ink": ((0.5, 0.118, 60), (0.84, 0.12, 75)),
    "voice-soft": ((0.965, 0.035, 80), (0.31, 0.045, 70)),
    "good": ((0.6, 0.13, 158), (0.75, 0.13, 158)),
    "good-ink": ((0.46, 0.105, 158), (0.8, 0.12, 158)),
    "good-soft": ((0.96, 0.03, 158), (0.29, 0.04, 158)),
    "late": ((0.58, 0.19, 25), (0.72, 0.15, 25)),
    "late-ink": ((0.51, 0.18, 25), (0.79, 0.12, 25)),
    "late-soft": ((0.96, 0.025, 25), (0.3, 0.05, 25)),
}

_OKLCH = re.compile(r"oklch\(\s*([\d.]+)(%?)\s+([\d.]+)\s+([\d.]+)(?:deg)?\s*(?:/[^)]*)?\)")
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


@cache
def colors(theme: str) -> dict[str, str]:
    """Token → ``#rrggbb`` for the theme ``"light"`` or ``"dark"``."""
    index = ("light", "dark").index(theme)
    return {name: oklch_hex(*pair[index]) for name, pair in TOKENS.items()}


def as_hex(color: str, fallback: str) -> str:
    """``oklch(…)`` or ``#rrggbb`` as ``#rrggbb``; anything else gives ``fallback``."""
    color = color.strip()
    if _HEX.fullmatch(color):
        return color.lower()
    if found := _OKLCH.fullmatch(color):
        lightness = float(found[1]) / (100 if found[2] else 1)
        return oklch_hex(lightness, float(found[3]), float(found[4]))
    return fallback


def oklch_hex(lightness: float, chroma: float, hue: float) -> str:
    """The nearest sRGB colour, ``#rrggbb``."""
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(min(max(one, 0), 1))):02x}" for one in linear)


def _gamma(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
