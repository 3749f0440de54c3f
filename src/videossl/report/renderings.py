"""Rendering jobs: tables, figures, claims, the metrics of all runs, and the report, with their files and inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from videossl.claims import cells_of_claims
from videossl.report.request import CLAIMS, published_of, request_of, sets_of
from videossl.stages.base import PREDICTIONS
from videossl.stages.cells import Cell
from videossl.stages.jobs import PlannedJob
from videossl.stages.registry import stage
from videossl.study.study import Study

RECORD = ".record.json"
FILES = {
    "table": (".parquet", ".csv", ".md", ".tex", RECORD, ".html"),
    CLAIMS: (".parquet", ".csv", ".md", ".tex", RECORD, ".html"),
    "figure": (".png", ".pdf", RECORD),
}
"""Suffixes of the files of a table, of the claims and of a figure."""
PAPER = "paper"
"""Folder, beside the figures, of those for papers."""
OF_PAPER = {"figure": (".png", ".pdf")}
"""Suffixes of the files in this folder."""
LOOKED_AT = {"table": ".html", CLAIMS: ".html", "figure": ".png"}
"""Suffix of the main file of each kind, used as the target."""
CODE = (".py", ".html", ".css", ".js")
"""Suffixes of code files, including templates."""


def renderings_of(study: Study) -> Iterator[PlannedJob]:
    """All rendering jobs of the study, each after the jobs whose files it reads.

    The claims are always among them, as they can be requested (`table_claims`) even if `only` selects entries; the
    report shows them only if it does not.
    """
    root, records, claims = Path(study.config.results_dir), [], []
    requested = rendered(study)
    for name, kind in dict.fromkeys([*requested, (CLAIMS, CLAIMS)]):
        request = request_of(study, name)
        stem = Path(_stem(study, name, kind))
        outputs = tuple(stem.with_name(f"{name}{suffix}") for suffix in FILES[kind])
        printed = tuple(stem.parent / PAPER / f"{name}{suffix}" for suffix in OF_PAPER.get(kind, ()))
        yield PlannedJob(
            (*outputs, *printed), tuple(request.inputs), partial(lambda one: one.spec, request), is_rendering=True
        )
        (claims if kind == CLAIMS else records).append(outputs[FILES[kind].index(RECORD)])
    yield PlannedJob((root / "metrics.parquet",), tuple(records), dict, is_rendering=True)
    shown = claims if (CLAIMS, CLAIMS) in requested else []
    yield PlannedJob((root / "report.html",), (*records, *shown), dict, is_rendering=True)


def rendered(study: Study) -> list[tuple[str, str]]:
    """Name and kind of all requested tables and figures, in the order of the entries, followed by the claims.

    The claims are left out if `only` selects entries.
    """
    found = [(name, entry.kind) for name, entry in study.entries.items()]
    return found + ([(CLAIMS, CLAIMS)] if study.config.only is None else [])


def targets_of(study: Study, *kinds: str) -> list[str]:
    """Main files of all requested tables, figures or claims."""
    return [f"{_stem(study, name, kind)}{LOOKED_AT[kind]}" for name, kind in rendered(study) if kind in kinds]


def records_of(study: Study, *kinds: str) -> list[str]:
    """Records of all requested tables, figures or claims."""
    return [f"{_stem(study, name, kind)}{RECORD}" for name, kind in rendered(study) if kind in kinds]


def inputs_of(study: Study, name: str) -> dict[str, list[str]]:
    """Result files that an entry, or the claims, read, by kind of file.

    Excludes cells that cannot be run on this machine.
    """
    if name == CLAIMS:
        cells = [cell for cell in cells_of_claims(study.all_cells) if not study.unavailable(cell)]
        return {
            "metrics": _files(study, cells, "metrics"),
            "predictions": _files(study, _predicted(cells), "predictions"),
            "maps": _files(study, [cell for cell in cells if cell.stage == "cka"], "cka"),
            "published": [published] if (published := published_of(study)) else [],
            "names": sorted(map(str, (study.project / "config/recipes").glob("*.yaml"))),  # task names in the evidence
        }
    entry = study.entries[name]
    return {
        "metrics": _files(study, [cell for cell in study.cells_of[name] if not study.unavailable(cell)], "metrics"),
        "predictions": _files(study, _compared_by_video(study, name), "predictions"),
        "maps": _files(study, study.cells_of[name] if entry.plot == "cka" else [], "cka"),
        "manifests": [one["manifest"] for one in sets_of(study, name)],
        "published": [entry.published] if entry.published else [],
    }


def _compared_by_video(study: Study, name: str) -> list[Cell]:
    """The cells whose single test videos an entry reads: those of several seeds, of gains, or of ranks."""
    cells = [cell for cell in study.cells_of[name] if not study.unavailable(cell)]
    if len({cell.seed for cell in cells}) < 2 and not (study.entries[name].gain or study.entries[name].rank):
        return []
    return _predicted(cells)


def _predicted(cells: Iterable[Cell]) -> list[Cell]:
    """The cells with results of single test videos."""
    return [cell for cell in cells if PREDICTIONS in stage(cell.stage).results]


def code_of_tables(library: Path) -> list[str]:
    """Code files that affect tables, figures and claims; `library`: the folder of the videossl package."""
    return [path for path in code_of_report(library) if "/site/" not in path]


def code_of_report(library: Path) -> list[str]:
    """Code files that affect the report; `library` as above."""
    folders = [library / "report", library / "claims"]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in CODE]
    files += [
        library / "common/results.py",
        library / "analysis/statistics.py",
        library / "analysis/blocks.py",
        library / "study/titles.py",
    ]
    return sorted(map(str, files))


def all_metrics(study: Study) -> list[str]:
    """Metrics files of all cells of the study, excluding cells that cannot be run on this machine."""
    measured = [cell for cell in study.all_cells if stage(cell.stage).makes_metrics]
    return _files(study, [cell for cell in measured if not study.unavailable(cell)], "metrics")


def _files(study: Study, cells: Iterable[Cell], name: str) -> list[str]:
    return [f"{study.config.results_dir}/{cell.path}/{name}.parquet" for cell in cells]


def _stem(study: Study, name: str, kind: str) -> str:
    """Path of a rendering without suffix."""
    return f"{study.config.results_dir}/{'figures' if kind == 'figure' else 'tables'}/{name}"
