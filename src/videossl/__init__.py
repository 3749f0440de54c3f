"""Benchmarking of contextual self-supervised video representation learning."""

__version__ = "0.1.0"
