"""Sizes of files that a publisher mixed by a recipe of its own: only what was published tells them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from advisor.estimate.formats import bare_name, is_recipe

if TYPE_CHECKING:
    from advisor.domain.architecture import Architecture
    from advisor.domain.model import Artifact
    from advisor.estimate.weights import WeightProfile

PLAUSIBLE = (0.6, 2.6)
"""Published over computed size: beyond it a part of a file was listed, or another model."""


def computed(
    architecture: "Architecture | None", quant: str, artifacts: "Iterable[Artifact]"
) -> "WeightProfile | None":
    """Bytes of a quantization by the rules of its format; None where the architecture or the format is not known."""
    from advisor.estimate.weighing import weight_profile

    try:
        found = weight_profile(architecture, quant) if architecture else None
    except KeyError:
        return None
    return as_published(found, artifacts) if found else None


def as_published(profile: "WeightProfile", artifacts: "Iterable[Artifact]") -> "WeightProfile":
    """The profile stretched to the published file of its quantization, where that is a recipe and its size is known.

    Recipes of one name agree with the preset they are named after within 1 to 60 %: how many tensors they raise depends
    on the model.
    """
    if profile.format != "gguf" or not is_recipe(profile.quant):
        return profile
    low, high = PLAUSIBLE
    for artifact in artifacts:
        if (
            artifact.format == "gguf"
            and artifact.role == "model"
            and bare_name(artifact.quant) == bare_name(profile.quant)
        ):
            size = artifact.bytes or artifact.approx_bytes
            if size and low <= size / profile.file_bytes <= high:
                return profile.scaled_to(size)
    return profile
