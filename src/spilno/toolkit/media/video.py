"""Video: looking into it, a still picture of it, and making it into what a network takes.

Everything here opens files that strangers made: call it through :mod:`spilno.toolkit.media.bounded`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError

from spilno.toolkit.media.facts import Facts, MediaTrouble
from spilno.toolkit.media.recipe import AUDIO_RATE, Recipe

if TYPE_CHECKING:
    from av.container import InputContainer
    from PIL.Image import Image

THREADS = 2
AUDIO_HERTZ = 48_000
TRIES = (1.0, 0.8, 0.6)  # of the planned rate, if it became too large
CALM_FRAMES = ("yuv420p", "yuvj420p")
_PLACES = ("location", "com.apple.quicktime.location.iso6709", "location-eng", "©xyz", "gps")
_TAIL = Decimal("0.5")  # seconds of the announced length that may be missing before a file counts as cut off


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    with path.open("rb") as file:
        head = file.read(12)
    if head.startswith(b"\x1aE\xdf\xa3"):
        format_ = "matroska"
    elif head.startswith(b"GIF8"):
        format_ = "gif"
    elif head.startswith(b"RIFF"):
        format_ = "webp_anim"
    elif head.startswith(b"\x89PNG"):
        format_ = "apng"
    else:
        format_ = "mp4"
    try:
        # Only this file: a playlist inside it must not make us open others.
        with av.open(str(path), format=format_, options={"protocol_whitelist": "file"}) as container:
            yield container
    except (FFmpegError, UnicodeDecodeError) as error:
        raise MediaTrouble("media_broken") from error


def _picture_stream(container: InputContainer) -> Any:
    """The video itself, not a cover picture."""
    for one in container.streams.video:
        if not one.disposition & av.stream.Disposition.attached_pic:
            return one
    raise MediaTrouble("media_no_video")


def read_video(path: Path) -> Facts:
    """Go through the whole file (decoding only its beginning) and say what it is.

    :raises MediaTrouble: ``media_broken``, ``media_no_video``, ``media_zero_length``, ``media_unknown_codec``.
    """
    with _opened(path) as container:
        stream = _picture_stream(container)
        context = stream.codec_context
        if context is None or not context.name:
            raise MediaTrouble("media_unknown_codec", codec=_tag_of(stream))
        context.thread_count = THREADS
        announced = _seconds(container.duration, Fraction(1, av.time_base))
        frames, end, last_at = 0, Fraction(0), Fraction(0)
        first: Any = None
        first_at: Fraction | None = None
        for packet in container.demux():
            if packet.dts is None and packet.pts is None:
                continue
            ticks = packet.pts if packet.pts is not None else packet.dts or 0
            at = ticks * packet.time_base
            end = max(end, at + (packet.duration or 0) * packet.time_base)
            if packet.stream is not stream:
                continue
            frames += 1
            last_at = max(last_at, at)
            first_at = at if first_at is None else min(at, first_at)
            if first is None:
                # Decoders hold frames back; what decodes only at the end is found below.
                first = next(iter(packet.decode()), None)
        if frames == 0:
            raise MediaTrouble("media_zero_length")
        start = Fraction(container.start_time or 0, av.time_base)
        found = _seconds(int((end - start) * av.time_base), Fraction(1, av.time_base))
        seconds = announced if announced is not None and announced > 0 else found
        if announced is not None and found is not None and found < announced - max(_TAIL, announced / 50):
            raise MediaTrouble("media_broken")
        if seconds is None or seconds <= 0:
            raise MediaTrouble("media_zero_length")
        audio = next(iter(container.streams.audio), None)
        audio_codec = audio.codec_context.name if audio and audio.codec_context else ""
        told = {**container.metadata, **stream.metadata}
        usual = stream.average_rate or Fraction(25)
        span = last_at - (first_at or 0)
        fps = (frames - 1) / span if frames > 1 and span > 0 else usual
    frame = first or _first_frame(path)
    width, height, square = _sides(frame, stream)
    deep = frame.format.name not in CALM_FRAMES
    return Facts(
        mime=_mime(path),
        bytes=path.stat().st_size,
        width=width,
        height=height,
        seconds=seconds,
        fps=(Decimal(fps.numerator) / fps.denominator).quantize(Decimal("0.001")),
        video_codec=_plain_name(context.name),
        audio_codec=_plain_name(audio_codec),
        ready=_ready(path),
        telling=any(key.lower().startswith(_PLACES) for key in told),
        plain=square and not deep and not _turned(frame),
    )


def _plain_name(codec: str) -> str:
    """The codec, not the library that decodes it: ``"libdav1d"`` is ``"av1"``."""
    return {"libdav1d": "av1", "libaom-av1": "av1", "libvpx-vp9": "vp9", "libvpx": "vp8", "libopus": "opus",
            "libvorbis": "vorbis"}.get(codec, codec)  # fmt: skip


def _tag_of(stream: Any) -> str:
    with contextlib.suppress(AttributeError, TypeError):
        return str(stream.codec_context.codec_tag)
    return "?"


def _seconds(value: int | None, base: Fraction) -> Decimal | None:
    if value is None:
        return None
    exact = value * base
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal("0.000001"))


def _first_frame(path: Path) -> Any:
    with _opened(path) as container:
        stream = _picture_stream(container)
        for frame in container.decode(stream):
            return frame
    raise MediaTrouble("media_broken")


def _turned(frame: Any) -> int:
    """Quarter turns as degrees: 0, 90, 180, 270, against the clock as the frame says."""
    return int(round((frame.rotation or 0) / 90) * 90) % 360


def _sides(frame: Any, stream: Any) -> tuple[int, int, bool]:
    """Width and height as shown, and whether the pixels are square."""
    width, height = frame.width, frame.height
    aspect = stream.codec_context.sample_aspect_ratio or stream.sample_aspect_ratio or Fraction(1)
    square = aspect in (0, 1)
    if not square:
        width = max(1, round(width * aspect))
    if _turned(frame) in (90, 270):
        width, height = height, width
    return width, height, square


def _mime(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "video/webm" if b"webm" in head else "video/x-matroska"
    return "video/quicktime" if head[4:8] != b"ftyp" or head[8:12] == b"qt  " else "video/mp4"


def _ready(path: Path) -> bool:
    """Does an MP4's index come before its content? True for everything that has no such index."""
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            size, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind == b"moov":
                return True
            if kind == b"mdat":
                return False
            if not kind.isalnum() and kind != b"free":
                return True
            if size == 1:
                size = int.from_bytes(file.read(8), "big") - 8
            if size < 8:
                return True
            file.seek(size - 8, 1)
    return True


def still(path: Path, facts: Facts) -> Image:
    """A frame from early in the video, upright; not the very first, which is often black."""
    with _opened(path) as container:
        stream = _picture_stream(container)
        stream.codec_context.thread_count = THREADS
        wanted = min(Decimal(1), (facts.seconds or Decimal(0)) / 3)
        base = stream.time_base or Fraction(1, av.time_base)
        aim = (stream.start_time or 0) + int(Fraction(wanted) / base)
        chosen = None
        with contextlib.suppress(FFmpegError):
            container.seek(aim, stream=stream)
        for frame in container.decode(stream):
            chosen = frame
            if frame.pts is None or frame.pts >= aim:
                break
        if chosen is None:
            raise MediaTrouble("media_broken")
        image = chosen.to_image().rotate(_turned(chosen), expand=True)
    if facts.width and facts.height and image.size != (facts.width, facts.height):
        image = image.resize((facts.width, facts.height))
    return image


# ------------------------------------------------------------------------------------------------ converting


def convert_video(source: Path, recipe: Recipe, into: Path) -> Facts:
    """Make a video as the recipe says: H.264 and AAC in an MP4 whose index comes first, without its place.

    :raises MediaTrouble: ``media_broken``, ``video_cannot_be_made_smaller`` (``limit``).
    """
    if recipe.copy:
        _copy(source, recipe, into)
        return read_video(into)
    for part in TRIES:
        _code(source, recipe, into, int(recipe.rate * part))
        if recipe.most_bytes is None or into.stat().st_size <= recipe.most_bytes:
            return read_video(into)
    raise MediaTrouble("video_cannot_be_made_smaller", limit=recipe.most_bytes)


def _output(into: Path, mime: str) -> Any:
    if mime == "video/webm":
        return av.open(str(into), "w", format="webm")
    # Nothing that changes from one time to the next is written: the same recipe gives the same file.
    return av.open(str(into), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"})


def _copy(source: Path, recipe: Recipe, into: Path) -> None:
    """The same streams in a new container."""
    with _opened(source) as container, _output(into, recipe.mime) as output:
        streams = [_picture_stream(container), *container.streams.audio[:1]]
        made = {one.index: output.add_stream_from_template(one) for one in streams}
        for one in made.values():
            one.metadata.clear()
        for packet in container.demux(streams):
            if packet.dts is None:
                continue
            packet.stream = made[packet.stream.index]
            output.mux(packet)


def _code(source: Path, recipe: Recipe, into: Path, rate: int) -> None:
    fps = Fraction(recipe.fps).limit_denominator(1001)
    with _opened(source) as container, _output(into, recipe.mime) as output:
        stream = _picture_stream(container)
        stream.codec_context.thread_count = THREADS
        stream.thread_type = "AUTO"
        sound = next(iter(container.streams.audio), None) if recipe.audio else None
        coder = output.add_stream("libx264", rate=fps)
        coder.width, coder.height, coder.pix_fmt = recipe.width, recipe.height, "yuv420p"
        coder.codec_context.thread_count = THREADS
        coder.options = {
            "preset": "veryfast", "profile": "high", "crf": "21", "maxrate": str(rate), "bufsize": str(rate),
            "flags": "+bitexact", "threads": str(THREADS),
        }  # fmt: skip
        voice = _Sound(output, container) if sound is not None else None
        lines = _Lines(stream, recipe, fps, coder, output)
        wanted = [one for one in (stream, sound) if one is not None]
        for packet in container.demux(wanted):
            frames = _decoded(packet)
            if packet.stream is stream:
                for frame in frames:
                    lines.take(frame)
            elif voice is not None:
                for frame in frames:
                    voice.take(frame)
        lines.end()
        if voice is not None:
            voice.end()


def _decoded(packet: Any) -> list[Any]:
    """Frames of a packet. A damaged one in the middle is passed over, as players do."""
    try:
        return list(packet.decode())
    except FFmpegError:
        return []


class _Lines:
    """Frames through the filters into the coder."""

    def __init__(self, stream: Any, recipe: Recipe, fps: Fraction, coder: Any, output: Any) -> None:
        self._stream, self._recipe, self._fps, self._coder, self._output = stream, recipe, fps, coder, output
        self._graph: Any = None
        self._first: tuple[int, int, str] = (0, 0, "")

    def take(self, frame: Any) -> None:
        sides = (frame.width, frame.height, frame.format.name)
        if self._graph is None:
            self._first = sides
            self._graph = self._filters(frame)
        elif sides != self._first:  # changes its size on the way, as recorded calls do
            pts, base = frame.pts, frame.time_base
            frame = frame.reformat(*self._first)
            frame.pts, frame.time_base = pts, base
        self._graph.vpush(frame)
        self._pull()

    def end(self) -> None:
        if self._graph is None:
            raise MediaTrouble("media_broken")
        self._graph.vpush(None)
        self._pull()
        for packet in self._coder.encode(None):
            self._output.mux(packet)

    def _pull(self) -> None:
        while True:
            try:
                frame = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            frame.pict_type = 0
            for packet in self._coder.encode(frame):
                self._output.mux(packet)

    def _filters(self, frame: Any) -> Any:
        recipe, graph = self._recipe, av.filter.Graph()
        graph.threads = THREADS
        base = self._stream.time_base
        last = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format.name, time_base=base
        )
        turns: dict[int, list[tuple[str, str | None]]] = {
            90: [("transpose", "cclock")],
            180: [("hflip", None), ("vflip", None)],
            270: [("transpose", "clock")],
        }

        def add(name: str, args: str | None = None) -> None:
            nonlocal last
            made = graph.add(name, args)
            last.link_to(made)
            last = made

        add("fps", f"fps={self._fps.numerator}/{self._fps.denominator}")
        for name, args in turns.get(_turned(frame), []):
            add(name, args)
        inner = f"{recipe.inner_width}:{recipe.inner_height}"
        outer = f"{recipe.width}:{recipe.height}"
        if recipe.padded:
            split = graph.add("split")
            last.link_to(split)
            factor = 160 / max(recipe.width, recipe.height)
            few = f"{max(2, round(recipe.width * factor))}:{max(2, round(recipe.height * factor))}"
            ground = split
            chain = (
                ("scale", f"{few}:force_original_aspect_ratio=increase"),
                ("crop", few),
                ("gblur", "sigma=6"),
                ("lutyuv", "y=val*0.9"),
                ("scale", outer),
                ("setsar", "1"),
                ("format", "yuv420p"),
            )
            for name, args in chain:
                made = graph.add(name, args)
                ground.link_to(made)
                ground = made
            front = graph.add("scale", f"{inner}:flags=lanczos")
            split.link_to(front, 1, 0)
            front_format = graph.add("format", "yuv420p")
            front.link_to(front_format)
            last = graph.add("overlay", "(W-w)/2:(H-h)/2")
            ground.link_to(last, 0, 0)
            front_format.link_to(last, 0, 1)
        else:
            add("scale", f"{outer}:flags=lanczos")
        add("setsar", "1")
        add("format", "yuv420p")
        sink = graph.add("buffersink")
        last.link_to(sink)
        graph.configure()
        return graph


class _Sound:
    """Sound as AAC, stereo, and not longer than the original."""

    def __init__(self, output: Any, container: InputContainer) -> None:
        self._output = output
        self._coder = output.add_stream("aac", rate=AUDIO_HERTZ)
        self._coder.layout = "stereo"
        self._coder.bit_rate = AUDIO_RATE
        self._coder.options = {"flags": "+bitexact"}
        self._resampler = av.AudioResampler("fltp", "stereo", AUDIO_HERTZ, frame_size=1024)
        seconds = Fraction(container.duration or 0, av.time_base)
        self._left: float = math.floor(seconds * AUDIO_HERTZ) if seconds else math.inf

    def take(self, frame: Any) -> None:
        for one in self._resampler.resample(frame):
            self._put(one)

    def end(self) -> None:
        for one in self._resampler.resample(None):
            self._put(one)
        for packet in self._coder.encode(None):
            self._output.mux(packet)

    def _put(self, frame: Any) -> None:
        if self._left < frame.samples:
            return  # the last part of a block would be filled up with silence beyond the end
        self._left -= frame.samples
        for packet in self._coder.encode(frame):
            self._output.mux(packet)
