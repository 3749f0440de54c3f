# What networks have learned to represent.


rule cka:
    input:
        manifest=lambda wildcards: manifest(wildcards.target),
        weights=finetuned("cka", "weights.pt"),
        other=partners("cka"),
    output:
        cka=f"{stage_dir('cka')}/cka.parquet",
        metrics=f"{stage_dir('cka')}/metrics.parquet",
        run=f"{stage_dir('cka')}/run.json",
    log:
        stage_log("cka"),
    retries: COMPUTE.retries
    conda:
        ENVIRONMENT
    threads: COMPUTE.threads
    resources:
        gpu=min(1, COMPUTE.gpus),
        mem_mb=network_memory,
        runtime=network_runtime("cka"),
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/compare_layers.py"),
        recipe=recipe("cka", specs.cka_spec),
        identity=identity("cka"),
        compute=untracked(COMPUTE_ARGUMENTS),
    message:
        "Layers of {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone {wildcards.epochs}) against {wildcards.against}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} --manifest {input.manifest:q} --weights {input.weights:q} {input.other:q} --output {output.metrics:q} --threads {threads} {params.compute} > {log:q} 2>&1"
