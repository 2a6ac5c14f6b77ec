"""A small made-up market of models, and a made-up machine whose speed follows one plain rule."""

from dataclasses import dataclass
from types import SimpleNamespace

from advisor.decide.question import Question
from advisor.domain.estimate import (
    DeviceMemory,
    Estimate,
    Flops,
    Footprint,
    Placement,
    PlacementKind,
    Speed,
)
from advisor.domain.quantity import Basis, Quantity
from advisor.domain.sizes import ModelSizes, QuantSize
from advisor.domain.workload import Budget, Task, Workload

CHAT = Task(
    name="chat",
    title="Chat",
    prompt_tokens=500,
    output_tokens=200,
    thinking_tokens=1000,
    max_ttft_s=3.0,
    max_tpot_s=0.2,
    max_latency_s=60.0,
    categories=("llm", "vlm"),
)
BITS = {"Q8_0": 8.5, "Q4_K_M": 4.9, "Q2_K": 3.0}


def entry(name, params, score, *, sd=3.0, grade="measured", thinking="never", mode="default", **changes):
    fields = dict(
        id=f"maker/{name}",
        name=name,
        category="llm",
        thinking=thinking,
        tuning=None,
        commercial=True,
        licence="apache-2.0",
        official=True,
        downloadable=True,
        context_max=32768,
        engines=("llama.cpp",),
        modalities=("text",),
        capabilities=(),
        total_params=int(params),
        active_params=int(params),
        published={"gguf": tuple(BITS)},
        quality={mode: {"chat": (score, sd, grade)}},
    )
    return SimpleNamespace(**(fields | changes))


class Market:
    """A shelf."""

    def __init__(self, *entries):
        self.all = entries

    default_quants = frozenset(BITS)

    def entries(self):
        return self.all

    def sizes(self, model_id):
        params = next(e for e in self.all if e.id == model_id).total_params
        return ModelSizes(params, 0.0, {quant: self._size(params, bits) for quant, bits in BITS.items()})

    def size(self, model_id, quant, form="gguf"):
        return self.sizes(model_id).quants.get(quant)

    def _size(self, params, bits):
        weights = int(params * bits / 8)
        return QuantSize(bits, weights, weights, weights, 0)


@dataclass
class Box:
    """An estimator: one pool of memory, time = bytes / bandwidth."""

    memory: float
    bandwidth: float
    calls: int = 0
    mixed: bool = False

    def cannot_fit(self, candidate):
        excess = candidate.size.file_bytes - self.memory
        return int(excess) if excess > 0 else None

    def __call__(self, candidate, workload, kv_type):
        self.calls += 1
        per_kv = {"f16": 2.0, "q8_0": 1.06, "q4_0": 0.56}[kv_type]
        weights, kv = candidate.size.file_bytes, int(workload.context * 50_000 * per_kv)
        tpot = weights / self.bandwidth
        ttft = workload.prompt_tokens * tpot / 20
        spread = Quantity(0.85, 1.0, 1.2)
        output = workload.output_tokens + workload.thinking_tokens
        memory = DeviceMemory(device="host", weights_bytes=weights, kv_cache_bytes=kv, available_bytes=int(self.memory))
        footprint = Footprint(devices=(memory,))
        return (
            Estimate(
                model=candidate.model_id,
                quant=candidate.quant,
                engine=candidate.engine,
                placement=Placement(kind=PlacementKind.CPU),
                context=workload.context,
                kv_type=kv_type,
                bits_per_weight=candidate.size.bits_per_weight,
                footprint=footprint,
                speed=Speed(
                    load_s=spread,
                    ttft_s=spread.scaled(ttft),
                    tpot_s=spread.scaled(tpot),
                    prefill_tokens_per_s=spread.scaled(workload.prompt_tokens / ttft),
                    decode_tokens_per_s=spread.scaled(tpot).inverse(),
                    latency_s=spread.scaled(ttft + output * tpot),
                ),
                flops=Flops(per_output_token=1.0, prompt=1.0),
                joules_per_answer=None,
                basis=Basis.ESTIMATED,
                fits=footprint.fits,
            ),
        )


def question(**changes):
    workload = Workload(task="chat", prompt_tokens=500, output_tokens=200, thinking_tokens=1000, context=1024)
    budget = Budget(max_ttft_s=3.0, max_tpot_s=0.2, max_latency_s=60.0)
    return Question(**({"task": CHAT, "workload": workload, "budget": budget} | changes))
