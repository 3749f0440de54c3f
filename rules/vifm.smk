# Video foundation models (section 5.3): their weights, their zero-shot accuracy, and what they teach.


# What small models start from, as the published ones started from CLIP. Only where small models are trained.
rule small_clip:
    input:
        corpus=lambda wildcards: manifest(CONFIG.vifm.training.clip.dataset),
        left_out=lambda wildcards: [manifest(name) for name in CONFIG.vifm.training.leave_out],
    output:
        weights=f"{SMALL_CLIP}/weights.pt",
        run=f"{SMALL_CLIP}/run.json",
    log:
        f"{RESULTS}/logs/vifm/clip/seed{{seed}}.log",
    retries: COMPUTE.retries
    conda:
        ENVIRONMENT
    threads: COMPUTE.threads
    resources:
        gpu=min(1, COMPUTE.gpus),
        mem_mb=network_memory,
        runtime=other_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/small_clip.py"),
        recipe=lambda wildcards: canonical_json(specs.small_clip_spec(STUDY, int(wildcards.seed))),
        compute=untracked(COMPUTE_ARGUMENTS),
    message:
        "Training the small CLIP that video-language models start from"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --manifest {input.corpus:q} --left-out {input.left_out:q} --output {output.weights:q} --threads {threads} {params.compute} > {log:q} 2>&1"


rule vifm:
    input:
        unpack(model_sources),
    output:
        weights=f"{stage_dir('vifm')}/weights.pt",
        metrics=f"{stage_dir('vifm')}/metrics.parquet",
        run=f"{stage_dir('vifm')}/run.json",
    log:
        stage_log("vifm"),
    retries: COMPUTE.retries
    conda:
        ENVIRONMENT
    threads: COMPUTE.threads
    resources:
        gpu=min(1, COMPUTE.gpus),
        mem_mb=network_memory,
        runtime=other_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/video_language.py"),
        recipe=recipe("vifm", specs.vifm_spec),
        identity=identity("vifm"),
        sources=model_arguments,
        compute=untracked(COMPUTE_ARGUMENTS),
    message:
        "Weights of the video-language model {wildcards.backbone}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} {params.sources} --output {output.weights:q} --threads {threads} {params.compute} > {log:q} 2>&1"


rule zero_shot:
    input:
        manifest=lambda wildcards: manifest(wildcards.target),
        weights=model_weights("zero_shot"),
    output:
        metrics=f"{stage_dir('zero_shot')}/metrics.parquet",
        predictions=f"{stage_dir('zero_shot')}/predictions.parquet",
        run=f"{stage_dir('zero_shot')}/run.json",
    log:
        stage_log("zero_shot"),
    retries: COMPUTE.retries
    conda:
        ENVIRONMENT
    threads: COMPUTE.threads
    resources:
        gpu=min(1, COMPUTE.gpus),
        mem_mb=network_memory,
        runtime=look_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/zero_shot.py"),
        recipe=recipe("zero_shot", specs.zero_shot_spec),
        identity=identity("zero_shot"),
        # Functions of `input` are not tracked: a dataset that moved is not tested anew.
        root=lambda wildcards, input: dataset_folder(wildcards.target, "root"),
        annotations=lambda wildcards, input: dataset_folder(wildcards.target, "annotations"),
        compute=untracked(COMPUTE_ARGUMENTS),
    message:
        "Zero-shot accuracy of {wildcards.backbone} on {wildcards.target}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} --manifest {input.manifest:q} --weights {input.weights:q} --root {params.root:q} --annotations {params.annotations:q} --output {output.metrics:q} --threads {threads} {params.compute} > {log:q} 2>&1"


# Made once for each model: every student of a pair takes its teachers' logits from here.
rule class_logits:
    input:
        manifest=lambda wildcards: manifest(wildcards.target),
        weights=model_weights("class_logits"),
    output:
        logits=f"{stage_dir('class_logits')}/logits.npz",
        metrics=f"{stage_dir('class_logits')}/metrics.parquet",
        run=f"{stage_dir('class_logits')}/run.json",
    log:
        stage_log("class_logits"),
    retries: COMPUTE.retries
    conda:
        ENVIRONMENT
    threads: COMPUTE.threads
    resources:
        gpu=min(1, COMPUTE.gpus),
        mem_mb=network_memory,
        runtime=look_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/class_logits.py"),
        recipe=recipe("class_logits", specs.class_logits_spec),
        identity=identity("class_logits"),
        root=lambda wildcards, input: dataset_folder(wildcards.target, "root"),
        compute=untracked(COMPUTE_ARGUMENTS),
    message:
        "What {wildcards.backbone} says of the training videos of {wildcards.target}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --identity {params.identity:q} --manifest {input.manifest:q} --weights {input.weights:q} --root {params.root:q} --output {output.logits:q} --threads {threads} {params.compute} > {log:q} 2>&1"
