"""The fit of published rows: what many sources agree on, with less weight for old rows, and intervals that cover."""

import math

import pytest

from benchmarks.fitting import DEVICE_CAP, class_sd, doubt, fit, generic
from benchmarks.intervals import Judged, value_for
from benchmarks.measurements import DECODE, PREFILL, Case, age_of

TERMS = (5e-3, 0.0, 0.0, 5e-4, 0.0, 0.0, 0.0, 0.0)


def case(source, seconds, *, model="m", phase=DECODE, tokens=1.0, age_years=0.0, terms=TERMS):
    return Case(
        source=source, device="card", vendor="nvidia", backend="cuda", architecture="Ada", count=1, model=model,
        quant="Q4_K_M", moe=False, depth=0.0, phase=phase, tokens=tokens, parts=[], seconds=seconds, file_bytes=5e9,
        active_share=1.0, bandwidth=1e12, age_years=age_years, counted=(terms, 0.0),
    )  # fmt: skip


def expected(posterior):
    return sum(x * math.exp(m) for x, m in zip(TERMS, posterior.mean, strict=True))


def test_a_source_with_many_rows_does_not_outvote_the_others():
    rows = [case("slow", 12e-3)] * 30 + [case(name, 8e-3) for name in ("a", "b", "c", "d")]
    apart = expected(fit(generic("cuda"), rows, DEVICE_CAP, sources=True))
    together = expected(fit(generic("cuda"), rows, DEVICE_CAP))
    assert apart == pytest.approx(9e-3, rel=0.1)
    assert together > apart * 1.1


def test_a_device_meets_its_own_rows():
    assert expected(fit(generic("cuda"), [case("a", 7e-3)] * 10, DEVICE_CAP)) == pytest.approx(7e-3, rel=0.02)


def test_old_rows_and_short_prompts_weigh_less():
    assert doubt(case("a", 1.0, age_years=2.5)) > 2 * doubt(case("a", 1.0))
    assert doubt(case("a", 1.0, phase=PREFILL, tokens=30.0)) > 3 * doubt(case("a", 1.0, phase=PREFILL, tokens=512.0))
    mixed = fit(generic("cuda"), [case("a", 8e-3), case("b", 12e-3, age_years=2.5)], DEVICE_CAP)
    assert expected(mixed) < math.sqrt(8e-3 * 12e-3)


@pytest.mark.parametrize(
    ("date", "age"), [("2026-04-05", 0.0), ("2024-05", 1.9), ("2023-11", 2.4), ("ch_20260506", 0.0), ("", 0.5)]
)
def test_ages(date, age):
    assert age_of(date) == pytest.approx(age, abs=0.06)


def test_processors_differ_more_in_kind():
    assert class_sd("cpu")[0] > class_sd("cuda")[0]


def test_noise_is_found_at_which_four_of_five_fall_inside():
    group = [Judged(case("a", math.exp(0.01 * i)), 1.0, 0.0, 0.0, 0.0) for i in range(1, 101)]
    noise = value_for("noise", [group], 0.03, 1.2)
    assert sum(j.inside() for j in group) == 80
    assert noise == pytest.approx(0.8 / 1.5332, rel=0.02)
