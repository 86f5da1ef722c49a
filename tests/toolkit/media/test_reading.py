"""What a file is, told from its content; what is wrong with it, told in a code."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image

from spilno.toolkit.media import bounded
from spilno.toolkit.media.facts import Facts, MediaTrouble
from tests.toolkit.media.films import document, film, moving, photo, turned


def test_films(tmp_path: Path) -> None:
    found = bounded.look(film(tmp_path / "a.mp4", seconds=2.5, fps=12))
    assert (found.mime, found.width, found.height) == ("video/mp4", 320, 240)
    assert (found.seconds, found.fps) == (Decimal("2.500000"), Decimal("12.000"))
    assert (found.video_codec, found.audio_codec, found.has_audio) == ("h264", "aac", True)
    assert found.ready
    assert found.plain
    assert not found.telling

    mov = bounded.look(film(tmp_path / "b.mov", faststart=False, audio=""))
    assert (mov.mime, mov.has_audio, mov.ready) == ("video/quicktime", False, False)
    webm = bounded.look(film(tmp_path / "c.webm", codec="libvpx-vp9", audio="libopus"))
    assert (webm.mime, webm.video_codec, webm.audio_codec) == ("video/webm", "vp9", "opus")


def test_a_film_that_is_held_upright_is_as_high_as_it_is_shown(tmp_path: Path) -> None:
    path = turned(film(tmp_path / "a.mp4"))
    found = bounded.look(path)
    assert (found.width, found.height, found.plain) == (240, 320, False)
    bounded.poster(path, found, tmp_path / "p.webp", 480)
    still = Image.open(tmp_path / "p.webp").convert("RGB")
    assert still.size == (240, 320)
    assert still.getpixel((120, 20))[0] > 150, "what was at the left is on top now"
    assert still.getpixel((120, 300))[2] > 150


def test_a_film_that_tells_where_it_was_made(tmp_path: Path) -> None:
    assert bounded.look(film(tmp_path / "a.mp4", metadata={"location": "+50.4501+030.5234/"})).telling


def test_documents(tmp_path: Path) -> None:
    path = document(tmp_path / "a.pdf", 3)
    found = bounded.look(path)
    assert (found.mime, found.kind, found.pages) == ("application/pdf", "file", 3)
    bounded.poster(path, found, tmp_path / "p.webp", 300)
    with Image.open(tmp_path / "p.webp") as page:
        assert max(page.size) == 300
        red, green, blue = page.convert("RGB").getpixel((page.width // 2, page.height * 260 // 594))  # type: ignore[misc]
        assert (red < 60, green > 100, blue > 100) == (True, True, True), "the ellipse of the first page"


def test_pictures(tmp_path: Path) -> None:
    moving(tmp_path / "a.gif", frames=12)
    found = bounded.look(tmp_path / "a.gif")
    assert (found.animated, found.seconds, found.fps) == (True, Decimal("1.2"), Decimal("10.000"))
    photo((60, 40), mode="RGBA").save(tmp_path / "a.png")
    assert bounded.look(tmp_path / "a.png").alpha
    photo((60, 40)).save(tmp_path / "a.avif")
    assert bounded.look(tmp_path / "a.avif").mime == "image/avif"
    import pillow_heif

    pillow_heif.from_pillow(photo((64, 48))).save(tmp_path / "a.heic")
    heic = bounded.look(tmp_path / "a.heic")
    assert (heic.mime, heic.width, heic.height) == ("image/heic", 64, 48)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: path.write_bytes(b""), "media_empty"),
        (lambda path: path.write_bytes(b"MZ" + b"\0" * 5000), "media_unknown_type"),
        (lambda path: path.write_bytes(b"just words, not a film"), "media_unknown_type"),
        (lambda path: path.write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 900), "media_broken"),
        (lambda path: path.write_bytes(b"\x1aE\xdf\xa3" + b"\x9f" * 500), "media_broken"),
        (lambda path: path.write_bytes(b"%PDF-1.7\nnothing more"), "media_broken"),
        (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 50), "media_unknown_type"),
        (lambda path: document(path, password="secret"), "media_password"),
    ],
)
def test_what_is_none(tmp_path: Path, make: object, code: str) -> None:
    path = tmp_path / "film.mp4"
    if code == "media_password":
        path = tmp_path / "a.pdf"
    make(path)  # type: ignore[operator]
    with pytest.raises(MediaTrouble) as caught:
        bounded.look(path)
    assert caught.value.code == code


def test_a_film_that_was_cut_off(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", seconds=4, noise=True)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(MediaTrouble) as caught:
        bounded.look(path)
    assert caught.value.code == "media_broken"


def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    import av

    whole = film(tmp_path / "a.mp4")
    with av.open(str(whole)) as source, av.open(str(tmp_path / "b.mp4"), "w") as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    with pytest.raises(MediaTrouble) as caught:
        bounded.look(tmp_path / "b.mp4")
    assert caught.value.code == "media_no_video"


def test_facts_survive_json() -> None:
    facts = Facts("video/mp4", 12, 3, 4, Decimal("1.5"), Decimal("29.97"), "h264", ready=False)
    assert Facts.from_json(facts.as_json()) == facts
    assert Facts.from_json(facts.as_json() | {"of_a_later_version": 1}) == facts
