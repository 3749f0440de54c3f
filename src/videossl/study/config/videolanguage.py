"""Video-language models: HOW each is used, `config/recipes/vifm/<model>.yaml`, and `vifm` of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from videossl.common.errors import UserError, unknown_name
from videossl.common.names import FilePath, Name, SameInAnyCase
from videossl.common.ranges import Count, Few, Frames, NotNegative, Once, Place, Positive, Side, Text, Version
from videossl.common.strict import Strict, merge
from videossl.data.settings import Augment, ClipShape, ColourDivisors, Colours
from videossl.study.config.reading import read_yaml
from videossl.training.settings import Optimizer, Schedule
from videossl.videolanguage.settings import PretrainingData, Prompts


class Published(Strict):
    """The published weights: the user's to get, never downloaded by a job."""

    origin: str = Field(description="where they come from")
    hub: str | None = Field(None, description="name on the Hugging Face hub, if they are there")
    files: Annotated[list[Text], Once] = Field(
        min_length=1, description="file names that are looked for in a folder, best first"
    )
    licence: str = Field(description="of the weights, as far as it is stated")
    gigabytes: Positive = Field(description="size, roughly")
    base: str | None = Field(None, description="what else is needed: a CLIP state dict for what was not trained")


class ModelRecipe(Strict):
    """All that is needed to use one video-language model as its authors do."""

    model: Name = Field(description="the model; the file has the same name")
    title: Text = Field(description="name as printed")
    place: Place | None = Field(None, description="in tables networks stand by this number; default: after the others")
    recipe_version: Version = Field(1, description="raise it when a change in code should change results")
    data: PretrainingData
    clip: ClipShape = Field(description="frames of a video and size of a frame that the network sees")
    sampling: Literal["centres", "linspace", "steps"] = Field(
        description="centres: the middles of equal segments; linspace: from the first frame to the last at even"
        " distances; steps: every n-th frame from the first on"
    )
    crop: Literal["center", "whole"] = Field("center", description="whole: the frame squeezed to a square, not cropped")
    resize_short: Side | None = Field(None, description="resize the short side first, pixels")
    mean: Colours
    std: ColourDivisors
    prompts: Prompts
    options: dict[str, Any] = Field({}, description="of the network; its defaults are the published one")
    objective: Literal["classes", "pairs"] = Field(
        description="of training: classes: cross-entropy over the prompts of all classes; pairs: videos and their own"
        " captions of a batch find one another"
    )
    motion_weight: NotNegative = Field(0.0, description="of EZ-CLIP's loss that wants the frames' features to differ")
    weights: Published

    def test_augment(self) -> dict[str, Any]:
        """The keys of the augmentation that say how test frames are cut out and normalised."""
        keys = ("crop", "resize_short", "mean", "std")
        return {key: value for key, value in self.model_dump(mode="json", include=set(keys)).items() if value}

    def network_options(self) -> dict[str, Any]:
        """The options of the network; frames and size follow from the clip."""
        return {**self.options, "frames": self.clip.frames, "size": self.clip.size}


class Corpus(Strict):
    """Generated videos that stand for a model's pretraining data."""

    dataset: str = Field(description="the dataset; captions are its class names")
    videos: Count = Field(description="number of its training videos")


class SmallClip(Strict):
    """The small CLIP, without any temporal module, that all small video-language models start from."""

    dataset: str = Field(description="captioned videos that it is trained on")
    videos: Count = Field(description="number of videos")
    frames: Frames = Field(description="frames of a video, whose features are averaged")
    epochs: Count
    batch_size: Count = Field(description="videos a step")
    lr: Positive = Field(description="learning rate; the optimiser is that of the models otherwise")


class SmallModels(Strict):
    """Training of small video-language models, where no published weights are used."""

    clip: SmallClip
    corpora: Annotated[dict[Name, Corpus], SameInAnyCase] = Field(
        description="by the name of the pretraining data in the models' recipes"
    )
    leave_out: Annotated[list[str], Once] = Field(
        [], description="datasets whose classes are left out of the training, so that zero-shot classes are unseen"
    )
    epochs: Count
    batch_size: Count = Field(description="videos a step")
    optimizer: Optimizer
    schedule: Schedule = Schedule()
    augment: Augment = Field(description="training augmentation; mean and std are the models' own")


class WeightFiles(Strict):
    """The user's files of one model."""

    path: FilePath = Field(description="a file, a folder, or a name on the Hugging Face hub that was downloaded before")
    base: FilePath | None = Field(None, description="file of CLIP's own state dict, for models that need it")


class VideoLanguage(Strict):
    """Video foundation models (section 5.3)."""

    recipes_dir: FilePath = Field("config/recipes/vifm", description="one file a model")
    recipe_overrides: dict[str, dict[str, Any]] | None = Field(
        None, description="by model (`all`: every model): keys that replace those of its recipe file"
    )
    training: SmallModels | None = Field(None, description="train small models; null: use published weights")
    weights: dict[str, WeightFiles] = Field({}, description="by model: where its published weights are")
    tokenizer: FilePath = Field(
        "openai/clip-vit-base-patch16",
        description="folder with CLIP's vocab.json and merges.txt, or a hub name; published weights only",
    )
    batch_size: Count = Field(16, description="videos a step of tests and of teaching")
    views: Few = Field(4, description="distillation: clips of a training video for which the teachers' logits are kept")


def model_names(recipes_dir: FilePath | Path) -> list[str]:
    """The video-language models: those with a recipe file."""
    return sorted(path.stem for path in Path(recipes_dir).glob("*.yaml"))


def load_model_recipe(settings: VideoLanguage, model: str) -> ModelRecipe:
    """The recipe of `model` with the scale's overrides (of `all` models, then of this one) on top."""
    names = model_names(settings.recipes_dir)
    if model not in names:
        raise unknown_name("video-language model", model, names, settings.recipes_dir)
    path = Path(settings.recipes_dir) / f"{model}.yaml"
    values = read_yaml(path)
    for key in ("all", model):
        values = merge(values, (settings.recipe_overrides or {}).get(key) or {})
    recipe = ModelRecipe.parse(values, f"{path} (with vifm.recipe_overrides)")
    if recipe.model != model:
        raise UserError(f"{path}: `model` is '{recipe.model}' but the file is named {path.name}")
    return recipe
