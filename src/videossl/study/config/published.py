"""Model of `published` of the configuration: networks that others trained, with the user's files of their weights."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from videossl.common.names import FilePath, Name
from videossl.common.ranges import Few, Frames, Side, Text, Version
from videossl.common.strict import Strict
from videossl.data.settings import ColourDivisors, Colours
from videossl.videolanguage.settings import PretrainingData


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return pattern


Expression = Annotated[str, AfterValidator(_expression)]


def _renamings(keys: dict[str, str | None]) -> dict[str, str | None]:
    for pattern, text in keys.items():
        try:
            re.sub(pattern, text or "", "")
        except (re.error, IndexError) as error:
            raise ValueError(f"`{pattern}` cannot be replaced by `{text}`: {error}") from None
    return keys


class NetworkInput(Strict):
    """The clips that a published network takes; null: as its architecture states them (docs/published.md)."""

    frames: Frames | None = Field(None, description="frames of a clip; null: those of the architecture")
    size: Side | None = Field(None, description="side of the square crop in pixels; null: that of the architecture")
    stride: Few | None = Field(None, description="frame step of a clip; null: that of the architecture")
    resize_short: Side | None = Field(
        None, description="first resize frames to this short side in pixels; null: that of the architecture"
    )
    mean: Colours | None = Field(None, description="normalisation: subtracted from RGB values in 0 to 1")
    std: ColourDivisors | None = Field(None, description="normalisation: RGB values are then divided by these")


class PublishedNetwork(Strict):
    """A network that others trained. Grids name it with `published`."""

    title: Text = Field(description="name in tables and figures, in the place of a pretext task")
    architecture: str = Field(
        description="network: one of a library, such as torchvision_r2plus1d_18 (docs/published.md lists them), or a"
        " file of src/videossl/backbones"
    )
    options: dict[str, Any] = Field({}, description="options of the architecture; the defaults give the usual size")
    network: Name | None = Field(
        None,
        description="name of the untrained network on the axis `backbone`. Entries with the same name have the same"
        " architecture, options and input, and share the row of random weights. null: the name of the library's"
        " architecture, or of the entry if the architecture is one of this project's backbones",
    )
    weights: FilePath = Field(
        description="a file, a folder with model.safetensors or pytorch_model.bin, or the name of a Hugging Face hub"
        " repository that is in the local cache"
    )
    keys: Annotated[dict[Expression, str | None], AfterValidator(_renamings)] = Field(
        {},
        description="how parameters of the file are renamed, in this order: what a regular expression matches in a name"
        " is replaced by the text (\\1: its first group); null leaves the parameter out",
    )
    supervised: bool = Field(False, description="true: it was trained with labels. Such rows stand beside the others")
    data: PretrainingData = Field(description="what it was trained on")
    input: NetworkInput = NetworkInput()
    recipe_version: Version = Field(1, description="raise it when a change in code should read the file again")
