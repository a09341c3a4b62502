"""Two models in one: the best ranker makes the lists, the best predictor gives the stars.

A low error of predicted stars does not make a good list, and a good ranker predicts no stars
(chapter 04). A `Recommender` has one of each, trained on the same ratings. It keeps the contract of
`model.Model`, so that it is saved, folded in and asked like any other model.
"""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np

from .. import _storage
from ..model import STARS, FactorModel, Index, Population, Response
from ..ratings import Ratings


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Recommender(FactorModel):
    """A ranker and a predictor as one model; make it by `of`.

    Its arrays, scores, reasons and lists are the ranker's. Its predictions, and how sure they are,
    are the predictor's.

    Attributes
    ----------
    lists_by : FactorModel
        What ranks.
    stars_by : FactorModel or None
        What predicts ratings; None where the data have no ratings to predict.
    """

    lists_by: FactorModel
    stars_by: FactorModel | None

    @classmethod
    def of(
        cls, ranker: FactorModel, predictor: FactorModel | None, notes: dict | None = None
    ) -> Self:
        """The model that ranks by `ranker` and predicts by `predictor`.

        Raises
        ------
        ValueError
            For two models that were trained on other ratings, or for a predictor of no ratings.
        """
        if predictor is not None:
            if predictor.data_fingerprint != ranker.data_fingerprint:
                raise ValueError(
                    f"both models should be trained on the same ratings. Received: {ranker!r} and "
                    f"{predictor!r}"
                )
            if STARS not in predictor.says:
                raise ValueError(f"`predictor` should predict ratings. Received: {predictor!r}")
        names = [field.name for field in dataclasses.fields(FactorModel)]
        fields = {name: getattr(ranker, name) for name in names}
        if predictor is not None:
            fields["scale"] = predictor.scale
        fields["notes"] = ranker.notes | (notes or {})
        return cls(**fields, lists_by=ranker, stars_by=predictor)

    @property
    def says(self) -> frozenset[str]:  # type: ignore[override]
        """What either of the two says."""
        return self.lists_by.says | (self.stars_by.says if self.stars_by else frozenset())

    @property
    def ranker(self) -> FactorModel:
        """The model whose scores order the lists."""
        return self.lists_by

    @property
    def predictor(self) -> FactorModel | None:
        """The model that predicts ratings, where there is one."""
        return self.stars_by or self.lists_by.predictor

    def __repr__(self) -> str:
        return f"Recommender(lists: {self.lists_by!r}; stars: {self.predictor!r})"

    def predict(self, movie_index: Index, user_index: Index, clip: bool = True) -> np.ndarray:
        """Predicted ratings of pairs, by the predictor. TypeError where there is none."""
        return (self.predictor or self.lists_by).predict(movie_index, user_index, clip)

    def predict_std(
        self, movie_index: np.ndarray, user_index: np.ndarray, noise: bool = False
    ) -> np.ndarray:
        """Standard deviation of the predictions, by a predictor that says intervals."""
        predictor: Any = self.predictor
        return predictor.predict_std(movie_index, user_index, noise)

    def predict_interval(
        self, movie_index: np.ndarray, user_index: np.ndarray, level: float = 0.9
    ) -> tuple[np.ndarray, np.ndarray]:
        """Ends between which a rating lies, by a predictor that says intervals."""
        predictor: Any = self.predictor
        return predictor.predict_interval(movie_index, user_index, level)

    def score_users(self, user_index: Index) -> np.ndarray:
        """Scores of all movies for a block of users, by the ranker."""
        return self.lists_by.score_users(user_index)

    def score_new_user(self) -> np.ndarray:
        """Scores of all movies for a user of whom nothing is known, by the ranker."""
        return self.lists_by.score_new_user()

    def fold_in(self, ratings: Ratings, bias: str | None = None) -> Self:
        """Both models with the users of `ratings`."""
        stars = self.stars_by.fold_in(ratings, bias) if self.stars_by else None
        return self.of(self.lists_by.fold_in(ratings, bias), stars, self.notes)

    def response(
        self, movie_index: np.ndarray, values: np.ndarray, bias: str | None = None
    ) -> Response:
        """The ranker's response: what its lists follow from."""
        return self.lists_by.response(movie_index, values, bias)

    def population(self) -> Population:
        """What a new user is drawn from, in stars where there is a predictor."""
        return (self.predictor or self.lists_by).population()

    def solve_movie(self, user_index: np.ndarray, values: np.ndarray) -> NoReturn:
        """Raise TypeError: a movie would have to be added to both models."""
        raise TypeError(f"a movie can be added to a model of the cost only. Received: {self!r}")

    def save(self, path: str | Path, ratings: Ratings | None = None) -> Path:
        """Write both models to one file, which `load_model` reads. As `FactorModel.save`."""
        arrays = {"ranker": _bytes_of(self.lists_by, ratings)}
        if self.stars_by is not None:
            arrays["predictor"] = _bytes_of(self.stars_by, None)
        header = {"format": _storage.FORMAT, "kind": type(self).__name__, "notes": self.notes}
        _storage.write_arrays(path, header, arrays)
        return Path(path)

    def load_ratings(self, path: _storage.Source) -> Ratings:
        """The ratings that `save` stored. As `FactorModel.load_ratings`."""
        _, arrays = _storage.read_arrays(path, ("ranker",))
        name = Path(path).stem if isinstance(path, str | Path) else "ratings"
        ratings = self.lists_by.load_ratings(io.BytesIO(arrays["ranker"].tobytes()))
        return dataclasses.replace(ratings, name=name, scale=self.scale)

    @classmethod
    def stored_arrays(cls) -> tuple[str, ...]:
        """The two models' files."""
        return "ranker", "predictor"

    @classmethod
    def from_file(cls, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The model in the header and the arrays of a file that `save` wrote."""
        ranker = FactorModel.load(io.BytesIO(arrays["ranker"].tobytes()))
        predictor = None
        if "predictor" in arrays:
            predictor = FactorModel.load(io.BytesIO(arrays["predictor"].tobytes()))
        return cls.of(ranker, predictor, header["notes"])


def _bytes_of(model: FactorModel, ratings: Ratings | None) -> np.ndarray:
    """The file of one model as an array of bytes."""
    file = io.BytesIO()
    _storage.write_model(model, file, ratings)
    return np.frombuffer(file.getvalue(), np.uint8)
