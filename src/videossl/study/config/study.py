"""Model of the configuration: `config/config.yaml` and its overlays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, create_model, field_validator, model_validator

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
from videossl.data.generated import READERS, Generated
from videossl.data.readers import registry as readers
from videossl.data.settings import MOST_SHARDS, Augment, ClipShape, Noise, Shards, Store
from videossl.evaluation.settings import Distillation
from videossl.stages.registry import stages
from videossl.study.config.cluster import Cluster
from videossl.study.config.experiments import Experiment
from videossl.study.config.layers import FOLDERS, Layer, check_layers
from videossl.study.config.published import PublishedNetwork
from videossl.study.config.reading import read_yaml
from videossl.study.config.resources import Limits, Memory, Minutes, Speed
from videossl.study.config.videolanguage import VideoLanguage
from videossl.training.settings import Counts, CountsOrNone, Optimizer, Schedule, by_backbone

Reader = Literal[*readers.names()]  # type: ignore[valid-type]


def _of_json(key: object) -> object:
    """A numeric key from JSON, whose keys are strings."""
    return int(key) if isinstance(key, str) and key.isascii() and key.isdecimal() and len(key) < 10 else key


Milestone = Annotated[Count, BeforeValidator(_of_json)]
SeedCount = Annotated[int, Field(ge=1, le=100)]
Thinned = Literal[
    "task", "complexity", "backbone", "model", "source", "subset", "epochs", "target", "labels", "noise", "severity"
]
"""Axes of which a scale may leave values out."""


class Scale(Strict):
    """How this run differs from the paper's conditions; printed with every table and figure."""

    name: Text = Field("paper", description="short name of the scale: reduced, smoke, paper")
    reduced: bool = Field(False, description="true: results are marked as reduced, and not compared with the paper's")
    note: str = Field(
        "",
        description="what is reduced, in words; printed in titles of tables and figures. Generated datasets are"
        " named there automatically",
    )


class Dataset(Strict):
    """A dataset: its folders, layout and splits."""

    title: Text = Field(description="name in tables and figures")
    kind: Literal["appearance", "temporal"] = Field(
        "appearance", description="what distinguishes classes: appearance (a single frame) or motion"
    )
    reader: Reader | None = Field(  # type: ignore[valid-type]
        None, description="reader for the layout of the list files: a module of src/videossl/data/readers"
    )
    root: FilePath | None = Field(None, description="folder of the videos; the workflow sets it for generated ones")
    annotations: FilePath | None = Field(
        None, description="folder of the official list files; the reader `folders` has none"
    )
    options: dict[str, Any] = Field({}, description="options of the reader, such as split: 1")
    validation: ShareBelowOne = Field(
        0.1, description="fraction of the training videos held out if the dataset has no validation split"
    )
    shards: Shards = Field(
        1,
        description="number of files of the frame store of a target, which is stored as a whole; one job writes one."
        " Of a source see store.videos_per_shard",
    )
    generated: Generated | None = Field(None, description="generate the videos instead of reading real ones")
    combine: Annotated[list[Name], Once, Field(min_length=2)] | None = Field(
        None,
        description="a pretraining source of the training videos of these datasets together, instead of videos of its"
        " own. It has no other keys than `title` and `kind`",
    )
    videos: Annotated[dict[Literal["train", "val", "test"], Count], Field(min_length=1)] | None = Field(
        None,
        description="approximate number of videos per split, for time estimates before they are listed; null:"
        " assume 20,000 training and 5,000 test videos",
    )
    frames: Count = Field(
        250, description="approximate number of frames of a video, for estimates of disk space; known of generated ones"
    )

    @model_validator(mode="before")
    @classmethod
    def _real_instead_of_generated(cls, value: Any) -> Any:
        """Real videos override generated ones of earlier files. Both in one file: `videossl.study.config.layers`."""
        if isinstance(value, dict) and any(value.get(key) is not None for key in FOLDERS):
            return {**value, "generated": None}
        return value

    @model_validator(mode="after")
    def _located(self) -> Dataset:
        if self.combine is not None:
            self._has_no_videos_of_its_own()
            return self
        if "annotations" not in self.folder_keys and self.annotations is not None:
            raise ValueError(
                f"the reader `{self.reader}` reads no lists, but `annotations` is given: remove it, or name a reader of"
                " lists"
            )
        absent = [key for key in ("reader", *self.folder_keys) if getattr(self, key) is None]
        if "reader" in absent:
            raise ValueError("`reader` is missing: give the reader of its list files, or `combine` other datasets")
        if self.generated is None and absent:
            which = f"`{absent[0]}` is missing: " if len(absent) == 1 else ""
            folders = " and ".join(f"`{key}`" for key in self.folder_keys)
            raise ValueError(f"{which}give {folders} (real videos) or `generated`")
        if self.generated is not None and self.reader != (own := READERS[self.generated.design]):
            raise ValueError(
                f"`reader` is {self.reader}, and the generated videos of design {self.generated.design} have list files"
                f" for the reader {own}: set `reader: {own}`, or give `root` and `annotations` of real videos"
            )
        return self

    @property
    def folder_keys(self) -> tuple[str, ...]:
        """Keys of the folders of real videos: that of the list files is needed by readers of lists alone."""
        reader: Any = self.reader
        return FOLDERS if reader is None or readers.reads_lists(reader) else ("root",)

    def _has_no_videos_of_its_own(self) -> None:
        own = set(type(self).model_fields) - {"title", "kind", "combine"}
        fields = type(self).model_fields
        if given := sorted(key for key in own if getattr(self, key) != fields[key].default):
            raise ValueError(
                f"a combination of datasets (`combine`) reads the videos of its parts and has no"
                f" {' and no '.join(f'`{key}`' for key in given)}"
            )


class Finetune(Strict):
    """End-to-end finetuning and the video-level test."""

    recipe_version: Version = Field(1, description="raise it when a change in code should retrain")
    epochs: Count = Field(description="finetuning epochs")
    min_steps: CountsOrNone = Field(
        0,
        description="least number of steps: a training set of which `epochs` have fewer steps is trained on for more"
        " epochs, with the schedule stretched; 0: no such bound. Applies to low-shot finetuning and distillation too."
        " May differ by backbone, or by target: a target's number takes precedence. A plain number in an"
        " overlay replaces all of them",
    )
    average: ShareBelowOne = Field(
        0.0,
        description="decay of an exponential moving average of the weights, which is tested and saved instead of the"
        " last weights; 0: none. Applies to low-shot finetuning and distillation too",
    )
    batch_size: Counts = Field(description="videos a step; may differ by backbone")
    accumulation_steps: Counts = Field(
        1,
        description="gradient accumulation: number of parts of a batch, to save memory. Batch normalisation uses"
        " one part,"
        " so this affects results. May differ by backbone",
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="bf16: convolutions and matrix products in bfloat16 during training (GPU only)"
    )
    clip: ClipShape = Field(description="size of the network's input")
    stride: Few = Field(2, description="frame step of a clip: every n-th frame of the video")
    test_clips: Few = Field(
        10, description="number of uniformly spaced clips per test video, whose logits are averaged"
    )
    dropout: ShareBelowOne = Field(0.5, description="dropout rate before the classifier")
    optimizer: Optimizer
    schedule: Schedule
    reference_batch_size: Count | None = Field(
        None,
        description="batch size that `lr` refers to; the rate is scaled linearly to `batch_size`. null: not scaled",
    )
    augment: Augment = Field(description="training augmentation")


class Devices(Strict):
    """GPUs and nodes of one kind of training jobs."""

    gpus: Few = Field(1, description="GPUs per node")
    nodes: Few = Field(1, description="number of nodes")


class Compute(Strict):
    """How jobs run. Nothing here changes results by more than rounding."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU if there is one, else the CPU")
    threads: Few = Field(1, description="CPU threads per training process")
    workers: FewOrNone = Field(0, description="loader processes per training process")
    data_processes: Few = Field(1, description="processes that decode in a job that stores videos")
    gpus: FewOrNone = Field(
        0, description="GPUs per node that a training job requests from the cluster; it runs one process per GPU"
    )
    nodes: Few = Field(1, description="nodes per training job")
    parallel: dict[str, Devices] = Field(
        {}, description="by pretext task, or `finetune` (includes distillation): different numbers of GPUs and nodes"
    )
    processes: Few | None = Field(
        None, description="processes per node of a training job; null: one per GPU, or one without GPUs"
    )
    milestone_jobs: Literal["every", "needed"] = Field(
        "every",
        description="every: one job per milestone; needed: no separate jobs for milestones that no table or figure"
        " needs",
    )
    channels_last: bool = Field(
        False, description="store tensors of convolutional networks in channels-last memory format"
    )
    compile: bool = Field(False, description="compile backbones with torch.compile; if that fails, continue without it")
    deterministic: bool = Field(
        False,
        description="on GPUs, algorithms that give the same bits each time, where there are any; slower (on a CPU"
        " results are the same bits anyway)",
    )
    stage: FilePath | None = Field(
        None,
        description="folder on each node's own disk, such as $TMPDIR (variables are those of the job): trainings copy"
        " the shards that they read there first; null: read in place",
    )
    retries: FewOrNone = Field(
        2, description="further attempts of a training job that failed; each resumes from the last checkpoint"
    )
    checkpoint_minutes: Minutes = Field(
        10, description="longest time between two checkpoints in minutes; one is also written at the end of each job"
    )
    speed: Speed = Speed()
    limits: Limits = Limits()
    memory: Memory = Memory()


class _Config(Strict):
    """The whole configuration, after overlays, without the keys of single protocols."""

    scale: Scale = Field(description="how this run differs from the paper's conditions")
    title: str = Field(
        "",
        max_length=200,
        description="title of the report; empty: the paper's, or the names of the targets where no table or figure is"
        " one of the paper",
    )
    results_dir: ResultsPath = Field("results", description="folder of all results")
    experiments_file: FilePath = Field(
        "config/experiments.yaml", description="file with the tables and figures of the study"
    )
    experiments: Annotated[dict[EntryName, Experiment], SameInAnyCase] = Field(
        {}, description="additional tables and figures"
    )
    only: Annotated[list[str], Once, Field(min_length=1)] | None = Field(
        None, description="build only these tables and figures (names of entries); null: all"
    )
    restrict: dict[
        Literal["task", "backbone", "source", "subset", "epochs", "target", "seed"],
        Annotated[list[str | int], Once, Field(min_length=1)],
    ] = Field(
        {},
        description="by axis: values to keep; cells with other values are left out of every table and figure."
        " Video-language models have the task `videolanguage`, their name as backbone, and their training data as"
        " source and subset (such as 240k); they have no epochs. Networks from scratch stay as baselines. Figures of"
        " videos show only datasets that are still used",
    )
    leave_out: dict[Thinned, Annotated[list[str | int], Once, Field(min_length=1)] | None] | None = Field(
        None,
        description="by axis: values that this scale does not run. They are dropped wherever an entry of"
        " `experiments_file` lists them beside others; an axis with a single value keeps it, and so do teachers and"
        " entries of `experiments`. `restrict` of the same axis takes precedence. null, or null for an axis: nothing",
    )
    recipes_dir: FilePath = Field("config/recipes", description="folder with one recipe file per pretext task")
    paper_values: WorkflowPath = Field("config/paper_values.csv", description="the paper's numbers")
    datasets: Annotated[dict[Name, Dataset], SameInAnyCase] = Field(
        min_length=1, description="datasets, by the short name used in experiments"
    )
    subsets: Annotated[dict[Name, Count | Literal["all"]], SameInAnyCase] = Field(
        min_length=1, description="number of training videos of each named subset; all: the whole training split"
    )
    epochs: dict[Milestone, Counts] = Field(
        min_length=1,
        description="by milestone (the name used in experiments): number of epochs trained, which may differ by"
        " backbone; the largest is the length of the training",
    )
    backbones: dict[str, dict[str, Any]] | None = Field(
        None, description="by backbone: options, such as width: 0.25; null: all at full size"
    )
    store: Store = Store()
    recipe_overrides: dict[str, dict[str, Any]] | None = Field(
        None, description="by pretext task (`all`: every task): keys that override those of its recipe file"
    )
    seeds: SeedCount = Field(
        1,
        description="number of seeds: every network is trained once per seed, and tables, figures and claims use all of"
        " them. A grid with a `seed` of its own keeps it",
    )
    seeds_from_scratch: SeedCount | None = Field(
        None,
        description="number of seeds of the networks that are finetuned from scratch, if larger than `seeds`:"
        " pretrained networks are compared with their mean, so that the luck of one of them does not decide; null: as"
        " `seeds`",
    )
    heldout_videos: Count = Field(
        512, description="largest number of validation videos of the source on which a pretext task is measured"
    )
    subset_seed: Seed = Field(
        0, description="random seed for subsets and for validation splits taken from training videos"
    )
    finetune: Finetune = Field(description="finetuning on the target datasets")
    distillation: Distillation = Distillation()
    noise: Noise = Noise()
    vifm: VideoLanguage = VideoLanguage()
    published: Annotated[dict[Name, PublishedNetwork], SameInAnyCase] = Field(
        {}, description="by the name used in experiments: networks that others trained (docs/published.md)"
    )
    compute: Compute = Compute()
    cluster: Cluster = Cluster()

    @field_validator("epochs")
    @classmethod
    def _epochs_rise(cls, epochs: dict[int, int | dict[str, int]]) -> dict[int, int | dict[str, int]]:
        named = {name for value in epochs.values() if isinstance(value, dict) for name in value}
        for backbone in ("default", *sorted(named - {"default"})):
            trained = [by_backbone(epochs[milestone], backbone, f"epochs.{milestone}") for milestone in sorted(epochs)]
            if any(later <= earlier for earlier, later in itertools.pairwise(trained)):
                of = f" for {backbone}" if backbone != "default" else ""
                raise ValueError(f"must rise from milestone to milestone, not {trained}{of}")
        return epochs

    def epochs_of(self, backbone: str, milestone: int) -> int:
        """Number of epochs that a network is trained to a milestone."""
        return int(by_backbone(self.epochs[milestone], backbone, f"epochs.{milestone}"))

    def parts_of(self, dataset: str) -> list[str]:
        """The datasets whose videos a dataset has: those that it combines, otherwise itself."""
        return list(self.datasets[dataset].combine or [dataset])

    @model_validator(mode="after")
    def _combinations_have_parts(self) -> _Config:
        for name, dataset in self.datasets.items():
            key, owners = f"datasets.{name}.combine", dict[Path, str]()
            for part in dataset.combine or []:
                if part not in self.datasets or self.datasets[part].combine:
                    single = ", ".join(other for other, one in self.datasets.items() if not one.combine)
                    what = "a combination itself" if part in self.datasets else "no dataset"
                    raise ValueError(f"{key} names '{part}', which is {what}. Valid: {single}")
                if root := self.datasets[part].root:
                    folder = Path(root).expanduser().resolve()
                    if folder in owners:
                        raise ValueError(
                            f"{key} names {owners[folder]} and {part}, which have the same `root`: training videos of"
                            " one can be test videos of the other. Leave one of them out"
                        )
                    owners[folder] = part
        return self

    @model_validator(mode="after")
    def _shards_have_names(self) -> _Config:
        for name, size in self.subsets.items():
            if size != "all" and size > MOST_SHARDS * self.store.videos_per_shard:
                raise ValueError(
                    f"subsets.{name} would be stored in more than {MOST_SHARDS:,} files: raise store.videos_per_shard"
                    f" to at least {math.ceil(size / MOST_SHARDS)}"
                )
        return self


if TYPE_CHECKING:
    Config = _Config
else:
    Config = create_model(
        "Config",
        __base__=_Config,
        __doc__="The whole configuration, after overlays.",
        __module__=__name__,
        **{one.name: (one.settings, one.settings()) for one in stages() if one.settings},
    )


def read_layers(paths: Iterable[str | Path]) -> list[Layer]:
    """What the files of a configuration hold, each on top of the ones before it."""
    layers: list[Layer] = [(str(path), read_yaml(path)) for path in paths]
    check_layers(layers)
    return layers


def config_of(layers: Sequence[Layer]) -> Config:
    """The configuration of several files, each on top of the previous ones."""
    merged: dict[str, Any] = {}
    for _, layer in layers:
        merged = merge(merged, dict(layer))
    return Config.parse(merged, " + ".join(name for name, _ in layers))


def load_config(paths: Iterable[str | Path]) -> Config:
    """Read the configuration of the files in `paths`, each on top of the previous ones."""
    return config_of(read_layers(paths))
