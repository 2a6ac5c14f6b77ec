"""Which engine loads which files, and that a choice is sized in the format its engine loads."""

from functools import cache

import pytest

from advisor.decide.loading import engine_for, file_format, formats_of, takes
from advisor.errors import UsageError
from advisor.verbs.estimate import estimate_choice
from advisor.verbs.question import Request
from advisor.verbs.recommend import recommend
from advisor.verbs.selection import MachineSelection
from advisor.verbs.workspace import Workspace
from tests.decide.market import entry


@cache
def workspace():
    return Workspace()


@pytest.mark.parametrize(
    ("engine", "quant", "form"),
    [("llama.cpp", "Q4_K_M", "gguf"), ("llama.cpp", "FP8", None), ("llama.cpp", "NVFP4", "gguf"),
     ("llama.cpp", "nonsense", None), ("vllm", "Q4_K_M", None), ("vllm", "AWQ", "safetensors"),
     ("vllm", "NVFP4", "safetensors"), ("vllm", "mlx-4bit", None), ("vllm", "EXL2-4", None), ("mlx", "NVFP4", "mlx"),
     ("exllamav2", "EXL3-3.5", "exl"), ("exllamav2", "Q4_K_M", None), ("lmstudio", "mlx-4bit", "mlx"),
     ("openai_api", "AWQ", "safetensors"), ("ollama", "UD-Q4_K_XL", "gguf")],
)  # fmt: skip
def test_an_engine_loads_files_of_its_formats(engine, quant, form):
    assert file_format(engine, quant) == form


def test_formats_are_those_of_the_engines_profiles():
    for name, profile in workspace().catalog.constants.engines.items():
        assert set(formats_of(name)) == set(profile.formats)


def test_a_stated_quantization_chooses_the_engine():
    both = entry("both", 1e9, 50, engines=("llama.cpp", "vllm", "transformers"),
                 published={"gguf": ("Q4_K_M",), "safetensors": ("FP8",)})  # fmt: skip
    offered = ("llama.cpp", "vllm", "transformers")
    assert [engine_for(both, offered, quant) for quant in (None, "Q4_K_M", "FP8", "AWQ", "mlx-4bit")] == [
        "llama.cpp", "llama.cpp", "vllm", "vllm", None,
    ]  # fmt: skip
    assert not takes("transformers", "FP8")


def test_fp8_is_never_offered_on_an_engine_that_reads_gguf():
    result = recommend(Request(quant="FP8", limit=20), MachineSelection(gpus=("RTX 4090",)), workspace())
    assert {pick.assessment.candidate.engine for pick in result.picks} == {"vllm"}


def test_vllm_is_sized_by_safetensors_and_keeps_the_published_name():
    """Embeddings and head stay at 16 bits there; GGUF quantizes them too."""
    machine = MachineSelection(gpus=("RTX 5090",))
    picks = recommend(Request(quant="NVFP4", engine="vllm", limit=20), machine, workspace()).picks
    pick = next(p for p in picks if p.model.name.startswith("Gemma 4 31B"))
    candidate, catalog = pick.assessment.candidate, workspace().catalog
    assert candidate.size.file_bytes > 1.04 * catalog.size(candidate.model_id, "NVFP4").file_bytes
    assert catalog.blueprint(candidate)[1].tensor_bytes == candidate.size.tensor_bytes
    assert pick.assessment.estimate.quant == candidate.quant == "NVFP4"


def test_one_name_has_the_bytes_of_each_format():
    of_gguf, of_safetensors = (
        workspace().catalog.weights("openai/gpt-oss-20b", "MXFP4", form) for form in ("gguf", "safetensors")
    )
    assert of_gguf.format == "gguf"
    assert of_safetensors.format == "safetensors"
    assert of_safetensors.dense_bytes > 1.5 * of_gguf.dense_bytes, "attention is Q8_0 in the one, 16 bits in the other"
    assert of_gguf.quant == of_safetensors.quant == "MXFP4"


def test_an_estimate_refuses_what_its_engine_does_not_load():
    machine = MachineSelection(gpus=("RTX 4090",))
    with pytest.raises(UsageError, match="vllm does not load Q4_K_M"):
        estimate_choice("qwen3-8b:Q4_K_M", Request(engine="vllm"), machine, workspace())
    assert estimate_choice("qwen3-8b:FP8", Request(), machine, workspace()).estimate.engine == "vllm"
    assert estimate_choice("qwen3-8b", Request(engine="exllamav2"), machine, workspace()).estimate.quant == "EXL2-4"
