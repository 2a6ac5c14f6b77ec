"""Which devices an engine runs on."""

from dataclasses import replace

import pytest

from advisor.domain.machine import Accelerator, Cpu, HostMemory, Machine
from advisor.estimate.constants import EngineProfile
from advisor.estimate.engine_support import needs_of, runs_here

SERVER = EngineProfile(name="server", runs_on={"nvidia": ("7.5",), "amd": ("gfx942", "gfx1100")})
BARE = Machine(name="x", origin="test", cpu=Cpu(physical_cores=4), memory=HostMemory())


def machine(vendor: str, capability: str | None) -> Machine:
    one = Accelerator(index=0, name="card", vendor=vendor, backend="cuda", compute_capability=capability)
    return replace(BARE, accelerators=(one,))


@pytest.mark.parametrize(
    ("vendor", "capability", "runs"),
    [("nvidia", "7.5", True), ("nvidia", "10.3", True), ("nvidia", "7.0", False), ("nvidia", None, True),
     ("amd", "gfx942", True), ("amd", "gfx1031", False), ("apple", None, False)],
)  # fmt: skip
def test_the_vendor_and_the_generation_decide(vendor, capability, runs):
    assert runs_here(SERVER, machine(vendor, capability)) is runs


def test_an_engine_for_anything_runs_without_accelerators_too():
    assert runs_here(EngineProfile(name="any"), BARE)
    assert not runs_here(SERVER, BARE)


def test_what_is_needed_is_said_in_words():
    assert needs_of(SERVER) == ("an accelerator by NVIDIA of compute capability 7.5 or more or AMD (gfx942, gfx1100)")
