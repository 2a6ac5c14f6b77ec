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
    backend: str | None = None
    """What the engine computes with, where it is not the one usual for the device: vulkan, rocm, cuda, metal, sycl."""

    @property
    def is_here(self) -> bool:
        """Nothing was stated that replaces this machine (`--ram`, `--vram` alone still change it)."""
        return not (self.hardware or self.gpus or self.ram or self.vram or self.cpu)


BACKENDS = {
    "cuda": ("nvidia",), "rocm": ("amd",), "metal": ("apple",), "sycl": ("intel",),
    "vulkan": ("nvidia", "amd", "intel", "apple"), "cpu": (),
}  # fmt: skip
"""Backends that can follow an engine's name, and the vendors of the devices that run them."""


def split_engine(text: str) -> tuple[str, str | None]:
    """Engine and backend of `llama.cpp vulkan`, or of `vulkan` alone (llama.cpp is meant); other text as it stands."""
    name, _, last = text.strip().replace("-", " ").rpartition(" ")
    if last.lower() not in BACKENDS:
        return text, None
    return name or "llama.cpp", last.lower()
