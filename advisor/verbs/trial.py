"""The same prompt to several models that are here, one after the other: what each answers, and what it takes."""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from advisor.bench.calibrate import learn
from advisor.bench.trial import Reply, Trial
from advisor.engines.answering import Answerer, Ending, Prompt, TextListener
from advisor.engines.choice import choose_for_answer
from advisor.engines.protocol import Listener, MeasurePlan, ignore_progress
from advisor.errors import AdvisorError, EngineError, UnknownName, UsageError
from advisor.hub.names import clean_text, is_repo_id, means_a_path
from advisor.verbs.bench_target import BenchTarget, find_downloaded, find_target
from advisor.verbs.measuring import earlier_results, usable_cores
from advisor.verbs.prediction import estimate_plan, prediction_of, sensible_gpu_layers, with_patience
from advisor.verbs.workspace import Workspace

MAX_TARGETS = 4
"""More columns than this cannot be read beside each other."""
MAX_PROMPT_BYTES = 1 << 20
MAX_TOKENS = 100_000
DEFAULT_TOKENS = 256
"""A few paragraphs: enough to tell two models apart, a minute at 5 tokens a second."""
TEMPLATE_TOKENS = 256
"""What a chat template puts around a message: some bring a system message of their own."""
SURE_BYTES = 2048
"""Up to here a token is reserved for every byte; beyond, for every second one: dense scripts need three bytes a
character and less than a token for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """What was asked; None where the default holds."""

    targets: tuple[str, ...]
    prompt: str
    max_tokens: int = DEFAULT_TOKENS
    context: int | None = None
    engine: str | None = None
    threads: int | None = None
    gpu_layers: int | None = None
    thinking: bool = True


class Watcher:
    """Told of each model before it starts, of progress, and of the text as it comes. This one says nothing."""

    def begins(self, name: str) -> None:
        """A model is next."""

    @property
    def listener(self) -> Listener:
        """Takes the progress before the first token."""
        return ignore_progress

    @property
    def on_piece(self) -> TextListener:
        """Takes the text."""
        return lambda _piece: None


def _check(request: TrialRequest) -> None:
    if not 2 <= len(request.targets) <= MAX_TARGETS:
        raise UsageError(
            f"try takes 2 to {MAX_TARGETS} models, not {len(request.targets)}",
            hint='advisor try qwen3-4b qwen3-8b --prompt "Why is the sky blue?"',
        )
    if not request.prompt.strip():
        raise UsageError("the prompt is empty", hint="--prompt TEXT, --prompt-file FILE, or text on stdin")
    if len(request.prompt.encode("utf-8", "replace")) > MAX_PROMPT_BYTES:
        raise UsageError("the prompt is longer than 1 MiB", hint="no model here reads that much in a sensible time")
    for flag, value, high in (
        ("--max-tokens", request.max_tokens, MAX_TOKENS),
        ("--context", request.context, 100_000_000),
        ("--threads", request.threads, 4096),
    ):
        if value is not None and not 1 <= value <= high:
            raise UsageError(f"{flag} {value} is out of range", hint=f"give a value between 1 and {high}")


def find_all(texts: Sequence[str], workspace: Workspace) -> tuple[BenchTarget, ...]:
    """Every target, before anything runs. Raises UnknownName, UsageError for a file that is not there, and AdvisorError
    with the commands that fetch what is not downloaded.
    """
    found = [_find(text, workspace) for text in texts]
    absent = [clean_text(text, 120) for text, target in zip(texts, found, strict=True) if target is None]
    if absent:
        commands = " && ".join(f"advisor download {name}" for name in dict.fromkeys(absent))
        verb = "is" if len(set(absent)) == 1 else "are"
        raise AdvisorError(f"{', '.join(dict.fromkeys(absent))} {verb} not downloaded: `{commands}`")
    return tuple(target for target in found if target is not None)


def _find(text: str, workspace: Workspace) -> BenchTarget | None:
    if Path(text).expanduser().is_file() or text.lower().endswith(".gguf") or means_a_path(text):
        return find_target(text, workspace)
    found = find_downloaded(text, workspace)
    if found is None:
        try:
            workspace.catalog.split_choice(text)
        except UnknownName:
            if "/" not in text or not is_repo_id(text.partition(":")[0]):
                raise
    return found


def tokens_at_most(prompt: str) -> int:
    """Tokens to reserve for a prompt: it is not tokenized here."""
    size = len(prompt.encode("utf-8", "replace"))
    return min(size, SURE_BYTES // 2 + size // 2) + TEMPLATE_TOKENS


def try_models(
    request: TrialRequest, workspace: Workspace, watcher: Watcher | None = None, stop: threading.Event | None = None
) -> Trial:
    """Ask each model in turn. A failure or an interruption ends it; the answers before it stand.

    Raises UsageError and UnknownName for bad input, AdvisorError for models that are not here, and whatever the first
    model fails with.
    """
    _check(request)
    targets = find_all(request.targets, workspace)
    answerer = choose_for_answer(workspace.here.engines, request.engine)
    watcher = watcher or Watcher()
    replies: list[Reply] = []
    failure: AdvisorError | None = None
    interrupted = False
    for target in targets:
        watcher.begins(f"{target.identity.model} {target.identity.quant or ''}".strip())
        try:
            replies.append(_ask(request, target, answerer, workspace, (watcher, stop)))
        except (AdvisorError, KeyboardInterrupt) as error:
            if not replies:
                raise
            failure, interrupted = (error, False) if isinstance(error, AdvisorError) else (None, True)
        else:
            interrupted = replies[-1].answer.ending is Ending.INTERRUPTED
        if failure or interrupted:
            break
    return Trial(
        prompt=request.prompt,
        max_tokens=request.max_tokens,
        replies=tuple(replies),
        interrupted=interrupted,
        failure=failure,
    )


def _ask(
    request: TrialRequest,
    target: BenchTarget,
    answerer: Answerer,
    workspace: Workspace,
    told: tuple[Watcher, threading.Event | None],
) -> Reply:
    machine, constants = workspace.here, workspace.catalog.constants
    layers = request.gpu_layers
    if layers is None:
        layers = sensible_gpu_layers(target.identity, machine, answerer.name, constants)
    plan = MeasurePlan(
        path=target.path,
        file_bytes=target.file_bytes,
        prompt_tokens=tokens_at_most(request.prompt),
        output_tokens=request.max_tokens,
        window=request.context,
        threads=request.threads or usable_cores(machine),
        gpu_layers=layers,
        vocab=target.identity.vocab,
        total_timeout_s=math.inf,
    )
    learned = learn(machine, answerer.name, earlier_results(), constants)
    patient = with_patience(plan, estimate_plan(plan, target.identity, machine, constants, learned))
    prompt = Prompt(text=request.prompt, chat=target.identity.chats, thinking=request.thinking)
    watcher, stop = told
    try:
        answer = answerer.answer(patient, prompt, watcher.on_piece, listener=watcher.listener, stop=stop)
    except EngineError as error:
        raise _advised(error) from error
    done = replace(
        plan,
        window=plan.context,
        prompt_tokens=answer.prompt_tokens or plan.prompt_tokens,
        output_tokens=max(answer.output_tokens or 0, 2),
    )
    said = estimate_plan(done, target.identity, machine, constants, learned)
    return Reply(
        model=target.identity.model,
        quant=target.identity.quant,
        path=str(target.path),
        context=plan.context,
        gpu_layers=layers,
        chats=target.identity.chats,
        answer=answer,
        predicted=prediction_of(said, learned, target.identity) if said else None,
    )


def _advised(error: EngineError) -> EngineError:
    """The error with what to do about it, where the window was too short."""
    if error.hint is None and "context size" in error.message:
        return EngineError(error.message, hint="reserve more with --context N")
    return error
