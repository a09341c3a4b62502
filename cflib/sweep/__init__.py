"""Sweeps: one chapter, many settings, one table. `plan`, `run`, `collect`, in that order."""

from .collect import collect, head
from .compare import grid, is_over_users, settings
from .manager import SweepError, run
from .planning import Plan, PlanError, plan, read
from .report import PAGE, PARQUET, PICTURE, TABLE, best_of, labelled, summary

__all__ = [
    "PAGE", "PARQUET", "PICTURE", "TABLE", "Plan", "PlanError", "SweepError", "best_of", "collect",
    "grid", "head", "is_over_users", "labelled", "plan", "read", "run", "settings", "summary",
]  # fmt: skip
