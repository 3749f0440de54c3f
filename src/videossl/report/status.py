"""Whether a number is there."""

from __future__ import annotations

OK, PENDING, FAILED = "ok", "pending", "failed"
QUOTED = "quoted"
"""Status of a number that the paper quotes from other work, obtained under other conditions."""
PUBLISHED = "published"
"""Status of a number from the literature."""
