"""Does the storage of noisy test sets enter the decrease that they measure?

Clean test videos are stored as JPEG and resized by the decoder's FFmpeg; noisy ones are resized by our own code and
stored lossless. Here the test videos of a finished study are stored as noisy ones are, with noise of no strength, and
its finetuned networks are tested on them once more:

python -m benchmarks.noiseless                 results/ of `make demo`, robustness's networks
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

from videossl.data import noisy
from videossl.data.videos import open_store, read_manifest
from videossl.downstream.accuracy import predict
from videossl.downstream.evaluate import video_means
from videossl.downstream.model import load_classifier
from videossl.files import write_parquet
from videossl.results import read_predictions
from videossl.specs import NOISY_CODEC
from videossl.training.session import Compute

TARGET, NOISE = "ucf101", "gaussian"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"))
    results = parser.parse_args().results
    runs = sorted((results / "robustness" / TARGET).rglob("run.json"))
    if not runs:
        raise SystemExit(f"{results}/robustness/{TARGET} holds no finished run: `make demo` first, or give --results.")
    root = results / "generated" / TARGET / "videos"
    with tempfile.TemporaryDirectory() as name:
        manifest = lossless(results / "data" / TARGET / "manifest.parquet", root, Path(name))
        rows = [compared(run, results, manifest) for run in runs]
    table = pd.DataFrame(rows)
    print(table.round(3).to_string(index=False))
    print(table[["same prediction", "difference"]].agg(["min", "median", "max"]).round(3).to_string())


def lossless(clean: Path, root: Path, folder: Path) -> Path:
    """The manifest of the test videos, stored as noisy ones are but without noise; its store lies beside it."""
    rows = read_manifest(clean)
    short_side = open_store(clean, rows).settings(0)["short_side"]
    spec = {
        "short_side": short_side,
        "codec": NOISY_CODEC,
        "seed": 0,
        "shards": 1,
        "constants": {},
        "videos": {NOISE: ["all"]},
    }
    (folder / "shards").mkdir()
    shard = folder / "shards/0000.arrow"
    with patch.object(noisy, "corrupt", lambda frame, *_: frame), patch.object(noisy, "constant", lambda *_: None):
        noisy.write_noisy_shards(rows, root, spec, NOISE, 0, {1: shard})
    merged = noisy.merge_noisy_manifest(rows, spec, NOISE, 1, [shard.with_suffix(".parquet")])
    write_parquet(folder / "manifest.parquet", merged)
    return folder / "manifest.parquet"


def compared(run: Path, results: Path, manifest: Path) -> dict[str, object]:
    """One finetuned network on its own clean predictions and on the lossless copies."""
    cell = run.parent.relative_to(results / "robustness")
    model, own = load_classifier(results / "finetune" / cell / "weights.pt")
    videos = read_manifest(manifest)
    compute = Compute()
    device, signals = compute.start()
    logits = video_means(own, model, open_store(manifest, videos), videos, compute, device, signals)
    again = predict(videos, "test", logits, own["test_clips"]).set_index("video")
    clean = read_predictions(results / "finetune" / cell / "predictions.parquet").set_index("video").loc[again.index]
    return {
        "network": str(cell),
        "videos": len(again),
        "same prediction": np.mean(again["prediction"] == clean["prediction"]),
        "clean top-1": clean["correct"].mean(),
        "difference": again["correct"].mean() - clean["correct"].mean(),
    }


if __name__ == "__main__":
    main()
