"""The project as a library: load a trained network, compute features of videos, export it. See docs/library.md."""
