"""WHAT is run: configuration, cells, costs. Does not import torch."""
