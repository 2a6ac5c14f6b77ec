"""NVML's answers, one JSON line a device, each field on its own: a field the driver refuses is an error name.

Run as a program in a child that can be killed; needs nothing of this package. A driver that hangs inside a call loses
only what comes after. Values are raw, in the driver's own units (bytes, MHz, mW); nothing is interpreted here.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

MAX_DEVICES = 256
MAX_LINKS = 32


def main() -> None:
    """Write answers to the real stdout; what libraries print there goes to stderr instead."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for answer in read_all():
        print(json.dumps(answer), file=answers, flush=True)


def read_all() -> Iterator[dict[str, Any]]:
    """A `system` line, then one `device` line each; an `init_error` line where the library does not come up."""
    try:
        import pynvml
    except ImportError as error:
        yield {"kind": "init_error", "error": "ModuleMissing", "value": None, "text": str(error)}
        return
    preload(pynvml)
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        yield {"kind": "init_error", "error": type(error).__name__, "value": error.value, "text": str(error)}
        return
    reader = _Reader(pynvml)
    count = reader.call(pynvml.nvmlDeviceGetCount)
    yield {
        "kind": "system",
        "driver": reader.call(pynvml.nvmlSystemGetDriverVersion),
        "cuda": reader.call(pynvml.nvmlSystemGetCudaDriverVersion_v2),
        "count": count,
    }
    for index in range(min(count, MAX_DEVICES) if isinstance(count, int) else 0):
        yield from reader.devices(index)


def preload(pynvml: Any) -> None:
    """WSL keeps the library outside the loader's path on some systems; loading it by path first makes it found."""
    import ctypes

    for folder in ("/usr/lib/wsl/lib", "/usr/local/nvidia/lib64"):
        path = f"{folder}/libnvidia-ml.so.1"
        if os.path.exists(path):
            try:
                ctypes.CDLL(path)
            except OSError:
                continue
            return


class _Reader:
    """Calls of one library, each of which may fail alone."""

    def __init__(self, pynvml: Any) -> None:
        self.nvml = pynvml
        # the second derives from Exception alone and is raised by process calls on old drivers
        self.refusals = (pynvml.NVMLError, getattr(pynvml, "NVMLLibraryMismatchError", pynvml.NVMLError))

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """The value, or `{"error": NAME}`."""
        try:
            value = function(*arguments, **named)
        except self.refusals as error:
            return {"error": type(error).__name__.removeprefix("NVMLError_")}
        except (AttributeError, ValueError, TypeError) as error:
            return {"error": type(error).__name__}
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def devices(self, index: int) -> Iterator[dict[str, Any]]:
        """One card and, where it is cut up, its MIG slices."""
        handle = self.call(self.nvml.nvmlDeviceGetHandleByIndex, index)
        if isinstance(handle, dict):
            yield {"kind": "device", "index": index, "lost": handle["error"]}
            return
        yield {"kind": "device", "index": index, **self.identity(handle), **self.rates(handle), **self.use(handle)}
        mode = self.call(self.nvml.nvmlDeviceGetMigMode, handle)
        if isinstance(mode, list | tuple) and mode and mode[0]:
            yield from self.slices(index, handle)

    def identity(self, handle: Any) -> dict[str, Any]:
        """Who it is."""
        nvml, call = self.nvml, self.call
        pci = call(nvml.nvmlDeviceGetPciInfo, handle)
        mig = call(nvml.nvmlDeviceGetMigMode, handle)
        return {
            "name": call(nvml.nvmlDeviceGetName, handle),
            "uuid": call(nvml.nvmlDeviceGetUUID, handle),
            "pci": pci if isinstance(pci, dict) else _text(pci.busId),
            "pci_id": None if isinstance(pci, dict) else int(pci.pciDeviceId),
            "compute_capability": call(nvml.nvmlDeviceGetCudaComputeCapability, handle),
            "virtualization": call(nvml.nvmlDeviceGetVirtualizationMode, handle),
            "addressing": _value(call(nvml.nvmlDeviceGetAddressingMode, handle)),
            "mig": list(mig) if isinstance(mig, list | tuple) else mig,
        }

    def rates(self, handle: Any) -> dict[str, Any]:
        """Clocks, bus, power and links. The largest clocks: an idle card runs at a fraction of them."""
        nvml, call = self.nvml, self.call
        return {
            "bus_bits": call(nvml.nvmlDeviceGetMemoryBusWidth, handle),
            "memory_mhz": call(nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_MEM),
            "power_mw": call(nvml.nvmlDeviceGetEnforcedPowerLimit, handle),
            "power_default_mw": call(nvml.nvmlDeviceGetPowerManagementDefaultLimit, handle),
            "pcie_generation": call(nvml.nvmlDeviceGetMaxPcieLinkGeneration, handle),
            "pcie_lanes": call(nvml.nvmlDeviceGetMaxPcieLinkWidth, handle),
            "pcie_lanes_now": call(nvml.nvmlDeviceGetCurrPcieLinkWidth, handle),
            "links": self.links(handle),
        }

    def links(self, handle: Any) -> dict[str, Any]:
        """NVLinks that are up, and the speed of one in MB/s."""
        nvml = self.nvml
        wanted = [nvml.NVML_FI_DEV_NVLINK_LINK_COUNT, nvml.NVML_FI_DEV_NVLINK_SPEED_MBPS_COMMON]
        values = self.call(nvml.nvmlDeviceGetFieldValues, handle, wanted)
        if isinstance(values, dict):
            return values
        count, speed = (int(v.value.uiVal) if v.nvmlReturn == 0 else None for v in values)
        active = [self.call(nvml.nvmlDeviceGetNvLinkState, handle, i) for i in range(min(count or 0, MAX_LINKS))]
        return {"active": sum(1 for state in active if state == 1), "mb_per_s": speed}

    def use(self, handle: Any) -> dict[str, Any]:
        """Memory, and what each process holds (None where the driver does not tell)."""
        nvml, call = self.nvml, self.call
        processes: list[Any] = []
        for function in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
            found = call(function, handle)
            if not isinstance(found, dict):
                processes.extend([int(p.pid), p.usedGpuMemory] for p in found[:1000])
        return {"memory": self.memory(handle), "processes": processes}

    def memory(self, handle: Any) -> dict[str, Any]:
        """Bytes by the second version of the call, which knows reserved memory, else by the first."""
        nvml = self.nvml
        for version in (getattr(nvml, "nvmlMemory_v2", None), None):
            named = {} if version is None else {"version": version}
            info = self.call(nvml.nvmlDeviceGetMemoryInfo, handle, **named)
            if not isinstance(info, dict):
                return {"total": int(info.total), "free": int(info.free)}
        return {"error": str(info["error"])}

    def slices(self, index: int, handle: Any) -> Iterator[dict[str, Any]]:
        """MIG slices; slots may be empty."""
        nvml, call = self.nvml, self.call
        most = call(nvml.nvmlDeviceGetMaxMigDeviceCount, handle)
        for slot in range(min(most, 64) if isinstance(most, int) else 0):
            part = call(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, slot)
            if isinstance(part, dict):
                continue
            attributes = call(nvml.nvmlDeviceGetAttributes, part)
            megabytes = None if isinstance(attributes, dict) else int(attributes.memorySizeMB)
            yield {
                "kind": "slice",
                "parent": index,
                "slot": slot,
                "name": call(nvml.nvmlDeviceGetName, part),
                "uuid": call(nvml.nvmlDeviceGetUUID, part),
                "memory": self.memory(part),
                "memory_mib": megabytes,
                "slices": None if isinstance(attributes, dict) else int(attributes.gpuInstanceSliceCount),
            }


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _value(answer: Any) -> Any:
    """The number inside a versioned structure."""
    return answer if isinstance(answer, dict | int) else getattr(answer, "value", None)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # a driver that hangs in its own exit code must not hold the child
