# Tables and figures from Parquet metrics. These jobs are cheap and nothing depends on them, so code is an input:
# an edit of the report code renders anew, and only that.

REPORT_CODE = sorted(
    str(path)
    for path in [
        *(LIBRARY / "report").glob("*.py"),
        LIBRARY / "results.py",
        LIBRARY / "analysis/statistics.py",
    ]
)


rule table:
    input:
        metrics=lambda wildcards: metrics_of(wildcards.table),
        paper=CONFIG.paper_values,
        script=f"{SCRIPTS}/make_table.py",
        code=REPORT_CODE,
    output:
        multiext(f"{RESULTS}/tables/{{table}}", parquet=".parquet", csv=".csv", md=".md", tex=".tex"),
        html=report(
            f"{RESULTS}/tables/{{table}}.html",
            caption="../workflow/report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
    log:
        f"{RESULTS}/logs/tables/{{table}}.log",
    wildcard_constraints:
        table=alternatives(name for name, entry in STUDY.entries.items() if entry.kind == "table"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        spec=lambda wildcards: report_spec(wildcards.table),
        cells=lambda wildcards: cells_json(wildcards.table),
        reduced=reduced_note(),
        title=lambda wildcards: STUDY.entries[wildcards.table].title,
        caption=lambda wildcards: STUDY.entries[wildcards.table].caption,
    message:
        "Table {wildcards.table}"
    shell:
        "python {input.script:q} --spec {params.spec:q} --cells {params.cells:q} --paper-values {input.paper:q} --reduced {params.reduced:q} --output {output:q} > {log:q} 2>&1"


rule figure:
    input:
        metrics=lambda wildcards: metrics_of(wildcards.figure),
        paper=CONFIG.paper_values,
        script=f"{SCRIPTS}/make_figure.py",
        code=REPORT_CODE,
    output:
        png=report(
            f"{RESULTS}/figures/{{figure}}.png",
            caption="../workflow/report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    wildcard_constraints:
        figure=alternatives(name for name, entry in STUDY.entries.items() if entry.kind == "figure"),
    localrule: True
    conda:
        ENVIRONMENT
    params:
        spec=lambda wildcards: report_spec(wildcards.figure),
        cells=lambda wildcards: cells_json(wildcards.figure),
        reduced=reduced_note(),
        title=lambda wildcards: STUDY.entries[wildcards.figure].title,
        caption=lambda wildcards: STUDY.entries[wildcards.figure].caption,
    message:
        "Figure {wildcards.figure}"
    shell:
        "python {input.script:q} --spec {params.spec:q} --cells {params.cells:q} --paper-values {input.paper:q} --reduced {params.reduced:q} --output {output:q} > {log:q} 2>&1"
