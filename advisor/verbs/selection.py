"""Which machine is meant: this one, a probe file, a catalogued one, or one that the flags describe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSelection:
    """The machine flags as given. All empty: this machine."""

    hardware: str | None = None
    """A probe file or a name in the hardware catalog."""
    gpus: tuple[str, ...] = ()
    ram: str | None = None
    vram: str | None = None
    cpu: str | None = None
    cpu_only: bool = False

    @property
    def is_here(self) -> bool:
        """Nothing was stated that replaces this machine (`--ram`, `--vram` alone still change it)."""
        return not (self.hardware or self.gpus or self.ram or self.vram or self.cpu)
