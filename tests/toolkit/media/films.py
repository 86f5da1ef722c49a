"""Real files for tests: films with sound, documents, pictures."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw


def film(
    into: Path,
    *,
    seconds: float = 2.0,
    size: tuple[int, int] = (320, 240),
    fps: int = 10,
    codec: str = "libx264",
    audio: str = "aac",
    pixels: str = "yuv420p",
    metadata: dict[str, str] | None = None,
    faststart: bool = True,
    noise: bool = False,
    rate: int = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """A film in which a bar wanders; its left half is red, its right half blue, so that one sees how it is turned."""
    values = {"movflags": "+faststart"} if faststart and into.suffix in (".mp4", ".mov") else {}
    with av.open(str(into), "w", options=values) as output:
        output.metadata.update(metadata or {})
        stream: Any = output.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.options = options or ({"preset": "ultrafast"} if codec == "libx264" else {})
        if rate:
            stream.bit_rate = rate
        sound: Any = output.add_stream(audio, rate=48000) if audio else None
        if sound is not None:
            sound.layout = "mono"
        count = max(1, round(seconds * fps))
        chance = random.Random(1)
        for number in range(count):
            image = Image.new("RGB", size, "#c03030")
            draw = ImageDraw.Draw(image)
            draw.rectangle((size[0] // 2, 0, *size), fill="#3030c0")
            at = number * size[0] // count
            draw.rectangle((at, 0, at + 4, size[1]), fill="white")
            if noise:
                small = Image.frombytes(
                    "L", (size[0] // 2, size[1] // 2), chance.randbytes(size[0] // 2 * (size[1] // 2))
                )
                image.paste(
                    small.resize(size, Image.Resampling.NEAREST).convert("RGB"),
                    mask=Image.new("L", size, 140),
                )
            frame = av.VideoFrame.from_image(image)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if sound is not None:
            samples = int(seconds * 48000)
            format_ = sound.codec_context.format.name
            resampler = av.AudioResampler(
                format_, "mono", 48000, frame_size=sound.codec_context.frame_size or 960
            )
            frame = av.AudioFrame(format="s16", layout="mono", samples=samples)
            frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
            wave = (int(8000 * math.sin(one * 2 * math.pi * 440 / 48000)) for one in range(samples))
            frame.planes[0].update(
                struct.pack(f"<{samples}h", *wave).ljust(frame.planes[0].buffer_size, b"\0")
            )
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(sound.encode(part))
            output.mux(sound.encode(None))
    return into


def turned(path: Path) -> Path:
    """The same film, held upright: its track says "turn me by a quarter, with the clock", as phones do."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4
    matrix = at + (40 if content[at] == 0 else 52)
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def document(into: Path, pages: int = 3, *, password: str = "") -> Path:
    """A PDF with a drawing on each page."""
    sheets = [Image.new("RGB", (420, 594), ("#fff", "#eef", "#fee")[one % 3]) for one in range(pages)]
    for number, one in enumerate(sheets):
        ImageDraw.Draw(one).ellipse((100, 150, 320, 370), fill=("teal", "orange", "navy")[number % 3])
    sheets[0].save(into, "PDF", save_all=True, append_images=sheets[1:])
    if password:
        from pypdf import PdfReader, PdfWriter

        writer = PdfWriter(clone_from=PdfReader(into))
        writer.encrypt(password, algorithm="RC4-128")
        writer.write(into)
    return into


def photo(size: tuple[int, int], *, seed: int = 1, mode: str = "RGB") -> Image.Image:
    """A picture that does not compress well."""
    chance = random.Random(seed)
    small = (max(2, size[0] // 3), max(2, size[1] // 3))
    channels = len(mode)
    noise = Image.frombytes(mode, small, chance.randbytes(small[0] * small[1] * channels))
    return noise.resize(size, Image.Resampling.BICUBIC)


def moving(into: Path, size: tuple[int, int] = (64, 48), frames: int = 12, **values: Any) -> Path:
    """An animated GIF or WebP."""
    colours: Sequence[str] = ("red", "green", "blue", "yellow")
    sheets = []
    for number in range(frames):
        image = Image.new("RGB", size, colours[number % 4])
        ImageDraw.Draw(image).rectangle((number, number, number + 9, number + 9), fill="black")
        sheets.append(image)
    sheets[0].save(into, save_all=True, append_images=sheets[1:], **({"duration": 100, "loop": 0} | values))
    return into
