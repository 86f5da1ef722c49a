"""Two people in two browsers at one post: they see each other, and nobody's words are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .house import House
from .test_a11y import violations

if TYPE_CHECKING:
    from .conftest import Opener

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


def test_two_editors_at_once(demo_house: House, window: Opener) -> None:
    first = window(demo_house.address, language="en")
    second = window(demo_house.address, language="en", theme="dark", width=390)
    second.expect_trouble(r"^422 POST|status of 422")
    workspace = first.enter_demo("smm_manager")
    second.enter_demo("community_manager")

    first.page.goto(f"/w/{workspace}/plan/new/")
    form = first.page.locator("form#composer")
    form.locator("[name=text]").fill("Green tea on Saturday at six, everybody is welcome.")
    form.locator("button[name=do][value=save]").click()
    first.page.wait_for_url("**/plan/items/**")
    address = first.page.url

    second.page.goto(address)
    first.page.goto(address)
    # Each is told of the other without doing anything.
    expect(first.page.locator("#others .avatar")).to_have_count(1)
    expect(second.page.locator("#others .avatar")).to_have_count(1)

    second.page.locator("form#composer [name=text]").fill("Red tea on Saturday at six, everybody is welcome.")
    first.page.locator("form#composer [name=text]").fill("Green tea on Saturday at six, all are welcome.")
    first.page.locator("form#composer [name=title]").fill("The tea")
    first.page.locator("form#composer button[name=do][value=save]").click()
    expect(first.page.locator("#toasts .toast")).to_be_visible()
    # The other's browser says so before they save.
    expect(second.page.locator("#others .note [href$='/history/']")).to_be_visible()

    second.page.locator("form#composer button[name=do][value=save]").click()
    clash = second.page.locator("fieldset[data-clash]")
    expect(clash).to_have_count(1)
    expect(clash.locator("mark")).to_have_text(["Red", "everybody is", "Green", "all are"])
    expect(second.page.locator("form#composer [name=title]")).to_have_value("The tea")
    clash.locator("[value=both]").check()
    both = clash.locator("textarea")
    expect(both).to_have_value("Red tea on Saturday at six, all are welcome.")
    both.press("Control+End")
    both.press_sequentially(" Come!")
    second.page.locator("button[name=resolve]").click()
    expect(second.page.locator(".conflict")).to_have_count(0)
    expect(second.page.locator("form#composer [name=text]")).to_have_value(
        "Red tea on Saturday at six, all are welcome. Come!"
    )

    first.page.goto(f"{address}history/")
    history = first.page.locator("#history .version")
    expect(history).to_have_count(3)
    expect(history.first.locator("ins").first).to_contain_text("Red")
    assert not violations(first, f"{address}history/")
    assert not violations(second, address)


def test_typed_on_one_device_and_found_on_another(demo_house: House, window: Opener) -> None:
    desk = window(demo_house.address, language="uk")
    phone = window(demo_house.address, language="uk", theme="dark", width=390)
    workspace = desk.enter_demo("smm_manager")
    phone.enter_demo("smm_manager")
    desk.page.goto(f"/w/{workspace}/plan/new/")
    desk.page.locator("form#composer [name=text]").press_sequentially("Чай у суботу")
    expect(desk.page.locator("[data-kept-note]")).not_to_be_empty()
    phone.page.goto(f"/w/{workspace}/plan/new/")
    phone.page.locator("[data-kept-offer] a").click()
    expect(phone.page.locator("form#composer [name=text]")).to_have_value("Чай у суботу")
    phone.page.locator("form#composer button[name=do][value=save]").click()
    phone.page.wait_for_url("**/plan/items/**")
    desk.page.goto(f"/w/{workspace}/plan/new/")
    expect(desk.page.locator("[data-kept-offer]")).to_have_count(0)
