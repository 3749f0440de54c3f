"""What a job is expected to need: speeds that time limits are estimated from, head-room, memory. Decides no result."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from videossl.common.ranges import Count, NotNegative, Pace, Positive
from videossl.common.strict import Strict

Minutes = Annotated[Positive, Field(le=10**7)]


class Speed(Strict):
    """Sustained speeds, from which `videossl plan` and time limits on a cluster are estimated."""

    flops_per_second: Pace | Annotated[dict[str, Pace], Field(min_length=1)] = Field(
        2e10,
        description="operations of training a second of one GPU (without GPUs: of one thread); a number, or by backbone"
        " with a `default`",
    )
    clips_per_second: Positive = Field(50, description="clips that one loader process reads and augments a second")
    seconds_per_stored_video: Positive = Field(
        4, description="seconds to check, decode and store one video; a noisy copy of it takes as long"
    )


class Limits(Strict):
    """Time limits of a cluster's jobs."""

    headroom: Annotated[NotNegative, Field(ge=1, le=1000)] = Field(
        1.5, description="time limit: the estimated time, times this"
    )
    start_minutes: Minutes = Field(15, description="added to each limit: start, reading, writing; slow disks")
    other_minutes: Minutes = Field(
        60, description="limit of a job that neither runs a network nor stores videos, at the first attempt"
    )
    longest_minutes: Count | None = Field(
        None,
        description="longest limit that the partition allows; a training that needs more goes on at a next attempt",
    )


class Memory(Strict):
    """Main memory that jobs ask a cluster for, in MB; a further attempt asks for as much again."""

    other: Count = Field(4000, description="of a job that trains nothing")
    training: Count = Field(4000, description="of a job with a network, without loader processes")
    worker: Count = Field(2000, description="of each loader process")
