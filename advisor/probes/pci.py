"""Accelerators on the PCI bus, from the kernel alone: present hardware, whatever its driver can do.

The endpoint's link is often an inner one (AMD and Intel cards sit behind their own switch), so the link speed is read
at the first bridge above that is of another maker.
"""

import re
from dataclasses import dataclass

from advisor.domain.machine import Accelerator
from advisor.probes.host import Host
from advisor.probes.sighting import Findings, Sighting
from advisor.probes.text import clean_or_none, fields, whole

DEVICES = "/sys/bus/pci/devices"
VENDORS = {0x10DE: "nvidia", 0x1002: "amd", 0x8086: "intel", 0x19E5: "huawei", 0x1DA3: "habana", 0x106B: "apple"}
"""PCI vendor ids of makers of accelerators. Virtual adapters (bochs, virtio, ASPEED) are of other vendors."""
ARC_INTEGRATED = frozenset(
    [0x7D40, 0x7D45, 0x7D55, 0x7D60, 0x7DD5, 0x7D51, 0x7DD1, 0x6420, 0x64A0, 0x64B0, *range(0xB080, 0xB091)]
) | {0xB0A0, 0xB0B0, 0xFD80, 0xFD81}
"""Integrated GPUs of Meteor, Arrow (H), Lunar and Panther Lake (kernel include/drm/intel/pciids.h)."""
_ADDRESS = re.compile(r"[0-9a-fA-F]{1,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]")
_LANE_BYTES_PER_S = {
    "2.5 GT/s": 0.25e9, "5.0 GT/s": 0.5e9, "5 GT/s": 0.5e9, "8.0 GT/s": 0.985e9, "16.0 GT/s": 1.969e9,
    "32.0 GT/s": 3.938e9, "64.0 GT/s": 7.563e9,
}  # fmt: skip
"""One lane, one direction, after line coding: 8b/10b to generation 2, 128b/130b to 5, FLIT (242/256) in 6."""
GENERATION_GT = {1: "2.5 GT/s", 2: "5.0 GT/s", 3: "8.0 GT/s", 4: "16.0 GT/s", 5: "32.0 GT/s", 6: "64.0 GT/s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PciDevice:
    """One function on the bus."""

    address: str
    vendor: str
    vendor_id: int
    device_id: int
    class_code: int
    revision: str | None
    driver: str | None
    path: str

    @property
    def pci_id(self) -> str:
        """vendor:device in hex."""
        return f"{self.vendor_id:04x}:{self.device_id:04x}"


def normal_address(text: str | None) -> str | None:
    """`00000000:01:00.0` and `0000:01:00.0` are one place: domain in four digits, lower case."""
    if text is None or not _ADDRESS.fullmatch(text.strip()):
        return None
    domain, _, rest = text.strip().lower().partition(":")
    return f"{int(domain, 16):04x}:{rest}"


def lane_bytes_per_s(speed: str | None, lanes: int | None) -> float | None:
    """Bytes per second one way of a link `16.0 GT/s PCIe` with so many lanes."""
    if not speed or not lanes or lanes < 0:
        return None
    rate = _LANE_BYTES_PER_S.get(" ".join(speed.split()[:2]))
    return rate * lanes if rate else None


def is_accelerator(class_code: int) -> bool:
    """Display controllers (03), some of them without VGA, and processing accelerators (12)."""
    return class_code >> 16 in (0x03, 0x12)


def counts(device: PciDevice) -> bool:
    """False for Intel's integrated graphics below Arc class: it is slower than the CPU and has no memory of its own."""
    integrated = device.vendor == "intel" and device.address.endswith(":00:02.0") and device.class_code >> 16 == 0x03
    return not integrated or device.device_id in ARC_INTEGRATED


def pci_devices(host: Host) -> tuple[PciDevice, ...]:
    """Accelerators by makers we know, in the order of their addresses."""
    found: list[PciDevice] = []
    for name in host.names(DEVICES):
        path = f"{DEVICES}/{name}"
        address, code = normal_address(name), whole(host.read(f"{path}/class"), 16)
        if address is None or code is None or not is_accelerator(code):
            continue
        vendor_id, device_id = whole(host.read(f"{path}/vendor"), 16), whole(host.read(f"{path}/device"), 16)
        if vendor_id not in VENDORS or device_id is None:
            continue
        revision = whole(host.read(f"{path}/revision"), 16)
        found.append(
            PciDevice(
                address=address,
                vendor=VENDORS[vendor_id],
                vendor_id=vendor_id,
                device_id=device_id,
                class_code=code,
                revision=None if revision is None else f"{revision:02x}",
                driver=_driver(host, path),
                path=path,
            )
        )
    return tuple(found)


def _driver(host: Host, path: str) -> str | None:
    """The kernel driver that is bound, by link or by uevent."""
    target = host.link(f"{path}/driver")
    name = target.rpartition("/")[2] if target else fields(host.read(f"{path}/uevent"), "=").get("DRIVER")
    return clean_or_none(name) if name != "driver" else None


_RENDER = re.compile(r"renderD\d{1,4}")


def render_node(host: Host, device: PciDevice) -> str | None:
    """The device file through which programs use this GPU; None where the kernel names none."""
    name = next((n for n in host.names(f"{device.path}/drm") if _RENDER.fullmatch(n)), None)
    return f"/dev/dri/{name}" if name else None


def closed_to_us(host: Host, device: PciDevice, *also: str) -> str | None:
    """Why programs of this user cannot reach the GPU: its files are missing (a container) or closed; None: they can.

    `also` names other files that would do.
    """
    render = render_node(host, device)
    if render is None or any(host.accessible(path) for path in (render, *also)):
        return None
    if not any(host.exists(path) for path in (render, *also)):
        return f"on the host, but {render} is not here: give the container access to it"
    return f"this user may not open {render}: add the user to the groups render and video"


def link_bytes_per_s(host: Host, device: PciDevice) -> float | None:
    """What the slot can carry one way: the narrower of the card's outermost port and the port it plugs into."""
    own = host.link(device.path) or device.path
    place = own
    while _vendor(host, _parent(place)) == device.vendor_id and _vendor(host, _parent(_parent(place))) is not None:
        place = _parent(place)
    rate = _port_rate(host, place)
    slot = _port_rate(host, _parent(place))
    # an endpoint that says 2.5 GT/s x1 describes a link inside the card or chip: that is nobody's slot
    if rate is None or (place == own and rate < 1e9):
        return None
    return min(rate, slot) if slot else rate


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _vendor(host: Host, path: str) -> int | None:
    return whole(host.read(f"{path}/vendor"), 16)


def _port_rate(host: Host, path: str) -> float | None:
    """By the speed the port can have and the lanes it uses: an idle link slows down, but keeps its width."""
    lanes, now = (whole(host.read(f"{path}/{which}_link_width")) for which in ("max", "current"))
    used = now if lanes and now and 0 < now < lanes else lanes
    return lane_bytes_per_s(host.read(f"{path}/max_link_speed"), used)


def read_pci(host: Host, devices: tuple[PciDevice, ...]) -> Findings:
    """Every accelerator on the bus as present hardware; nothing is claimed of its memory."""
    return Findings(sightings=tuple(_sighting(host, device) for device in devices))


def _sighting(host: Host, device: PciDevice) -> Sighting:
    notes = () if device.driver else ("no kernel driver is bound to it",)
    rate = link_bytes_per_s(host, device)
    accelerator = Accelerator(
        index=0,
        name="",
        vendor=device.vendor,
        pci_id=device.pci_id,
        pci_address=device.address,
        pcie_bytes_per_s=rate,
        driver=device.driver,
        notes=notes,
    )
    return Sighting(source="pci", device=accelerator, revision=device.revision, present_only=True)
