"""What float32 and bfloat16 mean on a GPU: which products are exact, and where bfloat16 cannot be trusted."""

from __future__ import annotations

import torch

OLDEST_CUDNN = (9, 15)
"""cuDNN 9.8 to 9.10 computed 3D convolutions of large inputs in bfloat16 wrongly, without an error, and 9.11 to 9.14
were slow at them or avoided (pytorch/pytorch issues 163539 and 166643). 9.15 is the first version free of both."""


def use_ieee_float32() -> None:
    """Make float32 mean float32 on GPUs.

    torch's default for convolutions is TF32, which keeps 10 of 23 bits of each factor. What is said to be float32
    (training with `precision: fp32`, and every evaluation) would then be neither comparable with a CPU nor with the
    matrix products of the same network, which are exact by default.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def float32_products() -> str:
    """How float32 products are computed on a GPU now: `ieee`, or `tf32` if one kind of them is."""
    return "tf32" if torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32 else "ieee"


def bf16_problem(cudnn: int | None) -> str:
    """Why trainings on a GPU must not use bfloat16 with this version of cuDNN; "" if they may.

    cudnn: such as 91500 for 9.15.0, from `torch.backends.cudnn.version()`; None: there is none, nor its convolutions.
    """
    oldest = ".".join(map(str, OLDEST_CUDNN))
    if cudnn is None or cudnn >= 10_000 * OLDEST_CUDNN[0] + 100 * OLDEST_CUDNN[1]:
        return ""
    return (
        f"precision is bf16, and cuDNN {_readable(cudnn)} may compute 3D convolutions in bfloat16 wrongly without an"
        f" error (pytorch/pytorch issue 163539). Install cuDNN {oldest} or newer (`pip install nvidia-cudnn-cu12` or"
        f" `-cu13`, as fits torch's CUDA, with `>={oldest}`), a torch that brings it, or set precision to fp32."
    )


def _readable(version: int) -> str:
    """91002 -> 9.10.2, and, as versions before 9 were counted, 8907 -> 8.9.7."""
    major, rest = divmod(version, 10_000 if version >= 10_000 else 1_000)
    return f"{major}.{rest // 100}.{rest % 100}"
