"""Hundreds of short jobs without hundreds of imports: one warm interpreter that forks for every job.

A study at reduced scale is many jobs of a few seconds each, and importing torch and the libraries takes a process two
to three. `python -m videossl.warm.server -- snakemake ...` imports them once, listens on a socket, and runs the command
with VIDEOSSL_WARM set to the socket's name; the workflow then starts its scripts through :mod:`videossl.warm.client`, a
process of some milliseconds that hands its arguments, folder, environment and open files to a fork of the warm
interpreter and waits for its exit code. What a job does and leaves behind is the same; nothing is scheduled or queued
here. Without the variable, as on a cluster, and when the warm interpreter has ended, every job is a process of its own.
"""
