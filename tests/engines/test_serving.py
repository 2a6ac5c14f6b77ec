"""Commands and files that serve a choice: every value in its place, nothing open to the network, no quoting hole."""

import shlex

import pytest
import yaml

from advisor.engines.serve_plan import Output, ServePlan
from advisor.engines.serving import image_for, serve_command
from advisor.errors import EngineError, UsageError
from advisor.report.serving import (
    compose_document,
    kubernetes_documents,
    modelfile_text,
    shell_text,
    systemd_text,
    yaml_text,
)

MODELS = "/srv/models"


def plan(**changes):
    values = {
        "engine": "llama.cpp", "model": "org/Some-Model", "repo": "org/Some-Model-GGUF",
        "path": "/srv/models/org/Some-Model-GGUF/some-Q4_K_M.gguf", "quant": "Q4_K_M", "context": 4096, "users": 2,
        "gpu_layers": 33, "threads": 8, "backend": "cuda", "devices": 1, "memory_bytes": 4 << 30,
    }  # fmt: skip
    return ServePlan(**(values | changes))


def value_after(argv, flag):
    return argv[argv.index(flag) + 1]


def test_llama_server_gets_what_was_estimated():
    argv = serve_command(plan(kv_type="q8_0", cpu_expert_layers=12)).argv
    assert argv[0] == "llama-server"
    assert value_after(argv, "--ctx-size") == "8192"
    assert value_after(argv, "--parallel") == "2"
    assert value_after(argv, "--n-gpu-layers") == "33"
    assert value_after(argv, "--n-cpu-moe") == "12"
    assert value_after(argv, "--cache-type-v") == "q8_0"
    assert value_after(argv, "--flash-attn") == "on"
    assert value_after(argv, "--host") == "127.0.0.1"
    assert {"--no-webui", "--no-slots", "--offline"} <= set(argv)


def test_slots_share_one_cache_as_estimated():
    assert "--kv-unified" in serve_command(plan(users=2)).argv
    assert "--kv-unified" not in serve_command(plan(users=1)).argv


def test_past_prompts_take_no_more_than_there_is():
    assert "--cache-ram" not in serve_command(plan()).argv
    assert value_after(serve_command(plan(prompt_cache_mib=512)).argv, "--cache-ram") == "512"


@pytest.mark.parametrize(("output", "flag"), [("vectors", "--embeddings"), ("scores", "--reranking")])
def test_a_server_is_told_when_its_answer_is_no_text(output, flag):
    assert flag in serve_command(plan(output=Output(output))).argv
    assert flag not in serve_command(plan()).argv
    with pytest.raises(EngineError, match=f"no {output}"):
        serve_command(plan(engine="transformers", output=Output(output)))


@pytest.mark.parametrize("engine", ["llama.cpp", "vllm", "mlx", "transformers"])
def test_every_server_stays_on_this_machine(engine):
    assert value_after(serve_command(plan(engine=engine)).argv, "--host") == "127.0.0.1"


def test_vllm_and_mlx_serve_the_repository():
    assert "org/Some-Model-GGUF" in serve_command(plan(engine="vllm")).argv
    assert value_after(serve_command(plan(engine="vllm", memory_share=0.92)).argv, "--gpu-memory-utilization") == "0.92"
    assert value_after(serve_command(plan(engine="vllm", tensor_parallel=4)).argv, "--tensor-parallel-size") == "4"
    assert serve_command(plan(engine="mlx")).argv[0] == "mlx_lm.server"


def test_ollama_is_created_from_the_chosen_file_and_pulls_nothing():
    command = serve_command(plan(engine="ollama", kv_type="q8_0"))
    assert command.argv == ("ollama", "run", "some-model:q4_k_m")
    assert command.before == (("ollama", "create", "some-model:q4_k_m", "-f", "Modelfile"),)
    assert command.modelfile.startswith("FROM /srv/models/org/")
    assert "PARAMETER num_ctx 4096" in command.modelfile
    assert ("OLLAMA_KV_CACHE_TYPE", "q8_0") in command.environment
    assert "pull" not in shell_text(command)


def test_an_engine_without_a_server():
    with pytest.raises(EngineError):
        serve_command(plan(engine="whisper.cpp"))


HOSTILE = "/srv/models/a b/$(touch x)';%h.gguf"


def test_a_hostile_path_is_one_word_for_the_shell():
    text = shell_text(serve_command(plan(path=HOSTILE)))
    assert HOSTILE in shlex.split(text)


def test_a_hostile_path_means_nothing_to_systemd():
    text = systemd_text(plan(path=HOSTILE), serve_command(plan(path=HOSTILE)))
    line = next(x for x in text.splitlines() if x.startswith("ExecStart="))
    assert '"/srv/models/a b/$$(touch x)\';%%h.gguf"' in line


def test_the_unit_has_its_sections_and_a_memory_limit():
    text = systemd_text(plan(), serve_command(plan()))
    assert [x for x in text.splitlines() if x.startswith("[")] == ["[Unit]", "[Service]", "[Install]"]
    assert f"MemoryMax={5 << 30}" in text


def test_compose_publishes_on_loopback_and_mounts_read_only():
    p = plan()
    document = yaml.safe_load(yaml_text(compose_document(p, image_for(p), MODELS)))
    (service,) = document["services"].values()
    assert service["image"].endswith(":server-cuda")
    assert service["ports"] == ["127.0.0.1:8080:8080"]
    assert service["volumes"] == ["/srv/models:/srv/models:ro"]
    assert value_after(service["command"], "--host") == "0.0.0.0"
    assert service["command"][0] == "--model"
    assert service["deploy"]["resources"]["reservations"]["devices"][0]["count"] == 1


def test_a_cpu_choice_asks_for_no_gpu():
    p = plan(gpu_layers=0, backend="cpu", devices=0)
    (service,) = compose_document(p, image_for(p), MODELS)["services"].values()
    assert service["image"].endswith(":server")
    assert "deploy" not in service
    assert service["mem_limit"] == 5 << 30


def test_kubernetes_documents_belong_together():
    p = plan(model="org/Überlanges_Modell" + "x" * 80)
    deployment, service = yaml.safe_load_all(yaml_text(*kubernetes_documents(p, image_for(p), MODELS)))
    pod = deployment["spec"]["template"]
    assert deployment["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"] == service["spec"]["selector"]
    assert len(service["metadata"]["name"]) <= 63
    container = pod["spec"]["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert container["volumeMounts"][0]["readOnly"] is True
    assert "&id" not in yaml_text(*kubernetes_documents(p, image_for(p), MODELS))


def test_ollama_has_no_unit_of_ours_but_every_choice_a_modelfile():
    p = plan(engine="ollama")
    with pytest.raises(UsageError):
        systemd_text(p, serve_command(p))
    assert modelfile_text(plan()).startswith("FROM ")
