"""The ground: errors, files, names, registries, progress. Imports nothing of the other rooms."""
