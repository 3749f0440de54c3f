"""Video foundation models (ViFMs): contrastive video-language models, used zero-shot and as teachers (paper, section
5.3)."""
