"""What jobs build: networks, pretext tasks and video-language models, to test them before the first job."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from videossl.common.specification import Specification
from videossl.data.settings import ClipShape
from videossl.training.specs import BackboneSpec, TaskSpec


class _Build(Specification):
    clip: ClipShape
    """The clips that the network must accept."""
    where: str
    """Files and keys that define it, for messages."""

    @property
    def identity(self) -> str:
        """Equal for builds that succeed or fail together."""
        return type(self).model_validate({**self.values, "where": ""}).json_text


class NetworkBuild(_Build):
    """A backbone."""

    kind: Literal["network"] = "network"
    backbone: BackboneSpec

    @property
    def title(self) -> str:
        """For messages."""
        return f"a network with {self.backbone.name}"


class TaskBuild(_Build):
    """A pretext task with its backbone."""

    kind: Literal["task"] = "task"
    task: TaskSpec
    source: str
    longest_video: int | None
    """Frames of the longest training video of `source`, if known."""

    @property
    def title(self) -> str:
        """For messages."""
        return f"{self.task.task} with {self.task.backbone.name}"


class ModelBuild(_Build):
    """A video-language model."""

    kind: Literal["model"] = "model"
    model: str
    options: dict[str, Any]

    @property
    def title(self) -> str:
        """For messages."""
        return self.model


class PublishedBuild(_Build):
    """A network with published weights, of which names and shapes are compared with those of the network."""

    kind: Literal["published"] = "published"
    backbone: BackboneSpec
    weights: str
    """The file."""
    state: str
    """Size and time of the file, so that a changed one is tested again."""
    keys: list[list[str | None]]

    @property
    def title(self) -> str:
        """For messages."""
        return f"published weights of {self.backbone.name}"


Build = NetworkBuild | TaskBuild | ModelBuild | PublishedBuild
BUILDS: TypeAdapter[list[Build]] = TypeAdapter(list[Annotated[Build, Field(discriminator="kind")]])
"""Reads and writes lists of builds as JSON."""
