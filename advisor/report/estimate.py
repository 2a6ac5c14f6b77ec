"""`advisor.estimate/1`, and the same for people."""

from typing import Any

from advisor.decide.choice import Choice
from advisor.decide.explanation import GRADE_WORDS, memory_line, speed_line
from advisor.domain.units import format_count, format_duration, format_size
from advisor.domain.verification import Verification
from advisor.report.pick import commands, evidence_document, model_fields, params_document
from advisor.report.quantities import estimate_fields
from advisor.report.recommendation import machine_line, question_line, request_document


def choice_fields(choice: Choice) -> dict[str, Any]:
    """One choice: the object that estimate and compare share with a pick."""
    estimate, quality = choice.estimate, choice.quality
    return {
        **model_fields(choice.model, estimate),
        "mode": choice.mode,
        "thinking_tokens": choice.workload.thinking_tokens,
        **estimate_fields(estimate, choice.workload.users),
        "params": params_document(choice.model),
        "quality": {
            "score": round(quality.score, 2) if quality else None,
            "sd": round(quality.sd, 2) if quality else None,
            "grade": str(quality.grade) if quality else None,
            "evidence": evidence_document(choice.evidence),
        },
        "meets_budget": choice.verdict.meets and estimate.fits,
        "p_meets_budget": round(choice.verdict.probability, 4),
        "license": choice.model.licence.id,
        "why": [memory_line(estimate), speed_line(estimate)],
        "commands": commands(choice.model, estimate.quant, estimate.context),
        "fits": estimate.fits,
        "limits": list(estimate.limits),
    }


def estimate_document(choice: Choice, verification: Verification | None = None) -> dict[str, Any]:
    """The whole answer; `verified` where an installed build was asked."""
    from advisor.report.machine import machine_document
    from advisor.report.verification import verification_document

    return {
        "schema": "advisor.estimate/1",
        "machine": machine_document(choice.machine),
        "request": request_document(choice.question),
        **choice_fields(choice),
        **({"verified": verification_document(verification)} if verification else {}),
    }


def estimate_text(choice: Choice, width: int, verification: Verification | None = None) -> str:
    """The answer in a dozen lines."""
    estimate, model, speed = choice.estimate, choice.model, choice.estimate.speed
    active = model.active_params
    sparse = f", {format_count(active)} active" if active and active != model.total_params else ""
    lines = [
        machine_line(choice.machine),
        question_line(choice.question),
        "",
        f"{choice.name} ({format_count(model.total_params)} parameters{sparse}; "
        f"{estimate.bits_per_weight:.2f} bits per weight) on {estimate.engine}, "
        f"{str(estimate.placement.kind).replace('_', ' ')}, context {estimate.context}",
        f"  fits: {'yes' if estimate.fits else 'no'}",
        f"  {memory_line(estimate)}",
        f"  {speed_line(estimate)}",
    ]
    if speed is not None:
        lines.append(
            f"  Whole answer: {format_duration(speed.latency_s.p10)} to {format_duration(speed.latency_s.p90)} "
            f"(80 % interval); loading {format_duration(speed.load_s.p50)}; {estimate.basis}"
        )
    if choice.quality:
        q = choice.quality
        lines.append(
            f"  Quality: {q.score:.0f} ± {1.28 * q.sd:.0f} of 100 on {choice.question.task.title.lower()}, "
            f"{GRADE_WORDS[q.grade]}"
        )
    if estimate.joules_per_answer:
        lines.append(f"  Energy: about {estimate.joules_per_answer.p50:.0f} J an answer")
    lines += [f"  Note: {limit}" for limit in estimate.limits]
    if verification is not None:
        from advisor.report.verification import verification_lines

        lines += ["", *verification_lines(verification, width)]
    lines += ["", f"File: {format_size(_file_bytes(choice))}", f"Licence: {model.licence.id or 'unknown'}"]
    return "\n".join(lines)


def _file_bytes(choice: Choice) -> int | None:
    from advisor.report.pick import artifact_for

    artifact = artifact_for(choice.model, choice.estimate.quant, choice.estimate.engine)
    return (artifact.bytes or artifact.approx_bytes) if artifact else None
