"""AMD GPUs from sysfs and KFD, without a library and without root.

A discrete card's memory is its VRAM; GTT there is only host memory it may map. An APU draws on its carve-out and on
GTT, both of which are host memory. KFD tells the two apart, names the gfx target and knows the bus width.
"""

import re
from collections.abc import Mapping

from advisor.domain.device import HardwareLookup
from advisor.domain.machine import Accelerator, HostMemory, ProbeNote
from advisor.probes.host import Host
from advisor.probes.pci import PciDevice, closed_to_us, link_bytes_per_s
from advisor.probes.sighting import Findings, Sighting
from advisor.probes.text import clean_or_none, fields, whole

SOURCE = "sysfs amdgpu"
NODES = "/sys/class/kfd/kfd/topology/nodes"
_TRANSFERS = {"gfx11": 16, "gfx12": 16, "gfx103": 16, "gfx101": 16, "gfx94": 2, "gfx95": 2, "gfx90a": 2, "gfx908": 2}
"""Transfers per memory clock as `pp_dpm_mclk` states it: 16 for GDDR6, 2 for HBM, 8 for LPDDR5 on APUs."""
_APU_TRANSFERS = 8
MAX_BUS_BITS = 1 << 14
"""No memory bus is wider: an MI300X has 8192 bits."""
MIN_SIMDS = 4
"""Two compute units, as in desktop Ryzens: enough for a screen, slower than the CPU for a model."""
MAX_VRAM = 1 << 43
"""8 TiB: what says more is not a size."""
_UNKNOWN_RATE_TARGETS = ("gfx90c", "gfx902")
"""APUs whose memory may be DDR4 or LPDDR4X: the multiplier is not known from here."""


def read_amd(
    host: Host, on_bus: tuple[PciDevice, ...], memory: HostMemory, lookup: HardwareLookup | None = None
) -> Findings:
    """Every AMD GPU on the bus that amdgpu drives; others stay with what the bus says.

    `lookup` tells an APU by its PCI id where KFD does not.
    """
    cards = [device for device in on_bus if device.vendor == "amd"]
    nodes = _kfd_nodes(host)
    sightings = [
        _sighting(host, card, nodes.get(_location(card.address), {}), memory, lookup)
        for card in cards
        if card.driver == "amdgpu"
    ]
    return Findings(sightings=tuple(sightings), notes=tuple(_notes(host, cards)))


def gfx_target(version: int | None) -> str | None:
    """KFD's decimal version as a name: 110500 is gfx1150, 90010 is gfx90a."""
    if not version or version < 0:
        return None
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def _kfd_nodes(host: Host) -> dict[tuple[int, int], dict[str, int]]:
    """KFD's GPU nodes by PCI domain and location; a node with a memory bank also has `width` and `mem_clk_max`."""
    found: dict[tuple[int, int], dict[str, int]] = {}
    for name in host.names(NODES)[:256]:
        node = _properties(host, f"{NODES}/{name}/properties")
        if not node.get("simd_count"):
            continue
        for bank in host.names(f"{NODES}/{name}/mem_banks")[:16]:
            for key, value in _properties(host, f"{NODES}/{name}/mem_banks/{bank}/properties").items():
                node.setdefault(f"bank_{key}", value)
        found[(node.get("domain", 0), node.get("location_id", -1))] = node
    return found


def _properties(host: Host, path: str) -> dict[str, int]:
    values = {key: whole(text) for key, text in fields(host.read(path), " ").items()}
    return {key: value for key, value in values.items() if value is not None}


def _location(address: str) -> tuple[int, int]:
    """PCI domain, and bus, device and function packed as KFD does."""
    domain, bus, rest = address.split(":")
    device, _, function = rest.partition(".")
    return int(domain, 16), int(bus, 16) << 8 | int(device, 16) << 3 | int(function)


def _is_apu(card: PciDevice, node: Mapping[str, int], lookup: HardwareLookup | None) -> bool:
    """KFD gives a GPU without memory of its own none; a VRAM size says nothing, a carve-out may be 96 GiB."""
    if node:
        return node.get("local_mem_size") == 0
    return lookup is not None and lookup.shares_memory(card.pci_id) is True


def _sighting(
    host: Host, card: PciDevice, node: Mapping[str, int], memory: HostMemory, lookup: HardwareLookup | None
) -> Sighting:
    gfx = gfx_target(node.get("gfx_target_version"))
    apu = _is_apu(card, node, lookup)
    total, free = memory_bytes(host, card.path, memory if apu else None)
    asleep = host.read(f"{card.path}/power/runtime_status") == "suspended"
    small = apu and 0 < node.get("simd_count", 0) <= MIN_SIMDS
    rocm = gfx is not None and host.accessible("/dev/kfd")
    closed = closed_to_us(host, card, "/dev/kfd")
    device = Accelerator(
        index=0,
        name=clean_or_none(host.read(f"{card.path}/product_name")) or "",
        vendor="amd",
        memory_total_bytes=total,
        memory_available_bytes=free,
        unified=apu,
        carve_out_bytes=_size(host, card.path, "vram_total") if apu else None,
        bandwidth_bytes_per_s=None if asleep else _bandwidth(host, card.path, node, gfx, apu),
        compute_capability=gfx,
        backend="rocm" if rocm else "vulkan",
        pci_id=card.pci_id,
        pci_address=card.address,
        pcie_bytes_per_s=None if apu else link_bytes_per_s(host, card),
        driver="amdgpu",
        usable=not small and closed is None,
        notes=(*((closed,) if closed else ()), *_card_notes(host, node, apu=apu, asleep=asleep, path=card.path)),
    )
    uuid = f"GPU-{node['unique_id']:016x}" if node.get("unique_id") else None
    return Sighting(source=SOURCE, device=device, uuid=uuid, revision=card.revision)


def memory_bytes(host: Host, path: str, shared: HostMemory | None) -> tuple[int | None, int | None]:
    """Total and free bytes: VRAM, and on an APU what GTT may take of the host memory `shared` with it.

    The carve-out is not part of MemTotal; GTT is, and can take no more than there is.
    """
    vram, gtt = _size(host, path, "vram_total"), _size(host, path, "gtt_total")
    vram_used, gtt_used = (whole(host.read(f"{path}/mem_info_{name}")) for name in ("vram_used", "gtt_used"))
    if vram is None:
        return None, None
    free = max(0, vram - vram_used) if vram_used is not None else None
    if shared is None or gtt is None:
        return vram, free
    gtt_free = max(0, gtt - gtt_used) if gtt_used is not None else None
    total = vram + min(gtt, gtt if shared.total_bytes is None else shared.total_bytes)
    if free is None or gtt_free is None:
        return total, None
    return total, free + min(gtt_free, gtt_free if shared.available_bytes is None else shared.available_bytes)


def _size(host: Host, path: str, name: str) -> int | None:
    """Bytes of one of the driver's pools."""
    size = whole(host.read(f"{path}/mem_info_{name}"))
    return size if size is not None and 0 <= size < MAX_VRAM else None


def _bandwidth(host: Host, path: str, node: Mapping[str, int], gfx: str | None, apu: bool) -> float | None:
    """Largest memory clock × transfers per clock × bus bits / 8; None where the bus width is not told.

    Checked against data sheets: RX 6900 XT 1000 MHz × 16 × 256 / 8 = 512 GB/s, Strix Point 1000 × 8 × 128 / 8 = 128.
    """
    clocks = re.findall(r"(\d{2,5})\s*mhz", (host.read(f"{path}/pp_dpm_mclk") or "").lower())
    bits = node.get("bank_width", 0)
    if not clocks or gfx is None or not 0 < bits <= MAX_BUS_BITS:
        return None
    transfers = _APU_TRANSFERS if apu else next((n for k, n in _TRANSFERS.items() if gfx.startswith(k)), None)
    if transfers is None or gfx in _UNKNOWN_RATE_TARGETS:
        return None
    return max(int(clock) for clock in clocks) * 1e6 * transfers * bits / 8


def _card_notes(host: Host, node: Mapping[str, int], *, apu: bool, asleep: bool, path: str) -> list[str]:
    notes: list[str] = []
    if asleep:
        notes.append("asleep: clocks were not read so as not to wake it")
    vram, gtt = _size(host, path, "vram_total"), _size(host, path, "gtt_total")
    if apu and vram is not None and gtt is not None:
        gib = 1 << 30
        notes.append(
            f"{vram / gib:.2f} GiB set aside for it and up to {gtt / gib:.2f} GiB of GTT; backends use either or both"
        )
    if apu and 0 < node.get("simd_count", 0) <= MIN_SIMDS:
        notes.append("too small for models: the CPU beside it is faster")
    override = clean_or_none(host.environ.get("HSA_OVERRIDE_GFX_VERSION"))
    if override:
        notes.append(f"HSA_OVERRIDE_GFX_VERSION={override} makes ROCm take it for another chip")
    return notes


def _notes(host: Host, cards: list[PciDevice]) -> list[ProbeNote]:
    notes: list[ProbeNote] = []
    drivers = {card.driver for card in cards}
    if "radeon" in drivers:
        message = "an AMD GPU runs on the old radeon driver, which has no compute"
        notes.append(ProbeNote(source="pci", message=message, hint="cards from GCN 1 on can use amdgpu"))
    if "vfio-pci" in drivers:
        message = "an AMD GPU is handed to a virtual machine"
        notes.append(ProbeNote(source="pci", message=message, hint="release it from vfio-pci to use it here"))
    if "amdgpu" in drivers and host.exists("/dev/kfd") and not host.accessible("/dev/kfd"):
        message = "this user may not open /dev/kfd, so ROCm cannot be used"
        notes.append(ProbeNote(source="/dev/kfd", message=message, hint="add the user to the groups render and video"))
    return notes
