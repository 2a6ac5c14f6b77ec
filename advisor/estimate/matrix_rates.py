"""The pace at which a device multiplies matrices in a format: with units of its own for it, or in 16 bits."""

from advisor.domain.machine import Accelerator

NARROW_EXPONENT = 0.75
"""Units that are so many times as fast as 16-bit ones bring this power of it: activations are quantized first, and what
is between the products stays in 16 bits. Of 0.5, 0.75 and 1 on sources left out and on loads of an H100 in both formats
(with 0.5 the two formats err alike there, with 0.75 both err less)."""
WEIGHTS_ONLY = ("12.1",)
"""Compute capabilities for which vLLM's published builds unpack NVFP4 and multiply it in 16 bits, whatever the units
(vllm-project/vllm issues 50925 and 55397)."""


def matrix_rate(accelerator: Accelerator, multiplied: str = "f16") -> float | None:
    """FLOP/s against those in 16 bits, whose rate is the data sheet's; None where none is known.

    `multiplied`: f16, fp8, int8, fp4 (weights and activations), mxfp4. Weights that the device has no units for are
    unpacked and multiplied in 16 bits. MXFP4 is multiplied by 8-bit activations on devices with units for 4-bit floats,
    and by 16-bit ones on all others.
    """
    f16 = accelerator.f16_flops
    fp4 = None if accelerator.compute_capability in WEIGHTS_ONLY else accelerator.fp4_flops
    narrow = {
        "fp8": accelerator.fp8_flops,
        "int8": accelerator.int8_ops,
        "fp4": fp4,
        "mxfp4": accelerator.fp8_flops if fp4 else None,
    }.get(multiplied)
    if not narrow or not f16:
        return f16
    return float(f16 * max(1.0, narrow / f16) ** NARROW_EXPONENT)
