"""Case folders: one initiative with everything that belongs to it, taken in whole (docs/import-format.md).

result = import_case(folder=Path("cases/charity-book-sale"), now=clock.now())
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from pathlib import Path

from django.db import connection, transaction

from spilno.exchange.cases import rows
from spilno.exchange.cases.apply import Import, ImportResult
from spilno.exchange.cases.parse import parse
from spilno.exchange.cases.problems import CaseProblems, Problem, Problems
from spilno.team.models import Workspace

__all__ = ["CaseProblems", "ImportResult", "Problem", "import_case"]


def import_case(*, folder: Path, now: datetime, workspace: Workspace | None = None) -> ImportResult:
    """Take in a case folder: all of it, or nothing.

    Everything is checked first and every problem is named. Importing again changes nothing; a changed folder
    changes what it changed: facts are corrected, rows that are gone are withdrawn.

    :param workspace: where to; by default the one that the folder names, which is made if it is not there.
    :raises CaseProblems: with everything that is wrong with the folder.
    """
    problems = Problems()
    case = parse(folder, problems)
    if case is not None:
        deque(rows.facts(case, problems), maxlen=0)
        deque(rows.observations(case, problems), maxlen=0)
    problems.stop()
    assert case is not None  # without a case there are problems
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Two imports of one case at the same time would both find nothing there.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"case:{case.workspace.slug}"])
        run = Import(case, now, problems)
        result = run.run(workspace)
        problems.stop()  # what only the database knew, or what somebody changed in the files meanwhile
    return result
