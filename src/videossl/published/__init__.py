"""Networks that others trained: their architectures, the files that hold their weights, and the names in them."""
