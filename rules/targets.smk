# The menu: each table and figure by its name. (`rule all` must stand in the Snakefile.)


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
            [path for path in targets(STUDY.entries[target].kind) if Path(path).stem == target],
        localrule: True
        message:
            f"{STUDY.entries[target].title}: done"
