"""Writes docs/library.ipynb, the example notebook, from docs/library.md: `python docs/notebook.py`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("library.md")
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```\n", flags=re.DOTALL | re.MULTILINE)


def notebook(page: str) -> dict[str, Any]:
    """A page as a notebook (nbformat 4.5): its Python and shell blocks are the code, all else is text."""
    cells = []
    parts = BLOCK.split(page)  # text, then for each block its language, its code and the text after it
    for at in range(0, len(parts), 3):
        cells.append(_cell("markdown", parts[at].strip()))
        if at + 2 < len(parts):
            mark = "!" if parts[at + 1] == "sh" else ""
            cells.append(_cell("code", mark + parts[at + 2].strip()) | {"execution_count": None, "outputs": []})
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _cell(kind: str, text: str) -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}


def written(page: str) -> str:
    """The notebook's file."""
    return json.dumps(notebook(page), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.with_suffix(".ipynb").write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
