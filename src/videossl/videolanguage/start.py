"""A small CLIP: what the small video-language models start from, as the published ones started from CLIP.

It sees frame by frame, with the features averaged, and is trained like them on captions. Its text vocabulary, of whole
words, is theirs too.
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
    """Train the small CLIP; leaves `weights.pt` and `run.json` in `folder`.

    Args:
        spec: every setting that affects the weights.
        manifest: of the corpus; its frame store lies beside it.
        left_out: manifests of the datasets whose classes the corpus must not have.
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
    """The mean features of a video's frames are compared with the prompts of all captions, of one of the templates.

    tokens (templates, captions, context).
    """

    def step(network: nn.Module, batch: Inputs, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        prompts = tokens[int(torch.randint(len(tokens), (1,), generator=generator))]
        video = model.encode_video(batch.clips[:, 0])
        loss, hits = class_loss(model, video, model.encode_text(prompts), batch.labels)
        return loss, {"hits": hits}

    return step
