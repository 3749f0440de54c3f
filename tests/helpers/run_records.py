"""A `run.json` as a run writes it, for tests that need no run."""

from __future__ import annotations

import json
from typing import Any

RECORD: dict[str, Any] = {
    "identity": {"seed": 0},
    "recipe": {"epochs": 3},
    "recipe_hash": "abc123abc123",
    "code_version": "0123456789ab",
    "python": "3.11.7",
    "packages": {"torch": "2.13.0"},
    "device": "cpu",
    "device_name": "a processor",
    "threads": 1,
    "finished": "2026-01-01T00:00:00+00:00",
    "wall_seconds": 90.0,
    "gpu_hours": 0.0,
    "samples": {"train": 12},
}


def run_record(**changes: Any) -> str:
    """Its text, with `changes` in place of some values."""
    return json.dumps(RECORD | changes)
