"""Reconstructed machines: small path → text mappings, written as real files so that the real readers run.

Every one is reconstructed from public reports, kernel documentation and data sheets; none is a capture.
"""

from dataclasses import dataclass, field

from advisor.probes.host import CommandAnswer
from advisor.probes.tree import TreeHost

GIB = 1 << 30


@dataclass
class Tree:
    """A machine: files, links, folders, programs, library answers and environment."""

    files: dict = field(default_factory=dict)
    links: dict = field(default_factory=dict)
    commands: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)
    environ: dict = field(default_factory=dict)
    platform: str = "linux"

    def __or__(self, other):
        return Tree(
            files=self.files | other.files,
            links=self.links | other.links,
            commands=self.commands | other.commands,
            answers=self.answers | other.answers,
            environ=self.environ | other.environ,
            platform=other.platform if other.platform != "linux" else self.platform,
        )


def materialise(root, tree):
    """Write the files and links below `root`; a text of None is a folder, which cannot be read."""
    root.mkdir(parents=True, exist_ok=True)
    for path, text in tree.files.items():
        place = root / path.lstrip("/")
        if text is None:
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
        if "/bin/" in path:
            place.chmod(0o755)
    for path, target in tree.links.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
    return TreeHost(root, platform=tree.platform, environ=tree.environ, commands=tree.commands, answers=tree.answers)


def said(text, code=0):
    return CommandAnswer(code=code, out=text)


def meminfo(total_gib, available_gib, more=""):
    total, available = int(total_gib * 2**20), int(available_gib * 2**20)
    return Tree(
        files={"/proc/meminfo": f"MemTotal: {total} kB\nMemFree: 1000 kB\nMemAvailable: {available} kB\n{more}"}
    )


def x86(name="AMD Ryzen 9 7950X 16-Core Processor", cores=16, smt=2, vendor="AuthenticAMD", flags="avx avx2 fma f16c"):
    block = f"vendor_id\t: {vendor}\nmodel name\t: {name}\nflags\t\t: fpu {flags}\n"
    threads = cores * smt
    files = {
        "/proc/cpuinfo": "\n".join(f"processor\t: {i}\n{block}" for i in range(threads)),
        "/sys/devices/system/cpu/online": f"0-{threads - 1}\n",
        "/proc/sys/kernel/arch": "x86_64\n",
        "/proc/sys/kernel/osrelease": "6.12.0\n",
        "/proc/sys/kernel/hostname": "box\n",
        "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 13"\n',
        "/proc/self/status": f"Cpus_allowed_list:\t0-{threads - 1}\n",
    }
    for i in range(threads):
        siblings = ",".join(str(i % cores + cores * t) for t in range(smt))
        files[f"/sys/devices/system/cpu/cpu{i}/topology/core_cpus_list"] = siblings + "\n"
        files[f"/sys/devices/system/cpu/cpu{i}/topology/physical_package_id"] = "0\n"
    return Tree(files=files)


def arm(parts, features="fp asimd asimdhp asimddp sve sve2 i8mm bf16", capacity=None):
    files = {"/proc/sys/kernel/arch": "aarch64\n", "/proc/sys/kernel/osrelease": "6.11.0\n"}
    files["/proc/cpuinfo"] = "\n".join(
        f"processor\t: {i}\nFeatures\t: {features}\nCPU implementer\t: 0x41\nCPU part\t: {part}\n"
        for i, part in enumerate(parts)
    )
    files["/sys/devices/system/cpu/online"] = f"0-{len(parts) - 1}\n"
    for i in range(len(parts)):
        files[f"/sys/devices/system/cpu/cpu{i}/topology/core_cpus_list"] = f"{i}\n"
        if capacity:
            files[f"/sys/devices/system/cpu/cpu{i}/cpu_capacity"] = f"{capacity[i]}\n"
    return Tree(files=files)


def pci(address, ids, *, code="0x030000", driver=None, revision="0x00", more=None):
    vendor, device = ids.split(":")
    base = f"/sys/bus/pci/devices/{address}"
    files = {
        f"{base}/vendor": f"0x{vendor}\n",
        f"{base}/device": f"0x{device}\n",
        f"{base}/class": f"{code}\n",
        f"{base}/revision": f"{revision}\n",
    }
    if driver:
        files[f"{base}/uevent"] = f"DRIVER={driver}\nPCI_SLOT_NAME={address}\n"
    files |= {f"{base}/{name}": text for name, text in (more or {}).items()}
    return Tree(files=files)


def amdgpu(address, ids, *, vram, gtt, vram_used=0, gtt_used=0, mclk=(), code="0x030000", revision="0xc1", pad=False):
    def text(value):
        return f"{value}\n".encode().ljust(4096, b"\0") if pad else f"{value}\n"

    more = {
        "mem_info_vram_total": text(vram),
        "mem_info_vram_used": text(vram_used),
        "mem_info_gtt_total": text(gtt),
        "mem_info_gtt_used": text(gtt_used),
    }
    if mclk:
        more["pp_dpm_mclk"] = "".join(f"{i}: {clock}Mhz {'*' if i == 0 else ''}\n" for i, clock in enumerate(mclk))
    return pci(address, ids, code=code, driver="amdgpu", revision=revision, more=more)


def kfd(node, address, *, gfx, simds, local_mem_size, width=None, clock=None, unique_id=0):
    _, bus, rest = address.split(":")
    device, _, function = rest.partition(".")
    location = int(bus, 16) << 8 | int(device, 16) << 3 | int(function)
    base = f"/sys/class/kfd/kfd/topology/nodes/{node}"
    files = {
        "/dev/kfd": "",
        "/sys/class/kfd/kfd/topology/nodes/0/properties": "cpu_cores_count 16\nsimd_count 0\nlocation_id 0\n",
        f"{base}/properties": (
            f"simd_count {simds}\nlocal_mem_size {local_mem_size}\ngfx_target_version {gfx}\n"
            f"location_id {location}\ndomain 0\nunique_id {unique_id}\n"
        ),
    }
    if width:
        files[f"{base}/mem_banks/0/properties"] = f"heap_type 1\nwidth {width}\nmem_clk_max {clock or 0}\n"
    return Tree(files=files)


SPARK = arm(["0xd87"] * 5 + ["0xd85"] * 5 + ["0xd87"] * 5 + ["0xd85"] * 5, capacity=([718] * 5 + [997] * 5) * 2)
SPARK |= meminfo(119.69, 90) | Tree(files={"/dev/nvidia0": "", "/sys/class/dmi/id/product_name": "NVIDIA_DGX_Spark\n"})
"""A DGX Spark: 20 cores, ten of them fast, 119.69 GiB (reconstructed from public reports of owners)."""
