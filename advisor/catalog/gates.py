"""Checks that no form can express: a model's facts against each other. A gate yields where and why a fact is refused.

A parameter count that does not follow from the architecture, a file that cannot be that quantization, a context longer
than trained without a named method, a date after the first result, active parameters that contradict the name: these
identities find the errors that scraped catalogs are full of.
"""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from advisor.catalog.names import key_of
from advisor.catalog.records import architecture_of
from advisor.domain.architecture import Architecture
from advisor.estimate.tensors import ParameterCount, count_parameters
from advisor.estimate.weighing import weight_profile

Record = Mapping[str, Any]
Path = tuple[str | int, ...]

PARAMETER_TOLERANCE = 0.01
"""Counted against stated, language models."""
ENCODER_TOLERANCE = 0.02
"""Encoders carry poolers and token types that files count and inference does not need."""
LEAST_TEXT_SHARE = 0.3
"""Part of a model with a vision or audio tower that its language model has at least (SmolVLM 256M: 0.64)."""
BYTES_TOLERANCE = 0.08
"""A file's bytes against what its quantization makes of the architecture."""
LEAD_DAYS = 180
"""Results may carry the date of a benchmark's edition, up to half a year before a model that was added later."""
EDITIONS = frozenset({"livebench"})
"""Sources whose dates are those of an edition, not of a run."""
COMPARED = frozenset(("Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q4_K_M", "Q4_K_S", "Q4_0", "Q3_K_M", "Q2_K", "BF16", "F16"))
"""Presets that every publisher makes with the same rules; others differ by publisher."""
_MOE_NAME = re.compile(r"-A(\d+(?:\.\d+)?)B(?![a-z0-9])", re.IGNORECASE)
_TOWERS = frozenset({"vlm", "omni", "asr"})


class Problem(NamedTuple):
    """Where in a model's record, and why."""

    path: Path
    reason: str


@lru_cache(maxsize=4096)
def _counted(architecture: Architecture) -> ParameterCount:
    return count_parameters(architecture)


@lru_cache(maxsize=8192)
def _predicted_bytes(architecture: Architecture, quant: str) -> int | None:
    try:
        return weight_profile(architecture, quant).file_bytes
    except KeyError:
        return None


def has_tower(record: Record) -> bool:
    """Whether the published total holds more than the language model."""
    return record.get("category") in _TOWERS or bool({"image", "audio", "video"} & set(record.get("modalities") or ()))


def parameters_gate(record: Record) -> Iterator[Problem]:
    """(a) Stated parameters follow from the architecture."""
    architecture = architecture_of(record.get("architecture"))
    total = (record.get("params") or {}).get("total")
    if architecture is None or not total:
        return
    counted = _counted(architecture).total
    ratio = counted / total
    encoder = record.get("category") in ("embed", "rerank")
    tolerance = ENCODER_TOLERANCE if encoder else PARAMETER_TOLERANCE
    least = LEAST_TEXT_SHARE if has_tower(record) else 1 - tolerance
    if not least <= ratio <= 1 + tolerance:
        reason = f"the architecture has {counted:,} parameters, stated are {total:,} ({ratio - 1:+.1%})"
        yield Problem(("params", "total"), reason)


def active_gate(record: Record) -> Iterator[Problem]:
    """(g) Active parameters are no more than all, follow from the architecture, and agree with a "-A3B" in the name."""
    params = record.get("params") or {}
    total, active = params.get("total"), params.get("active")
    if not total or not active:
        return
    if active > total:
        yield Problem(("params", "active"), f"{active:,} active of {total:,} parameters")
    named = _MOE_NAME.search(str(record["id"]))
    if named and not 0.6 <= active / (float(named[1]) * 1e9) <= 1.7:
        yield Problem(("params", "active"), f"{active:,} active, the name says {named[1]} billion")


def context_gate(record: Record) -> Iterator[Problem]:
    """(c) A context beyond the trained one names how it is reached."""
    context = record.get("context") or {}
    native, extended = context.get("native"), context.get("extended")
    if extended and not context.get("method"):
        yield Problem(("context", "extended"), "an extended context needs its method")
    if native and extended and extended <= native:
        yield Problem(("context", "extended"), f"{extended} is not beyond the native {native}")


def _as_date(text: str) -> date:
    year, month, day = (*text.split("-"), "1", "1")[:3]
    return date(int(year), int(month), int(day))


def date_gate(record: Record, evidence: Sequence[Record]) -> Iterator[Problem]:
    """(d) Nobody measures a model long before it is released."""
    released = record.get("released")
    dates = [str(row["date"]) for row in evidence if row.get("date") and row.get("source") not in EDITIONS]
    if not released or not dates:
        return
    first = min(dates)
    days = (_as_date(released) - _as_date(first)).days
    if days > LEAD_DAYS:
        yield Problem(("released",), f"released {released}, first measured {first}: an upload date?")


def _expected_bytes(architecture: Architecture, quant: str) -> list[int]:
    """Bytes that a file may have: converters of some models store a tied head a second time."""
    tied = replace(architecture, tied=True), replace(architecture, tied=False)
    variants = (architecture,) if architecture.tied is False else (architecture, *tied)
    return [size for a in variants if (size := _predicted_bytes(a, quant))]


def _size_problem(architecture: Architecture, file: Record) -> str | None:
    size, quant = int(file.get("bytes") or 0), str(file["quant"])
    expected = _expected_bytes(architecture, quant) if size and quant in COMPARED else []
    if not expected or any(abs(size / one - 1) <= BYTES_TOLERANCE for one in expected):
        return None
    return f"{size:,} bytes, {quant} of this architecture has {expected[0]:,} ({size / expected[0] - 1:+.1%})"


def has_one_size(architecture: Architecture) -> bool:
    """Whether a preset's name says what is in a file: gpt-oss keeps MXFP4 experts, per-layer embeddings vary."""
    return architecture.gguf_arch not in (None, "gpt-oss") and not architecture.ple_dim


def bytes_gate(record: Record) -> Iterator[Problem]:
    """(b) A file's bytes fit its quantization."""
    architecture = architecture_of(record.get("architecture"))
    if architecture is None or not has_one_size(architecture):
        return
    for i, artifact in enumerate(record.get("artifacts") or ()):
        if artifact.get("role", "model") != "model" or artifact["format"] not in ("gguf", "ollama"):
            continue
        for j, file in enumerate(artifact["files"]):
            reason = _size_problem(architecture, file)
            if reason:
                yield Problem(("artifacts", i, "files", j), reason)


def path_gate(record: Record) -> Iterator[Problem]:
    """(e) Published files name themselves safely; a checksum belongs to a file."""
    for i, artifact in enumerate(record.get("artifacts") or ()):
        for j, file in enumerate(artifact["files"]):
            parts = [file["path"]] if file.get("path") else file.get("parts") or []
            paths = [part if isinstance(part, str) else part["path"] for part in parts]
            if any(".." in path.split("/") for path in paths):
                yield Problem(("artifacts", i, "files", j), "a path must not leave its folder")
            if artifact["format"] == "gguf" and not paths and artifact.get("listed", True):
                yield Problem(("artifacts", i, "files", j), "a GGUF file without a name")


_READERS = {"gguf": "llama.cpp", "mlx": "mlx", "ggml": "whisper.cpp", "ollama": "llama.cpp"}
"""The engine that must be among a model's for files of a format to be of use."""


def engine_gate(record: Record) -> Iterator[Problem]:
    """Files are of a format that one of the model's engines reads: who publishes them has loaded them."""
    for i, artifact in enumerate(record.get("artifacts") or ()):
        reader = _READERS.get(artifact["format"])
        if reader and artifact.get("role", "model") == "model" and reader not in (record.get("engines") or ()):
            yield Problem(("artifacts", i), f"{artifact['format']} files, but {reader} is not among the engines")


def vocabulary_gate(record: Record, quants: Container[str]) -> Iterator[Problem]:
    """Quantizations are those of quantizations.yaml. `quants`: names and aliases, as `names.key_of` gives."""
    for i, artifact in enumerate(record.get("artifacts") or ()):
        for j, file in enumerate(artifact["files"]):
            if artifact.get("role", "model") == "model" and key_of(str(file["quant"])) not in quants:
                yield Problem(
                    ("artifacts", i, "files", j), f"quantization {file['quant']} is not in quantizations.yaml"
                )


NEED_SOURCES = (
    *("released", "params", "kind", "architecture", "context", "modalities", "capabilities", "thinking", "tuning"),
    *("languages", "licence", "engines", "lineage", "training_tokens", "category"),
)
"""Fields whose figures need a source."""


def source_gate(record: Record, known: Mapping[str, Any]) -> Iterator[Problem]:
    """Every figure has a source, and every source named is in sources.yaml."""
    facts = record.get("facts") or {}
    for field in NEED_SOURCES:
        if record.get(field) not in (None, [], {}) and field != "modalities" and not facts.get(field):
            yield Problem((field,), "no source")
    cited: list[tuple[Path, Any]] = [
        (("facts", field), source) for field, sources in facts.items() for source in sources
    ]
    for i, artifact in enumerate(record.get("artifacts") or ()):
        cited.append((("artifacts", i, "source"), artifact.get("source")))
        cited += [(("artifacts", i, "files", j), f["source"]) for j, f in enumerate(artifact["files"]) if "source" in f]
    for path, source in cited:
        if source not in known:
            yield Problem(path, f"source {source} is not in sources.yaml")


def reference_gate(record: Record) -> Iterator[Problem]:
    """A closed model cannot be downloaded."""
    if record.get("category") == "reference" and (record.get("downloadable", True) or record.get("artifacts")):
        yield Problem(("downloadable",), "a reference cannot be downloaded")


def own_gates(record: Record, evidence: Sequence[Record]) -> list[Problem]:
    """Every problem of one model's facts, whatever their sources."""
    return [
        *parameters_gate(record),
        *active_gate(record),
        *context_gate(record),
        *date_gate(record, evidence),
        *bytes_gate(record),
        *path_gate(record),
        *engine_gate(record),
        *reference_gate(record),
    ]


def all_gates(record: Record, known: Mapping[str, Any], evidence: Sequence[Record]) -> list[Problem]:
    """Every problem of one model."""
    return [*own_gates(record, evidence), *source_gate(record, known)]
