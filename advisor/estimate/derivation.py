"""How an estimate comes about: every sum with its numbers put in, and where each number is from.

Nothing is computed a second way here: terms, factors and bytes are those that the estimate itself used.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from advisor.domain.estimate import PlacementKind
from advisor.domain.units import format_count, format_duration, format_rate, format_size
from advisor.estimate.calibration import Posterior, factors
from advisor.estimate.flops import prompt_work, token_work
from advisor.estimate.footprint import device_spans, footprint
from advisor.estimate.kv_cache import cells, compressed_cells, own_streams, state_bytes, window_cells
from advisor.estimate.latency import TERM_NAMES
from advisor.estimate.parts import Part, Setting, compute_rate, parts_of
from advisor.estimate.roofline import US
from advisor.estimate.shape import LayerShape
from advisor.estimate.tensor_types import row_bytes

READS, KERNELS, PRODUCTS = (0, 1, 2, 7), 3, (4, 5, 6)
"""Terms that are bytes over a bandwidth, kernels times a microsecond, and operations over a rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of arithmetic. `value` in `unit` (bytes, s, flop, points)."""

    about: str
    """memory, work, prefill, decode or quality."""
    name: str
    text: str
    value: float
    unit: str
    source: str


def derive(setting: Setting) -> tuple[Step, ...]:
    """Memory first, then operations, then the terms of both phases."""
    parts, _ = parts_of(setting)
    steps = [*_memory(setting), *_work(setting)]
    for about in ("prefill", "decode"):
        for index, part in enumerate(parts):
            steps += _terms(setting, part, index, about)
    return tuple(steps)


def _memory(setting: Setting) -> Iterator[Step]:
    choice = setting.choice
    weights = choice.weights
    padded = weights.loaded_bytes - weights.tensor_bytes
    yield Step(
        about="memory",
        name="weights",
        text=f"{format_count(weights.parameters)} parameters × {weights.bits_per_weight:.3f} bits ÷ 8 = "
        f"{format_size(weights.tensor_bytes)}"
        + (f" + {format_size(padded)} to pad the experts = {format_size(weights.loaded_bytes)}" if padded > 0 else ""),
        value=float(weights.loaded_bytes),
        unit="bytes",
        source=f"shapes of the tensors in the catalog, their types as {weights.quant} assigns them",
    )
    yield from _cache(setting)
    memory = footprint(choice, setting.placement, setting.machine, setting.constants)
    for name, source in (
        ("compute", f"scratch of a micro-batch of {choice.engine.micro_batch} tokens, as llama.cpp plans its graph"),
        ("overhead", f"what {choice.engine.name} and the driver keep, catalog/engines.yaml"),
    ):
        size = sum(getattr(d, f"{name}_bytes") for d in memory.devices)
        where = " + ".join(format_size(getattr(d, f"{name}_bytes")) for d in memory.devices if d.total_bytes)
        yield Step(about="memory", name=name, text=where, value=float(size), unit="bytes", source=source)


def _cache(setting: Setting) -> Iterator[Step]:
    shape, layout = setting.choice.shape, setting.choice.layout
    full, window = cells(layout), window_cells(own_streams(shape, layout), shape.window)
    for kind, n in zip(shape.layers, shape.counts, strict=True):
        if not kind.cache:
            continue
        held = full if kind.cache == "F" else window
        row = row_bytes(kind.k_elements, layout.k_type)
        row += row_bytes(kind.v_elements, layout.v_type) if kind.v_elements else 0
        values = f"{kind.k_elements} keys in {layout.k_type} + {kind.v_elements} values in {layout.v_type}"
        yield Step(
            about="memory",
            name="KV cache" if kind.cache == "F" else "KV cache, sliding window",
            text=f"{n} layers × {held} tokens × ({values} = {row} B) = {format_size(n * held * row)}",
            value=float(n * held * row),
            unit="bytes",
            source="layers of the architecture in the catalog; tokens padded as llama.cpp pads them",
        )
        if kind.compression:
            yield _compressed(setting, kind, n)
    state = state_bytes(shape, layout)
    if state:
        text = f"recurrent layers, independent of the context: {format_size(state)}"
        source = "layers of the architecture in the catalog"
        yield Step(about="memory", name="state", text=text, value=float(state), unit="bytes", source=source)


def _compressed(setting: Setting, kind: LayerShape, n: int) -> Step:
    """Rows that stand for several tokens each."""
    layout = setting.choice.layout
    held, row = (
        layout.sequences * compressed_cells(layout, kind.compression),
        row_bytes(kind.compressed_elements, layout.k_type),
    )
    row += row_bytes(kind.indexer_elements, layout.k_type) if kind.indexer_elements else 0
    return Step(
        about="memory",
        name=f"KV cache, rows of {kind.compression} tokens",
        text=f"{n} layers × {held} rows × {row} B = {format_size(n * held * row)}",
        value=float(n * held * row),
        unit="bytes",
        source="layers of the architecture in the catalog; rows padded as llama.cpp pads them",
    )


def _work(setting: Setting) -> Iterator[Step]:
    shape, prompt = setting.choice.shape, max(1, setting.workload.prompt_tokens)
    cached = setting.workload.cached_tokens
    for name, work, tokens in (
        ("one output token", token_work(shape, setting.depth), 1),
        ("the prompt", prompt_work(shape, prompt, cached), prompt),
    ):
        text = (
            f"{tokens} × 2 × {format_count((work.dense + work.experts) / 2 / tokens)} multiplied weights, "
            f"{work.head:.3g} for the head, {work.attention:.3g} for attention = {work.total:.3g}"
        )
        source = "shapes of the tensors in the catalog, two operations a weight"
        yield Step(about="work", name=name, text=text, value=work.total, unit="flop", source=source)


def _terms(setting: Setting, part: Part, index: int, about: str) -> Iterator[Step]:
    """The terms of one device in one phase: rated time × what measurements say of it."""
    raw = part.prefill if about == "prefill" else part.decode
    for i, (rated, factor) in enumerate(zip(raw, factors(part.posterior.mean), strict=True)):
        if rated <= 0:
            continue
        seconds = rated * factor
        text = f"{_rated(setting, index, i, rated)} × {factor:.2f} = {format_duration(seconds)}"
        name = f"{TERM_NAMES[i]} on {_where(setting, part, index)}"
        yield Step(about=about, name=name, text=text, value=seconds, unit="s", source=_known_from(part.posterior))


def _where(setting: Setting, part: Part, index: int) -> str:
    spans = _spans(setting)
    if index < len(spans):
        return setting.machine.accelerators[spans[index]].name
    return "links" if part.posterior.backend == "link" else "the host"


def _spans(setting: Setting) -> list[int]:
    """Accelerators in the order of the parts."""
    if setting.placement.kind is PlacementKind.CPU:
        return []
    found = device_spans(setting.choice, setting.placement, setting.machine, setting.constants)
    return [span[0] for span in found][: 1 if setting.placement.tensor_parallel > 1 else None]


def _rated(setting: Setting, index: int, term: int, seconds: float) -> str:
    """A term at data-sheet rates, taken apart where it is one amount over one rate."""
    spans = _spans(setting)
    if term == KERNELS:
        return f"{seconds / US:.0f} kernels × 1 µs"
    if index >= len(spans):
        return f"{format_duration(seconds)} at the rates of the processor"
    accelerator = setting.machine.accelerators[spans[index]]
    if term in READS:
        rate = accelerator.bandwidth_bytes_per_s or 0.0
        return f"{format_size(seconds * rate)} ÷ {format_rate(rate)} ({_source(accelerator.sources)})"
    rate = compute_rate(accelerator, setting.constants, setting.choice.engine.backend)
    return f"{seconds * rate:.3g} operations ÷ {rate:.3g} a second"


def _source(sources: object) -> str:
    found = sources.get("bandwidth_bytes_per_s") if isinstance(sources, dict) else None
    return str(found or "rated")


def _known_from(posterior: Posterior) -> str:
    """What the factor rests on."""
    what = posterior.device or f"devices of the kind on {posterior.backend}"
    if not posterior.observations:
        return f"factor expected of {what}, catalog/calibration.yaml"
    return f"factor fitted to {posterior.observations} runs on {what}"
