# From video files to frame stores and subsets. All trainings depend on these jobs, so scripts and library files are not
# inputs here. If a code change should rebuild data, increase `DATA_VERSION` in the specifications.


rule generate_videos:
    output:
        directory(f"{RESULTS}/generated/{{dataset}}"),
    log:
        f"{RESULTS}/logs/data/{{dataset}}/generate.log",
    conda:
        ENVIRONMENT
    resources:
        **data_resources("generate_videos"),
    params:
        script=start("generate_videos.py"),
        recipe=dataset_recipe(data_stages.generate_spec),
    message:
        "Generating the videos of {wildcards.dataset}"
    shell:
        "{params.script} --spec {params.recipe:q} --output {output:q} > {log:q} 2>&1"


rule listing:
    input:
        of_dataset(data_stages.generated_videos),
    output:
        f"{RESULTS}/data/{{dataset}}/listing.parquet",
    log:
        f"{RESULTS}/logs/data/{{dataset}}/listing.log",
    conda:
        ENVIRONMENT
    resources:
        **data_resources("listing"),
    params:
        script=start("list_videos.py"),
        recipe=dataset_recipe(data_stages.listing_spec),
        # Functions of `input` are not tracked: moving a dataset does not reread it.
        root=lambda wildcards, input: dataset_folder(wildcards.dataset, "root"),
        annotations=lambda wildcards, input: dataset_folder(wildcards.dataset, "annotations"),
    message:
        "Listing the videos of {wildcards.dataset}"
    shell:
        "{params.script} --spec {params.recipe:q} --root {params.root:q} --annotations {params.annotations:q} --made-from {input:q} --output {output:q} > {log:q} 2>&1"


# A target is stored as a whole: all its training, validation and test videos.
rule store_shard:
    input:
        f"{RESULTS}/data/{{dataset}}/listing.parquet",
    output:
        multiext(f"{RESULTS}/data/{{dataset}}/shards/{{shard}}", ".arrow", ".parquet"),
    log:
        f"{RESULTS}/logs/data/{{dataset}}/shard{{shard}}.log",
    conda:
        ENVIRONMENT
    threads: COMPUTE.data_processes
    resources:
        **data_resources("store_shard", whole_shard),
    params:
        script=start("store_shard.py"),
        recipe=dataset_recipe(data_stages.store_spec),
        root=lambda wildcards, input: dataset_folder(wildcards.dataset, "root"),
        name=lambda wildcards, input: list(wildcards)[-1],
    message:
        "Storing the frames of {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "{params.script} --spec {params.recipe:q} --made-from {input:q} --root {params.root:q} --name {wildcards.dataset}/{params.name} --processes {threads} --made {output:q} > {log:q} 2>&1"


# Of a source, the training videos in the order in which subsets take them, as far as the largest subset needs them.
use rule store_shard as store_train_shard with:
    output:
        multiext(f"{RESULTS}/data/{{dataset}}/train/{{shard}}", ".arrow", ".parquet"),
    log:
        f"{RESULTS}/logs/data/{{dataset}}/train_shard{{shard}}.log",
    resources:
        **data_resources("store_train_shard", train_shard),
    params:
        recipe=data_stages.train_store_spec(CONFIG).json_text,
    message:
        "Storing the frames of training videos of {wildcards.dataset}, shard {wildcards.shard}"


# Also stores the videos that take the place of broken ones, so that the subset is full. Of a source that combines
# datasets, it refers to their stores.
use rule store_shard as subset with:
    input:
        of_dataset(data_stages.subset_inputs),
    output:
        multiext(f"{RESULTS}/data/{{dataset}}/subsets/{{subset}}", ".arrow", ".parquet", ".json"),
    log:
        f"{RESULTS}/logs/data/{{dataset}}/subset_{{subset}}.log",
    resources:
        **data_resources("subset", replacements),
    params:
        script=start("select_subset.py"),
        recipe=lambda wildcards: data_stages.subset_of_spec(CONFIG, *wildcards).json_text,
    message:
        "Choosing subset {wildcards.subset} of {wildcards.dataset}"


# Validation videos of a source, for the metrics of pretext tasks ("heldout"), or some videos for a figure ("shown").
use rule store_shard as sample with:
    input:
        of_dataset(data_stages.sample_inputs),
    output:
        multiext(f"{RESULTS}/data/{{dataset}}/{{sample}}", ".arrow", ".parquet", ".json"),
    log:
        f"{RESULTS}/logs/data/{{dataset}}/{{sample}}.log",
    resources:
        **data_resources("sample", heldout),
    params:
        script=start("store_sample.py"),
        recipe=lambda wildcards: data_stages.sample_of_spec(CONFIG, *wildcards).json_text,
    message:
        "Storing videos of {wildcards.dataset}: {wildcards.sample}"


rule manifest:
    input:
        listing=f"{RESULTS}/data/{{dataset}}/listing.parquet",
        reports=of_dataset(files.shard_reports),
    output:
        f"{RESULTS}/data/{{dataset}}/manifest.parquet",
    log:
        f"{RESULTS}/logs/data/{{dataset}}/manifest.log",
    conda:
        ENVIRONMENT
    resources:
        **data_resources("manifest"),
    params:
        script=start("merge_manifest.py"),
    message:
        "Writing the manifest of {wildcards.dataset}"
    shell:
        "{params.script} --listing {input.listing:q} --reports {input.reports:q} --output {output:q} > {log:q} 2>&1"


use rule store_shard as noisy_shard with:
    input:
        f"{RESULTS}/data/{{dataset}}/manifest.parquet",
    output:
        [f"{NOISY_DIR}/{severity}/shards/{{shard}}.arrow" for severity in SEVERITIES],
        [f"{NOISY_DIR}/{severity}/shards/{{shard}}.parquet" for severity in SEVERITIES],
    log:
        f"{RESULTS}/logs/data/{{dataset}}/noisy_{{noise}}_shard{{shard}}.log",
    resources:
        **data_resources("noisy_shard", copies),
    params:
        script=start("noisy_shard.py"),
        recipe=data_stages.noise_spec(CONFIG).json_text,
        name=lambda wildcards, input: f"{wildcards.noise}/{wildcards.shard}",
    message:
        "Adding {wildcards.noise} noise to test videos of {wildcards.dataset}, shard {wildcards.shard}"


use rule noisy_shard as noiseless_shard with:
    output:
        f"{NOISELESS_DIR}/shards/{{shard}}.arrow",
        f"{NOISELESS_DIR}/shards/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/data/{{dataset}}/noiseless_shard{{shard}}.log",
    resources:
        **data_resources("noiseless_shard", copies),
    params:
        name=lambda wildcards, input: f"{NOISELESS}/{wildcards.shard}",
    message:
        "Storing test videos of {wildcards.dataset} as the noisy ones, without noise, shard {wildcards.shard}"


rule noisy_manifests:
    input:
        manifest=f"{RESULTS}/data/{{dataset}}/manifest.parquet",
        reports=of_dataset(data_stages.noisy_reports),
    output:
        strings(data_stages.noisy_sets(STUDY, "{dataset}")),
    log:
        f"{RESULTS}/logs/data/{{dataset}}/noisy_manifests.log",
    conda:
        ENVIRONMENT
    resources:
        **data_resources("noisy_manifests"),
    params:
        script=start("merge_noisy_manifests.py"),
        recipe=data_stages.noise_spec(CONFIG).json_text,
    message:
        "Writing the manifests of the noisy test sets of {wildcards.dataset}"
    shell:
        "{params.script} --spec {params.recipe:q} --manifest {input.manifest:q} --output {output:q} > {log:q} 2>&1"
