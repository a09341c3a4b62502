"""Reading: a correct file of any kind becomes `Ratings`; an error is reported with its place."""

import dataclasses
import re
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest

from cflib import data
from cflib.data import files, sets

HEADER = "userId,movieId,rating,timestamp\n"
GOOD = HEADER + "1,10,4.0,100\n1,30,2.5,200\n7,10,0.5,300\n"
MOVIES = pd.DataFrame(
    {"movieId": [30, 99, 10], "title": ["Thirty", "Unseen", "Ten"], "genres": ["Drama", "", "A|B"]}
)


@pytest.fixture
def file(tmp_path):
    """Write a file and return its path: text as UTF-8, bytes as they are."""

    def write(content, name="mine.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def triples(ratings):
    frame = ratings.frame()
    return list(frame[["userId", "movieId", "rating"]].itertuples(index=False, name=None))


def refused(path, *parts, **arguments):
    """Read `path`; the message names the file and holds all of `parts`."""
    with pytest.raises(ValueError, match=re.escape(str(path))) as error:
        data.read(path, **arguments)
    message = str(error.value)
    for part in parts:
        assert part in message, f"{part!r} is not in: {message}"


# ---------------------------------------------------------------- what is right


def test_a_small_file_becomes_the_arrays_that_one_would_write_by_hand(file):
    ratings = data.read(file(GOOD), movies=MOVIES)
    expected = {
        "movie_index": ([0, 1, 0], np.int32),
        "user_index": ([0, 0, 1], np.int32),
        "value": ([4, 2.5, 0.5], np.float32),
        "timestamp": ([100, 200, 300], np.int64),
        "movie_ids": ([10, 30], np.int64),
        "user_ids": ([1, 7], np.int64),
    }
    for name, (values, dtype) in expected.items():
        array = getattr(ratings, name)
        assert array.dtype == dtype, name
        np.testing.assert_array_equal(array, values, err_msg=name)
    assert ratings.scale == (0.5, 4.0) and ratings.name == "mine"


def test_titles_follow_the_ids_when_the_movies_table_is_longer_and_in_another_order(file):
    ratings = data.read(file(GOOD), movies=MOVIES)
    assert ratings.movies["movieId"].tolist() == [10, 30]
    assert ratings.movies["title"].tolist() == ["Ten", "Thirty"]
    assert ratings.movies["genres"].tolist() == ["A|B", "Drama"]


def test_the_movies_table_may_be_a_file_of_its_own(file):
    movies = file('movieId,title,genres\n30,"Thirty, the",Drama\n10,NA,\n', "movies.csv")
    assert data.read(file(GOOD), movies=movies).movies["title"].tolist() == ["NA", "Thirty, the"]


@pytest.fixture
def other_names(tmp_path):
    """A frame with other column names, in no order, and its file in each format."""
    rng = np.random.default_rng(3)
    pairs = rng.permutation(40 * 30)[:300]
    frame = pd.DataFrame(
        {
            "when": rng.integers(10**9, 2 * 10**9, 300),
            "stars": rng.integers(1, 11, 300) / 2,
            "movie": 5 + pairs // 30,
            "comment": "so, so",
            "who": 100 - pairs % 30,
        }
    )
    paths = {suffix: tmp_path / f"odd.{suffix}" for suffix in ("csv", "tsv", "parquet")}
    frame.to_csv(paths["csv"], index=False)
    frame.to_csv(paths["tsv"], index=False, sep="\t")
    frame.to_parquet(paths["parquet"])
    return frame, paths


NAMES = {"user": "who", "item": "movie", "rating": "stars", "timestamp": "when"}


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_each_format_gives_back_the_frame_that_was_written(other_names, suffix):
    frame, paths = other_names
    ratings = data.read(paths[suffix], **NAMES)
    expected = frame[["who", "movie", "stars", "when"]].astype({"stars": np.float32})
    expected.columns = ["userId", "movieId", "rating", "timestamp"]
    pd.testing.assert_frame_equal(ratings.frame(), expected)
    assert ratings.fingerprint == data.read(paths["csv"], **NAMES).fingerprint


def test_parquet_of_small_types_and_categories_reads_as_the_plain_one(other_names, tmp_path):
    frame, paths = other_names
    small = frame.astype({"stars": np.float32, "movie": np.int16, "who": np.uint8})
    small["movie"] = small["movie"].astype("category")
    small["when"] = pd.to_datetime(small["when"], unit="s")
    small.to_parquet(tmp_path / "small.parquet")
    ratings = data.read(tmp_path / "small.parquet", **NAMES)
    plain = data.read(paths["parquet"], **NAMES)
    assert ratings.fingerprint == plain.fingerprint
    np.testing.assert_array_equal(ratings.timestamp, plain.timestamp)


def test_ids_that_are_text_stay_text_and_are_sorted_as_text(file):
    path = file("userId,movieId,rating\nzoë,b-2,1\nadam,10,2\nzoë,9,3\n")
    ratings = data.read(path)
    assert ratings.user_ids.tolist() == ["adam", "zoë"]
    assert ratings.movie_ids.tolist() == ["10", "9", "b-2"]
    assert triples(ratings) == [("zoë", "b-2", 1), ("adam", "10", 2), ("zoë", "9", 3)]
    assert ratings.movies["title"].tolist() == ["10", "9", "b-2"] and ratings.timestamp is None
    assert ratings.user_index_of("zoë") == 1


@pytest.mark.parametrize("written", [" 7", "7.0", "07", "+7"])
def test_an_id_goes_out_as_it_came_in_and_is_never_merged_with_another(file, written):
    ratings = data.read(file(f"userId,movieId,rating\n7,1,3\n{written},2,4\n"))
    assert ratings.user_ids.tolist() == sorted(["7", written])
    assert triples(ratings) == [("7", 1, 3), (written, 2, 4)]


def test_ids_are_whole_numbers_where_each_is_how_its_number_is_written(file):
    ratings = data.read(file("userId,movieId,rating\n0,10,3\n-7,2,4\n"))
    assert ratings.user_ids.dtype == np.int64 and ratings.user_ids.tolist() == [-7, 0]
    assert ratings.movie_ids.tolist() == [2, 10]


def test_an_isbn_keeps_its_leading_zero_and_its_title(file):
    path = file("reader,isbn,stars\nanna,0140449138,5\nben,9780141439518,4\n", "books.csv")
    titles = file("isbn,title\n0140449138,The Iliad\n9780141439518,Emma\n", "titles.csv")
    ratings = data.read(path, movies=titles)
    assert ratings.movie_ids.tolist() == ["0140449138", "9780141439518"]
    assert ratings.movies["title"].tolist() == ["The Iliad", "Emma"]


def test_numbers_beyond_64_bits_are_kept_apart_as_text(file):
    ratings = data.read(file(f"userId,movieId,rating\n{10**30},1,3\n{10**30 + 1},1,4\n"))
    assert ratings.user_ids.tolist() == [str(10**30), str(10**30 + 1)]


def test_unsigned_numbers_beyond_64_bits_are_text_in_parquet_too(tmp_path):
    ids = np.array([2**63 + 1, 2], np.uint64)
    frame = pd.DataFrame({"userId": ids, "movieId": 1, "rating": 3.0})
    frame.to_parquet(tmp_path / "ids.parquet")
    assert data.read(tmp_path / "ids.parquet").user_ids.tolist() == ["2", str(2**63 + 1)]


def test_a_table_with_ids_as_text_fits_ratings_with_ids_as_numbers(file):
    movies = MOVIES.assign(movieId=MOVIES["movieId"].astype(str))
    assert data.read(file(GOOD), movies=movies).movies["title"].tolist() == ["Ten", "Thirty"]


@pytest.mark.parametrize(
    "times",
    [
        ("86400", "172800"),
        ("86400.0", "172800.9"),
        ("1970-01-02", "1970-01-03 00:00:00"),
        ("1970-01-02T00:00:00.25", "1970-01-03T00:00:00.75"),
        ("1970-01-02T00:00:00Z", "1970-01-03T02:00:00+02:00"),
    ],
    ids=["seconds", "fractions", "dates", "parts of seconds", "zones"],
)
def test_times_become_whole_seconds(file, times):
    lines = "".join(f"1,{i},3,{time}\n" for i, time in enumerate(times))
    ratings = data.read(file(HEADER + lines))
    assert ratings.timestamp.dtype == np.int64 and ratings.timestamp.tolist() == [86400, 172800]


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_change_nothing(file):
    plain = data.read(file(GOOD))
    text = "\ufeff" + GOOD.replace("\n", "\r\n") + "\r\n\r\n"
    assert data.read(file(text, "windows.csv")).fingerprint == plain.fingerprint


def test_a_line_break_inside_quotes_is_part_of_a_value_wherever_a_block_ends(file, monkeypatch):
    monkeypatch.setattr(files, "BLOCK_BYTES", 64)
    lines = [f'1,{i},3,"one\n{i},two\nthree"\n' for i in range(50)]
    ratings = data.read(file("userId,movieId,rating,comment\n" + "".join(lines)))
    assert ratings.movie_ids.tolist() == list(range(50)) and ratings.n_ratings == 50


def test_a_large_file_is_read_in_blocks_that_agree(file, monkeypatch):
    rng = np.random.default_rng(0)
    lines = [f"u{j},m{i},{rng.integers(1, 6)}\n" for i in range(60) for j in range(50)]
    path = file("userId,movieId,rating\n" + "".join(lines))
    at_once = data.read(path)
    monkeypatch.setattr(files, "BLOCK_BYTES", 512)
    in_blocks = data.read(path)
    assert in_blocks.fingerprint == at_once.fingerprint
    assert in_blocks.frame()["userId"].tolist() == [line.split(",")[0] for line in lines]


# ---------------------------------------------------------------- what is wrong


def test_a_missing_column_is_named_with_those_that_there_are(file):
    path = file("user,movieId,rating\n1,2,3\n")
    refused(path, "no column 'userId'", "'user', 'movieId', 'rating'", "`user`", user="userId")
    assert data.read(path, user="user").n_ratings == 1


def test_of_a_misspelt_column_the_nearest_is_named(file):
    path = file("reader,isbn,stars\n1,2,3\n")
    refused(path, "no column 'readr'. Did you mean 'reader'?", user="readr")
    titles = file("isnb,title\n2,Emma\n", "titles.csv")
    with pytest.raises(ValueError, match="no column 'isbn'. Did you mean 'isnb'"):
        data.read(path, movies=titles)


def test_two_columns_of_one_name_and_one_column_for_two_things_are_refused(file):
    refused(file("userId,movieId,rating,rating\n1,2,3,4\n"), "one column 'rating'", "Rename")
    both = {"user": "movieId", "item": "movieId"}
    refused(file(GOOD), "different columns", "'movieId', 'movieId'", **both)


def test_a_missing_column_in_parquet_is_named(other_names):
    refused(other_names[1]["parquet"], "no column 'userId'", "'who'", user="userId")


@pytest.mark.parametrize("text", ["good", "", "4,5", "NULL", "1_0"])
def test_text_where_a_rating_should_be_is_refused(file, text):
    path = file(HEADER + f'1,10,4.0,100\n\n1,30,"{text}",200\n')
    refused(path, "line 4", "column 'rating'", "should be a number", repr(text), "Correct")


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-inf", "1e39"])
def test_a_rating_that_is_not_finite_is_refused(file, text):
    path = file(HEADER + f"1,10,4.0,100\n1,30,{text},200\n")
    refused(path, "line 3", "column 'rating'", "finite", repr(text), "Correct it")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_rating_that_is_not_finite_is_refused_in_parquet(other_names, tmp_path, value):
    frame = other_names[0].copy()
    frame.loc[5, "stars"] = value
    frame.to_parquet(tmp_path / "bad.parquet")
    refused(tmp_path / "bad.parquet", "row 6", "column 'stars'", **NAMES)


def test_text_where_ratings_should_be_is_refused_in_parquet(other_names, tmp_path):
    other_names[0].astype({"stars": str}).to_parquet(tmp_path / "bad.parquet")
    refused(tmp_path / "bad.parquet", "column 'stars'", "numbers", "string", **NAMES)


@pytest.mark.parametrize("text", ["0", "5.5", "-3"])
def test_a_rating_off_the_declared_scale_is_refused(file, text):
    path = file(HEADER + f"1,10,4.0,100\n1,30,{text},200\n")
    refused(path, "line 3", "column 'rating'", "between 0.5 and 5", repr(text), scale=(0.5, 5))
    assert data.read(path).n_ratings == 2


def test_a_scale_that_is_the_wrong_way_round_is_refused(file):
    with pytest.raises(ValueError, match=r"`scale` should be \(lowest, highest\).*\(5, 0.5\)"):
        data.read(file(GOOD), scale=(5, 0.5))


def test_the_ends_of_the_scale_are_on_it(file):
    ratings = data.read(file(HEADER + "1,10,0.5,1\n1,30,5,2\n"), scale=(0.5, 5))
    assert ratings.scale == (0.5, 5.0)


def test_a_file_without_content_is_refused(file):
    refused(file(""), "empty")
    refused(file("\n \n", "blank.csv"))
    refused(file(HEADER, "header.csv"), "empty", "no ratings")
    refused(file(HEADER.strip(), "one_line.csv"), "empty", "no ratings")


def test_an_empty_parquet_file_is_refused(other_names, tmp_path):
    other_names[0].head(0).to_parquet(tmp_path / "empty.parquet")
    refused(tmp_path / "empty.parquet", "empty", **NAMES)


def test_bytes_that_are_not_utf8_are_refused_by_line_and_byte(file):
    path = file("userId,movieId,rating\n1,10,4\n1,Caf\xe9,3\n".encode("latin-1"))
    refused(path, "line 3", "0xe9", "position 6", "Save the file as UTF-8")


def test_a_movies_table_that_is_not_utf8_is_refused(file):
    movies = file("movieId,title\n10,Caf\xe9\n".encode("latin-1"), "movies.csv")
    with pytest.raises(ValueError, match=r"movies\.csv, line 2: byte 0xe9 at position 7"):
        data.read(file(GOOD), movies=movies)


@pytest.mark.parametrize("line", ["1,30,3", "1,30,3,200,5"])
def test_a_line_with_too_few_or_too_many_values_is_refused(file, line):
    refused(file(GOOD + line + "\n"), "line 5", "4 values", repr(line), "quotes")


@pytest.mark.parametrize(("column", "line"), [("userId", ",30,3,9"), ("movieId", "1,,3,9")])
def test_an_empty_id_is_refused(file, column, line):
    refused(file(GOOD + line + "\n"), "line 5", f"column {column!r}", "empty")


def test_a_missing_value_in_parquet_is_refused(other_names, tmp_path):
    frame = other_names[0].astype({"movie": "Int64"})
    frame.loc[3, "movie"] = pd.NA
    frame.to_parquet(tmp_path / "bad.parquet")
    refused(tmp_path / "bad.parquet", "row 4", "column 'movie'", "missing", **NAMES)


@pytest.mark.parametrize("text", ["soon", "", "1e400"])
def test_a_time_that_is_none_is_refused_and_can_be_left_out(file, text):
    path = file(GOOD + f"9,10,3,{text}\n")
    refused(path, "line 5", "column 'timestamp'", repr(text), "timestamp=None")
    assert data.read(path, timestamp=None).timestamp is None


@pytest.mark.parametrize("text", ["nan", "inf"])
def test_a_time_that_is_not_finite_is_refused(file, text):
    path = file(HEADER + f"1,10,4,86400.5\n1,30,4,{text}\n")
    refused(path, "line 3", "column 'timestamp'", repr(text), "timestamp=None")


@pytest.mark.parametrize("bad", ["inf", "text"])
def test_a_time_that_is_none_is_refused_in_parquet(other_names, tmp_path, bad):
    frame = other_names[0].astype({"when": float if bad == "inf" else str})
    if bad == "inf":
        frame.loc[4, "when"] = np.inf
    frame.to_parquet(tmp_path / "bad.parquet")
    row = "row 5" if bad == "inf" else "row 1"
    refused(tmp_path / "bad.parquet", row, "column 'when'", "ISO 8601", **NAMES)


def test_a_file_that_is_not_parquet_is_refused_as_that(file):
    refused(file(GOOD, "mine.parquet"), "not a Parquet file")


def test_what_does_not_say_how_columns_are_separated_asks_for_the_separator(file):
    path = file(GOOD.replace(",", "#"), "mine.txt")
    refused(path, "'.txt'", "`separator`")
    assert data.read(path, separator="#").n_ratings == 3
    with pytest.raises(ValueError, match="`separator` should be one character. Received: '::'"):
        data.read(path, separator="::")


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.csv: there is no such file"):
        data.read(tmp_path / "nowhere.csv")


# ---------------------------------------------------------------- the same pair twice

TWICE = HEADER + "1,10,4.0,100\n7,10,1,150\n1,10,1.0,200\n1,30,3,300\n1,10,2.5,400\n"


def test_the_same_pair_twice_is_refused_with_both_lines_and_the_ways_out(file):
    both_lines = "line 4", "user 1 rated 10 before, in line 2", "4.0 there, 1.0 here"
    ways_out = '`on_duplicate="last"`', '`on_duplicate="mean"`'
    refused(file(TWICE), *both_lines, "2 such", *ways_out)


def test_the_last_of_several_counts_where_it_stands(file):
    ratings = data.read(file(TWICE), on_duplicate="last")
    assert triples(ratings) == [(7, 10, 1), (1, 30, 3), (1, 10, 2.5)]
    assert ratings.timestamp.tolist() == [150, 300, 400]


def test_several_ratings_become_their_mean(file):
    ratings = data.read(file(TWICE), on_duplicate="mean")
    assert triples(ratings) == [(7, 10, 1), (1, 30, 3), (1, 10, 2.5)]
    assert ratings.value.dtype == np.float32
    mean = data.read(file(HEADER + "1,1,5,1\n1,1,1,2\n1,1,0.5,3\n"), on_duplicate="mean")
    assert mean.value.tolist() == [np.float32(6.5 / 3)]


def test_no_other_rule_for_duplicates_is_taken(file):
    with pytest.raises(ValueError, match="`on_duplicate` should be one of .* Received: 'first'"):
        data.read(file(TWICE), on_duplicate="first")


# ---------------------------------------------------------------- movies without a row


def test_ratings_of_movies_that_the_table_lacks_are_kept_with_a_warning_that_counts(file):
    path = file(HEADER + "1,10,4,1\n1,40,3,2\n2,40,3,3\n2,50,1,4\n")
    with pytest.warns(UserWarning, match=r"2 of 3 rated movies .* Their 3 ratings") as caught:
        ratings = data.read(path, movies=MOVIES)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert ratings.n_ratings == 4
    assert ratings.movies["title"].tolist() == ["Ten", "movie 40", "movie 50"]


def test_a_complete_table_gives_no_warning(file):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.read(file(GOOD), movies=MOVIES)


def test_a_movie_with_two_rows_in_the_table_is_refused(file):
    with pytest.raises(ValueError, match="one row. Received more for movieId 10"):
        data.read(file(GOOD), movies=pd.concat([MOVIES, MOVIES.tail(1)]))


def test_a_movies_table_without_titles_is_refused(file):
    with pytest.raises(ValueError, match="the table of titles: there is no column 'title'"):
        data.read(file(GOOD), movies=MOVIES.drop(columns="title"))


# ---------------------------------------------------------------- the search order


def folder_with(root, rating):
    """A set with one rating of that value, in root/movielens_small."""
    folder = root / "movielens_small"
    folder.mkdir(parents=True)
    (folder / "ratings.csv").write_text(f"{HEADER}1,10,{rating},100\n")
    (folder / "movies.csv").write_text("movieId,title,genres\n10,Ten,Drama\n")
    return folder


@pytest.fixture
def any_files(monkeypatch):
    """movielens_small may have other files than the published ones."""
    edition = dataclasses.replace(sets.EDITIONS["movielens_small"], files={})
    monkeypatch.setitem(sets.EDITIONS, "movielens_small", edition)


@pytest.fixture
def roots(tmp_path, monkeypatch, any_files):
    """The four places, in the order of the search, each with its own copy of the set."""
    monkeypatch.setattr(sets, "REPOSITORY", tmp_path / "repository")
    monkeypatch.setattr(sets, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setenv("CFLIB_DATA", str(tmp_path / "named"))
    monkeypatch.setenv("CFLIB_OFFLINE", "1")
    places = ["given", "named", "repository/data", "cache"]
    return [folder_with(tmp_path / place, i + 1) for i, place in enumerate(places)]


def test_a_set_is_looked_for_in_path_variable_repository_and_cache_in_that_order(roots):
    assert data.load("movielens_small", roots[0]).value.tolist() == [1]
    for i in (1, 2, 3):
        assert data.find("movielens_small") == roots[i]
        for name in ("movielens_small", "auto"):
            ratings = data.load(name)
            assert ratings.value.tolist() == [i + 1] and ratings.name == "movielens_small"
        (roots[i] / "ratings.csv").unlink()
    assert data.find("movielens_small") is None


def test_a_path_without_a_set_is_refused_though_the_set_is_elsewhere(roots, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: there should be a folder"):
        data.load("movielens_small", tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="read your own file by `data.read`"):
        data.load("movielens_small", roots[0] / "ratings.csv")


def test_a_relative_variable_means_the_same_from_the_root_and_from_a_folder_in_it(
    roots, tmp_path, monkeypatch
):
    folder = folder_with(tmp_path / "repository" / "mine", 5)
    monkeypatch.setenv("CFLIB_DATA", "mine")
    (tmp_path / "repository" / "notebooks").mkdir()
    for where in ("repository", "repository/notebooks"):
        monkeypatch.chdir(tmp_path / where)
        assert data.find("movielens_small").resolve() == folder


def test_a_name_that_no_set_has_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="'auto' or one of movielens_small, .*Received: 'ml-5m'"):
        data.load("ml-5m")


def test_edition_and_counts_are_said_in_one_line(roots):
    line = data.describe(data.load("movielens_small"))
    assert "\n" not in line
    assert line.startswith("movielens_small (MovieLens ml-latest-small, September 2018): 1 ratings")
    assert "0.5 to 5" in line and "1 movies by 1 users" in line


# ---------------------------------------------------------------- GroupLens' three formats


def same_as_by_hand(ratings, titles, genres):
    assert triples(ratings) == [(2, 5, 3), (1, 12, 5), (1, 5, 4)]
    assert ratings.timestamp.tolist() == [881250949, 978300760, 978302109]
    assert ratings.movie_ids.tolist() == [5, 12] and ratings.user_ids.tolist() == [1, 2]
    assert ratings.movies["title"].tolist() == titles
    assert ratings.movies["genres"].tolist() == genres


def test_ml_100k_has_tabs_and_latin_1_titles_with_a_column_a_genre(file, tmp_path):
    file("2\t5\t3\t881250949\n1\t12\t5\t978300760\n1\t5\t4\t978302109\n", "ml-100k/u.data")
    file("unknown|0\nAction|1\nDrama|2\n\n", "ml-100k/u.genre")
    file(
        "12|Misérables, Les (1995)|01-Jan-1995||http://x/?title=|0|1|1\n"
        "99|Unseen|||http://x|1|0|0\n"
        "5|Copycat (1995)|01-Jan-1995||http://x|0|0|1\n".encode("latin-1"),
        "ml-100k/u.item",
    )
    ratings = data.load("ml-100k", tmp_path / "ml-100k")
    same_as_by_hand(
        ratings, ["Copycat (1995)", "Misérables, Les (1995)"], ["Drama", "Action|Drama"]
    )
    assert ratings.scale == (1, 5)


@pytest.mark.parametrize(("name", "encoding"), [("ml-1m", "latin-1"), ("ml-10m", "utf-8")])
def test_ml_1m_and_ml_10m_have_double_colons(file, tmp_path, name, encoding):
    lines = "2::5::3::881250949\n1::12::5::978300760\n1::5::4::978302109\n"
    file(lines, f"{name}/ratings.dat")
    movies = '12::Misérables: the "movie" (1995)::Action|Drama\n5::Copycat (1995)::Drama\n'
    file(movies.encode(encoding), f"{name}/movies.dat")
    ratings = data.load(name, tmp_path / name)
    titles = ["Copycat (1995)", 'Misérables: the "movie" (1995)']
    same_as_by_hand(ratings, titles, ["Drama", "Action|Drama"])


@pytest.mark.parametrize("name", ["movielens_small", "ml-20m", "ml-25m", "ml-32m"])
def test_the_newer_sets_are_comma_separated(file, tmp_path, any_files, name):
    lines = "2,5,3.0,881250949\n1,12,5.0,978300760\n1,5,4.0,978302109\n"
    file(HEADER + lines, f"{name}/ratings.csv")
    movies = 'movieId,title,genres\n5,Copycat (1995),Drama\n12,"Misérables, Les (1995)",A|B\n'
    file(movies, f"{name}/movies.csv")
    ratings = data.load(name, tmp_path / name)
    same_as_by_hand(ratings, ["Copycat (1995)", "Misérables, Les (1995)"], ["Drama", "A|B"])
    assert ratings.scale == (0.5, 5)


def test_an_error_in_an_old_format_names_its_line(file, tmp_path):
    path = file("1::5::3::100\n1::12::good::100\n", "ml-1m/ratings.dat")
    file("5::Five::Drama\n12::Twelve::Drama\n", "ml-1m/movies.dat")
    with pytest.raises(ValueError, match=r"ratings\.dat, line 2, column 'rating'.*'good'"):
        data.load("ml-1m", tmp_path / "ml-1m")
    path.write_text("1::5::3::100\n1::12::0.5::100\n")
    with pytest.raises(ValueError, match="line 2.*between 1 and 5"):
        data.load("ml-1m", tmp_path / "ml-1m")


def test_a_set_whose_movies_file_is_missing_is_refused_by_name(roots):
    (roots[0] / "movies.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"movies\.csv: there is no such file"):
        data.load("movielens_small", roots[0])


def test_a_large_set_is_parsed_once_and_again_when_its_file_changes(roots, monkeypatch):
    monkeypatch.setattr(sets, "COMPACT_FROM_BYTES", 0)
    parsed = []
    parse = sets._parse
    monkeypatch.setattr(sets, "_parse", lambda path, name: parsed.append(path) or parse(path, name))
    first, again = (data.load("movielens_small", roots[0]) for _ in range(2))
    assert len(parsed) == 1 and first.fingerprint == again.fingerprint
    (roots[0] / "ratings.csv").write_text(HEADER + "1,10,3.5,100\n")
    assert data.load("movielens_small", roots[0]).value.tolist() == [3.5] and len(parsed) == 2
    for array in sets.cache_folder().rglob("value.npy"):
        array.write_bytes(b"damaged")
    assert data.load("movielens_small", roots[0]).value.tolist() == [3.5] and len(parsed) == 3


# ---------------------------------------------------------------- complete or refused


@pytest.mark.parametrize("name", ["ratings.csv", "movies.csv"])
def test_a_known_edition_that_was_cut_at_a_lines_end_is_refused(tmp_path, name):
    folder = tmp_path / "movielens_2016"
    shutil.copytree(data.find("movielens_2016"), folder)
    assert data.load("movielens_2016", folder).n_ratings == 100_004
    lines = (folder / name).read_bytes().splitlines(keepends=True)
    (folder / name).write_bytes(b"".join(lines[:-100]))
    for edition in ("movielens_2016", "auto"):  # with "auto" the folder's name is the set's
        with pytest.raises(ValueError, match=rf"{name} is not the published file: its SHA-256"):
            data.load(edition, folder)


def test_a_variable_that_names_no_folder_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("CFLIB_DATA", str(tmp_path / "dtaa"))
    for name in ("auto", "movielens_2016"):
        with pytest.raises(FileNotFoundError, match=r"CFLIB_DATA is .*dtaa, and there is no such"):
            data.load(name)


# ---------------------------------------------------------------- the 2018 edition


@pytest.mark.skipif(data.find("movielens_small") is None, reason="movielens_small is not here")
def test_the_2018_edition_has_its_published_counts():
    ratings = data.load("movielens_small")
    assert (ratings.n_ratings, ratings.n_users, ratings.n_movies) == (100_836, 610, 9_724)
    assert ratings.movie_index.dtype == ratings.user_index.dtype == np.int32
    assert ratings.value.dtype == np.float32 and ratings.timestamp.dtype == np.int64
    assert ratings.movies["title"][ratings.movie_index_of(1)] == "Toy Story (1995)"


# ---------------------------------------------------------------- one person's ratings


def test_one_persons_ratings_need_no_user_column_and_take_the_known_ids_kind(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("isbn,stars\n007,9\n12,3.5\nx1,4\n")
    columns = {"user": "reader", "item": "isbn", "rating": "stars"}
    as_numbers = data.read_person(path, np.array([7, 12]), **columns)
    assert as_numbers == {"007": 9, 12: 3.5, "x1": 4}
    as_text = data.read_person(path, np.array(["007", "x1"]), **columns)
    assert as_text == {"007": 9, "12": 3.5, "x1": 4}


def test_one_persons_ratings_are_the_same_from_parquet(tmp_path):
    frame = pd.DataFrame({"movieId": [3, 5], "rating": [1.0, 2.5], "userId": [8, 8]})
    frame.to_parquet(tmp_path / "mine.parquet")
    assert data.read_person(tmp_path / "mine.parquet", np.array([1])) == {3: 1.0, 5: 2.5}


def test_titles_made_from_ids_call_things_as_their_column_does(tmp_path):
    path = tmp_path / "recipes.csv"
    path.write_text("cook,recipe_id,stars\n1,7,3\n2,8,5\n")
    ratings = data.read(path, user="cook", item="recipe_id", rating="stars")
    assert ratings.movies["title"].tolist() == ["recipe 7", "recipe 8"]
