"""What anybody can throw at the library, made by Hypothesis: `make fuzz` runs this file alone.

`make test` does not collect it; it replays the failures that were found, which are kept as cases of
ordinary tests. How long a kind is tried is its share of FUZZ_MINUTES. There is no fuzzing by
coverage (atheris): our own code is Python around parsers of NumPy, pyarrow and zipfile, and
instrumenting those is their projects' work; what is ours is what their results are taken for.
"""

import contextlib
import csv
import dataclasses
import decimal
import hashlib
import io
import json
import math
import os
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from cflib import _kernels, data, fit_als, fit_means, load_model, metrics
from cflib._commands import command_line
from cflib.people import find_movies, fold_in

from ..conftest import make_ratings

MINUTES = float(os.environ.get("FUZZ_MINUTES", "10"))
KINDS = 11  # tests in this file
COUNTS: dict[str, int] = {}
ORDINARY = (ValueError, KeyError, FileNotFoundError)  # what the library documents


def for_minutes(*strategies, share=1.0):
    """Repeat a test with new examples until its share of the time is over; count them."""

    def decorate(test):
        def repeated(tmp_path):
            end = time.monotonic() + 60 * MINUTES * share / KINDS
            number = 0
            while time.monotonic() < end:

                def once(example):
                    COUNTS[test.__name__] = COUNTS.get(test.__name__, 0) + 1
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        test(tmp_path, *example)

                checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
                configured = settings(
                    max_examples=25, deadline=None, database=None, suppress_health_check=checks
                )
                start = time.time_ns() % 2**32 + number
                seed(start)(configured(given(st.tuples(*strategies))(once)))()
                number += 1

        repeated.__name__ = test.__name__
        repeated.__doc__ = test.__doc__
        return repeated

    return decorate


@pytest.fixture(scope="module", autouse=True)
def counts():
    yield
    for name, count in COUNTS.items():
        print(f"{name}: {count:,} inputs")


def is_refused(path: Path, error: Exception) -> None:
    """The message names the file, and advises nothing unsafe."""
    assert str(path) in str(error)
    assert "allow_pickle" not in str(error)


# Files of ratings -------------------------------------------------------------------------------

CELL = st.one_of(
    st.sampled_from(
        ["1", "2", "007", "7", "a", "A", " a", "x y", "", "é", "1.5", "-1", "nan", "4"]
    ),
    st.text(max_size=6),
    st.text(alphabet='",;\t\n\r ab12', max_size=5),
)
RATING = st.one_of(st.sampled_from(["1", "2", "3", "4.5", "5"]), CELL)
ROW = st.tuples(CELL, CELL, RATING)


@for_minutes(st.lists(ROW, min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_well_formed_csv_is_read_as_csv_reads_it(tmp_path, rows, end, quote_all):
    """What `csv` wrote is what is read, or it is refused; nothing is changed or dropped."""
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(text, lineterminator=end, quoting=quoting)
    writer.writerow(["user", "item", "rating"])
    writer.writerows(rows)
    path = tmp_path / "r.csv"
    with contextlib.suppress(UnicodeEncodeError):
        path.write_bytes(text.getvalue().encode())
        agrees_with_oracle(path)


@for_minutes(st.binary(max_size=80), st.integers(0, 60), st.booleans())
def test_any_csv_bytes_are_read_as_csv_reads_them_or_refused(tmp_path, noise, at, replace):
    """Bytes put into a good file, or in place of some of it."""
    good = b"user,item,rating\n" + b"".join(
        b"u%d,i%d,%d\n" % (n % 4, n, 1 + n % 5) for n in range(9)
    )
    path = tmp_path / "r.csv"
    path.write_bytes(good[:at] + noise + good[at + (len(noise) if replace else 0) :])
    agrees_with_oracle(path)


def oracle(path: Path) -> list[tuple[str, str, float]]:
    """An independent reader: the file's lines as `csv` has them."""
    text = path.read_bytes().decode("utf-8-sig")
    lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
    return [(user, item, float(rating)) for user, item, rating in lines[1:]]


def agrees_with_oracle(path: Path) -> None:
    names = {"user": "user", "item": "item", "rating": "rating", "timestamp": None}
    try:
        ratings = data.read(path, **names, kind="ratings")
    except ORDINARY as error:
        is_refused(path, error)
        return
    users, items = ratings.user_ids[ratings.user_index], ratings.movie_ids[ratings.movie_index]
    ours = list(zip(map(str, users), map(str, items), ratings.value.tolist(), strict=True))
    theirs = [(user, item, float(np.float32(value))) for user, item, value in oracle(path)]
    assert ours == theirs


TYPES = [
    pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.bool_(), pa.string(),
    pa.large_string(), pa.binary(), pa.date32(), pa.time32("s"), pa.time64("us"),
    pa.duration("s"), pa.timestamp("ns"), pa.timestamp("ms", "UTC"), pa.null(),
    pa.decimal128(5, 1), pa.list_(pa.int64()), pa.struct([("a", pa.int64())]),
    pa.map_(pa.string(), pa.int64()), pa.dictionary(pa.int32(), pa.string()),
]  # fmt: skip
VALUES = {
    "list": [[1], [2, 3]], "struct": [{"a": 1}, {"a": 2}], "map": [[("a", 1)], []],
    "string": ["a", "7"], "binary": [b"a", b"\xff"], "bool": [True, False],
}  # fmt: skip


def column(kind: pa.DataType, numbers: list[int]) -> pa.Array:
    name = str(kind).removeprefix("large_").partition("<")[0]
    if pa.types.is_null(kind):
        return pa.nulls(len(numbers))
    if pa.types.is_dictionary(kind):
        return pa.array([str(n) for n in numbers]).dictionary_encode()
    if pa.types.is_decimal(kind):
        return pa.array([decimal.Decimal(n) for n in numbers], kind)
    if name in VALUES:
        return pa.array([VALUES[name][n % 2] for n in numbers], kind)
    if pa.types.is_temporal(kind):
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        return pa.array(numbers, width).cast(kind)
    return pa.array(numbers).cast(kind)


@for_minutes(
    st.tuples(*[st.sampled_from(TYPES)] * 4),
    st.lists(st.integers(0, 9), min_size=1, max_size=8),
    st.tuples(*[st.booleans()] * 4),
    st.sampled_from(["read", "guess", "titles"]),
)
def test_parquet_of_any_types_is_read_or_refused(tmp_path, types, numbers, usual, what):
    names = ("user", "item", "rating", "timestamp")
    plain = dict.fromkeys(names[:2], pa.int64()) | {"rating": pa.float64(), "timestamp": pa.int64()}
    chosen = [plain[n] if u else t for n, u, t in zip(names, usual, types, strict=True)]
    columns = [column(kind, numbers) for kind in chosen]
    if what == "titles":
        names = ("item", "title", "genres", "more")
    path = tmp_path / "r.parquet"
    pq.write_table(pa.table(columns, names=names), path)
    try:
        if what == "titles":
            text = tmp_path / "r.csv"
            text.write_text("user,item,rating\n1,1,2\n1,2,3\n2,1,5\n")
            movies = data.read(text, kind="ratings", movies=path).movies
            assert all(isinstance(value, str) for value in movies["title"])
            assert all(isinstance(value, str) for value in movies["genres"])
        else:
            getattr(data, what)(path)
    except ORDINARY as error:
        is_refused(path, error)


@for_minutes(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=4), st.booleans()
)
def test_damaged_parquet_is_refused_or_harmless(tmp_path, changes, cut):
    path = tmp_path / "r.parquet"
    frame = pd.DataFrame({"user": range(20), "item": range(20), "rating": np.arange(20) % 5 + 1.0})
    frame.to_parquet(path)
    content = bytearray(path.read_bytes())
    for at, value in changes:
        content[at % len(content)] = value
    path.write_bytes(content[: changes[0][0]] if cut and changes else content)
    with contextlib.suppress(*ORDINARY):
        data.read(path, kind="ratings")


# Models -----------------------------------------------------------------------------------------

RATINGS = make_ratings()
MODEL = fit_als(RATINGS, n_features=3, iterations=2)
EVERYBODY = np.arange(MODEL.n_users)


@for_minutes(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 7)), min_size=1, max_size=3),
    st.one_of(st.none(), st.integers(0, 10**6)),
)
def test_a_damaged_model_is_refused_or_the_same(tmp_path, flips, kept):
    path = MODEL.save(tmp_path / "m.npz", RATINGS)
    content = bytearray(path.read_bytes())
    for at, bit in flips:
        content[at % len(content)] ^= 1 << bit
    path.write_bytes(content if kept is None else content[: kept % len(content)])
    try:
        loaded = load_model(path)
    except ValueError as error:
        is_refused(path, error)
        return
    np.testing.assert_array_equal(loaded.score_users(EVERYBODY), MODEL.score_users(EVERYBODY))
    assert loaded.movies["title"].tolist() == MODEL.movies["title"].tolist()


@for_minutes(st.one_of(st.text(max_size=30), st.sampled_from(list(MODEL.movies["title"]))))
def test_any_text_is_looked_up(tmp_path, text):
    found = find_movies(MODEL, text)
    assert found["match"].between(0, 100).all() and found["match"].is_monotonic_decreasing
    if text in set(MODEL.movies["title"]):
        assert text in set(found["title"])


@for_minutes(
    st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 12),
    st.floats(-4, 5), st.sampled_from(["none", "free", "ridge"]),
)  # fmt: skip
def test_a_row_is_solved_as_in_double_precision(tmp_path, start, n, k, power, bias):
    """The cost at the solution is that of `numpy.linalg.lstsq` in float64, to a part in 10⁴."""
    rng, lam = np.random.default_rng(start), np.float32(10.0**power)
    factors = rng.standard_normal((n, k)).astype(np.float32)
    target = (3 * rng.standard_normal(n)).astype(np.float32)
    w, b = _kernels.solve_row(np.arange(n), target, factors, np.zeros(n), lam, bias)
    V = np.column_stack([factors, np.full(n, bias != "none")]).astype(np.float64)
    penalty = np.append(np.full(k, lam), lam if bias == "ridge" else 0.0)
    system = np.vstack([V, np.diag(np.sqrt(penalty))])
    x = np.linalg.lstsq(system, np.append(target, np.zeros(k + 1)).astype(np.float64), rcond=None)[
        0
    ]

    def cost(solution):
        return np.sum((V @ solution - target) ** 2) + np.sum(penalty * solution**2)

    assert cost(np.append(w, b).astype(np.float64)) <= cost(x) * (1 + 1e-4) + 1e-4


@for_minutes(
    st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=6),
    st.lists(st.integers(0, 4), min_size=6, max_size=6),
)
def test_metrics_of_lists_are_their_definitions(tmp_path, lists, more):
    """Each by a loop over users and places."""
    hits = np.array(lists)
    n_relevant = np.maximum(hits.sum(axis=1) + np.array(more[: len(lists)]), 1)
    for row, n, recall, precision, gain, average, first in zip(
        lists,
        n_relevant.tolist(),
        metrics.recall(hits, n_relevant),
        metrics.precision(hits, n_relevant),
        metrics.ndcg(hits, n_relevant),
        metrics.average_precision(hits, n_relevant),
        metrics.reciprocal_rank(hits, n_relevant),
        strict=True,
    ):
        places = [place for place, hit in enumerate(row, 1) if hit]
        assert math.isclose(precision, len(places) / 5)
        assert math.isclose(first, 1 / places[0] if places else 0)
        assert math.isclose(recall, len(places) / n)
        ideal = sum(1 / math.log2(place + 1) for place in range(1, min(n, 5) + 1))
        ours = sum(1 / math.log2(place + 1) for place in places)
        assert math.isclose(gain, ours / ideal, abs_tol=1e-9)
        ours = sum(sum(row[:place]) / place for place in places) / min(n, 5)
        assert math.isclose(average, ours, abs_tol=1e-9)


@for_minutes(st.dictionaries(st.integers(0, 29), st.integers(1, 10), max_size=29))
def test_somebody_new_is_folded_in_as_everybody_is(tmp_path, given_ratings):
    """One person in double precision is the block's answer, and reasons sum to predictions."""
    mine = {int(MODEL.movie_ids[i]): half / 2 for i, half in given_ratings.items()}
    one = fold_in(MODEL, mine)
    assert np.isfinite(one.scores()).all()
    if mine:
        index = np.array(list(given_ratings), np.int32)
        values = np.array(list(given_ratings.values()), np.float32) / 2
        alone = dataclasses.replace(
            RATINGS,
            movie_index=index,
            user_index=np.zeros(len(index), np.int32),
            value=values,
            timestamp=None,
            user_ids=np.array([1]),
        )
        block = MODEL.fold_in(alone).score_user(0)
        np.testing.assert_allclose(one.scores(), block, atol=2e-3)


# The command line -------------------------------------------------------------------------------

WORDS = ["recommend", "explain", "similar", "fit", "update", "evaluate", "info", "--help"]
OPTIONS = [
    "--user", "--item", "--rating", "--timestamp", "--kind", "--scale", "--missing", "--titles",
    "--on-duplicate", "--wide", "--separator", "--no-header", "--model", "--quick", "--features",
    "--ratings", "-n", "--genre", "--format", "--diversity", "--min-ratings", "--only",
]  # fmt: skip
THINGS = [
    "m.npz", "r.csv", "bad.csv", "missing.csv", ".", "means", "als", "popular", "1", "0", "-1",
    "100", "none", "likes", "ratings", "json", "csv", "Movie 3", "", "\x1b[31m", "é",
]  # fmt: skip


@for_minutes(
    st.sampled_from(WORDS),
    st.lists(st.one_of(st.sampled_from(THINGS), st.sampled_from(OPTIONS)), max_size=7),
    st.booleans(),
)
def test_any_arguments_end_with_an_exit_status_and_without_a_traceback(tmp_path, word, rest, out):
    """No file but the one that --out names is changed."""
    tmp_path.joinpath("r.csv").write_text(
        "user,item,rating\n"
        + "".join(f"{u},{i},{1 + u * i % 5}\n" for u in range(9) for i in range(9))
    )
    tmp_path.joinpath("bad.csv").write_bytes(b'user,item\n1,"2\n\xff')
    if not tmp_path.joinpath("m.npz").exists():
        fit_means(RATINGS).save(tmp_path / "m.npz", RATINGS)
    before = digests(tmp_path)
    if word == "fit" and "--quick" not in rest:
        rest = [*rest, "--quick"]
    more = ["--out", "new.npz"] if out else []
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        done = CliRunner().invoke(command_line(), [word, *rest, *more])
    finally:
        os.chdir(here)
    assert done.exception is None or isinstance(done.exception, SystemExit), (word, rest, done)
    assert done.exit_code in (0, 1, 2) and "Traceback" not in done.output
    after = digests(tmp_path)
    if not out:
        assert after == before
    after.pop("new.npz", None)
    before.pop("new.npz", None)
    assert after == before
    (tmp_path / "new.npz").unlink(missing_ok=True)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


# Sweep files ------------------------------------------------------------------------------------

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = ["chapter", "metric", "grid", "fixed", "points", "seeds", "timeout", "retries", "what"]


@for_minutes(
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5),
    st.booleans(),
    st.binary(max_size=20),
)
def test_any_sweep_file_is_read_or_refused(tmp_path, described, is_whole, noise):
    from course import sweep

    path = tmp_path / "s.yaml"
    base = {"chapter": "one_model", "metric": "rmse"} if is_whole else {}
    text = json.dumps(base | described).encode("utf-8", "surrogatepass")
    path.write_bytes(text if len(noise) < 10 else text[:20] + noise + text[20:])
    with contextlib.suppress(*ORDINARY):
        sweep.read(path)
