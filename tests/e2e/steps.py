"""What people do in Spilno, step by step. By names and addresses, not by words: they work in every language."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect

from spilno.toolkit.networks import get

PASSWORD = "correct horse battery 42"


def submit(form: Locator) -> None:
    """Press the form's main button."""
    form.locator("button.btn-primary[type=submit]").last.click()


def a_picture(path: Path) -> Path:
    """A picture as somebody would take it along: 1200 × 900, JPEG."""
    image = Image.new("RGB", (1200, 900), (243, 236, 222))
    draw = ImageDraw.Draw(image)
    for number in range(12):
        left = 120 + number * 80
        draw.rectangle(
            (left, 300 - number % 3 * 40, left + 60, 760), fill=(90 + number * 12, 60, 160 - number * 8)
        )
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    path.write_bytes(buffer.getvalue())
    return path


@dataclass
class Manager:
    """Somebody who runs a workspace, at their browser."""

    page: Page
    workspace: str = ""

    def go(self, path: str) -> None:
        """To a page of the workspace, e.g. ``"plan/"``."""
        answer = self.page.goto(f"/w/{self.workspace}/{path}")
        assert answer is not None
        assert answer.ok, f"{answer.status} {path}"

    # ------------------------------------------------------------------------------------------ beginning

    def set_up(self, *, name: str, email: str, workspace: str, language: str) -> None:
        """The first visit of an empty installation."""
        page = self.page
        page.goto("/")
        form = page.locator("form:has([name=workspace])")
        form.locator("[name=name]").fill(name)
        form.locator("[name=email]").fill(email)
        form.locator("[name=password]").fill(PASSWORD)
        form.locator("[name=workspace]").fill(workspace)
        form.locator("[name=language]").select_option(language)
        submit(form)
        page.wait_for_url("**/today/")
        self.workspace = page.url.split("/w/")[1].split("/")[0]

    def choose_language(self, language: str) -> None:
        """In the menu under one's own name."""
        menu = self.page.locator("nav.side details.menu:has(button[name=language])")
        menu.locator("summary").click()
        menu.locator(f"button[name=language][value={language}]").click()
        expect(self.page.locator("html")).to_have_attribute("lang", language)

    # ------------------------------------------------------------------------------------------ initiative

    def make_initiative(self, *, title: str, community: str, first: date, last: date) -> str:
        """From Today to a new initiative of a new community; its slug. Afterwards its brief is open."""
        page = self.page
        self.go("today/")
        page.locator(f"main a.btn-primary[href='/w/{self.workspace}/initiatives/new/']").click()
        form = page.locator("form:has([name=title])")
        form.locator("[name=title]").fill(title)
        form.locator("label.choice:has([name=kind][value=initiative])").click()
        form.locator("[name=starts_on]").fill(first.isoformat())
        form.locator("[name=ends_on]").fill(last.isoformat())
        expect(form.locator("[name=community_name]")).to_be_hidden()
        form.locator("[name=community]").select_option("new")
        form.locator("[name=community_name]").fill(community)
        submit(form)
        page.wait_for_url("**/brief/")
        return page.url.split("/initiatives/")[1].split("/")[0]

    def answer_brief(self, *, task: str, audience: str, metric: str, value: str) -> None:
        """On the brief: the question, for whom, one target; then it is ready."""
        page = self.page
        ready = page.locator("form[action$='/brief/ready/'] button")
        expect(ready).to_be_disabled()
        page.locator("[name=task]").fill(task)
        page.locator("[name=audience]").fill(audience)  # leaving the first field saves it
        expect(page.locator("#task-note")).not_to_be_empty()
        page.locator("#details-form [type=submit]").click()
        expect(page.locator("#details-note")).not_to_be_empty()
        expect(ready).to_be_disabled()
        page.locator(f"#targets a[href*='metric={metric}']").click()
        target = page.locator("#targets form:has([name=value])")
        target.locator("[name=value]").fill(value)
        submit(target)
        expect(page.locator("#targets tbody tr")).to_have_count(1)
        ready.click()
        expect(page.locator("#brief-aside [data-state=ready]")).to_be_visible()

    def open_page(self, initiative: str) -> str:
        """A form for outsiders; its address."""
        page = self.page
        page.locator(f"nav.tabs a[href$='/initiatives/{initiative}/page/']").click()
        page.locator("a[href$='/page/new/lead_form/']").click()
        submit(page.locator("form:has([name^=title_])"))
        return page.locator("#page-address").inner_text()

    # ------------------------------------------------------------------------------------------ networks

    def connect(self, network: str, fields: dict[str, str]) -> str:
        """Through the generated form; the channel's page is open afterwards. Returns the channel's key."""
        page = self.page
        page.locator(f"nav.side a[href$='/w/{self.workspace}/networks/']").click()
        page.locator("main a.btn-primary[href$='/networks/connect/']").first.click()
        page.locator(f"a[href$='/networks/connect/{network}/']").click()
        form = page.locator("form:has([name=purpose])")
        for name, value in fields.items():
            form.locator(f"[name={name}]").fill(value)
        submit(form)
        page.wait_for_url(lambda url: "/connect/" not in url)
        expect(page.locator("main [data-state=ok]").first).to_be_visible()
        return page.url.rstrip("/").rsplit("/", 1)[1]

    # ------------------------------------------------------------------------------------------ posts

    def begin_post(self, initiative: str) -> Locator:
        """The composer, by way of the brief and the initiative's plan."""
        page = self.page
        self.go(f"initiatives/{initiative}/brief/")
        page.locator("#brief-aside a.btn-primary[href$='/plan/']").click()
        page.locator("main a.btn-primary[href*='/plan/new/']").click()
        page.wait_for_url("**/plan/new/**")
        return page.locator("form#composer")

    def write(
        self,
        composer: Locator,
        *,
        text: str,
        channels: int,
        picture: Path | None = None,
        alt: str = "",
        link: str = "",
        to: str = "",
    ) -> None:
        """Words, picture, link, and where: everywhere, or the usual place of network ``to``; ``channels`` in all."""
        chips = composer.locator("label.chip:has([name=to])")
        if to:
            language = str(self.page.locator("html").get_attribute("lang"))
            chips = chips.filter(has=self.page.locator(f".net[title='{get(to).label[language]}']"))
        if to:  # a network has several places; the first is the usual one
            chips = chips.first
        for one in chips.all():
            one.click()
        composer.locator("[name=text]").fill(text)
        if picture:
            composer.locator("[name=files]").set_input_files(picture)
            composer.locator("[name^=alt-]").fill(alt)
        if link:
            composer.locator("[name=link]").fill(link)
        looks = self.page.locator("#previews section.look")
        expect(looks).to_have_count(channels)
        expect(looks.filter(has_text=text.splitlines()[0])).to_have_count(channels)
        expect(self.page.locator("#previews .problem-error")).to_have_count(0)

    def publish_now(self, composer: Locator) -> None:
        """Ask for it, and say yes."""
        composer.locator("button[name=do][value=publish]").click()
        self.page.locator("dialog#sure button[name=do][value=send]").click()
        expect(self.page.locator("dialog#sure")).to_have_count(0)

    def schedule(self, composer: Locator, at: datetime) -> None:
        """For a time of the workspace's wall clock, the same in all channels."""
        composer.locator("[name=at]").fill(f"{at:%Y-%m-%dT%H:%M}")
        composer.locator("button[name=do][value=schedule]").click()
        self.page.wait_for_url(lambda url: "/plan/new/" not in url)

    def wait_until_out(self, text: str, channels: int) -> None:
        """On the initiative's plan, which looks again by itself: the post is published in so many channels."""
        row = self.page.locator("#planned li").filter(has_text=text[:40])
        expect(row.locator("[data-state=published]")).to_have_count(channels, timeout=120_000)

    def watch(self, text: str) -> None:
        """Open the first delivery of the post from there, and wait until its page shows that it is out."""
        row = self.page.locator("#planned li").filter(has_text=text[:40])
        row.locator("a[href*='/plan/deliveries/']").first.click()
        expect(self.page.locator("#delivery-state [data-state=published]")).to_be_visible(timeout=120_000)
