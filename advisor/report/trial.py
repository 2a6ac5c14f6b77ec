"""`advisor.try/1`, and the same for people: answers side by side, then what each took."""

from typing import Any

from advisor.bench.trial import Reply, Trial
from advisor.domain.units import format_duration, format_size
from advisor.engines.answering import Ending
from advisor.report.bench import plain_rate, predicted_document, rounded
from advisor.report.columns import beside, column_width, wrapped


def reply_document(reply: Reply) -> dict[str, Any]:
    """One model's answer."""
    a = reply.answer
    return {
        "model": reply.model,
        "quant": reply.quant,
        "path": reply.path,
        "engine": a.engine,
        "engine_version": a.engine_version,
        "backend": a.backend,
        "threads": a.threads,
        "gpu_layers": reply.gpu_layers,
        "context": reply.context,
        "chat_template": reply.chats,
        "text": a.text,
        "thinking": a.thinking or None,
        "ending": str(a.ending),
        "prompt_tokens": a.prompt_tokens,
        "output_tokens": a.output_tokens,
        "load_s": rounded(a.load_s),
        "ttft_s": rounded(a.ttft_s),
        "prefill_tps": rounded(a.prefill_tokens_per_s),
        "decode_tps": rounded(a.decode_tokens_per_s),
        "peak_memory": a.peak_memory_bytes,
        "waiting": rounded(a.waiting, 3),
        "predicted": predicted_document(reply.predicted),
        "error_pct": {name: rounded(value, 3) for name, value in reply.errors().items()},
    }


def trial_document(trial: Trial) -> dict[str, Any]:
    """Answers in the order asked; fewer than asked for where one failed or somebody interrupted."""
    return {
        "schema": "advisor.try/1",
        "prompt": trial.prompt,
        "max_tokens": trial.max_tokens,
        "answers": [reply_document(reply) for reply in trial.replies],
        "complete": not trial.interrupted and trial.failure is None,
        "failure": trial.failure.message if trial.failure else None,
    }


def trial_text(trial: Trial, width: int) -> str:
    """The answers beside each other, or one below the other where the terminal is narrow; then the figures."""
    cells = column_width(len(trial.replies), width)
    blocks = [_block(reply, cells or width) for reply in trial.replies]
    lines = beside(blocks, cells) if cells else [line for block in blocks for line in (*block, "")]
    return "\n".join(lines).rstrip()


def _block(reply: Reply, cells: int) -> list[str]:
    """A heading, the text, and the figures."""
    a = reply.answer
    head = wrapped(reply.name, cells)
    rule = "─" * min(cells, max(len(line) for line in head))
    thoughts = [f"[{len(a.thinking.split())} words of thinking]", ""] if a.thinking else []
    body = wrapped(a.text, cells) if a.text else ["(no answer)"]
    return [*head, rule, *thoughts, *body, *_ending(a.ending), "", *_figures(reply, cells)]


def _ending(ending: Ending) -> list[str]:
    words = {Ending.LENGTH: "[cut: --max-tokens reached]", Ending.INTERRUPTED: "[interrupted]"}
    return [words[ending]] if ending in words else []


def _figures(reply: Reply, cells: int) -> list[str]:
    a, p, errors = reply.answer, reply.predicted, reply.errors()
    rows = (
        ("load", format_duration(a.load_s), None, None),
        ("first token", format_duration(a.ttft_s), format_duration(p.ttft_s.p50) if p else None, "ttft_s"),
        ("prefill", _rate(a.prefill_tokens_per_s), _rate(p.prefill_tokens_per_s.p50) if p else None, "prefill_tps"),
        ("decode", _rate(a.decode_tokens_per_s), _rate(p.decode_tokens_per_s.p50) if p else None, "decode_tps"),
        ("tokens", f"{_count(a.prompt_tokens)} read, {_count(a.output_tokens)} written", None, None),
        ("peak memory", format_size(a.peak_memory_bytes), format_size(p.peak_memory_bytes) if p else None,
         "peak_memory"),
    )  # fmt: skip
    lines = []
    for name, was, said, key in rows:
        error = errors.get(key) if key else None
        lines.append(f"{name:<12} {was}")
        if said is not None and error is not None:
            tail = f"  (expected {said}, {error:+.0f} %)"
            lines[-1:] = [lines[-1] + tail] if len(lines[-1] + tail) <= cells else [lines[-1], f"{'':<11}{tail}"]
    where = f"{a.engine}, {a.threads} threads" if reply.gpu_layers == 0 else f"{a.engine}, {a.backend}"
    notes = [where]
    if not reply.chats:
        notes.append("base model: no chat template, it goes on with the text")
    if a.was_disturbed:
        notes.append("disturbed by other work: these times are not the machine's")
    return [*lines, *(line for text in notes for line in wrapped(text, cells))]


def _rate(tokens_per_s: float | None) -> str:
    return "?" if tokens_per_s is None else plain_rate(tokens_per_s)


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else str(tokens)
