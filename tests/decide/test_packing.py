from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.decide.assessment import assess
from advisor.decide.candidates import candidates, systems
from advisor.decide.packing import HOST, bytes_by_device, pack
from advisor.domain.estimate import DeviceMemory, Footprint
from advisor.domain.machine import Accelerator, Machine
from advisor.domain.workload import Budget
from tests.decide.market import Box, Market, entry, question

GB = 1e9
SHELF = Market(entry("tiny", 0.3e9, 20), entry("small", 4e9, 50), entry("middle", 8e9, 58), entry("large", 70e9, 66))
PLAIN = Machine(name="box", origin="stated")


def options(shelf=SHELF, memory=1000 * GB):
    asked, box = question(), Box(memory=memory, bandwidth=5000 * GB)
    found = []
    for one in shelf.entries():
        for system in systems(one, asked):
            found += [assess(c, asked, box) for c in candidates(system, asked, shelf, ("llama.cpp",))]
    return found


def named(together):
    return [m.assessment.candidate.system.entry.name for m in together.members]


def task(name):
    return replace(question(), task=replace(question().task, name=name))


def test_one_model_serves_two_tasks_and_is_loaded_once():
    together = pack((task("chat"), task("coding")), (options(), options()), PLAIN, {HOST: int(200 * GB)})
    assert named(together) == ["large", "large"]
    alone = pack((task("chat"),), (options(),), PLAIN, {HOST: int(200 * GB)})
    assert together.pools == alone.pools
    assert together.tasks == ("chat", "coding")


def test_what_fits_alone_need_not_fit_together():
    other = Market(entry("embedder", 6e9, 70), entry("little-embedder", 0.5e9, 60))
    room = {HOST: int(8.5 * GB)}
    alone = pack((task("chat"),), (options(),), PLAIN, room)
    assert named(alone) == ["middle"]
    both = pack((task("chat"), task("embedding")), (options(), options(other)), PLAIN, room)
    assert named(both) == ["middle", "little-embedder"]
    assert all(pool.headroom_bytes >= 0 for pool in both.pools)


def test_no_set_is_said_so():
    together = pack((task("chat"), task("coding")), (options(), ()), PLAIN, {HOST: int(200 * GB)})
    assert not together.fits
    assert together.members == () == together.pools


def test_choices_that_miss_a_stated_budget_are_never_packed():
    slow = [replace(o, verdict=replace(o.verdict, meets=False)) for o in options()]
    hard = replace(task("chat"), budget=Budget(max_tpot_s=0.2, stated=True))
    assert not pack((hard,), (slow,), PLAIN, {HOST: int(200 * GB)}).fits
    assert pack((task("chat"),), (slow,), PLAIN, {HOST: int(200 * GB)}).fits, "a task's own budget is a target"


def test_a_device_that_shares_memory_counts_twice():
    one = options()[0]
    memory = DeviceMemory(device="gpu0", weights_bytes=7, available_bytes=10)
    shared = replace(one, estimate=replace(one.estimate, footprint=Footprint(devices=(memory,))))
    unified = Machine(
        name="m", origin="stated", accelerators=(Accelerator(index=0, name="g", vendor="apple", unified=True),)
    )
    assert bytes_by_device(shared, unified) == {"gpu0": 7, HOST: 7}
    assert bytes_by_device(shared, PLAIN) == {"gpu0": 7}


def worth(together):
    return sum(m.assessment.candidate.utility for m in together.members)


@settings(max_examples=30, deadline=None)
@given(st.floats(1, 200), st.floats(1, 4))
def test_more_memory_never_makes_a_set_worse(gigabytes, factor):
    asked, found = (task("chat"), task("coding")), (options(), options())
    less = pack(asked, found, PLAIN, {HOST: int(gigabytes * GB)})
    more = pack(asked, found, PLAIN, {HOST: int(gigabytes * factor * GB)})
    assert more.fits or not less.fits
    if less.fits:
        assert worth(more) >= worth(less)
        assert sum(p.taken_bytes for p in less.pools) <= gigabytes * GB
