"""`videossl doctor`: whether this machine is ready: environment, packages, GPU, codecs, datasets, disk, networks.

Every problem is printed with its remedy. The exit code is 1 only if something that the study needs is missing.
"""

from __future__ import annotations

import argparse

from videossl.cli.common import say, study_of
from videossl.common.errors import UserError
from videossl.monitor.buildable import builds_of, problems_of
from videossl.monitor.doctor_data import datasets, disk, model_weights, results_folder, staging, working_folder
from videossl.monitor.doctor_machine import codecs, gpu, packages, python, slurm
from videossl.monitor.doctor_published import published_networks
from videossl.monitor.doctor_site import site
from videossl.monitor.finding import MISSING, OK, WARNING, Finding
from videossl.report.dry import check_layouts
from videossl.study.study import Study

EXAMPLES = (
    ("videossl doctor", "this machine, for config/config.yaml"),
    ("videossl doctor --profile slurm", "a cluster, for the paper's scale"),
)
SIGNS = {OK: "ok", WARNING: "note", MISSING: "MISSING"}


def networks(study: Study) -> list[Finding]:
    """Whether every task and network of the study can be built with its options for its clips."""
    builds = builds_of(study, study.all_cells)
    problems = problems_of(builds)
    found = [Finding(MISSING, "networks", problem, "correct the value named in the message") for problem in problems]
    return found or [Finding(OK, "networks", f"all {len(builds)} pairs of task and network can be built")]


CHECKS = (
    *(python, packages, gpu, slurm, site, codecs, datasets),
    *(model_weights, published_networks, working_folder, results_folder, disk, staging, networks),
)
"""One function per subject, in the order of printing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def run(arguments: argparse.Namespace) -> int:
    """Print the findings, subject by subject. Returns 1 if something required is missing."""
    try:
        study = study_of(arguments)
        check_layouts(study)
    except UserError as error:
        print(f"{SIGNS[MISSING]:<8} configuration: {error}")
        return 1
    scale = study.config.scale
    print(f"{SIGNS[OK]:<8} configuration: scale '{scale.name}', tables and figures: {len(study.entries)}")
    missing = 0
    for check in CHECKS:
        for finding in check(study):
            missing += finding.state == MISSING
            say(f"{SIGNS[finding.state]:<8} {finding.subject}: {finding.text}", below=f"{'':<8} ")
            if finding.remedy:
                say(f"-> {finding.remedy}", f"{'':<8}   ", f"{'':<8}      ")
    print(f"\n{missing} required things are missing." if missing else "\nNothing required is missing.")
    return 1 if missing else 0
