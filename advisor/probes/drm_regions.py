"""Memory regions of Intel GPUs by DRM queries on a render node: works without root, takes the ioctl as an argument.

Layouts from the kernel's include/uapi/drm/xe_drm.h and i915_drm.h. Not tried on real hardware: held to the headers
by tests with a stand-in for the kernel.
"""

import ctypes
import struct
from collections.abc import Callable
from typing import Any

Ioctl = Callable[[int, int, bytearray], int]
"""`fcntl.ioctl` or a stand-in: descriptor, request, mutable argument."""

XE_QUERY = 0xC0286440
"""DRM_IOCTL_XE_DEVICE_QUERY: read and write, 40 bytes, 'd', 0x40."""
XE_MEM_REGIONS = 1
I915_QUERY = 0xC0106479
"""DRM_IOCTL_I915_QUERY: read and write, 16 bytes, 'd', 0x40 + 0x39."""
I915_MEMORY_REGIONS = 4
DEVICE_MEMORY = 1
"""`mem_class` and `memory_class` of a card's own memory in both drivers."""
_XE_REGION = struct.Struct("=HHIQQQQ6Q")
_I915_REGION = struct.Struct("=HHIQQ8Q")
MAX_REPLY = 1 << 16


def xe_regions(descriptor: int, ioctl: Ioctl) -> list[dict[str, int]]:
    """`class`, `total` and `used` of each region, in bytes. `used` is 0 to users without CAP_PERFMON."""
    size = struct.unpack_from("=I", _xe(descriptor, ioctl, 0, 0), 12)[0]
    if not 8 <= size <= MAX_REPLY:
        return []
    buffer = ctypes.create_string_buffer(size)
    _xe(descriptor, ioctl, size, ctypes.addressof(buffer))
    count = struct.unpack_from("=I", buffer.raw, 0)[0]
    regions = _unpack(_XE_REGION, buffer.raw, 8, count)
    return [{"class": r[0], "total": r[3], "used": r[4]} for r in regions]


def _xe(descriptor: int, ioctl: Ioctl, size: int, address: int) -> bytearray:
    """struct drm_xe_device_query: extensions, query, size, data, reserved[2]."""
    argument = bytearray(struct.pack("=QIIQQQ", 0, XE_MEM_REGIONS, size, address, 0, 0))
    ioctl(descriptor, XE_QUERY, argument)
    return argument


def i915_regions(descriptor: int, ioctl: Ioctl) -> list[dict[str, int]]:
    """The same from i915; `used` comes from `unallocated_size`, which equals the size for users without rights."""
    item = ctypes.create_string_buffer(struct.pack("=QiIQ", I915_MEMORY_REGIONS, 0, 0, 0), 24)
    query = bytearray(struct.pack("=IIQ", 1, 0, ctypes.addressof(item)))
    ioctl(descriptor, I915_QUERY, query)
    size = struct.unpack_from("=i", item.raw, 8)[0]
    if not 16 <= size <= MAX_REPLY:
        return []
    buffer = ctypes.create_string_buffer(size)
    item.raw = struct.pack("=QiIQ", I915_MEMORY_REGIONS, size, 0, ctypes.addressof(buffer))
    ioctl(descriptor, I915_QUERY, query)
    count = struct.unpack_from("=I", buffer.raw, 0)[0]
    regions = _unpack(_I915_REGION, buffer.raw, 16, count)
    return [{"class": r[0], "total": r[3], "used": max(0, r[3] - r[4])} for r in regions]


def _unpack(layout: struct.Struct, raw: bytes, offset: int, count: int) -> list[tuple[int, ...]]:
    room = (len(raw) - offset) // layout.size
    return [layout.unpack_from(raw, offset + i * layout.size) for i in range(min(count, room))]


def read_regions(argument: str) -> Any:
    """Regions of `DRIVER PATH`, e.g. `xe /dev/dri/renderD128`; None where the node cannot be opened or asked."""
    import fcntl
    import os

    driver, _, path = argument.partition(" ")
    reader = {"xe": xe_regions, "i915": i915_regions}.get(driver)
    if reader is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return reader(descriptor, lambda fd, request, value: fcntl.ioctl(fd, request, value, True))
    except (OSError, struct.error):
        return None
    finally:
        os.close(descriptor)
