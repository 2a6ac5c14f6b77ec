"""The model catalog: what it holds, one model in full, and whether a catalog or an overlay is sound."""

from collections.abc import Sequence
from pathlib import Path

from advisor.catalog.library import Catalog
from advisor.catalog.sheet import CONTEXTS, PROMPT_TOKENS, ModelListing, ModelSheet, Size, best_mode
from advisor.catalog.validate import Validation, validate_path
from advisor.domain.entry import CatalogEntry
from advisor.domain.model import Category
from advisor.domain.workload import Task
from advisor.errors import UnknownName
from advisor.estimate.flops import prompt_work, token_work
from advisor.estimate.kv_cache import CacheLayout, cache_bytes, state_bytes

USUAL_QUANTS = ("Q4_K_M", "Q6_K", "Q8_0", "BF16")
"""Sized where a model has no published files that could be named instead."""


def fits_task(entry: CatalogEntry, task: Task) -> bool:
    """Whether a model is made for a task: category, modality, capability."""
    if entry.category not in task.categories or task.modality not in entry.modalities:
        return False
    return task.capability is None or task.capability in entry.capabilities


def _one_of(value: str, known: Sequence[str], what: str) -> str:
    from difflib import get_close_matches

    by_key = {name.lower(): name for name in known}
    found = by_key.get(value.strip().lower())
    if found is None:
        close = tuple(by_key[key] for key in get_close_matches(value.lower(), by_key, n=3, cutoff=0.4))
        hint = None if close else f"one of {', '.join(known)}"
        raise UnknownName(f"no {what} `{value[:40]}`", suggestions=close, hint=hint)
    return found


def list_models(
    catalog: Catalog, *, task: str | None = None, vendor: str | None = None, kind: str | None = None
) -> ModelListing:
    """Models of a vendor and kind (category), for a task. Raises UnknownName for names nobody knows."""
    entries = list(catalog.entries())
    if vendor is not None:
        wanted = _one_of(vendor, sorted({entry.vendor for entry in entries}), "vendor")
        entries = [entry for entry in entries if entry.vendor == wanted]
    if kind is not None:
        category = _one_of(kind, [category.value for category in Category], "kind of model")
        entries = [entry for entry in entries if entry.category == category]
    found = catalog.resolve_task(task) if task is not None else None
    if found is None:
        entries.sort(key=lambda e: (e.vendor.lower(), e.family.lower(), e.total_params or 0, e.id))
    else:
        entries = [entry for entry in entries if fits_task(entry, found)]
        entries.sort(key=lambda e: (-(best_mode(e, found.name) or (-1.0,))[0], e.id))
    return ModelListing(entries=tuple(entries), total=len(catalog.entries()), sha256=catalog.sha256, task=found)


def list_tasks(catalog: Catalog) -> tuple[Task, ...]:
    """Every task of the catalog."""
    return catalog.tasks


def _quants(catalog: Catalog, entry: CatalogEntry) -> list[tuple[str, bool]]:
    """Quantizations worth sizing, largest first, and whether files are published."""
    published = {quant for quants in entry.published.values() for quant in quants}
    offered = [q for q in catalog.quantizations if q.offered and q.name in published]
    if not any(q.format == "gguf" for q in offered) and entry.downloadable:
        offered += [q for q in catalog.quantizations if q.name in USUAL_QUANTS and q.name not in published]
    offered.sort(key=lambda q: -q.bits_per_weight)
    return [(q.name, q.name in published) for q in offered]


def _sizes(catalog: Catalog, entry: CatalogEntry) -> tuple[Size, ...]:
    shape = catalog.shape(entry.id)
    if shape is None:
        return ()
    longest = entry.context_max or CONTEXTS[0]
    contexts = [c for c in CONTEXTS if c <= longest] or [longest]
    sizes = []
    for quant, published in _quants(catalog, entry):
        form = next((form for form, quants in entry.published.items() if quant in quants), "gguf")
        weights = catalog.weights(entry.id, quant, form)
        if weights is None:
            continue
        for context in contexts:
            layout = CacheLayout(context=context)
            sizes.append(
                Size(
                    quant=quant,
                    context=context,
                    weights_bytes=weights.tensor_bytes,
                    kv_cache_bytes=cache_bytes(shape, layout) + state_bytes(shape, layout),
                    published=published,
                    bits_per_weight=weights.bits_per_weight,
                )
            )
    return tuple(sizes)


def show_model(catalog: Catalog, name: str) -> ModelSheet:
    """One model in full. Raises UnknownName with suggestions."""
    model = catalog.resolve(name)
    entry = catalog.entry(model.id)
    shape = catalog.shape(model.id)
    return ModelSheet(
        model=model,
        entry=entry,
        sizes=_sizes(catalog, entry),
        flops_per_token=token_work(shape, 0).total if shape else None,
        flops_per_prompt=prompt_work(shape, PROMPT_TOKENS).total if shape else None,
        evidence=catalog.evidence(model.id),
        cache_known=shape.known if shape else True,
    )


def validate(path: Path | None) -> Validation:
    """Check a catalog folder or an overlay; without a path the built-in catalog. Raises BadDocument where none is."""
    from advisor.catalog.source import source_folder

    return validate_path(path if path is not None else source_folder())
