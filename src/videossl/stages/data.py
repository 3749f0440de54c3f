"""Data preparation jobs: specifications, files and order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from videossl.common.specification import Specification
from videossl.data.settings import NOISELESS, NOISES, SEVERITIES
from videossl.data.specs import DATA_VERSION, GenerateSpec, ListingSpec, NoiseSpec, StoreSpec, SubsetSpec
from videossl.stages.jobs import PlannedJob
from videossl.stages.parts.files import manifest, noiseless_manifest, noisy_manifest, noisy_manifests, subset

if TYPE_CHECKING:
    from videossl.study.config import Config
    from videossl.study.study import Study

NOISY_CODEC = "raw"
"""Codec of the frames of noisy sets, see :mod:`videossl.data.codecs`."""


def generate_spec(config: Config, dataset: str) -> GenerateSpec:
    """Specification of a dataset's generated videos."""
    generated = config.datasets[dataset].generated
    if generated is None:
        raise ValueError(f"the videos of {dataset} are not generated")
    return GenerateSpec(data_version=DATA_VERSION, dataset=dataset, **generated.model_dump())


def listing_spec(config: Config, dataset: str) -> ListingSpec:
    """Specification of a dataset's listing: its videos and their splits."""
    entry = config.datasets[dataset]
    return ListingSpec(
        data_version=DATA_VERSION,
        reader=entry.reader,
        options=entry.options,
        validation=entry.validation,
        seed=config.subset_seed,
    )


def store_spec(config: Config, dataset: str) -> StoreSpec:
    """Specification of a dataset's frame store."""
    shards = config.datasets[dataset].shards
    return StoreSpec(data_version=DATA_VERSION, shards=shards, **config.store.model_dump())


def subset_spec(config: Config, subset: str) -> SubsetSpec:
    """Specification of a named subset of a dataset's training videos."""
    return SubsetSpec(data_version=DATA_VERSION, size=config.subsets[subset], seed=config.subset_seed)


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


def data_jobs(study: Study, name: str) -> Iterator[PlannedJob]:
    """The jobs that prepare a dataset, from its videos to its subsets."""
    config, folder = study.config, study.results / "data" / name
    videos = (study.results / "generated" / name,) if config.datasets[name].generated is not None else ()
    if videos:
        yield PlannedJob(videos, (), lambda: generate_spec(config, name))
    listing = folder / "listing.parquet"
    yield PlannedJob((listing,), videos, lambda: listing_spec(config, name))
    reports = [folder / f"shards/{number:04d}.parquet" for number in range(config.datasets[name].shards)]
    store = store_spec(config, name)
    for report in reports:
        yield PlannedJob((report.with_suffix(".arrow"), report), (listing,), lambda: store)
    yield PlannedJob((manifest(study, name),), (listing, *reports), Specification)
    for chosen in dict.fromkeys(cell.subset for cell in study.pretraining if cell.source == name):
        path = subset(study, name, chosen)
        made = (path, path.with_suffix(".json"))
        yield PlannedJob(made, (manifest(study, name),), partial(subset_spec, config, chosen))


def noisy_datasets(study: Study) -> list[str]:
    """The datasets that need noisy test sets."""
    shown = [name for entry in study.entries.values() if entry.plot == "noise_samples" for name in entry.datasets]
    return list(dict.fromkeys([*(cell.target for cell in study.of_stage("robustness")), *shown]))


def noise_jobs(study: Study, name: str) -> Iterator[PlannedJob]:
    """The jobs that make a dataset's noisy test sets and the set without noise."""
    noise, clean = noise_spec(study.config), manifest(study, name)
    noisy = [[noisy_manifest(study, name, kind, severity) for severity in SEVERITIES] for kind in NOISES]
    reports = []
    for levels in [[noiseless_manifest(study, name)], *noisy]:
        for number in range(study.config.noise.shards):
            made = [level.parent / f"shards/{number:04d}.parquet" for level in levels]
            reports += made
            yield PlannedJob((*(one.with_suffix(".arrow") for one in made), *made), (clean,), lambda: noise)
    sets = (noiseless_manifest(study, name), *noisy_manifests(study, name))
    yield PlannedJob(sets, (clean, *reports), lambda: noise)
