"""What no job could do is refused when the configuration is read, with the key and what would be valid."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.common.explain import first_model
from videossl.data.generated import MAX_CLASSES, SPLITS
from videossl.data.synthetic import max_classes
from videossl.data.synthetic.designs import DESIGNS
from videossl.pretext import registry as pretext
from videossl.study.config import Config, merge
from videossl.study.config.reading import read_yaml
from videossl.study.config.recipe import Recipe
from videossl.study.config.videolanguage import ModelRecipe
from videossl.study.contradictions import check_contradictions
from videossl.study.study import Study
from videossl.videolanguage.models import registry as models

CONFIGS = Path(__file__).parents[2] / "config"
BASE = read_yaml(CONFIGS / "config.yaml")
RECIPE = read_yaml(CONFIGS / "recipes/rotnet.yaml")
MODEL = read_yaml(CONFIGS / "recipes/vifm/xclip.yaml")


def refusal(folder: Path, text: str, *, whole: bool = False) -> str:
    """What is said of an overlay on the default configuration. whole: also what only the study knows."""
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        config = Config.parse(merge(BASE, read_yaml(folder / "mine.yaml")), "mine.yaml")
        if whole:
            check_contradictions(Study(config, project=CONFIGS.parent))
    return str(caught.value)


SGD = "name: sgd, lr: 0.1"
REFUSED = [
    # names that become files and folders
    ("experiments: {../../../EVIL: {kind: table, title: T}}", "experiments.../../../EVIL", "letters (a to z), digits"),
    ("experiments: {a/b: {kind: table, title: T}}", "experiments.a/b", "a name has"),
    ("experiments: {'': {kind: table, title: T}}", "experiments.", "a name has"),
    ("experiments: {.hidden: {kind: table, title: T}}", "experiments..hidden", "the first is a letter or digit"),
    ("experiments: {-x: {kind: table, title: T}}", "experiments.-x", "a name has"),
    ("experiments: {'a b': {kind: table, title: T}}", "experiments.a b", "a name has"),
    ('experiments: {"a\\nb": {kind: table, title: T}}', "experiments.'a\\nb'", "a name has"),
    ('experiments: {"a\\n": {kind: table, title: T}}', "experiments.'a\\n'", "a name has"),
    ("experiments: {'{x}': {kind: table, title: T}}", "experiments.{x}", "a name has"),
    ("experiments: {naïve: {kind: table, title: T}}", "experiments.naïve", "a name has"),
    (f"experiments: {{{'a' * 65}: {{kind: table, title: T}}}}", f"experiments.{'a' * 65}", "64 at most"),
    *[
        (f"experiments: {{{name}: {{kind: table, title: T}}}}", f"experiments.{name}", "choose another")
        for name in ("claims", "report", "all", "metrics", "partial", "Claims")
    ],
    ("experiments: {1: {kind: table, title: T}}", "experiments.1", "should be a text"),
    ("datasets: {../evil: {title: T, reader: lists, root: a, annotations: b}}", "datasets.../evil", "a name has"),
    ("datasets: {none: {title: T, reader: lists, root: a, annotations: b}}", "datasets.none", "none, scratch"),
    ("datasets: {K400: {title: T, reader: lists, root: a, annotations: b}}", "datasets", "'k400' and 'K400' differ in"),
    ("subsets: {../10k: 24}", "subsets.../10k", "a name has"),
    ("subsets: {none: 24}", "subsets.none", "choose another"),
    ("subsets: {10K: 24}", "subsets", "differ in case"),
    ("vifm: {training: {corpora: {a/b: {dataset: captions, videos: 3}}}}", "vifm.training.corpora.a/b", "a name has"),
    # paths
    ("results_dir: ''", "results_dir", "should be a path"),
    ("results_dir: .", "results_dir", "such as results"),
    ("results_dir: /", "results_dir", "such as results"),
    ("results_dir: out/..", "results_dir", "such as results"),
    ("results_dir: -out", "results_dir", "write ./-out"),
    ("results_dir: 'out '", "results_dir", "blank"),
    ('results_dir: "a\\nb"', "results_dir", "'\\n'"),
    ('results_dir: "a\\tb"', "results_dir", "'\\t'"),
    ("results_dir: 'out/{x}'", "results_dir", "no braces"),
    ("results_dir: 'out/*'", "results_dir", "no `*`"),
    ("results_dir: 'out?'", "results_dir", "no `?`"),
    ("results_dir: 'out[1]'", "results_dir", "no `[`"),
    ("results_dir: s3://bucket/results", "results_dir", "address of another machine"),
    ("results_dir: ~nobody-of-this-name/results", "results_dir", "no such user"),
    ("results_dir: 3", "results_dir", "should be a text"),
    ("paper_values: '{x}.csv'", "paper_values", "no braces"),
    ("paper_values: ''", "paper_values", "should be a path"),
    ("recipes_dir: -recipes", "recipes_dir", "write ./-recipes"),
    ("datasets: {k400: {root: '', annotations: lists}}", "datasets.k400.root", "should be a path"),
    ("datasets: {k400: {root: -v, annotations: lists}}", "datasets.k400.root", "write ./-v"),
    ('datasets: {k400: {root: "a\\u2028b", annotations: lists}}', "datasets.k400.root", "leave it out"),
    # generated videos
    ("datasets: {k400: {generated: {frames: [20, 10]}}}", "datasets.k400.generated.frames", "such as [10, 20]"),
    ("datasets: {k400: {generated: {frames: [1, 10]}}}", "datasets.k400.generated.frames.0", "equal to 2"),
    ("datasets: {k400: {generated: {frames: [10]}}}", "datasets.k400.generated.frames", "list of 2 numbers"),
    ("datasets: {k400: {generated: {frames: 10}}}", "datasets.k400.generated.frames", "list of 2 numbers"),
    ("datasets: {k400: {generated: {frames: [10, 1000000]}}}", "datasets.k400.generated.frames.1", "100000"),
    ("datasets: {k400: {generated: {size: [57, 48]}}}", "datasets.k400.generated.size.0", "should be even"),
    ("datasets: {k400: {generated: {size: [56, 47]}}}", "datasets.k400.generated.size.1", "should be even"),
    ("datasets: {k400: {generated: {size: [14, 48]}}}", "datasets.k400.generated.size.0", "equal to 16"),
    ("datasets: {k400: {generated: {size: [56, 100000]}}}", "datasets.k400.generated.size.1", "4096"),
    ("datasets: {k400: {generated: {classes: 1}}}", "datasets.k400.generated.classes", "equal to 2"),
    ("datasets: {k400: {generated: {classes: 85}}}", "datasets.k400.generated.classes", "84"),
    ("datasets: {ssv2: {generated: {classes: 25}}}", "datasets.ssv2.generated", "2 to 24, not 25"),
    ("datasets: {ucf101: {generated: {videos: {val: 3}}}}", "datasets.ucf101.generated", "train and test"),
    ("datasets: {ucf101: {generated: {videos: {trian: 3}}}}", "datasets.ucf101.generated.videos.trian", "'train'"),
    ("datasets: {ucf101: {generated: {videos: {train: 0}}}}", "datasets.ucf101.generated.videos.train", "equal to 1"),
    ("datasets: {k400: {generated: {design: imagenet}}}", "datasets.k400.generated.design", "'k400'"),
    ("datasets: {k400: {generated: {fps: 0}}}", "datasets.k400.generated.fps", "equal to 1"),
    ("datasets: {k400: {generated: {seed: -1}}}", "datasets.k400.generated.seed", "equal to 0"),
    ("datasets: {k400: {generated: {broken: 1}}}", "datasets.k400.generated.broken", "true or false"),
    ("datasets: {k400: {reader: lists}}", "datasets.k400", "set `reader: kinetics`, or give `root`"),
    ("datasets: {ucf101: {reader: hmdb51}}", "datasets.ucf101", "set `reader: ucf101`, or give `root`"),
    ("datasets: {k400: {generated: {design: ssv2}}}", "datasets.k400", "set `reader: ssv2`"),
    # datasets and the frame store
    ("datasets: null", "datasets", "a mapping"),
    ("datasets: {k400: {kind: spatial}}", "datasets.k400.kind", "'appearance' or 'temporal'"),
    ("datasets: {k400: {reader: kinetic}}", "datasets.k400.reader", "'kinetics'"),
    ("datasets: {k400: {validation: 1.0}}", "datasets.k400.validation", "less than 1"),
    ("datasets: {k400: {validation: -0.1}}", "datasets.k400.validation", "equal to 0"),
    ("datasets: {k400: {validation: .nan}}", "datasets.k400.validation", "neither infinite nor NaN"),
    ("datasets: {k400: {shards: 10001}}", "datasets.k400.shards", "10000"),
    ("datasets: {k400: {shards: 0}}", "datasets.k400.shards", "equal to 1"),
    ("datasets: {k400: {shards: 2.5}}", "datasets.k400.shards", "a whole number"),
    ("datasets: {k400: {shards: '2'}}", "datasets.k400.shards", "a whole number"),
    ("datasets: {k400: {videos: {train: 0}}}", "datasets.k400.videos.train", "equal to 1"),
    ("datasets: {k400: {videos: {trian: 1}}}", "datasets.k400.videos.trian", "'train'"),
    ("store: {short_side: 1000000000}", "store.short_side", "8192"),
    ("store: {short_side: 1}", "store.short_side", "equal to 8"),
    ("store: {short_side: true}", "store.short_side", "a whole number"),
    ("store: {quality: 0}", "store.quality", "equal to 1"),
    ("store: {quality: 101}", "store.quality", "equal to 100"),
    ("store: {codec: png}", "store.codec", "'jpeg', 'raw' or 'lz4'"),
    ("store: {reader: opencv}", "store.reader", "'pyav' or 'decord'"),
    # sizes and seeds of the study
    ("scale: {reduced: 'yes'}", "scale.reduced", "true or false"),
    ("subsets: {10k: 0}", "subsets.10k", "equal to 1"),
    ("subsets: {10k: some}", "subsets.10k", "'all'"),
    ("subsets: {10k: true}", "subsets.10k", "a whole number"),
    ("subsets: null", "subsets", "a mapping"),
    ("epochs: {50: 0}", "epochs.50", "equal to 1"),
    ("epochs: {0: 1}", "epochs.0", "equal to 1"),
    ("epochs: {fifty: 1}", "epochs.fifty", "a whole number"),
    ("epochs: {50: 12}", "epochs", "must rise"),
    (f"epochs: {{300: {10**12}}}", "epochs.300", "equal to 100000000"),
    (f"heldout_videos: {10**400}", "heldout_videos", "equal to 100000000"),
    (f"heldout_videos: 0x{'f' * 5000}", "heldout_videos", "equal to 100000000"),
    ("seeds: 0", "seeds", "equal to 1"),
    ("seeds: [0, 1]", "seeds", "a whole number"),
    ("subset_seed: -1", "subset_seed", "equal to 0"),
    ("subset_seed: 4294967296", "subset_seed", "equal to 4294967295"),
    ("only: []", "only", "at least 1 item"),
    ("only: [a, a]", "only", "each value once, and has 'a' twice"),
    ("restrict: {task: []}", "restrict.task", "at least 1 item"),
    ("restrict: {task: [rotnet, rotnet]}", "restrict.task", "each value once"),
    ("restrict: {noise: [shot]}", "restrict.noise", "'task'"),
    ("restrict: {seed: [true]}", "restrict.seed.0", "should be"),
    # finetuning
    ("finetune: {recipe_version: 0}", "finetune.recipe_version", "equal to 1"),
    ("finetune: {epochs: 0}", "finetune.epochs", "equal to 1"),
    ("finetune: {batch_size: 0}", "finetune.batch_size", "equal to 1"),
    ("finetune: {batch_size: {default: 0}}", "finetune.batch_size.default", "equal to 1"),
    ("finetune: {batch_size: -2.5}", "finetune.batch_size", "a whole number"),
    ("finetune: {accumulation_steps: 0}", "finetune.accumulation_steps", "equal to 1"),
    ("finetune: {precision: fp16}", "finetune.precision", "'fp32' or 'bf16'"),
    ("finetune: {clip: {frames: 0}}", "finetune.clip.frames", "equal to 1"),
    ("finetune: {clip: {frames: 10001}}", "finetune.clip.frames", "equal to 10000"),
    ("finetune: {clip: {size: 0}}", "finetune.clip.size", "equal to 1"),
    ("finetune: {stride: 0}", "finetune.stride", "equal to 1"),
    ("finetune: {test_clips: 0}", "finetune.test_clips", "equal to 1"),
    ("finetune: {dropout: 1}", "finetune.dropout", "less than 1"),
    ("finetune: {dropout: -0.1}", "finetune.dropout", "equal to 0"),
    ("finetune: {reference_batch_size: 0}", "finetune.reference_batch_size", "equal to 1"),
    # the optimiser and its schedule
    ("finetune: {optimizer: {name: adam}}", "finetune.optimizer.name", "'sgd' or 'adamw'"),
    ("finetune: {optimizer: {lr: 0}}", "finetune.optimizer.lr", "greater than 0"),
    ("finetune: {optimizer: {lr: -0.1}}", "finetune.optimizer.lr", "greater than 0"),
    ("finetune: {optimizer: {lr: .inf}}", "finetune.optimizer.lr", "neither infinite nor NaN"),
    ("finetune: {optimizer: {lr: .nan}}", "finetune.optimizer.lr", "neither infinite nor NaN"),
    ("finetune: {optimizer: {lr: 1e400}}", "finetune.optimizer.lr", "neither infinite nor NaN"),
    ("finetune: {optimizer: {lr: '0.1'}}", "finetune.optimizer.lr", "a number"),
    ("finetune: {optimizer: {lr: true}}", "finetune.optimizer.lr", "a number"),
    ("finetune: {optimizer: {lr: {default: 0}}}", "finetune.optimizer.lr.default", "greater than 0"),
    ("finetune: {optimizer: {momentum: 1}}", "finetune.optimizer.momentum", "less than 1"),
    ("finetune: {optimizer: {nesterov: 1}}", "finetune.optimizer.nesterov", "true or false"),
    ("finetune: {optimizer: {nesterov: true, momentum: 0}}", "finetune.optimizer", "`momentum` above 0"),
    ("finetune: {optimizer: {weight_decay: -1}}", "finetune.optimizer.weight_decay", "equal to 0"),
    ("finetune: {optimizer: {decayed: some}}", "finetune.optimizer.decayed", "'all' or 'matrices'"),
    ("finetune: {optimizer: {betas: [0.9, 1.0]}}", "finetune.optimizer.betas.1", "less than 1"),
    ("finetune: {optimizer: {betas: [0.9]}}", "finetune.optimizer.betas", "2"),
    ("finetune: {optimizer: {betas: [0.9, 0.99, 0.999]}}", "finetune.optimizer.betas", "2"),
    ("finetune: {optimizer: {grad_clip: 0}}", "finetune.optimizer.grad_clip", "greater than 0"),
    ("finetune: {optimizer: {by_backbone: {vit: {lr: 0}}}}", "by_backbone.vit", "lr: should be greater than 0"),
    ("finetune: {optimizer: {by_backbone: {vit: {rate: 1}}}}", "by_backbone.vit", "unknown keys"),
    ("finetune: {schedule: {name: linear}}", "finetune.schedule.name", "'cosine'"),
    ("finetune: {schedule: {warmup_epochs: -1}}", "finetune.schedule.warmup_epochs", "equal to 0"),
    ("finetune: {schedule: {final_lr_factor: 1.5}}", "finetune.schedule.final_lr_factor", "equal to 1"),
    ("finetune: {schedule: {milestones: [0.8, 0.5]}}", "finetune.schedule", "should rise, such as [0.5, 0.8]"),
    ("finetune: {schedule: {milestones: [0.5, 0.5]}}", "finetune.schedule.milestones", "each value once"),
    ("finetune: {schedule: {milestones: [60]}}", "finetune.schedule.milestones.0", "less than 1"),
    ("finetune: {schedule: {gamma: 0}}", "finetune.schedule.gamma", "greater than 0"),
    ("finetune: {schedule: {gamma: 10}}", "finetune.schedule.gamma", "equal to 1"),
    # augmentation
    ("finetune: {augment: {crop: middle}}", "finetune.augment.crop", "'center'"),
    ("finetune: {augment: {resize_short: 0}}", "finetune.augment.resize_short", "equal to 1"),
    ("finetune: {augment: {crop: whole, resize_short: 30}}", "finetune.augment", "random or center"),
    ("finetune: {augment: {crop: random_resized, resize_short: 30}}", "finetune.augment", "random or center"),
    ("finetune: {augment: {scale: [1.0, 0.5]}}", "finetune.augment.scale", "such as [0.5, 1.0]"),
    ("finetune: {augment: {scale: [0, 1]}}", "finetune.augment.scale.0", "greater than 0"),
    ("finetune: {augment: {scale: [0.5, 1.5]}}", "finetune.augment.scale.1", "equal to 1"),
    ("finetune: {augment: {ratio: [2.0, 0.5]}}", "finetune.augment.ratio", "such as [0.5, 2.0]"),
    ("finetune: {augment: {ratio: [0, 2]}}", "finetune.augment.ratio.0", "greater than 0"),
    ("finetune: {augment: {rotation: 181}}", "finetune.augment.rotation", "equal to 180"),
    ("finetune: {augment: {rotation: -1}}", "finetune.augment.rotation", "equal to 0"),
    ("finetune: {augment: {flip: 2}}", "finetune.augment.flip", "equal to 1"),
    ("finetune: {augment: {flip: true}}", "finetune.augment.flip", "a number"),
    ("finetune: {augment: {jitter: [0.4, 0.4, 0.4]}}", "finetune.augment.jitter", "4"),
    ("finetune: {augment: {jitter: [-0.4, 0.4, 0.4, 0.1]}}", "finetune.augment.jitter.0", "equal to 0"),
    ("finetune: {augment: {jitter: [0.4, 0.4, 0.4, 0.6]}}", "finetune.augment", "0 to 0.5"),
    ("finetune: {augment: {jitter_p: 1.5}}", "finetune.augment.jitter_p", "equal to 1"),
    ("finetune: {augment: {gray_p: -0.5}}", "finetune.augment.gray_p", "equal to 0"),
    ("finetune: {augment: {gamma: [1.5, 0.5]}}", "finetune.augment.gamma", "such as [0.5, 1.5]"),
    ("finetune: {augment: {gamma: [0, 1]}}", "finetune.augment.gamma.0", "greater than 0"),
    ("finetune: {augment: {blur_p: 2}}", "finetune.augment.blur_p", "equal to 1"),
    ("finetune: {augment: {blur_sigma: [2.0, 0.1]}}", "finetune.augment.blur_sigma", "such as [0.1, 2.0]"),
    ("finetune: {augment: {blur_sigma: [0.1, .inf]}}", "finetune.augment.blur_sigma.1", "neither infinite"),
    ("finetune: {augment: {mean: [0, 0]}}", "finetune.augment.mean", "3"),
    ("finetune: {augment: {mean: [0, 0, .nan]}}", "finetune.augment.mean.2", "neither infinite nor NaN"),
    ("finetune: {augment: {mean: [0, 0, 124000]}}", "finetune.augment.mean.2", "equal to 1000"),
    ("finetune: {augment: {std: [0, 0, 0]}}", "finetune.augment.std.0", "greater than 0"),
    ("finetune: {augment: {std: [1, 1, -1]}}", "finetune.augment.std.2", "greater than 0"),
    # evaluations
    ("distillation: {temperature: 0}", "distillation.temperature", "greater than 0"),
    ("distillation: {weighting: max}", "distillation.weighting", "'aekd'"),
    ("distillation: {max_weight: 0}", "distillation.max_weight", "greater than 0"),
    ("distillation: {max_weight: 1.1}", "distillation.max_weight", "equal to 1"),
    ("linear_probe: {inverse_regularisation: []}", "linear_probe.inverse_regularisation", "at least 1 item"),
    ("linear_probe: {inverse_regularisation: [1, 1.0]}", "linear_probe.inverse_regularisation", "each value once"),
    ("linear_probe: {inverse_regularisation: [0]}", "linear_probe.inverse_regularisation.0", "greater than 0"),
    ("linear_probe: {inverse_regularisation: 1}", "linear_probe.inverse_regularisation", "a list"),
    ("linear_probe: {max_iterations: 0}", "linear_probe.max_iterations", "equal to 1"),
    ("retrieval: {ks: []}", "retrieval.ks", "at least 1 item"),
    ("retrieval: {ks: [1, 1]}", "retrieval.ks", "each value once"),
    ("retrieval: {ks: [0]}", "retrieval.ks.0", "equal to 1"),
    ("noise: {constants: coco}", "noise.constants", "'imagenet-c'"),
    ("noise: {seed: -1}", "noise.seed", "equal to 0"),
    ("noise: {shards: 10001}", "noise.shards", "10000"),
    ("noise: {videos: {shot: 0}}", "noise.videos.shot", "equal to 1"),
    ("noise: {videos: {shot: [1, 2, 3]}}", "noise.videos.shot", "at least 5 items"),
    ("noise: {videos: {fog: 3}}", "noise.videos.fog", "'gaussian'"),
    ("cka: {videos: 3}", "cka.videos", "equal to 4"),
    ("cka: {batch_size: 3}", "cka.batch_size", "equal to 4"),
    # video-language models
    ("vifm: {training: {clip: {videos: 0}}}", "vifm.training.clip.videos", "equal to 1"),
    ("vifm: {training: {clip: {frames: 0}}}", "vifm.training.clip.frames", "equal to 1"),
    ("vifm: {training: {clip: {epochs: 0}}}", "vifm.training.clip.epochs", "equal to 1"),
    ("vifm: {training: {clip: {batch_size: 0}}}", "vifm.training.clip.batch_size", "equal to 1"),
    ("vifm: {training: {clip: {lr: 0}}}", "vifm.training.clip.lr", "greater than 0"),
    ("vifm: {training: {corpora: {k400: {videos: 0}}}}", "vifm.training.corpora.k400.videos", "equal to 1"),
    ("vifm: {training: {leave_out: [ucf101, ucf101]}}", "vifm.training.leave_out", "each value once"),
    ("vifm: {training: {epochs: 0}}", "vifm.training.epochs", "equal to 1"),
    ("vifm: {training: {batch_size: 0}}", "vifm.training.batch_size", "equal to 1"),
    ("vifm: {training: {augment: {std: [0, 0, 0]}}}", "vifm.training.augment.std.0", "greater than 0"),
    ("vifm: {batch_size: 0}", "vifm.batch_size", "equal to 1"),
    ("vifm: {views: 0}", "vifm.views", "equal to 1"),
    ("vifm: {weights: {xclip: {path: ''}}}", "vifm.weights.xclip.path", "should be a path"),
    ("vifm: {tokenizer: ''}", "vifm.tokenizer", "should be a path"),
    # how to run
    ("compute: {device: gpu}", "compute.device", "'cuda'"),
    ("compute: {threads: 0}", "compute.threads", "equal to 1"),
    ("compute: {workers: -1}", "compute.workers", "equal to 0"),
    ("compute: {workers: 1000000}", "compute.workers", "equal to 10000"),
    ("compute: {gpus: -1}", "compute.gpus", "equal to 0"),
    ("compute: {gpus: true}", "compute.gpus", "a whole number"),
    ("compute: {nodes: 0}", "compute.nodes", "equal to 1"),
    ("compute: {parallel: {finetune: {gpus: 0}}}", "compute.parallel.finetune.gpus", "equal to 1"),
    ("compute: {parallel: {finetune: {nodes: 0}}}", "compute.parallel.finetune.nodes", "equal to 1"),
    ("compute: {processes: 0}", "compute.processes", "equal to 1"),
    ("compute: {milestone_jobs: all}", "compute.milestone_jobs", "'needed'"),
    ("compute: {channels_last: 1}", "compute.channels_last", "true or false"),
    ("compute: {compile: 'true'}", "compute.compile", "true or false"),
    ("compute: {retries: -1}", "compute.retries", "equal to 0"),
    ("compute: {checkpoint_minutes: 0}", "compute.checkpoint_minutes", "greater than 0"),
    ("compute: {speed: {flops_per_second: 0}}", "compute.speed.flops_per_second", "greater than 0"),
    ("compute: {speed: {flops_per_second: {default: .inf}}}", "compute.speed.flops_per_second.default", "infinite"),
    ("compute: {speed: {clips_per_second: 0}}", "compute.speed.clips_per_second", "greater than 0"),
    ("compute: {speed: {seconds_per_stored_video: 0}}", "compute.speed.seconds_per_stored_video", "greater than 0"),
    ("compute: {limits: {headroom: 0.5}}", "compute.limits.headroom", "equal to 1"),
    ("compute: {limits: {start_minutes: 0}}", "compute.limits.start_minutes", "greater than 0"),
    ("compute: {limits: {other_minutes: -1}}", "compute.limits.other_minutes", "greater than 0"),
    ("cluster: {longest_minutes: 0}", "cluster.longest_minutes", "equal to 1"),
    ("compute: {memory: {other: 0}}", "compute.memory.other", "equal to 1"),
    ("compute: {memory: {training: 1.5}}", "compute.memory.training", "a whole number"),
    ("compute: {memory: {worker: '2 GB'}}", "compute.memory.worker", "a whole number"),
]


@pytest.mark.parametrize(("text", "key", "valid"), REFUSED)
def test_a_senseless_value_is_refused_at_its_key(tmp_path, text, key, valid):
    message = refusal(tmp_path, text)
    assert f"  {key}: " in message or (f"{key}: " in message and key.startswith("by_backbone")), message
    assert valid in message and "Traceback" not in message and len(message.splitlines()) < 8


GRID = "protocol: finetune, task: rotnet, backbone: r2plus1d, source: k400, subset: 10k, epochs: 50, target: ucf101"
ENTRY = "experiments: {mine: {kind: table, title: T, rows: task, columns: target, grid: {%s}}}"


@pytest.mark.parametrize(
    ("text", "key", "valid"),
    [
        (ENTRY % GRID.replace("epochs: 50", "epochs: [50, 50]"), "grid.epochs", "each value once"),
        (ENTRY % GRID.replace("epochs: 50", "epochs: true"), "grid.epochs", "a whole number"),
        (ENTRY % GRID.replace("epochs: 50", "epochs: '50'"), "grid.epochs", "a whole number"),
        (ENTRY % f"{GRID}, seed: -1", "grid.seed", "equal to 0"),
        (ENTRY % f"{GRID}, seed: []", "grid.seed", "at least 1 item"),
        (ENTRY % f"{GRID}, seed: [1, 1]", "grid.seed", "each value once"),
        (ENTRY % f"{GRID}, complexity: []", "grid.complexity", "at least 1 item"),
        (ENTRY % GRID.replace("task: rotnet", "task: [rotnet, rotnet]"), "grid.task", "each value once"),
        (ENTRY % f"{GRID}, severity: [6]", "grid.severity.0", "equal to 5"),
        ("experiments: {mine: {kind: table, title: T, rows: task, columns: target, grid: []}}", "grid", "at least 1"),
        (
            (ENTRY % GRID).replace("kind: table", "kind: table, baseline: 1"),
            "baseline",
            "true or false",
        ),
        ("experiments: {mine: {kind: table, title: T, published: '{x}'}}", "published", "no braces"),
    ],
)
def test_a_senseless_entry_is_refused_at_its_key(tmp_path, text, key, valid):
    message = refusal(tmp_path, text)
    assert f"experiments.mine.{key}" in message and valid in message


@pytest.mark.parametrize(
    ("text", "where", "valid"),
    [
        ("recipe_overrides: {tdl: {options: {queue_size: -1}}}", "'queue_size' .*tdl.*recipe_overrides", "1 to"),
        ("recipe_overrides: {all: {batch_size: 0}}", "batch_size", "equal to 1"),
        ("recipe_overrides: {all: {clip: {size: 1000000}}}", "clip.size", "8192"),
        ("recipe_overrides: {all: {accumulation_steps: 0}}", "accumulation_steps", "equal to 1"),
        ("recipe_overrides: {all: {recipe_version: 0}}", "recipe_version", "equal to 1"),
        ("recipe_overrides: {all: {reference_batch_size: 0}}", "reference_batch_size", "equal to 1"),
        ("recipe_overrides: {all: {precision: fp16}}", "precision", "'bf16'"),
        ("recipe_overrides: {all: {optimizer: {lr: -1}}}", "optimizer.lr", "greater than 0"),
        ("recipe_overrides: {rotnet: {augment: {std: [0, 0, 0]}}}", "augment.std.0", "greater than 0"),
        ("recipe_overrides: {rotnet: {metrics: []}}", "metrics", "at least 1 item"),
        ("recipe_overrides: {rotnet: {category: tall}}", "category", "'spatial'"),
        ("recipe_overrides: {rotnet: {objective: some}}", "objective", "'contrastive'"),
        ("recipe_overrides: {rotnet: {cost: {forward_passes: 0}}}", "cost.forward_passes", "greater than 0"),
        ("recipe_overrides: {rotnet: {cost: {extra_gflops: -1}}}", "cost.extra_gflops", "equal to 0"),
        ("recipe_overrides: {rotnet: {cost: {times: turns}}}", "cost.times", "rotations"),
        ("recipe_overrides: {rotnet: {cost: {loaded: 0}}}", "cost.loaded", "equal to 1"),
        ("recipe_overrides: {rotnet: {complexity: {../C1: {rotations: 2}}}}", "complexity.../C1", "a name has"),
        ("recipe_overrides: {vcop: {complexity_batch_size: {C3: 0}}}", "complexity_batch_size.C3", "equal to 1"),
        ("recipe_overrides: {videomae: {source_options: {ssv2: {stride: 0}}}}", "'stride' .*videomae", "1 to 10,000"),
        ("recipe_overrides: {prp: {complexity: {C3: {rates: [4, 2]}}}}", "'rates' ", "rising"),
        ("vifm: {recipe_overrides: {xclip: {prompts: {templates: [a photo]}}}}", "prompts.templates.0", "{} once"),
        ("vifm: {recipe_overrides: {xclip: {prompts: {templates: []}}}}", "prompts.templates", "at least 1 item"),
        ("vifm: {recipe_overrides: {all: {std: [0, 0, 0]}}}", "std.0", "greater than 0"),
        ("vifm: {recipe_overrides: {all: {options: {heads: 0}}}}", "'heads' .*vifm.recipe_overrides", "1 to"),
        ("vifm: {recipe_overrides: {all: {options: {masks: 1}}}}", "unknown option 'masks'", "Valid: size"),
        ("finetune: {batch_size: {default: 8, r2plus: 4}}", "backbone 'r2plus' in finetune.batch_size", "r2plus1d"),
        ("finetune: {optimizer: {lr: {default: 1, vitt: 2}}}", "backbone 'vitt' in finetune.optimizer.lr", "vit"),
        ("finetune: {min_steps: {default: 9, diving: 99}}", "target 'diving' in finetune.min_steps", "diving48"),
        ("vifm: {recipe_overrides: {ezclip: {motion_weight: -1}}}", "motion_weight", "equal to 0"),
        ("vifm: {recipe_overrides: {ezclip: {weights: {gigabytes: 0}}}}", "weights.gigabytes", "greater than 0"),
        ("vifm: {recipe_overrides: {ezclip: {data: {name: ../k400}}}}", "data.name", "a name has"),
        ("backbones: {r3d: {width: 0}}", "'width' .*backbones.r3d", "above 0"),
        ("backbones: {r3d: {width: .inf}}", "'width' .*backbones.r3d", "above 0"),
        ("backbones: {r3d: {width: true}}", "'width' .*backbones.r3d", "a number"),
        ("backbones: {vit: {depth: 100000}}", "'depth' .*backbones.vit", "1 to 1,000"),
        ("datasets: {ucf101: {options: {split: 4}}}", "'split' .*datasets.ucf101.options", "1 to 3"),
        ("datasets: {ucf101: {options: {split: true}}}", "'split' .*datasets.ucf101.options", "1 to 3"),
        ("datasets: {k400: {options: {splits: []}}}", "'splits' .*datasets.k400.options", "train, val, test"),
        ("datasets: {k400: {options: {splits: [trian]}}}", "'splits' .*datasets.k400.options", "train, val, test"),
        ("paper_values: nowhere.csv", "`paper_values` names nowhere.csv", "Correct the path"),
        ("paper_values: config", "`paper_values` names config, which is not a file", "Correct the path"),
        ("experiments_file: config", "`experiments_file` names config, which is not a file", "Correct the path"),
        (
            "recipes_dir: config/config.yaml",
            "`recipes_dir` names config/config.yaml, which is not a folder",
            "Correct the path",
        ),
        ("vifm: {recipes_dir: nowhere}", "`vifm.recipes_dir` names nowhere", "Correct the path"),
        ("results_dir: src/results", "`results_dir` is src/results", "such as results"),
        ("results_dir: .git", "`results_dir` is .git", "such as results"),
        ("results_dir: ..", "results_dir", "such as results"),
        # what contradicts one another
        ("finetune: {clip: {frames: 10000}}", "`finetune`: clip.frames is 10000, and .*ucf101 has 48", "48 or less"),
        ("finetune: {clip: {frames: 49}}", "raise `datasets.ucf101.generated.frames`", "48 or less"),
        (
            "recipe_overrides: {cvrl: {clip: {frames: 81}}}",
            "cvrl.yaml .*clip.frames is 81, .*k400 has 80",
            "80 or less",
        ),
        (
            "vifm: {recipe_overrides: {ezclip: {clip: {frames: 25}}}}",
            "ezclip.yaml .*clip.frames is 25, .*captions has 24",
            "24 or less",
        ),
        ("vifm: {training: {clip: {frames: 25}}}", "`vifm.training`: clip.frames is 25, .*captions", "24 or less"),
        ("datasets: {ucf101: {shards: 457}}", "`datasets.ucf101.shards` is 457, and .* 456 videos", "1 to 456"),
        ("noise: {shards: 361}", "`noise.shards` is 361, and ucf101 has 360 test videos", "1 to 360"),
        ("subsets: {50k: 241}", "`subsets.50k` is 241", "1 to 240"),
        ("compute: {gpus: 3}", "a batch of 16 videos .* 3 processes", "a multiple of 3"),
        ("finetune: {accumulation_steps: 5}", "a batch of 16 videos", "a multiple of 5"),
        ("finetune: {precision: bf16}", "`finetune`: precision is bf16", "fp32"),
        ("recipe_overrides: {all: {precision: bf16}}", "the recipe of .*precision is bf16", "fp32"),
        ("distillation: {weighting: aekd, max_weight: 0.1}", "`distillation.max_weight` is 0.1", "to 1"),
        ("vifm: {student_augment: {flip: 0.5}}", "students' augmentation changes the crops", "flip: 0"),
        ("datasets: {hmdb51: {validation: 0}}\nonly: [probe]\n%PROBE%", "`datasets.hmdb51.validation` is 0", "above 0"),
    ],
)
def test_what_only_the_study_knows_is_refused_too(tmp_path, monkeypatch, text, where, valid):
    monkeypatch.chdir(CONFIGS.parent)
    probe = ENTRY.replace("mine", "probe") % GRID.replace("finetune", "linear_probe").replace("ucf101", "hmdb51")
    message = refusal(tmp_path, text.replace("%PROBE%", probe), whole=True)
    assert valid in message
    assert re.search(where, message), message


# -- every number of every model ------------------------------------------------------------------------------------


def numbers_of(model: type, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], type]]:
    """The keys of all numbers of a model, and of the models within it, and of which type each is. Lists and mappings
    have cases of their own above."""
    for name, field in model.model_fields.items():
        kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if kind in (int, float)]
        kinds += [kind for one in get_args(field.annotation) for kind in get_args(one)[:1] if kind in (int, float)]
        inner = first_model(field.annotation)
        if kinds:
            yield (*place, name), kinds[0]
        elif inner is not None and "dict[" not in str(field.annotation) and "Grid" not in str(field.annotation):
            yield from numbers_of(inner, (*place, name))


def with_value(values: dict[str, Any], place: tuple[str, ...], value: object) -> dict[str, Any]:
    """`values` with another value at `place`."""
    head, *rest = place
    within = values.get(head) if isinstance(values.get(head), dict) else {}
    return values | {head: with_value(within, tuple(rest), value) if rest else value}


MODELS = {"config": (Config, BASE), "recipe": (Recipe, RECIPE), "model": (ModelRecipe, MODEL)}
NUMBERS = [(name, place, kind) for name, (model, _) in MODELS.items() for place, kind in numbers_of(model)]
ALLOWED = {"milestones": [[]], "complexity_batch_size": [{}], "times": ["3"], "loaded": ["3"]}
"""Lists and mappings may be empty; the name of an option is checked where the options are known."""
NEVER = [True, "3", math.nan, math.inf, -math.inf, -(10**6), 10**400, -(10**30), [], {}]


def test_the_numbers_are_found():
    assert len(NUMBERS) > 80


@pytest.mark.parametrize(("name", "place", "kind"), NUMBERS, ids=lambda value: str(value))
def test_no_number_is_a_truth_a_text_or_absurd(name, place, kind):
    model, values = MODELS[name]
    for value in [*NEVER, 1.5] if kind is int else NEVER:
        if value in ALLOWED.get(place[-1], ()):
            continue
        with pytest.raises(UserError) as caught:
            model.parse(with_value(values, place, value), "the file")
        assert f"  {'.'.join(place)}" in str(caught.value), value


@pytest.mark.parametrize("registry", [pretext, backbones, models])
def test_no_option_is_of_another_type_or_absurd(registry):
    for name, key, _, default in registry.option_rows():
        wrong = [None, math.nan, math.inf, -(10**30), 10**400, -1, {}, [[]]]
        wrong += [1, 0, "true"] if isinstance(default, bool) else [True]
        wrong += [[]] if isinstance(default, list) else [[1]]
        wrong += [] if isinstance(default, str) else ["1"]
        for value in wrong:
            with pytest.raises(UserError, match=rf"option '{key}' .*'{name}' \(here\) (must be|is the text)"):
                registry.check_options(name, {key: value}, "here")
        registry.check_options(name, {key: default}, "here")


def test_what_generated_videos_can_be_is_said_once():
    assert {name: max_classes(name) for name in DESIGNS} == MAX_CLASSES
    assert {name: design.splits for name, design in DESIGNS.items()} == SPLITS


# -- what is valid stays valid --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("finetune: {optimizer: {lr: 1e-4}}", ("finetune", "optimizer", "lr"), 1e-4),
        ("finetune: {optimizer: {lr: 1}}", ("finetune", "optimizer", "lr"), 1.0),
        ("compute: {speed: {flops_per_second: 3E13}}", ("compute", "speed", "flops_per_second"), 3e13),
        ("results_dir: out/", ("results_dir",), "out"),
        ("results_dir: ./out//here/.", ("results_dir",), "out/here"),
        ("results_dir: ~/out", ("results_dir",), str(Path.home() / "out")),
        ("results_dir: ../out put's", ("results_dir",), "../out put's"),
        ("subsets: {all: all}", ("subsets", "all"), "all"),
        ("subsets: {10k_my-set: 3}", ("subsets", "10k_my-set"), 3),
    ],
)
def test_what_is_meant_is_taken(tmp_path, text, place, value):
    (tmp_path / "mine.yaml").write_text(text)
    found: Any = Config.parse(merge(BASE, read_yaml(tmp_path / "mine.yaml")), "mine.yaml").model_dump()
    for key in place:
        found = found[key]
    assert found == value and type(found) is type(value)


def test_milestones_may_be_written_in_json(tmp_path):
    (tmp_path / "mine.json").write_text('{"epochs": {"50": 1, "100": 2, "150": 3, "200": 4}}')
    assert Config.parse(merge(BASE, read_yaml(tmp_path / "mine.json")), "mine.json").epochs[200] == 4
