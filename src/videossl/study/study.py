"""The study: expands `experiments.yaml` into cells, one per training or evaluation job.

Cells are computed only here. Rules, wildcard constraints, `videossl plan`, `videossl status` and the tables use them.
Imports no torch: Snakemake loads this module whenever it parses the workflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from videossl.backbones import registry as backbones
from videossl.common.errors import UserError
from videossl.common.places import CHECKOUT, project_file
from videossl.data.feasible import require_size, require_videos
from videossl.data.readers import registry as readers
from videossl.data.settings import ClipShape
from videossl.stages.base import Clips, Work
from videossl.stages.cells import Cell, axes_of
from videossl.stages.registry import stage
from videossl.study import costs, published
from videossl.study.availability import Found, find, require
from videossl.study.config import Config, Experiment, Recipe
from videossl.study.config.layers import Layer, file_of
from videossl.study.config.study import Finetune, config_of, read_layers
from videossl.study.config.videolanguage import ModelRecipe, SmallModels
from videossl.study.entry_files import read_entries
from videossl.study.expansion import Expansion
from videossl.study.folders import check_results_folder
from videossl.study.inventory import Videos, longest_video, videos_of
from videossl.study.leaving_out import LeftOut, effective
from videossl.study.published import Architecture
from videossl.study.recipes import check_finetune, corpus_datasets, model_recipes, task_recipes
from videossl.training.settings import by_backbone
from videossl.training.specs import BackboneSpec


class Study:
    """The configuration and everything derived from it: recipes, entries, cells."""

    def __init__(self, config: Config, layers: Sequence[Layer] = (), project: Path = CHECKOUT) -> None:
        """Derive recipes, entries and cells from `config`.

        Args:
            config: the validated configuration.
            layers: the files that the configuration was merged from, if known; error messages name them.
            project: folder of the workflow, which contains the files named by the configuration.

        Raises:
            UserError: values contradict each other or name something unknown.
        """
        self.project = project
        self.config = config = _with_files(config, project)
        check_results_folder(config, project)
        self._layers = layers
        self._milestones: dict[Cell, list[Cell]] = {}  # asked for tens of thousands of times
        for name, options in (config.backbones or {}).items():
            backbones.check_options(name, options, f"the configuration's `backbones.{name}`")
        for milestone, epochs in config.epochs.items():
            for name in {*epochs} - {"default"} if isinstance(epochs, dict) else ():
                backbones.check_options(name, {}, f"the configuration's `epochs.{milestone}`")
        for name, dataset in config.datasets.items():
            if not dataset.combine:
                readers.check_values(
                    str(dataset.reader), dataset.options, f"the configuration's `datasets.{name}.options`"
                )
        check_finetune(config, self.architectures)
        published.check_names(config, self.recipes)
        self._all_entries = read_entries(config, project, self.place_of)
        self._expansion = Expansion(self, self._all_entries)
        wanted = self._all_entries if config.only is None else config.only
        self.entries = {name: entry for name, entry in self._all_entries.items() if name in wanted}
        shown = {name: self._expansion.shown(name) for name in self.entries}
        self.views_of = {name: cells for name, cells in shown.items() if _is_left(self.entries[name], cells)}
        self.cells_of = {name: list(cells) for name, cells in self.views_of.items()}
        self._leave_out_unused_videos()
        self._check_something_is_left()
        self.entries = {name: self.entries[name] for name in self.cells_of}
        self._check_clips()
        self._check_subsets()

    @cached_property
    def planned_clips(self) -> list[Clips]:
        """The clips that planned jobs cut from stored videos, each kind once."""
        found = {}
        for cell in self.all_cells:
            if clips := stage(cell.stage).clips(self, cell):
                found[clips.where, clips.dataset, clips.shape.frames, clips.shape.size] = clips
        return list(found.values())

    def _check_clips(self) -> None:
        """Raise UserError if a planned job cuts larger clips than the frames of the frame store."""
        for clips in self.planned_clips:
            if clips.augment is not None:
                require_size(clips.shape.size, clips.augment, self.config.store.short_side, clips.where)

    def _check_subsets(self) -> None:
        """Raise UserError if a subset of known size is too small for a task that is trained on it."""
        for cell in self.pretraining:
            size = self.config.subsets[cell.subset]
            if size != "all":
                recipe = self.recipes[cell.task]
                batch = recipe.videos_a_step(cell.complexity, cell.backbone)
                steps = by_backbone(recipe.accumulation_steps, cell.backbone, "accumulation_steps")
                key = f"subsets.{cell.subset}"
                require_videos(
                    size, batch, steps, f"the configuration's `{key}`, for task {cell.task},", f"Raise {key}."
                )

    def _leave_out_unused_videos(self) -> None:
        """Leave datasets that no cell uses out of figures of videos, and figures without any, where the configuration
        leaves cells out (`restrict`, `leave_out`).

        A figure of noise needs cells on noisy videos. Figures that are requested by name keep their datasets.
        """
        limited = self.config.restrict or {"source", "target"} & set(effective(self.config))
        if not limited or self.config.only is not None:
            return
        used, noisy = set(self.datasets_of(self.all_cells)), {cell.target for cell in self.of_stage("robustness")}
        for name in list(self.cells_of):
            entry = self.entries[name]
            kept = [one for one in entry.datasets if one in (noisy if entry.plot == "noise_samples" else used)]
            if entry.datasets and not kept:
                del self.cells_of[name], self.views_of[name]
            self.entries[name] = entry.model_copy(update={"datasets": kept})

    def _check_something_is_left(self) -> None:
        """Raise UserError if a restriction removes an entry that was requested by name, or all entries."""
        lost = [name for name in self.entries if name not in self.cells_of]
        asked = self.config.only is not None or len(lost) == len(self.entries)
        if lost and asked and self.config.restrict:
            limits = "; ".join(f"{axis}: {', '.join(map(str, kept))}" for axis, kept in self.config.restrict.items())
            raise UserError(
                f"the configuration's `restrict` ({limits}) leaves no cells of {', '.join(lost)}. Widen it"
                + ("." if self.config.only is None else f", or take {lost[0]} out of `only`.")
            )

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """The recipe of each pretext task, with the overrides of the scale."""
        return task_recipes(self.config)

    @cached_property
    def models(self) -> dict[str, ModelRecipe]:
        """The recipe of each video-language model, with the overrides of the scale."""
        return model_recipes(self.config)

    def place_of(self, name: str) -> str:
        """File or key that defines entry `name`."""
        if name not in self.config.experiments:
            return f"{self.config.experiments_file}: {name}"
        return self.place_of_key("experiments", name)

    def place_of_key(self, *keys: str) -> str:
        """Key and file of a value of the configuration; `keys`: the path of nested keys."""
        file, path = file_of(self._layers, *keys), ".".join(keys)
        return f"`{path}` in {file}" if file else f"the configuration's `{path}`"

    def left_out(self, name: str) -> LeftOut:
        """The values that the cells of an entry lose at this scale, by axis."""
        return self._expansion.left_out(name)

    def metrics_of(self, cell: Cell) -> list[str]:
        """All metrics of a cell."""
        shown, further = stage(cell.stage).metrics_of(self, cell)
        return list(dict.fromkeys([*shown, *further]))

    @cached_property
    def all_cells(self) -> list[Cell]:
        """Every cell of every stage, each once: the cells shown by entries and all their dependencies."""
        return self.with_dependencies(cell for cells in self.cells_of.values() for cell in cells)

    def with_dependencies(self, cells: Iterable[Cell]) -> list[Cell]:
        """`cells` and their dependencies, including earlier milestones; each once, after its dependencies."""
        found: dict[Cell, None] = {}

        def visit(cell: Cell) -> None:
            if cell not in found:
                for before in self.dependencies(cell):
                    visit(before)
                found[cell] = None

        for cell in cells:
            visit(cell)
        return list(found)

    def dependencies(self, cell: Cell) -> list[Cell]:
        """The cells whose results `cell` needs, including the milestone that a pretraining continues."""
        return stage(cell.stage).dependencies(self, cell)

    def of_stage(self, name: str) -> list[Cell]:
        """All cells of one stage."""
        return [cell for cell in self.all_cells if cell.stage == name]

    @property
    def evaluations(self) -> list[Cell]:
        """All cells that evaluate on a target dataset."""
        return [cell for cell in self.all_cells if cell.target]

    @property
    def pretraining(self) -> list[Cell]:
        """All pretraining cells, one per milestone."""
        return self.of_stage("pretrain")

    def milestones(self, cell: Cell) -> list[Cell]:
        """The milestones of the same pretraining run that have their own job, up to and including `cell`."""
        if cell not in self._milestones:
            self._milestones[cell] = self._milestones_of(cell)
        return self._milestones[cell]

    def _milestones_of(self, cell: Cell) -> list[Cell]:
        cells = [replace(cell, epochs=name) for name in sorted(self.config.epochs) if name <= cell.epochs]
        if self.config.compute.milestone_jobs == "every":
            return cells
        return [one for one in cells if one == cell or one in self._started_from]

    @cached_property
    def _started_from(self) -> set[Cell]:
        """The pretraining cells that an entry shows or that another cell needs.

        Covers all entries, so that the result does not depend on which of them are requested.
        """
        found, left = set(), [cell for name in self._all_entries for cell in self._expansion.shown(name)]
        while left:
            cell = left.pop()
            if cell not in found:
                found.add(cell)
                left += [] if cell.stage == "pretrain" else self.dependencies(cell)
        return {cell for cell in found if cell.stage == "pretrain"}

    def previous(self, cell: Cell) -> Cell | None:
        """The milestone that pretraining `cell` continues; None for the first."""
        steps = self.milestones(cell)
        return steps[-2] if len(steps) > 1 else None

    @cached_property
    def datasets(self) -> list[str]:
        """Names of all datasets needed by cells, sources first, and of those whose videos are shown in figures."""
        return self.datasets_of(self.all_cells, [name for entry in self.entries.values() for name in entry.datasets])

    def datasets_of(self, cells: Iterable[Cell], shown: Iterable[str] = ()) -> list[str]:
        """Names of the datasets needed by `cells` and their dependencies, sources first, followed by `shown`.

        The parts of a combination of datasets come before it.
        """
        needed = self.with_dependencies(cells)
        used = [cell.source for cell in needed if cell.stage == "pretrain"]
        used += [cell.target for cell in needed if cell.target]
        training = self.config.vifm.training
        if training and (models := [cell.source for cell in needed if cell.stage == "vifm"]):
            used += corpus_datasets(self.config.vifm, models) + training.leave_out
        used += shown
        return list(dict.fromkeys(one for name in used for one in (*self.config.parts_of(name), name)))

    def unavailable(self, cell: Cell) -> str:
        """Reason why a cell cannot be run on this machine, such as missing model weights; "" if it can.

        Takes dependencies into account.
        """
        own = stage(cell.stage).unavailable(self, cell)
        return own or next((why for before in self.dependencies(cell) if (why := self.unavailable(before))), "")

    def missing_weights(self, model: str) -> str:
        """Reason why the published weights of a video-language model cannot be used; "" if they can."""
        return find(self.config.vifm, self.models[model]).missing

    def published_files(self, model: str) -> Found:
        """The user's files of a video-language model. Raises UserError with instructions if they are missing."""
        return require(self.config.vifm, self.models[model])

    def missing_published(self, name: str) -> str:
        """Reason why the weights of a published network cannot be used; "" if they can."""
        return published.missing(name, self.config.published[name])

    def require_published(self, name: str) -> Path:
        """The file of a published network's weights. Raises UserError if it is not there."""
        return published.require_weights(name, self.config.published[name])

    @property
    def small_models(self) -> SmallModels:
        """How small video-language models are trained. Raises ValueError if published weights are used."""
        if self.config.vifm.training is None:
            raise ValueError("the study trains no video-language models")
        return self.config.vifm.training

    @property
    def results(self) -> Path:
        """The folder of all results."""
        return Path(self.config.results_dir)

    def dataset_folder(self, name: str, kind: str) -> Path:
        """Folder of a dataset's videos (`root`) or list files (`annotations`; without lists also the videos')."""
        entry = self.config.datasets[name]
        if entry.combine:
            return self.results / "data"  # it has no files but the stores of its parts
        if entry.generated is not None:
            return self.results / "generated" / name / {"root": "videos", "annotations": "annotations"}[kind]
        return Path(str(getattr(entry, kind) or entry.root)).expanduser()

    @property
    def folders_of_videos(self) -> dict[str, str]:
        """Folder of the videos of each dataset that has files."""
        own = [name for name, entry in self.config.datasets.items() if not entry.combine]
        return {name: str(self.dataset_folder(name, "root")) for name in own}

    @cached_property
    def architectures(self) -> dict[str, Architecture]:
        """The networks that published weights belong to, by their name on the axis `backbone`."""
        return published.architectures(self.config)

    def network_of(self, name: str) -> str:
        """The network of a published entry on the axis `backbone`."""
        return published.network_of(name, self.config.published[name])

    def finetune(self, cell: Cell) -> Finetune:
        """The settings of finetuning a cell's network and of its tests, with the clips that a published one takes."""
        common = self.config.finetune
        if cell.taught_by_models and (augment := self.config.vifm.student_augment):
            common = common.model_copy(update={"augment": augment})
        own = self.architectures.get(cell.backbone)
        return own.finetune(common) if own else common

    def backbone(self, cell: Cell) -> BackboneSpec:
        """The backbone of a cell, with the options of the configuration."""
        if own := self.architectures.get(cell.backbone):
            return own.spec
        return BackboneSpec(name=cell.backbone, options=(self.config.backbones or {}).get(cell.backbone, {}))

    def videos(self, dataset: str) -> Videos:
        """The number of videos of a dataset, as far as known."""
        return videos_of(self.config, dataset)

    def longest_video(self, dataset: str) -> int | None:
        """Frames of a dataset's longest training video, as far as known."""
        return longest_video(self.config, dataset)

    def noisy_videos(self, dataset: str, noise: str) -> int:
        """Approximate number of noisy copies of test videos, see :func:`videossl.study.costs.noisy_videos`."""
        return costs.noisy_videos(self.config, dataset, noise)

    def gflops(self, backbone: str, clip: ClipShape) -> float:
        """10^9 operations per forward pass of one clip, see :func:`videossl.study.costs.clip_gflops`."""
        own = self.architectures.get(backbone)
        if own and own.gflops is not None:
            return published.in_proportion(own.gflops, own.clip, clip)
        if own:
            config = self.config.model_copy(update={"backbones": {own.spec.name: own.spec.options}})
            return costs.clip_gflops(config, own.spec.name, clip)
        return costs.clip_gflops(self.config, backbone, clip)

    def work_of_task(self, cell: Cell) -> Work:
        """Work of training on one video with the cell's pretext task, see :func:`videossl.study.costs.task_work`."""
        return costs.task_work(self.config, self.recipes[cell.task], cell)

    def devices(self, cell: Cell) -> costs.Devices:
        """The devices of the cell's job."""
        return costs.devices(self.config, cell)

    @cached_property
    def _by_wildcards(self) -> dict[tuple[str, ...], Cell]:
        return {_key(cell.stage, cell.wildcards): cell for cell in self.all_cells}

    def find(self, name: str, wildcards: Mapping[str, str]) -> Cell:
        """The cell of stage `name` with these path wildcards. Raises UserError listing the closest matches."""
        cell = self._by_wildcards.get(_key(name, wildcards))
        if cell is None:
            asked = stage(name).folder.format(**wildcards)
            known = [cell.path for cell in self._by_wildcards.values() if cell.stage == name]
            near = get_close_matches(asked, known, n=3, cutoff=0)
            lines = "\n".join(f"  {path}" for path in near)
            raise UserError(
                f"no table or figure needs the cell {asked}. The nearest that are planned:\n{lines}\n"
                f"Cells come from {self.config.experiments_file}"
                + (", without what `leave_out` names," if self.config.leave_out else "")
                + " and the configuration's `experiments`."
            )
        return cell

    def axis_values(self, axis: str) -> list[str]:
        """All values of the path wildcard `axis`, for wildcard constraints."""
        return sorted({cell.wildcards[axis] for cell in self.all_cells if axis in cell.wildcards})


def _is_left(entry: Experiment, cells: Iterable[Cell]) -> bool:
    """Whether an entry shows anything after restrictions.

    Baselines alone do not count. A figure of accuracy over cost needs both kinds of cells; figures of videos need none.
    """
    own = [cell for cell in cells if cell.partners or not cell.is_scratch]
    if entry.kind == "figure" and entry.plot == "scatter":
        return len({stage(cell.stage).plot == entry.plot for cell in own}) == 2
    return bool(entry.datasets or own)


def _key(stage: str, wildcards: Mapping[str, str]) -> tuple[str, ...]:
    return (stage, *(str(wildcards[axis]) for axis in axes_of(stage)))


def _with_files(config: Config, project: Path) -> Config:
    """`config` with its file paths resolved, see :func:`videossl.common.places.project_file`."""

    def found(key: str, path: str, *, folder: bool = False) -> str:
        return project_file(path, project, f"the configuration's `{key}`", folder=folder)

    files = {key: found(key, getattr(config, key)) for key in ("experiments_file", "paper_values")}
    files["recipes_dir"] = found("recipes_dir", config.recipes_dir, folder=True)
    recipes_dir = found("vifm.recipes_dir", config.vifm.recipes_dir, folder=True)
    vifm = config.vifm.model_copy(update={"recipes_dir": recipes_dir})
    return config.model_copy(update={**files, "vifm": vifm})


def load_study(paths: list[str | Path], project: Path = CHECKOUT) -> Study:
    """The study defined by the configuration files `paths` (base first, then overlays)."""
    layers = read_layers(paths)
    return Study(config_of(layers), layers, project)
