"""Speeds to plan with for kinds of GPUs on which nothing has been measured yet."""

from __future__ import annotations

from videossl.common.errors import unknown_name
from videossl.study.config import Config

BANDWIDTH = {
    "t4": 0.32,
    "v100": 0.9,
    "l40s": 0.86,
    "a40": 0.7,
    "rtx4090": 1.0,
    "a100": 2.0,
    "h100": 3.35,
    "h200": 4.8,
}
"""Memory bandwidth in TB/s, by the manufacturer: what bounds 3D convolutions, whose operations are cheap."""
REFERENCE, REFERENCE_FLOPS = "a100", 1e13
"""The GPU that the speed assumed in config/paper.yaml stands for."""


def with_gpus(config: Config, kind: str) -> tuple[Config, str]:
    """The configuration with the assumed speed of a kind of GPU, and what is assumed, in words.

    Raises UserError for an unknown kind.
    """
    if kind not in BANDWIDTH:
        raise unknown_name("kind of GPU", kind, BANDWIDTH, "--gpu-type", "Or set `compute.speed` and leave it out.")
    speed = REFERENCE_FLOPS * BANDWIDTH[kind] / BANDWIDTH[REFERENCE]
    compute = config.compute
    changed = compute.speed.model_copy(update={"flops_per_second": speed})
    said = (
        f"{kind}: {speed:.2g} FLOPs per second of each, which is {REFERENCE_FLOPS:.0e} of an {REFERENCE} in proportion"
        " to their memory bandwidth: assumed, not measured"
    )
    return config.model_copy(update={"compute": compute.model_copy(update={"speed": changed})}), said
