"""What was detected here, by which source, what failed and what helps: for users and for bug reports."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.domain.machine import Machine
from advisor.settings import Settings, cache_folder, data_folder, models_folder

if TYPE_CHECKING:
    from advisor.probes.record import RecordingHost
    from advisor.probes.sighting import Conflict

LIBRARIES = ("nvidia-ml-py", "psutil", "pydantic", "huggingface-hub", "textual", "xllamacpp")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRequest:
    """`record`: a file for the raw answers, redacted."""

    record: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """One source: whether it answered, and with what. `state`: answered, nothing, failed or not asked.

    `hint`: what to do where it failed, None where nothing needs to be done.
    """

    source: str
    state: str
    detail: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One of the program's own folders."""

    name: str
    path: str
    writable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything `advisor doctor` shows. Texts are redacted."""

    machine: Machine
    sources: tuple[SourceReport, ...]
    conflicts: "tuple[Conflict, ...]"
    folders: tuple[Folder, ...]
    versions: dict[str, str | None]


def diagnose(request: DoctorRequest, settings: Settings) -> Diagnosis:
    """Probe with every answer kept. Raises AdvisorError where the record cannot be written."""
    from advisor.probes.assemble import probe
    from advisor.probes.document import with_texts
    from advisor.probes.live import LiveHost
    from advisor.probes.record import RecordingHost
    from advisor.verbs.workspace import Workspace

    host = RecordingHost(LiveHost())
    found = probe(Workspace(settings).catalog.hardware, host, models=models_folder())
    if request.record is not None:
        from advisor.verbs.probe import write_document

        write_document(host.document(), request.record, "--record")
    shown = Diagnosis(
        machine=replace(found.machine, name="host"),
        sources=source_reports(host),
        conflicts=found.conflicts,
        folders=_folders(),
        versions=_versions(),
    )
    redacted: Diagnosis = with_texts(shown, host.redact)
    return redacted


def source_reports(host: "RecordingHost") -> tuple[SourceReport, ...]:
    """What each source answered, from the answers kept."""
    answers = host.answers
    reports = [
        _files_report(host),
        _bus_report(host),
        _nvml_report(answers["ask"].get("nvml"), "nvml" in answers["ask"]),
    ]
    for question, answer in answers["ask"].items():
        source, _, about = question.partition(" ")
        if source not in ("nvml", "module", "listening", "disk_space", "machine"):
            state, hint = ("answered", None) if answer is not None else ("nothing", _HINTS.get(source))
            detail = f"{about}: {_size_of(answer)}" if about else _size_of(answer)
            reports.append(SourceReport(source=source, state=state, detail=detail, hint=hint))
    reports += [_command_report(words, answer) for words, answer in answers["run"].items()]
    return tuple(reports)


_HINTS = {
    "drm_regions": "add the user to the group render, so that the card tells its memory",
    "memory_devices": "the firmware's tables are for root: without them the data sheet's bandwidth is taken",
    "metal": "only a native Python on macOS can ask Metal",
    "dxgi": "a 64-bit Python on Windows is needed",
    "psutil": "reinstall psutil",
    "nvidia-smi": "run `nvidia-smi` and see what it says",
    "npu-smi": "install the Ascend driver, and put npu-smi on PATH",
    "vulkaninfo": "run `vulkaninfo --summary` and see what it says",
    "df": "the network mount does not answer: see whether its server is up",
    "powershell": "run it by hand: a policy may forbid it",
    "system_profiler": "the number of GPU cores stays unknown: state the chip with --hardware",
}
"""What helps where a source fails."""


def _size_of(answer: Any) -> str:
    if isinstance(answer, list):
        return f"{len(answer)} entr{'y' if len(answer) == 1 else 'ies'}"
    return "no answer" if answer is None else "answered"


def _files_report(host: "RecordingHost") -> SourceReport:
    """Files that are there but closed are named: another user would see more."""
    asked = host.answers["read"]
    read = [path for path, text in asked.items() if text is not None]
    closed = [path for path in asked if asked[path] is None and host.exists(path)]
    detail = f"{len(read)} of {len(asked)} files that may exist"
    if closed:
        more = f" and {len(closed) - 3} more" if len(closed) > 3 else ""
        detail += f"; closed to this user: {', '.join(closed[:3])}{more}"
    hint = "root may read them" if closed else None
    return SourceReport(source="kernel files", state="answered" if read else "nothing", detail=detail, hint=hint)


def _bus_report(host: "RecordingHost") -> SourceReport:
    bus = host.answers["names"].get("/sys/bus/pci/devices")
    if bus is None:
        return SourceReport(source="PCI bus", state="not asked", detail="this system has other sources")
    hint = None if bus else "containers and small boards may have none: state the GPU with --gpu"
    detail = f"{len(bus)} device{'' if len(bus) == 1 else 's'} of all kinds"
    return SourceReport(source="PCI bus", state="answered" if bus else "nothing", detail=detail, hint=hint)


def _nvml_report(answer: Any, asked: bool) -> SourceReport:
    if not asked:
        return SourceReport(source="nvml", state="not asked", detail="nothing here shows an NVIDIA device")
    lines = answer.get("lines", []) if isinstance(answer, dict) else []
    failure = answer.get("failure") if isinstance(answer, dict) else "no answer"
    devices = sum(1 for line in lines if line.get("kind") == "device")
    errors = [line for line in lines if line.get("kind") == "init_error"]
    if failure or errors:
        from advisor.domain.machine import HostMemory
        from advisor.probes.nvidia_devices import read_nvml

        notes = read_nvml(answer, HostMemory()).notes
        hint = next((note.hint for note in notes if note.hint), None)
        detail = str(failure or ", ".join(str(line.get("error")) for line in errors))
        return SourceReport(source="nvml", state="failed", detail=detail, hint=hint)
    return SourceReport(source="nvml", state="answered", detail=f"{devices} device{'' if devices == 1 else 's'}")


def _command_report(words: str, answer: dict[str, Any]) -> SourceReport:
    program = words.split(" ", maxsplit=1)[0].rpartition("/")[2]
    hint = _HINTS.get(program)
    if answer["failure"] == "missing":
        return SourceReport(source=program, state="nothing", detail="not installed", hint=hint)
    if answer["failure"] or (answer["code"] != 0 and program != "sysctl"):  # sysctl: 1 for any key it does not know
        detail = answer["failure"] or f"exit {answer['code']}"
        return SourceReport(source=program, state="failed", detail=detail, hint=hint)
    return SourceReport(source=program, state="answered", detail=f"{len(answer['out'])} characters")


def _folders() -> tuple[Folder, ...]:
    import os

    found: list[Folder] = []
    for name, path in (("data", data_folder()), ("cache", cache_folder()), ("models", models_folder())):
        place = path
        while not place.exists() and place != place.parent:
            place = place.parent
        found.append(Folder(name=name, path=str(path), writable=os.access(place, os.W_OK)))
    return tuple(found)


def _versions() -> dict[str, str | None]:
    from importlib.metadata import PackageNotFoundError, version

    versions: dict[str, str | None] = {"python": sys.version.split()[0]}
    for name in ("model-advisor", *LIBRARIES):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions
