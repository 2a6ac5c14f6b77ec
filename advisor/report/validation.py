"""The outcome of `catalog validate` as JSON (`advisor.validation/1`) and as text."""

from typing import Any

from advisor.catalog.validate import Validation

SCHEMA = "advisor.validation/1"


def validation_document(result: Validation) -> dict[str, Any]:
    """What was checked, and each mistake with file, line and reason."""
    return {
        "schema": SCHEMA,
        "valid": not result.findings,
        "files": result.files,
        "models": result.models,
        "evidence_rows": result.evidence_rows,
        "findings": [{"file": f.file, "line": f.line, "reason": f.reason} for f in result.findings],
    }


def validation_text(result: Validation) -> str:
    """One line a mistake, then a summary."""
    checked = f"{result.files} files, {result.models} models"
    if result.evidence_rows:
        checked += f", {result.evidence_rows} results"
    count = len(result.findings)
    verdict = "no mistakes" if not count else f"{count} mistake{'s' if count > 1 else ''}"
    return "\n".join([*(str(finding) for finding in result.findings), f"{checked}: {verdict}"])
