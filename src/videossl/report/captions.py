"""Texts of entries in Snakemake's report: menu labels, and captions in reStructuredText."""

from __future__ import annotations

import re
from typing import Any

from videossl.report.left_out import left_out_here
from videossl.report.request import CLAIMS, mark_of
from videossl.report.site.chapters import chapter_title
from videossl.report.subsets import caption_here
from videossl.study.study import Study


def caption_of(study: Study, name: str) -> dict[str, Any]:
    """Template values of the caption of an entry or of the claims (`workflow/report/*.rst`)."""
    if name == CLAIMS:
        return {"mark": _plain(mark_of(study, name))}
    entry = study.entries[name]
    return {
        "title": _plain(entry.title),
        "caption": _plain(" ".join(part for part in (caption_here(study, name), left_out_here(study, [name])) if part)),
        "mark": _plain(mark_of(study, name)),
        "plot": entry.plot,
    }


def label_of(study: Study, name: str) -> dict[str, str]:
    """Menu label of an entry. An invisible character after each brace stops Snakemake from formatting it."""
    entry = study.entries[name]
    return {entry.kind: re.sub(r"\{(?=\s*\w)", "{\u2060", entry.title)}


def chapter_of(study: Study, name: str) -> str:
    """Heading of the section that contains an entry."""
    return chapter_title(study.entries[name].section)


def _plain(text: str) -> str:
    """Text escaped for reStructuredText."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)
