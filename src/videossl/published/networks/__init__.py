"""One file per architecture of a library. The file's name is the architecture's name."""
