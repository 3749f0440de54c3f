"""The small CLIP that initialises small video-language models, as CLIP initialised the published ones.

It encodes single frames and averages their features. It is trained on captions, like the small models, and shares their
text vocabulary of whole words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from videossl.data.loader import ClipDataset
from videossl.training.inputs import Inputs
from videossl.training.loop import Step
from videossl.training.record import write_run
from videossl.training.run_folder import exclusive
from videossl.training.seeding import INITIAL, seed_everything
from videossl.training.session import Compute, batches, make_trainer
from videossl.videolanguage.corpus import read_corpus
from videossl.videolanguage.losses import class_loss
from videossl.videolanguage.models import registry
from videossl.videolanguage.models.base import VideoLanguageModel
from videossl.videolanguage.sampling import RandomSegments
from videossl.videolanguage.saved import save_model
from videossl.videolanguage.settings import CLIP
from videossl.videolanguage.specs import SmallClipSpec
from videossl.videolanguage.texts import WordTokenizer, fill, tokenised


def train_start(
    spec: SmallClipSpec, *, manifest: Path, left_out: Sequence[Path], folder: Path, compute: Compute
) -> None:
    """Train the small CLIP; writes `weights.pt` and `run.json` to `folder`.

    Args:
        spec: every setting that affects the weights.
        manifest: manifest of the corpus; its frame store is in the same folder.
        left_out: listings of the datasets whose classes must not be in the corpus.
        folder: the run folder.
        compute: device, threads, loader workers.
    """
    device, signals = compute.start()
    with exclusive(folder, signals):
        corpus = read_corpus(spec, manifest, left_out)
        texts = fill(spec.templates, corpus.captions)
        tokenizer = WordTokenizer.of(text for row in texts for text in row)
        options = {**spec.options, "vocabulary": tokenizer.size}
        seed_everything(spec.seed, INITIAL, 0)
        model = registry.build(CLIP, **options).to(device)
        tokens = torch.from_numpy(tokenised(texts, tokenizer, model.context)).to(device)
        sampler = RandomSegments(spec.clip.frames)
        dataset = ClipDataset(corpus.store, corpus.videos, sampler, spec.augmentation, spec.seed)
        step = picture_step(model, tokens)
        trainer = make_trainer(spec, model, step, dataset, folder, compute, signals)
        trainer.run(spec.epochs, batches(spec, dataset, compute, device), f"small CLIP, {len(dataset)} videos")
        save_model(folder / "weights.pt", model, CLIP, options, tokenizer)
        write_run(
            folder / "run.json",
            spec=spec,
            identity={"seed": spec.seed},
            device=device,
            seconds=trainer.clock.seconds,
            samples={"train": len(dataset)},
        )
        trainer.checkpoints.path.unlink(missing_ok=True)


def picture_step(model: VideoLanguageModel, tokens: Tensor) -> Step:
    """Training step: compares frame features averaged over the video with the prompts of all captions.

    Each step uses one random template. tokens: (templates, captions, context).
    """

    def step(network: nn.Module, batch: Inputs, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        prompts = tokens[int(torch.randint(len(tokens), (1,), generator=generator))]
        video = model.encode_video(batch.clips[:, 0])
        loss, hits = class_loss(model, video, model.encode_text(prompts), batch.labels)
        return loss, {"hits": hits}

    return step
