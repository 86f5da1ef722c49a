"""A small case of our own, written into a folder, to be changed by tests."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

TOML = """\
[workspace]
slug = "tea-house"
name = "Tea House"
market = "b2c"
locale = "en"
time_zone = "Europe/Kyiv"
currency = "EUR"

[[people]]
key = "anna"
name = "Anna Koval"
roles = ["community_manager"]
department = "marketing"

[community]
key = "tea"
name = { en = "Tea lovers" }
kind = "interest"
owner = "anna"

[[channels]]
key = "club"
network = "facebook_group"
name = "Tea club"
purpose = "community"
owner = "anna"

[[channels]]
key = "shop"
network = "instagram"
name = "@tea"
purpose = "brand"

[initiative]
slug = "swap"
kind = "event"
title = { en = "Tea swap", uk = "Обмін чаєм" }
community = "tea"
owner = "anna"
starts_on = 2024-03-01
public_from = 2024-03-10
ends_on = 2024-03-20
catalogue = "catalogue.csv"
leads = "leads.csv"
observations = "observations.csv"

[brief]
task = { en = "Neighbours bring tea" }
audience = { en = "Neighbours" }
content_due = 2024-03-08
budget = 120.50
report_formats = ["web"]

[[brief.targets]]
metric = "members_growth"
subject = "club"
value = 0.25

[[brief.targets]]
metric = "leads"
value = 3

[[brief.targets]]
metric = "catalogue_items"
value = 2

[[brief.targets]]
metric = "catalogue_exchanged"
value = 2

[[brief.targets]]
metric = "catalogue_outsiders"
value = 1

[[brief.targets]]
metric = "donations"
value = 10

[[plan]]
key = "hello"
channel = "club"
placement = "post"
publish_at = 2024-03-10T09:00:00+02:00
text = { en = "Bring your tea" }

[[plan]]
key = "look"
channel = "shop"
placement = "story"
publish_at = 2024-03-11T12:00:00+02:00
media = "photo"
link = "hello"
text = { en = "Look here" }

[[plan]]
key = "spare"
channel = "shop"
reserve = true
text = { en = "There is tea left" }

[[contingency]]
stage = "half"
at = 2024-03-15
metric = "leads"
below = 2
actions = [{ publish = "spare" }, { remind = "club" }]
"""

CATALOGUE = """\
item,title,author,language,given_by,giver_scope,given_at,exchanged_at,exchanged_by,taker_scope,donation,currency
tea-1,Sencha,,en,m1,internal,2024-03-02T10:00:00+02:00,2024-03-12T10:00:00+02:00,g1,external,4.50,EUR
tea-2,Assam,,en,g1,external,2024-03-05T10:00:00+02:00,,,,,
tea-3,Oolong,,en,m2,internal,2024-03-06T10:00:00+02:00,2024-03-18T10:00:00+02:00,m1,internal,8,EUR
"""
LEADS = """\
lead,occurred_at,channel,post,utm_source,utm_medium,utm_campaign
l1,2024-03-11T10:00:00+02:00,club,hello,instagram,story,swap
l2,2024-03-14T10:00:00+02:00,club,hello,,,
l3,2024-03-19T10:00:00+02:00,,,,,
"""
OBSERVATIONS = """\
subject,metric,value,observed_at
club,members,40,2024-03-09T23:00:00+02:00
club,members,44,2024-03-12T23:00:00+02:00
club,members,52,2024-03-20T23:00:00+02:00
look,reach,310,2024-03-12T12:00:00+02:00
look,reach,420,2024-03-14T12:00:00+02:00
"""

FILES = {
    "case.toml": TOML,
    "catalogue.csv": CATALOGUE,
    "leads.csv": LEADS,
    "observations.csv": OBSERVATIONS,
}


def write(folder: Path, **changed: str | bytes) -> Path:
    """The folder with some files replaced; names without their ending: ``write(folder, leads="…")``."""
    folder.mkdir(parents=True, exist_ok=True)
    replaced = {("case.toml" if name == "case" else f"{name}.csv"): text for name, text in changed.items()}
    for name, content in (FILES | replaced).items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
