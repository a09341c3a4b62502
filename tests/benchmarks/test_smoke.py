"""Every command of the benchmarks runs, on tiny data and for our side alone.

The numbers say nothing at this size, so none is looked at, and no clock either. Measurements run in
this process, but for one of each kind that runs in its own, as all do outside the tests.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import benchmarks.__main__ as timing_commands
import benchmarks.accuracy.__main__ as accuracy_commands
from benchmarks import environments, ours, report, timing
from benchmarks.accuracy import fit, folds, judge, plan, race, running
from cflib import BayesSettings, fit_bayes, metrics, models

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
ACCURACY = ROOT / "benchmarks" / "accuracy"


def call(command, *args):
    """Run a command line; its output."""
    result = CliRunner().invoke(command, [str(arg) for arg in args])
    assert result.exit_code == 0, result.output
    return result.output


# python -m benchmarks -----------------------------------------------------------------------


@pytest.fixture
def here(monkeypatch):
    """Measurements run in this process."""

    def measured(what, variables=None, **options):
        lines = ours.MEASUREMENTS[what](**json.loads(json.dumps(options)))
        return [json.loads(json.dumps(line, default=float)) for line in lines]

    monkeypatch.setattr(timing, "ours", measured)


def test_all_benchmarks_run_on_tiny_sets(tmp_path, here):
    ours_only = ("--peer", "cflib", "--peer", "bayes")
    call(timing_commands.main, "all", "--tiny", *ours_only, "--out", tmp_path)
    results = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in "abcefg"}
    assert set(results["a"]) == {"original", "adam", "als"}
    for name, solver in (("b", "cflib"), ("g", "bayes")):
        peers = results[name]["small"]["peers"]
        assert set(peers) == {solver} and {"rmse", "seconds"} < set(peers[solver]["lines"][0])
    assert [row["ratings"] for row in results["c"]["rows"]] == [20_000]
    tables = (tmp_path / "results.md").read_text()
    assert all(
        f"## {title}" in tables
        for title in (
            "a. Seconds",
            "b. Beside",
            "c, d. Growth",
            "e. Growth",
            "f. Lists",
            "g. The most",
        )
    )
    (row,) = results["e"]["rows"]
    assert row["ratings"] == 20_000 and row["rated_peak_bytes"] >= row["alone_peak_bytes"] > 0
    assert len(results["f"]["runs"]["cflib"]) == 8 and results["f"]["same"] == 1
    assert (tmp_path / "results.svg").stat().st_size > 0


def test_tuning_tries_the_choices(tmp_path, here):
    out = call(timing_commands.main, "tune", "--tiny", "--peer", "cflib", "--out", tmp_path)
    assert out.count("b small cflib {") == 2


def test_a_report_waits_for_ours(tmp_path, here):
    call(timing_commands.main, "b", "g", "--tiny", "--peer", "cflib", "--out", tmp_path)
    tables = (tmp_path / "results.md").read_text()
    assert tables.count("### small") == 1  # `fit_bayes`, to which g compares, was not run


def test_an_unknown_set_is_named():
    result = CliRunner().invoke(timing_commands.main, ["b", "--tiny", "--set", "10M"])
    assert result.exit_code == 2 and "'10M' is not one of small" in result.output


def test_a_measurement_runs_in_a_process_of_its_own():
    (line,) = environments.ours("rate", n=8)
    assert set(line) == {"flop_per_second"}


def test_the_stored_report_is_that_of_the_stored_results(tmp_path):
    for path in RESULTS.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    report.write(tmp_path)
    assert (tmp_path / "results.md").read_text() == (RESULTS / "results.md").read_text()


# python -m benchmarks.accuracy --------------------------------------------------------------


@pytest.fixture
def few(monkeypatch):
    """Models run in this process, and there are three: of ratings, with intervals, of lists."""
    models = {name: plan.MODELS[name] for name in ("means", "bayes_movies", "popularity")}
    models["bayes_movies"] = models["bayes_movies"] | {
        "default": {"n_features": 2, "iterations": 6, "burn_in": 2, "n_samples": 2},
        "tried": [{"n_features": 3, "iterations": 6, "burn_in": 2, "n_samples": 2}],
    }
    for module in (plan, judge, running, accuracy_commands):
        monkeypatch.setattr(module, "MODELS", models)
    monkeypatch.setattr(running, "fit", fit.run)


def test_models_are_tuned_run_and_judged_on_tiny_splits(tmp_path, few):
    tiny = ("--tiny", "--out", tmp_path)
    call(accuracy_commands.main, *tiny, "tune", "--model", "bayes_movies")
    call(accuracy_commands.main, *tiny, "run")
    call(accuracy_commands.main, *tiny, "report")
    results = json.loads((tmp_path / "results.json").read_text())
    of_folds = {(row["model"], row["setting"]) for row in results["folds"]["tiny"]}
    assert of_folds == {
        ("means", "default"),
        ("bayes_movies", "default"),
        ("bayes_movies", "tuned"),
    }
    assert {row["model"] for row in results["latest"] if "ndcg" in row} == {
        "means",
        "bayes_movies",
        "popularity",
    }
    assert {row["model"] for row in results["coverage"]} == {"bayes_movies"}
    assert "rmse_to_ours" not in results["folds"]["tiny"][0]  # nobody else is given the same
    frame = pd.read_csv(tmp_path / "results.csv")
    assert "fit_bayes (movie features)" in set(frame["model"])
    assert (tmp_path / "results.png").stat().st_size > 0


def test_a_run_that_is_there_is_not_made_again(tmp_path, few):
    tiny = ("--tiny", "--out", tmp_path, "run", "--model", "means", "--split", "tiny-0")
    assert "tiny-0 means" in call(accuracy_commands.main, *tiny)
    assert call(accuracy_commands.main, *tiny) == ""


def test_our_side_of_the_race_is_stopped_by_validation_and_the_same_run_meets_the_test(
    few, monkeypatch
):
    monkeypatch.setattr(race, "fit", fit.run)
    settings = BayesSettings(n_features=2, iterations=8, burn_in=1, n_samples=7, chains=1)
    given, parts = "movie features", folds.of("tiny-0-inner")
    features = models.movie_features(parts.train)
    watched = fit_bayes(parts.train, settings, movie_features=features, validation=parts.test)
    errors = watched.history["validation_rmse"][1:]
    goal = errors.sort_values().iloc[2]
    n = race.iterations_to(goal, "tiny-0", given, settings)
    assert n == watched.history["step"][errors.index[errors <= goal][0]]
    assert race.iterations_to(0.0, "tiny-0", given, settings) is None
    run = race.our_run("tiny-0", given, n, settings)
    assert run["validation_rmse"] == pytest.approx(errors[errors <= goal].iloc[0], abs=1e-6)
    changes = {"iterations": n, "n_samples": n - 1}
    model = fit_bayes(parts.train, settings, movie_features=features, **changes)
    test = folds.of("tiny-0").test
    predicted = model.predict(test.movie_index, test.user_index)
    assert run["rmse"] == pytest.approx(metrics.rmse(test.value, predicted), abs=1e-6)


def test_a_model_runs_in_a_process_of_its_own(tmp_path):
    split, out = folds.path(tmp_path, "tiny-latest"), tmp_path / "ease.npz"
    running.fit("ease", split, out, {"lam": 10, "lists": True})
    with np.load(out) as arrays:
        assert arrays["lists"].shape == (folds.of("tiny-latest").train.n_users, fit.K)


def test_the_stored_tables_are_those_of_the_stored_results(tmp_path):
    for path in ACCURACY.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    call(accuracy_commands.main, "--out", tmp_path, "tables")
    for name in ("results.md", "results.csv"):
        assert (tmp_path / name).read_text() == (ACCURACY / name).read_text()


def test_settings_are_chosen_for_models_that_there_are():
    assert set(plan.Plan().chosen()) <= set(plan.MODELS)


# A peer's environment -----------------------------------------------------------------------


def test_what_runs_beside_a_peer_needs_no_cflib():
    code = "import sys; sys.modules['cflib'] = None; import benchmarks.accuracy.fit"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_peer_has_an_environment_and_a_place_in_the_tables():
    peers = {peer for settings in timing.SETTINGS.values() for peer in settings["peers"]}
    libraries = {entry["library"] for entry in plan.MODELS.values()} - {"cflib", "ease"}
    others = (peers - set(timing.OURS)) | libraries
    for name in {environments.ENVIRONMENT.get(peer, peer) for peer in others}:
        assert (environments.REQUIREMENTS / f"{name}.txt").exists()
    assert peers <= set(report.NAMES)
    assert {entry["library"] for entry in plan.MODELS.values()} <= set(fit.LIBRARIES)
    assert {entry["uses"] for entry in plan.MODELS.values()} <= set(judge.USES)
