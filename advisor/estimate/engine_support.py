"""Whether an engine runs on a machine at all: some need an accelerator of one vendor, from a generation on."""

from advisor.domain.machine import Machine
from advisor.estimate.constants import EngineProfile

MAKERS = {"nvidia": "NVIDIA", "amd": "AMD", "apple": "Apple", "intel": "Intel"}


def runs_here(engine: EngineProfile, machine: Machine) -> bool:
    """Whether it runs on anything, or on one of the machine's accelerators; what is unknown is not held against it."""
    if not engine.runs_on:
        return True
    accelerators = machine.usable_accelerators()
    return any(
        a.vendor in engine.runs_on and _enough(a.compute_capability, engine.runs_on[a.vendor]) for a in accelerators
    )


def needs_of(engine: EngineProfile) -> str:
    """What it needs, in words."""
    return "an accelerator by " + " or ".join(map(_in_words, engine.runs_on, engine.runs_on.values()))


def _in_words(vendor: str, needs: tuple[str, ...]) -> str:
    maker = MAKERS.get(vendor, vendor)
    if not needs:
        return maker
    if len(needs) == 1 and _version(needs[0]):
        return f"{maker} of compute capability {needs[0]} or more"
    return f"{maker} ({', '.join(needs)})"


def _enough(capability: str | None, needs: tuple[str, ...]) -> bool:
    if capability is None or not needs or capability in needs:
        return True
    least = [_version(need) for need in needs if _version(need)]
    return bool(least) and _version(capability) >= min(least)


def _version(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()
