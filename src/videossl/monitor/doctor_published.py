"""Check of `videossl doctor` for published networks: whether the weights of each entry are there."""

from __future__ import annotations

from videossl.monitor.finding import OK, WARNING, Finding
from videossl.published import place_of
from videossl.study.study import Study

SUBJECT = "published networks"


def published_networks(study: Study) -> list[Finding]:
    """Each entry of the configuration's `published`; without its weights its cells stay pending. Nothing if there are
    no entries. Whether the weights fit is found with the other networks of what is to be built."""
    return [_of_entry(study, name) for name in study.config.published]


def _of_entry(study: Study, name: str) -> Finding:
    entry = study.config.published[name]
    how = "supervised" if entry.supervised else "self-supervised"
    facts = f"{name} ({entry.title}, {entry.architecture}, {how} on {entry.data.title})"
    if problem := study.missing_published(name):
        hub = f"run `hf download {entry.weights}` where there is a network" if _like_a_hub_name(entry.weights) else ""
        remedy = f"{hub or 'get the weights'}, or correct `weights` of {place_of(name)}"
        return Finding(WARNING, SUBJECT, f"{facts}: {problem}", remedy)
    path = study.require_published(name)
    clip = study.architectures[study.network_of(name)].clip
    megabytes = path.stat().st_size / 1e6
    shape = f"{clip.frames}x{clip.size}x{clip.size}"
    return Finding(OK, SUBJECT, f"{facts}: clips of {shape}; {path}, {megabytes:,.1f} MB")


def _like_a_hub_name(weights: str) -> bool:
    """Whether missing weights are named like a repository on the hub, `owner/name`."""
    return weights.count("/") == 1 and not weights.startswith(("/", ".", "~"))
