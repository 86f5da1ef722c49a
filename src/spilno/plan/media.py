"""The library's files: stored under their content's hash, served to colleagues and, by signed addresses, to
networks.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import ProtectedError

from spilno.kernel.errors import UserError
from spilno.plan.models import Media
from spilno.plan.pictures import MAX_BYTES, read_picture, shrink
from spilno.team import audit
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require

PUBLIC_LIFE = timedelta(days=1)
ALT_MOST = 1500
SMALL = 480
_signer = Signer(salt="spilno.plan.media")


def store_media(
    *, workspace: Workspace, by: Person | None, now: datetime, name: str, content: BinaryIO, alt: str = ""
) -> Media:
    """Put a picture into the workspace's library. The same picture twice is kept once (and gets ``alt`` if it
    had none).

    :param content: read to its end, at most one byte more than :data:`spilno.plan.pictures.MAX_BYTES`.
    :raises UserError: ``media_empty``, ``media_too_large``, ``media_unknown_type``,
        ``media_too_many_pixels``, ``media_broken``, ``alt_too_long``.
    """
    require(by, Permission.PLAN_EDIT)
    alt = _clean_alt(alt)
    picture = read_picture(content.read(MAX_BYTES + 1))
    digest = hashlib.sha256(picture.content).hexdigest()
    path = f"media/{workspace.pk.hex}/{digest[:2]}/{digest}.{picture.extension}"
    if not default_storage.exists(path):
        path = default_storage.save(path, ContentFile(picture.content))
    media, made = Media.objects.get_or_create(
        workspace=workspace,
        sha256=digest,
        defaults={
            "file": path,
            "name": _file_name(name, picture.extension),
            "mime": picture.mime,
            "bytes": len(picture.content),
            "width": picture.width,
            "height": picture.height,
            "alt": alt,
            "uploaded_by": by,
            "created_at": now,
        },
    )
    if not made and alt and not media.alt:
        media.alt = alt
        media.save(update_fields=["alt"])
    return media


def describe_media(*, media: Media, alt: str, by: Person | None, now: datetime) -> None:
    """Write what the picture shows, for those who cannot see it.

    :raises UserError: ``alt_too_long`` (more than :data:`ALT_MOST` characters).
    """
    require(by, Permission.PLAN_EDIT)
    media.alt = _clean_alt(alt)
    media.save(update_fields=["alt"])


def delete_media(*, media: Media, by: Person | None, now: datetime) -> None:
    """Remove a picture that no item uses (deleted items count, because deleting them can be undone).

    :raises UserError: ``media_in_use``.
    """
    require(by, Permission.PLAN_EDIT)
    workspace, pk, path, digest = media.workspace, media.pk, str(media.file.name), media.sha256
    try:
        with transaction.atomic():
            media.delete()
            audit.record(
                workspace=workspace, by=by, now=now, action="media.deleted", object_kind="media",
                object_id=pk, name=media.name,
            )  # fmt: skip
    except ProtectedError:
        raise UserError("media_in_use") from None

    def remove_file() -> None:
        # Uploaded again in the meantime? Then the file is somebody's.
        if not Media.objects.filter(workspace=workspace, file=path).exists():
            default_storage.delete(path)
            default_storage.delete(f"media/{workspace.pk.hex}/small/{digest}.webp")

    transaction.on_commit(remove_file)


def public_url(media: Media, now: datetime) -> str:
    """An address at which anybody can fetch the file for a day: for networks that fetch pictures by
    themselves.
    """
    expires = int((now + PUBLIC_LIFE).timestamp())
    token = _signer.sign_object({"m": media.pk.hex, "e": expires})
    return f"{settings.SPILNO_PUBLIC_URL}{settings.MEDIA_URL}{token}.{extension_of(media)}"


def from_token(*, token: str, now: datetime) -> Media | None:
    """The file that a signed address stands for; ``None`` if it was changed, is over, or the file is gone."""
    try:
        said = _signer.unsign_object(token)
        expires, pk = datetime.fromtimestamp(said["e"], UTC), UUID(said["m"])
    except (BadSignature, KeyError, TypeError, ValueError, OverflowError):
        return None
    return Media.objects.filter(pk=pk).first() if now < expires else None


def small_of(media: Media) -> Path:
    """Where a small version lies (WebP, at most :data:`SMALL` pixels wide and high), made when first asked for."""
    name = f"media/{media.workspace_id.hex}/small/{media.sha256}.webp"
    if not default_storage.exists(name):
        name = default_storage.save(name, ContentFile(shrink(path_of(media), SMALL)))
    return Path(default_storage.path(name))


def extension_of(media: Media) -> str:
    """``"jpg"``, ``"png"`` … of the stored file."""
    return PurePosixPath(str(media.file.name)).suffix.lstrip(".")


def path_of(media: Media) -> Path:
    """Where the file lies on this machine."""
    return Path(media.file.path)


def _file_name(name: str, extension: str) -> str:
    """The name as typed, without folders and control characters, ending as what the file really is."""
    last = name.replace("\\", "/").rpartition("/")[2]
    stem = "".join(one for one in last if one.isprintable()).rpartition(".")[0] or last
    return f"{stem.strip()[: 190 - len(extension)] or 'picture'}.{extension}"


def _clean_alt(alt: str) -> str:
    alt = " ".join(alt.split())
    if len(alt) > ALT_MOST:
        raise UserError("alt_too_long", field="alt", limit=ALT_MOST)
    return alt
