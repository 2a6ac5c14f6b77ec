"""What this machine is: probed, filled from the hardware catalog and, when asked, measured."""

from dataclasses import dataclass
from pathlib import Path

from advisor.domain.machine import Machine
from advisor.settings import Settings, models_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRequest:
    """`measure` also measures memory bandwidth and compute; `output` is a file to write the document to."""

    measure: bool = False
    output: Path | None = None


def probe(request: ProbeRequest, settings: Settings) -> Machine:
    """Probe this machine. Raises AdvisorError where `output` cannot be written."""
    from advisor.probes.assemble import probe_machine
    from advisor.probes.live import LiveHost
    from advisor.verbs.workspace import Workspace

    host = LiveHost()
    machine = probe_machine(Workspace(settings).catalog.hardware, host=host, models=models_folder())
    if request.measure:
        from advisor.probes.bandwidth import measure

        machine = measure(machine, host)
    if request.output is not None:
        write_machine(machine, request.output)
    return machine


def write_machine(machine: Machine, path: Path) -> None:
    """Write the document whole or not at all: a fleet collects these files while they are written."""
    import json
    import os

    from advisor.errors import AdvisorError
    from advisor.report.machine import machine_document

    text = json.dumps(machine_document(machine), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise AdvisorError(f"cannot write {path}: {error.strerror or error}", hint="choose another --output") from error
