"""Uploading in a real browser: a bar for each file, refusals where one looks, videos that play."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from spilno.channels.models import Channel
from spilno.kernel import clock
from spilno.plan import renditions
from spilno.plan.models import Item, Media
from tests.conftest import Cast
from tests.interfaces.web.test_design_browser import browser  # noqa: F401 - a fixture
from tests.interfaces.web.test_plan_browser import page  # noqa: F401 - a fixture
from tests.plan.conftest import make_channel, picture
from tests.toolkit.media.films import document, film

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIBRARY = "/w/delivery-house/library/"
DROP = """([selector, names]) => {
  const data = new DataTransfer();
  for (const [name, type] of names) data.items.add(new File([new Uint8Array(64)], name, { type }));
  const event = (kind) => new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
  const target = document.querySelector(selector);
  target.dispatchEvent(event("dragover"));
  target.dispatchEvent(event("drop"));
}"""


@pytest.fixture
def telegram(cast: Cast) -> Channel:
    return make_channel(cast, "telegram")


def test_several_files_into_the_library(page: Page, cast: Cast, tmp_path: Path) -> None:  # noqa: F811
    film(tmp_path / "clip.mp4")
    document(tmp_path / "catalogue.pdf", 5)
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 900)
    (tmp_path / "photo.jpg").write_bytes(picture())
    page.goto(LIBRARY)
    page.locator("#id_files").set_input_files(sorted(tmp_path.iterdir()))
    # The first file into an empty library brings a page with a list.
    expect(page.locator(".library-card")).to_have_count(3, timeout=20_000)
    assert Media.objects.count() == 3
    page.locator("#id_files").set_input_files([tmp_path / "broken.mp4", tmp_path / "clip.mp4"])
    expect(page.locator("#upload-problems")).to_contain_text("broken.mp4")
    expect(page.locator(".upload")).to_have_count(0)
    expect(page.locator(".library-card")).to_have_count(3)
    page.locator(".library-card", has_text="clip.mp4").click()
    video = page.locator("#panel video")
    expect(video).to_be_visible()
    page.wait_for_function("document.querySelector('#panel video').readyState > 0")
    assert video.evaluate("one => Math.round(one.duration)") == 2


def test_too_large_is_said_before_a_byte_leaves(page: Page, cast: Cast) -> None:  # noqa: F811
    page.goto(LIBRARY)
    page.locator("#id_files").evaluate("one => { one.dataset.most = '1000'; }")
    page.locator("#id_files").set_input_files(
        {"name": "long.mp4", "mimeType": "video/mp4", "buffer": b"\0" * 5000}
    )
    row = page.locator(".upload")
    expect(row).to_contain_text("Too large")
    row.get_by_role("button").click()
    expect(row).to_have_count(0)
    assert not Media.objects.exists()


def test_a_connection_that_breaks(page: Page, cast: Cast) -> None:  # noqa: F811
    page.goto(LIBRARY)
    page.route("**/library/upload/", lambda route: route.abort())
    page.locator("#id_files").set_input_files(
        {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    )
    expect(page.locator(".upload")).to_contain_text("No connection")
    page.unroute("**/library/upload/")
    page.route("**/library/upload/", lambda route: route.fulfill(status=413, body="too large"))
    page.locator("#id_files").set_input_files(
        {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    )
    expect(page.locator(".upload").last).to_contain_text("refuses files this large")


def test_a_video_into_a_post_with_its_state(
    page: Page,  # noqa: F811
    cast: Cast,
    telegram: Channel,
    tmp_path: Path,
) -> None:
    film(tmp_path / "clip.mov", seconds=3)
    page.goto("/w/delivery-house/plan/new/")
    page.locator("label.chip").click()
    page.locator("#id_text").fill("Look")
    page.locator("#id_files").set_input_files(tmp_path / "clip.mov")
    figure = page.locator("#pictures .picture")
    expect(figure).to_have_count(1, timeout=20_000)
    expect(figure.locator(".media-badge")).to_contain_text("0:03")
    page.get_by_placeholder("What is in the video?").fill("A bar wanders")
    expect(page.locator("#previews .conversion")).to_contain_text("It will be converted: MP4.")
    page.locator("#id_at").fill("2036-11-22T18:00")
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.wait_for_url("**/plan/**")
    item = Item.objects.get()
    assert item.media.get().alt == "A bar wanders"
    page.goto(f"/w/delivery-house/plan/items/{item.pk}/")
    expect(page.locator("#previews .conversion .pill")).to_have_text("being prepared")
    assert renditions.work(kind="video", clock=clock.now) == 1
    # The page looks again by itself.
    expect(page.locator("#previews .conversion .pill")).to_have_text("ready", timeout=10_000)


def test_saving_waits_for_what_is_on_its_way(page: Page, cast: Cast) -> None:  # noqa: F811
    held: list[Callable[[], None]] = []
    page.route("**/plan/upload/", lambda route: held.append(route.continue_))
    page.goto("/w/delivery-house/plan/new/")
    page.locator("#id_text").fill("With a photo")
    page.locator("#id_files").set_input_files(
        {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    )
    page.wait_for_function("document.querySelector('.upload[data-on]')")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator(".toast").first).to_contain_text("still on its way")
    assert not Item.objects.exists()
    held[0]()
    expect(page.locator("#pictures .picture")).to_have_count(1)
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator(".toast-good").first).to_be_visible()
    assert Item.objects.get().media.count() == 1


def test_dropped_anywhere_on_the_form(page: Page, cast: Cast) -> None:  # noqa: F811
    page.goto("/w/delivery-house/plan/new/")
    page.evaluate(DROP, ["#id_text", [["words.mp4", "video/mp4"]]])
    expect(page.locator("#pictures")).to_contain_text("words.mp4")
