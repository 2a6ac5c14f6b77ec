"""One choice as the contract writes it: shared by recommend, estimate, compare and run."""

from collections.abc import Sequence
from typing import Any

from advisor.decide.assessment import Assessment
from advisor.decide.efficiency import tier_of
from advisor.decide.explanation import quality_source
from advisor.decide.loading import ENGINE_FORMATS, file_format
from advisor.domain.estimate import Estimate
from advisor.domain.model import Artifact, Category, EvidenceRow, Model
from advisor.estimate.formats import in_format
from advisor.report.quantities import estimate_fields


def artifact_for(model: Model, quant: str, engine: str) -> Artifact | None:
    """The published files of a quantization in the format that the engine loads; those with known hashes first."""
    wanted = file_format(engine, quant)
    alike = (a for a in model.artifacts if a.role == "model")
    found = [a for a in alike if in_format(quant, (a.format,)) == in_format(a.quant, (a.format,))]
    matching = [a for a in found if a.format == wanted] or found
    return min(matching, key=_unknowns, default=None)


def _unknowns(artifact: Artifact) -> tuple[bool, int]:
    missing = sum(f.sha256 is None for f in artifact.files) + sum(f.bytes is None for f in artifact.files)
    return (not artifact.files, missing)


def files_document(artifact: Artifact | None) -> list[dict[str, Any]]:
    """Path, bytes and sha256 of each file."""
    return [{"path": f.path, "bytes": f.bytes, "sha256": f.sha256} for f in artifact.files] if artifact else []


def commands(model: Model, estimate: Estimate) -> dict[str, str | None]:
    """What to type next; None where an engine has no server for the model, or a benchmark cannot run its files."""
    name = f"{model.id}:{estimate.quant}"
    other_format = estimate.engine in ENGINE_FORMATS
    served = not (estimate.engine == "transformers" and model.category in (Category.EMBED, Category.RERANK))
    return {
        "download": f"advisor download {name}",
        "run": f"advisor run {name} --context {estimate.context}" if served else None,
        "bench": None if other_format else f"advisor bench {name}",
    }


def evidence_document(rows: Sequence[EvidenceRow]) -> list[dict[str, Any]]:
    """Benchmark, score and source of each row."""
    return [
        {
            "benchmark": row.benchmark,
            "task": row.task,
            "score": row.score,
            "unit": row.unit,
            "date": row.date,
            "mode": row.mode,
            "self_reported": row.self_reported,
            "source": row.source,
        }
        for row in rows
    ]


def model_fields(model: Model, estimate: Estimate) -> dict[str, Any]:
    """Name, repository and files."""
    artifact = artifact_for(model, estimate.quant, estimate.engine)
    return {
        "model": model.id,
        "name": model.name,
        "repo": artifact.repo if artifact else None,
        "revision": artifact.revision if artifact else None,
        "files": files_document(artifact),
    }


def params_document(model: Model) -> dict[str, int | None]:
    """Elements in all, and those used for one token."""
    return {"total": model.total_params, "active": model.active_params}


def quality_document(assessment: Assessment, evidence: Sequence[EvidenceRow]) -> dict[str, Any]:
    """Expected score of this very system, its uncertainty, and what it rests on."""
    candidate = assessment.candidate
    return {
        "score": round(candidate.score, 2),
        "sd": round(candidate.sd, 2),
        "grade": str(candidate.system.grade),
        "source": quality_source(assessment, evidence),
        "unquantized_score": round(candidate.system.base_score, 2),
        "evidence": evidence_document(evidence),
    }


def choice_document(model: Model, assessment: Assessment, evidence: Sequence[EvidenceRow]) -> dict[str, Any]:
    """A choice without its rank."""
    estimate = assessment.estimate
    return {
        **model_fields(model, estimate),
        "mode": assessment.candidate.system.mode,
        "thinking_tokens": assessment.workload.thinking_tokens,
        **estimate_fields(estimate, assessment.workload.users),
        "tier": str(tier_of(assessment.candidate.size.file_bytes)),
        "privacy": "local",
        "params": params_document(model),
        "quality": quality_document(assessment, evidence),
        "meets_budget": assessment.verdict.meets and estimate.fits,
        "p_meets_budget": round(assessment.verdict.probability, 4),
        "misses": [
            {"limit": m.limit, "allowed_s": m.allowed_s, "needed_s": m.needed_s if m.needed_s < 1e12 else None}
            for m in assessment.verdict.misses
        ],
        "license": model.licence.id,
        "commands": commands(model, estimate),
    }
