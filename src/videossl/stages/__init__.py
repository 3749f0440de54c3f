"""Stages: one file per kind of job."""
