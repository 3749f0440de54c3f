"""What every benchmark is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videossl.study.config.reading import read_yaml

REPOSITORY = Path(__file__).resolve().parents[1]
PAPER = REPOSITORY / "config/paper.yaml"


def link_workflow(folder: Path) -> None:
    """Make a working folder with the repository's workflow and its own results."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Snakefile", "rules", "config", "workflow", "profiles", "src", "envs"):
        if not (folder / name).exists():
            (folder / name).symlink_to(REPOSITORY / name)


@dataclass(frozen=True)
class Settings:
    """Where things are kept, and how long to measure."""

    folder: Path
    """For videos and stores, kept between runs."""
    effort: float = 1.0
    """Multiplies the number of rounds."""

    def rounds(self, usual: int) -> int:
        """Rounds to measure, where `usual` is what the published figures use; never fewer than three."""
        return max(3, round(usual * self.effort))

    @property
    def store(self) -> dict[str, Any]:
        """`short_side`, `codec` and `quality` of the frame store at the paper's scale."""
        store = read_yaml(PAPER)["store"]
        return {name: store[name] for name in ("short_side", "codec", "quality")}
