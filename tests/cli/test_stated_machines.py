"""What flags leave open is filled in so that a choice can be estimated, and the answer says with what."""

import pytest

from advisor.verbs.selection import split_engine


@pytest.mark.parametrize(
    ("text", "engine", "backend"),
    [("llama.cpp", "llama.cpp", None), ("llama.cpp Vulkan", "llama.cpp", "vulkan"), ("vulkan", "llama.cpp", "vulkan"),
     ("llama.cpp-rocm", "llama.cpp", "rocm"), ("ollama CUDA", "ollama", "cuda"), ("mlx Metal", "mlx", "metal"),
     ("lm-studio", "lm-studio", None)],
)  # fmt: skip
def test_an_engine_may_name_its_backend(text, engine, backend):
    assert split_engine(text) == (engine, backend)


def test_a_backend_changes_the_speed(advisor):
    def rate(engine):
        document = advisor.json("estimate", "Llama-2-7B:Q4_0", "--gpu", "RX 7900 XTX", "--engine", engine)
        assert document["engine"] == "llama.cpp"
        return document["speed"]["decode_tps"]["p50"]

    assert rate("llama.cpp vulkan") != rate("llama.cpp rocm")


def test_a_backend_that_nothing_runs_is_refused(advisor):
    assert "runs metal" in advisor.fails(
        "estimate", "qwen3-8b:Q4_K_M", "--gpu", "RTX 4090", "--engine", "metal", code=2
    )


@pytest.mark.parametrize(("engine", "gpu"), [("mlx", "RTX 4090"), ("vllm", "GTX 1080 Ti"), ("vllm", "RX 6700 XT")])
def test_an_engine_that_does_not_run_on_the_device_is_not_offered(advisor, engine, gpu):
    document = advisor.json("recommend", "--gpu", gpu, "--engine", engine, code=3)
    assert document["picks"] == []
    assert {need["lever"] for miss in document["near_misses"] for need in miss["needs"]} == {"engine"}
    assert f"{engine} does not run on this machine" in advisor.fails(
        "estimate", "qwen3-8b", "--gpu", gpu, "--engine", engine, code=2
    )


def test_transformers_is_offered_with_weights_of_16_bits(advisor):
    picks = advisor.json("recommend", "--gpu", "A100", "--engine", "transformers", "--limit", "50")["picks"]
    assert {pick["quant"] for pick in picks} == {"BF16"}


def test_memory_nobody_stated_is_what_the_choice_needs(advisor):
    document = advisor.json("estimate", "Qwen3-32B:Q8_0", "--gpu", "Strix Halo")
    assert document["fits"] is True
    assert document["placement"]["kind"] == "gpu"
    assert any("least it is sold with" in note["message"] for note in document["machine"]["notes"])
    small = advisor.json("estimate", "Qwen3-32B:Q8_0", "--gpu", "Strix Halo", "--ram", "32GiB")
    assert small["fits"] is False
    assert small["speed"] is not None


def test_a_phone_needs_no_memory_stated(advisor):
    document = advisor.json("estimate", "SmolLM2-1.7B:Q4_0", "--cpu", "Snapdragon 8 Gen 2", "--cpu-only")
    assert document["placement"]["kind"] == "cpu"
    assert 5 < document["speed"]["decode_tps"]["p50"] < 40
