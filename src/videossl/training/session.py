"""Shared by pretraining and finetuning: compute settings, and construction of a trainer."""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from videossl.backbones.base import Backbone
from videossl.backbones.r2plus1d import FactorisedConv
from videossl.common.distributed import broadcast_object
from videossl.common.errors import UserError
from videossl.common.memory import keep_freed_memory
from videossl.common.ranks import is_main_process, rank_and_processes
from videossl.common.specification import hash_of
from videossl.data.loader import ClipDataset, EpochBatches, train_loader
from videossl.data.provenance import content_digest
from videossl.data.staging import stage_shards
from videossl.training.average import WeightAverage
from videossl.training.checkpoint import Checkpoints, load_torch
from videossl.training.compiled import compile_backbones
from videossl.training.device import choose_device
from videossl.training.history import History
from videossl.training.inputs import Inputs, on_device
from videossl.training.interrupt import Signals
from videossl.training.loop import Plan, Step, Trainer
from videossl.training.optim import base_learning_rate, build_optimizer, stretched
from videossl.training.precision import bf16_problem, use_ieee_float32
from videossl.training.record import code_version
from videossl.training.seeding import fix_order, unordered_layers
from videossl.training.specs import TrainingSpec
from videossl.training.synchronise import share_layers

if TYPE_CHECKING:
    from videossl.data.store import FrameStore


@dataclass(frozen=True)
class Compute:
    """Where and how a job runs. These settings do not affect results, except for rounding differences.

    Rounding can differ with `threads`, `channels_last`, `compile` and the number of processes.
    """

    device: str = "auto"
    threads: int = 1
    workers: int = 0
    checkpoint_seconds: float = 600.0
    channels_last: bool = False
    compile: bool = False
    deterministic: bool = False
    stage: str = ""

    def start(self) -> tuple[torch.device, Signals]:
        """Prepare the process; returns the device and the signal listener."""
        signals = Signals().install()
        code_version()  # recorded now, since the code may be edited while the job runs
        keep_freed_memory()
        fix_order(self.threads, on_gpus=self.deterministic)
        use_ieee_float32()
        device = choose_device(self.device)
        if not is_main_process():
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - to the end of the process
        return device, signals


def make_trainer(
    spec: TrainingSpec,
    module: nn.Module,
    step: Step,
    dataset: ClipDataset,
    folder: Path,
    compute: Compute,
    signals: Signals,
    weights: Sequence[Path] = (),
    average: float = 0.0,
) -> Trainer:
    """A trainer of `module`, resumed from the folder's checkpoint if that belongs to the same run.

    A run is identified by its recipe, training videos and `weights` (initial weights, teachers). `average`: decay of an
    average of the weights; 0: none.
    """
    device = next(module.parameters()).device
    if spec.precision == "bf16":
        require_bf16(device)
    reference = spec.reference_batch_size
    batch_size = batch_size_for(spec, len(dataset))
    network = ready(module, compute, device)
    steps = len(dataset) // batch_size
    epochs = spec.length(steps)
    trainer = Trainer(
        module=module,
        network=network,
        optimizer=build_optimizer(module, spec.optimizer),
        step=step,
        plan=Plan(
            epochs=epochs,
            steps_per_epoch=steps,
            schedule=stretched(spec.schedule, epochs / spec.epochs),
            base_lr=base_learning_rate(spec.optimizer, batch_size, reference),
            grad_clip=spec.optimizer.grad_clip,
            batch_size=batch_size,
            seed=spec.seed,
            accumulation_steps=spec.accumulation_steps,
            precision=spec.precision,
        ),
        checkpoints=Checkpoints(folder, run_hash(spec, dataset, weights)),
        history=History(folder),
        signals=signals,
        checkpoint_seconds=compute.checkpoint_seconds,
        average=WeightAverage(module, average) if average else None,
    )
    state = last_state(trainer, spec.last_epoch + epochs - spec.epochs)
    if state is not None:
        trainer.restore(state)
    elif is_main_process():
        trainer.history.rewind(0)  # discard the history of an earlier run in this folder
    return trainer


def require_bf16(device: torch.device) -> None:
    """Raise UserError unless training in bfloat16 is right on `device`."""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise UserError(
            f"precision is bf16, and this GPU ({torch.cuda.get_device_name(device)}) has no arithmetic in bfloat16,"
            " which came with Ampere (compute capability 8.0). Use another GPU, or set precision to fp32 in the recipe"
            " (recipe_overrides) and in `finetune`, which is another training."
        )
    if device.type != "cuda":
        raise UserError(
            "precision is bf16, which needs a GPU: torch's 3D convolutions in bfloat16 on CPUs give gradients that are"
            " not finite. Set precision to fp32 in the recipe (recipe_overrides) and in `finetune`."
        )
    if problem := bf16_problem(torch.backends.cudnn.version()):
        raise UserError(problem)


def ready(module: nn.Module, compute: Compute, device: torch.device) -> nn.Module:
    """Prepare `module` in place and return the module to call in a training step.

    With several processes, this replaces the layers that depend on the global batch and adds gradient exchange. It also
    sets the memory format and compiles backbones, as configured.
    """
    share_layers(module, device, compute.compile)
    if compute.channels_last:
        channels_last(module, device)
    if device.type == "cuda":
        pad_channels(module)
        if compute.deterministic and (layers := unordered_layers(module)):
            print(f"not deterministic on a GPU, for lack of such an algorithm: {', '.join(layers)}", flush=True)
    if compute.compile:
        compile_backbones(module)
    if rank_and_processes()[1] == 1:
        return module
    # Statistics and queues are synchronised, so the buffers of all processes are equal without broadcasting.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch 2.6 lacks the new name of `broadcast_buffers`
        return DistributedDataParallel(module, broadcast_buffers=False)


def ready_for_tests(module: nn.Module, compute: Compute, device: torch.device) -> None:
    """Prepare a network that is only tested, in place: on a GPU with memory formats and channels as in training.

    On a CPU nothing changes: other formats round differently, and a test is short. Nothing is compiled, as that would
    take as long as most tests.
    """
    if device.type != "cuda":
        return
    if compute.channels_last:
        channels_last(module, device)
    pad_channels(module)


def channels_last(module: nn.Module, device: torch.device) -> None:
    """Use the channels-last memory format in the convolutional backbones of `module`.

    The output of a convolution has the memory format of its weights, and later layers keep it. Transformers already
    store tokens in that order. On GPUs, networks with grouped convolutions (MobileNet, ShuffleNet) keep torch's own
    format: in channels last, torch always takes cuDNN for depthwise convolutions, which is several times slower than
    its own kernel, and a change of format before and after each of them would read and write the largest maps twice.
    """
    for backbone in (part for part in module.modules() if isinstance(part, Backbone)):
        layers = list(backbone.modules())
        convolutions = [layer for layer in layers if isinstance(layer, nn.Conv3d)]
        if any(isinstance(layer, nn.LayerNorm) for layer in layers):
            continue
        if device.type == "cuda" and any(layer.groups > 1 for layer in convolutions):
            continue
        for layer in convolutions:
            layer.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


def pad_channels(module: nn.Module) -> None:
    """Let factorised convolutions compute with numbers of channels that a GPU's matrix units take."""
    for part in module.modules():
        if isinstance(part, FactorisedConv):
            part.padded = True


def last_state(trainer: Trainer, stop: int) -> dict[str, Any] | None:
    """The checkpoint to resume from, or None. The first process decides for all processes."""
    state = trainer.checkpoints.load(stop, trainer.problem_of) if is_main_process() else None
    found = broadcast_object(state is not None)
    return state if is_main_process() or not found else load_torch(trainer.checkpoints.path)


def run_hash(spec: TrainingSpec, dataset: ClipDataset, weights: Sequence[Path]) -> str:
    """Hash that identifies a run: runs with equal hashes train the same weights.

    It covers data and pretrained weights besides the recipe: if they were remade, an old checkpoint must not be
    resumed. Data are identified by their table and by the digests of their shards, which are computed if not recorded.
    All milestones of a run share the hash: `stop` only sets where training ends, and `heldout_videos` what is measured.
    """
    data = hashlib.sha256()
    for column in dataset.table.values():
        data.update(column.tobytes())
    store = cast("FrameStore", dataset.store)  # trainings read stored frames
    for shard in np.unique(dataset.table["shard"]):
        store.num_videos(int(shard))  # raises UserError with instructions if the file is missing
        data.update(f"{content_digest(store.shard_paths[shard])}\n".encode())
    start = [hashlib.sha256(path.read_bytes()).hexdigest() for path in weights]
    recipe = {key: value for key, value in spec.values.items() if key not in ("stop", "heldout_videos")}
    return hash_of({"recipe": recipe, "data": data.hexdigest(), "weights": start})


def stage_frames(dataset: ClipDataset, epochs: int, compute: Compute, signals: Signals) -> None:
    """Read the shards of a training of `epochs` further epochs from copies on this node's disk, if so configured.

    A training of few videos, such as a low-shot finetuning, reads less of its shards than a copy would.
    """
    if not compute.stage or epochs < 1:
        return
    store, shards = cast("FrameStore", dataset.store), np.unique(dataset.table["shard"]).tolist()
    stored = sum(store.num_videos(shard) for shard in shards)
    if epochs * len(dataset) < stored:
        print(
            f"compute.stage: {epochs} epochs of {len(dataset)} videos read less than a copy of {stored} videos would."
            " The frames are read in place.",
            flush=True,
        )
        return
    with signals.stop_waiting():
        stage_shards(store, shards, compute.stage)


def batch_size_for(spec: TrainingSpec, videos: int) -> int:
    """The recipe's batch size; at most the number of training videos, for sets smaller than one batch."""
    return min(spec.batch_size, videos)


def batches(
    spec: TrainingSpec, dataset: ClipDataset, compute: Compute, device: torch.device
) -> Callable[[int, int, int], Iterator[Inputs]]:
    """The trainer's source of batches: this process's shares, from (epoch, step) to the end of epoch `stop`."""
    rank, processes = rank_and_processes()

    def make(epoch: int, step: int, stop: int) -> Iterator[Inputs]:
        keys = EpochBatches(
            len(dataset),
            batch_size_for(spec, len(dataset)),
            spec.seed,
            drop_last=True,
            start=(epoch, step),
            epochs=stop,
            rank=rank,
            world_size=processes,
            accumulation_steps=spec.accumulation_steps,
        )
        return on_device(train_loader(dataset, keys, workers=compute.workers, device=device), device)

    return make
