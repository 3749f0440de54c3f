# Pretraining: one job a milestone, each continuing the one before. The recipe is the only parameter and holds all
# that decides the weights; code is not an input, so no edit retrains anything unless it raises `recipe_version`.


rule pretrain:
    input:
        manifest=lambda wildcards: manifest(wildcards.source),
        subset=f"{RESULTS}/data/{{source}}/subsets/{{subset}}.parquet",
        description=f"{RESULTS}/data/{{source}}/subsets/{{subset}}.json",
        previous=previous_state,
    output:
        weights=f"{stage_dir('pretrain')}/weights.pt",
        state=f"{stage_dir('pretrain')}/state.pt",
        metrics=f"{stage_dir('pretrain')}/metrics.parquet",
        run=f"{stage_dir('pretrain')}/run.json",
    log:
        stage_log("pretrain"),
    retries: COMPUTE.retries
    conda:
        ENVIRONMENT
    threads: all_threads("pretrain")
    resources:
        gpu=all_gpus("pretrain"),
        mem_mb=training_memory("pretrain"),
        runtime=network_runtime("pretrain"),
    params:
        launcher=launcher("pretrain"),
        script=untracked(f"{SCRIPTS}/pretrain.py"),
        recipe=recipe("pretrain", specs.pretrain_spec),
        identity=identity("pretrain"),
        compute=untracked(COMPUTE_ARGUMENTS),
    message:
        "Pretraining {wildcards.variant} with {wildcards.backbone} on {wildcards.source} {wildcards.subset} to milestone {wildcards.epochs}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} --manifest {input.manifest:q} --subset {input.subset:q} --previous {input.previous:q} --output {output.weights:q} --threads {threads} {params.compute} > {log:q} 2>&1"
