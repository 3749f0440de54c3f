"""Configuration models. Every key is checked; an unknown key is an error that lists the valid ones."""

from videossl.common.strict import merge
from videossl.study.config.experiments import Experiment, Grid
from videossl.study.config.reading import read_yaml
from videossl.study.config.recipe import Recipe, load_recipe, task_names
from videossl.study.config.study import Config, Dataset, load_config

__all__ = [
    "Config",
    "Dataset",
    "Experiment",
    "Grid",
    "Recipe",
    "load_config",
    "load_recipe",
    "merge",
    "read_yaml",
    "task_names",
]
