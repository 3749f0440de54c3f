"""Data preparation jobs: specifications, files and order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from videossl.common.specification import Specification
from videossl.data.settings import NOISELESS, NOISES, SEVERITIES
from videossl.data.specs import (
    DATA_VERSION,
    GENERATOR_VERSION,
    CombinedSampleSpec,
    CombinedSubsetSpec,
    GenerateSpec,
    ListingSpec,
    NoiseSpec,
    SampleSpec,
    StoreSpec,
    SubsetSpec,
    TrainStoreSpec,
)
from videossl.stages import registry
from videossl.stages.jobs import PlannedJob
from videossl.stages.parts import files

if TYPE_CHECKING:
    from videossl.study.config import Config
    from videossl.study.study import Study

SAMPLES: dict[str, Literal["train", "val"]] = {"heldout": "val", "shown": "train"}
"""Samples of a dataset and the split that each is taken from."""
NOISY_CODEC = "raw"
"""Codec of the frames of noisy sets, see :mod:`videossl.data.codecs`."""


def generate_spec(config: Config, dataset: str) -> GenerateSpec:
    """Specification of a dataset's generated videos."""
    generated = config.datasets[dataset].generated
    if generated is None:
        raise ValueError(f"the videos of {dataset} are not generated")
    return GenerateSpec(data_version=GENERATOR_VERSION, dataset=dataset, **generated.model_dump())


def listing_spec(config: Config, dataset: str) -> ListingSpec:
    """Specification of a dataset's listing: its videos and their splits."""
    entry = config.datasets[dataset]
    return ListingSpec(
        data_version=DATA_VERSION,
        reader=str(entry.reader),
        options=entry.options,
        validation=entry.validation,
        seed=config.subset_seed,
    )


def store_spec(config: Config, dataset: str) -> StoreSpec:
    """Specification of the frame store of a whole dataset."""
    return StoreSpec(data_version=DATA_VERSION, shards=config.datasets[dataset].shards, **_format(config))


def train_store_spec(config: Config) -> TrainStoreSpec:
    """Specification of the frame store of a source's training videos."""
    each = config.store.videos_per_shard
    return TrainStoreSpec(data_version=DATA_VERSION, videos_per_shard=each, seed=config.subset_seed, **_format(config))


def subset_spec(config: Config, subset: str) -> SubsetSpec:
    """Specification of a named subset of a dataset's training videos."""
    size, seed = config.subsets[subset], config.subset_seed
    return SubsetSpec(data_version=DATA_VERSION, size=size, seed=seed, **_format(config))


def sample_spec(config: Config, sample: str) -> SampleSpec:
    """Specification of a sample of a dataset: of its validation videos, or of training videos for a figure."""
    at_most, seed = config.heldout_videos, config.subset_seed
    return SampleSpec(data_version=DATA_VERSION, split=SAMPLES[sample], at_most=at_most, seed=seed, **_format(config))


def subset_of_spec(config: Config, dataset: str, subset: str) -> SubsetSpec:
    """Specification of a named subset of one dataset, which may combine others."""
    spec, parts = subset_spec(config, subset), config.datasets[dataset].combine
    return CombinedSubsetSpec(**dict(spec), combine=parts) if parts else spec


def sample_of_spec(config: Config, dataset: str, sample: str) -> SampleSpec:
    """Specification of a sample of one dataset, which may combine others."""
    spec, parts = sample_spec(config, sample), config.datasets[dataset].combine
    return CombinedSampleSpec(**dict(spec), combine=parts) if parts else spec


def _format(config: Config) -> dict[str, Any]:
    return config.store.model_dump(exclude={"videos_per_shard"})


def noise_spec(config: Config) -> NoiseSpec:
    """Specification of the noisy copies of a dataset's test videos, and of the copy without noise."""
    noise = config.noise.model_dump()
    sizes = {kind: size if isinstance(size, list) else [size] * 5 for kind, size in noise["videos"].items()}
    return NoiseSpec(
        data_version=DATA_VERSION,
        short_side=config.store.short_side,
        codec=NOISY_CODEC,
        **(noise | {"videos": {**sizes, NOISELESS: ["all"]}}),
    )


@dataclass(frozen=True)
class Stored:
    """What a study reads of a dataset, besides its listing: only that is stored."""

    whole: bool
    """Every video, as of a target: training, validation and test."""
    subsets: tuple[str, ...]
    """Names of training subsets, the smallest first."""
    samples: tuple[str, ...]
    """`heldout`: validation videos to measure pretext tasks on. `shown`: videos for a figure, if nothing else is stored
    that it can show."""


def read_of(study: Study, name: str) -> Stored:
    """What the study reads of a dataset."""
    read, size = _read(study), study.config.subsets
    by_size = sorted(size, key=lambda subset: _number(size[subset]))
    subsets = [subset for subset in by_size if files.subset(study, name, subset) in read]
    shown = name in (dataset for entry in study.entries.values() for dataset in entry.datasets)
    if study.config.datasets[name].combine:  # it has no store of its own
        whole = False
    else:
        whole = files.manifest(study, name) in read or name in noisy_datasets(study) or _is_combined(study, name)
        whole = whole or any(size[subset] == "all" for subset in subsets)
    samples = {"heldout": files.heldout(study, name) in read, "shown": shown and not whole and not subsets}
    return Stored(whole, tuple(subsets), tuple(sample for sample, needed in samples.items() if needed))


def _is_combined(study: Study, name: str) -> bool:
    """Whether a combination of datasets reads the videos of this one."""
    combinations = [other for other in study.datasets if name in (study.config.datasets[other].combine or [])]
    return any(found.subsets or found.samples for found in (read_of(study, other) for other in combinations))


def _number(size: int | str) -> float:
    return float("inf") if size == "all" else float(size)


@lru_cache(maxsize=8)
def _read(study: Study) -> frozenset[Path]:
    """The input files of all cells that can be run here."""
    cells = [cell for cell in study.all_cells if not study.unavailable(cell)]
    inputs = (registry.stage(cell.stage).inputs(study, cell) for cell in cells)
    return frozenset(path for named in inputs for paths in named.values() for path in paths)


def shown_videos(study: Study, name: str) -> Path:
    """The file of videos from which a figure shows frames of a dataset: whatever the study stores of it anyway."""
    found = read_of(study, name)
    if found.whole:
        return files.manifest(study, name)
    return files.subset(study, name, found.subsets[0]) if found.subsets else files.sample(study, name, "shown")


def subset_inputs(study: Study, name: str, subset: str) -> list[Path]:
    """Inputs of the job that chooses a subset: the listing and the reports of the shards that it begins with. Of all
    training videos: the manifest, as their number is not known beforehand. Of a combination: the manifests of its
    parts."""
    size, parts = study.config.subsets[subset], study.config.parts_of(name)
    if size == "all" or study.config.datasets[name].combine:
        return [files.manifest(study, part) for part in parts]
    return [files.listing(study, name), *files.train_reports(study, name, size)]


def sample_inputs(study: Study, name: str, sample: str) -> list[Path]:
    """Inputs of the job that stores a sample: the listing; of a combination the manifests of its parts."""
    if study.config.datasets[name].combine:
        return [files.manifest(study, part) for part in study.config.parts_of(name)]
    return [files.listing(study, name)]


def generated_videos(study: Study, name: str) -> list[Path]:
    """The folder of a generated dataset's videos; none for a real one, which the workflow does not make."""
    return [study.results / "generated" / name] if study.config.datasets[name].generated is not None else []


def data_jobs(study: Study, name: str) -> Iterator[PlannedJob]:
    """The jobs that prepare a dataset, from its videos to its subsets: those whose results the study reads."""
    config, listing, needed = study.config, files.listing(study, name), read_of(study, name)
    videos, combines = tuple(generated_videos(study, name)), bool(config.datasets[name].combine)
    if videos:
        yield PlannedJob(videos, (), lambda: generate_spec(config, name))
    if not combines:
        yield PlannedJob((listing,), videos, lambda: listing_spec(config, name))
    if needed.whole:
        store, reports = store_spec(config, name), files.shard_reports(study, name)
        for report in reports:
            yield PlannedJob((report.with_suffix(".arrow"), report), (listing,), lambda: store)
        yield PlannedJob((files.manifest(study, name),), (listing, *reports), Specification)
    train = train_store_spec(config)
    subsets = () if combines else needed.subsets
    shards = [path for subset in subsets for path in subset_inputs(study, name, subset)[1:]]
    for report in dict.fromkeys(shards):
        yield PlannedJob((report.with_suffix(".arrow"), report), (listing,), lambda: train)
    for chosen in needed.subsets:
        made = _with_frames(files.subset(study, name, chosen))
        yield PlannedJob(made, tuple(subset_inputs(study, name, chosen)), partial(subset_of_spec, config, name, chosen))
    for sample in needed.samples:
        made = _with_frames(files.sample(study, name, sample))
        yield PlannedJob(made, tuple(sample_inputs(study, name, sample)), partial(sample_of_spec, config, name, sample))


def _with_frames(path: Path) -> tuple[Path, ...]:
    return (path.with_suffix(".arrow"), *files.described(path))


def noisy_datasets(study: Study) -> list[str]:
    """The datasets that need noisy test sets."""
    shown = [name for entry in study.entries.values() if entry.plot == "noise_samples" for name in entry.datasets]
    return list(dict.fromkeys([*(cell.target for cell in study.of_stage("robustness")), *shown]))


def noise_jobs(study: Study, name: str) -> Iterator[PlannedJob]:
    """The jobs that make a dataset's noisy test sets and the set without noise."""
    noise, clean = noise_spec(study.config), files.manifest(study, name)
    for levels in _made_together(study, name):
        for number in range(study.config.noise.shards):
            made = [_noisy_report(level, number) for level in levels]
            yield PlannedJob((*(one.with_suffix(".arrow") for one in made), *made), (clean,), lambda: noise)
    yield PlannedJob(tuple(noisy_sets(study, name)), (clean, *noisy_reports(study, name)), lambda: noise)


def noisy_reports(study: Study, name: str) -> list[Path]:
    """The reports of all shards of a dataset's noisy test sets and of the set without noise."""
    return [
        _noisy_report(one, number) for one in noisy_sets(study, name) for number in range(study.config.noise.shards)
    ]


def noisy_sets(study: Study, name: str) -> list[Path]:
    """The manifests of a dataset's test videos without noise and of all noisy sets."""
    return [files.noiseless_manifest(study, name), *files.noisy_manifests(study, name)]


def _made_together(study: Study, name: str) -> list[list[Path]]:
    """The manifests of the sets that are made together: the one without noise, and all severities of each noise."""
    noisy = [[files.noisy_manifest(study, name, kind, severity) for severity in SEVERITIES] for kind in NOISES]
    return [[files.noiseless_manifest(study, name)], *noisy]


def _noisy_report(manifest: Path, shard: int) -> Path:
    return manifest.parent / f"shards/{shard:04d}.parquet"
