"""The study's configuration: what `config/config.yaml` and its overlays may say."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from videossl.common.names import EntryName, FilePath, Name, ResultsPath, SameInAnyCase, WorkflowPath
from videossl.common.ranges import (
    Count,
    Few,
    FewOrNone,
    Once,
    Seed,
    ShareBelowOne,
    Text,
    Version,
)
from videossl.common.strict import Strict, merge
from videossl.data.generated import Generated
from videossl.data.readers import registry as readers
from videossl.data.settings import Augment, ClipShape, Noise, Shards, Store
from videossl.evaluation.settings import CKA, Distillation, LinearProbe, Retrieval
from videossl.study.config.experiments import Experiment
from videossl.study.config.layers import FOLDERS, Layer, check_layers
from videossl.study.config.reading import read_yaml
from videossl.study.config.resources import Limits, Memory, Minutes, Speed
from videossl.study.config.videolanguage import VideoLanguage
from videossl.training.settings import Counts, Optimizer, Schedule

Reader = Literal[*readers.names()]


def _of_json(key: object) -> object:
    """A key that is a number, as JSON has it, whose keys are texts."""
    return int(key) if isinstance(key, str) and key.isascii() and key.isdecimal() and len(key) < 10 else key


Milestone = Annotated[Count, BeforeValidator(_of_json)]


class Scale(Strict):
    """How far the run is from the paper's conditions; printed with every table and figure."""

    name: Text = Field("paper", description="short name of the scale: reduced, smoke, paper")
    reduced: bool = Field(False, description="true: results are marked, and not set beside the paper's")
    note: str = Field(
        "",
        description="what is reduced, in words; goes into titles of tables and figures. Which videos are generated is"
        " said there without it",
    )


class Dataset(Strict):
    """One dataset: where it is, in which layout, and how it is split."""

    title: Text = Field(description="name as printed in tables and figures")
    kind: Literal["appearance", "temporal"] = Field(
        "appearance", description="what a class is told by: one picture, or how it moves"
    )
    reader: Reader = Field(description="layout of the annotation files: a file of src/videossl/data/readers")  # type: ignore[valid-type]
    root: FilePath | None = Field(None, description="folder of the videos; set by the workflow for generated ones")
    annotations: FilePath | None = Field(None, description="folder of the official list files")
    options: dict[str, Any] = Field({}, description="options of the reader, such as split: 1")
    validation: ShareBelowOne = Field(
        0.1, description="share of the training videos held out where the dataset has no validation split"
    )
    shards: Shards = Field(1, description="files of the frame store, one job each")
    generated: Generated | None = Field(None, description="make the videos instead of reading real ones")
    videos: Annotated[dict[Literal["train", "val", "test"], Count], Field(min_length=1)] | None = Field(
        None,
        description="about how many, for estimates of time before they are listed; null: 20,000 and 5,000 are assumed",
    )

    @model_validator(mode="before")
    @classmethod
    def _real_instead_of_generated(cls, value: Any) -> Any:
        """Real videos replace the generated ones of lower layers; both in one file: `videossl.study.config.layers`."""
        if isinstance(value, dict) and any(value.get(key) is not None for key in FOLDERS):
            return {**value, "generated": None}
        return value

    @model_validator(mode="after")
    def _located(self) -> Dataset:
        absent = [key for key in FOLDERS if getattr(self, key) is None]
        if self.generated is None and absent:
            which = f"`{absent[0]}` is missing: " if len(absent) == 1 else ""
            raise ValueError(f"{which}give `root` and `annotations` (real videos) or `generated`")
        return self


class Finetune(Strict):
    """End-to-end finetuning and the video-level test."""

    recipe_version: Version = Field(1, description="raise it when a change in code should retrain")
    epochs: Count = Field(description="finetuning epochs")
    batch_size: Counts = Field(description="videos a step; may differ by backbone")
    accumulation_steps: Counts = Field(
        1,
        description="parts that a batch is trained in, for memory; batch normalisation and the negatives of one batch"
        " are those of a part, so it is part of the recipe. May differ by backbone",
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="bf16: training computes convolutions and matrix products in bfloat16"
    )
    clip: ClipShape = Field(description="what the network sees")
    stride: Few = Field(2, description="frames between the frames of a clip")
    test_clips: Few = Field(10, description="uniformly spaced clips a test video; logits are averaged")
    dropout: ShareBelowOne = Field(0.5, description="before the classifier")
    optimizer: Optimizer
    schedule: Schedule
    reference_batch_size: Count | None = Field(None, description="learning rate is for this batch size")
    augment: Augment = Field(description="training augmentation")


class Devices(Strict):
    """Devices of the training jobs of one kind."""

    gpus: Few = Field(1, description="GPUs on each node")
    nodes: Few = Field(1, description="nodes")


class Compute(Strict):
    """How to run; nothing here changes a result by more than the rounding of numbers."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU if there is one")
    threads: Few = Field(1, description="CPU threads of a training process")
    workers: FewOrNone = Field(0, description="loader processes of a training process")
    gpus: FewOrNone = Field(
        0, description="GPUs a training job asks the cluster for, on each node; it trains with a process on each"
    )
    nodes: Few = Field(1, description="nodes of a training job")
    parallel: dict[str, Devices] = Field(
        {}, description="other GPUs and nodes by pretext task, or of `finetune` (and distillation)"
    )
    processes: Few | None = Field(
        None, description="processes of a training job on a node; null: one a GPU, and one without GPUs"
    )
    milestone_jobs: Literal["every", "needed"] = Field(
        "every", description="needed: one job trains through the milestones that no table or figure needs"
    )
    channels_last: bool = Field(False, description="keep the channels of a pixel together in memory")
    compile: bool = Field(False, description="compile backbones with torch.compile; where that fails, go on without")
    retries: FewOrNone = Field(
        2, description="further attempts of a training job that ended without a result; each goes on where it was"
    )
    checkpoint_minutes: Minutes = Field(
        10, description="at most this long between two checkpoints; one is also written at each epoch's end"
    )
    speed: Speed = Speed()
    limits: Limits = Limits()
    memory: Memory = Memory()


class Config(Strict):
    """The whole configuration, after overlays."""

    scale: Scale = Field(description="how this run differs from the paper's conditions")
    results_dir: ResultsPath = Field("results", description="everything a rule writes goes below this folder")
    experiments_file: FilePath = Field("config/experiments.yaml", description="the tables and figures of the study")
    experiments: Annotated[dict[EntryName, Experiment], SameInAnyCase] = Field(
        {}, description="further tables and figures of one's own"
    )
    only: Annotated[list[str], Once, Field(min_length=1)] | None = Field(
        None, description="build only these tables and figures, by their names in experiments; null: all"
    )
    restrict: dict[
        Literal["task", "backbone", "source", "subset", "epochs", "target", "seed"],
        Annotated[list[str | int], Once, Field(min_length=1)],
    ] = Field({}, description="by axis: leave out all cells with another value, in every table and figure")
    recipes_dir: FilePath = Field("config/recipes", description="one file a pretext task")
    paper_values: WorkflowPath = Field("config/paper_values.csv", description="the paper's numbers")
    datasets: Annotated[dict[Name, Dataset], SameInAnyCase] = Field(
        min_length=1, description="by short name, as experiments name them"
    )
    subsets: Annotated[dict[Name, Count | Literal["all"]], SameInAnyCase] = Field(
        min_length=1, description="number of training videos of each named subset; all: the whole training split"
    )
    epochs: dict[Milestone, Count] = Field(
        min_length=1,
        description="milestone as experiments name it: epochs really trained; the longest ends the schedule",
    )
    backbones: dict[str, dict[str, Any]] | None = Field(
        None, description="options of a backbone, such as width: 0.25; null: all at full size"
    )
    store: Store = Store()
    recipe_overrides: dict[str, dict[str, Any]] | None = Field(
        None, description="by pretext task (`all`: every task): keys that replace those of its recipe file"
    )
    heldout_videos: Count = Field(
        512, description="at most this many validation videos of the source measure a pretext task"
    )
    subset_seed: Seed = Field(0, description="seed of the choice of subsets and of carved validation splits")
    finetune: Finetune = Field(description="finetuning on the target datasets")
    distillation: Distillation = Distillation()
    linear_probe: LinearProbe = LinearProbe()
    retrieval: Retrieval = Retrieval()
    noise: Noise = Noise()
    cka: CKA = CKA()
    vifm: VideoLanguage = VideoLanguage()
    compute: Compute = Compute()

    @field_validator("epochs")
    @classmethod
    def _epochs_rise(cls, epochs: dict[int, int]) -> dict[int, int]:
        trained = [epochs[milestone] for milestone in sorted(epochs)]
        if any(later <= earlier for earlier, later in itertools.pairwise(trained)):
            raise ValueError(f"must rise from milestone to milestone, not {trained}")
        return epochs


def read_layers(paths: Iterable[str | Path]) -> list[Layer]:
    """What the files of a configuration hold, each on top of the ones before it."""
    layers: list[Layer] = [(str(path), read_yaml(path)) for path in paths]
    check_layers(layers)
    return layers


def config_of(layers: Sequence[Layer]) -> Config:
    """The configuration of files above one another."""
    merged: dict[str, Any] = {}
    for _, layer in layers:
        merged = merge(merged, dict(layer))
    return Config.parse(merged, " + ".join(name for name, _ in layers))


def load_config(paths: Iterable[str | Path]) -> Config:
    """The configuration of the files in `paths`, each on top of the ones before it."""
    return config_of(read_layers(paths))
