"""What kind of computer a host is: it decides what can be built into it."""

import re

from advisor.domain.machine import Machine

_MOBILE_CPU = re.compile(
    r"\b(?:i[3579]-?\d{4,5}(?:u|y|h|hq|hk|hx|p|g[147]|mq|m)|m[357]-\d\w*|ultra [579] \d{3}(?:u|h|hx|v)"
    r"|ryzen (?:ai )?[3579] (?:pro )?\d{4}(?:u|h|hs|hx|c)|ryzen ai [79] (?:hx )?(?:pro )?3\d\d|snapdragon)\b",
    re.IGNORECASE,
)
_SERVER_CPU = re.compile(r"\b(?:xeon|epyc|ampere altra|graviton|neoverse)\b", re.IGNORECASE)
_FORMS = (
    ("laptop", ("laptop", "notebook", "portable", "convertible", "tablet", "detachable", "sub notebook")),
    ("server", ("server", "rack", "blade", "rack mount chassis", "main server chassis")),
    ("virtual", ("virtual", "vm")),
    ("desktop", ("desktop", "tower", "mini", "workstation", "all in one", "low profile", "space-saving", "lunch box")),
)


def stated_form(text: str | None) -> str | None:
    """The kind of computer that a column names: `Notebook`, `Rack Mount Chassis`, `10` (SMBIOS chassis types)."""
    lowered = (text or "").strip().lower()
    if lowered.isdigit():
        return {3: "desktop", 4: "desktop", 6: "desktop", 7: "desktop", 13: "desktop", 35: "desktop"}.get(
            int(lowered), "laptop" if int(lowered) in (8, 9, 10, 14, 30, 31, 32) else None
        )
    return next((form for form, words in _FORMS if any(word in lowered for word in words)), None)


def form_of(machine: Machine) -> str | None:
    """The kind of computer as far as the hardware tells; None where it does not."""
    names = " ".join(a.name for a in machine.accelerators).lower()
    if machine.virtualization == "vm":
        return "virtual"
    if machine.on_battery is not None or "laptop" in names:
        return "laptop"
    cpu = machine.cpu.name or ""
    if _MOBILE_CPU.search(cpu.replace("(R)", "").replace("(TM)", "")):
        return "laptop"
    return "server" if _SERVER_CPU.search(cpu) or (machine.cpu.sockets or 1) > 1 else None
