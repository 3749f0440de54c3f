# Evaluation on the target datasets, and the networks themselves.


# The size and cost of a backbone follow from its code alone. Counting takes seconds, so code is an input.
rule network:
    input:
        script=f"{SCRIPTS}/network.py",
        code=sorted(str(path) for path in (LIBRARY / "backbones").rglob("*.py")),
        counter=str(LIBRARY / "analysis/complexity.py"),
    output:
        metrics=f"{stage_dir('network')}/metrics.parquet",
    log:
        stage_log("network"),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=other_memory,
        runtime=other_runtime,
    params:
        launcher=untracked(PYTHON),
        identity=identity("network"),
    message:
        "Size and cost of {wildcards.backbone}"
    shell:
        "{params.launcher} {input.script:q} --backbone {wildcards.backbone:q} --identity {params.identity:q} --output {output.metrics:q} > {log:q} 2>&1"


rule finetune:
    input:
        manifest=lambda wildcards: manifest(wildcards.target),
        weights=pretrained_weights("finetune"),
    output:
        weights=f"{stage_dir('finetune')}/weights.pt",
        metrics=f"{stage_dir('finetune')}/metrics.parquet",
        predictions=f"{stage_dir('finetune')}/predictions.parquet",
        run=f"{stage_dir('finetune')}/run.json",
    log:
        stage_log("finetune"),
    retries: COMPUTE.retries
    conda:
        ENVIRONMENT
    threads: all_threads("finetune")
    resources:
        gpu=all_gpus("finetune"),
        mem_mb=training_memory("finetune"),
        runtime=network_runtime("finetune"),
    params:
        launcher=launcher("finetune"),
        script=untracked(f"{SCRIPTS}/finetune.py"),
        recipe=recipe("finetune", specs.finetune_spec),
        identity=identity("finetune"),
        compute=untracked(COMPUTE_ARGUMENTS),
    message:
        "Finetuning {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone {wildcards.epochs}) on {wildcards.target}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} --manifest {input.manifest:q} --weights {input.weights:q} --output {output.weights:q} --threads {threads} {params.compute} > {log:q} 2>&1"


rule distill:
    input:
        manifest=lambda wildcards: manifest(wildcards.target),
        weights=pretrained_weights("distill"),
        teachers=partners("distill"),
    output:
        weights=f"{stage_dir('distill')}/weights.pt",
        metrics=f"{stage_dir('distill')}/metrics.parquet",
        predictions=f"{stage_dir('distill')}/predictions.parquet",
        run=f"{stage_dir('distill')}/run.json",
    log:
        stage_log("distill"),
    retries: COMPUTE.retries
    conda:
        ENVIRONMENT
    threads: all_threads("distill")
    resources:
        gpu=all_gpus("distill"),
        mem_mb=training_memory("distill"),
        runtime=network_runtime("distill"),
    params:
        launcher=launcher("distill"),
        script=untracked(f"{SCRIPTS}/finetune.py"),
        recipe=recipe("distill", specs.distill_spec),
        identity=identity("distill"),
        compute=untracked(COMPUTE_ARGUMENTS),
    message:
        "Distilling {wildcards.teachers} into {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone {wildcards.epochs}) on {wildcards.target}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} --manifest {input.manifest:q} --weights {input.weights:q} --teachers {input.teachers:q} --output {output.weights:q} --threads {threads} {params.compute} > {log:q} 2>&1"


# Features of the network as it was pretrained: one job serves the linear probe and the retrieval.
rule features:
    input:
        manifest=lambda wildcards: manifest(wildcards.target),
        weights=pretrained_weights("features"),
    output:
        features=f"{stage_dir('features')}/features.npz",
    log:
        stage_log("features"),
    retries: COMPUTE.retries
    conda:
        ENVIRONMENT
    threads: COMPUTE.threads
    resources:
        gpu=min(1, COMPUTE.gpus),
        mem_mb=network_memory,
        runtime=network_runtime("features"),
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/extract_features.py"),
        recipe=recipe("features", specs.features_spec),
        identity=identity("features"),
        compute=untracked(COMPUTE_ARGUMENTS),
    message:
        "Features of {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone {wildcards.epochs}) for {wildcards.target}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} --manifest {input.manifest:q} --weights {input.weights:q} --output {output.features:q} --threads {threads} {params.compute} > {log:q} 2>&1"


rule linear_probe:
    input:
        features=features("linear_probe"),
    output:
        metrics=f"{stage_dir('linear_probe')}/metrics.parquet",
        predictions=f"{stage_dir('linear_probe')}/predictions.parquet",
        run=f"{stage_dir('linear_probe')}/run.json",
    log:
        stage_log("linear_probe"),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=other_memory,
        runtime=other_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/linear_probe.py"),
        recipe=recipe("linear_probe", specs.linear_probe_spec),
        identity=identity("linear_probe"),
    message:
        "Linear probe of {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone {wildcards.epochs}) on {wildcards.target}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} --features {input.features:q} --output {output.metrics:q} > {log:q} 2>&1"


rule retrieval:
    input:
        features=features("retrieval"),
    output:
        metrics=f"{stage_dir('retrieval')}/metrics.parquet",
        run=f"{stage_dir('retrieval')}/run.json",
    log:
        stage_log("retrieval"),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=other_memory,
        runtime=other_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/retrieve.py"),
        recipe=recipe("retrieval", specs.retrieval_spec),
        identity=identity("retrieval"),
    message:
        "Retrieval on {wildcards.target} by {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone {wildcards.epochs})"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} --features {input.features:q} --output {output.metrics:q} > {log:q} 2>&1"


rule robustness:
    input:
        weights=finetuned("robustness", "weights.pt"),
        noiseless=lambda wildcards: noiseless_manifest(wildcards.target),
        noisy=lambda wildcards: noisy_manifests(wildcards.target),
    output:
        metrics=f"{stage_dir('robustness')}/metrics.parquet",
        predictions=f"{stage_dir('robustness')}/predictions.parquet",
        run=f"{stage_dir('robustness')}/run.json",
    log:
        stage_log("robustness"),
    retries: COMPUTE.retries
    conda:
        ENVIRONMENT
    threads: COMPUTE.threads
    resources:
        gpu=min(1, COMPUTE.gpus),
        mem_mb=network_memory,
        runtime=network_runtime("robustness"),
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/robustness.py"),
        recipe=recipe("robustness", specs.robustness_spec),
        identity=identity("robustness"),
        compute=untracked(COMPUTE_ARGUMENTS),
    message:
        "Robustness of {wildcards.variant} with {wildcards.backbone} ({wildcards.source} {wildcards.subset}, milestone {wildcards.epochs}) on noisy {wildcards.target}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} --weights {input.weights:q} --noiseless {input.noiseless:q} --noisy {input.noisy:q} --output {output.metrics:q} --threads {threads} {params.compute} > {log:q} 2>&1"
