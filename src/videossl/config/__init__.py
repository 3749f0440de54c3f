"""Configuration models; every key is checked, an unknown one is an error that names the valid ones."""

from videossl.config.base import merge
from videossl.config.experiments import Experiment, Grid
from videossl.config.reading import read_yaml
from videossl.config.recipe import Augment, ClipShape, Optimizer, Recipe, Schedule, load_recipe, task_names
from videossl.config.study import Config, Dataset, load_config

__all__ = [
    "Augment",
    "ClipShape",
    "Config",
    "Dataset",
    "Experiment",
    "Grid",
    "Optimizer",
    "Recipe",
    "Schedule",
    "load_config",
    "load_recipe",
    "merge",
    "read_yaml",
    "task_names",
]
