"""`advisor run FILE`: a file of a known model is served as it lies; any other says how to serve it."""

import pytest

from tests.hub.gguf_files import gguf_bytes

QWEN3_8B = {
    "general.architecture": "qwen3",
    "general.name": "Qwen3 8B",
    "qwen3.block_count": 36,
    "qwen3.embedding_length": 4096,
}


@pytest.fixture
def file_of(tmp_path):
    def write(name, metadata):
        path = tmp_path / name
        path.write_bytes(gguf_bytes(metadata))
        return path

    return write


def test_a_file_of_a_known_model_is_served_from_where_it_lies(advisor, file_of):
    path = file_of("Qwen3-8B-Q4_K_M.gguf", QWEN3_8B)
    done = advisor("run", str(path), "--gpu", "RTX 4090", "--context", "8192")
    assert done.returncode == 0, done.stderr
    assert f"--model {path}" in done.stdout
    assert "--alias Qwen/Qwen3-8B" in done.stdout
    assert "--ctx-size 8192" in done.stdout
    assert "advisor download" not in done.stderr


def test_a_file_that_the_catalog_does_not_know_says_what_to_do(advisor, file_of):
    path = file_of("Qwen3-8B-Q4_K_M.gguf", QWEN3_8B | {"qwen3.block_count": 30})
    said = advisor.fails("run", str(path), code=2)
    assert "does not know" in said
    assert f"llama-server -m {path}" in said


def test_a_path_to_nothing_is_said_to_be_none(advisor):
    assert "there is no file ./none.gguf" in advisor.fails("run", "./none.gguf", code=2)
    assert "advisor inspect" in advisor.fails("run", "none-such-model-zz.gguf", code=2)
