"""Parts that several backbones need."""
