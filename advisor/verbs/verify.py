"""Verify: what an installed build of llama.cpp would allocate for a choice, asked with a file that holds no weights.

Its figures leave out or overstate a few things; each correction is named with its bytes.
"""

from dataclasses import replace

from advisor.bench.sparse import SparseModel, listed_twice_bytes, write_sparse
from advisor.decide.choice import Choice
from advisor.domain.estimate import DeviceMemory, PartBytes, Placement, PlacementKind
from advisor.domain.verification import Correction, DeviceCheck, Verification
from advisor.engines.fit_params import (
    INSTALL_HINT,
    PROGRAM,
    RESOLUTION_BYTES,
    AllocationQuestion,
    FitParams,
    find_fit_params,
)
from advisor.errors import EngineError, UsageError
from advisor.estimate.compute_buffer import output_bytes
from advisor.estimate.footprint import Choice as Placed
from advisor.estimate.footprint import cache_layout, footprint
from advisor.estimate.formats import preset_of
from advisor.estimate.kv_cache import state_bytes
from advisor.verbs.workspace import Workspace

ENGINES = ("llama.cpp", "embedded", "ollama", "lmstudio", "openai_api")
"""Engines that are llama.cpp inside."""


def verify_choice(choice: Choice, workspace: Workspace) -> Verification:
    """Ask the installed build. Raises EngineError where there is none, UsageError where it cannot know the choice."""
    model, placed = _sparse(choice), _placed(choice, workspace)
    path = find_fit_params()
    if path is None:
        raise EngineError(f"--verify needs a build of llama.cpp: {PROGRAM} was not found", hint=INSTALL_HINT)
    program = FitParams(path)
    version, placement = program.version(), choice.estimate.placement
    if len(program.devices()) < max(1, len(placement.devices)):
        placement = Placement(kind=PlacementKind.CPU)
    question = _question(placed, placement)
    engine, corrections = _ask(program, model, placed, question)
    memory = footprint(placed, placement, choice.machine, workspace.catalog.constants)
    return Verification(
        engine="llama.cpp", version=version, placed="host" if placement.kind is PlacementKind.CPU else "gpu",
        devices=_checks(engine, memory.devices), corrections=tuple(corrections), resolution_bytes=RESOLUTION_BYTES,
    )  # fmt: skip


def _sparse(choice: Choice) -> SparseModel:
    architecture, preset = choice.model.architecture, preset_of(choice.estimate.quant)
    if architecture is None or architecture.gguf_arch is None:
        raise UsageError(f"llama.cpp does not load {choice.model.id}: there is nothing to ask it")
    if choice.estimate.engine not in ENGINES or preset is None:
        raise UsageError(
            f"--verify asks llama.cpp, and {choice.estimate.quant} on {choice.estimate.engine} is not its own",
            hint="name a GGUF quantization, such as Q4_K_M, and --engine llama.cpp",
        )
    return SparseModel(architecture=architecture, preset=preset, context=choice.model.context.native)


def _placed(choice: Choice, workspace: Workspace) -> Placed:
    estimate, catalog = choice.estimate, workspace.catalog
    shape, weights = catalog.shape(choice.model.id), catalog.weights(choice.model.id, estimate.quant)
    assert shape is not None
    assert weights is not None
    profile = catalog.constants.engine(estimate.engine)
    return Placed(shape, weights, profile, cache_layout(choice.workload, profile, estimate.kv_type))


def _question(placed: Placed, placement: Placement) -> AllocationQuestion:
    layout, engine = placed.layout, placed.engine
    return AllocationQuestion(
        context=layout.context, sequences=layout.streams, micro_batch=layout.micro_batch,
        k_type=layout.k_type, v_type=layout.v_type, flash_attention=engine.flash_attention,
        full_window=layout.full_window, gpu_layers=placement.gpu_layers, cpu_expert_layers=placement.cpu_expert_layers,
    )  # fmt: skip


def _ask(
    program: FitParams, model: SparseModel, placed: Placed, question: AllocationQuestion
) -> tuple[dict[str, PartBytes], list[Correction]]:
    """The build's figures by device, corrected, and the corrections.

    Three questions: as a server starts; with every tensor in the file's layout, since a copy in the processor's own is
    left out of the figures; and with a vocabulary that makes the logits of a batch weigh what a server reserves.
    """
    layout = placed.layout
    if layout.unified:
        model = model.with_window(layout.sequences)
    slim = model.with_logits_of(layout.sequences, min(layout.micro_batch, layout.context))
    plain = program.ask(lambda path: write_sparse(path, model), question)
    whole = program.ask(lambda path: write_sparse(path, model), replace(question, repack=False))
    served = program.ask(lambda path: write_sparse(path, slim), question)
    states, logits = _states(placed), output_bytes(placed.shape, layout)
    engine = {name: replace(whole[name], compute=served[name].compute) for name in whole}
    twice = 0 if question.gpu_layers else listed_twice_bytes(model)
    engine["Host"] += PartBytes(weights=-twice, kv_cache=states, compute=logits)

    def changed(part: str, new: dict[str, PartBytes]) -> int:
        return sum(getattr(new[name], part) - getattr(plain[name], part) for name in plain)

    found = [
        Correction(
            name="repacked weights", bytes=changed("weights", whole),
            why="weights copied into the processor's own layout, which the program leaves out",
        ),
        Correction(
            name="logits of a batch", bytes=changed("compute", served),
            why="a server asks for the logits of one token a slot, the program reserves those of a whole batch",
        ),
        Correction(
            name="tied head", bytes=-twice, why="listed a second time; in main memory it is the embedding's own pages"
        ),
        Correction(name="output buffer", bytes=logits, why="logits handed over for each slot, not in its figures"),
        Correction(
            name="recurrent states", bytes=states, why="it was asked for one sequence; each further slot has a state"
        ),
    ]  # fmt: skip
    return engine, [correction for correction in found if correction.bytes]


def _states(placed: Placed) -> int:
    """Recurrent state of the slots beyond the first, where the cache is one stream and one sequence was asked for."""
    layout = placed.layout
    if not layout.unified:
        return 0
    return state_bytes(placed.shape, layout) - state_bytes(placed.shape, replace(layout, sequences=1))


def _checks(engine: dict[str, PartBytes], ours: tuple[DeviceMemory, ...]) -> tuple[DeviceCheck, ...]:
    """Our devices beside the build's, in order; main memory is the last of both."""
    names = [name for name in engine if name != "Host"][: len(ours) - 1]
    pairs = zip([*names, "Host"], ours, strict=False)
    return tuple(
        DeviceCheck(
            device=memory.device, engine=engine[name],
            estimated=PartBytes(
                weights=memory.weights_bytes, kv_cache=memory.kv_cache_bytes, compute=memory.compute_bytes
            ),
        )
        for name, memory in pairs
    )  # fmt: skip
