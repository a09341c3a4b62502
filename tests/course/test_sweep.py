"""What a sweep is and what is said of it: the file checked, the table, the comparison, the page."""

import json

import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner

from cflib import metrics
from course import commands, figures, run, sweep
from course.notebooks import fetched

from .small_chapters import chapter

PARAMETERS = """size = 3  # of something
rate = 0.5  # of something
word = "a"  # any
fast = False  # leave something out
dataset = "movielens_2016"  # as in `data.load`
seed = 1  # of nothing
run_dir = ""  # folder of the run"""
RECORDS = (
    "from course import chapter\nchapter.record(run_dir, 'score', {'of': {'all': size * rate}})"
)
GRID = {"size": [1, 2, 3], "rate": [0.5, 2]}


@pytest.fixture
def small(tmp_path):
    """Sweeps of a small chapter, made from a file as a reader would write it."""
    chapter(tmp_path / "small.ipynb", RECORDS, parameters=PARAMETERS)
    described = {"chapter": "small.ipynb", "metric": "score.of.all"}

    def make(**changes):
        path = tmp_path / "mine.yaml"
        path.write_text(json.dumps({**described, **changes}))  # JSON is YAML
        return sweep.read(path)

    return make


# The plan


def test_the_runs_are_every_combination_and_every_point_with_every_seed(small):
    plan = small(
        fixed={"word": "b"}, grid=GRID, points=[{"size": 9, "word": "c"}, {}], seeds=[1, 2]
    )
    got = [
        (p.parameters["size"], p.parameters["rate"], p.parameters["word"], p.parameters["seed"])
        for p in plan.points
    ]
    combinations = [(s, float(r), "b") for s in GRID["size"] for r in GRID["rate"]]
    wanted = [*combinations, (9, 0.5, "c"), (3, 0.5, "b")]
    assert len(set(got)) == len(got)
    assert set(got) == {(*setting, seed) for setting in wanted for seed in (1, 2)}
    assert plan.varied == ("size", "rate", "word") and plan.repeats == 2
    assert all(type(p.parameters["rate"]) is float for p in plan.points)
    assert all("run_dir" not in p.parameters for p in plan.points)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": {"sise": [1]}}, "small has no parameter `sise`; the nearest is `size`"),
        ({"points": [{"wrod": "x"}]}, "no parameter `wrod`; the nearest is `word`"),
        ({"grid": GRID, "fixed": {"run_dir": "x"}}, "no parameter `run_dir`"),
        ({"grid": {"size": []}}, "`size` in `grid` should be a list of values. Received: \\[\\]"),
        ({"grid": {"size": 3}}, "`size` in `grid` should be a list of values. Received: 3"),
        ({"grid": {"size": [1.5]}}, "`size` should be .* int.*3. Received: '1.5'"),
        ({"grid": {"size": [True]}}, "`size` should be .* int.*3. Received: 'True'"),
        ({"grid": {"rate": ["many"]}}, "`rate` should be a float.* Received: 'many'"),
        ({"grid": {"word": [7]}}, "`word` should be .* str.* Received: 7"),
        ({"grid": {"fast": [1]}}, "`fast` should be .* bool.* Received: '1'"),
        ({"grid": GRID, "fixed": {"size": 1}}, "`size` is both in `fixed` and in `grid`"),
        ({"grid": GRID, "seeds": []}, "`seeds` should have at least one"),
        ({"grid": GRID, "seeds": [1], "fixed": {"seed": 2}}, "`seed` is set"),
        ({"grid": GRID, "seeds": 3}, "`seeds` should be a list of whole numbers. Received: 3"),
        ({"grid": ["size"]}, "`grid` should be a mapping"),
        ({}, "a `grid` or `points`"),
        ({"grid": GRID, "minutes": 0}, "`minutes` should be a positive number. Received: 0"),
        ({"grid": GRID, "minutes": True}, "`minutes` should be .* Received: True"),
        ({"grid": GRID, "limit": 5}, "6 runs exceed its `limit`, 5"),
        ({"grid": {n: list(range(999)) for n in ("size", "seed")}}, "998,001 runs exceed"),
        ({"grid": GRID, "metric": "scores"}, "nearest is `score`. Received: 'scores'"),
        ({"grid": GRID, "metric": None}, "`metric` should be something that small records"),
        ({"grid": GRID, "better": "less"}, "`better` should be lower or higher"),
        ({"grid": GRID, "seed": [1]}, "there is no `seed`; the nearest is `seeds`"),
        ({"grid": GRID, "chapter": "smal.ipynb"}, "no chapter `smal.ipynb`.* is `small`"),
        ({"grid": GRID, "chapter": "03_trainig"}, "no chapter `03_trainig`.* is `03_training`"),
        ({"grid": GRID, "chapter": None}, "which notebook to run"),
        ({"grid": {"dataset": ["ml-2m"]}}, "`dataset` 'ml-2m'.* Received: 'ml-2m'"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_starts(small, changes, message):
    with pytest.raises(sweep.PlanError, match=f"mine.yaml: .*{message}"):
        small(**changes)


def test_a_data_set_that_is_not_to_be_had_is_refused(small, monkeypatch, tmp_path):
    monkeypatch.setenv("CFLIB_OFFLINE", "1")
    monkeypatch.setenv("CFLIB_DATA", str(tmp_path))
    monkeypatch.setattr("cflib.data.sets.cache_folder", lambda: tmp_path)
    with pytest.raises(sweep.PlanError, match="`dataset` 'ml-25m'"):
        small(grid={"dataset": ["movielens_2016", "ml-25m"]})


def test_a_chapter_that_cannot_be_swept_is_refused(small, tmp_path):
    path = chapter(tmp_path / "small.ipynb", RECORDS, parameters="size = 3  # of something")
    with pytest.raises(sweep.PlanError, match="has no parameter `run_dir`"):
        small(grid={"size": [1]})
    notebook = nbformat.read(path, as_version=4)
    del notebook.cells[0].metadata["tags"]
    nbformat.write(notebook, path)
    with pytest.raises(sweep.PlanError, match="no cell tagged `parameters`"):
        small(grid={"size": [1]})


def test_a_file_that_is_not_yaml_or_not_there_is_refused_by_name(tmp_path):
    (tmp_path / "bad.yaml").write_text("grid: {size: [1")
    (tmp_path / "text.yaml").write_text("a sweep")
    for name in ("bad.yaml", "text.yaml", "none.yaml"):
        with pytest.raises(sweep.PlanError, match=name):
            sweep.read(tmp_path / name)


def keys(plan):
    return [point.key for point in plan.points]


def test_a_run_is_known_by_code_package_parameters_and_data(small, tmp_path, monkeypatch):
    first = small(grid=GRID)
    assert keys(small(grid=GRID)) == keys(first)
    assert set(keys(small(grid=GRID | {"size": [1, 2, 3, 4]}))) > set(keys(first))
    chapter(tmp_path / "small.ipynb", "# Some prose", RECORDS, parameters=PARAMETERS)
    assert keys(small(grid=GRID)) == keys(first)
    chapter(tmp_path / "small.ipynb", RECORDS + "\n1", parameters=PARAMETERS)
    assert not set(keys(small(grid=GRID))) & set(keys(first))
    chapter(tmp_path / "small.ipynb", RECORDS, parameters=PARAMETERS)
    for name in ("sources", "fingerprint"):
        with monkeypatch.context() as changed:
            changed.setattr(f"course.sweep.planning.{name}", lambda *_: "another")
            assert not set(keys(small(grid=GRID))) & set(keys(first))
    names = [point.name for point in first.points]
    assert len(set(names)) == len(names) and names[0].startswith("size-1_rate-0.5_")


@pytest.mark.parametrize("path", sorted((run.ROOT / "sweeps").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_ready_made_sweeps_can_be_run(path):
    assert len(sweep.read(path).points) >= 16


def test_make_sweep_is_four_by_four_by_two():
    plan = sweep.read(run.ROOT / "sweeps" / "rank_lambda.yaml")
    assert plan.varied == ("n_features", "lam") and plan.repeats == 2 and len(plan.points) == 32


def test_a_dry_run_lists_the_runs_and_starts_none(tmp_path):
    chapter(tmp_path / "small.ipynb", RECORDS, parameters=PARAMETERS)
    (tmp_path / "mine.yaml").write_text(
        "chapter: small.ipynb\nmetric: score.of.all\ngrid: {size: [1, 2], rate: [1e-3]}\n"
    )
    told = CliRunner().invoke(
        commands.sweep, [str(tmp_path / "mine.yaml"), "--dry-run", "--out", str(tmp_path / "out")]
    )
    assert told.exit_code == 0
    assert [line.split("_")[0] for line in told.output.splitlines()[:2]] == ["size-1", "size-2"]
    assert "2 runs of small" in told.output and not (tmp_path / "out").exists()


def test_the_command_line_says_what_is_wrong_in_one_line(tmp_path):
    (tmp_path / "mine.yaml").write_text("chapter: one_model\nmetric: rmse\ngrid: {lamda: [1]}\n")
    told = CliRunner().invoke(commands.sweep, [str(tmp_path / "mine.yaml")])
    assert told.exit_code == 1
    assert "`lamda`; the nearest is `lam`" in told.output and "Traceback" not in told.output


# What is said of it


def finished(folder, values, better="lower", users=None, varied=("size",), **more):
    """A sweep's folder as `run` leaves it: {setting: values over seeds, None where it failed}."""
    names = {}
    for setting, over_seeds in values.items():
        for seed, value in enumerate(over_seeds):
            key = f"{setting}/{seed}"
            names[key] = key.replace("/", "_")
            where = folder / names[key]
            where.mkdir(parents=True)
            parameters = setting if isinstance(setting, tuple) else (setting,)
            record = {
                "key": key,
                "parameters": dict(zip(varied, parameters, strict=True)) | {"seed": seed},
                "status": "ok" if value is not None else "failed",
                "error": "",
                "cell": "",
                "recorded": {} if value is None else {"score": value, "note": "x", "list": [1]},
                "seconds": 1.0,
                "peak_mb": 2.0,
                "attempts": 1,
            }
            (where / "run.json").write_text(json.dumps(record))
            if users is not None:
                users[key].to_parquet(where / "users.parquet")
    about = {
        "sweep": "mine",
        "chapter": "small",
        "metric": "score",
        "better": better,
        "varied": list(varied),
        "usual": {},
        "repeats": max(map(len, values.values())),
        "data": {},
        "runs": names,
    }
    (folder / "sweep.json").write_text(json.dumps(about | more))
    return folder


def test_the_table_has_a_row_a_run_and_only_what_fits_into_a_cell(tmp_path):
    table = sweep.collect(finished(tmp_path, {1: [0.5, 0.6], 2: [0.7, None]}))
    assert list(table["size"]) == [1, 1, 2, 2] and list(table["seed"]) == [0, 1, 0, 1]
    assert list(table["status"]) == ["ok", "ok", "ok", "failed"]
    assert list(table["score"][:3]) == [0.5, 0.6, 0.7] and np.isnan(table["score"][3])
    assert "list" not in table and table["note"][0] == "x"


def test_a_run_of_another_sweep_in_the_folder_is_not_in_the_table(tmp_path):
    finished(tmp_path, {1: [0.5], 7: [0.1]})
    finished(tmp_path / "again", {1: [0.5]})
    (tmp_path / "sweep.json").write_bytes((tmp_path / "again" / "sweep.json").read_bytes())
    assert list(sweep.collect(tmp_path)["size"]) == [1]


@pytest.mark.parametrize(("better", "first"), [("lower", 1), ("higher", 3)])
def test_settings_are_ranked_by_their_mean_over_seeds(tmp_path, better, first):
    ranked = sweep.settings(
        finished(tmp_path, {1: [1.0, 2.0], 2: [3.0, 3.5], 3: [9.0, 5.0]}, better)
    )
    assert ranked["size"].iloc[0] == first
    assert ranked["score"].is_monotonic_increasing == (better == "lower")
    assert ranked["score"].tolist() == sorted([1.5, 3.25, 7.0], reverse=better == "higher")


def test_a_setting_with_a_failed_run_is_not_ranked(tmp_path):
    ranked = sweep.settings(finished(tmp_path, {1: [0.1, None], 2: [0.5, 0.6]}))
    assert ranked["size"].tolist() == [2]


def test_over_seeds_the_interval_is_students_and_the_difference_is_paired(tmp_path):
    base = np.array([1.0, 5.0, 9.0])  # seeds differ far more than settings do
    folder = finished(tmp_path, {1: base.tolist(), 2: (base + [0.1, 0.2, 0.3]).tolist()})
    best, other = sweep.settings(folder).to_dict("records")
    reach = 4.302652729911275 * 0.1 / np.sqrt(3)  # t(0.975; 2) times the standard error
    assert other["difference"] == pytest.approx(0.2)
    assert other["difference_low"] == pytest.approx(0.2 - reach)
    assert other["difference_high"] == pytest.approx(0.2 + reach)
    assert best["high"] - best["score"] == pytest.approx(4.302652729911275 * 4 / np.sqrt(3))
    assert np.isnan(best["difference"]) and best["over"] == "seeds"


def test_over_seeds_each_pair_of_settings_has_its_part_of_the_doubt():
    values = np.array([[0.0, 0.0], [1.0, 2.0], [5.0, 5.5]])
    (_, low, high) = sweep.compare.from_best_over_seeds(values, best=0)[1]
    t = 38.1884592  # Student's 1 - 0.05 / (2 * 3 pairs) quantile at one degree of freedom
    assert (low, high) == pytest.approx((1.5 - t * 0.5, 1.5 + t * 0.5))


def test_with_one_seed_nothing_is_claimed(tmp_path):
    folder = finished(tmp_path, {1: [0.5], 2: [0.6]})
    assert np.isnan(sweep.settings(folder)["difference_low"]).all()
    assert "with one seed we cannot tell" in sweep.summary(folder)


def with_users(rng, settings):
    """Runs whose error is known by user: {setting: added to each squared error} over two seeds."""
    values, users = {}, {}
    weight = rng.integers(1, 30, 80)
    for setting, added in settings.items():
        values[setting] = []
        for seed in range(2):
            hard = np.random.default_rng(seed).exponential(1.0, 80)  # the same for all settings
            total = weight * (hard + added)
            values[setting].append(float(np.sqrt(total.sum() / weight.sum())))
            users[f"{setting}/{seed}"] = pd.DataFrame({"total": total, "weight": weight})
    return values, users


def test_over_users_pairing_tells_apart_what_the_intervals_do_not(tmp_path):
    values, users = with_users(np.random.default_rng(0), {1: 0.0, 2: 0.01})
    folder = finished(tmp_path, values, users=users)
    best, other = sweep.settings(folder).to_dict("records")
    parts = [users[f"1/{seed}"] for seed in (0, 1)]
    shares = [
        metrics.Shares(part["total"].to_numpy(), part["weight"].to_numpy(), np.sqrt)
        for part in parts
    ]
    assert (best["score"], best["low"], best["high"]) == pytest.approx(metrics.estimate(shares))
    assert best["over"] == "users"
    assert best["high"] > other["score"] and other["difference_low"] > 0


def equal_settings(rng, n_settings=8, n_users=100):
    """Settings that are equally good, each on the same users with noise of its own."""
    hard = rng.exponential(1.0, n_users)
    weight = np.full(n_users, 10)
    return [
        [metrics.Shares(weight * (hard + rng.normal(0, 0.3, n_users)), weight)]
        for _ in range(n_settings)
    ]


def test_of_settings_that_are_equally_good_the_luckiest_is_not_told_apart():
    """Nineteen times in twenty; pair by pair, as if named beforehand, far less often."""
    rng = np.random.default_rng(1)
    together = beforehand = 0
    for _ in range(100):
        settings = equal_settings(rng)
        order = np.argsort([shares.value for (shares,) in settings])
        best, worst = int(order[0]), int(order[-1])
        together += (np.delete(sweep.compare.from_best(settings, best)[:, 1], best) > 0).any()
        beforehand += metrics.difference(settings[worst], settings[best])[1] > 0
    assert together <= 11  # of 100: nearly three deviations above 5%
    assert beforehand >= 30


def test_a_setting_that_is_really_better_is_told_apart_from_all():
    settings = equal_settings(np.random.default_rng(1))
    ((best,), *_) = settings
    settings[0] = [best._replace(total=best.total - 3 * best.weight)]
    difference, low, high = sweep.compare.from_best(settings, 0)[1:].T
    assert (low > 0).all() and ((low < difference) & (difference < high)).all()


def test_two_settings_that_do_the_same_differ_by_nothing():
    one, *others = equal_settings(np.random.default_rng(2), n_settings=3)
    np.testing.assert_array_equal(sweep.compare.from_best([one, one, *others], 0)[1], [0, 0, 0])


def test_users_that_do_not_add_up_to_what_was_recorded_are_not_used(tmp_path):
    values, users = with_users(np.random.default_rng(0), {1: 0.0, 2: 0.01})
    users["2/1"]["total"] *= 1.01
    folder = finished(tmp_path, values, users=users)
    assert (sweep.settings(folder)["over"] == "seeds").all()
    assert "over seeds" in sweep.summary(folder)


def test_data_sets_are_never_compared_with_each_other(tmp_path):
    values = {
        ("a", 1): [1.0, 1.1],
        ("a", 2): [2.0, 2.1],
        ("b", 1): [0.1, 0.1],
        ("b", 2): [0.2, 0.3],
    }
    folder = finished(tmp_path, values, varied=("dataset", "size"))
    ranked = sweep.settings(folder)
    assert ranked[ranked["difference"].isna()]["dataset"].tolist() == ["b", "a"]
    assert ranked[ranked["dataset"] == "a"]["difference"].iloc[1] == pytest.approx(1.0)
    assert sweep.summary(folder).count("best of 2 settings") == 2


def test_the_page_needs_no_network_and_shows_every_run(tmp_path):
    values = {(s, r): [s + r, s + r + 0.1] for s in (1, 2) for r in (0.5, 1.5)}
    folder = finished(tmp_path, values | {(3, "<b>"): [None, None]}, varied=("size", "rate"))
    sweep.report.write(folder)
    html = (folder / "sweep.html").read_text(encoding="utf-8")
    soup = BeautifulSoup(html, "html.parser")
    assert fetched(html) == [] and soup.find(["script", "link"]) is None and not soup.find("b")
    hrefs = [a["href"] for a in soup.select("a")]
    assert len(hrefs) == 10 and all(h.endswith("/small.ipynb") for h in hrefs)
    assert all(image["alt"] for image in soup.select("img")) and soup.select("img")
    assert len(pd.read_csv(folder / "results.csv")) == 10
    parquet = pd.read_parquet(folder / "results.parquet")
    assert parquet["score"].notna().sum() == 8
    assert (folder / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_a_recorded_picture_is_its_path_in_the_table_and_a_link_on_the_page(tmp_path):
    folder = finished(tmp_path, {1: [0.5, 0.6], 2: [0.7, None]})
    path = folder / "1_0" / "run.json"
    record = json.loads(path.read_text())
    record["recorded"] |= {"curve": {"figure": "curve.png"}, "frame": {"a": {"b": 1}}}
    path.write_text(json.dumps(record))
    table = sweep.collect(folder)
    assert table["curve"].dropna().tolist() == ["1_0/curve.png"] and "frame" not in table
    sweep.report.write(folder)
    soup = BeautifulSoup((folder / "sweep.html").read_text(encoding="utf-8"), "html.parser")
    (link,) = [a for a in soup.select("a") if a.text == "curve.png"]
    assert link["href"] == "1_0/curve.png" and "nan" not in soup.get_text().lower()
    assert sweep.settings(folder)["size"].tolist() == [1]


@pytest.mark.parametrize("recorded", ["text", {"of": 1.0}, {"figure": "score.png"}, [1.0], None])
def test_a_metric_that_is_no_number_ranks_nothing_and_says_so(tmp_path, recorded):
    folder = finished(tmp_path, {1: [0.5], 2: [0.6]})
    for path in folder.glob("*/run.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"recorded": {"score": recorded}}))
    sweep.report.write(folder)
    assert "no setting has all its runs and a score in each" in sweep.summary(folder)


def test_what_most_settings_have_in_common_goes_without_saying(small, tmp_path):
    one_at_a_time = [{}, {"size": 9}, {"word": "b"}, {"rate": 2.0, "word": "b"}]
    plan = small(points=one_at_a_time, seeds=[1, 2])
    assert plan.usual == {"size": 3, "rate": 0.5}  # as many runs have the one word as the other
    names = [point.name.rsplit("_", 1)[0] for point in plan.points[::2]]
    assert names == [
        "word-a_seed-1",
        "size-9_word-a_seed-1",
        "word-b_seed-1",
        "rate-2.0_word-b_seed-1",
    ]
    assert small(grid=GRID).usual == {}
    values = {(3, 0.5): [1.0], (9, 0.5): [2.0], (3, 2.0): [3.0]}
    folder = finished(tmp_path, values, varied=("size", "rate"), usual={"size": 3, "rate": 0.5})
    ranked, about = sweep.settings(folder), sweep.head(folder)
    assert list(sweep.labelled(ranked, about).index) == ["the usual values", "size 9", "rate 2.0"]
    assert "usual, unless said: size 3, rate 0.5" in sweep.summary(folder)
    (picture,) = sweep.report.pictures(ranked, about)  # slices would show one setting each
    assert picture.axes[0].get_title(loc="left").startswith("Difference")


def test_a_setting_that_is_far_off_does_not_hide_how_the_others_differ(tmp_path):
    values = {size: [0.8 + size / 100] for size in range(8)} | {8: [9.0]}
    folder = finished(tmp_path, values)
    slices, differences = sweep.report.pictures(sweep.settings(folder), sweep.head(folder))
    (panel,), (lines,) = slices.axes, differences.axes
    assert panel.get_ylim()[1] < 1 and "1 far off" in panel.get_ylabel()
    assert lines.get_xlim()[1] < 1 and "+8.200" in [text.get_text() for text in lines.texts]


def test_the_map_of_settings_that_are_no_grid_has_blank_cells(tmp_path):
    folder = finished(tmp_path, {(1, 1): [1.0], (1, 2): [2.0], (2, 1): [0.5]}, varied=("a", "b"))
    table = sweep.grid(sweep.settings(folder), "a", "b", "score")
    (panel, _) = figures.heat_map(table, "score", "score").axes
    assert [text.get_text() for text in panel.texts] == ["1.000", "2.000", "0.500"]
    assert panel.patches[0].get_xy() == (-0.5, 0.5)
