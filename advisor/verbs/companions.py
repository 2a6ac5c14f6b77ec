"""A choice with what is loaded beside it: a draft model, the model's own prediction blocks, a vision projector.

The companion's room is reserved first, so that the placement is one in which both fit.
"""

from dataclasses import replace

from advisor.decide.budget import judge
from advisor.decide.choice import Choice
from advisor.decide.loading import file_format
from advisor.domain.estimate import Estimate, PlacementKind
from advisor.domain.model import Model
from advisor.domain.workload import Workload
from advisor.errors import UnknownName, UsageError
from advisor.estimate.candidate import estimate
from advisor.estimate.companions import (
    Companion,
    beside,
    draft_model,
    prediction_block_bytes,
    prediction_blocks,
    reserve,
)
from advisor.estimate.encoder import with_encoder
from advisor.estimate.footprint import Choice as Placed
from advisor.estimate.footprint import cache_layout
from advisor.estimate.formats import preset_of
from advisor.estimate.speculation import faster, plan
from advisor.verbs.encoding import encoder_flops, projector_of
from advisor.verbs.estimate import estimate_model, estimate_with_room
from advisor.verbs.question import Request, build_question
from advisor.verbs.selection import MachineSelection
from advisor.verbs.workspace import Workspace

OWN_BLOCKS = "mtp"
"""Instead of a model's name: the prediction blocks in the model's own file."""
DRAFTING = ("llama.cpp", "embedded", "lmstudio", "openai_api", "vllm")
"""Engines that draft."""
_VOCABULARY_SLACK = 128
"""llama.cpp drafts with a vocabulary of nearly the same size (SPEC_VOCAB_MAX_SIZE_DIFFERENCE)."""


def estimate_together(
    text: str, request: Request, selection: MachineSelection, workspace: Workspace, *, draft: str | None = None
) -> Choice:
    """Estimate `MODEL[:QUANT]` with its companions. Without any, as `estimate_choice`."""
    model, quant = _model(text, workspace)
    question = build_question(request, workspace.catalog)
    quant = quant or question.quant
    machine, alone = estimate_with_room(model, quant, question, selection, workspace)
    encodes = bool(question.task.encoder_positions)
    seen = projector_of(model, alone.estimate, workspace.catalog.constants) if encodes else None
    drafting = _drafting(alone, draft, workspace) if draft is not None else None
    companions = [c for c in (seen, drafting) if c is not None]
    room = machine
    for companion in companions:
        room = reserve(room, companion, workspace.catalog.constants)
    choice = estimate_model(model, quant, question, room, workspace) if companions else alone
    memory = choice.estimate.footprint
    for companion in companions:
        memory = beside(memory, companion)
    together = replace(choice.estimate, footprint=memory, fits=memory.fits)
    choice = replace(choice, machine=machine, estimate=together)
    if encodes:
        choice = _encoded(choice, workspace)
    return _sped_up(choice, draft, workspace) if draft is not None else choice


def _encoded(choice: Choice, workspace: Workspace) -> Choice:
    """The choice with the encoder's time before its first token."""
    shape, question = workspace.catalog.shape(choice.model.id), choice.question
    assert shape is not None
    flops = encoder_flops(choice.model, question.task, choice.workload, workspace.catalog.constants)
    found = with_encoder(choice.estimate, shape, flops, choice.workload.prompt_tokens)
    speed = found.speed
    verdict = judge(speed, question.budget, choice.workload.thinking_tokens) if speed else choice.verdict
    return replace(choice, estimate=found, verdict=verdict)


def _model(text: str, workspace: Workspace) -> tuple[Model, str | None]:
    """Model and quantization of `MODEL[:QUANT]`. Raises UnknownName, or UsageError for a file."""
    try:
        return workspace.catalog.split_choice(text)
    except UnknownName as error:
        from advisor.hub.names import clean_text, means_a_path

        if means_a_path(text) or text.lower().endswith((".gguf", ".safetensors")):
            raise UsageError(
                f"{clean_text(text, 200)} is a file; an estimate is of a model in the catalog",
                hint="`advisor inspect FILE` says what it holds and needs, `advisor bench FILE` runs it",
            ) from error
        raise


def _placed(model_id: str, quant: str, like: Choice, workspace: Workspace) -> Placed:
    """A model on the engine of `like`, with a cache of the same length."""
    form = file_format(like.estimate.engine, quant) or "gguf"
    shape, weights = workspace.catalog.shape(model_id), workspace.catalog.weights(model_id, quant, form)
    if shape is None or weights is None:
        raise UsageError(f"the size of {model_id} in {quant} cannot be computed")
    engine = workspace.catalog.constants.engine(like.estimate.engine)
    return Placed(shape, weights, engine, cache_layout(like.workload, engine, like.estimate.kv_type))


def _drafting(choice: Choice, draft: str, workspace: Workspace) -> Companion:
    constants, placement = workspace.catalog.constants, choice.estimate.placement
    if choice.estimate.engine not in DRAFTING:
        raise UsageError(f"{choice.estimate.engine} does not draft", hint=f"engines that do: {', '.join(DRAFTING)}")
    if draft == OWN_BLOCKS:
        architecture, preset = choice.model.architecture, preset_of(choice.estimate.quant)
        if architecture is None or not architecture.nextn_layers or preset is None:
            raise UsageError(
                f"{choice.name} has no prediction blocks that are known of", hint="name a smaller model of the family"
            )
        most = int(constants.speculation["most_tokens"])
        placed = _placed(choice.model.id, choice.estimate.quant, choice, workspace)
        return prediction_blocks(architecture, preset, placed, placement, drafted=most)
    model, quant = _draft_choice(draft, choice, workspace)
    placed = _placed(model.id, quant, choice, workspace)
    return draft_model(f"{model.name} {quant}", placed, placement, choice.machine, constants)


def _draft_choice(draft: str, choice: Choice, workspace: Workspace) -> tuple[Model, str]:
    """The draft's model and quantization (by default Q4_K_M); its vocabulary must be the model's."""
    model, quant = workspace.catalog.split_choice(draft)
    mine, its = workspace.catalog.shape(choice.model.id), workspace.catalog.shape(model.id)
    if mine is None or its is None:
        raise UsageError(f"the architecture of {model.id} is not known, so its memory cannot be computed")
    if abs(mine.vocab - its.vocab) > _VOCABULARY_SLACK:
        raise UsageError(
            f"{model.name} cannot draft for {choice.model.name}: {its.vocab} tokens instead of {mine.vocab}",
            hint="name a smaller model of the same family",
        )
    return model, quant or "Q4_K_M"


def _sped_up(choice: Choice, draft: str, workspace: Workspace) -> Choice:
    """The choice with the speed of speculative decoding; unchanged where its speed is unknown."""
    speed, constants = choice.estimate.speed, workspace.catalog.constants
    if speed is None:
        return choice
    rules = constants.speculation
    acceptance = rules["acceptance"].get(choice.question.task.name, rules["acceptance"]["default"])
    cost, prompt_s, name = _draft_cost(choice, draft, workspace)
    once = _step_s(choice, 1, workspace)
    found = plan(
        name, float(acceptance), lambda tokens: _step_s(choice, tokens, workspace) / once, cost,
        most=int(rules["most_tokens"]), width=float(rules["width"]),
    )  # fmt: skip
    sped = faster(speed, found, choice.workload, prompt_s=prompt_s)
    joules = choice.estimate.joules_per_answer
    if joules is not None:
        joules = joules.scaled(sped.latency_s.p50 / speed.latency_s.p50)
    return replace(
        choice,
        estimate=replace(choice.estimate, speed=sped, speculation=found, joules_per_answer=joules),
        verdict=judge(sped, choice.question.budget, choice.workload.thinking_tokens),
    )


def _at(choice: Choice, placed: Placed, model_id: str, workload: Workload, workspace: Workspace) -> Estimate:
    """A model on the placement of a choice, or whole on its first device where it is another model."""
    placement = choice.estimate.placement
    if model_id != choice.model.id and placement.kind is not PlacementKind.CPU:
        placement = replace(
            placement, kind=PlacementKind.GPU, gpu_layers=placed.shape.n_layers + 1, cpu_expert_layers=0,
            devices=(placement.devices or (0,))[:1], tensor_parallel=1,
        )  # fmt: skip
    return estimate(
        model_id=model_id, shape=placed.shape, weights=placed.weights, machine=choice.machine,
        engine=choice.estimate.engine, placement=placement, workload=workload, kv_type=choice.estimate.kv_type,
        constants=workspace.catalog.constants,
    )  # fmt: skip


def _step_s(choice: Choice, tokens: int, workspace: Workspace) -> float:
    """Median time of one step that checks `tokens` tokens, the cache's share left out (it is read once)."""
    placed = _placed(choice.model.id, choice.estimate.quant, choice, workspace)
    workload = replace(choice.workload, prompt_tokens=1, output_tokens=1, thinking_tokens=0, users=tokens)
    speed = _at(choice, placed, choice.model.id, workload, workspace).speed
    assert speed is not None
    return speed.tpot_s.p50


def _draft_cost(choice: Choice, draft: str, workspace: Workspace) -> tuple[float, float, str]:
    """One drafted token in steps of the model, seconds the draft reads the prompt, and the draft's name."""
    speed = choice.estimate.speed
    assert speed is not None
    if draft == OWN_BLOCKS:
        placed = _placed(choice.model.id, choice.estimate.quant, choice, workspace)
        architecture, preset = choice.model.architecture, preset_of(choice.estimate.quant)
        assert architecture is not None
        assert preset is not None
        weights, shape = placed.weights, placed.shape
        active = weights.dense_bytes + weights.head_bytes + weights.expert_bytes * shape.expert_share
        block = prediction_block_bytes(architecture, preset) * (shape.expert_share or 1.0)
        return (block + weights.head_bytes) / active, 0.0, "prediction blocks"
    model, quant = _draft_choice(draft, choice, workspace)
    its = _at(choice, _placed(model.id, quant, choice, workspace), model.id, choice.workload, workspace).speed
    if its is None:
        raise UsageError(f"the speed of {model.name} is unknown here")
    return its.tpot_s.p50 / speed.tpot_s.p50, its.ttft_s.p50, f"{model.name} {quant}"
