"""Parts that several pretext tasks share."""
