# What the rules share: the study, and functions from wildcards to inputs, parameters and messages.
# No rules here. Nothing below touches the network, the clock or git: every cluster job parses this file again.

import os
import re
import shlex
from pathlib import Path

from snakemake.exceptions import WorkflowError

from videossl.study.config import Config
from videossl.study.contradictions import check_contradictions
from videossl.study.config.layers import check_layers
from videossl.study.config.study import read_layers
from videossl.study.config.experiments import NOISELESS, NOISES, SEVERITIES
from videossl.common.errors import UserError
from videossl.study.cells import PATHS
from videossl.common.children import become_controller
from videossl.study.study import Study
from videossl.common.files import canonical_json
from videossl.common.places import shown
from videossl.report.renderings import targets_of
from videossl.stages import specs
from videossl.study import availability as model_files

# The project's own files are beside the Snakefile, wherever it is run from. In its own folder their paths are relative,
# so that a checkout that was moved makes nothing anew.
PROJECT = Path() if os.path.samefile(workflow.basedir, os.getcwd()) else Path(workflow.basedir)
if set("{}") & set(str(workflow.basedir)):
    raise WorkflowError(
        f"The folder of the workflow has a brace in its path, which Snakemake takes for a wildcard: rename {workflow.basedir}"
    )

try:
    LAYERS = []
    OWN = list(workflow.overwrite_configfiles)  # Snakemake puts them before the workflow's
    FILES = [path for path in workflow.configfiles if path not in OWN] + OWN
    if workflow.is_main_process:
        LAYERS = read_layers(FILES)
        LAYERS.append(("--config", workflow.config_settings.config))
        check_layers(LAYERS)
    written = " + ".join(map(shown, FILES)) or "the configuration"
    STUDY = Study(Config.parse(config, written), LAYERS, PROJECT)
    if workflow.is_main_process:
        from videossl.report.dry import check_layouts  # imports pandas, which jobs need not

        check_layouts(STUDY)
        check_contradictions(STUDY)
except UserError as error:
    raise WorkflowError(str(error))

CONFIG = STUDY.config
RESULTS = CONFIG.results_dir
SCRIPTS = str(PROJECT / "workflow/scripts")
LIBRARY = PROJECT / "src/videossl"
# Jobs find the library also where it is not installed, as in the environments that Snakemake makes with conda.
SETUP = f"export PYTHONPATH={shlex.quote(f'{workflow.basedir}/src')}; "
if os.environ.get("VIDEOSSL_WARM"):  # scripts run in forks of a warm interpreter: see videossl.warm
    CLIENT = shlex.quote(str(LIBRARY / "warm/client.py"))
    SETUP = f'{SETUP}python() {{ command python -SE {CLIENT} "$@"; }}; '
shell.prefix(SETUP.replace("{", "{{").replace("}", "}}"))  # Snakemake formats it
become_controller()  # jobs stop when this process has ended, of whatever

ENVIRONMENT = f"{workflow.basedir}/envs/environment.yaml"
COMPUTE = CONFIG.compute
COMPUTE_ARGUMENTS = (
    f"--device {COMPUTE.device} --workers {COMPUTE.workers} --checkpoint-minutes {COMPUTE.checkpoint_minutes}"
    + (" --channels-last" if COMPUTE.channels_last else "")
    + (" --compile" if COMPUTE.compile else "")
)
SMALL_CLIP = f"{RESULTS}/vifm/clip/seed{{seed}}"
NOISY_DIR = f"{RESULTS}/data/{{dataset}}/noisy/{{noise}}"
NOISELESS_DIR = f"{RESULTS}/data/{{dataset}}/noisy/{NOISELESS}/0"


def alternatives(values):
    """A wildcard constraint that matches exactly `values`."""
    return "|".join(values) or "(?!)"


def untracked(value):
    """A parameter that decides no result: Snakemake keeps no record of functions of `input`, so a change of it
    runs nothing again."""
    return lambda wildcards, input: value


def cell(stage, wildcards):
    """The cell of a job; one that no table or figure needs is an error that names the nearest."""
    try:
        return STUDY.find(stage, dict(wildcards.items()))
    except UserError as error:
        raise WorkflowError(str(error))


def stage_dir(stage):
    """Folder of a stage's runs, with wildcards."""
    return f"{RESULTS}/{PATHS[stage]}"


def stage_log(stage):
    """Log of a stage's jobs, with wildcards."""
    return f"{RESULTS}/logs/{PATHS[stage]}.log"


def run_dir(cell):
    """Folder of a cell."""
    return f"{RESULTS}/{cell.path}"


def identity(stage):
    """Parameter function: the identity columns of the cell, as canonical JSON."""
    return lambda wildcards: canonical_json(cell(stage, wildcards).identity)


def recipe(stage, build):
    """Parameter function: all that decides the job's outcome, as one canonical JSON text."""
    return lambda wildcards: canonical_json(build(STUDY, cell(stage, wildcards)))


def dataset_recipe(build):
    """Parameter function: the spec of a dataset's stage, as canonical JSON."""
    return lambda wildcards: canonical_json(build(CONFIG, wildcards.dataset))


def dataset_folder(name, kind):
    """Folder of a dataset's videos (`root`) or list files (`annotations`)."""
    entry = CONFIG.datasets[name]
    if entry.generated is not None:
        return f"{RESULTS}/generated/{name}/" + {"root": "videos", "annotations": "annotations"}[kind]
    return str(Path(getattr(entry, kind)).expanduser())


def generated_videos(wildcards):
    """The generated videos, if the dataset is a generated one; a real dataset is not the workflow's to make."""
    generated = CONFIG.datasets[wildcards.dataset].generated is not None
    return [f"{RESULTS}/generated/{wildcards.dataset}"] if generated else []


def manifest(name):
    """The manifest of a dataset."""
    return f"{RESULTS}/data/{name}/manifest.parquet"


def shard_reports(wildcards):
    """The reports of all shards of a dataset."""
    count = CONFIG.datasets[wildcards.dataset].shards
    return [f"{RESULTS}/data/{wildcards.dataset}/shards/{index:04d}.parquet" for index in range(count)]


def previous_state(wildcards):
    """The training state of the milestone that a pretraining job continues; nothing for the first."""
    before = STUDY.previous(cell("pretrain", wildcards))
    return [] if before is None else f"{run_dir(before)}/state.pt"


def pretrained_weights(stage):
    """Input function: the weights that an evaluation starts from; nothing for a network without pretraining."""

    def find(wildcards):
        wanted = cell(stage, wildcards)
        return [] if wanted.is_scratch else f"{run_dir(wanted.pretraining())}/weights.pt"

    return find


def finetuned(stage, name):
    """Input function: a file of the finetuning that an evaluation is about."""
    return lambda wildcards: f"{run_dir(cell(stage, wildcards).finetuning())}/{name}"


def partners(stage):
    """Input function: the weights or logits of the teachers, or the weights of the other network of a comparison."""
    return lambda wildcards: [
        f"{run_dir(other)}/{'logits.npz' if other.stage == 'class_logits' else 'weights.pt'}"
        for other in cell(stage, wildcards).partners
    ]


def model_weights(stage):
    """Input function: the weights of the video-language model of a cell."""
    return lambda wildcards: f"{run_dir(cell(stage, wildcards).model())}/weights.pt"


def model_sources(wildcards):
    """What a video-language model's weights are made from: manifests to train on, or the user's files."""
    training = CONFIG.vifm.training
    if training is None:
        return {"files": [str(path) for path in published_files(wildcards).files]}
    return {
        "corpus": manifest(training.corpora[wildcards.source].dataset),
        "left_out": [manifest(name) for name in training.leave_out],
        "start": f"{SMALL_CLIP}/weights.pt".format(seed=wildcards.seed),
    }


def published_files(wildcards):
    """The user's files of a video-language model; an error with the remedy if they are not there."""
    try:
        return model_files.require(CONFIG.vifm, STUDY.models[wildcards.backbone])
    except UserError as error:
        raise WorkflowError(str(error))


def model_arguments(wildcards, input):
    """The same as arguments of the script. A function of `input`: moving a file changes no result."""
    if CONFIG.vifm.training is not None:
        left_out = shlex.join(input.left_out)
        return f"--manifest {shlex.quote(input.corpus)} --left-out {left_out} --start {shlex.quote(input.start)}"
    found = published_files(wildcards)
    base = f" --base {shlex.quote(str(found.base))}" if found.base else ""
    return f"--weights {shlex.quote(str(found.weights))} --tokenizer {shlex.quote(str(found.tokenizer))}{base}"


def features(stage):
    """Input function: the features that an evaluation works on."""
    return lambda wildcards: f"{run_dir(cell(stage, wildcards).features())}/features.npz"


def noisy_reports(wildcards):
    """The reports of all shards of all noisy test sets of a dataset, and of the one without noise."""
    manifests = [noiseless_manifest(wildcards.dataset), *noisy_manifests(wildcards.dataset)]
    return [
        f"{Path(path).parent}/shards/{shard:04d}.parquet" for path in manifests for shard in range(CONFIG.noise.shards)
    ]


def noiseless_manifest(dataset):
    """The manifest of the test videos that are stored as the noisy ones are, without noise."""
    return f"{NOISELESS_DIR.format(dataset=dataset)}/manifest.parquet"


def noisy_manifests(dataset):
    """The manifests of all noisy test sets of a dataset."""
    return [
        f"{RESULTS}/data/{dataset}/noisy/{noise}/{severity}/manifest.parquet"
        for noise in NOISES
        for severity in SEVERITIES
    ]


def in_message(text):
    """A text as part of a message, which Snakemake formats."""
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
    teachers=alternatives(map(re.escape, STUDY.axis_values("teachers"))),
    against=alternatives(map(re.escape, STUDY.axis_values("against"))),
