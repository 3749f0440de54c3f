"""Video retrieval with pretrained features (paper, section 5.2 and Table 16): test videos query the training videos."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from videossl.analysis.retrieval import first_match
from videossl.analysis.statistics import wilson_interval
from videossl.common.results import write_metrics
from videossl.data.feature_file import read_features
from videossl.evaluation.accuracy import report_gaps
from videossl.evaluation.specs import RetrievalSpec
from videossl.training.record import write_run


def retrieve(spec: RetrievalSpec, identity: dict[str, Any], *, features: Path, folder: Path) -> None:
    """Compute recall at each k of `spec.ks` with 95 % Wilson intervals; writes metrics and `run.json` to `folder`.

    The network is not finetuned. A query is a hit at k if one of its k nearest training videos has its class.
    Neighbours are ranked by cosine similarity of clip-averaged features. Chance is the recall of k videos drawn without
    replacement. If there are fewer training videos than k, all of them are neighbours, and recall equals chance.
    """
    start = time.monotonic()
    data = read_features(features)
    gallery, gallery_labels = torch.from_numpy(data.train), torch.from_numpy(data.train_labels)
    queries, labels = torch.from_numpy(data.test), torch.from_numpy(data.test_labels)
    ranks, _ = first_match(queries, labels, gallery, gallery_labels, depth=max(spec.ks))
    if large := [k for k in spec.ks if k > len(gallery)]:
        print(
            f"{len(gallery)} training videos are fewer than k = {', '.join(map(str, large))} (`retrieval.ks`): there"
            " all of them are neighbours, and recall equals chance.",
            flush=True,
        )
    rows = []
    for k in spec.ks:
        hits = int((ranks < k).sum())
        low, high = wilson_interval(hits, len(ranks))
        rows.append(
            {
                "split": data.test_split,
                "metric": f"recall_at_{k}",
                "value": hits / len(ranks),
                "n": len(ranks),
                "chance": chance(labels, gallery_labels, k),
                "ci_low": low,
                "ci_high": high,
            }
        )
        print(f"recall@{k}: {100 * hits / len(ranks):.1f} % of {len(ranks)} {data.test_split} videos", flush=True)
    write_metrics(folder / "metrics.parquet", identity, rows)
    write_run(
        folder / "run.json",
        spec=spec,
        identity=identity,
        device=torch.device("cpu"),
        seconds=time.monotonic() - start,
        samples={"gallery": len(gallery), "queries": len(queries)},
        classes=data.gaps.as_json(),
    )
    report_gaps(data.gaps)


def chance(labels: torch.Tensor, gallery_labels: torch.Tensor, k: int) -> float:
    """Mean over the queries of the probability that k random gallery videos include one of the query's class.

    It is 1 - C(G - m, k) / C(G, k), where m of the G gallery videos have that class.
    """
    size = len(gallery_labels)
    k = min(k, size)
    same = torch.bincount(gallery_labels, minlength=int(labels.max()) + 1)[labels].double()
    steps = torch.arange(k, dtype=torch.float64)
    none = ((size - same[:, None] - steps).clamp_min(0) / (size - steps)).prod(dim=1)
    return float((1 - none).mean())
