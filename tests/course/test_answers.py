"""Right answers pass an exercise's check however they are computed, and wrong ones do not.

The answers are made from the solutions: rounded, in single precision, as lists and as pandas'
objects; wrong ones are the right ones with a number changed. `OTHERWISE` has answers that are
computed in other ways. It takes a minute, so that it runs with `--long` only.
"""

import ast
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from course import checks, run

from .test_exercises import SOLUTIONS, steps

# By the name of the check
OTHERWISE = {
    "the_mean": [
        (
            "left_over = lambda Y, R, Y_mu: np.array([(y[r == 1] - m).mean() if r.any() else 0 "
            "for y, r, m in zip(Y, R, Y_mu[:, 0])])"
        ),
        (
            "left_over = lambda Y, R, Y_mu: np.einsum('ij,ij->i', R, Y - Y_mu)"
            " / np.maximum(np.einsum('ij->i', R), 1)"
        ),
        "left_over = lambda Y, R, Y_mu: pd.DataFrame(Y - Y_mu).where(R == 1).mean(axis=1).fillna(0)",
    ],
    "at_zero": [
        (
            "best_rated = lambda deviation, rated, n: sorted("
            "np.flatnonzero(rated), key=lambda i: -deviation[i])[:n]"
        ),
        (
            "best_rated = lambda deviation, rated, n: "
            "pd.Series(deviation)[rated == 1].sort_values(ascending=False).index[:n]"
        ),
    ],
    "the_error": [
        (
            "error_of_one = lambda p, a, r, m: sum((x - y) ** 2 for x, y, z in zip(p, a, r) if z)"
            " ** 0.5 / sum(r) ** 0.5"
        ),
        "error_of_one = lambda p, a, r, m: np.sqrt(np.mean((p[r == 1] - a[r == 1]) ** 2))",
    ],
    "the_row": [
        "def row_of(movie_ids, movie_id):\n    return {m: n for n, m in enumerate(movie_ids)}[movie_id]",
        "row_of = lambda movie_ids, movie_id: pd.Index(movie_ids).get_loc(movie_id)",
    ],
    "the_arrays": [
        (
            "def dense(m, u, v, n, k):\n    Y, R = np.zeros((n, k), np.float32), np.zeros((n, k), bool)\n"
            "    for i, j, y in zip(m, u, v):\n        Y[i, j], R[i, j] = y, True\n    return [Y, R]"
        ),
    ],
    "the_titles": [
        (
            "most_rated = lambda ratings, n: ratings.movies['title'].iloc["
            "np.argsort(-ratings.movie_counts, kind='stable')[:n]].to_numpy()"
        ),
    ],
    "the_head": [
        (
            "share_of_top = lambda counts, f: sum(sorted(counts)[::-1][: int(f * len(counts))])"
            " / sum(counts)"
        ),
        (
            "share_of_top = lambda counts, f: pd.Series(counts).nlargest(int(f * len(counts))).sum()"
            " / counts.sum()"
        ),
    ],
    "the_movie_means": [
        (
            "movie_means = lambda Y, R: np.array([y[r == 1].mean() if r.any() else Y[R == 1].mean() "
            "for y, r in zip(Y, R)])"
        ),
        (
            "movie_means = lambda Y, R: pd.DataFrame(Y).where(R == 1).mean(axis=1).fillna("
            "Y[R == 1].mean())"
        ),
    ],
    "the_damped_means": [
        (
            "damped_means = lambda Y, R, d: np.array([(sum(y) + d * Y[R == 1].mean()) / (sum(r) + d) "
            "for y, r in zip(Y, R)])"
        ),
    ],
    "the_levels": [
        (
            "user_levels = lambda Y, R, m, d: np.einsum('ij,ij->j', R, Y - m[:, None])"
            " / (np.einsum('ij->j', R) + d)"
        ),
    ],
    "the_cost": [
        (
            "cost = lambda Y, R, X, W, b, lam: sum((X[i] @ W[j] + b[0, j] - Y[i, j]) ** 2 "
            "for i, j in np.argwhere(R)) / 2 + lam / 2 * (np.linalg.norm(X) ** 2 + (W * W).sum())"
        ),
    ],
    "the_gradient": [
        (
            "gradient = lambda Y, R, X, W, b, lam: np.einsum('ij,jk->ik', R * (X @ W.T + b - Y), W)"
            " + lam * X"
        ),
        (
            "gradient = lambda Y, R, X, W, b, lam: np.array([sum(((X[i] @ W[j] + b[0, j] - Y[i, j])"
            " * W[j] for j in np.flatnonzero(R[i])), start=lam * X[i]) for i in range(len(X))])"
        ),
    ],
    "one_movie": [
        (
            "solve_movie = lambda y, r, W, b, lam: np.linalg.inv("
            "(W.T * r) @ W + lam * np.eye(W.shape[1])) @ (W.T @ (r * (y - b)))"
        ),
    ],
    "the_half_iteration": [
        (
            "half_iteration = lambda Y, R, W, b, lam: [np.linalg.lstsq((W.T * r) @ W"
            " + lam * np.eye(W.shape[1]), W.T @ (r * (y - b[0])))[0] for y, r in zip(Y, R)]"
        ),
    ],
    "the_rmse": [
        (
            "def rmse(actual, predicted):\n    if pd.isna(predicted).any():\n"
            "        raise ValueError('missing')\n"
            "    return np.linalg.norm(np.asarray(predicted, float) - actual) / len(actual) ** 0.5"
        ),
    ],
    "the_ndcg": [
        (
            "from math import log2\n"
            "ndcg = lambda hits, n: sum(h / log2(i + 2) for i, h in enumerate(hits))"
            " / sum(1 / log2(i + 2) for i in range(min(len(hits), n)))"
        ),
    ],
    "the_difference": [
        (
            "def difference_interval(error, other, user, seed=0):\n"
            "    frame = pd.DataFrame({'a': error**2, 'b': other**2, 'n': 1}).groupby(user).sum()\n"
            "    drawn = []\n"
            "    for n in range(300):\n"
            "        s = frame.sample(frac=1, replace=True, random_state=1000 * seed + n).sum()\n"
            "        drawn.append((s['a'] / s['n']) ** 0.5 - (s['b'] / s['n']) ** 0.5)\n"
            "    return tuple(np.percentile(drawn, [2.5, 97.5]))"
        ),
    ],
    "the_list": [
        (
            "recommend = lambda scores, rated, n: [i for i in np.argsort(-scores, kind='stable') "
            "if i not in set(rated)][:n]"
        ),
        "recommend = lambda scores, rated, n: pd.Series(scores).drop(rated).nlargest(n).index",
    ],
    "the_cosines": [
        "cosines = lambda X, i: [x @ X[i] / (x @ x) ** 0.5 / (X[i] @ X[i]) ** 0.5 for x in X]",
        (
            "cosines = lambda X, i: np.einsum('ik,k->i', U := X / np.linalg.norm(X, axis=1)[:, None],"
            " U[i])"
        ),
    ],
    "somebody_new": [
        (
            "fold_in = lambda x, left, lam: np.linalg.lstsq(np.vstack([x, lam**0.5"
            " * np.eye(x.shape[1])]), np.append(left, np.zeros(x.shape[1])))[0]"
        ),
    ],
    "is_it_better": [
        "paired = lambda a, b: (pd.Series(a - b).mean(), pd.Series(a - b).sem())",
    ],
    "movie_after_movie": [
        (
            "def by_movie(movie_index, n_movies):\n"
            "    order = sorted(range(len(movie_index)), key=lambda n: movie_index[n])\n"
            "    return order, np.searchsorted(np.sort(movie_index), np.arange(n_movies + 1))"
        ),
    ],
    "the_innocent_line": [
        (
            "squared_error = lambda X, W, m, u, left: np.sum("
            "(np.einsum('nk,nk->n', X[m], W[u]) - left) ** 2)"
        ),
        (
            "squared_error = lambda X, W, m, u, left: sum("
            "(X[i] @ W[j] - y) ** 2 for i, j, y in zip(m, u, left))"
        ),
    ],
    "block_by_block": [
        (
            "best_movies = lambda X, W, block: np.concatenate([np.argmax(W[s : s + block] @ X.T, axis=1)"
            " for s in range(0, len(W), block)])"
        ),
    ],
    "one_draw": [
        "draw = lambda P, h, rng: rng.multivariate_normal(np.linalg.inv(P) @ h, np.linalg.inv(P))",
    ],
    "the_chance": ["chance = lambda mean, sd, threshold: 1 - norm.cdf(threshold, mean, sd)"],
    "not_answered": [
        (
            "mean_points = lambda sent: sent.replace({'points': {0: np.nan}})"
            ".groupby('movieId')['points'].mean()"
        ),
    ],
    "points_to_stars": [
        "rescale = lambda v, a, b, c, d: [c + (x - a) * (d - c) / (b - a) for x in v]",
    ],
    "rated_twice": [
        "latest = lambda sent: sent.loc[sent.groupby(['userId', 'movieId'])['timestamp'].idxmax()]",
    ],
    "a_batch": [
        "pair_scores = lambda x, w: np.einsum('nk,nk->n', x, w)",
        "pair_scores = lambda x, w: [a @ b for a, b in zip(x, w)]",
        "pair_scores = lambda x, w: pd.DataFrame(x * w).sum(axis=1)",
    ],
    "a_test": [
        (
            "same_alone = lambda scores, x, w: len(np.atleast_1d(scores(x, w))) == len(x) and all("
            "abs(np.ravel(scores(x[n : n + 1], w[n : n + 1]))[0] - s) < 1e-6 "
            "for n, s in enumerate(scores(x, w)))"
        ),
    ],
    "the_join": [
        (
            "def joined_rmse(test, predictions, fallback):\n"
            "    of = predictions.set_index(['userId', 'movieId'])['prediction'].to_dict()\n"
            "    pairs = zip(test['userId'], test['movieId'], test['rating'])\n"
            "    return (sum((of.get((u, m), fallback) - r) ** 2 for u, m, r in pairs)"
            " / len(test)) ** 0.5"
        ),
    ],
}


class Exercise(NamedTuple):
    """A check with the answers that it looks at."""

    name: str
    check: str
    answers: list[str]  # names that the solution defines
    claims: list[str]  # hints that name a cause: they are for likely mistakes


class Notebook:
    """The names of a notebook, whose cells run here without a kernel."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"pd": pd}
        self.texts: list[str] = []

    def run(self, source: str) -> None:
        exec(compile(source, "<cell>", "exec"), self.names)

    def said(self, exercise: Exercise) -> str:
        self.texts.clear()
        self.run(exercise.check)
        (text,) = self.texts
        return text

    def exercises(self, path) -> Iterator[Exercise]:
        """Run the notebook, and stop at each check with the solution before it in place."""
        answers: list[str] = []
        for kind, cell in steps(path):
            if cell.cell_type != "code":
                continue
            if kind == "check":
                tree = ast.parse(cell.source)
                hints = [
                    key.value
                    for node in ast.walk(tree)
                    if isinstance(node, ast.Dict)
                    for key in node.keys
                    if isinstance(key, ast.Constant) and len(str(key.value)) > 1
                ]
                yield Exercise(tree.body[0].name, cell.source, answers, hints)
                continue
            if kind != "given":
                before = dict(self.names)
                self.run(cell.source)
                if kind == "solution":
                    changed = [n for n, v in self.names.items() if before.get(n) is not v]
                    answers = [n for n in changed if not n.startswith("__")]


@pytest.fixture
def notebook(monkeypatch) -> Notebook:
    notebook = Notebook()
    monkeypatch.chdir(run.NOTEBOOKS)
    monkeypatch.setattr(
        checks, "display", lambda data, raw: notebook.texts.append(data["text/plain"])
    )
    return notebook


def converted(value: Any, convert: Callable) -> Any:
    """`value` converted: its parts, if it is a tuple, and what it returns, if it is a function."""
    if isinstance(value, tuple):
        return tuple(converted(item, convert) for item in value)
    if isinstance(value, FunctionType):
        return lambda *arguments, **named: converted(value(*arguments, **named), convert)
    return convert(value)


def of_numbers(convert: Callable) -> Callable:
    """`convert` for numbers, and for those of a series; anything else stays as it is."""

    def convert_numbers(value: Any) -> Any:
        if isinstance(value, pd.Series):
            return pd.Series(np.asarray(convert(value.to_numpy())), value.index)
        is_number = isinstance(value, float | int | np.number | np.ndarray)
        return convert(value) if is_number and not isinstance(value, bool) else value

    return convert_numbers


def significant(value: Any) -> Any:
    """Rounded to four significant digits, where it is no whole number."""
    if np.asarray(value).dtype.kind in "iu":
        return value
    with np.errstate(divide="ignore"):
        unit = 10.0 ** np.floor(np.log10(np.abs(value)))
    return np.where(unit > 0, np.round(value / np.where(unit > 0, unit, 1), 3) * unit, value)


def single(value: Any) -> Any:
    return value if np.asarray(value).dtype.kind in "iu" else np.asarray(value).astype(np.float32)


def of_pandas(value: Any) -> Any:
    kind = {1: pd.Series, 2: pd.DataFrame}.get(np.ndim(value))
    return kind(value) if kind else value


def four_decimals(value: Any) -> Any:
    """Rounded, where enough of the number is left."""
    return np.round(value, 4) if np.max(np.abs(value), initial=0) > 0.01 else value


RIGHT = {
    "four digits": significant,
    "four decimals": four_decimals,
    "single precision": single,
    "lists": lambda value: np.asarray(value).tolist(),
    "pandas": of_pandas,
}


def changed(value: Any) -> Any:
    """The last number is another, the last row is missing, or true is false."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, list | pd.DataFrame):
        return value[:-1]
    if isinstance(value, pd.Series):
        return pd.Series(changed(value.to_numpy()), value.index)
    array = np.array(value)
    step = 3 if array.dtype.kind in "iu" else 0.137 * max(1, np.max(np.abs(array)))
    array.reshape(-1)[-1] += step
    return array[()]


WRONG = {
    "a number changed": changed,
    "None": lambda value: None,  # as where `return` was forgotten
    "not a number": lambda value: np.full(np.shape(value), np.nan),
    "no number": lambda value: "two",
}


@pytest.mark.long
@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_right_answers_pass_in_any_form_and_wrong_ones_do_not(path, notebook):
    n_functions = 0
    for exercise in notebook.exercises(path):
        solved = {name: notebook.names[name] for name in exercise.answers}
        assert notebook.said(exercise).startswith("Right."), exercise.name
        for form, convert in RIGHT.items():
            notebook.names |= {n: converted(v, of_numbers(convert)) for n, v in solved.items()}
            said = notebook.said(exercise)
            assert said.startswith("Right."), f"{exercise.name}, {form}: {said}"
        for code in OTHERWISE.get(exercise.name, []):
            notebook.run(code)
            said = notebook.said(exercise)
            assert said.startswith("Right."), f"{exercise.name}, {code}: {said}"
        notebook.names |= solved
        functions = [name for name, value in solved.items() if isinstance(value, FunctionType)]
        n_functions += len(functions)
        for form, convert in WRONG.items() if functions else ():
            notebook.names[functions[0]] = converted(solved[functions[0]], convert)
            said = notebook.said(exercise)
            assert said.startswith("Not yet."), f"{exercise.name}, {form}: {said}"
            claims_a_cause = said.removeprefix("Not yet. ") in exercise.claims
            assert form != "a number changed" or not claims_a_cause, f"{exercise.name}: {said}"
        notebook.names |= solved
    assert n_functions >= 2
