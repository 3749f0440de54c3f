"""The code blocks of the documentation, so that tests can do what a page says, literally."""

from __future__ import annotations

import re
from pathlib import Path


def block(repository: Path, page: str, language: str, number: int = 0) -> str:
    """A code block of docs/<page>.md: the one with this number among those of its language."""
    text = (repository / f"docs/{page}.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)[number]


def file_block(repository: Path, page: str, path: str) -> str:
    """The file at `path` as docs/<page>.md has it: the first code block after the path's first mention."""
    after = (repository / f"docs/{page}.md").read_text().split(f"`{path}`", maxsplit=1)[1]
    return re.search(r"```\w+\n(.*?)```", after, flags=re.DOTALL)[1]


def write_files(repository: Path, page: str, root: Path, *paths: str) -> None:
    """Write the files at `paths`, as the page has them, below `root`."""
    for path in paths:
        (root / path).write_text(file_block(repository, page, path))
