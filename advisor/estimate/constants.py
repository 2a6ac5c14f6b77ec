"""Constants of the estimators as dataclasses, built from plain mappings that the catalog reads from its data files.

Priors say, for a backend and a hardware generation, which share of the data sheet's rates an engine reaches; engine
profiles say what an engine allocates by default. Every value stands in catalog/calibration.yaml or catalog/engines.yaml
with its fit and source; this module holds none of its own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from advisor.errors import BadDocument
from advisor.estimate.calibration import PARAMETERS, Posterior, diagonal

Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineProfile:
    """What an engine allocates and how it runs, by default. Bytes unless named otherwise."""

    name: str
    version: str = ""
    """Version the defaults were read from."""
    formats: tuple[str, ...] = ("gguf",)
    runs_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Vendors of the accelerators it runs on, each with what is required of them: the least CUDA compute capability, or
    the AMD targets that are supported; nothing required where none is named. Empty: it runs on anything."""
    backend: str | None = None
    """Parameters of its own (vllm, mlx); None: those of the device's backend."""
    micro_batch: int = 512
    large_micro_batch: int = 0
    """Micro-batch where every device has `large_device_bytes`; 0: the same everywhere."""
    large_device_bytes: int = 0
    small_batch_devices: tuple[str, ...] = ()
    """Parts of device names (lower case) that keep the small micro-batch however much memory they have."""
    cache_padding: int = 256
    unified_cache: bool = True
    window_cache: bool = True
    """Sliding-window layers keep only their window."""
    absorbed_mla: bool = True
    flash_attention: bool = True
    default_sequences: int = 1
    """Parallel sequences when nothing is asked for."""
    all_outputs: bool = False
    """Logits for every token of a batch instead of the last of each sequence."""
    caches_alone: bool = False
    """Runs for a prompt only what its caches need: layers that reuse the caches of others run for the last token."""
    unfused_softcap: bool = False
    """Attention with a soft cap keeps every token, windows or not, and the scores of a whole micro-batch."""
    maps_file: bool = True
    repacks: bool = False
    """Copies some CPU weights into a layout of its own."""
    duplicates_tied: bool = True
    """Keeps the token embedding in host memory beside the copy that serves as output head on the GPU."""
    offloads: bool = True
    """Can leave layers or experts on the CPU."""
    tensor_parallel: bool = False
    process_bytes: int = 0
    vocab_bytes: int = 0
    """Host bytes a token of vocabulary."""
    unpacks_cache: tuple[str, ...] = ()
    """Backends whose flash attention works on a 16-bit copy of a quantized cache, one layer at a time."""
    prompt_cache_bytes: int = 0
    """Grows to this while running, host; can be turned off."""
    prompt_caches: int = 0
    """Past prompts whose whole caches are kept, at most; they fill up while running."""
    checkpoints: int = 0
    """Snapshots of window caches and recurrent states that each slot may keep in main memory, at most."""
    checkpoint_tokens: int = 8192
    """Least distance between two of them."""
    projector_scratch: float = 0.4
    """Scratch of a vision projector against its file."""
    utilization: float | None = None
    """Share of each device's memory taken whatever the model needs (vLLM)."""
    activation_factor: float = 1.0
    graph_bytes: int = 0
    """Captured graphs, per device."""
    context_bytes: Mapping[str, int] = field(default_factory=dict)
    """Driver context and libraries by backend, per device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuRates:
    """What one CPU thread does: bytes of weights a second by storage type, FLOPs, and bandwidth where it is unknown."""

    gemv_bytes_per_s: Mapping[str, float]
    gemm_flops: Mapping[str, float]
    gemm_avx_flops: Mapping[str, float]
    """On x86 without AVX2, where it differs: kernels for many columns need it."""
    gemv_arm_bytes_per_s: Mapping[str, float]
    """On Arm, where it differs: other kernels, other relations between types."""
    gemm_arm_flops: Mapping[str, float]
    attention_flops: float
    """Of attention while decoding: one query at a time."""
    prompt_attention_flops: float
    """Of attention while a prompt is read, whatever type the weights are stored in."""
    state_flops: float
    """Of recurrent states, which are updated token by token."""
    bandwidth_share: float
    """Share of the data sheet's bandwidth that all cores together read."""
    bandwidth_share_arm: float
    full_speed_threads: float
    """Threads beyond this many add less each (see `thread_exponent`)."""
    thread_exponent: float
    thread_wait_us: float
    """What each further thread adds to a kernel: all wait for the last one."""
    gemm_scale_by_isa: Mapping[str, float]
    """Speed of a core at reading prompts by best instruction set, against the one measured, clock and units alike."""
    scale_by_isa: Mapping[str, float]
    """The same at decoding."""
    reference_hz: float
    """Clock of the core that the rates were measured on."""
    reference_operations: float
    """Its 8-bit multiply-adds a cycle, each counted as two."""
    core_operations: Mapping[str, Sequence[float]]
    """By kind of core (lower case): 8-bit operations a cycle of dot products, and of matrix products."""
    operations_exponent: float
    """Power of these by which a core's rate grows."""
    unknown_core: Mapping[str, Sequence[Any]]
    """Kind and clock (Hz) of a core of which nothing is known, on x86 and on Arm."""
    even_share: float
    """Share of the work that is dealt out evenly to all threads."""
    bandwidth_by_isa: Mapping[str, float]
    """Bytes a second one thread reads, where nothing is known of the memory."""
    bandwidth_ceiling_bytes_per_s: float
    """Most that is assumed of an unknown memory system."""
    unknown_sd: float
    """Log standard deviation of a bandwidth assumed this way."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Constants:
    """All constants. Compared by identity, so that derived values can be cached by it."""

    priors: Mapping[tuple[str, str], Posterior]
    """By backend and generation (lower case); generation "" is the backend's own."""
    devices: Mapping[tuple[str, str], Plain]
    """By backend and device name (see `device_key`): posteriors learned from published rows of that device, as read."""
    generations: Sequence[tuple[str, str]]
    """Part of an architecture's name (lower case) and the generation it means, first match wins."""
    engines: Mapping[str, EngineProfile]
    cpu: CpuRates
    batch_cost: Mapping[str, Sequence[float]]
    """By backend: time of a decode step of 1, 2, 4, 8 ... sequences against one."""
    half_rate_tokens: Mapping[str, float]
    """By backend: a micro-batch of this many tokens is read at half of the rate that a long one reaches."""
    expert_half_rate_tokens: Mapping[str, float]
    """The same for the tokens of a micro-batch that one expert gets."""
    reads_ahead: frozenset[str]
    """Backends whose matrix kernels read their next weights while they multiply (see `roofline.overlapped`)."""
    prompt_launch_cost: Mapping[str, float]
    """By backend: cost of launching a kernel while a prompt is read, against one while decoding."""
    recurrent_cost: Mapping[str, float]
    """By backend: time of a FLOP on recurrent states while a prompt is read, at the rated pace, where kernels step
    through its tokens one after another."""
    prompt_types: Mapping[str, Mapping[str, float]]
    """By backend and storage type: time of a FLOP while a prompt is read, against that with other types."""
    unpacking: Mapping[str, float]
    """By backend: what one more weight in a byte adds to the time of that byte while decoding, against Q4_K."""
    codebooks: Mapping[str, float]
    """By storage type: time of a byte that is looked up in a codebook, against one that is not."""
    slow_experts: Mapping[str, Mapping[str, float]]
    """By backend and storage type: time of a byte of experts where their kernel falls behind that of dense weights."""
    scatter: Mapping[str, float]
    """By term of decoding (and `codebooks`): log standard deviation of a model's factor around its device's."""
    attention_bytes: Mapping[str, float]
    """By backend: bytes of cache that could be read in the time of one FLOP of attention while decoding."""
    settings: Mapping[str, float]
    speculation: Mapping[str, Any]
    """Acceptance by task, width of the interval, most tokens drafted (see catalog/engines.yaml)."""
    version: str = ""

    @classmethod
    def from_mapping(cls, calibration: Plain, engines: Plain) -> "Constants":
        """From the contents of calibration.yaml and engines.yaml. Raises BadDocument naming what is missing."""
        try:
            return cls(
                priors=_priors(calibration["backends"]),
                devices=_devices(calibration.get("devices") or ()),
                generations=[(str(k).lower(), str(v)) for k, v in calibration["generations"].items()],
                engines={name: _engine(name, plain) for name, plain in engines["engines"].items()},
                cpu=CpuRates(**calibration["cpu"]),
                batch_cost=dict(calibration["batch_cost"]),
                half_rate_tokens=dict(calibration["half_rate_tokens"]),
                expert_half_rate_tokens=dict(calibration["expert_half_rate_tokens"]),
                reads_ahead=frozenset(calibration["reads_ahead"]),
                prompt_launch_cost=dict(calibration["prompt_launch_cost"]),
                recurrent_cost=dict(calibration["recurrent_cost"]),
                prompt_types=dict(calibration["prompt_types"]),
                unpacking=dict(calibration["unpacking"]),
                codebooks=dict(calibration["codebooks"]),
                slow_experts=dict(calibration["slow_experts"]),
                scatter=dict(calibration["scatter"]),
                attention_bytes=dict(calibration["attention_bytes"]),
                settings={str(k): float(v) for k, v in calibration["settings"].items()},
                speculation=engines["speculation"],
                version=str(calibration.get("version", "")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadDocument(
                f"the constants of the estimates are incomplete: {error}",
                hint="compare catalog/calibration.yaml and catalog/engines.yaml with those shipped",
            ) from error

    def device(self, backend: str, name: str) -> Posterior | None:
        """What published rows of a device say of a backend on it; None where there are none."""
        plain = self.devices.get((backend, device_key(name)))
        return None if plain is None else Posterior.from_mapping(plain)

    def engine(self, name: str) -> EngineProfile:
        """Profile of an engine; an unknown one runs like llama.cpp."""
        return self.engines.get(name) or self.engines["llama.cpp"]

    def generation(self, architecture: str | None) -> str:
        """The generation an architecture's name belongs to, or ""."""
        text = (architecture or "").lower()
        return next((name for part, name in self.generations if part in text), "")

    def prior(self, backend: str, generation: str) -> Posterior:
        """Prior of a backend on a generation; falls back to the backend, then to the generic one."""
        return self.priors.get((backend, generation)) or self.priors.get((backend, "")) or self.priors[("generic", "")]


def of_backend(values: Mapping[str, float], backend: str) -> float:
    """The value of a backend, or of all that have none of their own."""
    return values.get(backend, values["generic"])


def _devices(rows: Sequence[Plain]) -> dict[tuple[str, str], Plain]:
    return {
        (str(row["backend"]), device_key(str(name))): row
        for row in rows
        for name in (row["device"], *row.get("aliases", ()))
    }


def device_key(name: str) -> str:
    """A device's name as a key: lower case, without vendor words and spaces."""
    text = name.lower()
    for word in ("nvidia", "geforce", "amd", "radeon", "intel", "apple", "(r)", "(tm)", "graphics", " gpu"):
        text = text.replace(word, " ")
    return "".join(ch for ch in text if ch.isalnum())


def _engine(name: str, plain: Plain) -> EngineProfile:
    values = dict(plain)
    values.pop("source", None)
    values["formats"] = tuple(values.get("formats", ("gguf",)))
    values["runs_on"] = {vendor: tuple(needs) for vendor, needs in values.get("runs_on", {}).items()}
    for key in ("unpacks_cache", "small_batch_devices"):
        values[key] = tuple(values.get(key, ()))
    return EngineProfile(name=name, **values)


def _priors(backends: Plain) -> dict[tuple[str, str], Posterior]:
    """A backend states what differs from generic, a generation what differs from its backend.

    Pairs of a median factor and a log standard deviation.
    """
    priors = {}
    generic = backends["generic"]["prior"]
    for backend, plain in backends.items():
        base = {**generic, **plain["prior"]}
        priors[(str(backend), "")] = _prior(str(backend), base)
        for generation, changes in (plain.get("generations") or {}).items():
            priors[(str(backend), str(generation))] = _prior(str(backend), {**base, **changes})
    return priors


def _prior(backend: str, merged: Plain) -> Posterior:
    pairs = [merged[name] for name in PARAMETERS]
    return Posterior(
        mean=tuple(math.log(float(pair[0])) for pair in pairs),
        covariance=diagonal([float(pair[1]) ** 2 for pair in pairs]),
        noise_sd=tuple(float(x) for x in merged["noise_sd"]),
        backend=backend,
    )
