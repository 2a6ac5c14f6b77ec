"""`advisor.estimate/1`, and the same for people."""

from typing import Any

from advisor.decide.choice import Choice
from advisor.decide.explanation import GRADE_WORDS, memory_line, speed_line
from advisor.domain.estimate import Estimate, Speculation
from advisor.domain.quantity import Z90
from advisor.domain.units import format_count, format_duration, format_energy, format_size
from advisor.domain.verification import Verification
from advisor.report.pick import commands, evidence_document, model_fields, params_document
from advisor.report.quantities import estimate_fields, quantity
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
        "commands": commands(choice.model, estimate),
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
        "draft": _draft_document(choice.estimate.speculation),
        **({"verified": verification_document(verification)} if verification else {}),
    }


def _draft_document(found: Speculation | None) -> dict[str, Any] | None:
    """What drafts, how far ahead, and by how much it should help; null without."""
    if found is None:
        return None
    return {
        "model": found.draft,
        "drafted_tokens": found.drafted_tokens,
        "acceptance": found.acceptance,
        "speedup": quantity(found.speedup, 4),
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
    lines += _beside_lines(estimate)
    if choice.quality:
        q = choice.quality
        lines.append(
            f"  Quality: {q.score:.0f} ± {Z90 * q.sd:.0f} of 100 on {choice.question.task.title.lower()}, "
            f"{GRADE_WORDS[q.grade]}"
        )
    if estimate.joules_per_answer:
        lines.append(f"  Energy: about {format_energy(estimate.joules_per_answer.p50)} an answer")
    lines += [f"  Note: {limit}" for limit in estimate.limits]
    if verification is not None:
        from advisor.report.verification import verification_lines

        lines += ["", *verification_lines(verification, width)]
    lines += ["", _file_line(choice), f"Licence: {model.licence.id or 'unknown'}"]
    return "\n".join(lines)


def _beside_lines(estimate: Estimate) -> list[str]:
    """What drafts, and memory that fills up while serving where it is more than there is."""
    lines, found = [], estimate.speculation
    if found is not None:
        gain = found.speedup
        lines.append(
            f"  Draft: {found.draft}, {found.drafted_tokens} tokens ahead, {found.acceptance:.0%} accepted: "
            f"×{gain.p50:.2f} ({gain.p10:.2f} to {gain.p90:.2f}), included above"
        )
    host = next((d for d in estimate.footprint.devices if d.device == "host"), None)
    growth = estimate.footprint.growth_bytes
    if growth and host is not None and host.headroom_bytes is not None and growth > host.headroom_bytes:
        limits = "--prompt-cache-size limits" if estimate.engine == "mlx" else "--cache-ram and --ctx-checkpoints limit"
        lines.append(
            f"  Note: {estimate.engine} fills up to {format_size(growth)} of main memory with past prompts while it "
            f"serves; {limits} it"
        )
    return lines


def _file_line(choice: Choice) -> str:
    """Where the weights are published, and how large they are as far as the catalog says."""
    from advisor.report.pick import artifact_for

    artifact = artifact_for(choice.model, choice.estimate.quant, choice.estimate.engine)
    if artifact is None:
        return f"File: none is known of {choice.estimate.quant}"
    if artifact.bytes is None:
        about = artifact.approx_bytes or sum(d.weights_bytes for d in choice.estimate.footprint.devices)
        return f"File: about {format_size(about)}, {artifact.repo} (exact size when it is downloaded)"
    return f"File: {format_size(artifact.bytes)}, {artifact.repo}"
