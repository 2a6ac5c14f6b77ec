"""The scenarios that decisions are judged by: what is true of them, on made-up rows."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from benchmarks.measurements import DECODE, PREFILL, Case
from benchmarks.peer_programs import Llmfit
from benchmarks.scenarios import PROMPT_TOKENS, benches, scenarios
from tests.decide.market import entry

ROOT = Path(__file__).parents[2]
GIB = 2**30


class Part:
    """Terms at data-sheet rates of a device part."""

    class posterior:
        backend = "cuda"

    def __init__(self, decode_s, prefill_s):
        self.decode = (decode_s, 0, 0, 0, 0, 0, 0, 0)
        self.prefill = (0, 0, 0, 0, prefill_s, 0, 0, 0)


def case(model, phase, seconds, *, device="Card", memory=8, size=4.0, vendor="nvidia", peak=0.0):
    tokens = 1.0 if phase == DECODE else float(PROMPT_TOKENS)
    return Case(
        source="s", device=device, vendor=vendor, backend="cuda", architecture="a", count=1, model=model,
        quant="Q4_K_M", moe=False, depth=0.0, phase=phase, tokens=tokens, parts=[Part(0.01, 0.1)], seconds=seconds,
        file_bytes=size * GIB, active_share=1.0, bandwidth=1e11, memory_bytes=memory * GIB, peak_bytes=peak * GIB,
    )  # fmt: skip


def three(**changes):
    return [case(name, DECODE, 0.02 * (i + 1), **changes) for i, name in enumerate("abc")]


def test_a_row_faster_than_the_data_sheet_is_left_out():
    (bench,) = benches([*three(), case("d", DECODE, 0.001)])
    assert {model for model, _ in bench.choices} == {"a", "b", "c"}


def test_a_prompt_read_more_slowly_than_tokens_are_written_is_unknown():
    rows = [*three(), case("a", PREFILL, 0.2), case("b", PREFILL, PROMPT_TOKENS * 1.0)]
    (bench,) = benches(rows)
    assert bench.choices["a", "Q4_K_M"].prefill_s == 0.2 / PROMPT_TOKENS
    assert bench.choices["b", "Q4_K_M"].prefill_s is None


def test_a_card_has_the_least_memory_that_is_stated_and_a_soc_the_most():
    assert benches([*three(), case("d", DECODE, 0.02, memory=12)])[0].memory_bytes == 8 * GIB
    soc = [*three(vendor="apple"), case("d", DECODE, 0.02, memory=12, vendor="apple")]
    assert benches(soc)[0].memory_bytes == 12 * GIB


def test_a_file_larger_than_the_memory_is_offered_and_never_fits():
    big = [case(name, DECODE, 0.02, device="Big", memory=80, size=40.0) for name in ("x", "y", "z")]
    found = benches([*three(), *big])
    small = [s for s in scenarios(found) if s.bench.device == "Card"]
    assert all(("x", "Q4_K_M") in s.offered and ("x", "Q4_K_M") not in s.fits for s in small)


def test_less_memory_fits_what_peaked_below_it():
    rows = [
        case(name, DECODE, 0.02, memory=32, size=peak - 1, peak=peak)
        for name, peak in (("a", 3.0), ("b", 6.0), ("c", 20.0))
    ]
    tight = [s for s in scenarios(benches(rows)) if s.memory_bytes < 32 * GIB]
    assert {s.memory_bytes / GIB for s in tight} == {8, 12, 16}
    assert all({model for model, _ in s.fits} == {"a", "b"} for s in tight)


def test_a_table_that_is_not_there_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.decisions", "--rows", "no-such-table.csv"],
        check=False, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "no table at no-such-table.csv: name one that is there, or leave --rows out\n"


def test_a_peer_program_is_asked_about_the_device_and_walked_down(tmp_path):
    rows = [("other/unmeasured", "Q8_0", 99.0), ("maker/slow", "Q8_0", 5.0), ("maker/quick", "Q8_0", 50.0)]
    models = [{"name": name, "best_quant": quant, "estimated_tps": rate} for name, quant, rate in rows]
    program = tmp_path / "llmfit"
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        "profile = json.load(open(sys.argv[sys.argv.index('--profile') + 1]))\n"
        "assert profile['hardware']['gpu_memory_bandwidth_gbps'] == 100.0, profile\n"
        f"print(json.dumps({{'models': {models!r}}}))\n"
    )
    program.chmod(0o755)
    (bench,) = benches(three())
    scenario = next(s for s in scenarios([bench]) if s.max_tpot_s == 1 / 10)
    found = [
        SimpleNamespace(
            model_id=f"maker/{name}", quant=quant, size=SimpleNamespace(bits_per_weight=bits),
            system=SimpleNamespace(mode="default", entry=entry(name, 1e9, 50)),
        )
        for name in ("slow", "quick")
        for quant, bits in (("Q4_K_M", 4.9), ("Q6_K", 6.6))
    ]  # fmt: skip
    choice = Llmfit(program).choose(scenario, SimpleNamespace(candidates=found))
    assert (choice.model_id, choice.quant) == ("maker/quick", "Q6_K")
