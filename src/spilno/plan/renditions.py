"""Files made into what networks take, ahead of time.

A row per file and recipe is the truth; jobs only wake. Whoever works on a row holds a lease and renews it; a lease that
ran out is taken up by the next one, so that nothing stands still after a crash, and nobody does the same twice at once.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from procrastinate.exceptions import AlreadyEnqueued

from spilno.channels.access import network_of
from spilno.kernel.errors import UserError
from spilno.plan import stored
from spilno.plan.fitting import by_hand, fitting_of
from spilno.plan.media import extension_of, facts_of
from spilno.plan.models import Item, Media, Rendition, Variant
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require
from spilno.toolkit.media import bounded
from spilno.toolkit.media.facts import EXTENSIONS, Facts, MediaTrouble
from spilno.toolkit.media.recipe import Recipe

LEASE = timedelta(seconds=60)
RENEW = timedelta(seconds=10)
AGAIN = timedelta(seconds=60)
"""When something that may mend itself (a full disk, a storage that is away) is tried again."""

MOST_TRIES = 3
"""A file at which so many workers died is not given to a fourth."""

AHEAD = timedelta(days=2)
"""The sweep looks for what goes out so soon and has nothing made yet."""

KEPT = timedelta(days=30)
"""So long after its time a rendition is kept; then it is made anew, should it be wanted."""

BATCH = 500

S = Rendition.State
Clock = Callable[[], datetime]


# ------------------------------------------------------------------------------------------------ what is wanted


def want(*, media: Media, recipe: Recipe, wanted_at: datetime, now: datetime) -> Rendition:
    """The rendition of a file by a recipe, made if it is not there, and looked at soon.

    :param wanted_at: when something goes out with it; the earliest is done first.
    """
    found, made = Rendition.objects.get_or_create(
        media=media,
        key=recipe.key,
        defaults={
            "workspace_id": media.workspace_id,
            "recipe": recipe.as_json(),
            "wanted_at": wanted_at,
            "created_at": now,
            "updated_at": now,
        },
    )
    if not made and (wanted_at < found.wanted_at or found.wanted_at < now - KEPT / 2):
        found.wanted_at = wanted_at
        Rendition.objects.filter(pk=found.pk).update(wanted_at=wanted_at)
    if made or found.state == S.PENDING:
        wake(recipe.kind)
    return found


def want_for(*, variants: Iterable[Variant], now: datetime) -> int:
    """Want everything that variants with a time need. Returns how many renditions that is.

    Variants come with ``channel`` and ``item__itemmedia_set__media``.
    """
    count = 0
    for variant in variants:
        if variant.publish_at is None:
            continue
        for media, recipe in needed(variant):
            want(media=media, recipe=recipe, wanted_at=variant.publish_at, now=now)
            count += 1
    return count


def want_for_item(item: Item, *, now: datetime) -> int:
    """:func:`want_for` all of an item's variants."""
    if not item.itemmedia_set.exists():
        return 0
    return want_for(
        variants=_with_media(Variant.objects.filter(item=item, publish_at__isnull=False)), now=now
    )


def needed(variant: Variant) -> list[tuple[Media, Recipe]]:
    """Files of a variant that have to be converted for its place, with how."""
    try:
        place = network_of(variant.channel).placement(variant.placement)
    except (KeyError, UserError):
        return []  # the check says that
    item = variant.item
    if by_hand(variant.channel, place, link=bool(item.link or item.link_to_id)):
        return []
    found = []
    for one in sorted(item.itemmedia_set.all(), key=lambda one: one.position):
        recipe = fitting_of(one.media, variant.channel, place).recipe
        if recipe is not None:
            found.append((one.media, recipe))
    return found


def _with_media(variants: Any) -> Any:
    return variants.select_related("channel", "item").prefetch_related("item__itemmedia_set__media")


def sweep(*, now: datetime) -> int:
    """Want what goes out soon and was wanted by nobody: a network's limits changed, or a wish was lost."""
    soon = Variant.objects.filter(
        publish_at__gt=now - timedelta(days=1), publish_at__lte=now + AHEAD, item__deleted_at=None,
        item__itemmedia__isnull=False,
    ).exclude(delivery__state="published")  # fmt: skip
    rows = list(_with_media(soon.order_by("publish_at").distinct()[:BATCH]))
    known = set(
        Rendition.objects.filter(media__in=[one.media_id for row in rows for one in row.item.itemmedia_set.all()])
        .values_list("media_id", "key")
    )  # fmt: skip
    count = 0
    for row in rows:
        for media, recipe in needed(row):
            if (media.pk, recipe.key) not in known:
                want(media=media, recipe=recipe, wanted_at=row.publish_at, now=now)
                count += 1
    return count


def forget(*, now: datetime) -> int:
    """Remove what was made for posts of long ago. Returns how many files that were."""
    old = list(Rendition.objects.filter(wanted_at__lt=now - KEPT, lease="").exclude(state=S.PENDING)[:BATCH])
    for one in old:
        if Rendition.objects.filter(pk=one.pk, wanted_at=one.wanted_at).delete()[0] and one.file:
            with contextlib.suppress(stored.StorageTrouble):
                stored.delete(one.file)
    return len(old)


def retry(*, workspace: Workspace, media: Media, by: Person | None, now: datetime) -> int:
    """Try again what failed of a file. Returns how many renditions that is."""
    require(by, Permission.PLAN_EDIT)
    kinds = set()
    rows = Rendition.objects.select_for_update().filter(workspace=workspace, media=media, state=S.FAILED)
    with transaction.atomic():
        for one in rows:
            one.state, one.error_code, one.error_params, one.tries = S.PENDING, "", {}, 0
            one.lease, one.lease_until, one.updated_at = "", None, now
            one.save()
            kinds.add(one.recipe["kind"])
        for kind in kinds:
            wake(kind)
        return len(rows)


def wake(kind: str) -> None:
    """Have somebody look at what is to be made of that kind, once the surrounding transaction is committed."""
    from spilno.plan.jobs import make

    with contextlib.suppress(AlreadyEnqueued), transaction.atomic():
        make.configure(queueing_lock=f"plan.make:{kind}").defer(kind=kind)


# ------------------------------------------------------------------------------------------------ making


def pending(*, kind: str, now: datetime) -> bool:
    """Is there something of that kind that nobody is at?"""
    return _free(kind, now).exists()


def _free(kind: str, now: datetime) -> Any:
    return Rendition.objects.filter(state=S.PENDING, recipe__kind=kind).filter(
        Q(lease_until=None) | Q(lease_until__lte=now)
    )


def work(*, kind: str, clock: Clock, stopping: Callable[[], bool] = lambda: False) -> int:
    """Make everything of a kind (``"image"`` or ``"video"``) that nobody is at, one after the other.

    :param stopping: asked several times a second; true ends the work, and what was begun is begun anew by others.
    :return: how many were made or found impossible.
    """
    done = 0
    while not stopping():
        mine = claim(kind=kind, now=clock())
        if mine is None:
            break
        try:
            _make(mine, clock, stopping)
        except bounded.Stopped:
            _release(mine, clock())
            break
        done += 1
    return done


def claim(*, kind: str, now: datetime) -> Rendition | None:
    """Take the most urgent one that nobody is at; ``None`` if there is none."""
    while True:
        with transaction.atomic():
            rows = _free(kind, now).select_for_update(skip_locked=True, of=("self",))
            found: Rendition | None = rows.select_related("media").order_by("wanted_at", "pk").first()
            if found is None:
                return None
            if found.tries >= MOST_TRIES:
                found.state, found.error_code, found.lease, found.lease_until = (
                    S.FAILED,
                    "media_too_heavy",
                    "",
                    None,
                )
            else:
                found.tries += 1
                found.lease, found.lease_until = str(uuid.uuid4()), now + LEASE
            found.updated_at = now
            found.save()
        if found.state == S.PENDING:
            return found


def _mine(row: Rendition) -> Any:
    return Rendition.objects.filter(pk=row.pk, lease=row.lease, state=S.PENDING)


def _make(row: Rendition, clock: Clock, stopping: Callable[[], bool]) -> None:
    """Convert, keep the file, note it. Of two that think they have the lease only the one who has it notes anything."""
    try:
        facts, file = _converted(row, clock, stopping)
    except MediaTrouble as trouble:
        said = {key: str(one) for key, one in trouble.params.items()}
        _mine(row).update(
            state=S.FAILED,
            error_code=trouble.code,
            error_params=said,
            lease="",
            lease_until=None,
            updated_at=clock(),
        )
    except FileNotFoundError:
        _mine(row).update(
            state=S.FAILED, error_code="media_file_gone", lease="", lease_until=None, updated_at=clock()
        )
    except (stored.StorageTrouble, UserError) as trouble:
        # It stays to be done: a disk is emptied, a storage comes back.
        code = trouble.code if isinstance(trouble, UserError) else "storage_away"
        now = clock()
        _mine(row).update(
            error_code=code, error_params={}, tries=row.tries - 1, lease_until=now + AGAIN, updated_at=now
        )
    else:
        _mine(row).update(
            state=S.READY, file=file, mime=facts.mime, bytes=facts.bytes, width=facts.width, height=facts.height,
            seconds=facts.seconds, facts=facts.as_json(), error_code="", error_params={}, lease="", lease_until=None,
            updated_at=clock(),
        )  # fmt: skip


def _converted(row: Rendition, clock: Clock, stopping: Callable[[], bool]) -> tuple[Facts, str]:
    """:raises Stopped: the work was called off, or the lease is another's by now."""
    recipe, media = Recipe.from_json(row.recipe), row.media
    held_since = clock()

    def over() -> bool:
        nonlocal held_since
        now = clock()
        if now - held_since >= RENEW:
            held_since = now
            if not _mine(row).update(lease_until=now + LEASE):
                return True
        return stopping()

    source = stored.local(str(media.file.name))
    handle, name = tempfile.mkstemp(dir=settings.SPILNO_INCOMING, suffix=f".{EXTENSIONS[recipe.mime]}")
    os.close(handle)
    made = Path(name)
    try:
        facts = bounded.convert(source, facts_of(media), recipe, made, stopping=over)
        if over() or not _mine(row).exists():
            raise bounded.Stopped
        # The same recipe gives the same file: whoever made it twice keeps it once.
        file = f"media/{row.workspace_id.hex}/made/{media.sha256[:2]}/{media.sha256}-{row.key[:16]}.{facts.extension}"
        stored.put(file, made, replace=True)
    finally:
        made.unlink(missing_ok=True)
    return facts, file


def _release(row: Rendition, now: datetime) -> None:
    _mine(row).update(lease="", lease_until=None, tries=row.tries - 1, updated_at=now)


# ------------------------------------------------------------------------------------------------ reading


def of_media(media: Media) -> list[Rendition]:
    """Everything that was or is being made of a file, the newest first."""
    return list(
        Rendition.objects.filter(workspace_id=media.workspace_id, media=media).order_by("-created_at")
    )


def name_of(media: Media, rendition: Rendition | None) -> str:
    """What to call the file when somebody saves it."""
    if rendition is None:
        return media.name
    return f"{media.name.removesuffix('.' + extension_of(media))}.{EXTENSIONS.get(rendition.mime, 'bin')}"
