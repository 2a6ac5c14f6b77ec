"""Tasks whose models cannot be estimated are not answered with nothing."""

SPEECH = ("recommend", "--task", "speech-to-text", "--gpu", "RTX 4090", "--ram", "64GiB")
DENIED = "schema: 1\ndeny: {models: ['Qwen/*', 'mistralai/*']}\n"


def test_speech_to_text_is_answered_with_models_that_are_language_models_too(advisor):
    names = [pick["name"] for pick in advisor.json(*SPEECH)["picks"]]
    assert any("ASR" in name for name in names)
    assert any("Voxtral" in name for name in names)


def test_speech_to_text_names_models_and_what_runs_them(advisor, tmp_path):
    overlay = tmp_path / "denied.yaml"
    overlay.write_text(DENIED, encoding="utf-8")
    arguments = (*SPEECH, "--catalog", str(overlay))
    answer = advisor.json(*arguments, code=3)
    left = answer["left_out"]
    assert 3 <= len(left) <= 5
    assert all(one["engines"] or one["reason"] == "no_engine" for one in left)
    scores = [one["quality"]["score"] for one in left]
    assert scores == sorted(scores, reverse=True)
    text = advisor(*arguments)
    assert left[0]["name"] in text.stdout
    assert "nearest misses" not in text.stderr


def test_a_model_without_gguf_files_is_estimated_as_it_is_published(advisor):
    estimate = advisor.json("estimate", "gpt-neo-1.3b", "--gpu", "RTX 4090", "--ram", "64GiB")
    assert (estimate["engine"], estimate["quant"]) == ("transformers", "BF16")
    refused = advisor("estimate", "phi-4-mini-flash-reasoning", "--gpu", "RTX 4090", "--ram", "64GiB")
    assert "transformers" in refused.stderr
