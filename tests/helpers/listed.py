"""A dataset's folders of videos and of lists, written by a test, and read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from videossl.common.errors import UserError
from videossl.common.files import canonical_json
from videossl.data.file_names import video_path
from videossl.data.readers.common import LISTING_SCHEMA
from videossl.data.readers.listing import read_listing

SCRIPT = Path(__file__).parents[2] / "workflow" / "scripts" / "list_videos.py"


class Disk:
    """A dataset's two folders, written by the test."""

    def __init__(self, base: Path) -> None:
        self.root, self.annotations = base / "videos", base / "lists"
        self.root.mkdir()
        self.annotations.mkdir()

    def videos(self, *paths: str) -> None:
        for path in paths:
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).touch()

    def text(self, name: str, *lines: str, newline: str = "\n") -> None:
        (self.annotations / name).write_bytes("".join(line + newline for line in lines).encode())

    def raw(self, name: str, content: bytes) -> None:
        (self.annotations / name).write_bytes(content)

    def json(self, name: str, value: object) -> None:
        (self.annotations / name).write_text(json.dumps(value))

    def read(self, reader: str, **options: object) -> pd.DataFrame:
        listing = read_listing(reader, self.root, self.annotations, **options)
        # Whatever the reader, the listing fits the schema, and says the truth about the disk.
        table = pa.Table.from_pandas(listing, schema=LISTING_SCHEMA, preserve_index=False)
        assert table.schema.names == LISTING_SCHEMA.names
        assert list(listing.index) == list(range(len(listing)))
        on_disk = [video_path(self.root, path).is_file() for path in listing["path"]]
        assert list(listing["status"] == "found") == on_disk
        return listing

    def fails(self, reader: str, *parts: str, **options: object) -> None:
        with pytest.raises(UserError) as error:
            self.read(reader, **options)
        for part in parts:
            assert part in str(error.value)

    def job(self, reader: str, **environment: str) -> tuple[int, str, pd.DataFrame | None]:
        """Run the workflow's script: exit code, what it printed, and the listing it wrote."""
        output = self.root.parent / "listing.parquet"
        output.unlink(missing_ok=True)
        recipe = canonical_json({"data_version": 1, "reader": reader, "options": {}, "validation": 0, "seed": 0})
        command = [sys.executable, SCRIPT, "--spec", recipe, "--root", self.root, "--annotations", self.annotations]
        done = subprocess.run(
            [*map(str, command), "--output", str(output)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            check=False,
            timeout=120,
        )
        text = done.stdout.decode(errors="backslashreplace")
        return done.returncode, text, pd.read_parquet(output) if output.is_file() else None


def by_id(listing: pd.DataFrame, *columns: str) -> dict[str, tuple]:
    return {row.id: tuple(getattr(row, name) for name in columns) for row in listing.itertuples()}
