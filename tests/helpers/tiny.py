"""A study small enough to be trained in a test: settings, recipes, and data made by the library's own functions."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from videossl.common.files import write_parquet
from videossl.common.specification import Specification
from videossl.common.strict import merge
from videossl.data.manifest import read_listing_file, read_manifest, shard_files
from videossl.data.materialise import merge_manifest, write_shard
from videossl.data.readers.common import LISTING_SCHEMA
from videossl.data.readers.listing import read_listing
from videossl.data.readers.registry import group_of
from videossl.data.readers.validation import with_validation
from videossl.data.selection import write_sample, write_subset, write_whole
from videossl.data.specs import SampleSpec, SubsetSpec
from videossl.data.synthetic import generate
from videossl.evaluation.specs import FinetuneSpec
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study.config import Config
from videossl.study.study import Study
from videossl.training.session import Compute
from videossl.training.specs import PretrainSpec

CPU = Compute(device="cpu", threads=1, workers=0)
CLIP = {"frames": 4, "size": 16}

ROTNET = {
    "task": "rotnet",
    "title": "RotNet",
    "metrics": ["pretext_top1"],
    "category": "spatial",
    "objective": "non-contrastive",
    "complexity": {"C1": {"rotations": 2}, "C2": {"rotations": 3}, "C3": {"rotations": 4}},
    "default_complexity": "C3",
    "options": {"rotations": 4, "stride": 2},
    "clip": CLIP,
    "augment": {"crop": "random", "resize_short": 20, "flip": 0.5, "jitter": [0.4, 0.4, 0.4, 0.1]},
    "optimizer": {"name": "sgd", "lr": {"default": 0.1, "r2plus1d": 0.05}, "weight_decay": 0.001},
    "batch_size": 4,
    "schedule": {"name": "step", "milestones": [0.5], "gamma": 0.1},
}
RSPNET = {
    "task": "rspnet",
    "metrics": ["video_retrieval_top1", "speed_accuracy"],
    "category": "spatio-temporal",
    "objective": "contrastive",
    "options": {"dim": 8, "queue_size": 10, "momentum": 0.9},
    "clip": CLIP,
    "augment": {"crop": "random_resized", "scale": [0.4, 1.0], "flip": 0.5, "gray_p": 0.2},
    "optimizer": {"name": "sgd", "lr": 0.05},
    "batch_size": {"default": 4, "shufflenet": 8},
    "reference_batch_size": 8,
    "schedule": {"name": "cosine", "warmup_epochs": 1},
}
FORMAT: dict[str, Any] = {"data_version": 1, "short_side": 20, "quality": 90}
"""How the frames of :func:`make_data` are stored."""
GENERATED = {"design": "k400", "classes": 3, "videos": {"train": 4, "val": 2}}
CONFIG: dict[str, Any] = {
    "scale": {"name": "tiny", "reduced": True, "note": "a test"},
    "datasets": {
        "k400": {"title": "Kinetics-400", "reader": "kinetics", "generated": GENERATED},
        "ucf101": {"title": "UCF101", "reader": "ucf101", "root": "videos", "annotations": "lists"},
        "hmdb51": {"title": "HMDB51", "reader": "hmdb51", "root": "videos", "annotations": "lists"},
    },
    "subsets": {"10k": 4, "30k": 8, "50k": 12},
    "epochs": {50: 2, 100: 3, 200: 5},
    "backbones": {"r2plus1d": {"width": 0.05}, "shufflenet": {"width": 0.1}},
    "finetune": {
        "epochs": 2,
        "batch_size": 4,
        "clip": CLIP,
        "test_clips": 2,
        "optimizer": {"lr": 0.02},
        "schedule": {"name": "cosine"},
        "augment": {"crop": "center"},
    },
}
GRID: dict[str, Any] = {
    "task": ["rotnet", "rspnet"],
    "backbone": "r2plus1d",
    "source": "k400",
    "subset": "50k",
    "epochs": 200,
    "target": "ucf101",
}


def table(grid: dict[str, Any] | list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """An entry of experiments.yaml."""
    return {"kind": "table", "title": "A table", "grid": grid, "rows": "subset", "columns": "task"} | changes


def write_files(folder: Path, entries: dict[str, Any], recipes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Write experiments and recipes into `folder`; returns the configuration that names them."""
    (folder / "recipes").mkdir(parents=True, exist_ok=True)
    for task, recipe in recipes.items():
        (folder / "recipes" / f"{task}.yaml").write_text(yaml.safe_dump(recipe))
    (folder / "experiments.yaml").write_text(yaml.safe_dump(entries))
    paths = {"experiments_file": str(folder / "experiments.yaml"), "recipes_dir": str(folder / "recipes")}
    return copy.deepcopy(CONFIG) | paths


def make_study(
    folder: Path,
    entries: dict[str, Any] | None = None,
    rotnet: dict[str, Any] | None = None,
    rspnet: dict[str, Any] | None = None,
    **config: Any,
) -> Study:
    """The tiny study; `rotnet` and `rspnet` replace keys of those recipes, `config` keys of the configuration."""
    recipes = {"rotnet": ROTNET | (rotnet or {}), "rspnet": RSPNET | (rspnet or {})}
    values = write_files(folder, {"main": table(GRID)} if entries is None else entries, recipes)
    return Study(Config.parse(values | config, "the test's configuration"))


def pretrain_cell(task: str, epochs: int = 200, **axes: Any) -> Cell:
    """A pretraining cell of the tiny study."""
    values = {"complexity": "C3" if task == "rotnet" else "", "backbone": "r2plus1d", "seed": 0} | axes
    return Cell(
        stage="pretrain",
        task=task,
        source="k400",
        subset="50k",
        epochs=epochs,
        target="",
        protocol="",
        **values,
    )


def spec_of(study: Study, cell: Cell) -> Any:
    """The job specification of a cell."""
    return stage(cell.stage).spec(study, cell)


def changed(spec: Specification, **values: Any) -> Any:
    """The specification with some values, as in its JSON, replaced; mappings are merged."""
    merged = merge(spec.values, values)
    return type(spec).parse(merged, "the test's specification")


def pretrain_arguments(study: Study, task: str, epochs: int = 200, **spec: Any) -> tuple[PretrainSpec, dict[str, Any]]:
    """Specification, with the given keys replaced, and identity of a pretraining cell."""
    cell = pretrain_cell(task, epochs)
    return changed(spec_of(study, cell), **spec), cell.identity


def finetune_arguments(study: Study, **spec: Any) -> tuple[FinetuneSpec, dict[str, Any]]:
    """Specification, with the given keys replaced, and identity of a finetuning cell."""
    cell = Cell("finetune", "rotnet", "C3", "r2plus1d", "k400", "50k", 200, "ucf101", "finetune", 0)
    return changed(spec_of(study, cell), **spec), cell.identity


@dataclass(frozen=True)
class Data:
    """A dataset that is ready to be trained on."""

    root: Path
    manifest: Path
    subset: Path

    @property
    def heldout(self) -> Path:
        """The held-out videos beside the manifest."""
        return self.root / "heldout.parquet"

    def with_subset(self, size: int | str, subset: Path) -> Data:
        """The dataset with another subset, which is written to `subset`."""
        spec, manifest = SubsetSpec(**FORMAT, size=size, seed=0), read_manifest(self.manifest)
        if size == "all":
            write_whole(manifest, spec, shard_files(self.manifest, manifest), subset)
        else:
            reports = sorted((self.root / "shards").glob("*.parquet"))
            listing = read_listing_file(self.root / "listing.parquet")
            write_subset(listing, self.root / "videos", spec, reports, subset, "subset")
        return replace(self, subset=subset)


def make_data(
    root: Path,
    design: str,
    videos: dict[str, int],
    *,
    damage: dict[str, str] | None = None,
    broken: bool = False,
) -> Data:
    """Generate videos and take them through listing, shards, manifest and a subset of all that is usable.

    `damage`: {"text": split} breaks the first video of that split, {"missing": split} removes the second. `broken`: see
    :func:`videossl.data.synthetic.generate`.
    """
    generate(
        design, root, videos=videos, classes=3, frames=(10, 14), size=(32, 24), fps=12, seed=0, broken=broken,
        progress=False,
    )  # fmt: skip
    reader = "kinetics" if design == "k400" else design
    listing = read_listing(reader, root / "videos", root / "annotations")
    listing = with_validation(listing, 0.25, 0, group_of(reader))
    for how, split in (damage or {}).items():
        chosen = listing.index[(listing["split"] == split) & (listing["status"] == "found")]
        path = root / "videos" / listing["path"][chosen[0 if how == "text" else 1]]
        path.write_text("not a video") if how == "text" else path.unlink()
    write_parquet(root / "listing.parquet", pa.Table.from_pandas(listing, schema=LISTING_SCHEMA, preserve_index=False))
    reports = []
    for shard in range(2):
        arrow, report = (root / "shards" / f"{shard:04d}.{suffix}" for suffix in ("arrow", "parquet"))
        write_shard(listing, root / "videos", shard, 2, arrow, report, short_side=20, quality=90, progress=False)
        reports.append(report)
    manifest = merge_manifest(listing, reports)
    write_parquet(root / "manifest.parquet", manifest)
    spec = SampleSpec(**FORMAT, split="val", at_most=512, seed=0)
    write_sample(listing, root / "videos", spec, root / "heldout.parquet")
    return Data(root, root / "manifest.parquet", Path()).with_subset("all", root / "subsets/50k.parquet")
