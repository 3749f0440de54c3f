"""What only a site knows about its Slurm cluster: the file that users fill in. It does not affect results."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from videossl.common.ranges import Count, Text
from videossl.common.strict import Strict

Word = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.@+-]+$")]
Model = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.]+$")]
Shared = Annotated[str, Field(pattern=r"^(shard|mps):[1-9][0-9]*$")]


class Cluster(Strict):
    """The site's Slurm cluster. The workflow gives these to every job by itself; `videossl doctor --profile slurm`
    compares each with what Slurm says."""

    account: Word | None = Field(None, description="account that jobs are charged to; null: the user's default")
    cpu_partition: Word | None = Field(None, description="partition of jobs without a GPU; null: the default partition")
    gpu_partition: Word | None = Field(None, description="partition of jobs with GPUs; null: the default partition")
    gpu_model: Model | None = Field(
        None, description="type of GPU, as `sinfo -o %G` prints it, such as a100; null: any"
    )
    gpus_by: Literal["gpus", "gres"] = Field(
        "gpus", description="how a job on one node asks for GPUs: `--gpus=N`, or `--gres=gpu:N` where only that works"
    )
    longest_minutes: Count | None = Field(
        None,
        description="longest time limit that the partitions allow, in minutes; longer trainings continue at the next"
        " attempt",
    )
    container: Text | None = Field(
        None,
        description="image that jobs run in with `--software-deployment-method apptainer`: a file (.sif) or an address"
        " (docker://…), built from envs/Containerfile",
    )
    share: dict[str, Shared] = Field(
        {},
        description="by backbone: part of a GPU that a job of one GPU asks for instead of a whole one, as a generic"
        " resource of Slurm, such as `shard:1` or `mps:25`",
    )
