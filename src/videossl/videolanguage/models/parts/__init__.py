"""Parts shared by several video-language models."""
