"""Asks Metal, through the Objective-C runtime, how much memory the GPU may use. macOS only; untested on hardware."""

import ctypes
import ctypes.util
from typing import Any


def ask_metal(_: str = "") -> Any:
    """`{"recommended_bytes": n}` of the system's default device, or None where there is no Metal."""
    try:
        metal = ctypes.CDLL("/System/Library/Frameworks/Metal.framework/Metal")
        objc = ctypes.CDLL(ctypes.util.find_library("objc") or "libobjc.dylib")
        metal.MTLCreateSystemDefaultDevice.restype = ctypes.c_void_p
        objc.sel_registerName.restype = ctypes.c_void_p
        objc.sel_registerName.argtypes = [ctypes.c_char_p]
    except (OSError, AttributeError):
        return None
    device = metal.MTLCreateSystemDefaultDevice()
    if not device:
        return None
    send = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p)(("objc_msgSend", objc))
    return {"recommended_bytes": int(send(device, objc.sel_registerName(b"recommendedMaxWorkingSetSize")))}
