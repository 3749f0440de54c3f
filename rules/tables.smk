# Tables, figures, claims and the report, from Parquet metrics. These jobs are cheap and nothing depends on them, so
# code is an input: a change of the report code reruns these jobs only.

from videossl.report import renderings
from videossl.report.captions import caption_of, chapter_of, label_of
from videossl.report.request import hash_of

REPORT_CODE = renderings.code_of_tables(LIBRARY)


# `use rule` does not take over that a rule is local.
localrules:
    figure,
    claims,


rule table:
    input:
        unpack(of_entry(renderings.inputs_of)),
        paper=CONFIG.paper_values,
        script=f"{SCRIPTS}/render.py",
        code=REPORT_CODE,
    output:
        multiext(f"{RESULTS}/tables/{{table}}", parquet=".parquet", csv=".csv", md=".md", tex=".tex"),
        record=f"{RESULTS}/tables/{{table}}.record.json",
        html=report(
            f"{RESULTS}/tables/{{table}}.html",
            caption="../workflow/report/table.rst",
            category="Tables",
            subcategory=of_entry(chapter_of),
            labels=of_entry(label_of),
        ),
    log:
        f"{RESULTS}/logs/tables/{{table}}.log",
    wildcard_constraints:
        table=alternatives(name for name, entry in STUDY.entries.items() if entry.kind == "table"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        made_from=of_entry(hash_of),
        caption=of_entry(caption_of),
        request=request_file,
        python=untracked(PYTHON),
    message:
        "Table {wildcards.table}"
    shell:
        "{params.python} {input.script:q} {params.request:q} --output {output:q} > {log:q} 2>&1"


use rule table as figure with:
    output:
        png=report(
            f"{RESULTS}/figures/{{figure}}.png",
            caption="../workflow/report/figure.rst",
            category="Figures",
            subcategory=of_entry(chapter_of),
            labels=of_entry(label_of),
        ),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
        paper=multiext(f"{RESULTS}/figures/{PAPER}/{{figure}}", *renderings.OF_PAPER["figure"]),
        record=f"{RESULTS}/figures/{{figure}}.record.json",
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    wildcard_constraints:
        figure=alternatives(name for name, entry in STUDY.entries.items() if entry.kind == "figure"),
    message:
        "Figure {wildcards.figure}"


# The paper's claims, judged on the numbers of all cells of the study that they refer to.
use rule table as claims with:
    output:
        multiext(f"{RESULTS}/tables/claims", parquet=".parquet", csv=".csv", md=".md", tex=".tex"),
        record=f"{RESULTS}/tables/claims.record.json",
        html=report(
            f"{RESULTS}/tables/claims.html",
            caption="../workflow/report/claims.rst",
            category="The study",
            labels={"page": "The paper's claims, with verdicts"},
        ),
    log:
        f"{RESULTS}/logs/tables/claims.log",
    message:
        "What the paper finds, and what the numbers show"


# For further analysis: the metrics of all runs, including those that no table shows.
rule metrics:
    input:
        records=renderings.records_of(STUDY, "table", "figure"),
        metrics=renderings.all_metrics(STUDY),
        script=f"{SCRIPTS}/make_metrics.py",
    output:
        f"{RESULTS}/metrics.parquet",
    log:
        f"{RESULTS}/logs/metrics.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        results=lambda wildcards, output: str(Path(output[0]).parent),
        python=untracked(PYTHON),
    message:
        "The metrics of all runs in one file"
    shell:
        "{params.python} {input.script:q} --records {input.records:q} --results {params.results:q} --output {output:q} > {log:q} 2>&1"


# The whole study on one page. The records name the runs and everything else that it shows; the folders of videos are
# only linked to.
rule report:
    input:
        records=renderings.records_of(STUDY, "table", "figure", "claims"),
        shown=renderings.targets_of(STUDY, "table", "figure", "claims"),
        script=f"{SCRIPTS}/make_report.py",
        code=renderings.code_of_report(LIBRARY),
    output:
        html=report(
            f"{RESULTS}/report.html",
            caption="../workflow/report/report.rst",
            category="The study",
            labels={"page": "The whole study: all tables, figures and claims, with the runs behind them"},
        ),
    log:
        f"{RESULTS}/logs/report.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        results=lambda wildcards, output: str(Path(output[0]).parent),
        title=shlex.quote(CONFIG.title),  # Snakemake leaves out an empty text
        videos=untracked(json.dumps(STUDY.folders_of_videos)),
        python=untracked(PYTHON),
    message:
        "The report: {output.html}"
    shell:
        "{params.python} {input.script:q} --records {input.records:q} --results {params.results:q} --output {output:q} "
        "--title {params.title} --videos {params.videos:q} > {log:q} 2>&1"
