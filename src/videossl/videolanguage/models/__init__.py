"""The video-language models, one file each; their recipes are in `config/recipes/vifm/`."""
