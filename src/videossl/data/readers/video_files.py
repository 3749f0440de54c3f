"""Finds the files below a dataset's root, whatever links and unreadable entries are among them, and looks them up by
name."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from videossl.common.errors import UserError
from videossl.data.file_names import bytes_of, escaped, text_of
from videossl.data.notes import Notes

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".3gp", ".wmv", ".ogv"}
    | {".ts", ".mts", ".m2ts"}
)
MAX_PATHS = 64
"""Number of paths to one folder that are followed. Folders that link to each other have more paths than can be
walked."""
RESPELLED = "videos found under another spelling of their names"
SEVERAL_FIT = "videos not found: several files differ from their names in spelling only"
TAKEN = "videos not found: the only file that fits in another spelling belongs to another video"
HIDDEN = "listed videos are hidden files, which are left out"
_KINDS = {stat.S_IFIFO: "named pipes", stat.S_IFSOCK: "sockets", stat.S_IFCHR: "devices", stat.S_IFBLK: "devices"}


class VideoFiles:
    """Every file below `root`, walked once, without hidden files and folders and `__MACOSX`.

    Links are followed, also several to one folder, but not links back to a folder above them. Unreadable entries, and
    entries that are not files, are left out and noted. Paths are relative to `root`, with forward slashes, as in
    :mod:`videossl.data.file_names`. 300,000 files take about a second on a local disk.
    """

    def __init__(self, root: Path) -> None:
        self.notes = Notes()
        self.respelled: dict[str, str] = {}
        """From a requested path to the file found under another spelling."""
        self._walked = _Walk(root, self.notes)
        self.paths = frozenset(self._walked.paths)
        self.notes.tell()

    def at(self, path: str, *, any_suffix: bool = True) -> str | None:
        """The file at `path`; else the file whose path differs only in Unicode normalisation, case, or spaces for
        underscores.

        With `any_suffix`, the same name with another video suffix is accepted too (a converted copy). If several files
        match equally well, none is used, and this is noted.
        """
        path = escaped(path)
        if path in self.paths:
            return path
        for key in (_same, _composed, _folded):
            fitting = self._fitting(path, key, any_suffix)
            if not fitting:
                continue
            stems, suffixes = (set(parts) for parts in zip(*map(split_suffix, fitting), strict=True))
            if len(stems) > 1 or len(suffixes) < len(fitting):  # they differ in more than the suffix
                self.notes.add(SEVERAL_FIT, f"{path} ({' or '.join(fitting[:3])})")
                return None
            if key is not _same or suffixes == {split_suffix(path)[1]}:
                self.respelled[path] = fitting[0]
            return fitting[0]
        if any(part.startswith(".") for part in path.split("/")):
            self.notes.add(HIDDEN, path)
        return None

    def _fitting(self, path: str, key: Callable[[str], str], any_suffix: bool) -> list[str]:
        """Files with the same key as `path`, sorted: those with its suffix, else those with another video suffix. Of
        one file with several names through links, only the first."""
        stem, suffix = split_suffix(path)
        found = [(split_suffix(file)[1], file) for file in self._by_stem(key).get(key(stem), ())]
        fitting = [file for own, file in found if own == suffix]
        if not fitting and any_suffix:
            fitting = [file for own, file in found if own in VIDEO_SUFFIXES]
        first: dict[bytes, str] = {}
        for file in fitting:
            first.setdefault(self.real(file), file)
        return list(first.values())

    def named(self, stem: str) -> list[str]:
        """All video files with this stem, in any folder and with any suffix, sorted."""
        return self._by_name.get(_composed(escaped(stem)), [])

    def stems(self) -> Iterator[str]:
        """Stems (names without suffix) of all video files."""
        return iter(self._by_name)

    def real(self, path: str) -> bytes:
        """The real location of a file: equal for two paths that lead to one file through links."""
        return self._walked.real(path)

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        stems: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.paths):  # sorted: the choice among copies must not depend on the disk
            stem, suffix = split_suffix(path.rpartition("/")[2])
            if suffix in VIDEO_SUFFIXES:
                stems[_composed(stem)].append(path)
        return dict(stems)

    def _by_stem(self, key: Callable[[str], str]) -> dict[str, list[str]]:
        """Paths by the key of their stems. Computed at first use: often all listed files are where they belong."""
        if key not in self._indices:
            index: dict[str, list[str]] = defaultdict(list)
            for path in sorted(self.paths):
                index[key(split_suffix(path)[0])].append(path)
            self._indices[key] = dict(index)
        return self._indices[key]

    @cached_property
    def _indices(self) -> dict[Callable[[str], str], dict[str, list[str]]]:
        return {}


def split_suffix(path: str) -> tuple[str, str]:
    """A path without its suffix, and the suffix in lower case: A/b.AVI -> A/b, .avi."""
    stem, dot, suffix = path.rpartition(".")
    return (stem, f".{suffix.lower()}") if dot and "/" not in suffix else (path, "")


def _same(text: str) -> str:
    return text


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _folded(text: str) -> str:
    return _composed(_composed(text).casefold()).replace(" ", "_")


class _Folder(NamedTuple):
    path: bytes
    prefix: str  # relative to the root, with a trailing slash
    real: bytes
    above: tuple[bytes, ...]  # real folders that contain the links on the way


class _Walk:
    """Walks a tree breadth first, sorted by name, so that short paths to a folder come first on every disk."""

    def __init__(self, root: Path, notes: Notes) -> None:
        self.notes = notes
        self.paths: list[str] = []
        self._real: dict[str, bytes] = {}  # by prefix
        self._links: set[str] = set()
        self._ways: Counter[bytes] = Counter()
        start = os.fsencode(root)
        self._root = start
        pending = deque([_Folder(start, "", os.path.realpath(start), ())])
        while pending:
            folder = pending.popleft()
            self._real[folder.prefix] = folder.real
            for entry in self._entries(folder):
                if entry.name.startswith(b".") or entry.name == b"__MACOSX":
                    continue
                try:
                    inner = self._visit(folder, entry)
                except OSError as error:
                    self._left_out(folder, entry.name, error)
                else:
                    pending.extend(inner)

    def real(self, path: str) -> bytes:
        prefix, slash, name = path.rpartition("/")
        if path in self._links:
            return os.path.realpath(self._root + b"/" + bytes_of(path))
        return self._real[prefix + slash] + b"/" + bytes_of(name)

    def _entries(self, folder: _Folder) -> list[os.DirEntry[bytes]]:
        found: list[os.DirEntry[bytes]] = []
        try:
            with os.scandir(folder.path) as entries:
                for entry in entries:
                    found.append(entry)  # one by one, to keep what came before an error
            if not os.access(folder.path, os.X_OK):  # its names can be read, its files cannot
                found = []
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            if not folder.prefix:
                raise UserError(
                    f"the folder of the videos (root) cannot be read: {text_of(folder.path)} ({error.strerror})."
                ) from error
            self._left_out(folder, b"", error)
        return sorted(found, key=lambda entry: entry.name)

    def _visit(self, folder: _Folder, entry: os.DirEntry[bytes]) -> list[_Folder]:
        """Note a file; return the folder to walk if the entry is one. Opens nothing."""
        path = folder.prefix + text_of(entry.name)
        if entry.is_dir():
            return self._inner(folder, entry, path)
        if entry.is_file():
            self.paths.append(path)
            if entry.is_symlink():
                self._links.add(path)
            return []
        try:
            kind = _KINDS.get(stat.S_IFMT(entry.stat().st_mode), "entries that are not files")
        except FileNotFoundError:
            kind = "links that lead nowhere" if entry.is_symlink() else "files that disappeared during the walk"
        self.notes.add(f"{kind} below the root, left out", path)
        return []

    def _inner(self, folder: _Folder, entry: os.DirEntry[bytes], path: str) -> list[_Folder]:
        real, above = folder.real + b"/" + entry.name, folder.above
        if entry.is_symlink():
            real = os.path.realpath(entry.path)
            if any(_holds(real, place) for place in (folder.real, *above)):
                self.notes.add("links back to a folder above them, not followed", path)
                return []
            above = (*above, folder.real)
        self._ways[real] += 1
        if self._ways[real] > MAX_PATHS:
            self.notes.add(f"paths to a folder that was reached on {MAX_PATHS} others, not followed", path)
            return []
        return [_Folder(entry.path, path + "/", real, above)]

    def _left_out(self, folder: _Folder, name: bytes, error: OSError) -> None:
        path = folder.prefix + text_of(name)
        self.notes.add(f"folders or files below the root cannot be read ({error.strerror}), left out", path)


def _holds(folder: bytes, place: bytes) -> bool:
    """Whether `place` is `folder` or lies below it."""
    return place == folder or place.startswith(folder.rstrip(b"/") + b"/")
