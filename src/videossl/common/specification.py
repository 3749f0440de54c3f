"""Job specifications: every setting that affects a result of a job, and nothing else.

Labels, paths, devices, threads and loader workers are left out, so that changing them retrains nothing. A change in
code that should retrain is declared by raising `recipe_version` (`DATA_VERSION` for listings and frame stores).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict

from videossl.common.files import canonical_json
from videossl.common.strict import Strict


class Specification(Strict):
    """The specification of one job. Its canonical JSON is the only parameter of the job's rule that Snakemake compares,
    and its hash names the run.

    A field with an alias is written under the alias: a key of the JSON never changes, as that would retrain.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    @property
    def values(self) -> dict[str, Any]:
        """The specification as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)

    @property
    def json_text(self) -> str:
        """The canonical JSON."""
        return canonical_json(self.values)

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that name the specification."""
        return hash_of(self)


def hash_of(spec: Specification | Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that name a specification, or plain JSON values."""
    values = spec.values if isinstance(spec, Specification) else dict(spec)
    return hashlib.sha256(canonical_json(values).encode()).hexdigest()[:12]
