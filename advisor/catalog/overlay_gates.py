"""What an overlay says of a model must pass the gates too: an entry that does not is left out, and the rest holds.

The model below, where there is one, stands as it was. Sources and quantization names are not asked for: an overlay is
its own source, and a quantization that nobody knows is merely not offered.
"""

from collections.abc import Mapping

from advisor.catalog import gates
from advisor.catalog.folder import RawCatalog, Record
from advisor.catalog.overlay import Layer, apply_layer


def _problems(raw: RawCatalog, model_id: str) -> list[gates.Problem]:
    return gates.own_gates(raw.models[model_id], raw.evidence.get(model_id, [])) if model_id in raw.models else []


def _restore(raw: RawCatalog, model_id: str, below: Mapping[str, Record]) -> None:
    if model_id in below:
        raw.models[model_id] = below[model_id]
    else:
        del raw.models[model_id]


def apply_sound(raw: RawCatalog, layer: Layer) -> list[str]:
    """Put a layer on a catalog, in place, but for entries that fail a gate: `file:line: model: where: reason` of each.

    What is wrong without the layer is not held against it.

    Raises `BadDocument` as `apply_layer` does.
    """
    below = {model_id: raw.models[model_id] for model_id in layer.models if model_id in raw.models}
    known = {model_id: {problem.reason for problem in _problems(raw, model_id)} for model_id in layer.models}
    apply_layer(raw, layer)
    left_out = []
    for model_id in sorted(layer.models):
        problem = next((p for p in _problems(raw, model_id) if p.reason not in known[model_id]), None)
        if problem is not None:
            where = ".".join(str(step) for step in problem.path)
            left_out.append(f"{layer.places.get(model_id, 'overlay')}: {model_id}: {where}: {problem.reason}")
            _restore(raw, model_id, below)
    return left_out
