"""All runs of the study, found through the records, each described once; shared values are stored separately."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from videossl.common.files import canonical_json
from videossl.report.collect import FAILED, OK, PENDING
from videossl.report.record import Made, dependencies_of
from videossl.report.site.run_description import Places, Run


def find_runs(records: Iterable[Made]) -> dict[str, Run]:
    """Runs shown in tables and figures, and their dependencies, by folder in a fixed order."""
    given: dict[str, Mapping[str, Any]] = {}
    before: dict[str, Sequence[str]] = {}
    failures: dict[str, str] = {}
    for made in records:
        failures |= made.arguments.get("failures", {})
        for cell in made.cells:
            given[cell["run_dir"]] = cell
            before[cell["run_dir"]] = dependencies_of(cell)
    found = {name: Run(name, given[name], before[name], failures.get(name, "")) for name in given}
    for runs in before.values():
        for name in runs:
            found.setdefault(name, Run(name, {}, (), failures.get(name, "")))
    for runs in before.values():  # dependencies of runs that no table shows, from the chains that contain them
        for place, name in enumerate(runs):
            if name not in given and not found[name].before:
                chain = [other for other in runs[:place] if found[name].continues(found[other])]
                found[name] = Run(name, {}, chain, failures.get(name, ""))
    return dict(sorted(found.items()))


def describe(runs: Mapping[str, Run], places: Places, shown: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """All runs as one JSON value. Runs refer to shared recipes by hash, and to shared environments by number.

    Args:
        shown: the entries that show each run.
    """
    recipes, environments = {}, {}
    described = {}
    for name, run in runs.items():
        found = run.describe(places, runs)
        if run.record:
            recipes[run.record["recipe_hash"]] = run.record["recipe"]
            environment = canonical_json({"python": run.record["python"], **run.record["packages"]})
            found["environment"] = environments.setdefault(environment, len(environments))
        if name in shown:
            found["shown"] = list(shown[name])
        described[name] = found
    return {"recipes": recipes, "environments": [json.loads(text) for text in environments], "runs": described}


def shown_in(records: Iterable[Made]) -> dict[str, list[str]]:
    """Names of the entries that show each run."""
    found: dict[str, list[str]] = {}
    for made in records:
        for cell in made.cells:
            names = found.setdefault(cell["run_dir"], [])
            if made.name not in names:
                names.append(made.name)
    return found


def counts(runs: Iterable[Run]) -> dict[str, int]:
    """Number of finished, failed and pending runs."""
    states = [run.status for run in runs]
    return {state: states.count(state) for state in (OK, FAILED, PENDING)}


def compute(runs: Iterable[Run]) -> tuple[float, float]:
    """Seconds and GPU-hours of all runs. Of a pretraining's milestones only the last counts: it includes the others."""
    spent: dict[Any, tuple[float, float]] = {}
    for run in runs:
        if run.record:
            identity = dict(run.identity)
            if identity["stage"] == "pretrain":
                identity.pop("epochs")
            key = tuple(identity.items())
            own = (run.record["wall_seconds"], run.record["gpu_hours"])
            spent[key] = max(spent.get(key, (0.0, 0.0)), own)
    return sum(wall for wall, _ in spent.values()), sum(hours for _, hours in spent.values())
