"""One replica of a model that serves many sequences at once: the time of a step and the sequences that memory holds.

A step decodes one token for each of b sequences and takes some prompt tokens along (continuous batching, chunked
prefill). Constants: `sizing.constants`, fitted on published load tests; formula in catalog/serving.yaml.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from advisor.estimate.formats import multiplied_in
from advisor.estimate.shape import LayerShape, ModelShape
from advisor.estimate.tensor_types import row_bytes
from advisor.estimate.weights import WeightProfile
from advisor.sizing.constants import EngineConstants, LinkConstants

_ACTIVATION_BYTES = 2
"""Activations cross the link in 16 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What serving needs to know of a model in one quantization. Bytes, FLOPs."""

    dense_bytes: float
    """Read in every step: layers without routed experts, and the output head."""
    expert_bytes: float
    """All routed experts."""
    expert_share: float
    """Of the experts, what one token uses; 0 without experts."""
    resident_bytes: float
    """All weights in memory."""
    flops_per_token: float
    attention_flops: float
    """Per token and attended token, full-attention layers."""
    n_layers: int
    kernels: int
    """Launched in a step, after the usual fusions."""
    hidden: int
    full_cache_bytes: float
    """Cache of one token in layers that keep every token."""
    window_cache_bytes: float
    """Cache of one token in sliding-window layers."""
    window: int = 0
    state_bytes: float = 0.0
    """Recurrent state of one sequence."""
    head_flops: float = 0.0
    """Of `flops_per_token`, the output head's: only tokens that are written need it."""
    narrow_flops: float = 0.0
    """Of `flops_per_token`, what is multiplied in the format of the weights where a device has units for it."""
    multiplied: str = "f16"
    """That format (see `estimate.matrix_rates`)."""
    caches: tuple[tuple[LayerShape, float, float], ...] = ()
    """Kinds of layers, each with its cache of one token that is kept for good and in a window."""

    def split(self, devices: int) -> "Served":
        """The model over the devices of a tensor split: caches of fewer heads than devices are kept several times."""
        copies = [(kind.copies(devices), full, window) for kind, full, window in self.caches]
        if all(n == 1.0 for n, _, _ in copies):
            return self
        return replace(
            self,
            full_cache_bytes=sum(n * full for n, full, _ in copies),
            window_cache_bytes=sum(n * window for n, _, window in copies),
        )

    def weights_read(self, tokens: float) -> float:
        """Bytes of weights that a step with so many tokens reads: experts as far as the tokens cover them."""
        covered: float = 1.0 - (1.0 - self.expert_share) ** max(tokens, 1.0)
        return self.dense_bytes + self.expert_bytes * covered

    def cache_of(self, tokens: float) -> float:
        """Bytes of cache and state that a sequence of so many tokens holds, and that a new token of it reads."""
        near = min(tokens, self.window) if self.window else tokens
        return self.full_cache_bytes * tokens + self.window_cache_bytes * near + self.state_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """Accelerators that serve one copy of the weights."""

    devices: int
    memory_bytes: float
    """Of all devices together, free on an idle machine and the engine's to take."""
    bandwidth_bytes_per_s: float
    """Of one device."""
    flops: float
    """Of one device, dense matrix rate in 16 bits."""
    link: LinkConstants | None
    engine: EngineConstants
    narrow_flops: float = 0.0
    """The same in the format of the weights; 0: as in 16 bits."""

    @property
    def width(self) -> int:
        """Devices that work on one layer at a time."""
        return self.devices if self.engine.tensor_parallel else 1


def served_of(shape: ModelShape, weights: WeightProfile, kv_type: str = "f16") -> Served:
    """A model in one quantization as serving sees it."""
    flops = 0.0
    caches = []
    for kind, n in zip(shape.layers, shape.counts, strict=True):
        full = window = 0.0
        if kind.reads == "F":
            flops += n * kind.attention_flops
        if kind.cache:
            row = row_bytes(kind.k_elements, kv_type)
            row += row_bytes(kind.v_elements, kv_type) if kind.v_elements else 0
            full, window = (n * row, 0.0) if kind.cache == "F" else (0.0, n * row)
        if kind.compression:
            flops += n * kind.attention_flops / kind.compression
            full += n * row_bytes(kind.compressed_elements + kind.indexer_elements, kv_type) / kind.compression
        caches.append((kind, full, window))
    experts = shape.expert_params * shape.expert_share
    active = shape.dense_params + shape.output_params + experts
    multiplied, experts_only = multiplied_in(weights.quant, weights.format)
    narrow = experts if experts_only and experts else shape.dense_params + experts
    return Served(
        dense_bytes=weights.dense_bytes + weights.head_bytes,
        expert_bytes=weights.expert_bytes,
        expert_share=shape.expert_share,
        resident_bytes=weights.loaded_bytes,
        flops_per_token=2.0 * active,
        attention_flops=flops,
        n_layers=shape.n_layers,
        kernels=shape.ops,
        hidden=shape.hidden,
        full_cache_bytes=sum(full for _, full, _ in caches),
        window_cache_bytes=sum(window for _, _, window in caches),
        caches=tuple(caches),
        window=shape.window,
        state_bytes=shape.state_bytes,
        head_flops=2.0 * shape.output_params,
        narrow_flops=2.0 * narrow,
        multiplied=multiplied,
    )


class StepTerms(NamedTuple):
    """Where a step's time goes, in seconds."""

    weights_s: float
    compute_s: float
    together_s: float
    """Of both, what passes at once: the shorter of the two in one step."""
    cache_s: float
    link_s: float
    fixed_s: float

    @property
    def total_s(self) -> float:
        """Reading weights and computing overlap; the rest adds up."""
        return self.weights_s + self.compute_s - self.together_s + self.cache_s + self.link_s + self.fixed_s

    @property
    def binding(self) -> str:
        """The largest term, in words."""
        if self.weights_s + self.compute_s - self.together_s + self.cache_s < self.link_s + self.fixed_s:
            return "interconnect" if self.link_s > self.fixed_s else "engine"
        return "compute" if self.compute_s > self.weights_s + self.cache_s else "bandwidth"

    def mixed(self, other: "StepTerms", share: float) -> "StepTerms":
        """The mean step where a share of the steps is `other`."""
        return StepTerms(*((1.0 - share) * mine + share * its for mine, its in zip(self, other, strict=True)))


def step_terms(
    model: Served, replica: Replica, decoding: float, cache_bytes: float, *, prompt: float = 0.0, attended: float = 0.0
) -> StepTerms:
    """A step with `decoding` sequences that read `cache_bytes`, and `prompt` tokens that each attend to `attended`."""
    engine, width = replica.engine, replica.width
    tokens = decoding + prompt
    bandwidth = width * replica.bandwidth_bytes_per_s
    body, narrow = model.flops_per_token - model.head_flops - model.narrow_flops, model.narrow_flops
    token_s = body / replica.flops + narrow / (replica.narrow_flops or replica.flops)
    written_s = decoding * (token_s + model.head_flops / replica.flops)
    read_s = prompt * (token_s + model.attention_flops * attended / replica.flops)
    weights_s = model.weights_read(tokens) / (bandwidth * engine.eta_weights)
    compute_s = (written_s / engine.eta_compute + read_s / engine.eta_prefill) / width
    return StepTerms(
        weights_s=weights_s,
        compute_s=compute_s,
        together_s=min(weights_s, compute_s),
        cache_s=cache_bytes / (bandwidth * engine.eta_kv),
        link_s=_link_s(model, replica, tokens),
        fixed_s=engine.t0_s_per_kernel * model.kernels + engine.host_s_per_sequence * decoding,
    )


def _link_s(model: Served, replica: Replica, tokens: float) -> float:
    """Two all-reduces a layer, each 2 (n - 1) / n of the activations."""
    width = replica.width
    if width < 2 or replica.link is None:
        return 0.0
    moved = tokens * model.hidden * _ACTIVATION_BYTES * 2 * (width - 1) / width
    return 2 * model.n_layers * (replica.link.alpha_s + moved / replica.link.bytes_per_s)


def cache_room_bytes(model: Served, replica: Replica) -> float:
    """Memory left for cache; negative where the weights do not fit."""
    return replica.memory_bytes - replica.devices * replica.engine.overhead_bytes - model.resident_bytes


def max_sequences(model: Served, replica: Replica, tokens: float) -> float:
    """Sequences of so many tokens (on average) that fit at once; 0 where the weights do not fit."""
    room = cache_room_bytes(model, replica)
    if room <= 0:
        return 0.0
    return min(float(replica.engine.max_sequences), room / max(model.cache_of(tokens), 1.0))
