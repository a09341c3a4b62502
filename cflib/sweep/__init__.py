"""Sweeps: one chapter, many settings, one table. `plan`, `run`, `collect`, in that order."""

from .collect import collect
from .manager import SweepError, run
from .plan import Plan, PlanError, plan, read

__all__ = ["Plan", "PlanError", "SweepError", "collect", "plan", "read", "run"]
