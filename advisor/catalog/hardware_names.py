"""How a device's name is read: whole tokens, with the figures it carries (memory, its kind, GPU cores) set aside.

Drivers, shops and people write one card in many ways: "NVIDIA GeForce RTX 4090", "rtx4090", "4090", "A100 80GB PCIe",
"Apple M2 Ultra (76-core GPU)". Two names are the same when their tokens are, after words that tell nothing are dropped.
"""

import re
from dataclasses import dataclass
from typing import Any

MAX_NAME = 200
"""Longer texts are no names."""


def words(text: str) -> tuple[str, ...]:
    """The words of a text, for tables of words."""
    return tuple(text.split())


_VENDORS = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel", "apple": "Apple"}
_NOISE = frozenset(
    words(
        "nvidia amd intel apple gpu gpus graphics card corporation inc with w the processor series generation edition "
        "accelerator unspecified desktop founders at cpu r tm model rev core cores"
    )
)
"""Words that tell no two devices apart."""

OPTIONAL = frozenset(
    words(
        "geforce rtx gtx rx radeon tesla instinct arc jetson ascend gaudi blackwell workstation sxm pcie "
        "snapdragon qualcomm huawei aws dimensity mediatek rockchip npu data center nvgpu developer kit"
    )
)
"""Words of a name that may be left out, where what remains still names one device."""

_MEMORY_KIND = re.compile(r"(?:lpddr[45]x?|gddr[56]x?|gddr7|hbm[23]e?)")
_GPU_CORES = re.compile(
    r"(\d{1,3})[- ]?cores?[- ]gpu|gpu[- ]cores?:? ?(\d{1,3})|(?<=max |pro |tra )(\d{2})[- ]cores?(?! cpu)"
)
_CPU_CORES = re.compile(r"\d{1,3}[- ]?cores?(?:[- ](?:cpu|processor))")
_MEMORY = re.compile(r"(?<![a-z0-9.])(\d{1,4}(?:\.\d+)?) ?(?:gb|gib|g)(?![a-z0-9])")
_BRAND_GLUED = re.compile(r"(rtx|gtx|rx|geforce|radeon|arc|titan|ryzen|tesla|quadro|instinct|pro)(\d.*)")
_SUFFIX_GLUED = re.compile(r"(\d{3,4})(ti|super|xtx|xt|gre|d)")
_JOINED = (
    (re.compile(r"\bmi[ -](\d{2,3}[ax]?)\b"), r"mi\1"),
    (re.compile(r"\bsxm\d?\b"), "sxm"),
    (re.compile(r"\bpci[ -]?e(?:xpress)?\b"), "pcie"),
    (re.compile(r"\b(?:mobile|notebook)\b"), "laptop"),
    (re.compile(r"(\d)tisuper\b"), r"\1 ti super"),
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name taken apart. `memory_gib` as written: shops and drivers mean GiB by "GB"."""

    tokens: frozenset[str]
    memory_gib: float | None = None
    memory_kind: str | None = None
    gpu_cores: int | None = None
    vendor: str | None = None


def clean(text: str) -> str:
    """Lower case, trade marks, control and formatting characters out, at most `MAX_NAME` long."""
    text = "".join(c if c.isprintable() else " " for c in text[:MAX_NAME])
    text = re.sub(r"\((?:r|tm|c)\)|[®™©]", " ", text.lower().replace("×", "x"))
    return re.sub(r"\s+", " ", text).strip()


def _split(token: str) -> list[str]:
    brand = _BRAND_GLUED.fullmatch(token)
    if brand is not None:
        return [brand[1], *_split(brand[2])]
    suffix = _SUFFIX_GLUED.fullmatch(token)
    return [suffix[1], suffix[2]] if suffix is not None else [token]


def _take(pattern: re.Pattern[str], text: str) -> tuple[str | None, str]:
    """The first match's first group that is set, and the text without that match."""
    match = pattern.search(text)
    if match is None:
        return None, text
    value = next((g for g in match.groups() if g is not None), match[0])
    return value, f"{text[: match.start()]} {text[match.end() :]}"


def parse_name(text: str) -> Name:
    """Take a name apart. Never raises; an empty or meaningless text has no tokens."""
    text = clean(text)
    for pattern, replacement in _JOINED:
        text = pattern.sub(replacement, text)
    cores, text = _take(_GPU_CORES, text)
    text = _CPU_CORES.sub(" ", text)
    memory, text = _take(_MEMORY, text)
    kind, text = _take(_MEMORY_KIND, text)
    found = [part for word in re.findall(r"[a-z0-9]+", text) for part in _split(word)]
    vendor = next((_VENDORS[w] for w in found if w in _VENDORS), None)
    return Name(
        tokens=frozenset(w for w in found if w not in _NOISE) or frozenset(found),
        memory_gib=None if memory is None else float(memory),
        memory_kind=kind,
        gpu_cores=None if cores is None else int(cores),
        vendor=vendor,
    )


def telling_part(text: str) -> str:
    """What tells a device from its siblings, in the order it was written: `4090` of "NVIDIA GeForce RTX 4090"."""
    found = [part for word in re.findall(r"[a-z0-9]+", clean(text)) for part in _split(word)]
    return " ".join(w for w in found if w not in _NOISE | OPTIONAL) or " ".join(found)


def readings(text: str) -> list[Name]:
    """The ways to read a name, best first: whole; without its brackets; what follows "w/"; what the brackets hold."""
    lowered = clean(text)
    outside = re.sub(r"\([^()]*\)", " ", lowered)
    inside = re.findall(r"\(([^()]*)\)", lowered)
    after = re.split(r"\bw/|\bwith\b", lowered)[1:]
    found: list[Name] = []
    for part in (lowered, outside, *after, *(piece for group in inside for piece in group.split(","))):
        name = parse_name(part)
        kept = Name(
            name.tokens,
            name.memory_gib,
            name.memory_kind,
            name.gpu_cores or (found[0].gpu_cores if found else None),
            name.vendor,
        )
        if kept.tokens and kept not in found:
            found.append(kept)
    return found


def cpu_key(text: str) -> str:
    """A processor's name as words between single spaces, for the catalog's patterns; "CPU" tells nothing."""
    return " ".join(word for word in re.findall(r"[a-z0-9]+", clean(text)) if word != "cpu")


def name_of(row: list[Any]) -> Name:
    """Back from the compact form (see hardware_schema)."""
    return Name(frozenset(row[0]), row[1], row[2], row[3])
