"""Each form that a file comes in is read as the plain CSV is, or the error says what to pass."""

import gzip
import io
import json
import sys
import types
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from cflib import data
from cflib.data.files import open_source

PAIRS = np.random.default_rng(1).permutation(30 * 40)[:400]
FRAME = pd.DataFrame(
    {
        "reader": [f"Zoë {j:02}" for j in PAIRS % 30],
        "isbn": [f"0{i:03}" for i in PAIRS // 30],
        "stars": (PAIRS * 7 % 9 + 1) / 2,
        "when": 1_600_000_000 + PAIRS * 1_000,
    }
)
TEXT = FRAME.to_csv(index=False)


@pytest.fixture
def plain(tmp_path):
    (tmp_path / "plain.csv").write_text(TEXT)
    return data.read(tmp_path / "plain.csv")


def zipped(**entries):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in entries.items():
            archive.writestr(name.replace("__", "."), text)
    return content.getvalue()


def arrow(writer):
    sink = io.BytesIO()
    table = pa.Table.from_pandas(FRAME)
    with writer(sink, table.schema) as open_file:
        open_file.write_table(table)
    return sink.getvalue()


def parquet():
    sink = io.BytesIO()
    FRAME.to_parquet(sink)
    return sink.getvalue()


FORMS = {
    "books.csv.gz": gzip.compress(TEXT.encode()),
    "books.tsv.gz": gzip.compress(FRAME.to_csv(index=False, sep="\t").encode()),
    "books.zip": zipped(books__csv=TEXT, README__txt="Read me."),
    "parquet.zip": zipped(books__parquet=parquet()),
    "gz.zip": zipped(books__csv__gz=gzip.compress(TEXT.encode())),
    "books.parquet": parquet(),
    "books.json": FRAME.to_json(orient="records").encode(),
    "indented.json": FRAME.to_json(orient="records", indent=2).encode(),
    "books.jsonl": FRAME.to_json(orient="records", lines=True).encode(),
    "lines.json": FRAME.to_json(orient="records", lines=True).encode(),
    "books.arrow": arrow(pa.ipc.new_file),
    "books.feather": arrow(pa.ipc.new_file),
    "stream.arrow": arrow(pa.ipc.new_stream),
    "books.txt": FRAME.to_csv(index=False, sep="|").encode(),
    "semicolons.csv": FRAME.to_csv(index=False, sep=";").encode(),
    "tabs.csv": FRAME.to_csv(index=False, sep="\t").encode(),
    "utf16.csv": TEXT.encode("utf-16"),
    "utf16.csv.gz": gzip.compress(TEXT.encode("utf-16")),
}


@pytest.mark.parametrize(("name", "content"), FORMS.items(), ids=FORMS)
def test_every_form_gives_the_ratings_of_the_plain_file(tmp_path, plain, name, content):
    (tmp_path / name).write_bytes(content)
    ratings = data.read(tmp_path / name)
    assert ratings.fingerprint == plain.fingerprint
    np.testing.assert_array_equal(ratings.timestamp, plain.timestamp)
    assert ratings.movie_ids[0].startswith("00")
    assert data.guess(tmp_path / name).columns == data.Columns("reader", "isbn", "stars", "when")


@pytest.mark.parametrize("name", FORMS)
def test_standard_input_is_read_whatever_its_form(monkeypatch, plain, name):
    stdin = types.SimpleNamespace(buffer=io.BytesIO(FORMS[name]))
    monkeypatch.setattr(sys, "stdin", stdin)
    ratings = data.read("-")
    assert ratings.fingerprint == plain.fingerprint
    assert ratings.name == ("standard input" if not name.endswith("zip") else "books")


def test_an_error_on_standard_input_says_where(monkeypatch):
    stdin = types.SimpleNamespace(buffer=io.BytesIO(b"user,item,rating\n1,2,3\n1,3,bad\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(ValueError, match="standard input, line 3, column 'rating'.*'bad'"):
        data.read("-")


def test_the_name_of_a_set_is_the_files_without_suffixes(tmp_path):
    for name in ("books.csv.gz", "books.zip"):
        (tmp_path / name).write_bytes(FORMS[name])
        assert data.read(tmp_path / name).name == "books"


def test_titles_may_be_in_any_form_and_texts_are_the_same_in_all(tmp_path, plain):
    titles = pd.DataFrame({"isbn": plain.movie_ids, "title": [f"No. {i}" for i in plain.movie_ids]})
    (tmp_path / "titles.json").write_text(titles.to_json(orient="records"))
    ratings = data.read(tmp_path / "plain.csv", movies=tmp_path / "titles.json")
    assert ratings.movies["title"].tolist() == titles["title"].tolist()
    for name, content in FORMS.items():
        (tmp_path / name).write_bytes(content)
        assert open_source(tmp_path / name).texts("isbn") == FRAME["isbn"].tolist()


REFUSED = {
    "two.zip": (zipped(ratings__csv=TEXT, movies__csv=TEXT), "one file of data.*'ratings.csv', 'm"),
    "none.zip": (zipped(a__png="x"), "one file of data in it. Received: 'a.png'"),
    "sheet.xlsx": (zipped(**{"[Content_Types]__xml": "x"}), "a spreadsheet. Save it as .csv"),
    "cut.zip": (FORMS["books.zip"][:500], "damaged"),
    "cut.csv.gz": (FORMS["books.csv.gz"][:500], "damaged"),
    "not.gz": (TEXT.encode(), "not a .gz file"),
    "cut.arrow": (FORMS["books.arrow"][:500], "not an Arrow file"),
    "cut.parquet": (FORMS["books.parquet"][:500], "not a Parquet file"),
    "cut.json": (FORMS["books.json"][:500], "line 1: this is not JSON"),
    "bad.jsonl": (b'{"user": 1}\n{"user": 2,}\n', "line 2: this is not JSON"),
    "columns.json": (FRAME.to_json().encode(), "a list of objects"),
    "numbers.json": (b"[1, 2]", "a list of objects.*Received: 1"),
    "empty.json": (b"[]", "a list of objects.*Received: nothing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path, name):
    content, message = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    columns = {"user": "reader", "item": "isbn", "rating": "stars"}
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        data.read(tmp_path / name, **columns)


def test_json_may_mix_numbers_and_text_and_write_numbers_and_dates_as_text(tmp_path):
    objects = [
        {"user": 7, "item": "B-1", "stars": "4.5", "date": "2024-05-01", "more": {"a": [1]}},
        {"user": "anna", "item": "07", "stars": "3", "date": "2024-05-02"},
    ]
    (tmp_path / "a.json").write_text(json.dumps(objects))
    ratings = data.read(tmp_path / "a.json")
    assert ratings.user_ids.tolist() == ["7", "anna"] and ratings.movie_ids.tolist()[0] == "07"
    assert ratings.value.tolist() == [4.5, 3] and ratings.timestamp[0] == 1_714_521_600
    objects[1]["item"] = ["07"]
    (tmp_path / "a.json").write_text(json.dumps(objects))
    with pytest.raises(ValueError, match="column 'item': a value should be a number or text"):
        data.read(tmp_path / "a.json")


# Marks and encodings ----------------------------------------------------------------------------


def test_a_decimal_comma_is_named_in_the_error_and_read(tmp_path, plain):
    path = tmp_path / "books.csv"
    path.write_text(FRAME.to_csv(index=False, sep=";", decimal=","))
    with pytest.raises(ValueError, match=r'line \d+, column \'stars\'.*pass `decimal=","`'):
        data.read(path)
    ratings = data.read(path, decimal=",")
    assert ratings.fingerprint == plain.fingerprint and "separated by ';'" in ratings.note
    (tmp_path / "quoted.csv").write_text(FRAME.to_csv(index=False, decimal=","))
    assert data.read(tmp_path / "quoted.csv", decimal=",").fingerprint == plain.fingerprint
    with pytest.raises(ValueError, match=r'pass `decimal="\."`'):
        data.read(tmp_path / "plain.csv", decimal=",")
    with pytest.raises(ValueError, match='`decimal` should be "." or ","'):
        data.read(path, decimal=";")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le", "utf-16-be"])
def test_an_encoding_is_named_in_the_error_and_read(tmp_path, plain, encoding):
    path = tmp_path / "books.csv"
    path.write_bytes(TEXT.encode(encoding))
    with pytest.raises(ValueError, match=f'`encoding="{encoding}"`'):
        data.read(path)
    assert data.read(path, encoding=encoding).fingerprint == plain.fingerprint


def test_a_wrong_encoding_is_refused(tmp_path):
    path = tmp_path / "books.csv"
    path.write_bytes(TEXT.encode("latin-1"))
    for encoding in ("latin-17", "utf-16", "utf-8", "hex"):
        with pytest.raises(ValueError, match="encoding"):
            data.read(path, encoding=encoding)


def test_a_separator_may_be_passed_and_one_that_was_guessed_is_said(tmp_path, plain):
    path = tmp_path / "books.csv"
    path.write_bytes(FORMS["semicolons.csv"])
    assert data.read(path, separator=";").fingerprint == plain.fingerprint
    assert any("';'" in note for note in data.guess(path).notes)
    assert not any("';'" in note for note in data.guess(path, separator=";").notes)
    with pytest.raises(ValueError, match="`separator`"):
        data.read(path, separator="|")


# No header --------------------------------------------------------------------------------------


def bare(tmp_path, columns, name="bare.csv"):
    FRAME[columns].to_csv(tmp_path / name, index=False, header=False)
    return tmp_path / name


def test_a_missing_header_is_named_in_the_error(tmp_path):
    for columns in (["reader", "isbn", "stars"], ["reader", "isbn", "stars", "when"]):
        with pytest.raises(ValueError, match="`header=False`"):
            data.read(bare(tmp_path, columns))


def test_without_a_header_the_order_is_user_item_rating_time(tmp_path, plain):
    path = bare(tmp_path, ["reader", "isbn", "stars", "when"])
    ratings = data.read(path, header=False)
    assert ratings.fingerprint == plain.fingerprint
    np.testing.assert_array_equal(ratings.timestamp, plain.timestamp)
    guess = data.guess(path, header=False)
    assert guess.columns == data.Columns("user", "item", "rating", "timestamp")
    assert "column 1 is the user" in guess.notes[0]


def test_without_a_header_names_can_be_given_and_places_chosen(tmp_path, plain):
    path = bare(tmp_path, ["reader", "isbn", "stars"])
    arguments = {"user": "reader", "item": "isbn", "header": False}
    assert data.guess(path, **arguments).columns == data.Columns("reader", "isbn", "rating", None)
    path = bare(tmp_path, ["stars", "when", "isbn", "reader"])
    places = {"user": "4", "item": "3", "rating": "1", "timestamp": "2"}
    assert data.read(path, header=False, **places).fingerprint == plain.fingerprint
    with pytest.raises(ValueError, match="`user` should be the number of a column from 1 to 4"):
        data.read(path, header=False, user="5")


def test_without_a_header_two_columns_are_likes_and_one_is_too_few(tmp_path):
    assert data.read(bare(tmp_path, ["reader", "isbn"]), header=False).kind == "likes"
    with pytest.raises(ValueError, match=r"in this order. Received: 1 column"):
        data.read(bare(tmp_path, ["reader"]), header=False, separator=",")


# Wide tables ------------------------------------------------------------------------------------


@pytest.fixture
def matrix():
    return FRAME.pivot(index="reader", columns="isbn", values="stars")


def triples(ratings):
    frame = ratings.frame().sort_values(["userId", "movieId"])
    return frame[["userId", "movieId", "rating"]].to_numpy().tolist()


@pytest.mark.parametrize("blank", ["", "NA", "nan"])
def test_a_wide_table_is_named_in_the_error_and_read(tmp_path, plain, matrix, blank):
    matrix.to_csv(tmp_path / "wide.csv", na_rep=blank)
    with pytest.raises(ValueError, match="a column for each item.*`wide=True`"):
        data.read(tmp_path / "wide.csv")
    ratings = data.read(tmp_path / "wide.csv", wide=True)
    assert triples(ratings) == triples(plain) and ratings.scale == plain.scale
    columns = data.guess(tmp_path / "wide.csv", wide=True).columns
    assert columns == data.Columns("reader", "item", "rating", None)


def test_a_wide_table_may_be_parquet_or_have_99_and_a_decimal_comma(tmp_path, plain, matrix):
    matrix.reset_index().to_parquet(tmp_path / "wide.parquet")
    assert triples(data.read(tmp_path / "wide.parquet", wide=True)) == triples(plain)
    matrix.to_csv(tmp_path / "wide.csv", na_rep="99", sep=";", decimal=",")
    ratings = data.read(tmp_path / "wide.csv", wide=True, missing=99, decimal=",")
    assert triples(ratings) == triples(plain)


def test_a_wide_table_of_thumbs_and_one_without_users(tmp_path, matrix):
    thumbs = matrix.where(matrix.isna(), np.where(matrix > 2, "up", "down"))
    thumbs.to_csv(tmp_path / "wide.csv", index=False)
    ratings = data.read(tmp_path / "wide.csv", wide=True, user=None)
    assert ratings.kind == "thumbs" and ratings.user_ids.tolist() == list(range(1, 31))
    assert ratings.n_ratings == len(FRAME)


def test_an_error_in_a_wide_table_names_line_and_column(tmp_path, matrix):
    table = matrix.astype(object)
    table.iloc[4, 7] = "good"
    table.to_csv(tmp_path / "wide.csv")
    with pytest.raises(ValueError, match=f"line 6, column '{table.columns[7]}'.*'good'"):
        data.read(tmp_path / "wide.csv", wide=True)
    pd.concat([matrix, matrix.head(1)]).to_csv(tmp_path / "wide.csv")
    with pytest.raises(ValueError, match="line 32, column 'reader': each user should have one"):
        data.read(tmp_path / "wide.csv", wide=True)


# Names ------------------------------------------------------------------------------------------

HEADERS = [
    ("user", "item", "rating", None),
    ("uid", "iid", "stars", None),
    ("user_id", "book_id", "score", "ts"),
    ("User-ID", "ISBN", "Book-Rating", None),
    ("reviewerID", "asin", "overall", "unixReviewTime"),
    ("customer", "product", "quantity", "date"),
    ("userId", "movieId", "raitng", "timestamp"),
    ("reader", "thing", "stars", None),
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header[1])
def test_common_names_are_guessed_in_any_order_and_said(tmp_path, plain, header):
    names = dict(zip(FRAME, header, strict=True))
    used = [column for column in reversed(list(FRAME)) if names[column]]
    frame = FRAME[used].rename(columns=names)
    frame.to_csv(tmp_path / "books.csv", index=False)
    guess = data.guess(tmp_path / "books.csv")
    assert guess.columns == data.Columns(*header)
    assert all(repr(name) in guess.notes[0] for name in header if name)
    assert data.read(tmp_path / "books.csv").fingerprint == plain.fingerprint


def test_movielens_names_need_no_sentence(tmp_path):
    FRAME.set_axis(["userId", "movieId", "rating", "timestamp"], axis=1).to_csv(
        tmp_path / "ratings.csv", index=False
    )
    assert data.guess(tmp_path / "ratings.csv").notes == []
    assert data.read(tmp_path / "ratings.csv").note == ""


def test_what_cannot_be_guessed_is_asked_for(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,c,d\nx,y,3,4\n")
    with pytest.raises(ValueError, match="no column has a usual name of users.*'a', 'b', 'c', 'd'"):
        data.read(tmp_path / "a.csv")
    ratings = data.read(tmp_path / "a.csv", user="a", item="b", rating="c")
    assert ratings.n_ratings == 1


def test_a_column_called_like_times_that_has_none_is_not_read(tmp_path):
    (tmp_path / "a.csv").write_text("user,item,rating,date\n1,2,3,May 1st\n1,3,4,June 2nd\n")
    assert data.read(tmp_path / "a.csv").timestamp is None
    with pytest.raises(ValueError, match="`timestamp=None`"):
        data.read(tmp_path / "a.csv", timestamp="date")


@pytest.mark.parametrize("name", ["books.parquet", "books.arrow", "stream.arrow"])
def test_damaged_bytes_are_an_error_or_harmless_and_never_a_crash(tmp_path, name):
    rng = np.random.default_rng(2)
    path = tmp_path / name
    messages = []
    for _ in range(60):
        content = bytearray(FORMS[name])
        for at in rng.integers(0, len(content), 3):
            content[at] = rng.integers(256)
        path.write_bytes(content)
        try:
            assert data.read(path, on_duplicate="last").n_ratings <= len(FRAME)
        except ValueError as error:
            messages.append(str(error))
    assert messages and max(map(len, messages)) < 1_500


N_ROWS = 4
NESTED = {
    "a list": pa.array([[1]] * N_ROWS),
    "a struct": pa.array([{"a": 1}] * N_ROWS),
    "a map": pa.array([[("a", 1)]] * N_ROWS, pa.map_(pa.string(), pa.int64())),
    "a time of day": pa.array([1] * N_ROWS, pa.time32("s")),
    "a duration": pa.array([1] * N_ROWS, pa.duration("s")),
    "bytes": pa.array([b"\xff"] * N_ROWS),
}


@pytest.mark.parametrize("column", ["user", "item", "rating", "timestamp"])
@pytest.mark.parametrize("kind", NESTED)
def test_a_column_of_a_type_that_says_nothing_is_refused_by_name(tmp_path, column, kind):
    columns = {"user": [1, 1, 2, 2], "item": [1, 2, 1, 2], "rating": [1.0, 2.0, 3.0, 4.0]}
    path = tmp_path / "r.parquet"
    pq.write_table(pa.table({**columns, column: NESTED[kind]}), path)
    with pytest.raises(ValueError, match=f"column '{column}': (ids|ratings|a time) should be"):
        data.read(path, kind="ratings")


@pytest.mark.parametrize("column", ["item", "title", "genres"])
@pytest.mark.parametrize("kind", ["a list", "a struct", "a map", "bytes"])
def test_titles_of_a_type_that_says_nothing_are_refused_by_name(tmp_path, column, kind):
    path, titles = tmp_path / "r.csv", tmp_path / "titles.parquet"
    path.write_text("user,item,rating\n1,1,4\n1,2,3\n2,1,5\n")
    table = {"item": [1, 2, 3, 4], "title": list("abcd"), "genres": list("abcd")}
    pq.write_table(pa.table({**table, column: NESTED[kind]}), titles)
    with pytest.raises(ValueError, match=f"titles.parquet, column '{column}'"):
        data.read(path, kind="ratings", movies=titles)


def test_genres_and_titles_that_are_all_missing_are_empty(tmp_path):
    path, titles = tmp_path / "r.csv", tmp_path / "titles.parquet"
    path.write_text("user,item,rating\n1,1,4\n1,2,3\n2,1,5\n")
    table = {"item": [1, 2], "title": ["a", None], "genres": pa.nulls(2)}
    pq.write_table(pa.table(table), titles)
    movies = data.read(path, kind="ratings", movies=titles).movies
    assert movies["genres"].tolist() == ["", ""] and movies["title"].tolist() == ["a", ""]
