"""From a file to the best lists and stars that this library can make, and how good they are.

`fit` is what the command `cflib fit` does. It holds a fifth of the ratings out, chooses the
settings of each model on a part of the rest (`search`), measures all models on what was held out
(`compare`), keeps one for lists and one for stars, and trains these again on all the ratings.
`report` says it in words. Nothing here is only about movies: the file may be of books, songs or
recipes, and hold ratings on any scale, likes, counts or thumbs.
"""

from .compare import METRICS, kept, tied
from .fitting import BASELINES, FEWEST, Tuned, check, fit
from .plans import (
    BAYES_LIMITS,
    EASE_CELLS,
    FACTORS,
    FEATURES,
    MEANS,
    MODELS,
    ON_REQUEST,
    QUICK_SPREAD,
)
from .search import SEARCH_LIMIT, SPREADS, TEST_FRACTION, choose_lam, held_out
from .wording import report

__all__ = [
    "BASELINES",
    "BAYES_LIMITS",
    "EASE_CELLS",
    "FACTORS",
    "FEATURES",
    "FEWEST",
    "MEANS",
    "METRICS",
    "MODELS",
    "ON_REQUEST",
    "QUICK_SPREAD",
    "SEARCH_LIMIT",
    "SPREADS",
    "TEST_FRACTION",
    "Tuned",
    "check",
    "choose_lam",
    "fit",
    "held_out",
    "kept",
    "report",
    "tied",
]
