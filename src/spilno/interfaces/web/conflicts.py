"""Two people saved the same post: what each of them wrote, side by side, and what becomes of it.

Three texts meet: what both had read, *mine* (typed now) and *theirs* (saved meanwhile). Where only one of them changed
something, that change stands. Where both did, the person chooses, and may put both together. Nothing that was typed
leaves the page before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

from django.http import QueryDict
from django.utils.translation import gettext as _

from spilno.interfaces.web.composing import Target, Typed, wall
from spilno.plan.models import Item, Media
from spilno.plan.writing import versions
from spilno.plan.writing.models import ItemVersion, LinkMode, Pillar
from spilno.toolkit.language.differences import Piece, difference, excerpt, merged

WORDS = ("title", "text", "first_comment")
PLAIN = ("link", "link_to", "initiative", "tags", "link_mode", "pillar", "at")
LISTS = ("media", "to")


@dataclass(frozen=True)
class Clash:
    """One field that both changed. ``kind``: ``text`` (words), ``list`` or ``value``."""

    name: str
    label: str
    kind: str
    mine: str
    theirs: str
    mine_marked: Sequence[Piece]
    theirs_marked: Sequence[Piece]
    both: str  # put together, of words
    clean: bool  # put together without touching the same words
    mine_media: Sequence[Media] = ()
    theirs_media: Sequence[Media] = ()


@dataclass(frozen=True)
class Meeting:
    """``typed``: the form with what they alone changed; ``taken``: labels of that."""

    typed: Typed
    clashes: Sequence[Clash]
    taken: Sequence[str]
    by: str
    at: object
    version: int


def meet(
    *, item: Item, mine: Typed, theirs: Typed, zone: str, targets: Sequence[Target],
    initiatives: Mapping[str, str], link_items: Mapping[str, str], media: Mapping[str, Media],
) -> Meeting:  # fmt: skip
    """Lay what was typed beside ``theirs``: what ``item`` (read anew) says now."""
    base = _read_then(item, mine.version, zone)
    resolved, clashes, taken = mine, [], []
    places = {one.key: one for one in targets}
    names = _Names(places, initiatives, link_items, zone)
    for name in _names(mine, theirs):
        own, other = value_of(mine, name), value_of(theirs, name)
        before = value_of(base, name) if base is not None else None
        if own == other or other == before:
            continue
        if own == before:
            resolved = with_value(resolved, name, other)
            taken.append(names.label(name))
            continue
        clashes.append(_clash(name, own, other, before, names, media))
    last = versions.of(item).first()
    return Meeting(
        typed=resolved,
        clashes=clashes,
        taken=list(dict.fromkeys(taken)),
        by=last.by.name if last and last.by else "",
        at=last.made_at if last else item.updated_at,
        version=item.version,
    )


def chosen(*, post: QueryDict, mine: Typed, theirs: Typed) -> Typed:
    """The form after the person chose field by field: ``choice-NAME`` is ``mine``, ``theirs`` or ``both``."""
    still = post.get("resolve") == str(theirs.version)
    for key in post:
        if not key.startswith("choice-"):
            continue
        name, choice = key.removeprefix("choice-"), post[key]
        if choice == "theirs" and still:
            mine = with_value(mine, name, value_of(theirs, name))
        elif choice == "both" and name in LISTS and still:
            together = (*_list(value_of(theirs, name)), *_list(value_of(mine, name)))
            mine = with_value(mine, name, tuple(dict.fromkeys(together)))
        elif choice == "both" and name not in LISTS:
            mine = with_value(mine, name, post.get(f"both-{name}", "").replace("\r\n", "\n"))
    # What was laid beside is what is saved over; if it changed once more, the two meet again.
    return replace(mine, version=theirs.version) if still else mine


def same(one: Typed, other: Typed) -> bool:
    """Do two forms say the same?"""
    return all(value_of(one, name) == value_of(other, name) for name in (*_names(one, other), "at"))


def value_of(typed: Typed, name: str) -> str | tuple[str, ...]:
    """A field's value in a form that can be compared."""
    if name.startswith("text-"):
        return typed.texts.get(name[5:], "").strip()
    if name.startswith("at-"):
        return (typed.times.get(name[3:], "") or typed.at)[:16] if name[3:] in typed.to else ""
    found = getattr(typed, name)
    if name == "to":
        return tuple(sorted(found))
    return found if isinstance(found, tuple) else str(found).strip()[: 16 if name == "at" else None]


def with_value(typed: Typed, name: str, value: str | tuple[str, ...]) -> Typed:
    """The form with another value; names that the form does not have change nothing."""
    if name.startswith("text-"):
        return replace(typed, texts={**typed.texts, name[5:]: str(value)})
    if name.startswith("at-"):
        return replace(typed, times={**typed.times, name[3:]: str(value)})
    known = {one.name for one in fields(Typed)} & {*WORDS, *PLAIN, *LISTS}
    return replace(typed, **{name: value}) if name in known else typed  # type: ignore[arg-type]


def _names(mine: Typed, theirs: Typed) -> list[str]:
    places = tuple(dict.fromkeys((*theirs.to, *mine.to)))
    texts = [f"text-{one}" for one in places if mine.texts.get(one) or theirs.texts.get(one)]
    return [*WORDS, *PLAIN[:6], *LISTS, *texts, *(f"at-{one}" for one in places)]


def _read_then(item: Item, version: int, zone: str) -> Typed | None:
    """The form as it was when the person opened it."""
    found = versions.read_at(item, version)
    return typed_of(found, zone) if found else None


def typed_of(version: ItemVersion, zone: str) -> Typed:
    """A version as the form shows an item."""
    content = version.content
    at = {key: _wall(one["at"], zone) for key, one in versions.by_target(content).items()}
    common = next((one for one in at.values() if one), "")
    return Typed(
        title=content["title"],
        text=content["text"],
        link=content["link"],
        link_to=content["link_to"],
        initiative=content["initiative"],
        tags=content.get("tags", ""),
        link_mode=content.get("link_mode", ""),
        first_comment=content.get("first_comment", ""),
        pillar=content.get("pillar", ""),
        at=common,
        media=tuple(content["media"]),
        to=tuple(at),
        texts={key: one["text"] for key, one in versions.by_target(content).items()},
        times={key: one for key, one in at.items() if one and one != common},
        version=version.item_version,
    )


def _wall(moment: str, zone: str) -> str:
    return wall(datetime.fromisoformat(moment), zone) if moment else ""


def _list(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,)


class _Names:
    """What fields and values are called."""

    def __init__(
        self,
        places: Mapping[str, Target],
        initiatives: Mapping[str, str],
        link_items: Mapping[str, str],
        zone: str,
    ) -> None:
        self.places, self.initiatives, self.link_items, self.zone = places, initiatives, link_items, zone

    def place(self, key: str) -> str:
        found = self.places.get(key)
        if found is None:
            return _("a channel that is gone")
        return found.channel.name if found.alone else f"{found.channel.name} · {found.label}"

    def label(self, name: str) -> str:
        if name.startswith("text-"):
            return _("Own text for %(name)s") % {"name": self.place(name[5:])}
        if name.startswith("at-"):
            return _("Time on %(name)s") % {"name": self.place(name[3:])}
        return {
            "title": _("Working title"), "text": _("Text for all channels"), "link": _("Link"),
            "link_to": _("Lead to another post"), "initiative": _("Initiative"), "tags": _("Tags"),
            "first_comment": _("First comment"), "link_mode": _("How the link goes out"), "pillar": _("Rubric"),
            "media": _("Pictures, videos, documents"),
            "to": _("Where"), "at": _("When"),
        }[name]  # fmt: skip

    def value(self, name: str, value: str | tuple[str, ...]) -> str:
        if isinstance(value, tuple):
            return ", ".join(self.place(one) for one in value) if name == "to" else ""
        if name == "link_mode":
            return str(LinkMode(value).label) if value in LinkMode.values else _("As usual here")
        if name == "pillar":
            found = Pillar.objects.filter(pk=value).first() if value else None
            return found.name if found else ""
        if name == "initiative":
            return self.initiatives.get(value, "")
        if name == "link_to":
            return self.link_items.get(value, "")
        if name == "at" or name.startswith("at-"):
            return value.replace("T", " ")
        return value


def _clash(
    name: str, mine: str | tuple[str, ...], theirs: str | tuple[str, ...], before: str | tuple[str, ...] | None,
    names: _Names, media: Mapping[str, Media],
) -> Clash:  # fmt: skip
    own, other = names.value(name, mine), names.value(name, theirs)
    is_text = name in WORDS or name.startswith("text-")
    together = merged(str(before), own, other) if is_text and before is not None else None
    marked = difference(other, own) if is_text else ()
    return Clash(
        name=name,
        label=names.label(name),
        kind="list" if name in LISTS else "text" if is_text else "value",
        mine=own,
        theirs=other,
        mine_marked=excerpt([one for one in marked if one.mark != "gone"], around=200),
        theirs_marked=excerpt([one for one in marked if one.mark != "new"], around=200),
        both=together if together is not None else f"{other}\n\n{own}".strip(),
        clean=together is not None,
        mine_media=[media[one] for one in _list(mine) if one in media] if name == "media" else (),
        theirs_media=[media[one] for one in _list(theirs) if one in media] if name == "media" else (),
    )
