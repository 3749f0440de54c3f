# From video files to frame stores and subsets. Scripts and library files are not inputs here, as everything that is
# trained depends on these jobs: a change in code that should remake data is said by `DATA_VERSION` in the specs.


rule generate_videos:
    output:
        directory(f"{RESULTS}/generated/{{dataset}}"),
    log:
        f"{RESULTS}/logs/data/{{dataset}}/generate.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=other_memory,
        runtime=other_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/generate_videos.py"),
        recipe=dataset_recipe(specs.generate_spec),
    message:
        "Generating the videos of {wildcards.dataset}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --output {output:q} > {log:q} 2>&1"


rule listing:
    input:
        generated_videos,
    output:
        f"{RESULTS}/data/{{dataset}}/listing.parquet",
    log:
        f"{RESULTS}/logs/data/{{dataset}}/listing.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=other_memory,
        runtime=other_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/list_videos.py"),
        recipe=dataset_recipe(specs.listing_spec),
        # Functions of `input` are not tracked: a dataset that moved is not read anew.
        root=lambda wildcards, input: dataset_folder(wildcards.dataset, "root"),
        annotations=lambda wildcards, input: dataset_folder(wildcards.dataset, "annotations"),
    message:
        "Listing the videos of {wildcards.dataset}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --root {params.root:q} --annotations {params.annotations:q} --made-from {input:q} --output {output:q} > {log:q} 2>&1"


rule store_shard:
    input:
        f"{RESULTS}/data/{{dataset}}/listing.parquet",
    output:
        frames=f"{RESULTS}/data/{{dataset}}/shards/{{shard}}.arrow",
        report=f"{RESULTS}/data/{{dataset}}/shards/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/data/{{dataset}}/shard{{shard}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=other_memory,
        runtime=store_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/store_shard.py"),
        recipe=dataset_recipe(specs.store_spec),
        root=lambda wildcards, input: dataset_folder(wildcards.dataset, "root"),
    message:
        "Storing the frames of {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --listing {input:q} --root {params.root:q} --shard {wildcards.shard} --frames {output.frames:q} --report {output.report:q} > {log:q} 2>&1"


rule manifest:
    input:
        listing=f"{RESULTS}/data/{{dataset}}/listing.parquet",
        reports=shard_reports,
    output:
        f"{RESULTS}/data/{{dataset}}/manifest.parquet",
    log:
        f"{RESULTS}/logs/data/{{dataset}}/manifest.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=other_memory,
        runtime=other_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/merge_manifest.py"),
    message:
        "Writing the manifest of {wildcards.dataset}"
    shell:
        "{params.launcher} {params.script:q} --listing {input.listing:q} --reports {input.reports:q} --output {output:q} > {log:q} 2>&1"


rule subset:
    input:
        f"{RESULTS}/data/{{dataset}}/manifest.parquet",
    output:
        videos=f"{RESULTS}/data/{{dataset}}/subsets/{{subset}}.parquet",
        description=f"{RESULTS}/data/{{dataset}}/subsets/{{subset}}.json",
    log:
        f"{RESULTS}/logs/data/{{dataset}}/subset_{{subset}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=other_memory,
        runtime=other_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/select_subset.py"),
        recipe=lambda wildcards: canonical_json(specs.subset_spec(CONFIG, wildcards.subset)),
    message:
        "Choosing subset {wildcards.subset} of {wildcards.dataset}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --manifest {input:q} --name {wildcards.dataset}/{wildcards.subset} --videos {output.videos:q} --description {output.description:q} > {log:q} 2>&1"


rule noisy_shard:
    input:
        f"{RESULTS}/data/{{dataset}}/manifest.parquet",
    output:
        frames=[f"{NOISY_DIR}/{severity}/shards/{{shard}}.arrow" for severity in SEVERITIES],
        reports=[f"{NOISY_DIR}/{severity}/shards/{{shard}}.parquet" for severity in SEVERITIES],
    log:
        f"{RESULTS}/logs/data/{{dataset}}/noisy_{{noise}}_shard{{shard}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=other_memory,
        runtime=noisy_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/noisy_shard.py"),
        recipe=canonical_json(specs.noise_spec(CONFIG)),
        root=lambda wildcards, input: dataset_folder(wildcards.dataset, "root"),
    message:
        "Adding {wildcards.noise} noise to test videos of {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --manifest {input:q} --root {params.root:q} --noise {wildcards.noise} --shard {wildcards.shard} --frames {output.frames:q} > {log:q} 2>&1"


rule noiseless_shard:
    input:
        f"{RESULTS}/data/{{dataset}}/manifest.parquet",
    output:
        frames=f"{NOISELESS_DIR}/shards/{{shard}}.arrow",
        report=f"{NOISELESS_DIR}/shards/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/data/{{dataset}}/noiseless_shard{{shard}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=other_memory,
        runtime=noisy_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/noisy_shard.py"),
        recipe=canonical_json(specs.noise_spec(CONFIG)),
        root=lambda wildcards, input: dataset_folder(wildcards.dataset, "root"),
        noise=NOISELESS,
    message:
        "Storing test videos of {wildcards.dataset} as the noisy ones, without noise, shard {wildcards.shard}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --manifest {input:q} --root {params.root:q} --noise {params.noise} --shard {wildcards.shard} --frames {output.frames:q} > {log:q} 2>&1"


rule noisy_manifests:
    input:
        manifest=f"{RESULTS}/data/{{dataset}}/manifest.parquet",
        reports=noisy_reports,
    output:
        noiseless_manifest("{dataset}"),
        noisy_manifests("{dataset}"),
    log:
        f"{RESULTS}/logs/data/{{dataset}}/noisy_manifests.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=other_memory,
        runtime=other_runtime,
    params:
        launcher=untracked(PYTHON),
        script=untracked(f"{SCRIPTS}/merge_noisy_manifests.py"),
        recipe=canonical_json(specs.noise_spec(CONFIG)),
    message:
        "Writing the manifests of the noisy test sets of {wildcards.dataset}"
    shell:
        "{params.launcher} {params.script:q} --recipe {params.recipe:q} --manifest {input.manifest:q} --output {output:q} > {log:q} 2>&1"
