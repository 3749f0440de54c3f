# Tables and figures from Parquet metrics. These jobs are cheap and nothing depends on them, so code is an input:
# an edit of the report code renders anew, and only that.

REPORT_CODE = sorted(
    str(path)
    for path in [
        *(path for path in (LIBRARY / "report").glob("**/*.py") if path.parent.name != "site"),
        *(LIBRARY / "claims").glob("*.py"),
        LIBRARY / "common/results.py",
        LIBRARY / "analysis/statistics.py",
    ]
)


rule table:
    input:
        metrics=lambda wildcards: metrics_of(wildcards.table),
        paper=CONFIG.paper_values,
        published=lambda wildcards: STUDY.entries[wildcards.table].published or [],
        script=f"{SCRIPTS}/make_table.py",
        code=REPORT_CODE,
    output:
        multiext(f"{RESULTS}/tables/{{table}}", parquet=".parquet", csv=".csv", md=".md", tex=".tex"),
        record=f"{RESULTS}/tables/{{table}}.record.json",
        html=report(
            f"{RESULTS}/tables/{{table}}.html",
            caption="../workflow/report/table.rst",
            category="Tables",
            subcategory=lambda wildcards: chapter_title(STUDY.entries[wildcards.table].section),
            labels=lambda wildcards: {"table": in_label(STUDY.entries[wildcards.table].title)},
        ),
    log:
        f"{RESULTS}/logs/tables/{{table}}.log",
    wildcard_constraints:
        table=alternatives(name for name, entry in STUDY.entries.items() if entry.kind == "table"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        launcher=untracked(PYTHON),
        spec=lambda wildcards: report_spec(wildcards.table),
        cells=lambda wildcards: cells_json(wildcards.table),
        reduced=lambda wildcards: reduced_note(wildcards.table),
        mark=lambda wildcards: in_caption(reduced_note(wildcards.table)),
        title=lambda wildcards: in_caption(STUDY.entries[wildcards.table].title),
        caption=lambda wildcards: in_caption(STUDY.entries[wildcards.table].caption),
    message:
        "Table {wildcards.table}"
    shell:
        "{params.launcher} {input.script:q} --spec {params.spec:q} --cells {params.cells:q} --paper-values {input.paper:q} --reduced={params.reduced:q} --record {output.record:q} --output {output.parquet:q} {output.csv:q} {output.md:q} {output.tex:q} {output.html:q} > {log:q} 2>&1"


# The paper's findings, judged by the numbers of all the cells that they are about and that the study has.
rule claims:
    input:
        metrics=claimed("metrics.parquet"),
        predictions=claimed("predictions.parquet", ("finetune", "distill", "linear_probe")),
        paper=CONFIG.paper_values,
        script=f"{SCRIPTS}/make_claims.py",
        code=REPORT_CODE,
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
    localrule: True
    conda:
        ENVIRONMENT
    params:
        launcher=untracked(PYTHON),
        defaults=canonical_json(OF_CLAIMS["default_complexities"]),
        reduced=OF_CLAIMS["reduced"],
        mark=in_caption(OF_CLAIMS["reduced"]),
    message:
        "What the paper finds, and what the numbers show"
    shell:
        "{params.launcher} {input.script:q} --metrics {input.metrics:q} --default-complexities {params.defaults:q} --paper-values {input.paper:q} --reduced={params.reduced:q} --record {output.record:q} --output {output.parquet:q} {output.csv:q} {output.md:q} {output.tex:q} {output.html:q} > {log:q} 2>&1"


rule figure:
    input:
        metrics=lambda wildcards: metrics_of(wildcards.figure),
        maps=lambda wildcards: maps_of(wildcards.figure),
        manifests=lambda wildcards: [one["manifest"] for one in request.sets_of(STUDY, wildcards.figure)],
        paper=CONFIG.paper_values,
        script=f"{SCRIPTS}/make_figure.py",
        code=REPORT_CODE,
    output:
        png=report(
            f"{RESULTS}/figures/{{figure}}.png",
            caption="../workflow/report/figure.rst",
            category="Figures",
            subcategory=lambda wildcards: chapter_title(STUDY.entries[wildcards.figure].section),
            labels=lambda wildcards: {"figure": in_label(STUDY.entries[wildcards.figure].title)},
        ),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
        record=f"{RESULTS}/figures/{{figure}}.record.json",
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    wildcard_constraints:
        figure=alternatives(name for name, entry in STUDY.entries.items() if entry.kind == "figure"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        launcher=untracked(PYTHON),
        spec=lambda wildcards: report_spec(wildcards.figure),
        cells=lambda wildcards: cells_json(wildcards.figure),
        manifests=lambda wildcards: canonical_json(request.sets_of(STUDY, wildcards.figure)),
        reduced=lambda wildcards: reduced_note(wildcards.figure),
        mark=lambda wildcards: in_caption(reduced_note(wildcards.figure)),
        title=lambda wildcards: in_caption(STUDY.entries[wildcards.figure].title),
        caption=lambda wildcards: in_caption(STUDY.entries[wildcards.figure].caption),
        plot=lambda wildcards: STUDY.entries[wildcards.figure].plot,
    message:
        "Figure {wildcards.figure}"
    shell:
        "{params.launcher} {input.script:q} --spec {params.spec:q} --cells {params.cells:q} --manifests {params.manifests:q} --paper-values {input.paper:q} --reduced={params.reduced:q} --record {output.record:q} --output {output.png:q} {output.pdf:q} > {log:q} 2>&1"


# For one's own analysis: the metrics of all runs, those that no table shows among them.
rule metrics:
    input:
        records=records("table", "figure"),
        metrics=all_metrics(),
        script=f"{SCRIPTS}/make_metrics.py",
    output:
        f"{RESULTS}/metrics.parquet",
    log:
        f"{RESULTS}/logs/metrics.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        launcher=untracked(PYTHON),
        results=lambda wildcards, output: str(Path(output[0]).parent),
    message:
        "The metrics of all runs in one file"
    shell:
        "{params.launcher} {input.script:q} --records {input.records:q} --results {params.results:q} --output {output:q} > {log:q} 2>&1"


# The whole study in one page. Its records name the runs, and with them all that it shows.
rule report:
    input:
        records=records("table", "figure", "claims"),
        shown=targets("table") + targets("figure"),
        script=f"{SCRIPTS}/make_report.py",
        code=REPORT_CODE,
        site=sorted(str(path) for path in (LIBRARY / "report/site").glob("*.*")),
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
        launcher=untracked(PYTHON),
        results=lambda wildcards, output: str(Path(output[0]).parent),
    message:
        "The report: {output.html}"
    shell:
        "{params.launcher} {input.script:q} --records {input.records:q} --results {params.results:q} --output {output.html:q} > {log:q} 2>&1"
