"""Features of video files: decoded, verified and cut into clips as the study does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from videossl.common.errors import UserError
from videossl.common.progress import track
from videossl.data.codecs import CODECS
from videossl.data.encode import Encode, Wanted, encode_videos
from videossl.data.file_names import video_path
from videossl.data.loader import ClipDataset, prepare
from videossl.data.notes import Notes
from videossl.data.readers.video_files import VIDEO_SUFFIXES, VideoFiles, split_suffix
from videossl.data.sampling import UniformClips
from videossl.data.video import BrokenVideo
from videossl.library.network import Network
from videossl.library.preprocessing import Preprocessing

CLIPS_AT_ONCE = 32
"""Clips that pass through the network together, at least those of one video."""


class Features(NamedTuple):
    """Features of videos."""

    array: np.ndarray
    """float32 (N, D): a row for each video that could be read."""
    names: list[str]
    """The videos of the rows: as given, or relative to the given folder."""
    unreadable: dict[str, str]
    """The other videos, with the reason of each."""


def features(
    videos: str | Path | Sequence[str | Path], network: Network, *, processes: int = 1, progress: bool = True
) -> Features:
    """Features of videos, the mean over evenly spaced clips, by a network in evaluation mode on its device.

    Every video is decoded once and completely; a damaged one is left out, and named in a note on standard error.

    Args:
        videos: a file, a folder (all videos below it, sorted), or a list of files.
        network: from :func:`videossl.load`. `network.preprocessing` says how clips are cut.
        processes: processes that decode.
        progress: report progress on standard error.

    Raises:
        UserError: there is no video, or none of them can be read.
    """
    files = _files(videos)
    rows: list[np.ndarray] = []
    names: list[str] = []
    unreadable: dict[str, str] = {}
    notes = Notes()
    groups = _groups(files, network.preprocessing, processes, unreadable, progress)
    with _evaluating(network):
        for decoded in groups:
            rows.append(_means(decoded, network))
            names += decoded.names
    for name, reason in unreadable.items():
        notes.add("videos that cannot be read, left out", f"{name} ({reason})")
    notes.tell()
    if not rows:
        name, reason = next(iter(unreadable.items()))
        raise UserError(f"none of the {len(files)} videos can be read; {name}: {reason}.")
    return Features(np.concatenate(rows), names, unreadable)


def _files(videos: str | Path | Sequence[str | Path]) -> dict[str, Path]:
    """The file of each name. Raises UserError if there is none."""
    if not isinstance(videos, str | Path):
        found = {str(path): Path(path).expanduser() for path in videos}
        if not found:
            raise UserError("the list of videos is empty.")
        return found
    path = Path(videos).expanduser()
    if path.is_dir():
        below = sorted(name for name in VideoFiles(path).paths if split_suffix(name)[1] in VIDEO_SUFFIXES)
        if not below:
            raise UserError(f"there is no video below {path} (files that end in {', '.join(sorted(VIDEO_SUFFIXES))}).")
        return {name: video_path(path, name) for name in below}
    if not path.exists():
        raise UserError(f"there is no video or folder {path}.")
    return {str(videos): path}


@dataclass
class _Decoded:
    """A few decoded videos; a source of frames for the loader (:class:`videossl.data.frames.Frames`)."""

    encoding: str
    names: list[str] = field(default_factory=list)
    videos: list[list[bytes]] = field(default_factory=list)

    def read(
        self, shard: int, batch: int, indices: Sequence[int] | np.ndarray, *, borrowed: bool = False
    ) -> np.ndarray:
        codec, encoded = CODECS[self.encoding], self.videos[batch]
        frames = np.empty((len(indices), *codec.shape(memoryview(encoded[0]))), dtype=np.uint8)
        for frame, index in zip(frames, indices, strict=True):
            codec.decode(memoryview(encoded[int(index)]), frame)
        return frames

    def table(self) -> pd.DataFrame:
        """The videos as the loader wants them."""
        counts = [len(frames) for frames in self.videos]
        return pd.DataFrame({"shard": 0, "batch": range(len(counts)), "frames": counts, "label": -1})


def _groups(
    files: dict[str, Path], preprocessing: Preprocessing, processes: int, unreadable: dict[str, str], progress: bool
) -> Iterator[_Decoded]:
    """The usable videos, a few at a time. Adds the others to `unreadable`."""
    there = {}
    for name, path in files.items():
        if path.is_file():
            there[name] = path
        else:
            unreadable[name] = "it is a folder" if path.is_dir() else "there is no such file"
    encoding = "raw" if preprocessing.quality is None else "jpeg"
    encode = _encoder(encoding, preprocessing.quality or 0)
    wanted = [Wanted(path, preprocessing.short_side, encode) for path in there.values()]
    found = encode_videos(wanted, processes=max(1, processes))
    named = zip(there, track(found, "videos", len(there)) if progress else found, strict=True)
    while group := list(islice(named, max(1, CLIPS_AT_ONCE // preprocessing.clips))):
        decoded = _Decoded(encoding)
        for name, video in group:
            if isinstance(video, BrokenVideo):
                unreadable[name] = str(video)
            else:
                decoded.names.append(name)
                decoded.videos.append(video.frames)
        if decoded.names:
            yield decoded


def _encoder(encoding: str, quality: int) -> Encode[bytes]:
    """Encodes frames as the frame store does."""
    encode = CODECS[encoding].encode
    return lambda frame, size, number: encode(np.ascontiguousarray(frame), quality)


def _means(decoded: _Decoded, network: Network) -> np.ndarray:
    """Features (videos, D) float32."""
    wanted = network.preprocessing
    sampler = UniformClips(wanted.frames, wanted.stride, wanted.clips)
    dataset = ClipDataset(decoded, decoded.table(), sampler, wanted.augmentation, seed=0)
    batch = dataset.__getitems__([(0, index) for index in range(len(dataset))])
    clips = prepare(batch, next(network.parameters()).device)
    outputs = torch.cat([network(part) for part in clips.flatten(0, 1).split(CLIPS_AT_ONCE)])
    return outputs.unflatten(0, clips.shape[:2]).mean(dim=1).float().cpu().numpy()


@contextmanager
def _evaluating(network: Network) -> Iterator[None]:
    """Without gradients, and with the network in evaluation mode; its mode is restored at the end."""
    modes = {part: part.training for part in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes.items():
            part.training = training
