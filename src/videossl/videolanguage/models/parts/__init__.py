"""Parts that several video-language models need."""
