"""Code shared by several stages."""
