"""What a chapter shows of the package itself: a function's own source, so that it cannot drift."""

from __future__ import annotations

import inspect

from IPython.display import Code


def source(*functions) -> Code:
    """The source of functions of the package, to be shown as the value of a cell."""
    return Code("\n\n".join(inspect.getsource(f).rstrip() for f in functions), language="python")
