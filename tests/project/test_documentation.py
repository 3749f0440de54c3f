"""The documents, beside what the linter looks at (`make lint`): every page is found, and what it names is there."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from videossl.study.study import load_study

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(
    [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "config/README.md",
        *(f"docs/{path.name}" for path in REPOSITORY.glob("docs/*.md")),
    ]
)
FENCE = re.compile(r"^```.*?^```$", flags=re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")


def read(page: str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    """The page without its code blocks, each line in its place."""
    return FENCE.sub(lambda block: "\n" * block[0].count("\n"), read(page))


CARD_ROWS = ("What it is", "Role in the study", "Source", "Licence", "Citation", "How to get it", "Stand-in")


def test_every_dataset_of_the_paper_has_a_card():
    config = load_study([REPOSITORY / "config/config.yaml", REPOSITORY / "config/paper.yaml"], REPOSITORY).config
    cards = dict(re.findall(r"^## .*\(`(\w+)`\)\n\n((?:\|.*\n)+)", read("docs/dataset_cards.md"), flags=re.MULTILINE))
    assert cards.keys() == config.datasets.keys()
    for name, card in cards.items():
        rows = dict(re.findall(r"^\| ([\w -]+) \| (.+) \|$", card, flags=re.MULTILINE))
        assert tuple(rows) == CARD_ROWS, name
        design = config.datasets[name].reader if name != "captions" else "k400"
        assert "set" in rows["Stand-in"] and (design == "kinetics" or f"`{design}`" in rows["Stand-in"])


def test_there_are_pages():
    assert len(PAGES) > 10


def test_every_page_is_reached_from_the_readme():
    reached, left = set(), {"README.md"}
    while left:
        page = left.pop()
        reached.add(page)
        links = [(REPOSITORY / page).parent / link.partition("#")[0] for link in LINK.findall(prose(page))]
        left |= {str(path.resolve().relative_to(REPOSITORY)) for path in links if path.suffix == ".md"} - reached
    assert reached >= set(PAGES)


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


@pytest.mark.parametrize("overview", ["CONTRIBUTING.md", "docs/extending.md"])
def test_an_overview_links_every_page_on_adding_something(overview):
    text = (REPOSITORY / overview).read_text()
    pages = sorted(path.name for path in (REPOSITORY / "docs").glob("adding_a_*.md"))
    assert pages and [page for page in pages if f"{page})" not in text] == []


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
