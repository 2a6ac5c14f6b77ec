"""Floating point operations of prompts and of single tokens: exact counts of matrix products, attention and state."""

from typing import NamedTuple

from advisor.estimate.shape import ModelShape


class Work(NamedTuple):
    """FLOPs by kind of kernel."""

    dense: float
    experts: float
    attention: float
    head: float
    state: float

    @property
    def total(self) -> float:
        """All of them."""
        return sum(self)


def attended(tokens: float, depth: float, window: float) -> float:
    """Pairs of a new token and one it attends to, for `tokens` new ones after `depth` earlier ones.

    Without a window: n·d + n²/2. With one, each new token attends to at most `window` others.
    """
    if not window:
        return tokens * depth + tokens * tokens / 2
    growing = max(0.0, min(tokens, window - depth))
    return growing * depth + growing * growing / 2 + (tokens - growing) * window


def prompt_work(shape: ModelShape, tokens: float, depth: float = 0.0) -> Work:
    """FLOPs of reading `tokens` after `depth` earlier ones; the output head runs for the last alone."""
    full = attended(tokens, depth, 0.0)
    near = attended(tokens, depth, float(shape.window)) if shape.window else full
    attention = state = 0.0
    for kind, n in zip(shape.layers, shape.counts, strict=True):
        if kind.reads:
            attention += n * kind.attention_flops * kind.rows(full, near)
        state += n * kind.state_flops * tokens
    return Work(
        dense=2.0 * shape.dense_params * tokens,
        experts=2.0 * shape.expert_params * shape.expert_share * tokens,
        attention=attention,
        head=2.0 * shape.output_params,
        state=state,
    )


def prefill_work(shape: ModelShape, tokens: float, depth: float = 0.0, *, caches_alone: bool = False) -> Work:
    """What engines really do of `prompt_work`: the last layer's feed-forward block runs for the last token alone.

    Of the others only keys and values are kept there (llama.cpp picks the rows of `inp_out_ids` after attention). With
    `caches_alone` nothing is done that no cache needs: layers that reuse the caches of others, which end a model, run
    for the last token alone too (mlx-lm evaluates the caches of all tokens but the last, and nothing else).
    """
    work, skipped = prompt_work(shape, tokens, depth), 2.0 * max(0.0, tokens - 1.0)
    reusing = [
        (kind, n) for kind, n in zip(shape.layers, shape.counts, strict=True)
        if caches_alone and shape.causal and kind.reads and not kind.cache
    ]  # fmt: skip
    if not reusing:
        return work._replace(
            dense=work.dense - skipped * shape.last_ffn_params,
            experts=work.experts - skipped * shape.last_expert_params * shape.expert_share,
        )
    pairs = {"F": attended(tokens - 1.0, depth, 0.0), "W": attended(tokens - 1.0, depth, float(shape.window))}
    return work._replace(
        dense=work.dense - skipped * sum(n * kind.dense_params for kind, n in reusing),
        experts=work.experts - skipped * sum(n * kind.expert_params for kind, n in reusing) * shape.expert_share,
        attention=work.attention - sum(n * kind.attention_flops * pairs[kind.reads] for kind, n in reusing),
    )


def token_work(shape: ModelShape, depth: float) -> Work:
    """FLOPs of one output token at this depth."""
    return prompt_work(shape, 1.0, depth)
