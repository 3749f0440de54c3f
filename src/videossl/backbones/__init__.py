"""Video backbones: one file an architecture. `registry` lists and builds them."""
