"""Video backbones, one file per architecture. `registry` lists and builds them."""
