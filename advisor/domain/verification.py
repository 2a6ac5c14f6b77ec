"""What an installed engine says it would allocate for a choice, beside what was estimated."""

from dataclasses import dataclass

from advisor.domain.estimate import PartBytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What was added to the engine's figures (negative: taken off), and why."""

    name: str
    bytes: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCheck:
    """One device: the engine's corrected figures and ours."""

    device: str
    engine: PartBytes
    estimated: PartBytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The answer of one build of llama.cpp for one choice. `resolution_bytes`: it rounds each part down to this."""

    engine: str
    version: str | None
    placed: str
    """gpu, or host where this build has no device to place anything on."""
    devices: tuple[DeviceCheck, ...]
    corrections: tuple[Correction, ...]
    resolution_bytes: int

    @property
    def engine_bytes(self) -> PartBytes:
        """Over all devices."""
        return sum((d.engine for d in self.devices), PartBytes())

    @property
    def estimated_bytes(self) -> PartBytes:
        """Over all devices."""
        return sum((d.estimated for d in self.devices), PartBytes())


def difference_pct(estimated: int, engine: int) -> float | None:
    """By how much the estimate exceeds the engine's figure, in percent of it; None against nothing."""
    if not engine:
        return 0.0 if not estimated else None
    return 100.0 * (estimated / engine - 1.0)
