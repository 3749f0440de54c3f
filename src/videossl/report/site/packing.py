"""Makes the page small: data are compressed, and pictures are stored as lossless WebP."""

from __future__ import annotations

import base64
import gzip
import io
from pathlib import Path
from typing import Any

from PIL import Image

from videossl.common.files import canonical_json


def packed(data: Any) -> str:
    """JSON, compressed by gzip, in base64. Equal content gives equal text."""
    return base64.b64encode(gzip.compress(canonical_json(data).encode(), compresslevel=9, mtime=0)).decode()


def picture(path: Path) -> str:
    """A `data:` address of a picture; lossless WebP takes about half the bytes of matplotlib's PNG."""
    written = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(written, "WEBP", lossless=True, method=2)
    return f"data:image/webp;base64,{base64.b64encode(written.getvalue()).decode()}"
