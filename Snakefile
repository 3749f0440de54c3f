# The study "A Large-Scale Analysis on Contextual Self-Supervised Video Representation Learning".
#
#   snakemake                       every table and figure at the scale of config/config.yaml
#   snakemake table_subset_size     one table; `snakemake --list-target-rules` lists them all
#   snakemake -n                    what is pending
#   snakemake --profile slurm       the paper's scale (config/paper.yaml) on a cluster

import os

from snakemake.utils import min_version

min_version("9.10")


configfile: os.path.join(workflow.basedir, "config/config.yaml")


# What only your site knows about its Slurm cluster (docs/cluster.md).
if os.path.isfile(os.path.join(workflow.basedir, "profiles/slurm/site.yaml")):

    configfile: os.path.join(workflow.basedir, "profiles/slurm/site.yaml")


# What Snakemake's own report (`snakemake --report report.html`) opens with.
report: "workflow/report/workflow.rst"


include: "rules/common.smk"


# Used with `--software-deployment-method apptainer`.
if CONFIG.cluster.container:

    container: CONFIG.cluster.container


include: "rules/resources.smk"
include: "rules/checks.smk"
include: "rules/data.smk"
include: "rules/stages.smk"
include: "rules/tables.smk"
include: "rules/targets.smk"


rule all:
    default_target: True
    input:
        targets_of(STUDY, "table", "claims", "figure"),
        [f"{RESULTS}/metrics.parquet"] if STUDY.all_cells else [],
        f"{RESULTS}/report.html",
    localrule: True


onstart:
    before_first_job()


onsuccess:
    after_success()


onerror:
    after_failure()
