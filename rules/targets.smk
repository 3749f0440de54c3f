# The menu: each table and figure by its name. (`rule all` must stand in the Snakefile.)

for target in STUDY.entries:

    rule:
        name:
            f"{STUDY.entries[target].kind}_{target}"
        input:
            [path for path in targets(STUDY.entries[target].kind) if Path(path).stem == target],
        localrule: True
        message:
            f"{STUDY.entries[target].title}: done"
