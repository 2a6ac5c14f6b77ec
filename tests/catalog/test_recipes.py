"""Files that a publisher mixed by a recipe of its own are as large as published, not as the preset of a like name."""

from dataclasses import replace

import pytest

from advisor.catalog.recipes import as_published
from advisor.catalog.source import load_catalog
from advisor.domain.model import Artifact
from advisor.estimate.formats import is_recipe
from advisor.estimate.weighing import weight_profile
from tests.estimate.models import LLAMA_8B


def artifact(quant, size, **changes):
    return replace(Artifact(repo="x/y-GGUF", format="gguf", quant=quant, approx_bytes=size), **changes)


@pytest.mark.parametrize("name", ["UD-Q8_K_XL", "Q4_K_XL", "Q6_K_L", "UD-Q4_K_M", "ud-iq2_m"])
def test_recipes_are_told_from_presets(name):
    assert is_recipe(name)


@pytest.mark.parametrize("name", ["Q3_K_L", "Q4_K_M", "IQ3_XXS", "Q8_0", "BF16", "mlx-4bit"])
def test_presets_are_no_recipes(name):
    assert not is_recipe(name)
    profile = weight_profile(LLAMA_8B, name)
    assert as_published(profile, [artifact(name, int(1.2 * profile.file_bytes))]) is profile


def test_a_recipe_has_its_published_size():
    profile = weight_profile(LLAMA_8B, "UD-Q8_K_XL")
    size = int(1.23 * profile.file_bytes)
    found = as_published(profile, [artifact("Q4_K_M", 5 << 30), artifact("UD-Q8_K_XL", size)])
    assert found.file_bytes == pytest.approx(size, rel=1e-6)
    assert found.head_bytes / profile.head_bytes == pytest.approx(1.23, rel=0.01)


def test_its_short_name_means_the_same_file():
    profile = weight_profile(LLAMA_8B, "Q8_K_XL")
    assert (
        as_published(profile, [artifact("UD-Q8_K_XL", int(1.1 * profile.file_bytes))]).file_bytes > profile.file_bytes
    )


def test_projectors_and_parts_of_a_file_are_not_taken_for_it():
    profile = weight_profile(LLAMA_8B, "UD-Q8_K_XL")
    whole = int(1.1 * profile.file_bytes)
    for other in (
        artifact("UD-Q8_K_XL", whole, role="mmproj"),
        artifact("UD-Q8_K_XL", whole // 5),
        artifact("UD-Q8_K_XL", None),
    ):
        assert as_published(profile, [other]) is profile


def test_the_catalog_sizes_recipes_by_their_files():
    catalog = load_catalog()
    seen = 0
    for entry in catalog.entries():
        for file in catalog.model(entry.id).artifacts:
            size = file.bytes or file.approx_bytes
            if file.role == "model" and file.quant == "UD-Q8_K_XL" and size:
                weights = catalog.weights(entry.id, file.quant)
                seen += weights is not None and abs(weights.file_bytes / size - 1) < 0.1
    assert seen > 50
