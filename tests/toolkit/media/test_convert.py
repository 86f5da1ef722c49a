"""Whatever comes out of a conversion is taken where it goes; what fits is not touched; nothing is cut off."""

from __future__ import annotations

import io
import itertools
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from spilno.toolkit.media import bounded
from spilno.toolkit.media.__main__ import main
from spilno.toolkit.media.facts import Facts, MediaTrouble
from spilno.toolkit.media.pictures import convert_picture, read_picture
from spilno.toolkit.media.recipe import UPSCALE_MOST, Recipe, as_file, fitting
from spilno.toolkit.networks import all_networks
from spilno.toolkit.networks.base import Counting, Limit, Once, Placement
from spilno.toolkit.networks.check import ERROR, check
from tests.toolkit.media.films import film, moving, photo, turned

PLACES = [
    pytest.param(network, place, id=f"{network.key}-{place.key}")
    for network in all_networks().values()
    for place in network.placements
]
ABOUT_ONE_FILE = {
    "media_wrong_type", "media_too_large", "ratio_out_of_range", "image_too_small", "image_too_big",
    "video_ratio_out_of_range", "video_too_small", "video_too_fast", "video_too_long", "video_too_short",
}  # fmt: skip


def place(**limits: Any) -> Placement:
    allowed = limits.pop("allowed", ("image", "video"))
    made = tuple(Limit(key, value, "", date(2026, 11, 22), "a test") for key, value in limits.items())
    return Placement("post", {"en": "Post"}, Counting.CODE_POINTS, made, Once.NONE, media_allowed=allowed)


def wrong(network: Any, where: Placement, facts: Facts) -> set[str]:
    checked = check(network=network, placement=where.key, text="a", media=[as_file(facts, alt="-")])
    return {one.code for one in checked.problems if one.level == ERROR} & ABOUT_ONE_FILE


# ------------------------------------------------------------------------------------------------ properties


@pytest.mark.parametrize(("network", "where"), PLACES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    width=st.integers(1, 9000),
    height=st.integers(1, 9000),
    size=st.integers(100, 60_000_000),
    mime=st.sampled_from(["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"]),
    alpha=st.booleans(),
)
def test_what_is_promised_of_pictures_fits(
    network: Any, where: Placement, width: int, height: int, size: int, mime: str, alpha: bool
) -> None:
    found = fitting(Facts(mime, size, width, height, alpha=alpha), where)
    if found.recipe is None:
        return
    problems = wrong(network, where, found.result)
    assert problems <= {"image_too_small"}, (found, problems)
    shorter = min(width / found.recipe.inner_width, height / found.recipe.inner_height)
    assert shorter >= 0.9 / UPSCALE_MOST or min(width, height) < 20, "hardly ever enlarged, never much"
    inner = Decimal(found.recipe.inner_width) / found.recipe.inner_height
    if min(found.recipe.inner_width, found.recipe.inner_height) > 50:
        assert abs(inner / (Decimal(width) / height) - 1) < Decimal("0.05"), "nothing is squeezed"
    assert Recipe.from_json(json.loads(json.dumps(found.recipe.as_json()))).key == found.recipe.key


@pytest.mark.parametrize(("network", "where"), PLACES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    width=st.integers(16, 4000),
    height=st.integers(16, 4000),
    size=st.integers(1000, 3_000_000_000),
    seconds=st.decimals("0.5", "4000", places=3),
    fps=st.decimals("1", "240", places=3),
    codec=st.sampled_from(["h264", "hevc", "vp9", "prores"]),
    mime=st.sampled_from(["video/mp4", "video/quicktime", "video/webm"]),
)
def test_what_is_promised_of_films_fits(
    network: Any, where: Placement, width: int, height: int, size: int, seconds: Decimal, fps: Decimal,
    codec: str, mime: str,
) -> None:  # fmt: skip
    facts = Facts(mime, size, width, height, seconds, fps, codec, "aac")
    found = fitting(facts, where)
    if found.recipe is None:
        return
    problems = wrong(network, where, found.result)
    assert problems <= {"video_too_long", "video_too_short", "video_too_small"}, (found, problems)
    assert found.recipe.copy or found.recipe.width % 2 == found.recipe.height % 2 == 0
    assert found.result.seconds == seconds, "a film is never cut"


SIZES = [(640, 480), (97, 801), (801, 97), (1300, 300), (320, 1999), (333, 333)]


@pytest.mark.parametrize(("network", "where"), PLACES)
def test_what_comes_out_of_pictures_fits(tmp_path: Path, network: Any, where: Placement) -> None:
    kinds = ("JPEG", "PNG", "WEBP", "AVIF")
    for number, (size, kind) in enumerate(zip(SIZES, itertools.cycle(kinds), strict=False)):
        source, into = tmp_path / f"{number}.{kind.lower()}", tmp_path / f"{number}.out"
        mode = "RGBA" if kind in ("PNG", "WEBP") and number % 2 else "RGB"
        photo(size, mode=mode).save(source, kind)
        found = fitting(read_picture(source), where)
        if found.recipe is None:
            continue
        made = convert_picture(source, found.recipe, into)
        assert wrong(network, where, made) <= wrong(network, where, found.result), (size, kind, made)
        assert made.mime in (found.recipe.mime, found.recipe.or_mime)
        first = into.read_bytes()
        convert_picture(source, found.recipe, into)
        assert into.read_bytes() == first, "the same recipe gives the same file"


FILMS: list[dict[str, Any]] = [
    {"size": (320, 240), "seconds": 1.1},
    {"size": (64, 400), "seconds": 3.3, "codec": "libx265", "fps": 50},
    {"size": (640, 90), "seconds": 3.1, "suffix": ".mov", "faststart": False},
    {"size": (176, 144), "seconds": 3.2, "codec": "libvpx-vp9", "audio": "libopus", "suffix": ".webm"},
    {"size": (240, 134), "seconds": 3.0, "turned": True, "audio": ""},
]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Facts]]:
    made = []
    for number, values in enumerate(FILMS):
        values = dict(values)
        path = tmp_path_factory.mktemp("films") / f"{number}{values.pop('suffix', '.mp4')}"
        upright = values.pop("turned", False)
        film(path, **values)
        if upright:
            turned(path)
        made.append((path, bounded.look(path)))
    return made


@pytest.mark.parametrize(("network", "where"), PLACES)
def test_what_comes_out_of_films_fits(
    tmp_path: Path, network: Any, where: Placement, films: list[tuple[Path, Facts]]
) -> None:
    for number, (path, facts) in enumerate(films):
        found = fitting(facts, where)
        if found.recipe is None:
            continue
        made = bounded.convert(path, facts, found.recipe, tmp_path / f"{number}.mp4")
        assert wrong(network, where, made) <= wrong(network, where, found.result), (path, made)
        assert made.ready
        assert not made.telling
        assert made.has_audio == facts.has_audio
        assert facts.seconds is not None
        assert made.seconds is not None
        assert abs(made.seconds - facts.seconds) < Decimal("0.1"), "not cut"


# ------------------------------------------------------------------------------------------------ pictures


def convert(
    image: Image.Image, where: Placement, tmp_path: Path, kind: str = "PNG", **save: Any
) -> Image.Image:
    source = tmp_path / f"source.{kind.lower()}"
    image.save(source, kind, **save)
    found = fitting(read_picture(source), where)
    assert found.recipe is not None
    made = convert_picture(source, found.recipe, tmp_path / "made")
    with Image.open(tmp_path / "made") as result:
        assert result.size == (made.width, made.height)
        result.load()
        return result


def test_what_fits_is_left_alone(tmp_path: Path) -> None:
    where = place(image_mime="image/jpeg image/png", image_bytes=1_000_000, ratio_min=Decimal("0.8"))
    for kind in ("JPEG", "PNG"):
        photo((300, 300)).save(tmp_path / "a", kind)
        assert fitting(read_picture(tmp_path / "a"), where).recipe is None


def test_a_large_drawing_becomes_a_photograph_that_is_small_enough(tmp_path: Path) -> None:
    where = place(image_mime="image/jpeg image/png", image_bytes=300_000)
    image = photo((1600, 1200))
    made = convert(image, where, tmp_path)
    assert made.format == "JPEG"
    assert (tmp_path / "made").stat().st_size <= 300_000
    assert made.width / made.height == pytest.approx(4 / 3, abs=0.01)


def test_what_is_transparent_stands_on_white_where_it_has_to(tmp_path: Path) -> None:
    image = Image.new("RGBA", (200, 200), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (50, 50, 150, 150))
    made = convert(image, place(image_mime="image/jpeg"), tmp_path)
    assert made.getpixel((5, 5)) == (255, 255, 255)
    assert made.getpixel((100, 100))[2] > 240  # type: ignore[index]
    kept = convert(image, place(image_mime="image/png"), tmp_path, kind="WEBP", lossless=True)
    assert kept.mode == "RGBA"
    assert kept.getpixel((5, 5))[3] == 0  # type: ignore[index]


def test_a_picture_that_lies_on_its_side_stands_up(tmp_path: Path) -> None:
    image = Image.new("RGB", (200, 100), "red")
    image.paste("blue", (100, 0, 200, 100))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by a quarter with the clock
    made = convert(image, place(image_mime="image/jpeg"), tmp_path, exif=exif)
    assert made.size == (100, 200)
    assert made.getpixel((50, 20))[0] > 200  # type: ignore[index]
    assert not made.getexif()


def test_colours_of_another_profile_become_those_of_the_web(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = Image.new("RGB", (64, 64), (200, 30, 30))
    lab.save(tmp_path / "a.png", icc_profile=srgb)
    result = convert(
        Image.open(tmp_path / "a.png"), place(image_mime="image/jpeg"), tmp_path, icc_profile=srgb
    )
    assert "icc_profile" not in result.info
    assert abs(result.getpixel((10, 10))[0] - 200) < 4  # type: ignore[index]
    broken = convert(lab, place(image_mime="image/jpeg"), tmp_path, icc_profile=b"no profile at all")
    assert abs(broken.getpixel((10, 10))[0] - 200) < 4  # type: ignore[index]


def test_a_shape_that_does_not_fit_is_filled_up_not_cut(tmp_path: Path) -> None:
    where = place(image_mime="image/jpeg", ratio_min=Decimal("0.8"), ratio_max=Decimal("1.91"))
    poster = Image.new("RGB", (300, 900), "#2050a0")
    poster.paste("white", (100, 20, 200, 40))
    plain = convert(poster, where, tmp_path)
    assert plain.size == (720, 900)
    left = plain.getpixel((5, 450))
    assert all(abs(one - other) < 6 for one, other in zip(left, (0x20, 0x50, 0xA0), strict=True)), (
        "its own ground"
    )  # type: ignore[arg-type]
    assert plain.getpixel((360, 30))[0] > 240, "its words are still there"  # type: ignore[index]
    many = convert(photo((900, 300)), where, tmp_path)
    assert many.size == (900, 472)
    assert len(set(many.crop((0, 0, 900, 60)).resize((30, 2)).get_flattened_data())) > 10, (
        "blurred, not one colour"
    )


def test_it_is_enlarged_no_more_than_needed() -> None:
    where = place(width_min=320)
    assert fitting(Facts("image/jpeg", 100, 200, 200), where).result.width == 320
    assert fitting(Facts("image/jpeg", 100, 100, 100), where).result.width == 200, "more would look broken"
    assert fitting(Facts("image/jpeg", 100, 320, 100), where).recipe is None


def test_a_moving_picture_becomes_a_film_where_only_films_move(tmp_path: Path) -> None:
    facts = read_picture(moving(tmp_path / "a.gif"))
    as_film = fitting(facts, place(image_mime="image/jpeg", video_mime="video/mp4"))
    assert as_film.recipe is not None
    made = bounded.convert(tmp_path / "a.gif", facts, as_film.recipe, tmp_path / "a.mp4")
    assert (made.mime, made.seconds, made.has_audio) == ("video/mp4", Decimal("1.200000"), False)
    still = fitting(facts, place(image_mime="image/jpeg", allowed=("image",)))
    assert still.still
    assert still.result.mime == "image/jpeg"
    assert fitting(facts, place(image_mime="image/gif")).recipe is None


def test_what_cannot_be_made_small_enough_says_so(tmp_path: Path) -> None:
    photo((800, 800)).save(tmp_path / "a.png")
    found = fitting(
        read_picture(tmp_path / "a.png"), place(image_mime="image/jpeg", image_bytes=700, width_min=300)
    )
    assert found.recipe is not None
    with pytest.raises(MediaTrouble) as caught:
        bounded.convert(
            tmp_path / "a.png", read_picture(tmp_path / "a.png"), found.recipe, tmp_path / "b.jpg"
        )
    assert (caught.value.code, caught.value.params) == ("image_cannot_be_made_smaller", {"limit": 700})
    assert not (tmp_path / "b.jpg").exists()


# ------------------------------------------------------------------------------------------------ films


def test_a_film_that_fits_is_left_alone_and_a_container_is_changed_without_coding(tmp_path: Path) -> None:
    where = place(video_mime="video/mp4", video_bytes=1_000_000, video_seconds=60)
    facts = bounded.look(film(tmp_path / "a.mp4"))
    assert fitting(facts, where).recipe is None
    mov = bounded.look(film(tmp_path / "b.mov", metadata={"location": "+50.4501+030.5234/"}))
    found = fitting(mov, where)
    assert found.recipe is not None
    assert found.recipe.copy
    made = bounded.convert(tmp_path / "b.mov", mov, found.recipe, tmp_path / "b.mp4")
    assert (made.mime, made.telling, made.seconds) == ("video/mp4", False, mov.seconds)
    assert b"+50.4501" not in (tmp_path / "b.mp4").read_bytes()


def test_a_film_is_squeezed_into_its_bytes_or_said_not_to_fit(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", seconds=6, size=(640, 480), fps=25, noise=True, audio="aac")
    facts = bounded.look(source)
    most = facts.bytes // 3
    found = fitting(facts, place(video_mime="video/mp4", video_bytes=most))
    assert found.recipe is not None
    made = bounded.convert(source, facts, found.recipe, tmp_path / "b.mp4")
    assert made.bytes <= most
    hopeless = fitting(replace(facts, seconds=Decimal(3600)), place(video_mime="video/mp4", video_bytes=most))
    assert hopeless.recipe is None
    assert hopeless.hitch is not None
    assert hopeless.hitch.code == "video_cannot_be_made_smaller"


def test_too_fast_too_small_too_tall(tmp_path: Path) -> None:
    where = place(
        video_mime="video/mp4", video_fps=30, video_width_min=400, video_ratio_min=Decimal("0.5"),
        video_ratio_max=Decimal("1.0"),
    )  # fmt: skip
    facts = bounded.look(film(tmp_path / "a.mp4", size=(320, 180), fps=60, seconds=1))
    found = fitting(facts, where)
    assert found.recipe is not None
    made = bounded.convert(tmp_path / "a.mp4", facts, found.recipe, tmp_path / "b.mp4")
    assert made.width is not None
    assert made.height is not None
    assert made.width >= 400
    assert made.width <= made.height
    assert made.fps is not None
    assert made.fps <= 30


def test_the_same_recipe_gives_the_same_film(tmp_path: Path) -> None:
    facts = bounded.look(film(tmp_path / "a.webm", codec="libvpx-vp9", audio="libopus"))
    found = fitting(facts, place(video_mime="video/mp4"))
    assert found.recipe is not None
    for name in ("b", "c"):
        bounded.convert(tmp_path / "a.webm", facts, found.recipe, tmp_path / name)
    assert (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


# ------------------------------------------------------------------------------------------------ bounds


def test_work_can_be_called_off(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", seconds=4, size=(640, 480), fps=25, noise=True)
    facts = bounded.look(path)
    recipe = Recipe("video", "video/mp4", 1920, 1440, 1920, 1440, fps="60", rate=8_000_000, audio=True)
    with pytest.raises(bounded.Stopped):
        bounded.convert(path, facts, recipe, tmp_path / "b.mp4", stopping=lambda: True)
    assert not (tmp_path / "b.mp4").exists()


def test_a_child_that_takes_too_long_or_too_much_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(tmp_path / "a.mp4", seconds=4, size=(640, 480), fps=25, noise=True)
    facts = bounded.look(path)
    recipe = Recipe("video", "video/mp4", 1920, 1440, 1920, 1440, fps="60", rate=8_000_000, audio=True)
    with monkeypatch.context() as patch:
        patch.setattr(bounded, "LONGEST", 0.05)
        with pytest.raises(MediaTrouble) as caught:
            bounded.convert(path, facts, recipe, tmp_path / "b.mp4")
        assert caught.value.code == "media_too_heavy"
    monkeypatch.setattr(bounded, "MEMORY", 120 << 20)
    with pytest.raises(MediaTrouble):
        bounded.convert(path, facts, recipe, tmp_path / "b.mp4")
    assert not (tmp_path / "b.mp4").exists()


# ------------------------------------------------------------------------------------------------ command line


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.png"
    photo((300, 900)).save(source)
    assert main([str(source)]) == 0
    assert main([str(source), "--to", "instagram", "post", "--out", str(tmp_path / "b.jpg")]) == 0
    assert "becomes" in capsys.readouterr().out
    with Image.open(io.BytesIO((tmp_path / "b.jpg").read_bytes())) as made:
        assert (made.format, made.size) == ("JPEG", (720, 900))
    assert main([str(tmp_path / "b.jpg"), "--to", "instagram", "post"]) == 0
    assert "as it is" in capsys.readouterr().out
    assert main([str(source), "--to", "instagram", "nowhere"]) == 2
    (tmp_path / "c").write_bytes(b"words")
    assert main([str(tmp_path / "c")]) == 2
