"""One file a stage: all that is known about one kind of job."""
