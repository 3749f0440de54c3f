# Targets: each table and figure by its name. (`rule all` must be in the Snakefile.)


rule table_claims:
    input:
        f"{RESULTS}/tables/claims.html",
    localrule: True
    message:
        "What the paper finds, and what the numbers show: done"


for target in STUDY.entries:

    rule:
        name:
            f"{STUDY.entries[target].kind}_{target}"
        input:
            [path for path in targets_of(STUDY, STUDY.entries[target].kind) if Path(path).stem == target],
        localrule: True
        message:
            f"{in_message(STUDY.entries[target].title)}: done"


# Output files of tables and figures.
MADE = alternatives(
    re.escape(f"{RESULTS}/{folder}/{name}.")
    for folder, name in [(f"{entry.kind}s", name) for name, entry in STUDY.entries.items()]
    + [(f"figures/{PAPER}", name) for name, entry in STUDY.entries.items() if entry.kind == "figure"]
    + [("tables", "claims")]
)


# Snakemake interprets a misspelt target as a file and would only report that no rule makes it.
rule no_such_target:
    input:
        no_such_target,
    output:
        "{no_target}",
    wildcard_constraints:
        no_target=rf"(table|figure)_\w+|(?!{MADE}){re.escape(RESULTS)}/(tables|figures|figures/{PAPER})/\w+[.]\w+",
    localrule: True
