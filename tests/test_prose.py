"""The prose is spelt right, readable and whole: the chapters' Markdown, the docs and the README.

A link leads to something that is there, and an anchor to a heading; each chapter says at its top
what it is good for and at its end what to remember; sentences are short enough to be read.
"""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course.page import markdown_html

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("[!.]*.ipynb"))
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [str(path.relative_to(ROOT)) for path in [*NOTEBOOKS, *DOCUMENTS]]

AMERICAN = re.compile(
    r"\b(?:\w*(?:behavior|color|favor|flavor|humor|neighbor)\w*|\w+[a-z](?<!s)(?<!pr)iz(?:e[ds]?|ing|ations?)"
    r"|\w*(?:analyz|catalyz)\w*|cent(?:er|ered)|catalogs?|gray|labele?d|model(?:ed|ing)|travel(?:ed|ing)"
    r")\b"
)
"""American spellings; what ends in -size and -prize is British, too."""

RIGHT = "abd,als"  # what codespell takes for misspelt
LONGEST_MEAN_SENTENCE = 20  # words
LEAST_READING_EASE = 60  # Flesch: 60 and more is plain English


def markdown(name: str) -> list[str]:
    """The Markdown of a notebook's cells, or the one text of a document."""
    path = ROOT / name
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")]
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def prose(name: str) -> str:
    """The running text: no code, formulas, tables, headings, links' targets or marks."""
    text = "\n\n".join(markdown(name))
    text = re.sub(r"```.*?```|\$\$.*?\$\$|<[^>]*>", " ", text, flags=re.DOTALL)
    text = re.sub(r"^(?:\||#|!\[).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\$[^$\n]+\$|`[^`]+`", "it", text)  # one word each, as they are read
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return re.sub(r"[*_\[\]]", "", text)


def sentences(text: str) -> list[str]:
    blocks = re.split(r"\n\s*\n|^\s*(?:-|\d+\.)\s", text, flags=re.MULTILINE)
    found = (s for block in blocks for s in re.split(r"[.!?:;]['\")]*(?=\s|$)", block))
    return [s.strip() for s in found if len(words(s)) > 1]


def words(text: str) -> list[str]:
    return re.findall(r"[A-Za-zÀ-ÿ]+(?:['’-][A-Za-z]+)*", text)


def syllables(word: str) -> int:
    """Groups of vowels, without a silent e at the end: right for nine words in ten."""
    word = word.lower()
    groups = len(re.findall(r"[aeiouyà-ÿ]+", word))
    silent = bool(re.search(r"[^aeiouyl](?:e|es|ed)$", word)) and not re.search(r"[td]ed$", word)
    return max(1, groups - silent)


def reading_ease(text: str) -> tuple[float, float]:
    """(words a sentence, Flesch's reading ease).

    The ease is 206.835 - 1.015 words a sentence - 84.6 syllables a word.
    """
    all_words = words(text)
    a_sentence = len(all_words) / len(sentences(text))
    a_word = sum(syllables(word) for word in all_words) / len(all_words)
    return a_sentence, 206.835 - 1.015 * a_sentence - 84.6 * a_word


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(name: str) -> set[str]:
    text = re.sub(r"```.*?```", "", "\n\n".join(markdown(name)), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+?)$", text, re.MULTILINE)
    return {slug(re.sub(r"[`*$]", "", heading)) for heading in headings}


def links(name: str) -> list[str]:
    """Where the Markdown of `name` points inside the repository."""
    text = re.sub(r"```.*?```", "", "\n\n".join(markdown(name)), flags=re.DOTALL)
    found = re.findall(r"\]\(\s*<?([^)\s>]+)", text)
    return [link for link in found if not re.match(r"[a-z][a-z0-9+.-]*:", link)]


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_files_and_anchors_to_headings(name):
    broken = []
    for link in links(name):
        target, _, anchor = link.partition("#")
        path = (ROOT / name).parent / target if target else ROOT / name
        there = path.exists()
        if there and anchor:
            there = anchor.lower() in anchors(str(path.resolve().relative_to(ROOT)))
        if not there:
            broken.append(link)
    assert not broken


def test_every_document_is_two_clicks_from_the_readme():
    once = {str((ROOT / link.partition("#")[0]).resolve()) for link in links("README.md")}
    twice = {
        str((path.parent / link.partition("#")[0]).resolve())
        for path in map(Path, once)
        if path.suffix == ".md"
        for link in links(str(path.relative_to(ROOT)))
    }
    assert {str(path) for path in DOCUMENTS[1:]} <= once | twice


def test_the_spelling_is_right(tmp_path):
    for name in NAMES:
        (tmp_path / name.replace("/", "--")).write_text("\n".join(markdown(name)), encoding="utf-8")
    command = [sys.executable, "-m", "codespell_lib", "--builtin", "clear,rare,names"]
    done = subprocess.run(
        [*command, "--ignore-words-list", RIGHT, "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "" and done.returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_spelling_is_british(name):
    text = re.sub(r"```.*?```|`[^`]+`|\]\([^)]*\)", " ", "\n".join(markdown(name)), flags=re.DOTALL)
    assert AMERICAN.findall(text) == []


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_read(name):
    a_sentence, ease = reading_ease(prose(name))
    assert a_sentence <= LONGEST_MEAN_SENTENCE
    assert ease >= LEAST_READING_EASE


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_says_what_it_is_good_for_and_what_to_remember(path):
    texts = markdown(str(path.relative_to(ROOT)))
    top = " ".join(texts[0].split())
    assert top.startswith("# ")
    for word in (
        r"\*\*You will learn\*\*",
        r"\*\*You need\*\*",
        r"\*\*It takes\*\* about \d+ minutes",
    ):
        assert re.search(word, top), word
    assert "## The question" in "\n".join(texts)
    assert "## What to remember" in "\n".join(texts[-2:])


@pytest.mark.parametrize("name", NAMES)
def test_formulas_can_be_set(name):
    for text in markdown(name):
        assert "$" not in re.sub(r"<code.*?</code>", "", markdown_html(text, ROOT), flags=re.DOTALL)


GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^## (.+)\n\n((?:.+\n)+)", GLOSSARY, re.MULTILINE)


def test_the_glossary_is_in_order_and_says_where_each_term_comes_from():
    terms = [term for term, _ in ENTRIES]
    assert len(terms) == GLOSSARY.count("\n## ") and terms == sorted(terms, key=str.lower)
    for term, text in ENTRIES:
        (chapter,) = re.findall(r"\]\(\.\./(notebooks/\w+\.ipynb)\)", text)
        explained = " ".join(" ".join(markdown(chapter)).lower().split())
        assert re.search(rf"\b{re.escape(term.lower().rstrip('s'))}", explained), (term, chapter)


def test_every_chapter_has_ten_questions_with_an_answer_each():
    (text,) = markdown("docs/questions.md")
    for section in text.split("\n## ")[1:]:
        assert re.findall(r"^\*\*(\d+)\.\*\*", section, re.MULTILINE) == list(
            map(str, range(1, 11))
        )
        answers = re.findall(
            r"<details><summary>Answer</summary>\n\n(.+?)\n\n</details>", section, re.DOTALL
        )
        assert len(answers) == 10 and len(set(answers)) == 10
    for path in CHAPTERS[1:]:  # 00 only shows what the others are about
        assert f"\n## {path.stem[:2]} " in text


def test_the_teacher_is_told_the_times_that_chapters_and_readme_state():
    (text,), (readme,) = markdown("docs/teaching.md"), markdown("README.md")
    for path in CHAPTERS:
        (reading, running) = re.search(
            rf"\(\.\./notebooks/{path.name}\) \|[^|]*\| (\d+) \| ([^|]+) \|", text
        ).groups()
        top = " ".join(markdown(f"notebooks/{path.name}")[0].split())
        assert re.search(r"\*\*It takes\*\* about (\d+) minutes", top)[1] == reading, path.name
        assert re.search(rf"\(notebooks/{path.name}\) \|[^|]*\| ([^|]+) \|", readme)[1] == running
