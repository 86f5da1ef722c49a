"""The door to where files are kept: the data folder, or an S3-compatible storage.

Programs that convert, networks' connectors and reports want a file on this machine. With a storage elsewhere they get
a copy, kept in a folder of bounded size: what was not used for longest goes first.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage

from spilno.kernel.errors import UserError

PIECE = 256 << 10  # bytes read at once
IN_USE = 15 * 60.0
"""Seconds after its last use in which a copy is not thrown away: somebody may be about to open it."""


class StorageTrouble(Exception):
    """The storage did not answer, or not as it should. Trying again may help."""


def at_home() -> bool:
    """Are files kept on this machine's own disk?"""
    return isinstance(
        default_storage, FileSystemStorage
    )  # a lazy object says the class of what it stands for


@contextmanager
def troubles() -> Iterator[None]:
    """Errors of the disk and of a storage elsewhere, as what callers know.

    :raises UserError: ``disk_full``.
    :raises StorageTrouble: everything else but a file that is not there (``FileNotFoundError``).
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError("disk_full", field="media") from error
        raise StorageTrouble(str(error)) from error
    except Exception as error:
        # The client of an S3 storage is not imported where there is none: its errors are known by where they live.
        if not type(error).__module__.startswith(("botocore", "boto3", "s3transfer", "urllib3")):
            raise
        raise StorageTrouble(type(error).__name__) from error


def put(name: str, path: Path, *, replace: bool = False) -> None:
    """Keep a file of this machine under a name. The file is moved or copied.

    :param replace: else a name that is taken is kept as it is, because names are made from contents.
    :raises UserError: ``disk_full``.
    :raises StorageTrouble: the storage does not answer.
    """
    with troubles():
        if not replace and default_storage.exists(name):
            return
        if at_home():
            _move(path, Path(default_storage.path(name)))
            return
        default_storage.put_file(name, path)  # type: ignore[attr-defined]
        _move(path, _copy_of(name))
    _make_room()


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        try:
            path.rename(part)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copyfile(path, part)  # another disk
        part.chmod(settings.FILE_UPLOAD_PERMISSIONS or 0o640)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def local(name: str) -> Path:
    """The file on this machine, fetched if it is kept elsewhere and not here yet.

    :raises FileNotFoundError: it is gone.
    :raises StorageTrouble: the storage does not answer.
    :raises UserError: ``disk_full``.
    """
    if at_home():
        path = Path(default_storage.path(name))
        if not path.is_file():
            raise FileNotFoundError(path)
        return path
    copy = _copy_of(name)
    with troubles():
        if _used_now(copy):
            return copy
        copy.parent.mkdir(parents=True, exist_ok=True)
        with (copy.parent / f".{copy.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of several that want it one fetches
            if _used_now(copy):
                return copy
            with tempfile.NamedTemporaryFile(
                dir=copy.parent, prefix=".", suffix=".part", delete=False
            ) as part:
                try:
                    for piece in pieces(name):
                        part.write(piece)
                    part.flush()
                    os.replace(part.name, copy)
                except BaseException:
                    Path(part.name).unlink(missing_ok=True)
                    raise
        Path(lock.name).unlink(missing_ok=True)
    _make_room()
    return copy


def fetch(path: Path) -> None:
    """Have a file here that :func:`path_of` told of.

    :raises FileNotFoundError: it is gone; and those of :func:`local`.
    """
    if at_home():
        if not path.is_file():
            raise FileNotFoundError(path)
        return
    local(path.relative_to(settings.SPILNO_CACHE).as_posix())


def path_of(name: str) -> Path:
    """Where :func:`local` has the file, without looking whether it is there."""
    return Path(default_storage.path(name)) if at_home() else _copy_of(name)


def _used_now(copy: Path) -> bool:
    try:
        os.utime(copy)
    except FileNotFoundError:
        return False
    return True


def _copy_of(name: str) -> Path:
    return Path(settings.SPILNO_CACHE) / name


def _make_room() -> None:
    """Throw copies away until they are within bounds, those first that were not used for longest."""
    if at_home():
        return
    files = []
    for folder, _folders, names in os.walk(settings.SPILNO_CACHE):
        for name in names:
            try:
                found = os.stat(os.path.join(folder, name))
            except FileNotFoundError:  # another process makes room as well
                continue
            files.append((found.st_mtime, found.st_size, os.path.join(folder, name)))
    over = sum(size for _at, size, _path in files) - settings.SPILNO_CACHE_BYTES
    for at, size, path in sorted(files):
        if over <= 0 or at > time.time() - IN_USE:
            return
        Path(path).unlink(missing_ok=True)
        over -= size


def exists(name: str) -> bool:
    """Is it kept?"""
    with troubles():
        return bool(default_storage.exists(name))


def delete(name: str) -> None:
    """Remove a file and its copy on this machine; what is gone already is no error."""
    with troubles():
        default_storage.delete(name)
        if not at_home():
            _copy_of(name).unlink(missing_ok=True)


def size(name: str) -> int:
    """Bytes. :raises FileNotFoundError: it is gone."""
    with troubles():
        return int(default_storage.size(name))


def pieces(name: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The file's bytes from ``start`` to ``end`` (exclusive), a piece at a time; memory stays flat.

    The file is opened at once, so that one that is gone is known before the first piece is wanted.

    :raises FileNotFoundError: it is gone.
    :raises StorageTrouble: the storage does not answer.
    """
    if at_home():
        with troubles():
            file: IO[bytes] = Path(default_storage.path(name)).open("rb")  # noqa: SIM115 - closed by who reads
        return _from_disk(file, start, end)
    copy = _copy_of(name)
    if copy.is_file():
        return _from_disk(copy.open("rb"), start, end)
    return _from_elsewhere(name, start, end)


def _from_disk(file: IO[bytes], start: int, end: int | None) -> Iterator[bytes]:
    with file:
        file.seek(start)
        left = None if end is None else end - start
        while piece := file.read(PIECE if left is None else min(PIECE, left)):
            yield piece
            if left is not None:
                left -= len(piece)


def _from_elsewhere(name: str, start: int, end: int | None) -> Iterator[bytes]:
    with troubles():
        found = default_storage.bucket.Object(default_storage._normalize_name(name))  # type: ignore[attr-defined]
        wanted = f"bytes={start}-{'' if end is None else end - 1}"
        try:
            body = found.get(Range=wanted)["Body"] if start or end is not None else found.get()["Body"]
        except Exception as error:
            said = getattr(error, "response", {}).get("Error", {}).get("Code")
            if said in ("NoSuchKey", "404"):
                raise FileNotFoundError(name) from error
            raise
    return _from_body(body)


def _from_body(body: IO[bytes]) -> Iterator[bytes]:
    with troubles(), body:
        while piece := body.read(PIECE):
            yield piece
