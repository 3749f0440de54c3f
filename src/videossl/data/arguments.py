"""Arguments of the scripts that store videos. Imports nothing that is slow to load."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def data_arguments(description: str | None, keys: str, inputs: str) -> argparse.Namespace:
    """Parse the command line. `keys`: of the specification, besides those of `store`; `inputs`: the input files."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--spec", type=json.loads, required=True, help=f"JSON: {keys}, and the keys of `store`")
    parser.add_argument("--made-from", type=Path, nargs="+", required=True, help=inputs)
    parser.add_argument("--root", type=Path, required=True, help="folder of the videos")
    parser.add_argument("--name", required=True, help="dataset/part: number of a shard, name of a subset or sample")
    parser.add_argument("--processes", type=int, default=1, help="processes that decode")
    files = "frames (.arrow), lists of the videos (.parquet), and the description of a subset or sample (.json)"
    parser.add_argument("--made", type=Path, nargs="+", required=True, help=f"files to write: {files}")
    return parser.parse_args()
