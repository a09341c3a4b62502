"""Chapters of a few lines, for the tests of what runs and checks the real ones."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course.notebooks import METADATA

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SHOW_PICTURE = f'''from IPython.display import display
display({{"image/png": "{PIXEL}", "text/plain": "[picture: one dot]"}},
        metadata={{"image/png": {{"alt": "one <dot>"}}}}, raw=True)'''
SHOW_WIDGET = "import ipywidgets; ipywidgets.IntSlider(3)"


def chapter(path: Path, *sources: str, parameters: str = "size = 3  # of something") -> Path:
    """Write a notebook: first its parameters, then each source; "# " begins a Markdown cell."""
    cells = [new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    for source in sources:
        cells.append((new_markdown_cell if source.startswith("# ") else new_code_cell)(source))
    for n, cell in enumerate(cells):
        cell.id = f"cell-{n}"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata=METADATA), path)
    return path
