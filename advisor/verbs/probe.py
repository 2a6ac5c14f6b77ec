"""What this machine is: probed, filled from the hardware catalog and, when asked, measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        from advisor.report.machine import machine_document

        write_document(machine_document(machine), request.output, "--output")
    return machine


def write_document(document: Mapping[str, Any], path: Path, option: str) -> None:
    """Write it whole or not at all: a fleet collects such files while they are written. Raises AdvisorError."""
    import json

    from advisor.verbs.whole_file import write_whole

    write_whole(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n", path, option)
