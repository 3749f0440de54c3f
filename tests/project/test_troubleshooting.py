"""docs/troubleshooting.md quotes messages that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SNAKEMAKES_OWN = {"LockException", "Directory cannot be locked"}
FROM_THE_SYSTEM = "No space left on device"


def quoted() -> list[str]:
    """The messages in the headings."""
    headings = re.findall(r"^### (.*)$", (REPOSITORY / "docs/troubleshooting.md").read_text(), flags=re.M)
    return [message for heading in headings for message in re.findall(r"`([^`]+)`", heading)]


def sources() -> str:
    """All code, with the line breaks inside of messages taken out."""
    files = [*(REPOSITORY / "src").rglob("*.py"), *(REPOSITORY / "rules").glob("*.smk")]
    files += [*(REPOSITORY / "workflow").rglob("*.py"), REPOSITORY / "envs/environment.py"]
    return re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text() for path in files))


@pytest.mark.parametrize("message", sorted(set(quoted()) - SNAKEMAKES_OWN))
def test_a_quoted_message_is_in_the_code(message):
    text = message.replace(FROM_THE_SYSTEM, "")
    pieces = [piece.strip() for piece in re.split(r"…|'…'|\(given: …\)", text) if len(piece.strip(" ':()")) > 3]
    assert pieces
    code = sources()
    for piece in pieces:
        # "unknown {kind}" and "should be {type}" are put together in one place for all kinds and types.
        assert re.sub("^(unknown|should be) ", "", piece.strip("'() ")) in code, piece


def test_there_are_enough():
    assert len(quoted()) >= 12
