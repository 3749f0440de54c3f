"""Count the parameters and the GFLOPs of a backbone as the paper's table of networks does."""

import argparse
import json
import sys
from pathlib import Path

from videossl.common.errors import report_user_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", required=True, help="registered name; counted at full width, on 16x112x112")
    parser.add_argument("--identity", type=json.loads, required=True, help="JSON of the cell's identity columns")
    parser.add_argument("--output", type=Path, required=True, help="metrics.parquet")
    arguments = parser.parse_args()
    from videossl.analysis.complexity import network_metrics
    from videossl.common.results import write_metrics
    from videossl.data.provenance import network_spec, note_run

    rows = network_metrics(arguments.backbone)
    write_metrics(arguments.output, arguments.identity, rows)
    note_run("network", network_spec(arguments.backbone), [], arguments.output.parent)
    print("\n".join(f"{arguments.backbone}: {row['metric']} {row['value']:.2f}" for row in rows))


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
