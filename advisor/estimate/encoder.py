"""The encoder that turns an image or a clip of sound into what a language model reads: its time."""

from dataclasses import replace

from advisor.domain.estimate import Estimate, Speed, TimeTerm
from advisor.domain.quantity import Z90, Quantity
from advisor.estimate.flops import prefill_work
from advisor.estimate.latency import spread
from advisor.estimate.shape import ModelShape

ENCODER_SD = 0.5
"""Log standard deviation: images differ in size, and encoders in width, window and type."""
_PRODUCTS = "matrix products"


def with_encoder(found: Estimate, shape: ModelShape, flops: float, prompt_tokens: int) -> Estimate:
    """The estimate with the encoder's FLOPs worked off at the pace of the model's own dense products.

    Unchanged where no speed is known or the prompt takes no products.
    """
    speed = found.speed
    products = 0.0 if speed is None else sum(
        t.seconds for t in speed.terms if t.phase == "prefill" and t.name.endswith(_PRODUCTS)
    )  # fmt: skip
    work = prefill_work(shape, max(1, prompt_tokens)).dense
    if speed is None or not products or not work:
        return found
    slower = _later(speed, spread(products * flops / work, ENCODER_SD**2, Z90))
    joules = found.joules_per_answer
    if joules is not None:
        joules = joules.scaled(slower.latency_s.p50 / speed.latency_s.p50)
    return replace(found, speed=slower, joules_per_answer=joules)


def _later(speed: Speed, encoding: Quantity) -> Speed:
    return replace(
        speed, ttft_s=_sum(speed.ttft_s, encoding), latency_s=_sum(speed.latency_s, encoding),
        terms=(TimeTerm(phase="prefill", name="encoder", seconds=encoding.p50), *speed.terms),
    )  # fmt: skip


def _sum(a: Quantity, b: Quantity) -> Quantity:
    return Quantity(a.p10 + b.p10, a.p50 + b.p50, a.p90 + b.p90)
