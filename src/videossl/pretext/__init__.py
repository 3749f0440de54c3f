"""Pretext tasks: one file a task: what it samples, what it predicts, its loss. `registry` builds them."""
