"""Monitoring: what is pending, finished, running or failed, and whether results can be trusted."""
