"""What one source says of one device: the currency between the sources and `merge`."""

from collections.abc import Iterable
from dataclasses import dataclass

from advisor.domain.machine import Accelerator, ProbeNote


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One device as one source sees it. `device` holds only what that source knows; its index means nothing."""

    source: str
    device: Accelerator
    uuid: str | None = None
    revision: str | None = None
    """PCI revision in hex, two digits: tells cards apart that share an id."""
    other_names: tuple[str, ...] = ()
    """Names of the chip or board, to look up what the device's own name does not tell."""
    present_only: bool = False
    """The source sees hardware but cannot vouch that a driver drives it."""
    compute_share: float = 1.0
    """Part of the whole device's compute units that this slice has."""
    memory_share: float = 1.0
    """Part of the whole device's memory and bandwidth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that one source found, and what it could not."""

    sightings: tuple[Sighting, ...] = ()
    notes: tuple[ProbeNote, ...] = ()


NOTHING = Findings()


def join(findings: Iterable[Findings]) -> Findings:
    """All of several sources' findings, in their order."""
    every = tuple(findings)
    return Findings(
        sightings=tuple(s for f in every for s in f.sightings), notes=tuple(n for f in every for n in f.notes)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two sources that say different things of one fact; `kept` is the one that won."""

    device: str
    fact: str
    kept: str
    kept_source: str
    other: str
    other_source: str
