"""Models for video-language models: HOW each is used, `config/recipes/vifm/<model>.yaml`, and `vifm` of the
configuration."""

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
    """The published weights. The user must get them; no job downloads anything."""

    origin: str = Field(description="where the weights can be found")
    hub: str | None = Field(None, description="name on the Hugging Face hub, if available there")
    files: Annotated[list[Text], Once] = Field(
        min_length=1, description="file names to look for in a folder, in order of preference"
    )
    licence: str = Field(description="licence of the weights, as far as it is stated")
    gigabytes: Positive = Field(description="approximate size of the files in GB")
    base: str | None = Field(
        None, description="further file that is needed: a CLIP state dict for parameters that were not trained"
    )


class ModelRecipe(Strict):
    """All settings for using one video-language model as its authors do."""

    model: Name = Field(description="name of the model, equal to the name of the file")
    title: Text = Field(description="name as printed")
    place: Place | None = Field(None, description="in tables networks stand by this number; default: after the others")
    recipe_version: Version = Field(1, description="increase it when a change in code should change results")
    data: PretrainingData
    clip: ClipShape = Field(description="number of frames per video and size of a frame")
    sampling: Literal["centres", "linspace", "steps"] = Field(
        description="which frames of a video are used. centres: the middles of equal segments; linspace: from the"
        " first to the last at even"
        " distances; steps: every n-th from the first on"
    )
    crop: Literal["center", "whole"] = Field(
        "center", description="center: centre crop; whole: the whole frame, squeezed to a square"
    )
    resize_short: Side | None = Field(
        None, description="first resize frames to this short side in pixels; null: do not resize"
    )
    mean: Colours = Field(description="normalisation: subtracted from RGB values in 0 to 1")
    std: ColourDivisors = Field(description="normalisation: RGB values are then divided by these")
    prompts: Prompts
    options: dict[str, Any] = Field({}, description="options of the network; the defaults give the published one")
    objective: Literal["classes", "pairs"] = Field(
        description="training loss. classes: cross-entropy over the prompts of all classes; pairs: contrastive loss"
        " between videos and their"
        " captions in a batch"
    )
    motion_weight: NotNegative = Field(
        0.0, description="weight of EZ-CLIP's motion loss, which makes features of frames differ"
    )
    weights: Published

    def test_augment(self) -> dict[str, Any]:
        """Settings of crop and normalisation of test frames, for the augmentation."""
        keys = ("crop", "resize_short", "mean", "std")
        return {key: value for key, value in self.model_dump(mode="json", include=set(keys)).items() if value}

    def network_options(self) -> dict[str, Any]:
        """The options of the network; frames and size come from the clip."""
        return {**self.options, "frames": self.clip.frames, "size": self.clip.size}


class Corpus(Strict):
    """Generated videos that stand in for a model's pretraining data."""

    dataset: str = Field(description="name of the dataset; captions are its class names")
    videos: Count = Field(description="number of training videos to use")


class SmallClip(Strict):
    """The small CLIP, without temporal module, from which all small video-language models start."""

    dataset: str = Field(description="dataset of captioned videos for its training")
    videos: Count = Field(description="number of videos")
    frames: Frames = Field(description="number of frames per video, whose features are averaged")
    epochs: Count = Field(description="number of training epochs")
    batch_size: Count = Field(description="videos per training step")
    lr: Positive = Field(description="learning rate; other optimiser settings are those of the models")


class SmallModels(Strict):
    """Training of small video-language models, used instead of published weights."""

    clip: SmallClip
    corpora: Annotated[dict[Name, Corpus], SameInAnyCase] = Field(
        description="training data, by the name of the pretraining data in the models' recipes"
    )
    leave_out: Annotated[list[str], Once] = Field(
        [], description="datasets whose classes are excluded from training, so that zero-shot classes are unseen"
    )
    epochs: Count = Field(description="number of training epochs")
    batch_size: Count = Field(description="videos per training step")
    optimizer: Optimizer
    schedule: Schedule = Schedule()
    augment: Augment = Field(description="training augmentation; mean and std come from the models")


class WeightFiles(Strict):
    """The user's files for one model."""

    path: FilePath = Field(
        description="a file, a folder, or the name of a Hugging Face hub repository that is in the local cache"
    )
    base: FilePath | None = Field(None, description="file with CLIP's own state dict, for models that need it")


class VideoLanguage(Strict):
    """Video foundation models (ViFMs; section 5.3 of the paper)."""

    recipes_dir: FilePath = Field("config/recipes/vifm", description="folder with one recipe file per model")
    recipe_overrides: dict[str, dict[str, Any]] | None = Field(
        None, description="by model (`all`: every model): keys that override those of its recipe file"
    )
    training: SmallModels | None = Field(
        None, description="settings to train small models; null: use published weights"
    )
    weights: dict[str, WeightFiles] = Field({}, description="by model: location of its published weights")
    tokenizer: FilePath = Field(
        "openai/clip-vit-base-patch16",
        description="folder with CLIP's vocab.json and merges.txt, or a hub name; only for published weights",
    )
    batch_size: Count = Field(16, description="batch size in tests and when teachers are run")
    views: Few = Field(
        4, description="distillation: number of clips per training video for which teacher logits are stored"
    )
    student_augment: Augment | None = Field(
        None,
        description="training augmentation of students of these models, which have seen the centre crops; null: that of"
        " `finetune`",
    )


def model_names(recipes_dir: FilePath | Path) -> list[str]:
    """The video-language models: all with a recipe file."""
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
