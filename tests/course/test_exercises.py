"""The exercises keep their contract with their solutions, each notebook in a kernel."""

import shutil

import nbformat
import pytest
from click.testing import CliRunner
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course import commands, exercises, notebooks, run

SOLUTIONS = sorted(exercises.SOLUTIONS.glob("*.ipynb"))
EXERCISES = sorted(exercises.EXERCISES.glob("*.ipynb"))
each_solution = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def client():
    """One kernel for all notebooks, whose names are forgotten between them."""
    client = NotebookClient(
        new_notebook(),
        kernel_name="python3",
        extra_arguments=run.KERNEL_ARGUMENTS,
        resources={"metadata": {"path": str(run.NOTEBOOKS)}},
        allow_errors=True,
        timeout=120,
    )
    with client.setup_kernel():
        yield client


class Session:
    """A notebook that is executed cell by cell."""

    def __init__(self, client):
        self.client = client
        assert self.run("%reset -f") == []

    def run(self, source):
        """The outputs of a cell of code."""
        cell = new_code_cell(source)
        self.client.nb = new_notebook(cells=[cell])
        self.client.execute_cell(cell, 0)
        return cell.outputs

    def quietly(self, source):
        """Run a cell that has to go well."""
        for output in self.run(source):
            assert output.output_type != "error", f"{source}\n{output.evalue}"
            assert output.get("name") != "stderr", f"{source}\n{output.text}"

    def said(self, source):
        """What a check says, which is all that it puts out."""
        outputs = self.run(source)
        assert [output.output_type for output in outputs] == ["display_data"], outputs
        return outputs[0].data["text/plain"]


def steps(path):
    """(kind, cell) of each cell of a notebook of solutions."""
    return [(exercises.kind(cell), cell) for cell in nbformat.read(path, as_version=4).cells]


@each_solution
def test_the_solutions_pass_every_check_and_likely_mistakes_get_the_hint_that_fits(path, client):
    session, solution, check = Session(client), None, None
    for kind, cell in steps(path):
        if kind == "wrong":
            code, hint = exercises.mistake(cell)
            session.quietly(code)
            said = session.said(check)
            assert said.startswith("Not yet. ") and hint in said, f"{code}\n{said}"
            session.quietly(solution)
        elif kind == "check":
            check = cell.source
            said = session.said(check)
            assert said.startswith("Right. "), f"{solution}\n{said}"
            assert len(said) > 60, f"it doesn't say why it matters: {said}"
        elif cell.cell_type == "code":
            session.quietly(cell.source)
            if kind == "solution":
                solution = cell.source


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_an_untouched_exercise_runs_to_its_end_and_fails_every_check_with_a_hint(path, client):
    session, n_checks = Session(client), 0
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            said = session.said(cell.source)
            assert said.startswith("Not yet. ") and len(said) > 60, said
            assert "It stopped" not in said, said
            n_checks += 1
        elif cell.cell_type == "code":
            session.quietly(cell.source)
    assert n_checks == sum(kind == "check" for kind, _ in steps(exercises.SOLUTIONS / path.name))


@each_solution
def test_a_chapter_has_from_four_to_eight_exercises_the_last_of_them_open(path):
    answers = [cell for kind, cell in steps(path) if kind == "solution"]
    assert 4 <= len(answers) <= 8
    assert [cell.cell_type for cell in answers] == ["code"] * (len(answers) - 1) + ["markdown"]


@each_solution
def test_every_function_to_be_implemented_has_three_likely_mistakes(path):
    mistakes, given = {}, False
    for kind, cell in steps(path):
        if kind == "solution" and not given and cell.source.lstrip().startswith("def "):
            function = cell.source.split("(")[0]
            mistakes[function] = 0
        elif kind == "solution":
            function = None
        if kind == "wrong" and function:
            mistakes[function] += 1
        given = kind == "given" or (given and kind != "solution")
    assert len(mistakes) >= 2 and min(mistakes.values()) >= 3, mistakes


# What is handed out


def test_the_exercises_are_what_their_solutions_make():
    assert exercises.stale() == [], "run `python -m cflib exercises`"
    assert len(SOLUTIONS) == len(EXERCISES) > 0


@pytest.mark.parametrize("path", SOLUTIONS + EXERCISES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_notebook_of_exercises_needs_no_network_and_holds_no_execution(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for flaws in (
        notebooks.absolute_paths,
        notebooks.remote_content,
        notebooks.unset_mathematics,
        notebooks.undescribed_pictures,
    ):
        assert flaws(notebook) == []
    hashed = {"cflib": notebook.metadata.get("cflib")} if path in EXERCISES else {}
    assert notebook.metadata == notebooks.METADATA | hashed
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_nothing_of_a_solution_is_handed_out(path):
    solution, made = nbformat.read(exercises.SOLUTIONS / path.name, 4), nbformat.read(path, 4)
    text = "\n".join(cell.source for cell in made.cells)
    for cell in solution.cells:
        if exercises.kind(cell) == "wrong" or (
            exercises.kind(cell) == "solution" and cell.cell_type == "markdown"
        ):
            assert cell.source not in text
    answers = [c for c in made.cells if c.metadata.get("nbgrader", {}).get("solution")]
    sources = {cell.source for cell in solution.cells if exercises.kind(cell) == "solution"}
    assert answers and not sources & {cell.source for cell in answers}


@pytest.fixture
def copies(tmp_path):
    """Copies of the first solution and of its exercise, each in a folder of its own."""
    folders = tmp_path / "solutions", tmp_path / "exercises"
    for folder, path in zip(folders, (SOLUTIONS[0], EXERCISES[0]), strict=True):
        folder.mkdir()
        shutil.copy(path, folder)
    return folders


def edit(path):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += "\n\nOne more sentence."
    nbformat.write(notebook, path)


def test_a_solution_edited_without_making_its_exercise_again_is_found(copies):
    solutions, made = copies
    name = SOLUTIONS[0].name
    assert exercises.stale(*copies) == []
    edit(solutions / name)
    assert exercises.stale(*copies) == [name]
    assert exercises.renew(*copies) == [name]
    assert exercises.stale(*copies) == []
    assert "One more sentence." in (made / name).read_text(encoding="utf-8")


def test_an_exercise_edited_by_hand_or_without_its_solution_is_found(copies):
    solutions, made = copies
    name = SOLUTIONS[0].name
    edit(made / name)
    assert exercises.stale(*copies) == [name]
    edited = (made / name).read_bytes()
    with pytest.raises(ValueError, match="have answers"):
        exercises.renew(*copies)
    assert (made / name).read_bytes() == edited
    (made / name).unlink()
    assert exercises.renew(*copies) == [name]
    (solutions / name).unlink()
    assert exercises.renew(*copies) == [name]
    assert list(made.iterdir()) == []


def test_the_command_makes_them():
    done = CliRunner().invoke(commands.exercises)
    assert done.exit_code == 0 and "what their solutions make" in done.output


# How an exercise is made


def test_a_stub_keeps_names_signatures_docstrings_and_comments_beside_answers():
    source = (
        'import os\n\n\ndef f(x, *, é=1) -> int:\n    """Says what.\n\n    In two parts."""\n'
        "    y = x\n    return y\n\n\ndef g(x):\n    return x\n\n\n"
        "guess = 0.5  # between 0 and 1\nlong = [\n    1,\n]  # a list"
    )
    assert exercises.stub(source) == (
        'import os\n\n\ndef f(x, *, é=1) -> int:\n    """Says what.\n\n    In two parts."""\n'
        "    ...\n\n\ndef g(x):\n    ...\n\n\n"
        "guess = ...  # between 0 and 1\nlong = ...  # a list"
    )


def tagged(source, *tags, cell=new_code_cell):
    return cell(source, metadata={"tags": list(tags)})


def made_of(*cells):
    return exercises.exercise(new_notebook(cells=list(cells)), "03_small").cells


def test_answers_may_be_edited_and_marked_checks_may_not():
    answer, check, written = made_of(
        tagged("x = 1", "solution"),
        tagged("look(x)", "check", "points-3"),
        tagged("Because.", "solution", "points-2", cell=new_markdown_cell),
    )
    keys = "grade", "solution", "locked", "points", "grade_id", "schema_version"
    marks = [
        [cell.metadata["nbgrader"].get(key) for key in keys] for cell in (answer, check, written)
    ]
    assert marks == [
        [False, True, False, None, "03_small-1", 3],
        [True, False, True, 3, "03_small-1-check", 3],
        [True, True, False, 2, "03_small-2", 3],
    ]
    assert [answer.source, written.source] == ["x = ...", exercises.OPEN_ANSWER]


def test_what_is_given_takes_the_place_of_the_solution_and_mistakes_stay_at_home():
    answer, check = made_of(
        tagged("x = 2  # wrong", "given"),
        tagged("x = 1", "solution"),
        tagged("look(x)", "check"),
        tagged("Bad.", "wrong", cell=new_markdown_cell),
    )
    assert (answer.source, check.source) == ("x = 2  # wrong", "look(x)")


@pytest.mark.parametrize("tags", [["solution"], ["check"], ["solution", "solution", "check"]])
def test_a_solution_without_a_check_and_a_check_without_a_solution_are_refused(tags):
    with pytest.raises(ValueError, match="check"):
        made_of(*(tagged("x = 1", tag) for tag in tags))
