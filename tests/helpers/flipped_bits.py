"""One flipped bit, at many places of every kind of file that a study leaves: is it noticed where the file is read?

    python tests/helpers/flipped_bits.py 500        # places in each kind of file; prints the counts

A bit may stand where it decides nothing, such as between the parts of a file. So for each place there are three
outcomes: *noticed* (an error that names the file and says what to do), *same* (what was read is equal to what was
written, to the last bit), and *wrong*, of which there must be none.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from runs import same_bits
from tiny import CPU, Data, finetune_arguments, make_data, make_study, pretrain_arguments

from videossl.common.errors import UserError
from videossl.common.files import write_parquet
from videossl.common.results import read_metrics, read_predictions
from videossl.data.feature_file import read_features
from videossl.data.manifest import read_listing_file, read_manifest
from videossl.data.provenance import digest_of, note_made, record_of, require_record
from videossl.data.selection import open_subset
from videossl.data.store import FrameStore, ShardWriter
from videossl.evaluation.features import extract
from videossl.evaluation.finetune import finetune
from videossl.evaluation.model import load_classifier
from videossl.evaluation.specs import FeaturesSpec
from videossl.monitor.verify import DAMAGED, Item, look_at
from videossl.report.cka_map import read_map
from videossl.stages.registry import stage
from videossl.training.checkpoint import STATE, load_parts
from videossl.training.history import read_epochs
from videossl.training.pretrain import pretrain
from videossl.training.record import read_run

WEIGHTS = {"backbone": Mapping, "spec": dict, "identity": dict}
NOTICED, SAME, WRONG = "noticed", "same", "WRONG"
ENDS = 200
"""Bytes at both ends of a file, where its structure is: a third of the places are there."""
# The kinds that `kinds_of` gives, in its order; known before the files are made.
NAMES = (
    *(
        "shard, JPEG",
        "shard, raw",
        "shard, LZ4",
        "shard's report",
        "listing",
        "manifest",
        "subset",
        "subset's description",
    ),
    *("pretrained weights", "training state", "finetuned weights", "features", "metrics", "predictions"),
    *("map of similarities", "run.json", "train.jsonl", "job's record"),
)


@dataclass(frozen=True)
class Kind:
    """A kind of file: one of it, and how it is read. What was read is compared by `equal`."""

    name: str
    path: Path
    read: Callable[[Path], Any]


def kinds_of(folder: Path) -> list[Kind]:
    """One file of each kind, of tiny runs that are made in `folder`."""
    source = make_data(folder / "k400", "k400", {"train": 4, "val": 2})
    target = make_data(folder / "ucf101", "ucf101", {"train": 4, "test": 2})
    study = make_study(folder / "study")
    before, tuned = folder / "pretrain", folder / "finetune"
    recipe, identity = pretrain_arguments(study, "rotnet", 50)
    given = {"subset": source.subset, "heldout": source.heldout, "previous": None, "compute": CPU}
    pretrain(recipe, identity, folder=before, **given)
    recipe, identity = finetune_arguments(study)
    finetune(recipe, identity, manifest=target.manifest, weights=before / "weights.pt", folder=tuned, compute=CPU)
    spec = _features_spec(study)
    features = folder / "features/features.npz"
    extract(spec, manifest=target.manifest, weights=before / "weights.pt", output=features, compute=CPU)
    note_made(recipe, [target.manifest], [tuned / name for name in ("weights.pt", "metrics.parquet")])
    similarity = folder / "cka/cka.parquet"
    names = {"row_layer": ["a", "b"] * 2, "column_layer": ["a", "a", "b", "b"], "cka": [1.0, 0.25, 0.25, 1.0]}
    write_parquet(similarity, pa.table({"row": [0, 1, 0, 1], "column": [0, 0, 1, 1], **names}))
    return [
        Kind("shard, JPEG", source.root / "shards/0000.arrow", _frames),
        Kind("shard, raw", _shard(folder / "raw/0000.arrow", "raw"), _frames),
        Kind("shard, LZ4", _shard(folder / "lz4/0000.arrow", "lz4"), _frames),
        Kind("shard's report", source.root / "shards/0000.parquet", _report),
        Kind("listing", source.root / "listing.parquet", read_listing_file),
        Kind("manifest", source.manifest, read_manifest),
        Kind("subset", source.subset, lambda path: _subset(source)),
        Kind("subset's description", source.subset.with_suffix(".json"), lambda path: _subset(source)),
        Kind("pretrained weights", before / "weights.pt", lambda path: load_parts(path, WEIGHTS, "weights")),
        Kind("training state", before / "state.pt", lambda path: load_parts(path, STATE, "state")),
        Kind("finetuned weights", tuned / "weights.pt", lambda path: load_classifier(path)[0].state_dict()),
        Kind("features", features, lambda path: vars(read_features(path))),
        Kind("metrics", tuned / "metrics.parquet", read_metrics),
        Kind("predictions", tuned / "predictions.parquet", read_predictions),
        Kind("map of similarities", similarity, lambda path: vars(read_map(path.parent))),
        Kind("run.json", tuned / "run.json", _run),
        Kind("train.jsonl", before / "train.jsonl", _curve),
        Kind("job's record", record_of(tuned / "weights.pt"), _record),
    ]


def _features_spec(study: Any) -> FeaturesSpec:
    from videossl.stages.cells import Cell

    cell = Cell("features", "rotnet", "C3", "r2plus1d", "k400", "50k", 200, "ucf101", "", 0)
    return stage(cell.stage).spec(study, cell)


def _shard(path: Path, codec: str) -> Path:
    path.parent.mkdir()
    rng = np.random.default_rng(0)
    with ShardWriter(path, short_side=20, quality=100, codec=codec) as writer:
        for length in (3, 4):
            writer.append([writer.encode(rng.integers(0, 256, (20, 26, 3)).astype(np.uint8)) for _ in range(length)])
    return path


def _frames(path: Path) -> Any:
    """The settings and all frames, which are as many as there are in the file as it was written."""
    store = FrameStore([path])
    counts = LENGTHS.setdefault(path, [store.num_frames(0, video) for video in range(store.num_videos(0))])
    frames = [store.read(0, video, range(count)) for video, count in enumerate(counts)]
    return {"settings": store.settings(0), **{str(number): one for number, one in enumerate(frames)}}


LENGTHS: dict[Path, list[int]] = {}
"""Frames of each video, which a manifest knows."""


def _report(path: Path) -> pd.DataFrame:
    from videossl.common.intact import read_table
    from videossl.data.materialise import REPORT_SCHEMA

    return read_table(path, schema=REPORT_SCHEMA).to_pandas()


def _subset(data: Data) -> pd.DataFrame:
    return open_subset(data.subset)[0]


def _curve(path: Path) -> Any:
    entries, problem = read_epochs(path)
    if problem:
        raise UserError(problem)
    return entries


def _run(path: Path) -> Any:
    from videossl.training.record import KEYS

    return {key: value for key, value in read_run(path).items() if key in (*KEYS, "finished", "classes")}


def _record(path: Path) -> Any:
    return {key: value for key, value in require_record(path).items() if key in ("spec", "inputs", "made", "digest")}


def equal(one: Any, other: Any) -> bool:
    """Whether two values that were read are the same, to the last bit."""
    if isinstance(one, pd.DataFrame):
        return one.equals(other) and one.attrs == other.attrs and list(one.dtypes) == list(other.dtypes)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, dict) and any(isinstance(value, np.ndarray) for value in one.values()):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    return same_bits(one, other) if isinstance(one, dict) else one == other


def places_in(size: int, count: int, rng: random.Random) -> list[int]:
    """Numbers of bits of a file of `size` bytes."""
    ends = [*range(min(ENDS, size)), *range(max(0, size - ENDS), size)]
    return [
        8 * (rng.choice(ends) if number % 3 == 0 else rng.randrange(size)) + rng.randrange(8) for number in range(count)
    ]


@contextmanager
def flipped(path: Path, bit: int) -> Iterator[None]:
    """The file with one bit flipped."""
    whole = path.read_bytes()
    content = bytearray(whole)
    content[bit // 8] ^= 1 << bit % 8
    _replace(path, bytes(content))
    try:
        yield
    finally:
        _replace(path, whole)


def _replace(path: Path, content: bytes) -> None:
    """By another file, as a process may have mapped the old one."""
    other = path.with_name(f".{path.name}.other")
    other.write_bytes(content)
    other.replace(path)


def count(kind: Kind, places: int, seed: int = 0) -> tuple[Counter[str], int]:
    """What came of flipping a bit at so many places, and of how many `videossl verify` says that there is damage."""
    rng = random.Random(f"{kind.name} {seed}")
    expected, digest = kind.read(kind.path), digest_of(kind.path)
    outcomes: Counter[str] = Counter()
    verified = 0
    for bit in places_in(kind.path.stat().st_size, places, rng):
        with flipped(kind.path, bit):
            outcomes[_outcome(kind, expected)] += 1
            verified += look_at(Item(kind.path, (kind.path,), digest)).state == DAMAGED
    return outcomes, verified


def _outcome(kind: Kind, expected: Any) -> str:
    try:
        found = kind.read(kind.path)
    except UserError as error:
        assert kind.path.name in str(error) or kind.path.with_suffix(".parquet").name in str(error), error
        return NOTICED
    return SAME if equal(expected, found) else WRONG


def main(places: int) -> None:
    """Print the counts."""
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'kind of file':24}{'bytes':>9}{'places':>8}{NOTICED:>9}{SAME:>6}{WRONG:>7}{'found by verify':>17}")
        for kind in kinds_of(Path(folder)):
            outcomes, verified = count(kind, places)
            total += outcomes
            numbers = "".join(f"{outcomes[name]:>{width}}" for name, width in ((NOTICED, 9), (SAME, 6), (WRONG, 7)))
            print(f"{kind.name:24}{kind.path.stat().st_size:>9}{places:>8}{numbers}{verified:>17}")
        print(f"{'all':33}{total.total():>8}{total[NOTICED]:>9}{total[SAME]:>6}{total[WRONG]:>7}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
