"""What the estimate room derives from a model's architecture, computed once when the catalog is compiled."""

from collections.abc import Mapping
from typing import Any


def shape_rows(records: Mapping[str, Mapping[str, Any]], quantizations: list[dict[str, Any]]) -> dict[str, Any]:
    """Compact shape and weight profiles by model id; models without a known architecture are absent."""
    return {}
