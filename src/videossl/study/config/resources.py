"""Estimates of what jobs need: speeds (for time limits), safety margins, memory. They do not affect results."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from videossl.common.ranges import Count, CountOrNone, NotNegative, Pace, Positive
from videossl.common.strict import Strict

Minutes = Annotated[Positive, Field(le=10**7)]


class Speed(Strict):
    """Sustained speeds, from which `videossl plan` and time limits on a cluster are estimated."""

    flops_per_second: Pace | Annotated[dict[str, Pace], Field(min_length=1)] = Field(
        2e10,
        description="sustained FLOPs per second of one GPU in training (without GPUs: of one thread); a number, or"
        " by backbone"
        " with a `default`",
    )
    clips_per_second: Positive = Field(50, description="clips per second that one loader process reads and augments")
    seconds_per_stored_video: Positive = Field(
        4, description="seconds to check, decode and store one video; a noisy copy takes as long"
    )


class Limits(Strict):
    """Time limits of jobs on a cluster."""

    headroom: Annotated[NotNegative, Field(ge=1, le=1000)] = Field(
        1.5, description="time limit = estimated time x this factor + `start_minutes`"
    )
    start_minutes: Minutes = Field(
        15, description="minutes added to each limit for start-up, reading and writing on slow disks"
    )
    other_minutes: Minutes = Field(
        60, description="minutes: limit, at first, of jobs that neither run a network nor store videos"
    )


class Memory(Strict):
    """Main memory, in MB, that jobs request from a cluster. After an end for want of memory the next attempt requests
    the same amount in addition, at most twice."""

    other: Count = Field(4000, description="MB of a job that runs no network")
    training: Count = Field(4000, description="MB of a job that runs a network, without its loader processes")
    worker: Count = Field(
        2000, description="MB of each loader process, and of each further process that decodes (compute.data_processes)"
    )
    cache: CountOrNone = Field(
        0,
        description="most MB that a job with a network requests in addition for the frames that it reads, which a"
        " cluster counts as the job's memory while the system keeps them; for a smaller dataset or subset: its size",
    )
