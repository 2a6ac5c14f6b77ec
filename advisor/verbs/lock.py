"""Writes a choice down, and checks later whether it still holds on a machine."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from advisor.decide.lock import Finding, Lock, LockCheck, LockedFile, Subject
from advisor.decide.recommendation import Recommendation
from advisor.domain.units import format_duration, format_size
from advisor.errors import BadDocument, NothingFits, UnknownName, UsageError
from advisor.report.lock import lock_document
from advisor.report.pick import artifact_for
from advisor.verbs.question import Request, build_question
from advisor.verbs.selection import MachineSelection
from advisor.verbs.whole_file import write_whole
from advisor.verbs.workspace import Workspace

MAX_LOCK_BYTES = 1 << 20


def lock_of(result: Recommendation) -> Lock:
    """The first pick as a lock. Raises NothingFits where there is none."""
    if not result.picks:
        raise NothingFits("there is no pick to lock", hint="loosen the request")
    pick = result.picks[0]
    assessment = pick.assessment
    estimate, workload, budget = assessment.estimate, assessment.workload, result.question.budget
    artifact = artifact_for(pick.model, estimate.quant, estimate.engine)
    files = artifact.files if artifact else ()
    return Lock(
        created=datetime.now(UTC).date().isoformat(),
        catalog_sha256=result.catalog_sha256,
        model=pick.model.id,
        quant=estimate.quant,
        engine=estimate.engine,
        repo=artifact.repo if artifact else None,
        revision=artifact.revision if artifact else None,
        files=tuple(LockedFile(path=f.path, bytes=f.bytes, sha256=f.sha256) for f in files),
        task=result.question.task.name,
        prompt_tokens=workload.prompt_tokens,
        output_tokens=workload.output_tokens,
        cached_tokens=workload.cached_tokens,
        mode=pick.assessment.candidate.system.mode,
        context=workload.context,
        users=workload.users,
        kv_type=estimate.kv_type,
        max_ttft_s=budget.max_ttft_s,
        max_tpot_s=budget.max_tpot_s,
        max_latency_s=budget.max_latency_s,
        confidence=budget.required,
        memory_bytes=estimate.footprint.total_bytes,
        latency_s=estimate.speed.latency_s.p50 if estimate.speed else None,
    )


def write_lock(lock: Lock, path: Path) -> None:
    """Write it whole or not at all. Raises AdvisorError where the file cannot be written."""
    write_whole(json.dumps(lock_document(lock), indent=2, ensure_ascii=False) + "\n", path, "--lock")


def read_lock(path: Path) -> Lock:
    """Raises BadDocument in one line for anything that is not a lock file."""
    try:
        raw = path.read_bytes()[: MAX_LOCK_BYTES + 1]
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    hint = "write one with `advisor recommend --lock FILE`"
    if len(raw) > MAX_LOCK_BYTES:
        raise BadDocument(f"{path} is too large for a lock file", hint=hint)
    try:
        document: Any = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadDocument(f"{path} is not JSON", hint=hint) from error
    if not isinstance(document, dict) or document.pop("schema", None) != "advisor.lock/1":
        raise BadDocument(f"{path} is no advisor.lock/1 document", hint=hint)
    unknown = sorted(set(document) - {f.name for f in fields(Lock)})
    if unknown:
        raise BadDocument(f"{path} has an unknown field `{unknown[0][:40]}`", hint=hint)
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Lock).validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadDocument(f"{path}: {where}: {first['msg']}", hint=hint) from error


def check_lock(lock: Lock, selection: MachineSelection, workspace: Workspace) -> LockCheck:
    """Hold a lock against today's catalog and a machine."""
    from advisor.verbs.estimate import estimate_model

    try:
        model = workspace.catalog.resolve(lock.model)
    except UnknownName:
        gone = Finding(subject=Subject.MODEL, holds=False, text=f"{lock.model} is no longer in the catalog")
        return LockCheck(lock=lock, findings=(gone,))
    artifact = artifact_for(model, lock.quant, lock.engine)
    question = build_question(_request(lock), workspace.catalog)
    choice = estimate_model(model, lock.quant, question, workspace.machine(selection), workspace, mode=lock.mode)
    total = choice.estimate.footprint.total_bytes
    misses = ", ".join(
        f"{m.limit} {format_duration(m.needed_s)} against {format_duration(m.allowed_s)}" for m in choice.verdict.misses
    )
    same = artifact is not None and _same_files(lock, artifact.files)
    return LockCheck(
        lock=lock,
        findings=(
            Finding(subject=Subject.MODEL, holds=True, text=f"{model.id} is in the catalog"),
            Finding(
                subject=Subject.FILES,
                holds=same,
                text="revision and hashes are unchanged" if same else "the published files have changed",
            ),
            Finding(subject=Subject.MEMORY, holds=choice.estimate.fits, text=f"{format_size(total)} needed"),
            Finding(
                subject=Subject.BUDGET,
                holds=choice.verdict.meets,
                text=misses or f"met with probability {choice.verdict.probability:.0%}",
            ),
        ),
    )


def _same_files(lock: Lock, files: Any) -> bool:
    """A hash that has become known since is no change; one that differs is."""
    now = {f.path: f for f in files}
    if {f.path for f in lock.files} != set(now):
        return False
    pairs = ((f.sha256, now[f.path].sha256) for f in lock.files)
    sizes = ((f.bytes, now[f.path].bytes) for f in lock.files)
    return all(a is None or b is None or a == b for a, b in [*pairs, *sizes])


def _request(lock: Lock) -> Request:
    return Request(
        task=lock.task,
        prompt_tokens=lock.prompt_tokens,
        output_tokens=lock.output_tokens,
        cached_tokens=lock.cached_tokens,
        context=lock.context,
        users=lock.users,
        kv_type=lock.kv_type,
        max_ttft_s=lock.max_ttft_s,
        max_tpot_s=lock.max_tpot_s,
        max_latency_s=lock.max_latency_s,
        confidence=lock.confidence,
    )
