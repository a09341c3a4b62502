"""What students are handed has the course, and nothing that only the teacher has."""

import io
import zipfile

from bs4 import BeautifulSoup

from course import handout, site

from .small_chapters import chapter


def repository(folder):
    """A small one, with a solution, and a page for the teacher that the README links to."""
    for name in (
        "notebooks/exercises",
        "notebooks/solutions",
        "docs",
        "cflib/__pycache__",
        "tests",
    ):
        (folder / name).mkdir(parents=True)
    for name in ("notebooks/1_one", "notebooks/exercises/1_one", "notebooks/solutions/1_one"):
        chapter(folder / f"{name}.ipynb", "# One")
    (folder / "README.md").write_text(
        "# Small\n\n[teach](docs/teaching.md) [solve](notebooks/solutions/1_one.ipynb) "
        "[one](notebooks/1_one.ipynb)\n"
    )
    (folder / "docs" / "teaching.md").write_text("# For the teacher\n")
    (folder / "cflib" / "code.py").write_text("x = 1\n")
    (folder / "cflib" / "__pycache__" / "code.pyc").write_text("")
    (folder / "tests" / "test_code.py").write_text("")
    return folder


def test_students_get_pages_chapters_and_exercises_and_no_solutions(tmp_path):
    path = handout.build(tmp_path / "out" / "h.zip", repository(tmp_path / "repository"))
    archive = zipfile.ZipFile(path)
    names = {name.removeprefix("cflib-course/") for name in archive.namelist()}
    assert names == {
        "README.md",
        "cflib/code.py",
        "notebooks/1_one.ipynb",
        "notebooks/exercises/1_one.ipynb",
        "site/index.html",
        "site/notebooks/1_one.html",
        "site/notebooks/exercises/1_one.html",
        "site/assets/content.css",
        "site/assets/site.css",
        "site/assets/site.js",
        "site/assets/sections.js",
    }
    home = BeautifulSoup(archive.read("cflib-course/site/index.html"), "html.parser")
    assert [a.get_text() for a in home.main.select("p a")] == ["one"]
    assert "teach solve one" in home.main.get_text()


def test_the_same_course_gives_the_same_archive(tmp_path):
    root = repository(tmp_path / "repository")
    one, two = (handout.build(tmp_path / f"{n}.zip", root).read_bytes() for n in (1, 2))
    assert one == two and zipfile.ZipFile(io.BytesIO(one)).testzip() is None


def test_of_this_repository_no_solution_and_no_page_for_the_teacher_is_handed_out():
    names = {path.relative_to(site.ROOT).as_posix() for path in handout.files(site.ROOT)}
    assert {"notebooks/01_loading.ipynb", "notebooks/exercises/01_loading.ipynb"} <= names
    assert {"course/assets/site.js", "Makefile", "data/movielens_2016/ratings.csv"} <= names
    assert not [name for name in names if "solution" in name or "tests/" in name]
    assert not names & set(handout.TEACHERS)
    assert not any("hidden" in name or "grading" in name for name in names)
