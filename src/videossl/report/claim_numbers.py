"""The numbers that claims are judged on: measured ones, those that the paper prints, and quoted ones."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pandas as pd

from videossl.analysis.blocks import BlockStructure, block_structure
from videossl.claims import CLAIMS, Ask, Number
from videossl.claims.ask import BEST_PUBLISHED, BLOCKS, GPU_SECONDS, OFF_DIAGONAL, PRETRAINING_VIDEOS, keys_of
from videossl.common.errors import DamagedFile
from videossl.common.results import CONDITION, IDENTITY, read_cell, read_predictions
from videossl.report.by_video import Term, values_by_video
from videossl.report.cka_map import FILE, read_map
from videossl.report.collect import read_number
from videossl.report.paper import PaperTable, read_paper_values
from videossl.report.published import PublishedRow, read_published
from videossl.training.record import find_run, gpu_seconds
from videossl.training.run_files import problem_of_run

MULTI_MODAL, THE_PAPERS_OWN = "Multi-Modal", "The paper's own"
"""Groups of the list of published results: approaches with further modalities, and the paper's student."""
STATE_OF_THE_ART = "state_of_the_art"
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Numbers:
    """The measured and the paper's numbers; `reasons`: why numbers are missing; `generated`: measured at a reduced
    scale or on generated videos."""

    measured: Mapping[Ask, Number]
    paper: Mapping[Ask, Number]
    reasons: Mapping[Ask, str] = field(default_factory=dict)
    generated: bool = False


def numbers_of(arguments: Mapping[str, Any]) -> Numbers:
    """All numbers, from the arguments of a request of the claims (:class:`videossl.report.request.Request`)."""
    published = arguments.get("published")
    paper = paper_numbers(read_paper_values(arguments["paper_values"]), read_published(published) if published else ())
    measured = measured_numbers([Path(path) for path in arguments["metrics"]], arguments["default_complexities"])
    quoted = {ask: number for ask, number in paper.items() if ask.is_quoted}
    reasons = reasons_of(arguments.get("pending", ()))
    return Numbers({**quoted, **measured}, paper, reasons, arguments.get("generated", bool(arguments["reduced"])))


def reasons_of(pending: Iterable[Mapping[str, Any]]) -> dict[Ask, str]:
    """Why numbers are missing, from cells that cannot be run: identity, `default_complexity` and `reason`."""
    return {ask: cell["reason"] for cell in pending for ask in all_asks() if ask.is_of(cell)}


def paper_numbers(values: pd.DataFrame, published: Sequence[PublishedRow] = ()) -> dict[Ask, Number]:
    """The paper's numbers that claims need, as far as it gives them; they have no standard errors.

    Args:
        values: from :func:`videossl.report.paper.read_paper_values`.
        published: the list of published results, which also has the paper's own student.
    """
    named = set(values["table"])
    tables = {name: PaperTable(values, name) for name in sorted({ask.table for ask in all_asks()} & named)}
    numbers = {}
    for ask in all_asks():
        if ask.table == STATE_OF_THE_ART:
            value = _published(ask, published)
        elif ask.metric == PRETRAINING_VIDEOS:
            value = _size(ask.subset)
        else:
            value = tables[ask.table].find(ask.identity, ask.metric) if ask.table in tables else None
        if value is not None:
            numbers[ask] = Number(value)
    return numbers


def _published(ask: Ask, rows: Sequence[PublishedRow]) -> float | None:
    """A number from the list of published results: the best of a kind of approaches, or that of the paper's student."""
    if ask.metric not in BEST_PUBLISHED:
        wanted = [row for row in rows if row.labels[0] == THE_PAPERS_OWN]
    else:
        multi = ask.metric == "best_multi_modal"
        wanted = [row for row in rows if row.labels[0] != THE_PAPERS_OWN and (row.labels[0] == MULTI_MODAL) == multi]
    return max((row.top1[ask.target] for row in wanted if ask.target in row.top1), default=None)


def _size(subset: str) -> float | None:
    """Number of videos of one of the paper's subsets, whose names are their sizes, such as 10k."""
    found = re.fullmatch(r"(\d+)k", subset)
    return 1000.0 * int(found[1]) if found else None


def measured_numbers(metrics: Iterable[Path], defaults: Mapping[str, str]) -> dict[Ask, Number]:
    """The measured numbers that claims need.

    Args:
        metrics: `metrics.parquet` of cells, with predictions, records and maps in the same folder. Missing files are
            skipped.
        defaults: default complexity of each task.
    """
    cells = _cells(metrics, defaults)
    numbers = {}
    for ask in all_asks():
        found = {identity["seed"]: _read(ask, path, identity) for path, identity in _of(ask, cells)}
        if known := {seed: number for seed, number in found.items() if number is not None}:
            numbers[ask] = _over_seeds(known)
    return numbers


def runs_of_claims(metrics: Iterable[Path], defaults: Mapping[str, str]) -> dict[str, dict[str, list[str]]]:
    """Run folders behind each number of each claim, by claim and by description of the number.

    Arguments as in :func:`measured_numbers`.
    """
    cells = _cells(metrics, defaults)
    found = {ask: [path.parent.as_posix() for path, _ in _of(ask, cells)] for ask in all_asks()}
    return {name: {str(ask): found[ask] for ask in claim.asks if found[ask]} for name, claim in CLAIMS.items()}


def left_out(metrics: Iterable[Path]) -> list[str]:
    """Error messages of runs whose metrics exist but cannot be used, one or two sentences each."""
    return [problem for path in metrics if path.exists() and (problem := _problem(path))]


def all_asks() -> list[Ask]:
    """The numbers of all claims, each once."""
    return list(dict.fromkeys(ask for claim in CLAIMS.values() for ask in claim.asks))


_Cells = dict[tuple[Any, ...], list[tuple[Path, dict[str, Any]]]]
"""Path and identity of metrics files, by the keys of the numbers that they have (:attr:`Ask.key`)."""


def _of(ask: Ask, cells: _Cells) -> list[tuple[Path, dict[str, Any]]]:
    """The cells, one a seed, that have a number."""
    return [] if ask.is_quoted else cells.get(ask.key, [])


def _cells(metrics: Iterable[Path], defaults: Mapping[str, str]) -> _Cells:
    """The usable metrics files."""
    cells: _Cells = {}
    for path in metrics:
        if path.is_file() and not _problem(path):
            identity = read_cell(path).iloc[0][list(IDENTITY)].to_dict()
            default = identity["complexity"] == defaults.get(identity["task"], "")
            for key in keys_of(identity | {"default_complexity": default}):
                cells.setdefault(key, []).append((path, identity))
    return cells


def _problem(path: Path) -> str:
    """Error message for the run of a metrics file; "" if the run can be used."""
    if problem := problem_of_run(path.parent, wholly=True):
        return problem
    files = [one for one in (path, path.with_name("predictions.parquet")) if one.is_file()]
    return _looked_at(path, tuple((one, one.stat().st_mtime_ns) for one in files))


@lru_cache(maxsize=4096)
def _looked_at(path: Path, files: tuple[tuple[Path, int], ...]) -> str:
    try:
        read_cell(path)
        for one, _ in files[1:]:
            read_predictions(one)
    except DamagedFile as error:
        return str(error)
    return ""


def _read(ask: Ask, path: Path, identity: Mapping[str, Any]) -> Number | None:
    """The number from one seed; None if the run does not have it."""
    if ask.metric in (GPU_SECONDS, PRETRAINING_VIDEOS):
        return _of_record(ask.metric, path.parent)
    if ask.metric in (OFF_DIAGONAL, BLOCKS):
        found = _blocks(path.parent)
        if found is None:
            return None
        return Number(found.off_diagonal if ask.metric == OFF_DIAGONAL else float(found.blocks))
    view = {"metric": ask.metric, "noise": ask.noise, "severity": ask.severity}
    if not _has(path, view):
        return None  # a severity that was not tested
    found_number = read_number(path, {**identity, **CONDITION, **view}, "a claim")
    return Number(found_number["value"], _error(found_number), _correct(ask, path, found_number))


def _error(found: Mapping[str, Any]) -> float | None:
    """Standard error from the interval of a number; None if it has none.

    An interval without width, such as that of an accuracy that no noise changes, counts as if one sample differed.
    """
    if found["low"] is None:
        return None
    return (found["high"] - found["low"]) / (2 * _Z) or 1 / max(found["n"], 1)


def _has(path: Path, view: Mapping[str, Any]) -> bool:
    """Whether a run measured its metric under this noise. A metric that it never measures is an error elsewhere."""
    frame = read_cell(path)
    if not view["noise"]:
        return True
    return bool(((frame["noise"] == view["noise"]) & (frame["severity"] == view["severity"])).any())


def _correct(ask: Ask, path: Path, found: Mapping[str, Any]) -> pd.Series | None:
    """Which test videos are classified correctly, indexed by video; None if the run does not say."""
    if ask.metric != "top1" or ask.noise:
        return None
    return values_by_video([Term(str(path.parent), ask.metric, found["value"], found["split"])])


def _of_record(metric: str, folder: Path) -> Number | None:
    """GPU time or number of training videos of a run."""
    run = find_run(folder)
    if run is None:
        return None
    if metric == PRETRAINING_VIDEOS:
        videos = run["samples"].get("train")
        return None if videos is None else Number(float(videos))
    return Number(gpu_seconds(run), device=run["device_name"])


def _blocks(folder: Path) -> BlockStructure | None:
    """Block structure of a map; None if there is no map, or too little of it is defined."""
    path = folder / FILE
    return _blocks_once(folder, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=1024)
def _blocks_once(folder: Path, changed: int) -> BlockStructure | None:
    try:
        return block_structure(read_map(folder).matrix)
    except ValueError:
        return None


def _over_seeds(by_seed: Mapping[int, Number]) -> Number:
    """The mean over seeds. Its standard error covers only the variation over videos; the values of the seeds say the
    rest."""
    numbers = list(by_seed.values())
    if len(numbers) == 1:
        return numbers[0]
    values = {seed: number.value for seed, number in by_seed.items()}
    value = sum(values.values()) / len(values)
    errors = [number.error for number in numbers]
    # All seeds use the same test videos, so errors do not average out: we take their mean.
    error = None if None in errors else math.fsum(errors) / len(errors)
    device = ", ".join(sorted({number.device for number in numbers if number.device}))
    vectors = [number.correct for number in numbers]
    if any(vector is None or not vector.index.equals(vectors[0].index) for vector in vectors):
        return Number(value, error, device=device, by_seed=values)
    return Number(value, error, sum(vectors) / len(vectors), device, values)
