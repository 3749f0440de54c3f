"""Video-language models, one file each. Their recipes are in `config/recipes/vifm/`."""
