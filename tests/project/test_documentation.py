"""The documents: links that lead somewhere, tables and code that are whole, lines of one width."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(["README.md", "config/README.md", *(f"docs/{path.name}" for path in REPOSITORY.glob("docs/*.md"))])
FENCE = re.compile(r"^```.*?^```$", flags=re.DOTALL | re.MULTILINE)
GENERATED = re.compile(r"<!-- measured: .*?<!-- end: .*?-->", flags=re.DOTALL)
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")
WIDTH = 120


def read(page: str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    """The page without its code blocks, each line in its place."""
    return FENCE.sub(lambda block: "\n" * block[0].count("\n"), read(page))


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_are_pages():
    assert len(PAGES) > 10


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for link in LINK.findall(prose(page)):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = (REPOSITORY / page).parent / name if name else REPOSITORY / page
        assert target.exists(), f"{page}: {link}"
        assert not anchor or anchor in anchors(target), f"{page}: {link}"


def test_every_page_is_reached_from_the_readme():
    reached, left = set(), {"README.md"}
    while left:
        page = left.pop()
        reached.add(page)
        links = [(REPOSITORY / page).parent / link.partition("#")[0] for link in LINK.findall(prose(page))]
        left |= {str(path.resolve().relative_to(REPOSITORY)) for path in links if path.suffix == ".md"} - reached
    assert reached >= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_the_markdown_is_whole(page):
    text = prose(page)
    assert len(re.findall(r"^```", read(page), flags=re.MULTILINE)) % 2 == 0
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.MULTILINE)]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels)), levels
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(columns) == 1, f"{page}: {table[:200]}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_lines_are_not_too_long(page):
    """But for tables, code and what a tool has written."""
    text = GENERATED.sub(lambda section: "\n" * section[0].count("\n"), prose(page))
    long = [n for n, line in enumerate(text.splitlines(), start=1) if len(line) > WIDTH and not line.startswith("|")]
    assert not long, f"{page}: lines {long}"


TEXTS = [
    *PAGES,
    "Snakefile",
    "Makefile",
    *(
        str(path.relative_to(REPOSITORY))
        for folder in ("config", "rules", "src", "profiles", "workflow")
        for path in sorted((REPOSITORY / folder).rglob("*"))
        if path.suffix in (".py", ".smk", ".yaml", ".rst", ".md") and "egg-info" not in str(path)
    ),
]


@pytest.mark.parametrize("page", dict.fromkeys(TEXTS))
def test_no_example_has_a_target_after_a_configuration_file(page):
    """Snakemake would take it for one."""
    for words in re.findall(r"--configfiles?[ =]+([^`#\n\\]*)", read(page)):
        for word in itertools.takewhile(
            lambda word: not word.startswith(("-", "|", ">", "'", '"', ")")), words.split()
        ):
            name = word.strip(".,;:)\"'")
            assert name.endswith((".yaml", "FILE")) or not re.search(r"[/_]|^all$", name), f"{page}: {words}"


def test_every_named_file_is_there():
    """Paths in backticks; not those with places to fill in, nor the files that a page tells the reader to write."""
    written = set(re.findall(r"^## \d+\. .*?: `([^`]+)`$", "\n".join(map(read, PAGES)), flags=re.MULTILINE))
    for page in PAGES:
        folders = "src|config|docs|tests|rules|workflow|profiles|benchmarks|envs"
        for path in re.findall(rf"`((?:{folders})/[\w./-]+)`", prose(page)):
            assert (REPOSITORY / path).exists() or path in written, f"{page}: {path}"
