"""Files on their way in: straight to the disk, piece by piece, and no further than is allowed."""

from __future__ import annotations

import errno
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler

from spilno.interfaces.web.access import WorkspaceRequest
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.plan import services
from spilno.plan.models import Media


class StreamedUpload(TemporaryFileUploadHandler):
    """Django's handler that writes to the disk, with an eye on who uploads and on how much there is.

    A file that may not be taken is read to its end and thrown away, so that the browser hears why from
    :func:`store_all`.
    """

    def new_file(self, *args: Any, **named: Any) -> None:
        super().new_file(*args, **named)
        self._problem: UserError | None = None
        self._so_far = 0
        person = getattr(self.request, "user", None)
        if person is None or not person.is_authenticated:
            self._skip(UserError("media_not_taken"))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self._so_far += len(raw_data)
        if self._so_far > settings.SPILNO_UPLOAD_MAX_BYTES:
            self._skip(UserError("media_too_large", limit=settings.SPILNO_UPLOAD_MAX_BYTES // 1_000_000))
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._skip(UserError("disk_full"))
        return None

    def _skip(self, problem: UserError) -> None:
        problem.field = "media"
        assert self.request is not None
        self.request.META.setdefault("spilno.refused_files", []).append((self.file_name or "", problem))
        raise SkipFile


def store_all(
    request: WorkspaceRequest, name: str = "files"
) -> tuple[list[Media], list[tuple[str, UserError]]]:
    """Keep the files of a form's field in the library; those that are good, even if others are not.

    :return: what is kept, and names of the others with what is wrong with them.
    """
    kept: list[Media] = []
    problems: list[tuple[str, UserError]] = []
    files = request.FILES.getlist(name)
    problems += request.META.get("spilno.refused_files", [])
    for file in files:
        try:
            kept.append(
                services.store_media(
                    workspace=request.workspace,
                    by=request.person,
                    now=clock.now(),
                    name=file.name or "",
                    content=file,  # type: ignore[arg-type]
                )
            )
        except UserError as problem:
            problems.append((file.name or "", problem))
    return kept, problems
