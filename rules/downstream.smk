# Evaluation on the target datasets.


rule finetune:
    input:
        manifest=lambda wildcards: manifest(wildcards.target),
        weights=pretrained_weights,
    output:
        weights=f"{FINETUNE_DIR}/weights.pt",
        metrics=f"{FINETUNE_DIR}/metrics.parquet",
        predictions=f"{FINETUNE_DIR}/predictions.parquet",
        run=f"{FINETUNE_DIR}/run.json",
    log:
        FINETUNE_DIR.replace(RESULTS, f"{RESULTS}/logs", 1) + ".log",
    retries: COMPUTE.retries
    conda:
        ENVIRONMENT
    threads: COMPUTE.threads
    resources:
        gpu=COMPUTE.gpus,
    params:
        script=untracked(f"{SCRIPTS}/finetune.py"),
        recipe=recipe("finetune", specs.finetune_spec),
        identity=identity("finetune"),
        compute=untracked(COMPUTE_ARGUMENTS),
    message:
        "Finetuning {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone {wildcards.epochs}) on {wildcards.target}"
    shell:
        "python {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} --manifest {input.manifest:q} --weights {input.weights:q} --output {output.weights:q} --threads {threads} {params.compute} > {log:q} 2>&1"
