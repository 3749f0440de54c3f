"""Kill a small study at every place where it writes, renames, removes or forks, one place a run, and start it again.

`make faults` runs it over all places, and goes on where it was stopped. A place is passed if the same command then ends
with exit code 0 and the results of an undisturbed run, and leaves nothing half made.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.extend([str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "helpers")])  # as pytest does
from warm import warm_interpreter

from faults.injector import FULL, ITSELF, Place, compile_injector, jobs_of, places_of, run
from faults.study import Copies, command, contents, left_behind

REPOSITORY = Path(__file__).parents[2]
STEP = 2
"""Jobs from one state of the undisturbed run to the next."""
PASSED, NOT_REACHED, FAILED = "passed", "not reached", "failed"
FAULTS = {"rename": "rename", "write": "write", "remove": "removal", "fork": "fork"}


@dataclass
class Scenario:
    """A command from a state, the places where it may be killed, and what it ends with undisturbed."""

    name: str
    start: Path
    changed: bool
    library: Path
    copies: Copies
    places: list[Place] = field(default_factory=list)
    expected: dict[str, str] = field(default_factory=dict)
    warm: dict[str, str] = field(default_factory=dict)
    """Environment of runs that share a warm interpreter; without it each starts its own."""
    states: dict[int, Path] = field(default_factory=dict)
    """Folders as the undisturbed run had them, by the number of jobs that had ended."""
    jobs_before: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many jobs had ended before an event, by its kind and path."""

    def __post_init__(self) -> None:
        self.states = {0: self.start}

    def record(self, *, twice: bool = True, alone: bool = True) -> Scenario:
        """Run it undisturbed: for the places, and, if `twice`, for what comes out when they are not looked for.

        `alone`: the first time with a warm interpreter of its own, whose forks are places, too.
        """
        for number, log in enumerate((self.log, None)[: 1 + twice]):
            root = self.copies.new(f"{self.name}{number}", like=self.start)
            if log is not None:
                log.unlink(missing_ok=True)
            output = self.copies.home / f"{self.name}{number}.log"
            code, _ = self._run(root, output, own=alone and log is not None, log=log, injected=log is not None)
            if code or left_behind(root):
                raise SystemExit(f"the undisturbed run ended with {code}, {left_behind(root)}: see {output}")
            if log is not None:
                self.places, self.expected = places_of(log), contents(root)
            elif differing := _differing(contents(root), self.expected):
                raise SystemExit(f"two undisturbed runs differ: {differing}")
        return self

    @property
    def log(self) -> Path:
        """The events of the undisturbed run."""
        return self.copies.home / f"{self.name}.events"

    def make_states(self) -> None:
        """Folders as the undisturbed run had them after every few of its jobs."""
        jobs, self.jobs_before = jobs_of(self.log)
        self.states = {0: self.start}
        for number in range(STEP, len(jobs), STEP):
            root = self.copies.new(f"{self.name}-after{number}", like=self.states[number - STEP])
            output = self.copies.home / f"{root.name}.log"
            code, _ = self._run(root, output, *(path for job in jobs[:number] for path in job))
            if code:  # stale results that these jobs do not make rightly stay marked as incomplete
                raise SystemExit(f"the first {number} jobs ended with {code}: see {output}")
            self.states[number] = root

    def _run(
        self,
        root: Path,
        output: Path,
        *targets: str,
        own: bool = False,
        injected: bool = False,
        slot: int = 0,
        **options: Any,
    ) -> tuple[int, bool]:
        """Run the study; with a warm interpreter of its `own` if there is none to share."""
        own = own or not self.warm
        return run(
            command(*targets, changed=self.changed, warm=own),
            root,
            self.copies.environment() | ({} if own else self.warm),
            output,
            library=self.library if injected else None,
            server=None if own else self.copies.server(self.library, slot),
            **options,
        )

    def warm_interpreter(self) -> AbstractContextManager[dict[str, str]]:
        """One for many runs, whose forks are injected with faults; gives the environment of a run that uses it."""
        return warm_interpreter(self.copies.source, self.copies.environment() | {"LD_PRELOAD": str(self.library)})

    def try_place(self, place: Place, slot: int) -> tuple[str, str]:
        """Kill a run there and start it again; the outcome, and what was wrong.

        The run goes on from a state shortly before the place, if there is one; from the start if that misses it.
        """
        before = self.jobs_before[place.kind, place.path]
        nearest = self.states[max((number for number in self.states if number <= before), default=0)]
        outcome = NOT_REACHED, ""
        for start in dict.fromkeys((nearest, self.start)):
            if outcome[0] == NOT_REACHED:
                outcome = self._try_from(start, place, slot)
        return outcome

    def _try_from(self, start: Path, place: Place, slot: int) -> tuple[str, str]:
        root = self.copies.new(f"{self.name}-slot{slot}", like=start)
        output = self.copies.home / f"{self.name}-slot{slot}.log"
        again = output.with_suffix(".again.log")
        own = place.path == ITSELF
        _, reached = self._run(root, output, own=own, injected=True, slot=slot, place=place)
        if not reached:
            return NOT_REACHED, ""
        code, _ = self._run(root, again, slot=slot)
        if code:
            return FAILED, f"exit code {code}: {again.read_text()[-1500:]}"
        if left := left_behind(root):
            return FAILED, f"left behind: {', '.join(left)}"
        differing = _differing(contents(root), self.expected)
        return (FAILED, f"differs: {differing}") if differing else (PASSED, "")


def _differing(found: dict[str, str], expected: dict[str, str]) -> str:
    return ", ".join(sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name)))


def scenarios(home: Path) -> list[Scenario]:
    """A study from nothing, and one where results of another configuration are there."""
    home.mkdir(parents=True, exist_ok=True)
    copies, library = Copies(REPOSITORY, home), compile_injector(home)
    nothing = copies.new("nothing")
    for part in ("results", ".snakemake"):
        (nothing / part).mkdir()
    fresh = Scenario("fresh", nothing, False, library, copies).record()
    changed = Scenario("changed", home / "fresh1", True, library, copies).record(twice=False)
    return [fresh, changed]


def sample(places: Sequence[Place], count: int, seed: int) -> list[Place]:
    """Some of the places, of each kind about as many."""
    kinds: dict[tuple[str, str], list[Place]] = {}
    for place in random.Random(seed).sample(list(places), len(places)):
        kinds.setdefault((place.kind, place.scope), []).append(place)
    turns: list[Place] = []
    while len(turns) < min(count, len(places)):
        turns += [waiting.pop() for waiting in kinds.values() if waiting]
    return turns[:count]


def tried(todo: Sequence[tuple[Scenario, Place]], jobs: int) -> Iterator[tuple[Scenario, Place, str, str]]:
    """Try places, `jobs` at a time."""
    slots = list(range(jobs))

    def one(given: tuple[Scenario, Place]) -> tuple[Scenario, Place, str, str]:
        slot = slots.pop()
        try:
            outcome, why = given[0].try_place(given[1], slot)
            if outcome == NOT_REACHED:  # the order of some forks differs from run to run
                outcome, why = given[0].try_place(given[1], slot)
        except TimeoutError as error:  # a run that hangs, or a machine that is too busy: the other places are tried
            outcome, why = FAILED, str(error)
        finally:
            slots.append(slot)
        return *given, outcome, why

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, todo)


def sources() -> str:
    """The commit of the sources, with a mark if they were changed since."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True).stdout.strip() or "unknown"


def summary(places: Mapping[str, Sequence[Place]], outcomes: Mapping[tuple[str, Place], str], version: str) -> str:
    """A table of what was tried and what came out, in Markdown."""
    lines = ["| scenario | fault | places | tried | passed |", "| :-- | :-- | --: | --: | --: |"]
    for name, found in places.items():
        faults: dict[str, list[Place]] = {}
        for place in found:
            fault = "disk full at a write" if place.scope == FULL else f"kill at a {FAULTS[place.kind]}"
            faults.setdefault(fault, []).append(place)
        for fault, some in sorted(faults.items()):
            known = [outcomes[name, place] for place in some if (name, place) in outcomes]
            lines.append(f"| {name} | {fault} | {len(some)} | {len(known)} | {known.count(PASSED)} |")
    total = list(outcomes.values())
    count = sum(map(len, places.values()))
    lines.append(f"| both | all | {count} | {len(total)} | {total.count(PASSED)} |")
    return "\n".join([*lines, "", f"At commit {version}."])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("results/faults"), help="folder for all that is made")
    parser.add_argument("--sample", type=int, help="so many places a scenario; without it: all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample, and of the order")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--list", action="store_true", help="list the places and end")
    arguments = parser.parse_args()
    home, version = arguments.home.absolute(), sources()
    found = scenarios(home)
    journal = home / f"outcomes-{version}.jsonl"
    before = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
    outcomes = {(one["scenario"], Place(**one["place"])): one["outcome"] for one in before}
    todo = []
    for scenario in found:
        chosen = sample(scenario.places, arguments.sample or len(scenario.places), arguments.seed)
        print(f"{scenario.name}: {len(scenario.places)} places, {len(chosen)} to try", flush=True)
        todo += [(scenario, place) for place in chosen if outcomes.get((scenario.name, place)) != PASSED]
        if arguments.list:
            print(*scenario.places, sep="\n")
    if arguments.list:
        return 0
    random.Random(arguments.seed).shuffle(todo)
    with journal.open("a") as log, found[0].warm_interpreter() as warm:
        for scenario in found:
            scenario.warm = warm
            if todo:
                scenario.make_states()
        for number, (scenario, place, outcome, why) in enumerate(tried(todo, arguments.jobs), start=1):
            outcomes[scenario.name, place] = outcome
            entry = {"scenario": scenario.name, "place": asdict(place), "outcome": outcome, "why": why}
            print(json.dumps(entry, sort_keys=True), file=log, flush=True)
            print(
                f"[{number}/{len(todo)}] {outcome}: {scenario.name}, {place}" + f"\n    {why}" * bool(why), flush=True
            )
    print(summary({scenario.name: scenario.places for scenario in found}, outcomes, version))
    return int(any(outcome != PASSED for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
