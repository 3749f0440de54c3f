# Shared by all rules: the study, and functions from wildcards to inputs, parameters and messages.
# Contains no rules. Does not access the network, the clock or git: every cluster job parses this file again.

import json
import os
import re
import shlex
from pathlib import Path

from snakemake.exceptions import WorkflowError

from videossl.study.config import Config
from videossl.study.contradictions import check_contradictions
from videossl.study.config.layers import check_layers
from videossl.study.config.study import read_layers
from videossl.data.settings import NOISELESS, NOISES, SEVERITIES
from videossl.common.errors import UserError
from videossl.stages import data as data_stages
from videossl.stages.parts import files
from videossl.stages.registry import stages
from videossl.common.children import become_controller
from videossl.study.study import Study
from videossl.common.files import canonical_json
from videossl.common.identity import stated
from videossl.common.places import shown
from videossl.report.renderings import PAPER, targets_of
from videossl.report.request import CLAIMS, path_of, write_request

# The project's files are in the Snakefile's folder, whatever the working directory. If both are the same, paths are
# relative, so that moving a checkout reruns nothing.
PROJECT = Path() if os.path.samefile(workflow.basedir, os.getcwd()) else Path(workflow.basedir)
if set("{}") & set(str(workflow.basedir)):
    raise WorkflowError(
        f"The folder of the workflow has a brace in its path, which Snakemake takes for a wildcard: rename {workflow.basedir}"
    )

try:
    LAYERS = []
    OWN = list(workflow.overwrite_configfiles)  # Snakemake lists them first, but they take precedence
    FILES = [path for path in workflow.configfiles if path not in OWN] + OWN
    if workflow.is_main_process:
        LAYERS = read_layers(FILES)
        LAYERS.append(("--config", workflow.config_settings.config))
        check_layers(LAYERS)
    written = " + ".join(map(shown, FILES)) or "the configuration"
    STUDY = Study(Config.parse(config, written), LAYERS, PROJECT)
    if workflow.is_main_process:
        from videossl.report.dry import check_layouts  # imports pandas, which jobs do not need

        check_layouts(STUDY)
        check_contradictions(STUDY)
except UserError as error:
    raise WorkflowError(str(error))

CONFIG = STUDY.config
RESULTS = CONFIG.results_dir
SCRIPTS = str(PROJECT / "workflow/scripts")
LIBRARY = PROJECT / "src/videossl"
# Lets jobs import the library where it is not installed, as in Snakemake's conda environments.
SETUP = f"export PYTHONPATH={shlex.quote(f'{workflow.basedir}/src')}; "
shell.prefix(SETUP.replace("{", "{{").replace("}", "}}"))  # Snakemake formats the prefix
# The command that starts scripts: a new interpreter, or a fork of the warm one (workflow/warm/server.py).
PYTHON = "python"
if os.environ.get("VIDEOSSL_WARM"):
    PYTHON = f"python -SE {shlex.quote(str(PROJECT / 'workflow/warm/client.py'))}"
become_controller()  # jobs stop when this process ends for any reason

ENVIRONMENT = f"{workflow.basedir}/envs/environment.yaml"
COMPUTE = CONFIG.compute
COMPUTE_ARGUMENTS = (
    f"--device {COMPUTE.device} --workers {COMPUTE.workers} --checkpoint-minutes {COMPUTE.checkpoint_minutes}"
    + (" --channels-last" if COMPUTE.channels_last else "")
    + (" --compile" if COMPUTE.compile else "")
    + (" --deterministic" if COMPUTE.deterministic else "")
    + (f" --stage-in {shlex.quote(COMPUTE.stage)}" if COMPUTE.stage else "")
)
NOISY_DIR = f"{RESULTS}/data/{{dataset}}/noisy/{{noise}}"
NOISELESS_DIR = f"{RESULTS}/data/{{dataset}}/noisy/{NOISELESS}/0"


def alternatives(values):
    """A wildcard constraint that matches exactly `values`."""
    return "|".join(values) or "(?!)"


def untracked(value):
    """A parameter that does not affect results: Snakemake does not track functions of `input`, so changing its value
    reruns nothing."""
    return lambda wildcards, input: value


def start(script):
    """Parameter function: the command that starts a script of workflow/scripts."""
    return untracked(f"{PYTHON} {shlex.quote(f'{SCRIPTS}/{script}')}")


def strings(paths):
    """Paths as strings, as Snakemake expects them."""
    return [str(path) for path in paths]


def of_cell(stage, find):
    """Input or parameter function: `find(study, cell)` of a job of `stage`. Raises UserError as WorkflowError."""

    def found(wildcards):
        try:
            return find(STUDY, STUDY.find(stage.name, dict(wildcards.items())))
        except UserError as error:
            raise WorkflowError(str(error))

    return found


def inputs_of(stage):
    """Input function: the files of a stage's job by name."""

    def find(study, cell):
        outside = stage.outside_files(study, cell)
        found = {**stage.inputs(study, cell), **({"outside": outside} if outside else {})}
        return {name: strings(paths) for name, paths in found.items()}

    return of_cell(stage, find)


def outputs_of(stage):
    """Output files of a stage's job, by name."""
    return {re.sub(r"\W", "_", name): f"{RESULTS}/{stage.folder}/{name}" for name in stage.outputs}


def folder_of(stage):
    """Parameter function: the run folder of a stage's job, which its first output may be deeper in."""
    depth = stage.outputs[0].count("/")
    return lambda wildcards, output: str(Path(output[0]).parents[depth])


def spec_of(stage):
    """Parameter function: every setting that affects the result, as one canonical JSON text."""
    return of_cell(stage, lambda study, cell: stage.spec(study, cell).json_text)


def identity_of(stage):
    """Parameter function: the identity columns of the cell, as canonical JSON. Snakemake tracks it, so columns of later
    versions are left out where they are empty."""
    return of_cell(stage, lambda study, cell: canonical_json(stated(cell.identity)))


def untracked_json(stage, find):
    """Parameter function: the paths by name of `find(study, cell)`, as JSON. Untracked: moving them reruns nothing."""
    found = of_cell(stage, find)
    return lambda wildcards, input: json.dumps(found(wildcards), default=str)


def dataset_recipe(build):
    """Parameter function: the specification of a job on a dataset, as canonical JSON."""
    return lambda wildcards: build(CONFIG, wildcards.dataset).json_text


def dataset_folder(name, kind):
    """Folder of a dataset's videos (`root`) or list files (`annotations`)."""
    return str(STUDY.dataset_folder(name, kind))


def of_dataset(find):
    """Input function: the files `find(study, *wildcards)` of a job on a dataset."""
    return lambda wildcards: strings(find(STUDY, *wildcards))


def of_entry(function):
    """Input or parameter function: `function(study, name)` for the name of the table, figure or claims."""
    return lambda wildcards: function(STUDY, next(iter(wildcards), CLAIMS))


def write_requests():
    """Write the requests of planned tables, figures and claims, which are too long for a command line."""
    for job in workflow.dag.needrun_jobs():
        if job.rule.name in ("table", "figure", "claims"):
            write_request(STUDY, next(iter(job.wildcards), CLAIMS))


def request_file(wildcards, input):
    """Parameter function: the request file of a table, figure or the claims."""
    return str(path_of(STUDY, next(iter(wildcards), CLAIMS)))


def in_message(text):
    """Text with escaped braces, for messages that Snakemake formats."""
    return text.replace("{", "{{").replace("}", "}}")


wildcard_constraints:
    dataset=alternatives(CONFIG.datasets),
    source=alternatives(STUDY.axis_values("source")),
    subset=alternatives(sorted({*CONFIG.subsets, *STUDY.axis_values("subset")})),
    variant=alternatives(STUDY.axis_values("variant")),
    backbone=alternatives(STUDY.axis_values("backbone")),
    target=alternatives(STUDY.axis_values("target")),
    seed=r"\d+",
    epochs=r"\d+",
    shard=r"\d{4}",
    noise=alternatives(NOISES),
    sample=alternatives(data_stages.SAMPLES),
    complexity=alternatives(STUDY.axis_values("complexity")),
    teachers=alternatives(map(re.escape, STUDY.axis_values("teachers"))),
    against=alternatives(map(re.escape, STUDY.axis_values("against"))),
    labels=r"\d+|all",
