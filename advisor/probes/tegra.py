"""NVIDIA's Jetson boards by their device tree: before JetPack 6 they have no NVML at all."""

from advisor.domain.machine import Accelerator
from advisor.probes.host import Host
from advisor.probes.sighting import NOTHING, Findings, Sighting
from advisor.probes.text import clean_or_none

SOURCE = "/proc/device-tree/model"


def read_tegra(host: Host) -> Findings:
    """The board's GPU on the board's memory; nothing where this is no Jetson."""
    compatible = host.read("/proc/device-tree/compatible") or ""
    if "nvidia,tegra" not in compatible and not host.exists("/etc/nv_tegra_release"):
        return NOTHING
    board = clean_or_none(host.read(SOURCE))
    device = Accelerator(index=0, name=board or "NVIDIA Jetson", vendor="nvidia", unified=True, backend="cuda")
    return Findings(sightings=(Sighting(source=SOURCE, device=device, uuid="tegra"),))


def board_names(host: Host) -> tuple[str, ...]:
    """What the board calls itself: device tree and DMI product, underscores as blanks."""
    product = clean_or_none(host.read("/sys/class/dmi/id/product_name"))
    names = (clean_or_none(host.read(SOURCE)), product.replace("_", " ") if product else None)
    return tuple(name for name in names if name)
