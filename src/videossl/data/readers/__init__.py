"""Readers of the real datasets' own layouts: official list files and video folders -> one listing.

A reader is one file in this folder, with the reader's name and two functions:

- `read(root, annotations, **options)` returns the listing: the columns of `common.LISTING_SCHEMA`, one row a video of
  the official lists, in the order of the lists.
- `group(video)`, where several clips were cut from one recording: from a video's id to its recording, whose clips must
  not be parted when a validation split is taken.

`registry` finds readers by name, `listing` calls them: docs/adding_a_dataset.md.
"""
