"""Checks of `videossl doctor` for the machine and its software."""

from __future__ import annotations

import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from videossl.monitor.finding import MISSING, OK, WARNING, Finding
from videossl.study.study import Study

INSTALL = "`make setup`, or `pip install -r envs/requirements.txt`"
OLDEST_PYTHON = (3, 11)


def python(study: Study) -> list[Finding]:
    """Version of the interpreter."""
    text = f"{sys.version.split()[0]} in {sys.prefix}"
    if sys.version_info < OLDEST_PYTHON:
        return [
            Finding(MISSING, "python", text, "install Python 3.11 or newer; `make setup PYTHON=python3.12` uses it")
        ]
    return [Finding(OK, "python", text)]


def packages(study: Study) -> list[Finding]:
    """Installed versions compared with the pinned ones; a missing direct dependency is an error."""
    pins = _pins(study.project)
    found = {name: _version(name) for name in pins}
    absent = [name for name, installed in found.items() if installed is None]
    needed = [name for name in absent if name.lower() in _direct(study.project)]
    other = [f"{name} {found[name]} (pin {pins[name]})" for name in pins if found[name] not in (None, pins[name])]
    findings = []
    if needed:
        findings.append(Finding(MISSING, "packages", f"not installed: {', '.join(needed)}", INSTALL))
    if rest := [name for name in absent if name not in needed]:
        text = f"pinned, needed by other packages, and not installed: {', '.join(rest)}"
        findings.append(Finding(WARNING, "packages", text, INSTALL))
    if other:
        text = f"{len(other)} of {len(pins)} in a version other than pinned: {', '.join(other)}"
        findings.append(Finding(WARNING, "packages", text, f"results may differ in last digits; {INSTALL}"))
    return findings or [Finding(OK, "packages", f"all {len(pins)} in the pinned versions")]


def _version(name: str) -> str | None:
    """The installed version without its build tag (`+cpu`)."""
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return None


def _pins(project: Path) -> dict[str, str]:
    """Pinned version of each package that this platform needs."""
    lines = (project / "envs/requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = _for_this_platform(line for line in lines if line.strip() and not line.startswith(("#", "-")))
    return {one.name: next(iter(one.specifier)).version for one in pinned}


def _direct(project: Path) -> set[str]:
    """Direct requirements of this project on this platform, whether or not it is installed as a package."""
    try:
        found = requires("videossl") or []
    except PackageNotFoundError:
        found = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return {one.name.lower() for one in _for_this_platform(found)}


def _for_this_platform(lines: Iterable[str]) -> list[Requirement]:
    """The requirements whose marker is true here and that belong to no extra."""
    found = [Requirement(line) for line in lines]
    return [one for one in found if one.marker is None or one.marker.evaluate({"extra": ""})]


def gpu(study: Study) -> list[Finding]:
    """The GPUs, and whether the configuration asks for one."""
    import torch

    if torch.cuda.is_available():
        devices = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        named = ", ".join(f"{device.name} ({device.total_memory / 2**30:.0f} GiB)" for device in devices)
        return [Finding(OK, "gpu", f"{named}; torch {torch.__version__}"), *_half_precision(study)]
    if torch.version.cuda is None and shutil.which("nvidia-smi"):
        remedy = "install the CUDA build of the pinned torch: https://pytorch.org/get-started/locally"
        return [Finding(WARNING, "gpu", f"there is one, but torch {torch.__version__} is built without CUDA", remedy)]
    if study.config.compute.device != "cuda":
        return [Finding(OK, "gpu", f"none; compute.device is '{study.config.compute.device}', so none is needed")]
    if shutil.which("sbatch"):
        return [Finding(OK, "gpu", "none on this machine; jobs get theirs from Slurm")]
    remedy = "set compute.device to 'auto' or 'cpu', or run where a GPU is: `snakemake --profile slurm`"
    return [
        Finding(MISSING, "gpu", "compute.device is 'cuda', but this machine has neither a usable GPU nor Slurm", remedy)
    ]


def _half_precision(study: Study) -> list[Finding]:
    """Whether bfloat16 can be trusted here, if the study trains in it."""
    import torch

    from videossl.training.precision import bf16_problem

    used = [f"the recipe of {name}" for name, recipe in study.recipes.items() if recipe.precision == "bf16"]
    used += ["`finetune`"] if study.config.finetune.precision == "bf16" else []
    problem = bf16_problem(torch.backends.cudnn.version())
    return (
        [Finding(MISSING, "gpu", f"{used[0]}: {problem}", "a newer cuDNN, or precision: fp32")]
        if used and problem
        else []
    )


def slurm(study: Study) -> list[Finding]:
    """The scheduler, and Snakemake's plugin for it."""
    if not shutil.which("sbatch"):
        return [Finding(OK, "slurm", "none; `snakemake --cores N` runs the jobs on this machine")]
    plugin = _version("snakemake-executor-plugin-slurm")
    if plugin is None:
        return [Finding(MISSING, "slurm", "its plugin for Snakemake is not installed", INSTALL)]
    return [Finding(OK, "slurm", f"sbatch and snakemake-executor-plugin-slurm {plugin}")]


def codecs(study: Study) -> list[Finding]:
    """Write a video, read it with both readers, and encode a frame as the store does."""
    return [_tried("PyAV", _videos), _decord(), _tried("simplejpeg", _jpeg), _tried("lz4", _lz4)]


def _decord() -> Finding:
    from videossl.data.video.decord_reader import available

    if available():
        return _tried("decord", _by_decord)
    return Finding(OK, "codecs", "decord is not installed (it exists for x86-64 only); PyAV reads all videos")


def _tried(name: str, attempt: Callable[[], str]) -> Finding:
    try:
        return Finding(OK, "codecs", f"{name}: {attempt()}")
    except Exception as error:  # whatever it is, a job would meet it too
        return Finding(MISSING, "codecs", f"{name}: {type(error).__name__}: {error}", f"install again: {INSTALL}")


def _videos() -> str:
    from videossl.data.video import check_video

    with tempfile.TemporaryDirectory() as folder:
        _require_four(check_video(_written(folder)).frames)
    return "writes H.264 and reads it"


def _by_decord() -> str:
    from videossl.data.materialise import encode_video

    with tempfile.TemporaryDirectory() as folder:
        path = _written(folder)
        frames, report = encode_video(path, None, None, 48, lambda frame, size, number: number, reader="decord")
    _require_four(len(frames))
    if report.reader_reason:
        raise RuntimeError(f"cannot be used: {report.reader_reason}")
    return "reads the same frames as PyAV; `store.reader: decord` uses it for each video for which that is so"


def _written(folder: str) -> Path:
    import numpy as np

    from videossl.data.synthetic.write import write_video

    path = Path(folder) / "try.mp4"
    write_video(path, np.zeros((4, 48, 64, 3), dtype=np.uint8), 12)
    return path


def _require_four(frames: int) -> None:
    if frames != 4:
        raise RuntimeError(f"of 4 frames written, {frames} are read")


def _jpeg() -> str:
    import numpy as np

    from videossl.data.codecs import decode_jpeg, encode_jpeg

    frame = np.full((16, 24, 3), 100, dtype=np.uint8)
    decoded = np.zeros_like(frame)
    decode_jpeg(memoryview(encode_jpeg(frame, 90)), decoded)
    if abs(decoded.astype(int) - frame).max() > 2:
        raise RuntimeError("a frame of one colour was decoded as another colour")
    return "encodes and decodes frames"


def _lz4() -> str:
    import numpy as np

    from videossl.data.codecs import decode_lz4, encode_lz4

    frame = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)
    decoded = np.zeros_like(frame)
    decode_lz4(memoryview(encode_lz4(frame, 90)), decoded)
    if not np.array_equal(decoded, frame):
        raise RuntimeError("a frame was decoded as another one")
    return "compresses and restores frames (`store.codec: lz4`)"
