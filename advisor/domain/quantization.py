"""Quantization formats: names and what is known of them independent of a model."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """One preset. `bits_per_weight` is nominal; the real figure follows from a model's tensors."""

    name: str
    format: str
    """gguf, mlx, safetensors."""
    bits_per_weight: float
    imatrix: bool = False
    """Published files normally use an importance matrix."""
    offered: bool = True
    """Considered by default when ranking."""
    note: str | None = None
