"""What a chapter shows of the package itself: a function's own source, so that it cannot drift."""

from __future__ import annotations

import inspect

from IPython.display import Markdown


def source(*functions) -> Markdown:
    """The source of functions of the package, to be shown as the value of a cell."""
    text = "\n\n".join(inspect.getsource(inspect.unwrap(f)).rstrip() for f in functions)
    return Markdown(f"```python\n{text}\n```")
