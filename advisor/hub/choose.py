"""Which files of a repository make up one quantization: GGUF by the name of the preset, otherwise safetensors."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from advisor.errors import UnknownName, UsageError
from advisor.hub.api import HubFile, RepoListing
from advisor.hub.names import clean_text, is_allowed_format

_QUANT = re.compile(
    r"(?:^|[-._/])((?:UD-)?(?:I?Q[1-8]_(?:K_(?:XXS|XS|S|M|L|XL)|K|XXS|XS|S|M|L|XL|NL|0|1)(?:_L)?"
    r"|TQ[12]_0|MXFP4(?:_MOE)?|NVFP4|BF16|FP?16|FP?32))(?=[-./]|$)",
    re.IGNORECASE,
)
_SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)
_BESIDE = re.compile(r"(^|[-._/])(mmproj|imatrix|mtp|draft)([-._/]|$)", re.IGNORECASE)
"""GGUF files that stand beside a model: projectors, importance matrices, draft heads."""

PREFERRED = (
    "Q4_K_M", "MXFP4", "MXFP4_MOE", "UD-Q4_K_XL", "Q4_K_S", "IQ4_XS", "Q4_0", "Q5_K_M", "Q6_K", "Q8_0",
    "BF16", "F16", "F32",
)  # fmt: skip
"""Taken when nobody says which: about 4.8 bits per weight costs little quality, smaller ones more."""

_COMPANIONS = (".safetensors", ".json", ".jinja", ".model", ".txt")


def quant_label(path: str) -> str | None:
    """The preset named in a file name, or else in its folder's: `Q4_K_M`; None where there is none."""
    name = path.rsplit("/", 1)[-1].removesuffix(".gguf")
    match = list(_QUANT.finditer(_SPLIT.sub(r"\1", name + ".gguf").removesuffix(".gguf")))
    found = match or list(_QUANT.finditer(path.rpartition("/")[0]))
    return canonical_quant(found[-1][1]) if found else None


def canonical_quant(text: str) -> str:
    """Upper case, and `FP16` as `F16`."""
    upper = text.upper()
    return upper.replace("FP", "F") if upper in ("FP16", "FP32") else upper


def choose_files(listing: RepoListing, quant: str | None) -> tuple[str, tuple[HubFile, ...]]:
    """Name and files of a quantization, split files in order. Raises UnknownName or UsageError."""
    groups = _gguf_groups(listing.files)
    if not groups:
        return _choose_safetensors(listing, quant)
    by_quant: dict[str, tuple[HubFile, ...]] = {}
    for stem in sorted(groups, key=lambda s: (len(s), s), reverse=True):
        by_quant[quant_label(stem) or stem.rsplit("/", 1)[-1]] = groups[stem]
    label = _choose_label(listing.repo, tuple(by_quant), quant)
    return label, _check_complete(by_quant[label], listing.repo)


def choose_named(listing: RepoListing, path: str) -> tuple[str, tuple[HubFile, ...]]:
    """One file by its path; of a split file, all parts. Raises UnknownName or UsageError."""
    if not is_allowed_format(path):
        raise UsageError(
            f"files like `{clean_text(path, 80)}` are not downloaded",
            hint="only .gguf, .safetensors and the small texts beside them: other formats can run code when loaded",
        )
    by_path = {file.path: file for file in listing.files}
    if path not in by_path:
        close = tuple(get_close_matches(path, by_path, n=3, cutoff=0.5))
        raise UnknownName(f"{listing.repo} has no file `{clean_text(path, 80)}`", suggestions=close)
    split = _SPLIT.fullmatch(path)
    files = _gguf_groups(listing.files, beside=True)[split[1]] if split else (by_path[path],)
    return quant_label(path) or path.rsplit("/", 1)[-1], _check_complete(files, listing.repo)


def _gguf_groups(files: Sequence[HubFile], *, beside: bool = False) -> dict[str, tuple[HubFile, ...]]:
    """GGUF files by name without ending and part number, parts in order."""
    groups: dict[str, tuple[HubFile, ...]] = {}
    for file in sorted(files, key=lambda f: f.path):
        if not file.path.lower().endswith(".gguf") or (_BESIDE.search(file.path) and not beside):
            continue
        split = _SPLIT.fullmatch(file.path)
        stem = split[1] if split else file.path[: -len(".gguf")]
        groups[stem] = (*groups.get(stem, ()), file)
    return groups


def _choose_label(repo: str, labels: tuple[str, ...], quant: str | None) -> str:
    if quant is None:
        preferred = [label for label in PREFERRED if label in labels]
        if preferred or len(labels) == 1:
            return preferred[0] if preferred else labels[0]
        raise UsageError(f"{repo} has several files", hint="name one: " + ", ".join(f"{repo}:{x}" for x in labels[:5]))
    wanted = canonical_quant(quant)
    for label in (wanted, "UD-" + wanted):
        if label in labels:
            return label
    close = get_close_matches(wanted, labels, n=3, cutoff=0.3) or sorted(labels)[:3]
    raise UnknownName(f"{repo} has no {clean_text(quant, 40)}", suggestions=tuple(close))


def _check_complete(files: tuple[HubFile, ...], repo: str) -> tuple[HubFile, ...]:
    split = _SPLIT.fullmatch(files[0].path)
    expected = int(split[3]) if split else 1
    if len(files) != expected:
        raise UsageError(
            f"{repo} has {len(files)} of {expected} parts of {files[0].path}", hint="choose another repository"
        )
    return files


def _choose_safetensors(listing: RepoListing, quant: str | None) -> tuple[str, tuple[HubFile, ...]]:
    top = [file for file in listing.files if "/" not in file.path and file.path.endswith(_COMPANIONS)]
    weights = [file for file in top if file.path.endswith(".safetensors")]
    if not weights:
        raise UsageError(
            f"{listing.repo} has no GGUF and no safetensors files", hint="look for a repository that ends in -GGUF"
        )
    if quant is not None and canonical_quant(quant) not in ("SAFETENSORS", "BF16", "F16", "F32"):
        raise UnknownName(
            f"{listing.repo} holds safetensors only, no {clean_text(quant, 40)}",
            hint="look for a repository that ends in -GGUF",
        )
    doubled = len(weights) > 1 and any(not file.path.startswith("consolidated") for file in weights)
    kept = [f for f in top if not (doubled and f.path.startswith("consolidated"))]
    return "safetensors", tuple(kept)
