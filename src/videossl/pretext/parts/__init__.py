"""Parts shared by several pretext tasks."""
