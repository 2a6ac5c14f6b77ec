"""The fit of published rows: what many sources agree on, with less weight for old rows, and intervals that cover."""

import math
from dataclasses import replace

import pytest

from advisor.estimate.parts import Part
from benchmarks.fit_constants import Views, tune
from benchmarks.fitting import DEVICE_CAP, Hierarchy, class_sd, doubt, faster, fit, generic, terms_of
from benchmarks.intervals import Judged, judge, value_for
from benchmarks.measurements import DECODE, PREFILL, Case, Timed, age_of, setting_of, well_set

TERMS = (5e-3, 0.0, 0.0, 5e-4, 0.0, 0.0, 0.0, 0.0)


def case(
    source, seconds, *, model="m", phase=DECODE, tokens=1.0, age_years=0.0, terms=TERMS, backend="cuda", vendor="nvidia"
):
    return Case(
        source=source, device="card", vendor=vendor, backend=backend, architecture=vendor, count=1, model=model,
        quant="Q4_K_M", moe=False, depth=0.0, phase=phase, tokens=tokens, parts=[], seconds=seconds, file_bytes=5e9,
        active_share=1.0, bandwidth=1e12, age_years=age_years, counted=(terms, 0.0),
    )  # fmt: skip


def expected(posterior):
    return sum(x * math.exp(m) for x, m in zip(TERMS, posterior.mean, strict=True))


def test_a_source_with_many_rows_does_not_outvote_the_others():
    rows = [case("slow", 12e-3, model=f"m{i}") for i in range(30)] + [case(name, 8e-3) for name in "abcd"]
    apart = expected(fit(generic("cuda"), rows, DEVICE_CAP, sources=True))
    together = expected(fit(generic("cuda"), rows, DEVICE_CAP))
    assert apart == pytest.approx(9e-3, rel=0.1)
    assert together > apart * 1.1


def test_a_few_lagging_machines_do_not_slow_down_what_is_expected_of_the_rest():
    agreeing = [case(f"s{i}", 7e-3) for i in range(9)]
    lagging = [case(f"l{i}", 14e-3, model=f"m{k}") for i in range(3) for k in range(8)]
    assert expected(fit(generic("cuda"), agreeing + lagging, DEVICE_CAP, sources=True)) == pytest.approx(7e-3, rel=0.04)


def test_a_device_meets_its_own_rows():
    rows = [case("a", 7e-3, model=f"m{i}") for i in range(10)]
    assert expected(fit(generic("cuda"), rows, DEVICE_CAP)) == pytest.approx(7e-3, rel=0.02)


def test_depths_of_one_file_count_as_one_observation():
    others = [case("a", 8e-3, model=name) for name in "bcdefgh"]
    one, many = (fit(generic("cuda"), [case("a", 12e-3)] * n + others, DEVICE_CAP) for n in (1, 30))
    assert expected(many) == pytest.approx(expected(one), rel=1e-6)
    prompts = [case(x.source, x.seconds, model=x.model, phase=PREFILL) for x in [case("a", 12e-3)] * 30 + others]
    assert expected(fit(generic("cuda"), prompts, DEVICE_CAP)) > 1.05 * expected(many)


def test_old_rows_and_short_prompts_weigh_less():
    assert doubt(case("a", 1.0, age_years=2.5)) > 2 * doubt(case("a", 1.0))
    assert doubt(case("a", 1.0, phase=PREFILL, tokens=30.0)) > 3 * doubt(case("a", 1.0, phase=PREFILL, tokens=512.0))
    mixed = fit(generic("cuda"), [case("a", 8e-3), case("b", 12e-3, age_years=2.5)], DEVICE_CAP)
    assert expected(mixed) < math.sqrt(8e-3 * 12e-3)


def test_kernels_that_were_written_anew_make_old_prompts_tell_less():
    old = {name: case("a", 1.0, phase=PREFILL, tokens=512.0, age_years=1.0, backend=name) for name in ("rocm", "metal")}
    assert doubt(old["rocm"]) > 1.5 * doubt(old["metal"])
    assert all(factor > 0.2 for factor in faster(old["rocm"]))
    assert set(faster(old["metal"])) == {0.0}
    assert faster(case("a", 1.0, age_years=1.0, backend="rocm")) == pytest.approx((0.04,) * 8)
    cuda = case("a", 1.0, phase=PREFILL, tokens=512.0, age_years=1.0)
    assert faster(cuda)[4] > faster(replace(cuda, quant="F16"))[4] == 0.0


def test_an_old_row_is_held_against_an_engine_of_its_date():
    part = Part(generic("rocm"), decode=(0.0,) * 8, prefill=(0.1, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0))
    new, old, ancient = (
        replace(case("a", 1.0, phase=PREFILL, age_years=age, backend="rocm"), parts=[part], counted=None)
        for age in (0.0, 0.5, 3.0)
    )
    assert terms_of(new)[0] == part.prefill
    dense, attention = terms_of(old)[0][4], terms_of(old)[0][6]
    assert 1.05 < dense < attention
    assert terms_of(ancient)[0][6] < 2 * attention * terms_of(ancient)[0][4]
    judged = [judge(generic("rocm"), replace(one, seconds=2.0)) for one in (new, old)]
    assert judged[1].residual < judged[0].residual


def timed(seconds, version="", *, backend="llama.cpp ROCm", flash="", notes=""):
    row = {"engine_version": version, "backend": backend, "flash_attn": flash, "notes": notes}
    return Timed(case("a", seconds, phase=PREFILL, tokens=512.0), seconds, setting_of(row))


def test_a_build_counts_with_its_best_setting():
    trials = [timed(1.6, "b1 hip"), timed(0.5, "b1 hip lt"), timed(0.7, "b1 hip lt", flash="1")]
    assert well_set(trials) == 0.5
    assert well_set([*trials, timed(0.55, "b1 hip lt"), timed(0.6, "b1 hip lt")]) == 0.55


def test_splits_over_devices_are_settings_and_other_notes_are_not():
    assert well_set([timed(9.0, "b1", notes="sm-row/pp512"), timed(1.0, "b1", notes="sm-layer/pp512")]) == 1.0
    assert well_set([timed(9.0, "b1", notes="one"), timed(1.0, "b1", notes="other")]) == 5.0


def test_builds_count_alike_and_so_do_machines_that_name_none():
    assert well_set([timed(1.0, "b1"), timed(2.0, "b2"), timed(8.0, "b3"), timed(2.5, "b2", flash="1")]) == 2.0
    assert well_set([timed(1.0, flash="0"), timed(2.0, flash="1"), timed(9.0, flash="1")]) == 2.0


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


def views_of(close, far):
    """Predictions of two vendors' rows on one backend; every view has the same."""

    def rows(vendor, sd):
        return [
            Judged(case("a", math.exp(sd * i / 15), backend="vulkan", vendor=vendor), 1.0, 0.0, 0.01, 0.1)
            for i in range(-15, 16)
        ]

    return Views(*(rows("amd", close) + rows("intel", far) for _ in range(5)))


def test_one_vendors_devices_do_not_widen_the_others_intervals():
    rows = [case("a", 1.0, backend="vulkan", vendor=vendor) for vendor in ("amd", "intel")]
    hierarchy, views = Hierarchy(rows, lambda case: case.vendor), views_of(0.2, 1.2)
    for vendor in ("", "amd", "intel"):
        tune(hierarchy, views, "vulkan", vendor)
    shipped = {name: hierarchy.shipped("vulkan", name).noise_sd[DECODE] for name in ("amd", "intel", "unheard of")}
    assert shipped["amd"] < shipped["unheard of"] < shipped["intel"]
    for vendor in ("amd", "intel"):
        inside = [j.inside() for j in views.sources if j.case.vendor == vendor]
        assert 0.75 <= sum(inside) / len(inside) <= 0.9
