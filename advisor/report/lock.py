"""`advisor.lock/1` and `advisor.check/1`."""

from dataclasses import asdict
from typing import Any

from advisor.decide.lock import Lock, LockCheck


def lock_document(lock: Lock) -> dict[str, Any]:
    """The lock file."""
    return {"schema": "advisor.lock/1", **asdict(lock)}


def check_document(check: LockCheck) -> dict[str, Any]:
    """Whether it holds, and each finding."""
    return {
        "schema": "advisor.check/1",
        "holds": check.holds,
        "model": check.lock.model,
        "quant": check.lock.quant,
        "findings": [{"subject": str(f.subject), "holds": f.holds, "text": f.text} for f in check.findings],
    }


def check_text(check: LockCheck) -> str:
    """One line a finding."""
    head = f"{check.lock.model}:{check.lock.quant} {'still holds' if check.holds else 'no longer holds'}"
    return "\n".join([head, *(f"  {'ok  ' if f.holds else 'FAIL'} {f.subject}: {f.text}" for f in check.findings)])
