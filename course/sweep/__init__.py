"""Sweeps: one chapter, many settings, one table. `plan`, `run`, `collect`, in that order.

planning  what a sweep is: a file, checked before anything starts
manager   all its runs, on Dask's workers
worker    one run, with papermill
collect   the table of what they recorded
compare   which setting is best, and whether the difference is more than chance
report    the results as files and in words
"""

from .collect import collect, head
from .compare import grid, settings
from .manager import SweepError, run
from .planning import Plan, PlanError, plan, read
from .report import PAGE, PARQUET, PICTURE, TABLE, best_of, labelled, summary

__all__ = [
    "PAGE",
    "PARQUET",
    "PICTURE",
    "TABLE",
    "Plan",
    "PlanError",
    "SweepError",
    "best_of",
    "collect",
    "grid",
    "head",
    "labelled",
    "plan",
    "read",
    "run",
    "settings",
    "summary",
]
