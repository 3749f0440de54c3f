"""Readers of the datasets' official layouts: list files and video folders -> one listing.

A reader is one file in this folder. It has the reader's name and two functions:

- `read(root, annotations, **options)` returns the listing: the columns of `common.LISTING_SCHEMA`, one row per video of
  the official lists, in their order. A reader without lists has no argument `annotations`.
- `group(video)`, if several clips were cut from one recording: maps a video id to its recording. A validation split
  must not separate clips of one recording. It may have options of `read` as further arguments.

`registry` finds readers by name, `listing` calls them: docs/adding_a_dataset.md.
"""
