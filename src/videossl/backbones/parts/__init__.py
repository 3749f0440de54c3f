"""Parts shared by several backbones."""
