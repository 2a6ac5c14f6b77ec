"""One choice on real-looking machines: what fits where, how fast, and what is said when something is unknown."""

from dataclasses import replace

import pytest

from advisor.domain.estimate import Placement, PlacementKind
from advisor.domain.quantity import Basis
from advisor.estimate.calibration import Observation, update
from advisor.estimate.candidate import estimate
from advisor.estimate.parts import Setting, parts_of, posterior_for
from advisor.estimate.placement import CPU, placements
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile
from tests.estimate import models
from tests.estimate.conftest import GIB, card, computer

SHAPES = {}


def prepared(architecture, quant):
    key = (id(architecture), quant)
    if key not in SHAPES:
        SHAPES[key] = (shape_of(architecture), weight_profile(architecture, quant))
    return SHAPES[key]


def run(architecture, machine, workload, constants, *, quant="Q4_K_M", engine="llama.cpp", placement=None, **more):
    shape, weights = prepared(architecture, quant)
    where = placement or placements(shape, weights, machine, workload, engine=engine, constants=constants)[0]
    return estimate(
        model_id="m", shape=shape, weights=weights, machine=machine, engine=engine, placement=where,
        workload=workload, constants=constants, **more,
    )  # fmt: skip


def test_eight_billion_on_a_4090(gaming_pc, chat, constants):
    found = run(models.LLAMA_8B, gaming_pc, chat, constants)
    assert found.placement.kind is PlacementKind.GPU
    assert found.fits
    assert found.limits == ()
    rate = found.speed.decode_tokens_per_s
    assert rate.p10 < 150 < rate.p90, "published runs lie near 150 tokens a second"
    assert rate.p50 == pytest.approx(150, rel=0.2)
    assert found.speed.ttft_s.p50 < 0.3
    assert found.basis is Basis.ESTIMATED
    assert found.flops.per_output_token == pytest.approx(2 * 7.5e9, rel=0.1)


def test_times_add_up(gaming_pc, chat, constants):
    speed = run(models.LLAMA_8B, gaming_pc, chat, constants).speed
    decode = sum(term.seconds for term in speed.terms if term.phase == "decode")
    assert decode == pytest.approx(speed.tpot_s.p50)
    assert speed.latency_s.p50 == pytest.approx(speed.ttft_s.p50 + 299 * speed.tpot_s.p50)
    assert speed.tpot_s.p10 < speed.tpot_s.p50 < speed.tpot_s.p90


def test_cached_turns_are_attended_to_and_not_read_anew(gaming_pc, chat, constants):
    """Beside a prompt that is as long as both: much sooner, and each token as slow."""
    window = replace(chat, context=32768)
    alone, after, whole = (
        run(models.LLAMA_8B, gaming_pc, replace(window, prompt_tokens=prompt, cached_tokens=cached), constants)
        for prompt, cached in ((2000, 0), (2000, 20000), (22000, 0))
    )
    assert alone.speed.ttft_s.p50 < after.speed.ttft_s.p50 < whole.speed.ttft_s.p50 / 3
    assert after.speed.tpot_s.p50 == pytest.approx(whole.speed.tpot_s.p50)
    assert alone.speed.tpot_s.p50 < after.speed.tpot_s.p50
    assert alone.flops.prompt < after.flops.prompt < whole.flops.prompt


def test_thinking_tokens_count_into_the_answer(gaming_pc, chat, constants):
    plain = run(models.LLAMA_8B, gaming_pc, chat, constants).speed.latency_s.p50
    thinking = run(models.LLAMA_8B, gaming_pc, replace(chat, thinking_tokens=2000), constants).speed.latency_s.p50
    assert thinking > 7 * plain


def test_depth_slows_decoding(gaming_pc, chat, constants):
    near = run(models.LLAMA_8B, gaming_pc, chat, constants, placement=None).speed.tpot_s.p50
    deep = replace(chat, prompt_tokens=30000, context=32768)
    far = run(models.LLAMA_8B, gaming_pc, deep, constants).speed.tpot_s.p50
    assert 1.4 * near < far


def test_a_plain_vm_gets_an_answer_with_its_doubts(plain_vm, chat, constants):
    found = run(models.GEMMA3_270M, plain_vm, chat, constants, engine="embedded")
    assert found.placement.kind is PlacementKind.CPU
    assert 15 < found.speed.decode_tokens_per_s.p50 < 200
    assert found.speed.tpot_s.p90 > 1.5 * found.speed.tpot_s.p50
    assert any("bandwidth unknown" in limit for limit in found.limits)


def test_low_bit_types_are_slow_on_few_cores(plain_vm, chat, constants):
    fast = run(models.LLAMA_8B, plain_vm, chat, constants, quant="Q4_K_M")
    slow = run(models.LLAMA_8B, plain_vm, chat, constants, quant="IQ3_M")
    assert slow.footprint.total_bytes < fast.footprint.total_bytes
    assert slow.speed.tpot_s.p50 > 1.3 * fast.speed.tpot_s.p50


def test_unknown_bandwidth_of_a_gpu_gives_no_speed(chat, constants):
    machine = computer(card(bandwidth_bytes_per_s=None))
    found = run(models.LLAMA_8B, machine, chat, constants)
    assert found.speed is None
    assert found.joules_per_answer is None
    assert found.limits == ("memory bandwidth of GeForce RTX 4090 unknown: no speed estimate",)


def test_too_large_a_model_is_split_to_fill_the_card(gaming_pc, chat, constants):
    shape, weights = prepared(models.LLAMA_70B, "Q4_K_M")
    first = placements(shape, weights, gaming_pc, chat, engine="llama.cpp", constants=constants)[0]
    assert first.kind is PlacementKind.SPLIT
    found = run(models.LLAMA_70B, gaming_pc, chat, constants, placement=first)
    assert found.fits
    more = replace(first, gpu_layers=first.gpu_layers + 1)
    assert not run(models.LLAMA_70B, gaming_pc, chat, constants, placement=more).fits


def test_experts_move_to_the_host_before_layers_do(gaming_pc, chat, constants):
    shape, weights = prepared(models.GPT_OSS_120B, "MXFP4_MOE")
    first = placements(shape, weights, gaming_pc, chat, engine="llama.cpp", constants=constants)[0]
    assert first.kind is PlacementKind.EXPERTS_ON_CPU
    assert 0 < first.cpu_expert_layers < 36
    whole = run(models.GPT_OSS_120B, gaming_pc, chat, constants, quant="MXFP4_MOE", placement=CPU)
    mixed = run(models.GPT_OSS_120B, gaming_pc, chat, constants, quant="MXFP4_MOE", placement=first)
    assert mixed.speed.tpot_s.p50 < whole.speed.tpot_s.p50


def test_nothing_fits_and_it_says_what_is_missing(plain_vm, chat, constants):
    found = run(models.LLAMA_70B, plain_vm, chat, constants)
    assert not found.fits
    assert found.limits[0].startswith("host needs 4")


def test_several_cards_hold_what_one_cannot(chat, constants):
    machine = computer(card(0), card(1))
    found = run(models.LLAMA_70B, machine, chat, constants)
    assert found.placement.devices == (0, 1)
    assert [d.device for d in found.footprint.devices] == ["gpu0", "gpu1", "host"]
    shares = [d.weights_bytes for d in found.footprint.devices[:2]]
    assert abs(shares[0] - shares[1]) < 0.1 * shares[0]


def test_a_chain_of_cards_reads_long_prompts_faster_with_no_more_than_four_at_once(chat, constants):
    def prompt_s(cards, tokens):
        whole = Placement(kind=PlacementKind.GPU, gpu_layers=33, devices=tuple(range(cards)))
        machine = computer(*(card(i) for i in range(cards)))
        workload = replace(chat, prompt_tokens=tokens, context=16384)
        return run(models.LLAMA_8B, machine, workload, constants, placement=whole).speed.ttft_s.p50

    short, long = ([prompt_s(cards, tokens) for cards in (1, 2, 4, 8)] for tokens in (512, 8192))
    assert min(short) >= 0.99 * short[0]
    assert long[0] > 1.3 * long[1] > 1.5 * long[2]
    assert long[3] == pytest.approx(long[2], rel=0.1)


def test_tensor_split_is_faster_than_layer_split(chat, constants):
    machine = computer(*(card(i, gib=32, link_bytes_per_s=300e9) for i in range(2)))
    shape, weights = prepared(models.LLAMA_70B, "awq")
    options = placements(shape, weights, machine, chat, engine="vllm", constants=constants)
    assert [p.tensor_parallel for p in options] == [2, 1]
    fast, slow = (
        run(models.LLAMA_70B, machine, chat, constants, quant="awq", engine="vllm", placement=p) for p in options
    )
    assert fast.speed.tpot_s.p50 < 0.8 * slow.speed.tpot_s.p50


def test_a_tensor_split_launches_every_kernel_on_each_card(chat, constants):
    machine = computer(card(), card(1))
    shape, weights = prepared(models.LLAMA_8B, "bf16-safetensors")
    found = placements(shape, weights, machine, chat, engine="vllm", constants=constants)
    assert [p.tensor_parallel for p in found] == [2, 1], "one over all cards stands beside one card"
    both, one = (run(models.LLAMA_8B, machine, chat, constants, quant="bf16-safetensors", engine="vllm", placement=p)
                 for p in found)  # fmt: skip
    launches = [next(t.seconds for t in e.speed.terms if t.phase == "decode" and t.name == "kernel launches")
                for e in (both, one)]  # fmt: skip
    assert launches[0] > launches[1], "all kernels, and the reductions between the cards"
    assert 0.5 < both.speed.tpot_s.p50 / one.speed.tpot_s.p50 < 0.9


def test_a_bridge_that_is_sold_apart_is_not_counted_on(chat, constants):
    alike = {"gib": 24, "architecture": "Ampere"}
    bridged = computer(card(link_bytes_per_s=56e9, **alike), card(1, link_bytes_per_s=56e9, **alike))
    linked = computer(card(link_bytes_per_s=300e9, **alike), card(1, link_bytes_per_s=300e9, **alike))
    slow, fast = (run(models.LLAMA_8B, m, chat, constants, quant="bf16-safetensors", engine="vllm")
                  for m in (bridged, linked))  # fmt: skip
    assert slow.speed.tpot_s.p50 > fast.speed.tpot_s.p50 * 1.05


def test_what_fits_nowhere_still_has_a_speed(chat, constants):
    shared = card(gib=12, name="Radeon 8060S", vendor="amd", backend="rocm", architecture="RDNA 3.5", unified=True,
                  memory_available_bytes=12 * GIB)  # fmt: skip
    machine = computer(shared, ram_gib=16)
    shape, weights = prepared(models.LLAMA_8B, "F16")
    found = placements(shape, weights, machine, chat, engine="llama.cpp", constants=constants)
    assert found[0].kind is PlacementKind.GPU
    nearest = run(models.LLAMA_8B, machine, chat, constants, quant="F16", placement=found[0])
    assert not nearest.fits
    assert nearest.speed is not None


def test_mlx_files_run_with_mlx_parameters_in_any_engine(chat, constants):
    machine = computer(
        card(name="Apple M4 Max", vendor="apple", backend="metal", architecture="Apple M4", unified=True)
    )
    known = {"quant": "mlx-4bit"}
    studio, plain = (run(models.LLAMA_8B, machine, chat, constants, engine=e, **known) for e in ("lmstudio", "mlx"))
    assert studio.speed.tpot_s.p50 == pytest.approx(plain.speed.tpot_s.p50, rel=0.01)


def test_a_shared_pool_is_counted_once(chat, constants):
    soc = card(name="Apple M4", vendor="apple", backend="metal", architecture="Apple silicon", unified=True, gib=16,
               bandwidth_bytes_per_s=120e9, f16_flops=4.6e12)  # fmt: skip
    machine = computer(soc, ram_gib=16)
    found = run(models.LLAMA_8B, machine, chat, constants, quant="Q8_0")
    gpu, host = found.footprint.devices
    assert gpu.available_bytes == int(0.75 * 16 * GIB)
    assert host.available_bytes == 14 * GIB - gpu.total_bytes
    assert found.fits


def test_a_fast_card_comes_before_a_large_shared_pool(chat, constants):
    shared = card(1, name="Radeon 780M", vendor="amd", backend="vulkan", architecture="RDNA 3", unified=True, gib=64,
                  bandwidth_bytes_per_s=90e9)  # fmt: skip
    shape, weights = prepared(models.LLAMA_8B, "Q4_K_M")
    machine = computer(shared, card(0))
    found = placements(shape, weights, machine, chat, engine="llama.cpp", constants=constants)
    assert found[0].devices == (1,)
    assert machine.accelerators[1].name == "GeForce RTX 4090"


def test_users_share_a_step_and_each_has_a_cache(gaming_pc, chat, constants):
    one = run(models.LLAMA_8B, gaming_pc, chat, constants)
    eight = run(models.LLAMA_8B, gaming_pc, replace(chat, users=8), constants)
    assert eight.footprint.devices[0].kv_cache_bytes == 8 * one.footprint.devices[0].kv_cache_bytes
    assert one.speed.tpot_s.p50 < eight.speed.tpot_s.p50 < 4 * one.speed.tpot_s.p50


def test_quantized_cache_takes_its_size(gaming_pc, chat, constants):
    full, half = (run(models.LLAMA_8B, gaming_pc, chat, constants, kv_type=t).footprint.devices[0].kv_cache_bytes
                  for t in ("f16", "q8_0"))  # fmt: skip
    assert half / full == pytest.approx(17 / 32)


def test_a_tied_head_is_held_twice_with_a_gpu(gaming_pc, chat, constants):
    found = run(models.GEMMA3_4B, gaming_pc, chat, constants)
    weights = prepared(models.GEMMA3_4B, "Q4_K_M")[1]
    held = sum(d.weights_bytes for d in found.footprint.devices)
    assert held == weights.tensor_bytes + weights.token_embedding_bytes


def test_a_run_on_this_machine_calibrates(gaming_pc, chat, constants):
    shape, weights = prepared(models.LLAMA_8B, "Q4_K_M")
    before = run(models.LLAMA_8B, gaming_pc, chat, constants)
    setting = _setting(shape, weights, gaming_pc, chat, constants, before.placement)
    part = parts_of(setting)[0][0]
    prior = posterior_for(setting, "cuda", "GeForce RTX 4090", "Ada Lovelace")
    slow = Observation(terms=part.decode, seconds=2 * before.speed.tpot_s.p50, sd=0.02)
    learned = replace(update(prior, [slow] * 3), backend="cuda", device="GeForce RTX 4090")
    after = run(models.LLAMA_8B, gaming_pc, chat, constants, posterior=learned)
    assert after.basis is Basis.CALIBRATED
    assert 1.6 < after.speed.tpot_s.p50 / before.speed.tpot_s.p50 < 2.05, "many published rows say otherwise"
    elsewhere = run(models.LLAMA_8B, computer(card(name="GeForce RTX 3060")), chat, constants, posterior=learned)
    assert elsewhere.basis is Basis.ESTIMATED


def _setting(shape, weights, machine, workload, constants, placement):
    from advisor.estimate.footprint import Choice, cache_layout

    profile = constants.engine("llama.cpp")
    return Setting(
        Choice(shape, weights, profile, cache_layout(workload, profile)), placement, machine, workload, constants
    )


def test_vllm_batches_more_tokens_on_large_devices(constants, chat):
    """8192 tokens from 70 GiB on, A100 apart (vllm/engine/arg_utils.py)."""
    compute = {}
    for name, gib in (("RTX 6000 Ada", 48), ("A100 80GB", 80), ("H100 80GB", 80)):
        option = Placement(kind=PlacementKind.GPU, gpu_layers=33, devices=(0,))
        found = run(
            models.LLAMA_8B, computer(card(gib=gib, name=name)), chat, constants,
            quant="bf16-safetensors", engine="vllm", placement=option,
        )  # fmt: skip
        compute[name] = found.footprint.devices[0].compute_bytes
    assert compute["RTX 6000 Ada"] == compute["A100 80GB"]
    assert compute["H100 80GB"] > 3 * compute["A100 80GB"]


def test_a_tensor_split_without_links_reads_prompts_at_the_rate_of_its_sums(chat, constants):
    """8B, 32 layers of 4,096: 2 x 32 x 4096 x 2 bytes, sent 1.5 times by each of four: 0.79 MB a token."""
    whole = Placement(kind=PlacementKind.GPU, gpu_layers=33, devices=(0, 1, 2, 3), tensor_parallel=4)
    prompt, per_token = replace(chat, prompt_tokens=8192, context=16384), {}
    for link in (None, 450e9):
        machine = computer(*(card(i, link_bytes_per_s=link) for i in range(4)))
        found = run(
            models.LLAMA_8B, machine, prompt, constants, quant="bf16-safetensors", engine="vllm", placement=whole
        )
        per_token[link] = 1 / found.speed.prefill_tokens_per_s.p50
    sent = 2 * 32 * 4096 * 2 * 1.5
    expected = 1.1 * sent * (1 / constants.settings["reduce_bytes_per_s"] - 1 / 225e9)
    assert per_token[None] - per_token[450e9] == pytest.approx(expected, rel=0.15)


def test_models_lie_apart_in_their_experts_and_codebooks_so_their_intervals_are_wider(gaming_pc, chat, constants):
    def width(architecture, quant):
        tpot = run(architecture, gaming_pc, chat, constants, quant=quant).speed.tpot_s
        return tpot.p90 / tpot.p50

    assert width(models.QWEN3_30B, "Q4_K_M") > 1.01 * width(models.LLAMA_8B, "Q4_K_M")
    assert width(models.LLAMA_8B, "IQ2_M") > 1.03 * width(models.LLAMA_8B, "Q4_K_M")


def test_mlx_steps_through_softcapped_attention_over_all_tokens(chat, constants):
    mac = computer(card(name="Apple M3 Ultra", vendor="apple", backend="metal", architecture="M3", gib=64))
    gemma2 = models.gqa("gemma2", 256000, 3584, "SF" * 21, 16, 8, 256, 14336, tied=True, window=4096)
    deep = replace(chat, prompt_tokens=30000, context=32768)

    def cache_s(architecture, engine, quant):
        terms = run(architecture, mac, deep, constants, engine=engine, quant=quant).speed.terms
        return next(x.seconds for x in terms if x.phase == "decode" and x.name == "KV cache")

    plain = replace(gemma2, gguf_arch="gemma3")
    capped, usual = (cache_s(one, "mlx", "mlx-4bit") for one in (gemma2, plain))
    assert capped == pytest.approx(2.0 * usual * 2 * 30150 / (30150 + 4096), rel=0.01)
    assert cache_s(gemma2, "llama.cpp", "Q4_K_M") == pytest.approx(cache_s(plain, "llama.cpp", "Q4_K_M"))


def test_a_dense_block_beside_the_experts_launches_its_own_kernels():
    beside = replace(models.QWEN3_30B, gguf_arch="gemma4")
    extra = [shape_of(one).ops - shape_of(replace(one, moe=None, ffn=4096)).ops for one in (beside, models.QWEN3_30B)]
    assert extra[0] == extra[1] + 7 * 48
