"""WHAT is run: configuration, cells, costs. Imports no torch."""
