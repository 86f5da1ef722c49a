"""The component tags: what they write, and that what people type cannot break out of them."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django import forms
from django.template import Context, Template
from django.utils import translation

ROOT = Path(__file__).resolve().parents[3]
BAD = "\"><script>alert('x')</script>"


def write(source: str, **context: object) -> str:
    with translation.override("uk"):
        return Template("{% load ui %}" + source).render(Context(context))


class Attributes(HTMLParser):
    """Attributes of the first element with the given class or tag."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted, self.found = wanted, {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if not self.found and (tag == self.wanted or self.wanted in (values.get("class") or "").split()):
            self.found = {**values, "tag": tag}


def first(html: str, wanted: str) -> dict[str, str | None]:
    parser = Attributes(wanted)
    parser.feed(html)
    assert parser.found, f"no {wanted} in {html}"
    return parser.found


@pytest.mark.parametrize(
    "source",
    [
        "{% button v %}",
        "{% button 'x' data_confirm=v %}",
        "{% pill v %}",
        "{% state 'draft' v %}",
        "{% avatar v %}",
        "{% net short=v label=v color=v %}",
        "{% kpi v 1 note=v target=2 %}",
        "{% gauge v 1 2 %}",
        "{% row v v %}{{ v }}{% endrow %}",
        "{% card title=v %}{{ v }}{% endcard %}",
        "{% section v note=v %}{{ v }}{% endsection %}",
        "{% empty v v %}{% endempty %}",
        "{% dialog 'd' v %}{% enddialog %}",
        "{% chart spec id='c' sentence=v %}",
        "{% timeline events %}",
        "{% steps events %}",
        "{% crumbs pairs %}",
        "{% plain_field 'n' v value=v error=v help=v %}",
        "{% dropzone label=v %}",
        "{% preview name=v handle=v text=v link=v %}",
        "{% options pairs v %}",
    ],
)
def test_nothing_breaks_out(source: str) -> None:
    html = write(
        source,
        v=BAD,
        spec={"title": BAD},
        events=[{"title": BAD, "label": BAD, "note": BAD}],
        pairs=[(BAD, BAD)],
    )
    assert "<script>alert" not in html
    assert BAD not in html


def test_unknown_keywords_become_attributes() -> None:
    button = first(write("{% button 'Go' hx_post='/x/' data_open=True hx_vals=None %}"), "btn")
    assert button["hx-post"] == "/x/"
    assert "data-open" in button
    assert "hx-vals" not in button


def test_a_button_with_an_address_is_a_link_unless_it_is_disabled() -> None:
    assert first(write("{% button 'Go' href='/x/' %}"), "btn")["tag"] == "a"
    assert first(write("{% button 'Go' href='/x/' disabled=True %}"), "btn")["tag"] == "button"


def test_a_tag_can_be_kept() -> None:
    assert write("{% net short='Aa' as mark %}[{{ mark }}]").startswith("[<span")


def test_kpi_knows_the_unknown() -> None:
    html = write("{% kpi 'reach' None target=5000 %}")
    assert first(html, "kpi")["data-state"] == "unknown"
    assert "—" in html
    assert first(write("{% kpi 'reach' 0 target=5000 %}"), "kpi")["data-state"] == "open"


@pytest.mark.parametrize(
    ("value", "target", "fill", "tick"), [(44, 40, 1.0, 40 / 44), (23, 60, 23 / 60, 1.0), (0, 60, 0.0, 1.0)]
)
def test_kpi_bar_and_tick_share_one_scale(value: int, target: int, fill: float, tick: float) -> None:
    html = write("{% kpi 'x' v target=t %}", v=value, t=target)
    assert float(first(html, "fill")["style"].split(":")[1]) == pytest.approx(fill, abs=1e-3)
    assert float(first(html, "tick")["style"].split(":")[1]) == pytest.approx(tick, abs=1e-3)


def test_gauge_says_in_words_what_it_draws() -> None:
    html = write("{% gauge 'registrations' 23 60 expected=35 low=33 high=50 forecast=41 state='behind' %}")
    text = re.sub(r"<[^>]+>", " ", html)
    for part in ("23", "60", "35", "41", "33–50"):
        assert part in text
    assert first(html, "gauge")["data-state"] == "behind"


def test_gauge_without_target_is_not_reached() -> None:
    assert first(write("{% gauge 'x' 23 %}"), "gauge")["data-state"] == "open"
    assert first(write("{% gauge 'x' 60 60 %}"), "gauge")["data-state"] == "reached"
    assert first(write("{% gauge 'x' None 60 %}"), "gauge")["data-state"] == "unknown"


class Sample(forms.Form):
    text = forms.CharField(help_text="help")
    at = forms.DateTimeField(widget=forms.DateTimeInput())
    kind = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)


def test_field_ties_control_help_and_error_together() -> None:
    form = Sample(data={"text": "", "kind": "b"})
    html = write("{% field form.text %}", form=form)
    control = first(html, "input")
    assert control["aria-invalid"] == "true"
    for one in control["aria-describedby"].split():
        assert f'id="{one}"' in html


def test_dates_go_to_the_browsers_picker_in_iso() -> None:
    from datetime import datetime

    form = Sample(initial={"at": datetime(2026, 11, 22, 18, 0)})
    control = first(write("{% field form.at %}", form=form), "input")
    assert control["type"] == "datetime-local"
    assert control["value"] == "2026-11-22T18:00"


def test_radio_buttons_keep_what_was_chosen() -> None:
    html = write("{% field form.kind kind='choices' %}", form=Sample(data={"kind": "b"}))
    assert html.count('type="radio"') == 2
    assert re.search(r'value="b"[^>]*checked', html)


@pytest.mark.parametrize("colour", ["#4f4bd1", "#fff", "oklch(0.5 0.19 277)", "rgb(10, 20, 30)"])
def test_plain_colours_pass(colour: str) -> None:
    assert write("{{ c|css_colour }}", c=colour) == colour


@pytest.mark.parametrize("colour", ["red; } body { display: none", "url(x)", "</style>", "", None, "#12 34"])
def test_other_styles_do_not(colour: str | None) -> None:
    assert write("{{ c|css_colour }}", c=colour) == ""


def test_colours_live_in_the_tokens_only() -> None:
    pattern = re.compile(r"#[0-9a-fA-F]{3,8}\b(?![\w-])|\b(?:oklch|rgb|hsl)a?\((?!var)")
    for sheet in (ROOT / "frontend" / "css").glob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.S)
        assert not pattern.findall(text), f"{sheet.name} names a colour of its own"


def test_every_icon_that_templates_name_is_in_the_sprite() -> None:
    source = (ROOT / "frontend" / "icons.mjs").read_text()
    names = set(re.findall(r'\b(\w+): ["\']', source))
    used: set[str] = set()
    for path in (ROOT / "src" / "spilno" / "interfaces" / "web" / "templates").rglob("*.html"):
        text = path.read_text()
        used |= set(re.findall(r'{% icon "(\w+)"', text)) | set(re.findall(r'\bicon="(\w+)"', text))
    from spilno.interfaces.web.ui.marks import STATES

    used |= {icon for _, icon in STATES.values() if icon}
    assert used <= names, f"not in frontend/icons.mjs: {sorted(used - names)}"


def test_every_state_of_the_models_has_its_mark() -> None:
    from spilno.briefs.models import BriefState
    from spilno.channels.models import Health
    from spilno.contingency.models import ProposalState
    from spilno.interfaces.web.ui.marks import STATES
    from spilno.publishing.states import DeliveryState

    for choices in (BriefState, Health, ProposalState, DeliveryState):
        missing = set(choices.values) - set(STATES)
        assert not missing, f"{choices.__name__}: {missing} not in STATES"
