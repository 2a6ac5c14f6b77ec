"""Where models are kept: free space for this user, size, and what kind of disk it is.

The folder itself may not exist yet: its nearest existing parent counts. A network mount can hang, so its space is
asked of `df` in a bounded child.
"""

import re

from advisor.domain.machine import Disk, ProbeNote
from advisor.probes.host import Host
from advisor.probes.text import clean, whole

_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "ceph", "lustre", "glusterfs")
"""File systems behind a network."""
_SLOW_SHARES = ("9p", "drvfs", "virtiofs")
"""Shares of a host's disk: /mnt/c under WSL is about ten times slower than its own disk."""


_QUOTAS = ("usrquota", "grpquota", "prjquota", "uquota", "gquota", "pquota", "usrjquota", "grpjquota", "quota")
"""Mount options of ext4 and XFS under which a user may have less than the disk's free space."""


def read_disks(host: Host, folders: tuple[str, ...]) -> tuple[Disk, ...]:
    """One disk for each folder that models go to, duplicates left out."""
    return tuple(read_disk(host, folder) for folder in dict.fromkeys(folders))


def disk_notes(host: Host, folder: str | None) -> tuple[ProbeNote, ...]:
    """What keeps downloads out of the folder they go to: a read-only mount, a closed folder, a quota."""
    if host.platform != "linux" or not folder:
        return ()
    place = _nearest(host, folder)
    point, _, _, options = _mount(host, place)
    hint = "choose another folder with ADVISOR_MODELS"
    if "ro" in options:
        message = f"{clean(folder, 200)} lies on a disk that is mounted read-only: nothing can be downloaded there"
        return (ProbeNote(source=clean(f"mount {point}"), message=message, hint=hint),)
    if not host.accessible(place):
        message = f"this user may not write to {clean(place, 200)}, where models would go"
        return (ProbeNote(source="permissions", message=message, hint=hint),)
    if any(option.partition("=")[0] in _QUOTAS for option in options):
        message = f"{clean(point, 200)} has quotas: this user may have less room than the disk has"
        return (ProbeNote(source=clean(f"mount {point}"), message=message, hint="see `quota -s`"),)
    return ()


def model_folders(host: Host, preferred: str | None) -> tuple[str, ...]:
    """The folder downloads go to, then the stores of other programs that exist here."""
    home = host.environ.get("HOME") or host.environ.get("USERPROFILE") or ""
    known = (
        host.environ.get("HF_HUB_CACHE"),
        f"{host.environ['HF_HOME']}/hub" if host.environ.get("HF_HOME") else None,
        host.environ.get("OLLAMA_MODELS"),
        f"{home}/.cache/huggingface/hub" if home else None,
        f"{home}/.ollama/models" if home else None,
        f"{home}/.lmstudio/models" if home else None,
    )
    existing = [path for path in known if path and host.exists(path)]
    return tuple(dict.fromkeys([preferred, *existing] if preferred else existing))


def read_disk(host: Host, folder: str) -> Disk:
    """Free and total bytes of the disk that holds `folder`."""
    place = _nearest(host, folder)
    point, filesystem, device, _ = _mount(host, place)
    network = filesystem in _NETWORK
    space = _space_of_network(host, place) if network else host.ask("disk_space", place)
    free, total = _sizes(space)
    kind = "network" if network else _kind(host, filesystem, device)
    sources = {} if free is None else {"free_bytes": "df" if network else "statvfs", "total_bytes": "statvfs"}
    if kind:
        sources["kind"] = clean(f"mount {point}") if filesystem else "/sys/dev/block"
    return Disk(path=folder, free_bytes=free, total_bytes=total, kind=kind, sources=sources)


def _sizes(answer: object) -> tuple[int | None, int | None]:
    """Free and total bytes, or neither."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        return None, None
    free, total = answer
    known = all(isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 1 << 62 for v in answer)
    return (free, total) if known else (None, None)


def _nearest(host: Host, folder: str) -> str:
    """The folder, or the first parent that exists, with links followed."""
    path = folder.replace("\\", "/") if host.platform == "win32" else folder
    while path not in ("", "/") and not host.exists(path):
        path = path.rpartition("/")[0]
    if path.endswith(":"):  # the root of a drive of Windows
        path += "/"
    return host.link(path or "/") or path or "/"


def _mount(host: Host, path: str) -> tuple[str, str, str, frozenset[str]]:
    """Mount point, file system type, major:minor and options of the longest mount that holds `path`."""
    best: tuple[str, str, str, frozenset[str]] = ("", "", "", frozenset())
    for line in (host.read("/proc/self/mountinfo") or "").splitlines():
        left, _, right = line.partition(" - ")
        place, kind = left.split(), right.split()
        if len(place) < 5 or not kind:
            continue
        point = place[4].replace("\\040", " ")
        inside = point in ("/", path) or path.startswith(point + "/")
        if inside and len(point) >= len(best[0]):
            words = ",".join([*place[5:6], *kind[2:3]])
            best = (point, kind[0], place[2], frozenset(words.split(",")))
    return best


def _space_of_network(host: Host, path: str) -> tuple[int, int] | None:
    answer = host.run(["df", "-Pk", path], 2.0)
    lines = answer.out.splitlines()
    match = re.search(r"\s(\d{1,15})\s+(\d{1,15})\s+(\d{1,15})\s+\d+%", lines[-1]) if len(lines) > 1 else None
    return (int(match[3]) * 1024, int(match[1]) * 1024) if match else None


def _kind(host: Host, filesystem: str, device: str) -> str | None:
    """nvme, ssd, hdd, shared or memory; None where the kernel does not say."""
    if filesystem in _SLOW_SHARES:
        return "shared"
    if filesystem == "tmpfs":
        return "memory"
    folder = host.link(f"/sys/dev/block/{device}") if device else None
    if folder is None or "/virtio" in folder:  # a virtual disk calls itself rotational whatever is below it
        return None
    if "/nvme" in folder:
        return "nvme"
    rotational = whole(host.read(f"{folder}/queue/rotational") or host.read(f"{folder}/../queue/rotational"))
    return {0: "ssd", 1: "hdd"}.get(rotational) if rotational is not None else None
