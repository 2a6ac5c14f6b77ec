"""What an overlay says of a model must pass the gates too: an entry that does not is left out, and the rest holds.

The model below, where there is one, stands as it was. Sources and quantization names are not asked for: an overlay is
its own source, and a quantization that nobody knows is merely not offered.
"""

from collections.abc import Mapping

from advisor.catalog import gates
from advisor.catalog.folder import RawCatalog, Record
from advisor.catalog.overlay import Layer, apply_layer


def problems_of(raw: RawCatalog, model_id: str) -> list[gates.Problem]:
    """What the gates have against a model that an overlay touched."""
    return gates.own_gates(raw.models[model_id], raw.evidence.get(model_id, []))


def _restore(raw: RawCatalog, model_id: str, below: Mapping[str, Record]) -> None:
    if model_id in below:
        raw.models[model_id] = below[model_id]
    else:
        del raw.models[model_id]


def apply_sound(raw: RawCatalog, layer: Layer) -> list[str]:
    """Put a layer on a catalog, in place, but for entries that fail a gate: `file:line: model: where: reason` of each.

    Raises `BadDocument` as `apply_layer` does.
    """
    below = {model_id: raw.models[model_id] for model_id in layer.models if model_id in raw.models}
    apply_layer(raw, layer)
    left_out = []
    for model_id in sorted(layer.models):
        problem = next(iter(problems_of(raw, model_id)), None) if model_id in raw.models else None
        if problem is not None:
            where = ".".join(str(step) for step in problem.path)
            left_out.append(f"{layer.places.get(model_id, 'overlay')}: {model_id}: {where}: {problem.reason}")
            _restore(raw, model_id, below)
    return left_out
