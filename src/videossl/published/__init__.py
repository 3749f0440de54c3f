"""Networks that others trained: their architectures, the files that hold their weights, and the names in them."""


def place_of(name: str) -> str:
    """The key of a configuration's entry, for messages."""
    return f"the configuration's `published.{name}`"
