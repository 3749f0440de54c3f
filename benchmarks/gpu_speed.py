"""How fast is it on a GPU? Ours beside plain loops; launches, copies and memory of a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu_setting import Finding, Setting
from benchmarks.train_step import (
    IEEE,
    OURS,
    TF32,
    Loop,
    clock_for,
    count_flop,
    matrix_peaks,
    precision_of,
    rates,
    subjects,
    take_turns,
)
from videossl.data.loader import ClipDataset
from videossl.data.store import FrameStore
from videossl.training.pretrain import build_task

CASES = (("rspnet", "r2plus1d"), ("rspnet", "shufflenet"), ("vcop", "r2plus1d"), ("vcop", "shufflenet"))
TIMES_IEEE, TIMES_TF32, OF_PEAK, WAITING = 5.0, 2.5, 0.35, 0.03
"""Goals on an H100: for RSPNet with R(2+1)D, its share of the matrix peak, and for all the share of waiting."""
ROUNDS, STEPS = 2, 100
SECONDS = 100.0
"""About what a case takes, compiling included: none is begun with less left."""
PROFILED = 5


def speed(setting: Setting, data: tuple[FrameStore, pd.DataFrame]) -> Iterator[Finding]:
    """Clips/s, share of the peak, waiting, launches, copies and memory of some tasks and networks."""
    peaks = matrix_peaks(setting.device, clock_for(setting.compute()))
    unit = {f"{name}, TFLOP/s": peak / 1e12 for name, peak in peaks.items()}
    yield Finding("peak of a matrix product", "", None, unit)
    for task, backbone in CASES:
        if not setting.rehearsal and setting.left < SECONDS:
            yield Finding("speed", f"{task}, {backbone}", None, {}, "not reached in the time given")
            continue
        yield from _case(setting, data, task, backbone, peaks)


def _case(
    setting: Setting, data: tuple[FrameStore, pd.DataFrame], task: str, backbone: str, peaks: dict[str, float]
) -> Iterator[Finding]:
    store, videos = data
    spec = setting.spec(task, backbone)
    sampler = build_task(spec).sampler
    dataset = ClipDataset(store, videos, sampler, spec.augmentation, 0)
    compute = setting.compute(channels_last=True, compile=not setting.rehearsal)
    folder = setting.folder / f"{task}_{backbone}"
    _forget_memory(setting.device)
    loops = subjects(spec, setting.precision, dataset, folder, compute, setting.device)
    take_turns(loops, ROUNDS, 2 if setting.rehearsal else STEPS)
    flop, clips = count_flop(spec, dataset), spec.batch_size * sampler.clips_per_video
    found = {}
    for name, loop in loops.items():
        rows = rates(loop, loops[IEEE], clips, flop, peaks[precision_of(name, setting.precision)])
        found[name] = {row["metric"]: row["value"] for row in rows}
        yield Finding(f"speed, {name}", f"{task}, {backbone}", None, found[name])
    yield from _goals(setting, task, backbone, found)
    yield Finding("a step", f"{task}, {backbone}", None, _step(loops[OURS], setting.device))
    yield Finding("memory of the loops", f"{task}, {backbone}", None, _memory(setting.device))


def _goals(setting: Setting, task: str, backbone: str, found: dict[str, dict[str, float]]) -> Iterator[Finding]:
    case, own = f"{task}, {backbone}", found[OURS]
    wait = own["waiting for data"]
    yield Finding("waiting for data", case, setting.judged(wait < WAITING), {"share": wait}, f"below {WAITING:g}")
    if (task, backbone) != CASES[0]:
        return
    times = {f"times the {name}": own["clips"] / found[name]["clips"] for name in (IEEE, TF32) if name in found}
    enough = times[f"times the {IEEE}"] >= TIMES_IEEE and times.get(f"times the {TF32}", 0) >= TIMES_TF32
    wanted = f"{TIMES_IEEE:g} and {TIMES_TF32:g} (an H100)"
    yield Finding("faster than plain loops", case, setting.judged(enough), times, wanted)
    share = own["share of peak"]
    yield Finding(
        "share of the matrix peak", case, setting.judged(share >= OF_PEAK), {"share": share}, f"{OF_PEAK:g} (an H100)"
    )


def _step(loop: Loop, device: torch.device) -> dict[str, float]:
    """Launches and copies of one step, from torch's profiler; on a CPU, operators in place of launches."""
    on_gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as profiler:
        for _ in range(PROFILED):
            loop.step(loop.source)
        if on_gpu:
            torch.cuda.synchronize()
    events: list[Any] = list(profiler.events() or [])
    names = [event.name for event in events if (event.device_type == DeviceType.CUDA) == on_gpu]
    copies = [name for name in names if name.startswith("Memcpy HtoD")]
    kernels = [name for name in names if not name.startswith(("Memcpy", "Memset"))]
    return {"launches": len(kernels) / PROFILED, "copies from the host": len(copies) / PROFILED}


def _forget_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _memory(device: torch.device) -> dict[str, float]:
    """The peak while all loops of a case had their networks and optimisers on the card."""
    return {"GiB": torch.cuda.max_memory_allocated(device) / 2**30} if device.type == "cuda" else {}
