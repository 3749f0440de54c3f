"""Pretext tasks, one file each: what it samples, what it predicts, its loss. `registry` builds them."""
