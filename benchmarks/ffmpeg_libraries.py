"""Give torchcodec the FFmpeg libraries that PyAV's wheel brings: links with the names that it looks for.

    python -m benchmarks.ffmpeg_libraries FOLDER

Then run with LD_LIBRARY_PATH=FOLDER, and import av before torchcodec. So both readers decode with the same library, and
none need be installed on the system.
"""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path


def link(folder: Path) -> list[str]:
    """Make the links; returns their names (none where PyAV was built against the system's FFmpeg)."""
    folder.mkdir(parents=True, exist_ok=True)
    package = Path(find_spec("av").origin).parent
    made = []
    for path in sorted((package.parent / "av.libs").glob("lib*")):
        if found := re.fullmatch(r"(lib(?:av\w+|sw\w+))-\w+\.so\.(\d+)[\d.]*", path.name):
            name = folder / f"{found[1]}.so.{found[2]}"
            name.unlink(missing_ok=True)
            name.symlink_to(path)
            made.append(name.name)
    return made


if __name__ == "__main__":
    print(", ".join(link(Path(sys.argv[1]))) or "PyAV has no libraries of its own")
