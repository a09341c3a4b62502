"""What students are handed has the course, and nothing that only the teacher has."""

import io
import re
import shutil
import zipfile

import nbformat
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
    shutil.copy(site.ROOT / "Makefile", folder)
    return folder


def test_students_get_pages_chapters_and_exercises_and_no_solutions(tmp_path):
    path = handout.build(tmp_path / "out" / "h.zip", repository(tmp_path / "repository"))
    archive = zipfile.ZipFile(path)
    names = {name.removeprefix("cflib-course/") for name in archive.namelist()}
    assert names == {
        "README.md",
        "Makefile",
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
    assert b"grade" not in archive.read("cflib-course/Makefile")


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


def test_each_target_of_the_students_makefile_finds_its_files():
    ours = (site.ROOT / "Makefile").read_text(encoding="utf-8")
    theirs = handout.makefile(ours)
    names = {path.relative_to(site.ROOT).as_posix() for path in handout.files(site.ROOT)}
    modules = re.findall(r"-m ((?:cflib|course|benchmarks|docs|tests)\b[\w.]*)", theirs)
    needed = {module.replace(".", "/") for module in modules}
    needed |= set(re.findall(r"\b(?:tests|docs|sweeps|requirements)[\w/-]*\.\w+", theirs))
    for name in needed:
        assert names & {name, f"{name}.py", f"{name}/__main__.py"}, name
    rules = re.findall(r"^([a-z-]+): .*## ", theirs, re.MULTILINE)
    (phony,) = re.findall(r"^\.PHONY: (help .*)$", theirs, re.MULTILINE)
    assert phony.split() == rules and {"run", "test", "lab", "app"} <= set(rules)
    removed = set(re.findall(r"^([a-z-]+): .*## ", ours, re.MULTILINE)) - set(rules)
    assert removed == set(handout.TARGETS)


def test_stored_results_that_a_chapter_reads_are_handed_out():
    names = {path.relative_to(site.ROOT).as_posix() for path in handout.files(site.ROOT)}
    read = [
        "/".join(re.findall(r'"([^"]+)"', parts))
        for path in (site.ROOT / "notebooks").glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        for parts in re.findall(r'run\.ROOT((?: / "[^"]+")+)', cell.source)
    ]
    assert len(read) >= 3 and set(read) <= names
