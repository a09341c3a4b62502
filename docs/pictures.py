"""Copy the pictures that README.md shows from the chapters' stored outputs.

`make notebooks` calls it. A test compares the copies with the chapters, so a picture in the README
is always a picture of a chapter.
"""

import base64
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
PICTURES = {  # file here: (chapter, which of its pictures)
    "held_out_error.png": ("04_evaluation", 0),
    "cost_against_seconds.png": ("03_training", 0),
}


def picture(chapter: str, number: int) -> bytes:
    """The PNG of one of a chapter's pictures, in the order in which the chapter shows them."""
    notebook = nbformat.read(HERE.parent / "notebooks" / f"{chapter}.ipynb", as_version=4)
    shown = [
        output["data"]["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    return base64.b64decode(shown[number])


if __name__ == "__main__":
    for name, (chapter, number) in PICTURES.items():
        (HERE / name).write_bytes(picture(chapter, number))
        print(name)
