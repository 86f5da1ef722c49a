"""The PDF: every figure is in it, nothing typed by people can break it, and it needs no font of the machine."""

import io
import logging
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader

from spilno.reports import fonts
from spilno.reports.pdf import clean, render_pages, render_pdf, shortened, thumbnail_of
from spilno.reports.sentences import spoken
from tests.reports.sample import case_report


def words_of(pdf: bytes) -> str:
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(text.replace("\u00a0", " ").replace("\u200b", "").split())


@pytest.fixture(scope="module")
def ukrainian() -> bytes:
    return render_pdf(case_report("uk"))


def test_the_six_figures_are_in_the_document(ukrainian: bytes) -> None:
    words = words_of(ukrainian)
    for figure in (
        "+13,5 %",
        "400 → 454 · ціль +10 %",
        "44 ліди — на 4 більше, ніж домовилися.",
        "5 людей ззовні",
        "115 речей у каталозі",
        "100 обміняних речей",
        "39 000 ₴",
        "ціль 35 000 ₴",
    ):
        assert figure in words, figure
    assert words.count("досягнуто") >= 6


def test_the_document_says_who_what_and_when(ukrainian: bytes) -> None:
    words = words_of(ukrainian)
    for text in (
        "Благодійний ярмарок книг",
        "Спільнота проєктних менеджерів",
        "3 травня – 30 червня 2021",
        "Щоб проєктні менеджери з інших компаній дізналися про каталог",
        "Усі цілі досягнуто: 6 з 6",
        "Каталог — за посиланням",
        "4 червня, 12:05 вручну",
        "SMM-менеджер",
        "Маркетинг",
        "Сторіс із посиланням варто ставити першою",
        "Складено 2 липня 2021, 12:30 · час Europe/Kyiv",
        "Версії показників: Приріст аудиторії 1, Ліди 1",
        "не повідомляє: охоплення",
        "1 з 3",
    ):
        assert text in words, text


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ("Results report", "44 leads, 4 more than agreed.", "+13.5%", "₴39,000", "1 of 3")),
        ("ru", ("Отчёт о результатах", "44 лида — на 4 больше, чем договорились.", "39 000 ₴", "1 из 3")),
    ],
)
def test_other_languages(language: str, texts: tuple[str, ...]) -> None:
    words = words_of(render_pdf(case_report(language)))
    for text in texts:
        assert text in words, text


def test_the_font_is_ours_and_travels_with_the_file(ukrainian: bytes) -> None:
    embedded = {
        str(font.get_object()["/BaseFont"])
        for page in PdfReader(io.BytesIO(ukrainian)).pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert embedded
    assert all("Onest" in name for name in embedded), embedded


def test_the_file_says_its_title_language_and_time(ukrainian: bytes) -> None:
    reader = PdfReader(io.BytesIO(ukrainian))
    assert reader.metadata.title == "Благодійний ярмарок книг"
    assert reader.metadata.creation_date == datetime(2021, 7, 2, 9, 30, tzinfo=UTC)
    assert reader.trailer["/Root"]["/Lang"] == "uk"


def test_the_same_report_gives_the_same_file(ukrainian: bytes) -> None:
    assert render_pdf(case_report("uk")) == ukrainian


NASTY = (
    '#set page(fill: red) #panic("x") $x$ \\ *bold* _i_ @ref <a> `raw` // gone /* gone */ "quoted" \x00\x07'
)


def test_what_people_type_is_never_read_as_markup() -> None:
    report = case_report("uk")
    post = replace(report.posts[0], title=NASTY, url='javascript:alert("x")')
    words = words_of(
        render_pdf(
            replace(
                report,
                title=NASTY,
                question=NASTY,
                learned=NASTY,
                community=NASTY,
                posts=(post,),
                notes=(NASTY,),
            )
        )
    )
    assert words.count('#panic("x")') >= 5
    assert "*bold* _i_ @ref <a> `raw` // gone /* gone */" in words


def test_only_web_addresses_become_links() -> None:
    def links(report) -> list[str]:
        pages = PdfReader(io.BytesIO(render_pdf(report))).pages
        notes = [note.get_object() for page in pages for note in page.get("/Annots", [])]
        return [str(note["/A"]["/URI"]) for note in notes if "/URI" in note.get("/A", {})]

    report = case_report("en")
    assert "https://example.org/story-1" in links(report)
    bad = tuple(replace(post, url="javascript:alert(1)") for post in report.posts)
    assert links(replace(report, posts=bad)) == []


def test_an_empty_report_is_still_a_document() -> None:
    report = replace(
        case_report("uk"), targets=(), posts=(), learned="", notes=(), headline="", question="", audience=""
    )
    words = words_of(render_pdf(report))
    assert "У брифі немає вимірюваних цілей." in words
    assert "За цей період нічого не опубліковано." in words


def test_forty_targets_are_all_there() -> None:
    report = case_report("en")
    many = tuple(
        replace(report.targets[1], metric=f"m{index}", label=f"Figure {index:02}", curve=())
        for index in range(40)
    )
    words = words_of(render_pdf(replace(report, targets=many)))
    for index in range(40):
        assert words.count(f"Figure {index:02}") >= 2  # its tile and who answers for it


def test_endless_words_and_many_posts_stay_on_the_page() -> None:
    report = case_report("uk")
    post = replace(report.posts[0], title="х" * 400, text="", key="long")
    made = spoken(
        replace(
            report,
            title="Дуже довга назва ініціативи " * 12,
            question="Ч" * 900,
            posts=tuple(replace(post, key=f"p{index}") for index in range(30)),
        )
    )
    pages = [Image.open(io.BytesIO(page)).convert("L") for page in render_pages(made, ppi=40)]
    assert len(pages) >= 3
    for page in pages:
        margin = page.crop((page.width - 18, 0, page.width, page.height))  # the right 11 mm
        assert margin.getextrema() == (255, 255)


def test_emoji_are_drawn_not_dropped() -> None:
    report = replace(case_report("uk"), title="Ярмарок 🎉📚", targets=(), posts=())
    pdf = render_pdf(report)
    names = {
        str(font.get_object()["/BaseFont"])
        for page in PdfReader(io.BytesIO(pdf)).pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert any("Emoji" in name for name in names), names


def test_unknown_is_a_dash_and_says_so() -> None:
    report = case_report("uk")
    unknown = replace(
        report.targets[0], value=None, reached=None, last=None, missing="not_reported", curve=()
    )
    words = words_of(render_pdf(spoken(replace(report, targets=(unknown,), notes=()))))
    assert "? невідомо" in words
    assert "було 400 · ціль +10 %" in words
    assert "значення невідоме — цих даних ніхто не повідомив" in words
    assert "Кривої немає" in words


def test_a_running_campaign_is_under_way_not_behind() -> None:
    report = case_report("uk", generated_at=datetime(2021, 6, 12, 9, 0, tzinfo=UTC))
    behind = tuple(replace(one, value=Decimal(14), reached=False) for one in report.targets[1:3])
    words = words_of(render_pdf(spoken(replace(report, targets=behind, notes=()))))
    assert "Станом на 12 червня 2021" in words
    assert words.count("→ ще триває") == 2
    assert "не досягнуто" not in words


def test_a_post_shows_its_picture_and_a_broken_one_costs_nothing(tmp_path: Path, caplog) -> None:
    good = [tmp_path / f"photo-{number}.png" for number in range(5)]
    for number, path in enumerate(good):  # equal pictures would be kept once in the file
        Image.new("RGBA", (1600, 900), (200, 40 * number, 40, 255)).save(path)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")

    def pictures(*paths: Path) -> int:
        pages = PdfReader(io.BytesIO(render_pdf(case_report("uk", images=paths)))).pages
        return sum(len(page.images) for page in pages)

    assert pictures(*good) == 5
    with caplog.at_level(logging.WARNING):
        assert pictures(broken) == 0
    assert "Left a picture out" in caplog.text


def test_thumbnails_are_small_upright_and_opaque(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    Image.new("RGB", (2000, 1000), "blue").save(path, exif=exif)
    made = Image.open(io.BytesIO(thumbnail_of(path)))
    assert made.size == (210, 420)
    assert thumbnail_of(tmp_path / "nothing.png") is None


def test_without_our_fonts_there_is_still_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "ensure", lambda: None)
    fonts.covered.cache_clear()
    try:
        words = words_of(render_pdf(case_report("uk")))
    finally:
        fonts.covered.cache_clear()
    assert "44 ліди" in words


def test_fonts_are_made_from_the_front_ends_packages(tmp_path: Path) -> None:
    from fontTools.ttLib import TTFont

    modules = fonts.find_modules()
    assert modules is not None, "run `npm ci`"
    made = fonts.build(modules=modules, folder=tmp_path)
    assert {path.name for path in made} >= {f"Onest-{name}.ttf" for name in fonts.WEIGHTS.values()}
    assert "SIL OPEN FONT LICENSE" in (tmp_path / "Onest-OFL.txt").read_text(encoding="utf-8")
    with TTFont(tmp_path / "Onest-SemiBold.ttf") as font:
        letters = set(font.getBestCmap())
        assert "fvar" not in font
        assert font["OS/2"].usWeightClass == 600
    assert {ord(letter) for letter in "AzїЇєґҐыЫё₴€—«»“”…✓→×0123456789"} <= letters


def test_missing_web_fonts_are_one_clear_line(tmp_path: Path, capsys) -> None:
    assert fonts.main(["--modules", str(tmp_path), "--folder", str(tmp_path / "out")]) == 2
    assert (
        capsys.readouterr().err == "@fontsource-variable/onest is not in node_modules: run `npm ci` first\n"
    )


def test_long_titles_are_cut_at_a_word() -> None:
    assert shortened("одне два три чотири", 12) == "одне два…"
    assert shortened("коротко", 12) == "коротко"
    assert clean("a\x00b\ud800c") == "ab?c"
