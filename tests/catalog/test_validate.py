"""The gates catch planted faults, with file, line and reason; the shipped catalog has none."""

from pathlib import Path

import pytest

from advisor.catalog.source import source_folder
from advisor.catalog.validate import schema_documents, validate_catalog, validate_path
from advisor.errors import BadDocument

SOURCES = """schema: 1
sources:
- {id: s001, kind: config, at: https://example.org/config.json}
"""
FAMILY = """schema: 1
family: Qwen3
vendor: Alibaba Qwen
models:
- id: Qwen/Qwen3-0.6B
  name: Qwen3 0.6B
  category: llm
  released: 2025-04-28
  params: {total: 596049920, active: 596049920}
  context: {native: 40960}
  engines: [llama.cpp]
  architecture:
    gguf_arch: qwen3
    n_layers: 28
    hidden: 1024
    vocab: 151936
    ffn: 3072
    tied: true
    attention: {kind: gqa, n_heads: 16, n_kv_heads: 8, k_dim: 128, v_dim: 128}
  artifacts:
  - repo: someone/Qwen3-0.6B-GGUF
    format: gguf
    source: s001
    files:
    - {quant: Q8_0, path: Qwen3-0.6B-Q8_0.gguf, bytes: 639446688}
  facts: {category: [s001], released: [s001], params: [s001], architecture: [s001], context: [s001], engines: [s001]}
"""
QUANTIZATIONS = """schema: 1
source: here
quantizations:
- {name: Q8_0, format: gguf, bits_per_weight: 8.5, aliases: [Q8]}
"""
CARD = """family: Cards
vendor: Us
devices:
- {id: us/card, name: Card, kind: gpu, memory_gib: 24, sources: {default: a}}
"""
ROWS = "model,benchmark,task,score,unit,date,source\n"


def folder(tmp_path, family=FAMILY, sources=SOURCES, evidence=""):
    root = tmp_path / "catalog"
    (root / "models" / "alibaba-qwen").mkdir(parents=True)
    (root / "evidence").mkdir()
    (root / "models" / "alibaba-qwen" / "qwen3.yaml").write_text(family)
    (root / "sources.yaml").write_text(sources)
    (root / "quantizations.yaml").write_text(QUANTIZATIONS)
    (root / "evidence" / "bench.csv").write_text(ROWS + evidence)
    return root


def reasons(root):
    return [str(finding) for finding in validate_catalog(root).findings]


def line_of(text, part):
    return next(i for i, line in enumerate(text.splitlines(), start=1) if part in line)


def test_a_sound_catalog_has_no_findings(tmp_path):
    row = "Qwen/Qwen3-0.6B,IFBench,instruction,0.3,frac,2025-05-01,bench\n"
    assert reasons(folder(tmp_path, evidence=row)) == []


def test_a_repository_without_a_list_of_files(tmp_path):
    unlisted = FAMILY.replace("    format: gguf\n", "    format: gguf\n    listed: false\n")
    unlisted = unlisted.replace("path: Qwen3-0.6B-Q8_0.gguf, ", "")
    assert reasons(folder(tmp_path, family=unlisted)) == []


@pytest.mark.parametrize(
    ("old", "new", "at", "reason"),
    [
        ("total: 596049920", "total: 751632384", "params:", "the architecture has 596,"),
        ("active: 596049920", "active: 796049920", "params:", "active of"),
        ("{native: 40960}", "{native: 40960, extended: 131072}", "context:", "needs its method"),
        ("{native: 40960}", "{native: 40960, extended: 4096, method: yarn}", "context:", "not beyond the native"),
        ("bytes: 639446688", "bytes: 939446688", "Q8_0.gguf", "Q8_0 of this architecture"),
        ("released: [s001], ", "", "released:", "released: no source"),
        ("architecture: [s001]", "architecture: [s009]", "facts: {", "s009 is not in sources.yaml"),
        ("engines: [llama.cpp]", "engines: [transformers]", "repo: someone", "llama.cpp is not among the engines"),
        ("quant: Q8_0", "quant: Q8_9", "Q8_0.gguf", "quantization Q8_9 is not in quantizations.yaml"),
        ("engines: [s001]", "engines: []", "engines: [llama", "engines: no source"),
        ("params: [s001]", "params: []", "params:", "params: no source"),
        ("path: Qwen3", "path: x/../../Qwen3", "Q8_0.gguf", "path"),
        ("path: Qwen3-0.6B-Q8_0.gguf, ", "", "quant: Q8_0", "a GGUF file without a name"),
        ("category: llm", "category: chatbot", "category:", "category"),
        ("native: 40960", "native: '40960'", "context:", "integer"),
        ("name: Qwen3 0.6B", "name: Qwen3 0.6B\n  colour: red", "colour:", "colour"),
        ("n_layers: 28", "n_layers: 28\n    layers: FZ", "layers: FZ", "layers"),
        ("id: Qwen/Qwen3-0.6B", "id: no-slash", "id:", "id"),
    ],
)
def test_planted_faults_are_named(tmp_path, old, new, at, reason):
    family = FAMILY.replace(old, new, 1)
    assert family != FAMILY
    found = reasons(folder(tmp_path, family))
    where = f"catalog/models/alibaba-qwen/qwen3.yaml:{line_of(family, at)}:"
    assert any(text.startswith(where) and reason in text for text in found), found


def test_upload_dates_are_found(tmp_path):
    row = "Qwen/Qwen3-0.6B,IFBench,instruction,0.3,frac,2024-05-01,bench\n"
    assert any("an upload date?" in text for text in reasons(folder(tmp_path, evidence=row)))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("m/x,IFBench,instruction,30,frac,2025-05-01,bench\n", "outside 0 to 1 frac"),
        ("m/x,IFBench,instruction,0.3,percent,2025-05-01,bench\n", "unit 'percent'"),
        ("m/x,IFBench,instruction,good,frac,2025-05-01,bench\n", "is no number"),
        ("m/x,IFBench,instruction,0.3,frac,2025-05-01,\n", "no source"),
        ("m/x,IFBench,instruction,0.3,frac,2025-05-01,bench\n", "no model m/x"),
    ],
)
def test_bad_results_are_found(tmp_path, row, reason):
    found = reasons(folder(tmp_path, evidence=row))
    assert any(text.startswith("catalog/evidence/bench.csv:2:") and reason in text for text in found), found


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (", sources: {default: a}", "", "us/card: figures need a source"),
        ("memory_gib: 24", "memory_gib: -24", "memory_gib must be a positive number"),
        ("kind: gpu", "kind: toaster", "kind"),
        ("kind: gpu", "kind: gpu, colour: red", "colour"),
    ],
)
def test_faults_of_devices_are_found(tmp_path, old, new, reason):
    root = folder(tmp_path)
    (root / "hardware" / "us").mkdir(parents=True)
    card = root / "hardware" / "us" / "cards.yaml"
    card.write_text(CARD)
    assert reasons(root) == []
    card.write_text(CARD.replace(old, new))
    found = reasons(root)
    assert any(text.startswith("catalog/hardware/us/cards.yaml:1:") and reason in text for text in found), found


def test_active_parameters_agree_with_the_name(tmp_path):
    family = FAMILY.replace("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B-A0.1B", 1)
    assert any("the name says 0.1 billion" in text for text in reasons(folder(tmp_path, family)))


def test_aliases_that_clash_are_found(tmp_path):
    second = FAMILY.split("models:\n")[1].replace("Qwen/Qwen3-0.6B", "Qwen/Other").replace("name: Qwen3", "name: Other")
    family = FAMILY + second.replace("  category: llm\n", "  category: llm\n  aliases: [qwen3-0.6b]\n", 1)
    assert any("already means Qwen/Qwen3-0.6B" in text for text in reasons(folder(tmp_path, family)))


def test_broken_yaml_is_one_finding_and_the_rest_is_checked(tmp_path):
    root = folder(tmp_path)
    (root / "models" / "alibaba-qwen" / "broken.yaml").write_text("a: &x 1\nb: *x\n")
    found = reasons(root)
    assert len(found) == 1
    assert "broken.yaml:1: anchors are not allowed" in found[0]


def test_the_shipped_catalog_is_sound():
    result = validate_catalog(source_folder())
    assert [str(finding) for finding in result.findings] == []
    assert result.models >= 480


def test_overlays_are_validated_too(tmp_path):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("schema: 1\ndeny: {models: ['deepseek-ai/*']}\nmodels:\n- {id: a/b, params: {total: 0}}\n")
    found = [str(f) for f in validate_path(overlay).findings]
    assert len(found) == 1
    assert "mine.yaml:4: models.0.params.total" in found[0]
    with pytest.raises(BadDocument, match="no such overlay"):
        validate_path(tmp_path / "none")


def test_schemas_are_those_published():
    import json

    folder = source_folder() / "schemas"
    if not folder.is_dir():
        folder = Path(__file__).parents[2] / "catalog" / "schemas"
    published = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert published == schema_documents()
