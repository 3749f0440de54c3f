"""The jobs of a study that make what others start from: data, networks, evaluations. As the rules have them.

Those that show results, tables and figures, are in :mod:`videossl.report.renderings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from videossl.data.provenance import RESULTS_OF, network_code, network_spec
from videossl.stages import specs
from videossl.study.cells import Cell
from videossl.study.config.experiments import NOISELESS, NOISES, SEVERITIES
from videossl.study.study import Study


@dataclass(frozen=True)
class Job:
    """One job: what decides its outcome, and its files."""

    outputs: tuple[Path, ...]
    inputs: tuple[Path, ...]
    spec: Callable[[], dict[str, Any]]
    cell: Cell | None = None
    code: tuple[Path, ...] = ()
    """Files of the project that are inputs, for their times; what they hold is in the specification."""
    is_rendering: bool = False
    """Whether it shows results. Then all of them must be there; to show them again costs seconds."""


def jobs_of(study: Study) -> Iterator[Job]:
    """All jobs of the study, each after those that it starts from."""
    files = _Files(study)
    for name in study.datasets:
        yield from _data_jobs(study, files, name)
    for name in _noisy(study):
        yield from _noise_jobs(study, files, name)
    training = study.config.vifm.training
    for seed in sorted({cell.seed for cell in study.of_stage("vifm")}) if training else ():
        folder = files.root / f"vifm/clip/seed{seed}"
        used = [files.manifest(name) for name in (training.clip.dataset, *training.leave_out)]
        yield _run_job("small_clip", folder, used, lambda seed=seed: specs.small_clip_spec(study, seed))
    for cell in study.all_cells:
        if cell.stage == "network":
            job = _run_job("network", files.root / cell.path, [], lambda cell=cell: network_spec(cell.backbone), cell)
            yield replace(job, code=(*network_code(), study.project / "workflow/scripts/network.py"))
        elif not study.unavailable(cell):
            used = files.of(cell)
            yield _run_job(
                cell.stage, files.root / cell.path, used, lambda c=cell: specs.SPECS[c.stage](study, c), cell
            )


def _run_job(
    stage: str, folder: Path, inputs: Iterable[Path], spec: Callable[[], dict[str, Any]], cell: Cell | None = None
) -> Job:
    record = () if stage in ("features", "network") else ("run.json",)
    return Job(tuple(folder / name for name in (*RESULTS_OF[stage], *record)), tuple(inputs), spec, cell)


def _data_jobs(study: Study, files: _Files, name: str) -> Iterator[Job]:
    """From the videos of a dataset to its subsets."""
    config, folder = study.config, files.root / "data" / name
    videos = (files.root / "generated" / name,) if config.datasets[name].generated is not None else ()
    if videos:
        yield Job(videos, (), lambda: specs.generate_spec(config, name))
    listing = folder / "listing.parquet"
    yield Job((listing,), videos, lambda: specs.listing_spec(config, name))
    reports = [folder / f"shards/{number:04d}.parquet" for number in range(config.datasets[name].shards)]
    store = specs.store_spec(config, name)
    for report in reports:
        yield Job((report.with_suffix(".arrow"), report), (listing,), lambda: store)
    yield Job((files.manifest(name),), (listing, *reports), dict)
    for subset in dict.fromkeys(cell.subset for cell in study.pretraining if cell.source == name):
        made = tuple(folder / f"subsets/{subset}{suffix}" for suffix in (".parquet", ".json"))
        yield Job(made, (files.manifest(name),), lambda subset=subset: specs.subset_spec(config, subset))


def _noisy(study: Study) -> list[str]:
    """The datasets of which there are noisy test sets."""
    shown = [name for entry in study.entries.values() if entry.plot == "noise_samples" for name in entry.datasets]
    return list(dict.fromkeys([*(cell.target for cell in study.of_stage("robustness")), *shown]))


def _noise_jobs(study: Study, files: _Files, name: str) -> Iterator[Job]:
    """The noisy test sets of a dataset, and the one without noise."""
    noise = specs.noise_spec(study.config)
    reports = []
    for levels in [[files.noisy(name, NOISELESS, 0)], *([files.noisy(name, n, s) for s in SEVERITIES] for n in NOISES)]:
        for number in range(study.config.noise.shards):
            made = [level.parent / f"shards/{number:04d}.parquet" for level in levels]
            reports += made
            yield Job((*(one.with_suffix(".arrow") for one in made), *made), (files.manifest(name),), lambda: noise)
    yield Job(tuple(files.all_noisy(name)), (files.manifest(name), *reports), lambda: noise)


class _Files:
    """Where the files of a study are."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.root = Path(study.config.results_dir)

    def manifest(self, name: str) -> Path:
        """The manifest of a dataset."""
        return self.root / f"data/{name}/manifest.parquet"

    def noisy(self, name: str, noise: str, severity: int) -> Path:
        """The manifest of a noisy test set."""
        return self.root / f"data/{name}/noisy/{noise}/{severity}/manifest.parquet"

    def all_noisy(self, name: str) -> list[Path]:
        """The manifests of the test set without noise, and of all noisy ones."""
        return [
            self.noisy(name, NOISELESS, 0),
            *(self.noisy(name, noise, severity) for noise in NOISES for severity in SEVERITIES),
        ]

    def of(self, cell: Cell) -> list[Path]:
        """What a cell's job starts from."""
        if cell.stage == "pretrain":
            before = self.study.previous(cell)
            subset = self.root / f"data/{cell.source}/subsets/{cell.subset}.parquet"
            return [self.manifest(cell.source), subset, *([self._result(before, "state.pt")] if before else [])]
        if cell.stage == "vifm":
            return self._of_model(cell)
        if cell.stage in ("linear_probe", "retrieval"):
            return [self._result(cell.features(), "features.npz")]
        data = self.all_noisy(cell.target) if cell.stage == "robustness" else [self.manifest(cell.target)]
        names = {"class_logits": "logits.npz"}
        return [*data, *(self._result(one, names.get(one.stage, "weights.pt")) for one in cell.needs)]

    def _of_model(self, cell: Cell) -> list[Path]:
        training = self.study.config.vifm.training
        if training is None:
            return []
        used = [training.corpora[cell.source].dataset, *training.leave_out]
        return [*(self.manifest(name) for name in used), self.root / f"vifm/clip/seed{cell.seed}/weights.pt"]

    def _result(self, cell: Cell, name: str) -> Path:
        return self.root / cell.path / name
