"""What the demo's pictures are drawn with: a canvas twice as large as the picture, our two colours, our letters."""

from __future__ import annotations

import io
from functools import cache
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from spilno.reports import fonts

Colour: TypeAlias = tuple[int, int, int]
Box: TypeAlias = tuple[float, float, float, float]

INDIGO: Colour = (79, 77, 206)
DEEP: Colour = (33, 31, 92)
NIGHT: Colour = (22, 20, 58)
AMBER: Colour = (242, 160, 48)
PEACH: Colour = (252, 214, 160)
CREAM: Colour = (250, 247, 240)
INK: Colour = (30, 28, 48)
MUTED: Colour = (112, 108, 134)
WHITE: Colour = (255, 255, 255)
LILAC: Colour = (226, 225, 250)
GREEN: Colour = (36, 138, 96)
ROSE: Colour = (226, 98, 108)
SKY: Colour = (120, 178, 226)

SCALE = 2  # drawn larger and made smaller: smooth edges
QUALITY = 88


@cache
def font(size: int, weight: str = "Bold") -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The interface's letters, else what the system has; ``size`` in pixels of the finished picture."""
    folder = fonts.ensure()
    names = [str(folder / f"Onest-{weight}.ttf")] if folder else []
    names += ["DejaVuSans-Bold.ttf" if weight in ("Bold", "SemiBold") else "DejaVuSans.ttf"]
    for name in names:
        try:
            return ImageFont.truetype(name, size * SCALE)
        except OSError:
            continue
    return ImageFont.load_default(size * SCALE)


class Canvas:
    """A picture being drawn. All numbers are pixels of the finished picture."""

    def __init__(self, width: int, height: int, ground: Colour = CREAM) -> None:
        self.width, self.height = width, height
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), ground)
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    # ------------------------------------------------------------------------------------------ shapes

    def gradient(self, top: Colour, bottom: Colour, *, until: float = 1.0) -> None:
        """From ``top`` to ``bottom``, over a part of the height; below it stays ``bottom``."""
        size = self.image.size
        part = (size[0], max(1, int(size[1] * until)))
        mask = Image.new("L", size, 255)
        mask.paste(Image.linear_gradient("L").resize(part))
        self.image.paste(Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), mask))
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: int = 150) -> None:
        """A soft light."""
        small = Image.new("L", (self.width // 8, self.height // 8), 0)
        pen = ImageDraw.Draw(small)
        pen.ellipse([(x - radius) / 8, (y - radius) / 8, (x + radius) / 8, (y + radius) / 8], fill=strength)
        mask = small.filter(ImageFilter.GaussianBlur(radius / 16)).resize(
            self.image.size, Image.Resampling.BICUBIC
        )
        self.image.paste(Image.new("RGB", self.image.size, colour), mask=mask)
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def box(self, box: Box, colour: Colour | tuple[int, int, int, int], radius: float = 0) -> None:
        """A rectangle: left, top, right, bottom."""
        self.draw.rounded_rectangle([one * SCALE for one in box], radius * SCALE, fill=colour)

    def circle(self, x: float, y: float, radius: float, colour: Colour | tuple[int, int, int, int]) -> None:
        """A disc."""
        self.draw.ellipse(
            [one * SCALE for one in (x - radius, y - radius, x + radius, y + radius)], fill=colour
        )

    def ring(
        self, x: float, y: float, radius: float, colour: Colour | tuple[int, int, int, int], line: float
    ) -> None:
        """A circle's outline."""
        box = [one * SCALE for one in (x - radius, y - radius, x + radius, y + radius)]
        self.draw.ellipse(box, outline=colour, width=int(line * SCALE))

    def shape(self, points: list[tuple[float, float]], colour: Colour | tuple[int, int, int, int]) -> None:
        """A polygon."""
        self.draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=colour)

    def line(self, points: list[tuple[float, float]], colour: Colour, width: float) -> None:
        """A line with round joints."""
        self.draw.line(
            [(x * SCALE, y * SCALE) for x, y in points], fill=colour, width=int(width * SCALE), joint="curve"
        )

    def mark(self, x: float, y: float, size: float, colour: Colour = INDIGO) -> None:
        """Two rings, one in the other: two voices."""
        self.ring(x, y, size, colour, size * 0.34)
        self.ring(x + size * 1.05, y, size, AMBER, size * 0.34)

    # ------------------------------------------------------------------------------------------ letters

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: int,
        colour: Colour | tuple[int, int, int, int] = INK,
        *,
        weight: str = "Bold",
        anchor: str = "la",
        lead: float = 1.12,
    ) -> float:
        """Lines of text; returns where the next line would begin. ``anchor`` as Pillow's, its second letter "a"."""
        for one in words.split("\n"):
            self.draw.text((x * SCALE, y * SCALE), one, fill=colour, font=font(size, weight), anchor=anchor)
            y += size * lead
        return y

    def wide(self, words: str, size: int, weight: str = "Bold") -> float:
        """How wide a line is."""
        return float(font(size, weight).getlength(words)) / SCALE

    def wrapped(
        self, x: float, y: float, words: str, size: int, colour: Colour, width: float, *, weight: str = "Bold"
    ) -> float:
        """Text broken at spaces so that no line is wider than ``width``."""
        lines: list[str] = []
        for word in words.split():
            if lines and self.wide(f"{lines[-1]} {word}", size, weight) <= width:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        return self.text(x, y, "\n".join(lines), size, colour, weight=weight)

    def pill(self, x: float, y: float, words: str, size: int, ground: Colour, colour: Colour) -> float:
        """Words in a rounded box; returns its right edge."""
        right = x + self.wide(words, size, "SemiBold") + size * 1.5
        self.box((x, y, right, y + size * 2), ground, size)
        self.draw.text(
            ((x + size * 0.75) * SCALE, (y + size) * SCALE),
            words,
            fill=colour,
            font=font(size, "SemiBold"),
            anchor="lm",
        )
        return right

    def turned(self, other: Canvas, x: float, y: float, degrees: float) -> None:
        """Another canvas, turned, with its shadow, its middle at (x, y)."""
        card = other.image.convert("RGBA").rotate(degrees, Image.Resampling.BILINEAR, expand=True)
        left, top = int(x * SCALE - card.width / 2), int(y * SCALE - card.height / 2)
        pad = 40 * SCALE
        around = Image.new("L", (card.width + 2 * pad, card.height + 2 * pad), 0)
        around.paste(card.getchannel("A").point(lambda alpha: int(alpha * 0.38)), (pad, pad))
        small = around.resize((around.width // 8, around.height // 8)).filter(ImageFilter.GaussianBlur(5))
        shadow = small.resize(around.size, Image.Resampling.BICUBIC)
        self.image.paste((12, 10, 40), (left - pad, top - pad + 14 * SCALE), shadow)
        self.image.paste(card, (left, top), card)
        self.draw = ImageDraw.Draw(self.image, "RGBA")

    def jpeg(self) -> bytes:
        """The finished picture."""
        into = io.BytesIO()
        small = self.image.resize((self.width, self.height), Image.Resampling.LANCZOS, reducing_gap=2.0)
        small.save(into, "JPEG", quality=QUALITY)
        return into.getvalue()
