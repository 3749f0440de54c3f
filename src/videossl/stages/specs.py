"""What decides a job's outcome, as one canonical JSON text that Snakemake keeps and compares.

Identity contract: everything that can change the result of a job is in its spec, and nothing else is. Labels,
paths, devices, threads and loader workers are left out, so that changing them retrains nothing. A change in
code that should retrain is said by raising `recipe_version`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from videossl.common.files import canonical_json
from videossl.study.cells import Cell
from videossl.study.config import Config
from videossl.study.config.experiments import NOISELESS
from videossl.study.config.recipe import by_backbone
from videossl.study.study import OFFICIAL_SPLITS, Study

CLIP = "vificlip"
"""The model that is CLIP itself, frame by frame: the small CLIP is built from its recipe."""
DATA_VERSION = 4
NOISY_CODEC = "raw"
"""Of the frames of noisy sets, see :mod:`videossl.data.codecs`."""
"""Raise when a change in the code of `videossl.data` should remake listings and frame stores."""


def spec_hash(spec: dict[str, Any]) -> str:
    """Twelve hexadecimal digits that name a spec."""
    return hashlib.sha256(canonical_json(spec).encode()).hexdigest()[:12]


def generate_spec(config: Config, dataset: str) -> dict[str, Any]:
    """The generated videos of a dataset."""
    generated = config.datasets[dataset].generated
    return {"data_version": DATA_VERSION, "dataset": dataset, **generated.model_dump(mode="json")}


def listing_spec(config: Config, dataset: str) -> dict[str, Any]:
    """The videos of a dataset and their splits. Not its folders: moving a dataset changes no result."""
    entry = config.datasets[dataset]
    return {
        "data_version": DATA_VERSION,
        "reader": entry.reader,
        "options": entry.options,
        "validation": entry.validation,
        "seed": config.subset_seed,
    }


def store_spec(config: Config, dataset: str) -> dict[str, Any]:
    """The frame store of a dataset."""
    return {
        "data_version": DATA_VERSION,
        "shards": config.datasets[dataset].shards,
        **config.store.model_dump(mode="json"),
    }


def subset_spec(config: Config, subset: str) -> dict[str, Any]:
    """A named subset of a dataset's training videos."""
    return {"data_version": DATA_VERSION, "size": config.subsets[subset], "seed": config.subset_seed}


def pretrain_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """The pretraining of `cell` up to its milestone (`stop`), on the schedule of the longest (`epochs`)."""
    recipe = study.recipes[cell.task]
    return {
        "recipe_version": recipe.recipe_version,
        "task": cell.task,
        "options": recipe.task_options(cell.complexity, cell.source),
        "backbone": _backbone(study, cell),
        "seed": cell.seed,
        "epochs": max(study.config.epochs.values()),
        "stop": study.config.epochs[cell.epochs],
        "clip": recipe.clip.model_dump(mode="json"),
        "augment": recipe.augment.model_dump(mode="json"),
        "optimizer": _optimizer(recipe.optimizer, cell.backbone),
        "batch_size": recipe.videos_a_step(cell.complexity, cell.backbone),
        "accumulate": by_backbone(recipe.accumulate, cell.backbone, "accumulate"),
        "precision": recipe.precision,
        "reference_batch_size": recipe.reference_batch_size,
        "schedule": recipe.schedule.model_dump(mode="json"),
        "heldout_videos": study.config.heldout_videos,
    }


def finetune_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """The finetuning and test of `cell`; the weights it starts from are an input, not part of the spec."""
    finetune = study.config.finetune
    values = finetune.model_dump(mode="json")
    values["optimizer"] = _optimizer(finetune.optimizer, cell.backbone)
    values["batch_size"] = by_backbone(finetune.batch_size, cell.backbone, "finetune.batch_size")
    values["accumulate"] = by_backbone(finetune.accumulate, cell.backbone, "finetune.accumulate")
    return {"backbone": _backbone(study, cell), "seed": cell.seed, **values}


def distill_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """The finetuning of `cell` with teachers, whose weights or logits are inputs."""
    views = {"views": study.config.vifm.views} if any(p.stage == "class_logits" for p in cell.partners) else {}
    return {**finetune_spec(study, cell), "distillation": study.config.distillation.model_dump(mode="json"), **views}


def features_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """The features of a frozen backbone: clips as in the test after finetuning."""
    kept = ("recipe_version", "backbone", "seed", "clip", "stride", "test_clips", "batch_size")
    values = finetune_spec(study, cell)
    normalisation = {key: values["augment"][key] for key in ("mean", "std")}
    return {**{key: values[key] for key in kept}, "augment": normalisation}


def linear_probe_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """The linear probe on those features."""
    return {"features": features_spec(study, cell), **study.config.linear_probe.model_dump(mode="json")}


def retrieval_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """The retrieval by those features."""
    return {"features": features_spec(study, cell), **study.config.retrieval.model_dump(mode="json")}


def noise_spec(config: Config) -> dict[str, Any]:
    """The noisy copies of a dataset's test videos."""
    noise = config.noise.model_dump(mode="json")
    noise["videos"] = {kind: size if isinstance(size, list) else [size] * 5 for kind, size in noise["videos"].items()}
    noise["videos"][NOISELESS] = ["all"]
    return {"data_version": DATA_VERSION, "short_side": config.store.short_side, "codec": NOISY_CODEC, **noise}


def robustness_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """The test on noisy videos; the network and its recipe are an input."""
    return {"noise": noise_spec(study.config)}


def cka_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """The comparison of two finetuned networks."""
    return {"seed": cell.seed, **study.config.cka.model_dump(mode="json")}


def vifm_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """The weights of a video-language model: trained on generated videos, or converted from the published file."""
    recipe, training = study.models[cell.backbone], study.config.vifm.training
    spec = {
        "recipe_version": recipe.recipe_version,
        "model": cell.backbone,
        "options": recipe.network_options(),
        "clip": recipe.clip.model_dump(mode="json"),
        "data": recipe.data.model_dump(mode="json"),
        "seed": cell.seed,
    }
    if training is None:
        return spec
    corpus = training.corpora[recipe.data.name]
    augment = {**training.augment.model_dump(mode="json"), "mean": recipe.mean, "std": recipe.std}
    return {
        **spec,
        "videos": corpus.videos,
        "templates": recipe.prompts.templates,
        "objective": recipe.objective,
        "motion_weight": recipe.motion_weight,
        "epochs": training.epochs,
        "optimizer": _optimizer(training.optimizer, cell.backbone),
        "augment": augment,
        **_small_training(study),
    }


def _small_training(study: Study) -> dict[str, Any]:
    training = study.config.vifm.training
    return {
        "subset_seed": study.config.subset_seed,
        "batch_size": training.batch_size,
        "reference_batch_size": None,
        "accumulate": 1,
        "precision": "fp32",
        "schedule": training.schedule.model_dump(mode="json"),
    }


def small_clip_spec(study: Study, seed: int) -> dict[str, Any]:
    """The small CLIP that the small models start from. It knows the words of all their prompts."""
    training = study.config.vifm.training
    recipe = study.models[CLIP]
    templates = [template for model in study.models.values() for template in model.prompts.templates]
    optimizer = training.optimizer.model_copy(update={"lr": training.clip.lr})
    return {
        "recipe_version": recipe.recipe_version,
        "options": recipe.network_options(),
        "clip": {**recipe.clip.model_dump(mode="json"), "frames": training.clip.frames},
        "seed": seed,
        "videos": training.clip.videos,
        "templates": list(dict.fromkeys(templates)),
        "epochs": training.clip.epochs,
        "optimizer": _optimizer(optimizer, CLIP),
        "augment": {**training.augment.model_dump(mode="json"), "mean": recipe.mean, "std": recipe.std},
        **_small_training(study),
        "batch_size": training.clip.batch_size,
    }


def _view_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """How a video-language model sees a video and is asked for classes."""
    recipe = study.models[cell.backbone]
    return {
        "recipe_version": recipe.recipe_version,
        "clip": recipe.clip.model_dump(mode="json"),
        "sampling": recipe.sampling,
        "augment": recipe.test_augment(),
        "prompts": recipe.prompts.model_dump(mode="json"),
        "batch_size": study.config.vifm.batch_size,
        "seed": cell.seed,
    }


def zero_shot_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """The zero-shot test; the model is an input."""
    reader = study.config.datasets[cell.target].reader
    return {**_view_spec(study, cell), "reader": reader, "splits": OFFICIAL_SPLITS.get(reader, [])}


def class_logits_spec(study: Study, cell: Cell) -> dict[str, Any]:
    """What a video-language model says of the clips that its students are trained on."""
    finetune = study.config.finetune
    student = {"frames": finetune.clip.frames, "stride": finetune.stride, "views": study.config.vifm.views}
    return {**_view_spec(study, cell), "student": student}


def _backbone(study: Study, cell: Cell) -> dict[str, Any]:
    return {"name": cell.backbone, "options": (study.config.backbones or {}).get(cell.backbone, {})}


def _optimizer(optimizer: Any, backbone: str) -> dict[str, Any]:
    return optimizer.of(backbone).model_dump(mode="json", exclude={"by_backbone"})


SPECS = {
    "pretrain": pretrain_spec,
    "finetune": finetune_spec,
    "distill": distill_spec,
    "features": features_spec,
    "linear_probe": linear_probe_spec,
    "retrieval": retrieval_spec,
    "robustness": robustness_spec,
    "cka": cka_spec,
    "vifm": vifm_spec,
    "zero_shot": zero_shot_spec,
    "class_logits": class_logits_spec,
}
"""The spec of a cell by stage: `SPECS[cell.stage](study, cell)`. Networks have none."""
