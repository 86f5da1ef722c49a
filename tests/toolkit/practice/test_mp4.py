"""What a film's file says of itself is read without reading the film."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from spilno.toolkit.practice.mp4 import NotAFilm, probe
from tests.toolkit.networks.films import film


def test_what_a_film_says(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", width=720, height=1280, seconds=7.5, fps=24)
    found = probe(tmp_path / "a.mp4")
    assert (found.mime, found.width, found.height, found.seconds) == ("video/mp4", 720, 1280, 7.5)
    assert found.fps == pytest.approx(24, abs=0.2)
    film(tmp_path / "a.mov", brand=b"qt  ")
    assert probe(tmp_path / "a.mov").mime == "video/quicktime"


def test_times_of_64_bits(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    film(path, seconds=10)
    content = path.read_bytes()
    at = content.index(b"mvhd") - 4
    (size,) = struct.unpack_from(">I", content, at)
    long = struct.pack(">I4sIQQIQ", 36 + 80, b"mvhd", 1 << 24, 0, 0, 600, 600 * 45) + bytes(80 - 4 + 8)
    long = struct.pack(">I", len(long)) + long[4:]
    moov = content.index(b"moov") - 4
    (outer,) = struct.unpack_from(">I", content, moov)
    grown = struct.pack(">I", outer - size + len(long))
    path.write_bytes(content[:moov] + grown + content[moov + 4 : at] + long + content[at + size :])
    assert probe(path).seconds == 45


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a film at all, just words" * 100,
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",  # nothing in it
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom\x00\x00\xff\xffmoov",  # cut off
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom\x00\x00\x00\x04moov",  # a box shorter than its head
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom\x00\x00\x00\x10moov\x00\x00\x00\x08mvhd",
    ],
)
def test_what_is_no_film(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(NotAFilm):
        probe(path)


def test_a_film_that_is_cut_off_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    film(path, size=50_000)
    path.write_bytes(path.read_bytes()[:40_000])
    with pytest.raises(NotAFilm):
        probe(path)
