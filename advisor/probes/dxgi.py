"""Lists Windows' graphics adapters by DXGI through ctypes. Windows only; untested on real hardware.

Layouts from dxgi.h: DXGI_ADAPTER_DESC1, and the method order of IDXGIFactory1 and IDXGIAdapter1.
"""

import ctypes
from typing import Any

MAX_ADAPTERS = 64
_ENUM_ADAPTERS1 = 12
"""IDXGIFactory1: IUnknown 0–2, IDXGIObject 3–6, IDXGIFactory 7–11, EnumAdapters1 12."""
_GET_DESC1 = 10
"""IDXGIAdapter1: IUnknown 0–2, IDXGIObject 3–6, IDXGIAdapter 7–9, GetDesc1 10."""
_RELEASE = 2
_FACTORY1 = b"\x78\xae\x0a\x77\x6f\xf2\xba\x4d\xa8\x29\x25\x3c\x83\xd1\xb3\x87"
"""IID_IDXGIFactory1, 770aae78-f26f-4dba-a829-253c83d1b387, in memory order."""


class AdapterDescription(ctypes.Structure):
    """DXGI_ADAPTER_DESC1."""

    _fields_ = (
        ("description", ctypes.c_wchar * 128),
        ("vendor_id", ctypes.c_uint),
        ("device_id", ctypes.c_uint),
        ("subsystem_id", ctypes.c_uint),
        ("revision", ctypes.c_uint),
        ("dedicated_video", ctypes.c_size_t),
        ("dedicated_system", ctypes.c_size_t),
        ("shared_system", ctypes.c_size_t),
        ("luid_low", ctypes.c_uint),
        ("luid_high", ctypes.c_int),
        ("flags", ctypes.c_uint),
    )


def ask_dxgi(_: str = "") -> Any:
    """One mapping an adapter; None where this is no 64-bit Windows (a 32-bit process sees sizes cut off)."""
    loader: Any = ctypes  # WinDLL exists on Windows alone
    if not hasattr(loader, "WinDLL") or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    try:
        library = loader.WinDLL("dxgi")
        factory = ctypes.c_void_p()
        if library.CreateDXGIFactory1(_FACTORY1, ctypes.byref(factory)) != 0:
            return None
    except (OSError, AttributeError):
        return None
    found = [_describe(adapter) for adapter in _adapters(factory)]
    _method(factory, _RELEASE)()
    return found


def _method(instance: ctypes.c_void_p, index: int, *types: Any) -> Any:
    """A COM method of `instance` by its place in the table."""
    table = ctypes.cast(instance, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
    prototype = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p, *types)
    return lambda *arguments: prototype(table[index] or 0)(instance, *arguments)


def _adapters(factory: ctypes.c_void_p) -> Any:
    enumerate_one = _method(factory, _ENUM_ADAPTERS1, ctypes.c_uint, ctypes.c_void_p)
    for index in range(MAX_ADAPTERS):
        adapter = ctypes.c_void_p()
        if enumerate_one(index, ctypes.byref(adapter)) != 0:
            return
        yield adapter


def _describe(adapter: ctypes.c_void_p) -> dict[str, Any]:
    description = AdapterDescription()
    _method(adapter, _GET_DESC1, ctypes.c_void_p)(ctypes.byref(description))
    _method(adapter, _RELEASE)()
    return plain(description)


def plain(description: AdapterDescription) -> dict[str, Any]:
    """The description as `read_adapters` takes it, sizes in bytes."""
    return {
        "name": description.description,
        "vendor_id": description.vendor_id,
        "device_id": description.device_id,
        "revision": description.revision,
        "dedicated_bytes": description.dedicated_video,
        "shared_bytes": description.shared_system,
        "luid": f"{description.luid_high:08x}:{description.luid_low:08x}",
        "flags": description.flags,
    }
