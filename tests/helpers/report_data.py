"""What a report embeds for its script."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

EMBEDDED = re.compile(r'(?<=id="data">)[^<]*(?=</script>)')


def data_of(page: str) -> dict[str, Any]:
    """The runs, recipes and claims of a page."""
    found = EMBEDDED.search(page)
    assert found, "the page has no data"
    return json.loads(gzip.decompress(base64.b64decode(found[0])))
