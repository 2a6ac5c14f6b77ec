"""Memory and speed of one choice on a machine."""

from collections.abc import Sequence

from advisor.decide.budget import judge
from advisor.decide.candidates import native_bits_of
from advisor.decide.choice import Choice, Quality
from advisor.decide.loading import file_format, quants_for
from advisor.decide.quality import system_quality
from advisor.decide.question import Question
from advisor.domain.entry import CatalogEntry
from advisor.domain.estimate import Estimate, PlacementKind
from advisor.domain.machine import Machine
from advisor.domain.model import Grade, Model
from advisor.errors import UsageError
from advisor.verbs.estimator import MachineEstimator
from advisor.verbs.question import Request, build_question
from advisor.verbs.selection import MachineSelection
from advisor.verbs.stated_machine import larger_machines
from advisor.verbs.workspace import Workspace

USUAL = (
    "MXFP4", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "IQ4_XS", "Q4_0", "Q3_K_M", "IQ3_XXS", "Q2_K", "BF16", "F16",
    "mlx-4bit", "EXL2-4",
)  # fmt: skip
"""Quantizations tried for a model without one named: the format it was trained in, then what most people run, so that
models are compared alike; smaller ones where that does not fit."""


def estimate_choice(text: str, request: Request, selection: MachineSelection, workspace: Workspace) -> Choice:
    """Estimate `MODEL[:QUANT]`. Without a quantization: the usual one that fits."""
    model, quant = workspace.catalog.split_choice(text)
    question = build_question(request, workspace.catalog)
    return estimate_with_room(model, quant or question.quant, question, selection, workspace)[1]


def estimate_with_room(
    model: Model, quant: str | None, question: Question, selection: MachineSelection, workspace: Workspace
) -> tuple[Machine, Choice]:
    """The machine that is meant and the choice on it. A SoC whose memory was not stated gets what the choice needs."""
    stated = workspace.machine(selection)
    chosen = estimate_model(model, quant, question, stated, workspace)
    if _on_accelerators(chosen):
        return stated, chosen
    for machine in larger_machines(selection, workspace):
        larger = estimate_model(model, quant, question, machine, workspace)
        if _on_accelerators(larger):
            return machine, larger
    return stated, chosen


def _on_accelerators(choice: Choice) -> bool:
    return choice.estimate.fits and choice.estimate.placement.kind is PlacementKind.GPU


def estimate_model(
    model: Model,
    quant: str | None,
    question: Question,
    machine: Machine,
    workspace: Workspace,
    *,
    mode: str | None = None,
) -> Choice:
    """As `estimate_choice`, with everything resolved. Raises UsageError where the catalog lacks the architecture.

    `mode`: thinking or not, where it is not the one that a person gets without asking.
    """
    if workspace.catalog.shape(model.id) is None:
        raise _unknown_architecture(model)
    estimator = MachineEstimator(machine, workspace, assume_idle=question.assume_idle)
    entry = workspace.catalog.entry(model.id)
    engine = estimator.engine_for(entry, question.engine, quant)
    quants = (_loadable(quant, engine),) if quant else _in_usual_order(quants_for(entry, engine), engine)
    mode = mode or _mode(entry, question.task.name)
    choices = [_choice(model, name, mode, question, estimator, workspace) for name in quants]
    known = [choice for choice in choices if choice is not None]
    if not known:
        raise UsageError(f"the size of {model.id} in {quant or 'any quantization'} cannot be computed")
    return next((choice for choice in known if choice.estimate.fits), known[-1])


def _unknown_architecture(model: Model) -> UsageError:
    if not model.downloadable:
        return UsageError(
            f"{model.name} cannot be downloaded and its architecture is not public: nothing of it can be estimated",
            hint=f"`advisor catalog show {model.id}` lists what was disclosed",
        )
    engines = f"; it is known to run on {', '.join(model.engines)}" if model.engines else ""
    return UsageError(
        f"the architecture of {model.id} is not known, so its memory cannot be computed{engines}",
        hint="`advisor inspect` reads what a file or a hub repository holds",
    )


def _loadable(quant: str, engine: str) -> str:
    """The quantization itself. Raises UsageError where the engine does not load files of it."""
    if file_format(engine, quant) is None:
        raise UsageError(f"{engine} does not load {quant}", hint="name another quantization, or another --engine")
    return quant


def _in_usual_order(published: Sequence[str], engine: str) -> tuple[str, ...]:
    rest = tuple(q for q in published if q not in USUAL)
    usual = (*(q for q in USUAL if q in published), *rest) if published else USUAL[1:]
    return tuple(q for q in usual if file_format(engine, q) is not None)


def _mode(entry: CatalogEntry, task: str) -> str:
    """The mode that a person gets without asking: non-thinking where there is a choice."""
    modes = [mode for mode, tasks in entry.quality.items() if task in tasks]
    return next((m for m in ("default", "non-thinking", "thinking") if m in modes), "default")


def _choice(  # noqa: PLR0917 - a choice in the order in which it is made
    model: Model, quant: str, mode: str, question: Question, estimator: MachineEstimator, workspace: Workspace
) -> Choice | None:
    catalog = workspace.catalog
    entry = catalog.entry(model.id)
    engine = estimator.engine_for(entry, question.engine, quant)
    shape, weights = catalog.shape(model.id), catalog.weights(model.id, quant, file_format(engine, quant) or "gguf")
    if shape is None or weights is None:
        return None
    thinks = mode == "thinking" or entry.thinking == "always"
    limit = None if question.context_stated else entry.context_max
    workload = question.workload_for(question.workload.thinking_tokens if thinks else 0, limit)
    refused = estimator.refused_cache(shape, engine, workload, question.kv_type)
    if refused:
        raise UsageError(
            f"{engine} keeps no {question.kv_type} cache of {model.id}: {refused}", hint="leave --kv-type out"
        )
    estimates = estimator.estimates(
        model.id, shape, weights, engine=engine, workload=workload, kv_type=question.kv_type
    )
    best = min(estimates, key=_order)
    return Choice(
        machine=estimator.machine,
        question=question,
        model=model,
        mode=mode,
        workload=workload,
        estimate=best,
        verdict=judge(best.speed, question.budget, workload.thinking_tokens),
        quality=_quality(entry, mode, question.task.name, quant, weights.bits_per_weight),
        evidence=catalog.evidence_for(model.id, question.task.name),
    )


def _order(estimate: Estimate) -> tuple[bool, float]:
    return (not estimate.fits, estimate.speed.latency_s.p50 if estimate.speed else float("inf"))


def _quality(entry: CatalogEntry, mode: str, task: str, quant: str, bits: float) -> Quality | None:
    found = entry.quality.get(mode, {}).get(task)
    if found is None:
        return None
    base, base_sd, grade = found
    params = float(entry.total_params or 0)
    native_bits = native_bits_of(entry)
    score, sd = system_quality(base, base_sd, grade, task, params, bits, native_bits=native_bits, quant=quant)
    return Quality(score=score, sd=sd, grade=Grade(grade), base_score=base)
