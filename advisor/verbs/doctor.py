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
    """One source: whether it answered, and with what. `state`: answered, nothing, failed or not asked."""

    source: str
    state: str
    detail: str


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
    from advisor.probes.live import LiveHost
    from advisor.probes.record import RecordingHost
    from advisor.verbs.workspace import Workspace

    host = RecordingHost(LiveHost())
    found = probe(Workspace(settings).catalog.hardware, host, models=models_folder())
    if request.record is not None:
        from advisor.verbs.probe import write_document

        write_document(host.document(), request.record, "--record")
    return Diagnosis(
        machine=_redacted(found.machine),
        sources=source_reports(host),
        conflicts=found.conflicts,
        folders=_folders(),
        versions=_versions(),
    )


def _redacted(machine: Machine) -> Machine:
    """Without the host's name and with users' names out of paths."""
    from advisor.probes.record import redact

    home = str(Path.home())
    disks = tuple(replace(disk, path=redact(disk.path, home=home)) for disk in machine.disks)
    engines = tuple(replace(e, path=redact(e.path, home=home) if e.path else None) for e in machine.engines)
    return replace(machine, name="host", disks=disks, engines=engines)


def source_reports(host: "RecordingHost") -> tuple[SourceReport, ...]:
    """What each source answered, from the answers kept."""
    answers = host.answers
    read = [text for text in answers["read"].values() if text is not None]
    reports = [_report("kernel files", bool(read), f"{len(read)} of {len(answers['read'])} files read")]
    bus = answers["names"].get("/sys/bus/pci/devices", [])
    reports.append(_report("PCI bus", bool(bus), f"{len(bus)} devices of all kinds"))
    reports.append(_nvml_report(answers["ask"].get("nvml"), "nvml" in answers["ask"]))
    for question, answer in answers["ask"].items():
        if question.split(" ", maxsplit=1)[0] not in ("nvml", "module", "listening", "disk_space", "machine"):
            reports.append(_report(question, answer is not None, "answered" if answer is not None else "no answer"))
    reports += [_command_report(words, answer) for words, answer in answers["run"].items()]
    return tuple(reports)


def _report(source: str, answered: bool, detail: str) -> SourceReport:
    return SourceReport(source=source, state="answered" if answered else "nothing", detail=detail)


def _nvml_report(answer: Any, asked: bool) -> SourceReport:
    if not asked:
        return SourceReport(source="nvml", state="not asked", detail="nothing here shows an NVIDIA device")
    lines = answer.get("lines", []) if isinstance(answer, dict) else []
    failure = answer.get("failure") if isinstance(answer, dict) else "no answer"
    devices = sum(1 for line in lines if line.get("kind") == "device")
    if failure or any(line.get("kind") == "init_error" for line in lines):
        errors = [str(line.get("error")) for line in lines if line.get("kind") == "init_error"]
        return SourceReport(source="nvml", state="failed", detail=str(failure or ", ".join(errors)))
    return _report("nvml", True, f"{devices} device{'' if devices == 1 else 's'}")


def _command_report(words: str, answer: dict[str, Any]) -> SourceReport:
    program = words.split(" ", maxsplit=1)[0].rpartition("/")[2]
    if answer["failure"] == "missing":
        return SourceReport(source=program, state="nothing", detail="not installed")
    if answer["failure"] or answer["code"] != 0:
        return SourceReport(source=program, state="failed", detail=answer["failure"] or f"exit {answer['code']}")
    return SourceReport(source=program, state="answered", detail=f"{len(answer['out'])} characters")


def _folders() -> tuple[Folder, ...]:
    import os

    from advisor.probes.record import redact

    found: list[Folder] = []
    for name, path in (("data", data_folder()), ("cache", cache_folder()), ("models", models_folder())):
        place = path
        while not place.exists() and place != place.parent:
            place = place.parent
        shown = redact(str(path), home=str(Path.home()))
        found.append(Folder(name=name, path=shown, writable=os.access(place, os.W_OK)))
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
