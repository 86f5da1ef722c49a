"""KPI definitions and formulas, usable alone.

``python -m spilno.toolkit.metrics FOLDER`` prints the figures of a case folder, ``… --docs`` the catalogue as
Markdown (docs/kpis.md).
"""

from .catalogue import all_counters, all_definitions, counter, get
from .formulas import Missing, Value, evaluate, reached
from .model import (
    Aggregate,
    Better,
    Counter,
    Definition,
    DefinitionError,
    Empty,
    Formula,
    Input,
    Source,
    Subject,
    Unit,
)
from .rows import FactRow, ObservationRow, Period, compute, curve

__all__ = [
    "Aggregate",
    "Better",
    "Counter",
    "Definition",
    "DefinitionError",
    "Empty",
    "FactRow",
    "Formula",
    "Input",
    "Missing",
    "ObservationRow",
    "Period",
    "Source",
    "Subject",
    "Unit",
    "Value",
    "all_counters",
    "all_definitions",
    "compute",
    "counter",
    "curve",
    "evaluate",
    "get",
    "reached",
]
