"""The library's files: stored under their content's hash, served to colleagues and, by signed addresses, to
networks.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import ProtectedError

from spilno.kernel.errors import UserError
from spilno.plan import stored
from spilno.plan.models import Media, Rendition
from spilno.team import audit
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require
from spilno.toolkit.media import bounded, reading
from spilno.toolkit.media.facts import Facts, MediaTrouble

if TYPE_CHECKING:
    from spilno.plan.pictures import Picture

log = logging.getLogger(__name__)

PUBLIC_LIFE = timedelta(days=1)
SKEW = timedelta(minutes=15)
"""Machines of one installation may disagree so much about the time."""
ALT_MOST = 1500
SMALL = 480
SHOWN_VIDEOS = ("video/mp4", "video/quicktime", "video/webm")
_signer = Signer(salt="spilno.plan.media")


def store_media(
    *, workspace: Workspace, by: Person | None, now: datetime, name: str, content: BinaryIO, alt: str = ""
) -> Media:
    """Put a picture, video or PDF into the workspace's library. The same file twice is kept once (and gets ``alt``
    if it had none).

    :param content: read piece by piece to its end. One that lies on the disk already (Django's
        ``TemporaryUploadedFile``) is not copied but taken from there.
    :raises UserError: ``media_empty``, ``media_too_large``, ``media_unknown_type``, ``media_too_many_pixels``,
        ``media_broken``, ``media_no_video``, ``media_zero_length``, ``media_unknown_codec``, ``media_password``,
        ``media_too_heavy``, ``disk_full``, ``storage_away``, ``alt_too_long``.
    """
    require(by, Permission.PLAN_EDIT)
    alt = _clean_alt(alt)
    try:
        with _on_disk(content) as path:
            return _store(path, workspace=workspace, by=by, now=now, name=name, alt=alt)
    except MediaTrouble as trouble:
        raise UserError(trouble.code, field="media", **trouble.params) from None
    except stored.StorageTrouble as trouble:
        raise UserError("storage_away", field="media") from trouble


def _store(
    path: Path, *, workspace: Workspace, by: Person | None, now: datetime, name: str, alt: str
) -> Media:
    kind = reading.family(path)
    if kind == "image":
        facts = _clean_picture(path).facts
    elif kind:
        facts = bounded.look(path)
        if facts.kind == "video" and facts.mime not in SHOWN_VIDEOS:
            raise MediaTrouble("media_unknown_type")
    else:
        raise MediaTrouble("media_unknown_type")
    digest = _hash_of(path)
    known = Media.objects.filter(workspace=workspace, sha256=digest).first()
    if known is None:
        file = f"media/{workspace.pk.hex}/{digest[:2]}/{digest}.{facts.extension}"
        if kind != "image":  # a picture's is made when it is first wanted
            _put_small(path, facts, _small_name(workspace, digest))
        stored.put(file, path)
        known, made = Media.objects.get_or_create(
            workspace=workspace,
            sha256=digest,
            defaults={
                "file": file,
                "name": _file_name(name, facts.extension),
                "mime": facts.mime,
                "bytes": facts.bytes,
                "width": facts.width,
                "height": facts.height,
                "seconds": facts.seconds if facts.kind == "video" else None,
                "pages": facts.pages,
                "facts": facts.as_json(),
                "alt": alt,
                "uploaded_by": by,
                "created_at": now,
            },
        )
        if made:
            return known
    elif not stored.exists(str(known.file.name)):  # somebody lost it; here it is again
        stored.put(str(known.file.name), path)
    if alt and not known.alt:
        known.alt = alt
        known.save(update_fields=["alt"])
    return known


@contextmanager
def _on_disk(content: BinaryIO) -> Iterator[Path]:
    """The content as a file that may be taken away.

    :raises UserError: ``media_too_large``, ``disk_full``.
    """
    lies_at = getattr(content, "temporary_file_path", None)
    if lies_at is not None:
        yield Path(lies_at())
        return
    with stored.troubles(), tempfile.NamedTemporaryFile(dir=settings.SPILNO_INCOMING, delete=False) as file:
        path = Path(file.name)
        try:
            while piece := content.read(stored.PIECE):
                file.write(piece)
                if file.tell() > settings.SPILNO_UPLOAD_MAX_BYTES:
                    limit = settings.SPILNO_UPLOAD_MAX_BYTES // 1_000_000
                    raise UserError("media_too_large", field="media", limit=limit)
            file.flush()
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _clean_picture(path: Path) -> Picture:
    """The picture without what it tells about its maker; the file is written anew only if it told something."""
    from spilno.plan.pictures import MAX_BYTES, read_picture

    if path.stat().st_size > MAX_BYTES:
        raise UserError("media_too_large", field="media", limit=MAX_BYTES // 1_000_000)
    content = path.read_bytes()
    picture = read_picture(content)
    if picture.content is not content:
        with stored.troubles():
            path.write_bytes(picture.content)
    return picture


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_media(*, media: Media, alt: str, by: Person | None, now: datetime) -> None:
    """Write what the file shows, for those who cannot see it.

    :raises UserError: ``alt_too_long`` (more than :data:`ALT_MOST` characters).
    """
    require(by, Permission.PLAN_EDIT)
    media.alt = _clean_alt(alt)
    media.save(update_fields=["alt"])


def delete_media(*, media: Media, by: Person | None, now: datetime) -> None:
    """Remove a file that no item uses (deleted items count, because deleting them can be undone).

    :raises UserError: ``media_in_use``.
    """
    require(by, Permission.PLAN_EDIT)
    workspace, pk, path, digest = media.workspace, media.pk, str(media.file.name), media.sha256
    renditions = list(Rendition.objects.filter(media=media))
    try:
        with transaction.atomic():
            media.delete()
            audit.record(
                workspace=workspace, by=by, now=now, action="media.deleted", object_kind="media",
                object_id=pk, name=media.name,
            )  # fmt: skip
    except ProtectedError:
        raise UserError("media_in_use") from None

    made = [one.file for one in renditions if one.file]

    def remove_files() -> None:
        # Uploaded again in the meantime? Then the file is somebody's.
        if Media.objects.filter(workspace=workspace, file=path).exists():
            return
        for name in (path, _small_name(workspace, digest), *made):
            try:
                stored.delete(name)
            except stored.StorageTrouble:  # the row is gone; what is left behind takes room and does no harm
                log.warning("%s is left in the storage, which did not answer", name)

    transaction.on_commit(remove_files)


# ------------------------------------------------------------------------------------------------ addresses


@dataclass(frozen=True)
class Public:
    """What a signed address stands for: a kept file, by its name in the storage."""

    name: str
    mime: str
    bytes: int

    @property
    def extension(self) -> str:
        return PurePosixPath(self.name).suffix.lstrip(".")


def public_url(media: Media, now: datetime, rendition: Rendition | None = None) -> str:
    """An address at which anybody can fetch the file (or what was made of it) for a day: for networks that fetch
    files by themselves.
    """
    expires = int((now + PUBLIC_LIFE).timestamp())
    said = {"m": media.pk.hex, "e": expires} if rendition is None else {"r": rendition.pk.hex, "e": expires}
    extension = PurePosixPath(str(rendition.file if rendition else media.file.name)).suffix
    return f"{settings.SPILNO_PUBLIC_URL}{settings.MEDIA_URL}{_signer.sign_object(said)}{extension}"


def public_small(media: Media, now: datetime) -> str:
    """Path of a small picture of the file for people without an account, for a day."""
    said = {"s": media.pk.hex, "e": int((now + PUBLIC_LIFE).timestamp())}
    return f"{settings.MEDIA_URL}{_signer.sign_object(said)}.webp"


def from_token(*, token: str, now: datetime) -> Public | None:
    """The file that a signed address stands for; ``None`` if it was changed, is over, or the file is gone."""
    try:
        said = _signer.unsign_object(token)
        expires = datetime.fromtimestamp(said["e"], UTC)
        made, pk = "r" in said, UUID(said.get("r") or said.get("s") or said["m"])
    except (BadSignature, KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    if now >= expires + SKEW:
        return None
    if made:
        rendition = Rendition.objects.filter(pk=pk, state=Rendition.State.READY).first()
        return Public(rendition.file, rendition.mime, rendition.bytes) if rendition else None
    media = Media.objects.filter(pk=pk).first()
    if media is not None and "s" in said:
        try:
            name = small_of(media)
            return Public(name, "image/webp", stored.size(name))
        except (FileNotFoundError, stored.StorageTrouble):
            return None
    return Public(str(media.file.name), media.mime, media.bytes) if media else None


# ------------------------------------------------------------------------------------------------ small pictures


def small_of(media: Media) -> str:
    """Name in the storage of a small picture of the file (WebP, at most :data:`SMALL` pixels wide and high), made
    when first asked for.

    :raises FileNotFoundError: the file is gone.
    :raises StorageTrouble: the storage does not answer.
    """
    name = _small_name(media.workspace_id, media.sha256)
    if not stored.exists(name):
        try:
            _put_small(stored.local(str(media.file.name)), facts_of(media), name)
        except MediaTrouble as trouble:
            raise FileNotFoundError(name) from trouble
    return name


def _put_small(path: Path, facts: Facts, name: str) -> None:
    handle, made = tempfile.mkstemp(dir=settings.SPILNO_INCOMING, suffix=".webp")
    os.close(handle)
    try:
        make = reading.poster if facts.kind == "image" else bounded.poster
        try:
            make(path, facts, Path(made), SMALL)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise UserError("disk_full", field="media") from None
            raise
        stored.put(name, Path(made))
    finally:
        Path(made).unlink(missing_ok=True)


def _small_name(workspace: Workspace | UUID, digest: str) -> str:
    pk = workspace if isinstance(workspace, UUID) else workspace.pk
    return f"media/{pk.hex}/small/{digest}.webp"


def facts_of(media: Media) -> Facts:
    """What is known about the file. Of files from before this was written down, only the usual."""
    if media.facts:
        return Facts.from_json(media.facts)
    return Facts(mime=media.mime, bytes=media.bytes, width=media.width, height=media.height)


def extension_of(media: Media) -> str:
    """``"jpg"``, ``"png"`` … of the stored file."""
    return PurePosixPath(str(media.file.name)).suffix.lstrip(".")


def path_of(media: Media) -> Path:
    """Where the file lies on this machine, or would, once :func:`spilno.plan.stored.local` has fetched it."""
    return stored.path_of(str(media.file.name))


def _file_name(name: str, extension: str) -> str:
    """The name as typed, without folders and control characters, ending as what the file really is."""
    last = name.replace("\\", "/").rpartition("/")[2]
    stem = "".join(one for one in last if one.isprintable()).rpartition(".")[0] or last
    return f"{stem.strip()[: 190 - len(extension)] or 'file'}.{extension}"


def _clean_alt(alt: str) -> str:
    alt = " ".join(alt.split())
    if len(alt) > ALT_MOST:
        raise UserError("alt_too_long", field="alt", limit=ALT_MOST)
    return alt
