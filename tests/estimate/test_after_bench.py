"""Published rows in the place of a quick benchmark: which rows it would have run, and what they teach."""

import math
from dataclasses import replace

import pytest

from benchmarks.after_bench import POOLED, after_bench
from benchmarks.fitting import Hierarchy
from benchmarks.measurements import DECODE, Case

TERMS = (5e-3, 0.0, 0.0, 5e-4, 0.0, 0.0, 0.0, 0.0)


def case(source, device, model, *, gigabytes=5.0, seconds=8e-3, bits=4.85, quant="Q4_K_M", moe=False):
    scale = gigabytes / 5.0
    return Case(
        source=source, device=device, vendor="nvidia", backend="cuda", architecture=f"x {device}", count=1, model=model,
        quant=quant, moe=moe, depth=0.0, phase=DECODE, tokens=1.0, parts=[], seconds=seconds * scale,
        file_bytes=gigabytes * 1e9, active_share=1.0, bandwidth=1e12, bits=bits,
        counted=(tuple(x * scale for x in TERMS), 0.0),
    )  # fmt: skip


OTHERS = [case(f"s{i}", f"d{i}", "any") for i in range(8)]
SIZES = {"small": 1.0, "middle": 4.5, "large": 20.0, "largest": 40.0}


def judged(rows):
    cases = [*OTHERS, *rows]
    return after_bench(Hierarchy(cases, lambda case: "x"), cases)


def slow(**changes):
    return [replace(case("me", "mine", m, gigabytes=g, seconds=16e-3), **changes) for m, g in SIZES.items()]


def test_the_smallest_and_the_one_like_8b_are_run_and_the_others_judged():
    assert {j.case.model for j in judged(slow())} == {"large", "largest"}


def test_a_machine_slower_than_its_class_is_believed():
    for j in judged(slow()):
        assert abs(math.log(j.case.seconds / j.seconds)) < 0.12


def test_one_odd_row_does_not_sway_the_rest():
    rows = [replace(case("me", "mine", m, gigabytes=g)) for m, g in SIZES.items()]
    rows += [case("me", "mine", "mixed", gigabytes=17.0, seconds=8e-3, moe=True)]
    usual = next(j.seconds for j in judged(rows) if j.case.model == "large")
    odd = [replace(r, seconds=r.seconds * 2.2) if r.model == "middle" else r for r in rows]
    swayed = next(j.seconds for j in judged(odd) if j.case.model == "large")
    assert swayed == pytest.approx(usual, rel=0.1)


def test_tables_that_pool_many_machines_are_left_out():
    assert judged(slow())
    assert not judged(slow(source=next(iter(POOLED))))


def test_the_quantization_nearest_to_four_bits_is_run():
    rows = slow() + [case("me", "mine", m, gigabytes=2 * g, bits=8.5, quant="Q8_0") for m, g in SIZES.items()]
    eights = [j for j in judged(rows) if j.case.quant == "Q8_0"]
    assert {j.case.model for j in eights} == {"large", "largest"}
    assert all(j.seconds == pytest.approx(2 * j.case.seconds, rel=0.2) for j in eights)
