"""Hooks of MkDocs: pages that are written elsewhere or from the code, and links between them.

The start page is README.md, the keys' page config/README.md: each has one place, where GitHub shows it, too. The pages
of the library are made from its docstrings, one a package.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).parents[1]
PACKAGES = REPOSITORY / "src/videossl"
ELSEWHERE = {
    "README.md": "index.md",
    "config/README.md": "configuration.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Documents outside of docs/, and the pages that they become."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add a page for each package of the library to the navigation."""
    assert config.nav is not None
    config.nav.append({"Library": [{f"videossl.{name}": f"api/{name}.md"} for name in _packages()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents outside of docs/, and the library's pages."""
    for source, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(REPOSITORY / source).read_text()))
    for name in _packages():
        files.append(File.generated(config, f"api/{name}.md", content=_library_page(name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as the repository has them, as links between pages. Files that are no pages are named instead of linked."""
    uri = page.file.src_uri
    origin = next((source for source, name in ELSEWHERE.items() if name == uri), f"docs/{uri}")

    def link(found: re.Match[str]) -> str:
        text, target, anchor = found["text"], found["target"], found["anchor"] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
        destination = ELSEWHERE.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if destination is None or files.get_file_from_path(destination) is None:
            return f"{text} (`{path}`)" if text.strip("`") not in (path, posixpath.basename(path)) else f"`{path}`"
        return f"[{text}]({posixpath.relpath(destination, posixpath.dirname(uri) or '.')}{anchor})"

    return re.sub(
        r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)", link, _images(markdown, uri)
    )


def _images(markdown: str, uri: str) -> str:
    return markdown.replace("](docs/images/", "](images/") if uri == "index.md" else markdown


def _packages() -> list[str]:
    return sorted(path.parent.name for path in PACKAGES.glob("*/__init__.py"))


def _library_page(name: str) -> str:
    """The docstrings of a package and of its modules."""
    modules = sorted(path for path in (PACKAGES / name).rglob("*.py") if not path.name.startswith("_"))
    dotted = ["videossl." + path.relative_to(PACKAGES).with_suffix("").as_posix().replace("/", ".") for path in modules]
    return "\n\n".join([f"# videossl.{name}", *(f"::: {one}" for one in dotted)]) + "\n"
