"""`config/README.md`: every key of the YAML files, written from the models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from videossl.backbones import registry as backbones
from videossl.common.explain import first_model
from videossl.common.ranges import bounds
from videossl.pretext import registry as tasks
from videossl.study.config.experiments import Experiment
from videossl.study.config.recipe import Recipe
from videossl.study.config.study import Config
from videossl.study.config.videolanguage import ModelRecipe
from videossl.videolanguage.models import registry as models

INTRODUCTION = """\
# Configuration

Every key of the YAML files in this folder. Written by `make schema` from the models in `src/videossl/study/config`; a
test fails when it is out of date. An unknown key anywhere is an error that names the valid ones.

- `config.yaml` is the embedded default: reduced scale, generated videos, CPU. `paper.yaml` and `smoke.yaml` are
  overlays that say only what differs: `snakemake --configfile config/paper.yaml`. Mappings merge key by key, everything
  else is replaced; `null` empties a key. Several overlays are laid on top of one another in their order.
- Relative paths start in the working directory: `results_dir`, the folders of datasets, weights, and the overlays
  themselves. Files that the project has of its own (`experiments_file`, `recipes_dir`, `paper_values`,
  `vifm.recipes_dir`, `published` of an entry) are looked for there first, then beside the Snakefile.
- `experiments.yaml` says *what* is run, `recipes/<task>.yaml` *how* a pretext task is trained; a scale replaces keys of
  recipes with `recipe_overrides`.
- `paper_values.csv` has the paper's numbers in tidy form; accuracies in percent as printed there.
- `state_of_the_art.csv` has published results as the paper lists them: group and approach, venue (- for none), input
  (frames x height), backbone, pretraining, top-1 accuracy on UCF101 and HMDB51 in percent.
- Numbers are numbers: `"3"` and `true` are none, and none is infinite. Lists hold each value once. Bounds stand below.
- Names (of tables and figures, datasets, subsets, variants, models and their data) become files and folders. They have
  letters from a to z, digits, `_` and `-`, of which the first is a letter or digit, and 64 at most. Two that differ in
  case alone are refused, and names that have a meaning of their own: `all`, `claims`, `figures`, `logs`, `metrics`,
  `partial`, `report` and `tables` for tables and figures, `none` and `scratch` for all others.
- `results_dir` may begin with `~`. It is never the workflow's folder, one above it or one of its parts, nor a folder
  that holds a dataset's `root` or `annotations`, nor one within a `root`, where all folders are searched for videos.
- The `*.schema.json` files are JSON schemas for editors; the first line of each YAML file names its own.
"""
SECTIONS: dict[str, tuple[str, type[BaseModel]]] = {
    "config.yaml and overlays": ("", Config),
    "experiments.yaml": ("One entry a table or figure, under its name.", Experiment),
    "recipes/<task>.yaml": ("", Recipe),
    "recipes/vifm/<model>.yaml": ("", ModelRecipe),
}

OPTIONS = {
    "pretext tasks (`options` of a recipe)": tasks.option_rows,
    "backbones (`backbones` of the configuration)": backbones.option_rows,
    "video-language models (`options` of a recipe)": models.option_rows,
}


def reference() -> str:
    """The whole text of `config/README.md`."""
    parts = [INTRODUCTION]
    for title, (text, model) in SECTIONS.items():
        parts.append(f"## {title}\n")
        if text:
            parts.append(f"{text}\n")
        parts.append("| key | type | default | meaning |\n| :-- | :-- | :-- | :-- |")
        parts += [f"| `{key}` | {kind} | {default} | {meaning} |" for key, kind, default, meaning in rows(model)]
        parts.append("")
    for title, option_rows in OPTIONS.items():
        parts.append(f"## Options of {title}\n\n| key | valid | default |\n| :-- | :-- | :-- |")
        for name, key, valid, default in option_rows():
            parts.append(f"| `{name}`: `{key}` | {_cell(valid)} | `{_cell(str(default))}` |")
        parts.append("")
    return "\n".join(parts)


def rows(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Key, type, default and meaning of each field, nested models after their own key."""
    for name, field in model.model_fields.items():
        inner = first_model(field.annotation)
        key = f"{prefix}{name}"
        yield (
            key,
            _cell(_with_bounds(field.annotation, field.metadata)),
            _default(field),
            _cell(field.description or _summary(inner)),
        )
        if inner is not None and inner is not Experiment:
            many = "<name>." if "dict[" in str(field.annotation) else ""
            yield from rows(inner, f"{key}.{many}")


def _summary(model: type[BaseModel] | None) -> str:
    return (model.__doc__ or "").splitlines()[0] if model else ""


def _with_bounds(annotation: Any, metadata: Iterable[Any]) -> str:
    """The annotation as a person would write it, with the bounds of a number."""
    return " ".join(part for part in (_plain(annotation), bounds(metadata)) if part)


def _plain(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _with_bounds(arguments[0], arguments[1:])
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin in (Union, UnionType):
        return " | ".join("null" if part is type(None) else _plain(part) for part in arguments)
    if origin is tuple and len(set(arguments)) == 1:
        return f"list of {len(arguments)} ({_plain(arguments[0])})"
    if arguments:
        return f"{origin.__name__}[{', '.join(_plain(part) for part in arguments)}]"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"mapping ({annotation.__name__})"
    return "any" if annotation is Any else annotation.__name__


def _default(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "required"
    default = field.default
    return "" if isinstance(default, BaseModel) or default in (None, "", [], {}) else f"`{_cell(str(default))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
