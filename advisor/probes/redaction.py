"""Takes out of recorded answers what names a machine or its user.

Replaced: host name, user name and home folders, UUIDs, container and pod ids, network addresses of cards and machines,
servers of mounts, displays with their serial numbers. Equal secrets get equal stand-ins, so a record still joins up.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_UUID = re.compile(r"[0-9a-fA-F]{8}([-_])(?:[0-9a-fA-F]{4}\1){3}[0-9a-fA-F]{12}")
_LONG_HEX = re.compile(r"[0-9a-f]{24,}")
_MAC = re.compile(r"\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b")
_IPV4 = re.compile(r"(?<![\w.-])(?!127\.|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}(?![\w.-])")
"""No loopback, which tells nothing, and no versions such as 5.15.167.4-microsoft."""
_IPV6 = re.compile(r"\b(?:fe80|f[cd][0-9a-f]{2}|2[0-9a-f]{3})(?::[0-9a-f]{0,4}){2,7}(?![\w.])", re.IGNORECASE)
"""Link-local, unique local and global addresses."""
_HOME = re.compile(r"(/home/|/Users/|\\\\Users\\\\|\\Users\\)[^/\s:\"\\]+")
_SHARED_NAMES = frozenset(
    ("root", "user", "users", "admin", "ubuntu", "debian", "fedora", "arch", "linux", "localhost", "host", "home")
)
"""Names of users and hosts that many machines have, and words that stand for themselves in other texts."""
LEAST_NAME = 3
"""A shorter name would be found inside words that it does not mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What to look for on one machine."""

    homes: tuple[str, ...] = ()
    user: str | None = None
    host: str | None = None


def names_of(environ: Mapping[str, str], answers: Mapping[str, Mapping[str, Any]]) -> Names:
    """The names of this machine and user, from its environment and what was read."""
    told = (environ.get("HOME"), environ.get("USERPROFILE"))
    homes = tuple(home for home in told if home and home not in ("/", "/root"))
    users = [environ.get(name) for name in ("USER", "LOGNAME", "USERNAME")]
    users += [re.split(r"[/\\]", home.rstrip("/\\"))[-1] for home in homes]
    answer = answers.get("ask", {}).get("psutil")
    node = answer.get("node") if isinstance(answer, Mapping) else None
    host = answers.get("read", {}).get("/proc/sys/kernel/hostname") or node
    hardware = " ".join(str(answers.get("read", {}).get(path)) for path in ("/proc/cpuinfo", "/etc/os-release")).lower()
    return Names(
        homes=homes,
        user=next((user for user in users if user and _tells(user, hardware)), None),
        host=host if isinstance(host, str) and _tells(host, hardware) else None,
    )


def _tells(name: str, hardware: str) -> bool:
    """Whether a name says something of its owner: a host called after its processor does not."""
    return len(name) >= LEAST_NAME and name.lower() not in _SHARED_NAMES and name.lower() not in hardware


def redact(text: str, names: Names) -> str:
    """The text with secrets replaced by stand-ins of the same shape, numbered where equal ones must stay equal."""
    seen: dict[str, int] = {}

    def number(secret: str) -> int:
        return seen.setdefault(secret.lower(), len(seen) + 1)

    for home in names.homes:
        for written in dict.fromkeys((json.dumps(home, ensure_ascii=False)[1:-1], home)):
            text = re.sub(re.escape(written) + r"(?![\w-])", "/home/user", text)
    text = _HOME.sub(lambda m: m[1] + "user", text)
    for name, stand_in in ((names.host, "host"), (names.user, "user")):
        if name:
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", stand_in, text, flags=re.IGNORECASE)
    text = _UUID.sub(lambda m: f"00000000-0000-0000-0000-{number(m[0]):012d}", text)
    text = _MAC.sub("00:00:00:00:00:00", text)
    text = _IPV6.sub("fe80::", _IPV4.sub("0.0.0.0", text))
    return _LONG_HEX.sub(lambda m: f"id{number(m[0])}", text)


# -- answers of which only a part is kept ---------------------------------------------------------------------------


def narrowed(answers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The answers with nothing in them that no probe reads."""
    kept = {kind: dict(entries) for kind, entries in answers.items()}
    asked = [path.partition(" ")[2] for path in kept.get("ask", {}) if path.startswith("disk_space ")]
    asked += [words[len(_DF) :] for words in kept.get("run", {}) if words.startswith(_DF)]
    files: dict[str, Callable[[str], str]] = {
        "/proc/sys/kernel/hostname": lambda _: "host",
        "/proc/self/status": _allowed_cpus,
        "/proc/self/mountinfo": lambda text: _mounts(text, asked),
    }
    for path, narrow in files.items():
        if kept.get("read", {}).get(path):
            kept["read"][path] = narrow(kept["read"][path])
    for words, answer in kept.get("run", {}).items():
        narrow_output = _OUTPUTS.get(words.split(" ", 1)[0])
        if narrow_output is not None:
            kept["run"][words] = {**answer, "out": narrow_output(str(answer.get("out") or "")), "err": ""}
    told = kept.get("ask", {}).get("psutil")
    if isinstance(told, dict):
        kept["ask"]["psutil"] = {**told, "node": "host"}
    return kept


_DF = "df -Pk "


def _allowed_cpus(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.startswith("Cpus_allowed_list"))


def _mounts(text: str, asked: list[str]) -> str:
    """cgroup mounts as they are; of others, those that hold a folder that was asked for, without their sources."""
    kept: list[str] = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        place, kind = left.split(), right.split()
        if len(place) < 5 or not kind:
            continue
        point = place[4].replace("\\040", " ").rstrip("/")
        if kind[0] in ("cgroup", "cgroup2"):
            kept.append(line)
        elif any(path == point or path.startswith(point + "/") for path in asked):
            options = ",".join(o for o in ",".join(kind[2:3]).split(",") if re.fullmatch(r"r[ow]|[a-z]*quota", o))
            kept.append(f"{' '.join(place[:6])} - {kind[0]} none {options or 'rw'}")
    return "\n".join(kept)


def _df(text: str) -> str:
    """The figures without the server and its folder."""
    return "\n".join(re.sub(r"^\S+", "none", line) for line in text.splitlines())


def _displays(text: str) -> str:
    """Graphics cards without the screens on them: those have serial numbers and names."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    entries = document.get("SPDisplaysDataType") if isinstance(document, dict) else None
    kept = [
        {key: value for key, value in entry.items() if key.startswith("sppci_") or key == "spdisplays_vram"}
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
    ]
    return json.dumps({"SPDisplaysDataType": kept})


_OUTPUTS: dict[str, Callable[[str], str]] = {"df": _df, "system_profiler": _displays}
"""Programs of whose output a record keeps only what a probe reads."""
