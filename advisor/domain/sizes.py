"""The few bytes that ranking needs of a model before anything is estimated, prepared when the catalog is compiled."""

from collections.abc import Mapping
from typing import NamedTuple


class QuantSize(NamedTuple):
    """One quantization. Bytes."""

    bits_per_weight: float
    file_bytes: int
    tensor_bytes: int
    dense_bytes: int
    """Read for every token: layers without routed experts, and the head."""
    expert_bytes: int
    """Routed experts of all layers."""


class ModelSizes(NamedTuple):
    """One model in every prepared quantization."""

    total_params: int
    expert_share: float
    """Share of the routed experts that one token uses; 0 for a dense model."""
    quants: Mapping[str, QuantSize]

    def active_bytes(self, size: QuantSize) -> float:
        """Bytes read for one token."""
        return size.dense_bytes + size.expert_bytes * self.expert_share
