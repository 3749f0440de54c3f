"""The paper's claims judged on the numbers that it prints, as a section of docs/results.md.

    python -m videossl.report.paper_claims

writes the section anew. `make claims` does the same.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from videossl.claims import CONTRADICTED, SUPPORTED, UNDECIDED, judge_paper
from videossl.common.errors import UserError, report_user_errors
from videossl.common.files import write_text
from videossl.common.places import CHECKOUT
from videossl.report.claim_numbers import paper_numbers
from videossl.report.claims import in_order
from videossl.report.paper import read_paper_values
from videossl.report.published import read_published
from videossl.report.render import escape_markdown

DOCUMENT = CHECKOUT / "docs/results.md"
VALUES, PUBLISHED = CHECKOUT / "config/paper_values.csv", CHECKOUT / "config/state_of_the_art.csv"
BEGIN, END = (
    "<!-- make claims: the lines from here on are written by it -->",
    "<!-- end of the lines of make claims -->",
)
HEADER = ("Section", "The paper says", "Verdict", "Evidence")


def section() -> str:
    """The count of verdicts and the table, as Markdown."""
    numbers = paper_numbers(read_paper_values(VALUES), read_published(PUBLISHED))
    judged = {claim: judge_paper(claim, numbers) for claim in in_order()}
    counts = Counter(finding.verdict for finding in judged.values())
    told = ", ".join(f"**{counts[verdict]} {verdict}**" for verdict in (SUPPORTED, CONTRADICTED, UNDECIDED))
    rows = [(claim.section, claim.sentence, finding.verdict, finding.evidence) for claim, finding in judged.items()]
    lines = [" | ".join(escape_markdown(text) for text in row) for row in (HEADER, *rows)]
    lines.insert(1, " | ".join([":--"] * len(HEADER)))
    table = "\n".join(f"| {line} |" for line in lines)
    return f"Of {len(judged)} claims, the paper's own numbers leave {told}.\n\n{table}"


def with_section(text: str, found: str) -> str:
    """A document with the section in its place. Raises UserError if its marks are not there once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise UserError(f"{DOCUMENT} has no place for the claims. Put these two lines there: {BEGIN} and {END}")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{found}\n\n{END}{rest.partition(END)[2]}"


def main(document: Path = DOCUMENT) -> None:
    write_text(document, with_section(document.read_text(encoding="utf-8"), section()))


if __name__ == "__main__":
    sys.exit(report_user_errors(main))
