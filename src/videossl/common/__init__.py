"""What all other packages build on: errors, files, names, registries, progress. Imports none of them."""
