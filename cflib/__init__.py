"""cflib: collaborative filtering by matrix factorisation, small enough to read in an afternoon.

Rows are movies and columns are users, everywhere. Read the heart in this order:

    ratings      what a set of ratings is, once it is read
    split        which ratings are held out to judge on
    normalize    the means that are subtracted before training and added back after
    model        the prediction, the cost, and what every model can do
    als          the definition of half an iteration, in NumPy; `fit_als`
    adam         the same cost minimised by gradients, in TensorFlow; `fit_adam`
    metrics      numbers from predictions and from lists, and their intervals
    evaluation   models and a split in, a table out

Beyond it: `data` finds and reads ratings; `selection` makes everybody's lists; `folds` judges on
many splits; `models` has the Bayesian, the implicit, the popularity and the Spark model; `people`
has lists, reasons, and people who are new; `tune` compares the models on a set and keeps the best;
`updating` takes new ratings into a model.

    from cflib import evaluate, fit_als, holdout, load, recommend

    split = holdout(load())
    model = fit_als(split.train)
    print(evaluate({"ALS": model}, split))
    print(recommend(model, split.train, user_id=1))

Importing this package loads none of its rooms: each name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from . import adam as adam
    from . import als as als
    from . import data as data
    from . import evaluation as evaluation
    from . import folds as folds
    from . import metrics as metrics
    from . import model as model
    from . import models as models
    from . import normalize as normalize
    from . import people as people
    from . import ratings as ratings
    from . import selection as selection
    from . import settings as settings
    from . import split as split
    from . import tune as tune
    from . import updating as updating
    from ._tensorflow import tf as tf
    from .adam import AdamSettings as AdamSettings
    from .adam import fit_adam as fit_adam
    from .als import ALSSettings as ALSSettings
    from .als import MeansSettings as MeansSettings
    from .als import fit_als as fit_als
    from .als import fit_means as fit_means
    from .data import load as load
    from .data import read as read
    from .evaluation import compare as compare
    from .evaluation import evaluate as evaluate
    from .evaluation import rank as rank
    from .folds import cross_validate as cross_validate
    from .models import BayesSettings as BayesSettings
    from .models import BlendSettings as BlendSettings
    from .models import EASESettings as EASESettings
    from .models import ImplicitSettings as ImplicitSettings
    from .models import SparkSettings as SparkSettings
    from .models import fit_bayes as fit_bayes
    from .models import fit_blend as fit_blend
    from .models import fit_ease as fit_ease
    from .models import fit_implicit as fit_implicit
    from .models import fit_popularity as fit_popularity
    from .models import fit_spark as fit_spark
    from .models import load_model as load_model
    from .people import explain as explain
    from .people import fold_in as fold_in
    from .people import recommend as recommend
    from .people import recommend_new as recommend_new
    from .people import similar as similar
    from .ratings import Ratings as Ratings
    from .selection import top_n as top_n
    from .split import by_time as by_time
    from .split import holdout as holdout
    from .split import kfold as kfold
    from .split import latest as latest
    from .updating import update as update

# Where each name is. A test holds this table to the imports above, which are for type checkers.
_NAMES = {
    "_tensorflow": "tf",
    "adam": "AdamSettings fit_adam",
    "als": "ALSSettings MeansSettings fit_als fit_means",
    "data": "load read",
    "evaluation": "compare evaluate rank",
    "folds": "cross_validate",
    "metrics": "",
    "model": "",
    "models": "BayesSettings BlendSettings EASESettings ImplicitSettings SparkSettings "
    "fit_bayes fit_blend fit_ease fit_implicit fit_popularity fit_spark load_model",
    "normalize": "",
    "people": "explain fold_in recommend recommend_new similar",
    "ratings": "Ratings",
    "selection": "top_n",
    "settings": "",
    "split": "by_time holdout kfold latest",
    "tune": "",
    "updating": "update",
}
_ROOM_OF = {name: room for room, names in _NAMES.items() for name in names.split()}
_ROOMS = {room for room in _NAMES if not room.startswith("_")}

__all__ = sorted(["__version__", *_ROOM_OF, *_ROOMS])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """The name's value, imported when it is first used (PEP 562)."""
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    if name in _ROOM_OF:
        value = getattr(importlib.import_module(f".{_ROOM_OF[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
