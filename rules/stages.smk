# Trainings, evaluations and analyses of networks: one rule per stage.
#
#   pretrain      a pretext task on a subset of the source, up to a milestone; the next milestone continues from it
#   published     weights of a network that others trained, from the user's file
#   finetune      the pretrained network on the target, all layers; test on its videos
#   low_shot      the same with a few labelled videos of each class
#   distill       the same with teachers
#   features, linear_probe, knn, retrieval, attentive_probe      the frozen network
#   robustness    the finetuned network on noisy test videos
#   corrupted, corruption      test videos with blur, camera, digital and temporal corruptions; the network on them
#   cka, network  similarity of layers; size and cost
#   small_clip, vifm, zero_shot, class_logits      video foundation models
#
# Inputs, outputs and costs of a stage are defined in src/videossl/stages/<stage>.py (docs/adding_a_protocol.md). Code
# is not an input: a code change retrains a network only if it increases `recipe_version`.

for stage in stages():

    rule:
        name:
            stage.name
        input:
            unpack(inputs_of(stage)),
        output:
            **outputs_of(stage),
        log:
            f"{RESULTS}/logs/{stage.folder}.log",
        retries: 0 if stage.runs_on == "cpu" else COMPUTE.retries
        conda:
            ENVIRONMENT
        threads: threads_of(stage)
        resources:
            **resources_of(stage),
        params:
            recipe=spec_of(stage),
            identity=identity_of(stage),
            launcher=launcher_of(stage),
            script=untracked(f"{SCRIPTS}/run_stage.py"),
            stage=untracked(stage.name),
            inputs=untracked_json(stage, stage.inputs),
            places=untracked_json(stage, stage.places),
            folder=folder_of(stage),
            compute=untracked(COMPUTE_ARGUMENTS),
        message:
            stage.message
        shell:
            "{params.launcher} {params.script:q} {params.stage} --spec {params.recipe:q} --identity {params.identity:q} --inputs {params.inputs:q} --places {params.places:q} --folder {params.folder:q} --threads {threads} --attempt {resources.attempt} {params.compute} > {log:q} 2>&1"
