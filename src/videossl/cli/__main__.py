"""`python -m videossl.cli`."""

from videossl.cli import main

main()
