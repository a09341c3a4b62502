"""A stray quote never swallows lines, and values of several lines are still read."""

import re

import pytest

from cflib import data

HEADER = "userId,movieId,rating,comment\n"
LINES = [f"{u},{i},{1 + (u + i) % 5},fine\n" for u in range(60) for i in range(60)]


def write(tmp_path, lines, header=HEADER):
    path = tmp_path / "mine.csv"
    path.write_text(header + "".join(lines))
    return path


def with_quote(at, line):
    """The lines with another one, which has a stray quote, as line `at` of the file."""
    return [*LINES[: at - 2], line, *LINES[at - 2 :]]


@pytest.mark.parametrize(
    "line",
    ['99,7,3,"fine\n', '99,7,3,"\n', '99,7,"3,fine\n', '99,"7,3,fine\n', '"99,7,3,fine\n'],
)
def test_a_quote_that_is_not_closed_is_an_error_with_its_line(tmp_path, line):
    path = write(tmp_path, with_quote(102, line))
    with pytest.raises(ValueError, match=re.escape(f"{path}, line 102: a quote")) as error:
        data.read(path)
    assert "rest of the file" in str(error.value) and len(str(error.value)) < 500


def test_an_open_quote_before_the_id_in_the_last_column_is_an_error(tmp_path):
    lines = [f"{1 + i % 5},{i // 40},b{i % 40}\n" for i in range(1_000)]
    lines[100] = '3,2,"b20\n'
    path = write(tmp_path, lines, "rating,userId,movieId\n")
    with pytest.raises(ValueError, match="line 102: a quote"):
        data.read(path)


@pytest.mark.parametrize("second", ['99,8,3,"good\n', '99,8,3,good"\n'])
def test_a_second_stray_quote_does_not_hide_the_first(tmp_path, second):
    lines = with_quote(102, '99,7,3,"fine\n')
    lines.insert(3_000, second)
    with pytest.raises(ValueError, match="line 102: a quote"):
        data.read(write(tmp_path, lines))


def test_a_stray_quote_that_swallows_more_than_a_cell_may_hold_is_an_error(tmp_path):
    lines = with_quote(102, '99,7,3,"fine\n')
    long = [line.replace("fine", "x" * 200) for line in lines]
    with pytest.raises(ValueError, match="line 102: a quote"):
        data.read(write(tmp_path, [*long[:100], lines[100], *long[101:]]))


def test_reviews_of_several_lines_are_read_with_all_ratings(tmp_path):
    lines = list(LINES)
    lines[7] = '0,7,3,"I liked it, and said ""yes"".\nThen, 2, 3 days later, I did not.\n\nWell"\n'
    lines[-1] = '59,59,3,"The end:\nfine"\n'
    assert data.read(write(tmp_path, lines)).n_ratings == len(LINES)


def test_a_quote_inside_a_value_is_a_character(tmp_path):
    lines = list(LINES)
    lines[7] = '0,7,3,a 12" record\n'
    assert data.read(write(tmp_path, lines)).n_ratings == len(LINES)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_blank_lines_of_every_kind_are_counted_right(tmp_path, end):
    path = tmp_path / "mine.csv"
    text = HEADER + "".join(LINES[:50]) + "\n\n" + "".join(LINES[50:]) + '9,99,1,"last"'
    path.write_bytes(text.replace("\n", end).encode())
    assert data.read(path).n_ratings == len(LINES) + 1


def test_a_cell_that_is_longer_than_csv_allows_is_read_or_refused_in_a_sentence(tmp_path):
    lines = [*LINES, f"98,7,3,{'x' * 200_000}\n"]
    assert data.read(write(tmp_path, lines)).n_ratings == len(lines)
    with pytest.raises(ValueError, match=r"line 3602: field larger"):
        data.read(write(tmp_path, [*lines, "97,7,bad,fine\n"]))
