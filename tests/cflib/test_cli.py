"""The command line: from a file of ratings to recommendations, and a message for every error."""

import io
import json
import re
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner

from cflib import ALSSettings, load_model, tune
from cflib.cli import cli, fitting, reading, words
from cflib.data.reading import ON_DUPLICATE
from cflib.ratings import KINDS
from tests.bookshop import OPTIONS, books, shell


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with books.csv and the model.npz that `fit` wrote; and what `fit` printed."""
    folder = tmp_path_factory.mktemp("shop")
    books().to_csv(folder / "books.csv", index=False)
    printed = shell(folder, "fit", "books.csv", *OPTIONS, "--out", "model.npz")
    return folder, printed


def run(*arguments):
    """The same command in this process: (exit code, stdout, stderr)."""
    done = CliRunner().invoke(cli, list(map(str, arguments)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


# What goes well ---------------------------------------------------------------------------------


def test_fit_says_what_it_read_and_how_good_it_is_and_nothing_about_movies(shop):
    _, printed = shop
    assert "books: 30,000 ratings from 1 to 10; isbn: 300; reader: 600" in printed
    means, factors = (
        float(re.search(rf"\b{name} +([0-9.]+)", printed)[1]) for name in ("means", "als")
    )
    assert factors < 1.25 and means > 2  # the planted noise is 1, and rounding adds a little
    assert "movie" not in printed.lower()


def test_recommend_finds_the_shelf_that_a_reader_loves_and_only_unread_books(shop):
    folder, _ = shop
    user = "crime lover 001"
    printed = shell(folder, "recommend", "model.npz", "--user", user, "-n", "20", "--format", "csv")
    best = pd.read_csv(io.StringIO(printed))
    assert best.columns.drop(["low", "high"], errors="ignore").tolist() == [
        "rank",
        "isbn",
        "prediction",
        "n_ratings",
    ]
    assert len(best) == 20 and best["isbn"].str.startswith("crime").all()
    frame = books()
    assert not set(best["isbn"]) & set(frame["isbn"][frame["reader"] == user])


def test_somebody_new_gets_the_shelf_that_they_rated_well_in_each_format(shop):
    folder, _ = shop
    (folder / "mine.csv").write_text(
        "isbn,stars\ngarden-002,10\ngarden-005,9\ngarden-008,9\npoetry-000,2\ncrime-001,3\n"
    )
    arguments = ["recommend", "model.npz", "--ratings", "mine.csv", "-n", "10", "--format"]
    rows = json.loads(shell(folder, *arguments, "json"))
    assert len(rows) == 10 and all(row["isbn"].startswith("garden") for row in rows)
    assert not {row["isbn"] for row in rows} & {"garden-002", "garden-005", "garden-008"}
    as_csv = pd.read_csv(io.StringIO(shell(folder, *arguments, "csv")))
    assert as_csv.to_dict("records") == rows
    table = shell(folder, *arguments, "table").splitlines()
    assert [line.split()[1] for line in table[1:]] == [row["isbn"] for row in rows]


def test_whole_numbers_as_ids_are_found_by_the_text_of_the_command_line(tmp_path):
    frame = books(100, 60, 2_000)
    numbers = {name: frame[name].str[-3:].astype(int) for name in ("reader", "isbn")}
    frame = frame.assign(**numbers)
    frame.to_csv(tmp_path / "books.tsv", sep="\t", index=False)
    out = tmp_path / "model.npz"
    assert run("fit", tmp_path / "books.tsv", *OPTIONS, "--quick", "--out", out)[0] == 0
    code, printed, _ = run("recommend", out, "--user", "17", "--format", "json")
    assert code == 0
    read_by_17 = set(frame["isbn"][frame["reader"] == 17])
    assert not {row["isbn"] for row in json.loads(printed)} & read_by_17
    code, _, error = run("recommend", out, "--user", "anna")
    assert code == 1 and "ids are whole numbers here, from 0 to 99" in error


def test_titles_are_shown_where_a_table_has_them(tmp_path):
    frame = books(100, 60, 2_000)
    frame.to_parquet(tmp_path / "books.parquet")
    ids = frame["isbn"].unique()
    titles = pd.DataFrame({"isbn": ids, "title": [f"The {i} book" for i in ids]})
    titles.iloc[1:].to_csv(tmp_path / "titles.csv", index=False)
    out, files = tmp_path / "model.npz", [tmp_path / "books.parquet", "--titles"]
    code, _, note = run("fit", *files, tmp_path / "titles.csv", *OPTIONS, "--quick", "--out", out)
    assert code == 0 and "Note: " in note and "1 of 60 rated 'isbn' are missing" in note
    assert "The " in run("recommend", out, "--user", "crime lover 001")[1]


def test_a_file_with_another_separator_and_wrong_times_is_read_as_the_options_say(tmp_path):
    frame = books(100, 60, 2_000).assign(timestamp="soon")
    frame.to_csv(tmp_path / "books.txt", sep=";", index=False)
    frame[["isbn", "stars"]].drop_duplicates("isbn").to_csv(
        tmp_path / "mine.txt", sep=";", index=False
    )
    arguments = "fit", tmp_path / "books.txt", *OPTIONS, "--quick", "--out", tmp_path / "model.npz"
    for separator in ([], ["--separator", ";"]):  # found by itself, or as it is typed
        code, _, error = run(*arguments, *separator)
        assert code == 1 and "leave the times out with --timestamp none." in error
        assert run(*arguments, *separator, "--timestamp", "none")[0] == 0
        somebody = "--ratings", tmp_path / "mine.txt", *separator
        assert run("recommend", tmp_path / "model.npz", *somebody)[0] == 0


# What goes wrong --------------------------------------------------------------------------------

HEADER = "reader,isbn,stars\n"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", [], "the file is empty: it has no header line and no ratings"),
        (HEADER, [], "the file is empty: it has no ratings"),
        (
            "person,isbn,stars\na,b,3\n",
            [],
            "Say which of them holds what with --user, --item, --rating and --timestamp;",
        ),
        (HEADER + "a,b,3\na,c,x\n", [], "line 3, column 'stars': a rating should be"),
        (
            HEADER + "a,b,3\na,c,11\n",
            ["--scale", "1", "10"],
            "between 1 and 10. Received: '11'. Correct it, or declare another --scale.",
        ),
        (HEADER + "a,b,3\n", ["--scale", "5", "1"], "--scale should be (lowest, highest)"),
        (HEADER + "a,b,3\na,b,4\n", [], "or pass --on-duplicate last or --on-duplicate mean."),
        (
            HEADER + "".join(f"ann,b{i},{i % 5}\n" for i in range(30)),
            [],
            "it can recommend to this one: `cflib recommend MODEL --ratings FILE`.",
        ),
        (
            HEADER + "".join(f"r{i},b,{i % 5}\n" for i in range(30)),
            [],
            "all ratings are of one isbn, b, so there is nothing else to recommend",
        ),
        (HEADER + "a,x,1\nb,x,2\nb,y,3\n", [], "at least 20 ratings"),
    ],
)
def test_a_file_that_nothing_can_be_learned_from_is_refused_and_leaves_no_model(
    tmp_path, text, options, message
):
    (tmp_path / "books.csv").write_text(text)
    out = tmp_path / "model.npz"
    code, _, error = run("fit", tmp_path / "books.csv", *OPTIONS, *options, "--out", out)
    assert code == 1 and error.startswith("Error: ") and message in error
    assert [path.name for path in tmp_path.iterdir()] == ["books.csv"]


def test_a_file_that_is_not_there_is_refused(tmp_path):
    code, _, error = run("fit", tmp_path / "none.csv", "--out", tmp_path / "model.npz")
    assert code == 1 and "none.csv: there is no such file" in error
    code, _, error = run("recommend", tmp_path / "none.npz", "--user", 1)
    assert code == 1 and "none.npz" in error


def test_for_an_unknown_reader_the_nearest_ids_are_named(shop):
    code, printed, error = run("recommend", shop[0] / "model.npz", "--user", "crime lover 01")
    assert (code, printed) == (1, "")
    assert "no reader with id 'crime lover 01'" in error and "crime lover 010" in error
    assert "For somebody new, give their ratings: --ratings FILE." in error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("isbn,stars\nx,3\ny,4\n", "the model knows none of these isbn: x, y. Those that it knows"),
        (
            "isbn,stars\ncrime-001,0\n",
            "Received: '0'. Correct it, or declare another --scale of `cflib fit`.",
        ),
        (
            "isbn\ncrime-001\n",
            "The model was trained on a file with the columns 'isbn' and 'stars': rename these.",
        ),
        ("isbn,stars\n", "the file is empty"),
        ("isbn,stars\ncrime-001,3\ncrime-001,4\n", "line 3: isbn crime-001 was rated before"),
        ("reader,isbn,stars\nann,crime-001,3\nbob,crime-004,4\n", "should be by one person"),
    ],
)
def test_a_newcomers_file_that_says_nothing_is_refused(shop, tmp_path, text, message):
    (tmp_path / "mine.csv").write_text(text)
    arguments = shop[0] / "model.npz", "--ratings", tmp_path / "mine.csv"
    code, printed, error = run("recommend", *arguments)
    assert (code, printed) == (1, "") and message in error


def test_books_that_the_model_does_not_know_are_left_out_and_named(shop, tmp_path):
    (tmp_path / "mine.csv").write_text("isbn,stars\ncrime-001,9\nsailing-7,9\n")
    arguments = shop[0] / "model.npz", "--ratings", tmp_path / "mine.csv"
    code, printed, note = run("recommend", *arguments)
    assert code == 0 and "crime" in printed
    assert note.startswith("Note: the model does not know 1 of 2 isbn") and "sailing-7" in note


def test_a_model_without_its_ratings_recommends_to_somebody_new_only(shop, tmp_path):
    bare = load_model(shop[0] / "model.npz").save(tmp_path / "bare.npz")
    code, _, error = run("recommend", bare, "--user", "crime lover 001")
    assert code == 1 and "--ratings FILE" in error and "train by `cflib fit`" in error
    (tmp_path / "mine.csv").write_text("isbn,stars\ncrime-001,9\n")
    assert run("recommend", bare, "--ratings", tmp_path / "mine.csv")[0] == 0


# The command itself -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("`user` and `item`", "--user and --item"),
        ('pass `on_duplicate="last"`', "pass --on-duplicate last"),
        ("pass `wide=True` and `header=False`", "pass --wide and --no-header"),
        ('such as `decimal=","`', "such as --decimal ,"),
        ("with `timestamp=None`", "with --timestamp none"),
        ("`movies` should be", "--titles should be"),
        ("call `data.read(path, user=...)`, or see `lam`", None),
        ("user, item and scale", None),
    ],
)
def test_names_of_arguments_become_options_and_nothing_else_does(message, expected):
    assert words.as_options(message, words.FIT) == (expected or message)


@pytest.mark.parametrize(
    ("table", "command"),
    [(words.FIT, "fit"), (words.RECOMMEND, "recommend"), (words.UPDATE, "update")],
)
def test_the_options_in_messages_exist(table, command):
    named = {option for text in table.values() for option in re.findall(r"--?[a-z][\w-]*", text)}
    there = {option for p in cli.commands[command].params for option in p.opts}
    elsewhere = {option for p in cli.commands["recommend"].params for option in p.opts}
    assert named <= there | elsewhere | {"--scale"}


def test_what_the_command_repeats_is_what_the_library_says():
    assert reading.ON_DUPLICATE == ON_DUPLICATE
    assert reading.KINDS == tuple(KINDS)
    assert {"auto", *tune.MODELS, *tune.ON_REQUEST} == set(fitting.MODELS)
    (features,) = (p for p in cli.commands["fit"].params if p.name == "features")
    assert features.default == ALSSettings().n_features


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in cli.commands)])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys; from cflib.cli import cli; cli(sys.argv[1:], standalone_mode=False); "
        "print(sorted({'numpy', 'pandas', 'numba', 'scipy', 'pyarrow'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# Nothing is destroyed --------------------------------------------------------------------------


def test_fit_never_writes_over_what_it_reads_or_did_not_write(tmp_path):
    source = tmp_path / "books.csv"
    books().to_csv(source, index=False)
    before = source.read_bytes()
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    for out, said in [
        (source, "is the file that `fit` reads"),
        (notes, "is there, and is no model"),
        ("/dev/null", "is there, and is no file"),
    ]:
        code, _, err = run("fit", source, *OPTIONS, "--out", out)
        assert code == 1 and said in err
    assert source.read_bytes() == before and notes.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["books.csv", "notes.txt"]


def test_a_file_that_is_no_model_is_named_without_unsafe_advice(tmp_path):
    (tmp_path / "model.npz").write_text("print('hello')")
    code, _, err = run("recommend", tmp_path / "model.npz", "--user", 1)
    assert code == 1 and "cannot be read as a cflib model" in err and "pickle" not in err
    code, _, err = run("recommend", tmp_path / "missing.npz", "--user", 1)
    assert code == 1 and "missing.npz: there is no such file" in err and "Errno" not in err


@pytest.mark.parametrize("item", ["rank", "prediction", "n_ratings"])
def test_an_item_column_may_have_any_name(tmp_path, item):
    books().rename(columns={"isbn": item}).to_csv(tmp_path / "books.csv", index=False)
    names = ["--user", "reader", "--item", item, "--rating", "stars"]
    code, _, err = run(
        "fit", tmp_path / "books.csv", *names, "--quick", "--out", tmp_path / "model.npz"
    )
    assert code == 0, err
    arguments = ["--user", "crime lover 001", "--format", "json"]
    code, out, err = run("recommend", tmp_path / "model.npz", *arguments)
    assert code == 0, err
    best = json.loads(out)
    assert len(best) == 10 and all(line[f"{item}_id"].startswith("crime") for line in best)
    assert [line["rank"] for line in best] == list(range(1, 11))


def test_tiny_ratings_are_not_printed_as_zero(tmp_path):
    frame = books()
    frame["stars"] *= 1e-5
    frame.to_csv(tmp_path / "books.csv", index=False)
    code, _, err = run(
        "fit", tmp_path / "books.csv", *OPTIONS, "--quick", "--out", tmp_path / "model.npz"
    )
    assert code == 0, err
    arguments = ["--user", "crime lover 001", "--format", "json"]
    _, out, _ = run("recommend", tmp_path / "model.npz", *arguments)
    assert all(5e-5 < line["prediction"] <= 1e-4 for line in json.loads(out))


def test_the_card_knows_the_dates_of_the_ratings(tmp_path):
    frame = books(100, 60, 2_000)
    days = pd.date_range("2021-03-04", periods=len(frame), freq="h")
    frame.assign(timestamp=days.strftime("%Y-%m-%d")).to_csv(tmp_path / "books.csv", index=False)
    out = tmp_path / "model.npz"
    assert run("fit", tmp_path / "books.csv", *OPTIONS, "--quick", "--out", out)[0] == 0
    card = run("info", out)[1]
    assert f"dates: 2021-03-04 to {days[-1]:%Y-%m-%d}" in card and "from books.csv" in card
    later = frame.iloc[:1].assign(timestamp="2024-05-06", stars=5)
    later.to_csv(tmp_path / "later.csv", index=False)
    assert run("update", out, tmp_path / "later.csv", "--out", out)[0] == 0
    assert "dates: 2021-03-04 to 2024-05-06" in run("info", out)[1]
