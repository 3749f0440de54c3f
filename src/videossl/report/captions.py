"""Texts of entries in Snakemake's own report: labels of its menu, captions (reStructuredText)."""

from __future__ import annotations

import re
from typing import Any

from videossl.report.request import CLAIMS, request_of
from videossl.report.site.chapters import chapter_title
from videossl.study.study import Study


def caption_of(study: Study, name: str) -> dict[str, Any]:
    """What the caption of an entry, or of the claims, is filled in with (`workflow/report/*.rst`)."""
    if name == CLAIMS:
        return {"mark": _plain(request_of(study, name).arguments["reduced"])}
    entry = study.entries[name]
    return {
        "title": _plain(entry.title),
        "caption": _plain(entry.caption),
        "mark": _plain(request_of(study, name).arguments["reduced"]),
        "plot": entry.plot,
    }


def label_of(study: Study, name: str) -> dict[str, str]:
    """The label of an entry; Snakemake would fill in braces, so an invisible sign keeps them apart."""
    entry = study.entries[name]
    return {entry.kind: re.sub(r"\{(?=\s*\w)", "{\u2060", entry.title)}


def chapter_of(study: Study, name: str) -> str:
    """The heading under which an entry stands."""
    return chapter_title(study.entries[name].section)


def _plain(text: str) -> str:
    """A text as it is, in reStructuredText."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)
