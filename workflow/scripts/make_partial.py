"""After a failure: render tables, figures and the report with what is there, under `partial/` in the results."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors
from videossl.monitor.partial import render


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for path in render(given, lambda text: print(text, file=sys.stderr)):
        print(path)


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
