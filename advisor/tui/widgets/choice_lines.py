"""What the app says of one choice, as lines of content: memory, time, quality, budget. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from advisor.decide.assessment import Assessment
from advisor.decide.budget import first_answer_token
from advisor.decide.explanation import time_shares
from advisor.decide.quality import interval
from advisor.domain.estimate import DeviceMemory, Estimate, Speed
from advisor.domain.model import Grade
from advisor.domain.units import format_duration
from advisor.domain.workload import Budget, Workload
from advisor.tui.figures import brief, gib, rate
from advisor.tui.form_values import short_duration
from advisor.tui.widgets.bars import Part, interval_bar, legend, stacked

USES = (
    ("weights", "weights_bytes"),
    ("KV", "kv_cache_bytes"),
    ("compute", "compute_bytes"),
    ("overhead", "overhead_bytes"),
)
LABEL = 8


def labelled(label: str, content: Content | str) -> Content:
    """A muted label and what belongs to it."""
    return Content.assemble((f"{label:<{LABEL}}", "$foreground-muted"), " ", content)


def pool_name(device: str) -> str:
    """`gpu0` as `GPU 0`, `host` as `RAM`."""
    return "RAM" if device == "host" else device.upper().replace("GPU", "GPU ")


def pool_line(device: DeviceMemory, width: int, *, plain: bool = False) -> Content:
    """One pool: name, bar, what is used of what is available."""
    available = device.available_bytes
    figures = f"{gib(device.total_bytes)} of {gib(available)} GiB"
    style = "$text-error" if (device.headroom_bytes or 0) < 0 else ""
    parts = [Part(name=name, value=float(getattr(device, field))) for name, field in USES]
    bar_width = max(8, width - LABEL - 1 - len(figures) - 1)
    bar = stacked(parts, max(float(available or 0), float(device.total_bytes)), bar_width, plain=plain)
    return labelled(pool_name(device.device), Content.assemble(bar, " ", (figures, style)))


def pools(estimate: Estimate) -> list[DeviceMemory]:
    """The pools that the choice takes memory from."""
    return [device for device in estimate.footprint.devices if device.total_bytes]


def tightest(estimate: Estimate) -> list[DeviceMemory]:
    """The one pool with the least left; none where nothing is taken."""
    known = sorted(pools(estimate), key=lambda d: float("inf") if d.headroom_bytes is None else d.headroom_bytes)
    return known[:1]


def memory_legend(estimate: Estimate, width: int, *, plain: bool = False) -> Content:
    """What the parts of the bars are, summed over pools, in GiB."""
    used = pools(estimate)
    sums = [(name, gib(sum(getattr(d, field) for d in used))) for name, field in USES]
    return legend(sums, width, plain=plain)


def headroom_line(estimate: Estimate) -> Content:
    """How much is left, pool by pool, or how much is missing."""
    pieces = []
    for device in pools(estimate):
        room = device.headroom_bytes
        if room is None:
            pieces.append(Content(f"{pool_name(device.device)}: free memory unknown"))
        elif room < 0:
            pieces.append(Content.styled(f"{pool_name(device.device)}: {gib(-room)} GiB too little", "$text-error"))
        else:
            pieces.append(Content(f"{pool_name(device.device)}: {gib(room)} GiB stay free"))
    return Content(", ").join(pieces)


def phase_line(estimate: Estimate, phase: str, label: str, time: str, width: int, *, plain: bool = False) -> Content:
    """Where one phase's time goes, in a line: its time, a bar of shares, the shares in words."""
    shares = time_shares(estimate, phase)
    head = Content.assemble((f"{time:>7}", "bold"), "  ")
    if not shares:
        return labelled(label, head)
    named = legend([(name, f"{share:.0%}") for name, share in shares[:3]], width - LABEL - 18, plain=plain)
    bar_width = min(24, max(6, width - LABEL - 1 - head.cell_length - named.cell_length - 2))
    return labelled(label, Content.assemble(head, share_bar(shares, bar_width, plain=plain), "  ", named))


def share_bar(shares: Sequence[tuple[str, float]], width: int, *, plain: bool = False) -> Content:
    """Shares of one as a full bar."""
    return stacked([Part(name=name, value=share) for name, share in shares], 1.0, width, plain=plain)


def phase_block(
    estimate: Estimate, phase: str, label: str, time: str, width: int, *, plain: bool = False
) -> list[Content]:
    """The same in two lines: a bar over the whole width, and below it what the parts are."""
    shares = time_shares(estimate, phase)
    head = Content.assemble((f"{time:>7}", "bold"), "  ")
    if not shares:
        return [labelled(label, head)]
    bar = share_bar(shares, max(6, width - LABEL - 1 - head.cell_length), plain=plain)
    named = legend([(name, f"{share:.0%}") for name, share in shares[:4]], width - LABEL - 1, plain=plain)
    return [labelled(label, Content.assemble(head, bar)), Content(" " * (LABEL + 1)).append(named)]


def token_line(estimate: Estimate, width: int, *, plain: bool = False) -> Content:
    """Where the time of one output token goes."""
    if estimate.speed is None:
        return labelled("a token", "speed unknown: the memory bandwidth here is not known")
    return phase_line(estimate, "decode", "a token", format_duration(estimate.speed.tpot_s.p50), width, plain=plain)


def time_lines(estimate: Estimate, width: int, *, plain: bool = False) -> list[Content]:
    """Load, prefill and decode with what each is made of."""
    speed = estimate.speed
    if speed is None:
        return [Content("speed unknown: the memory bandwidth here is not known")]
    return [
        labelled("load", Content.assemble((f"{format_duration(speed.load_s.p50):>7}", "bold"), "  once, from disk")),
        *phase_block(estimate, "prefill", "prefill", format_duration(speed.ttft_s.p50), width, plain=plain),
        *phase_block(estimate, "decode", "a token", format_duration(speed.tpot_s.p50), width, plain=plain),
        interval_line(speed),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One figure held against its limit. `met` None: there is no limit."""

    name: str
    value: str
    limit: str | None
    met: bool | None

    @property
    def word(self) -> Content:
        """meets, misses, or nothing."""
        if self.met is None:
            return Content.styled("no limit", "$foreground-muted")
        return Content.styled("meets", "$text-success") if self.met else Content.styled("misses", "$text-warning")


def limits(assessment: Assessment, budget: Budget) -> list[Limit]:
    """First token, rate and whole answer, each held against its limit; nothing where the speed is unknown."""
    speed = assessment.estimate.speed
    if speed is None:
        return []
    missed = {miss.limit for miss in assessment.verdict.misses}
    unpaid = 0 if budget.max_latency_s is not None else assessment.workload.thinking_tokens
    first = first_answer_token(speed, unpaid)
    per_s = _at_least(speed.decode_tokens_per_s.p50, None if budget.max_tpot_s is None else 1 / budget.max_tpot_s)
    rows = (
        ("first token", brief(first.p50), _at_most(first.p50, budget.max_ttft_s), "max_ttft_s"),
        ("tokens/s", rate(speed.decode_tokens_per_s.p50), per_s, "max_tpot_s"),
        ("answer", brief(speed.latency_s.p50), _at_most(speed.latency_s.p50, budget.max_latency_s), "max_latency_s"),
    )
    return [Limit(name=n, value=v, limit=x, met=None if x is None else f not in missed) for n, v, x, f in rows]


def _at_most(value_s: float, limit_s: float | None) -> str | None:
    return None if limit_s is None else f"{'≤' if value_s <= limit_s else '>'} {short_duration(limit_s)}"


def _at_least(value: float, least: float | None) -> str | None:
    return None if least is None else f"{'≥' if value >= least else '<'} {least:.3g}"


def budget_line(assessment: Assessment, budget: Budget) -> Content:
    """All limits in one line, missed figures in the colour of a warning, after the verdict."""
    found = limits(assessment, budget)
    if not found:
        return labelled("budget", "speed unknown here")
    pieces = []
    for item in found:
        value = (item.value, "bold $text-warning" if item.met is False else "bold")
        rate_first = item.name == "tokens/s"
        named = (value, " tok/s") if rate_first else ((f"{item.name.split()[0]} ", "$foreground-muted"), value)
        pieces.append(Content.assemble(*named, f" {item.limit}" if item.limit else ""))
    colour = "$text-success" if assessment.verdict.meets else "$text-warning"
    pieces.insert(0, Content.styled(assessment.verdict.word, colour))
    return labelled("budget", Content(" · ").join(pieces))


def budget_lines(assessment: Assessment, budget: Budget) -> list[Content]:
    """A line a limit, in columns."""
    found = limits(assessment, budget)
    if not found:
        return [Content("speed unknown: the memory bandwidth here is not known")]
    return [
        Content.assemble(
            (f"{item.name:<12}", "$foreground-muted"),
            (f"{item.value:>9}", "bold"),
            f"  {item.limit or '':<10}  ",
            item.word,
        )
        for item in found
    ]


def interval_line(speed: Speed) -> Content:
    """The 80 % interval of the whole answer and of the rate."""
    a, d = speed.latency_s, speed.decode_tokens_per_s
    text = f"80%: answer {brief(a.p10)} – {brief(a.p90)}, {d.p10:.0f}–{d.p90:.0f} tokens/s"
    return Content.styled(text, "$foreground-muted")


def quality_line(score: float, sd: float, width: int) -> Content:
    """The score on its scale with its 80 % interval."""
    low, high = interval(score, sd)
    words = f" {score:.0f} ({low:.0f}–{high:.0f})"
    return Content.assemble(interval_bar(low, score, high, max(12, width - len(words))), (words, "bold"))


GRADE_PHRASES = {
    Grade.MEASURED: "measured on this task",
    Grade.SIBLING: "measured in another mode",
    Grade.IMPUTED: "inferred from other tasks",
    Grade.PRIOR: "expected from size and date",
}
"""What a score rests on, in the words of half a line."""


def quality_and_grade(score: float, sd: float, grade: Grade, width: int) -> Content:
    """The score and what it rests on in one line."""
    room = width - LABEL - 1 - len(GRADE_PHRASES[grade]) - 2
    line = quality_line(score, sd, min(44, room))
    return labelled("quality", Content.assemble(line, "  ", (GRADE_PHRASES[grade], "$foreground-muted")))


def work_line(workload: Workload) -> str:
    """The request that the figures are for."""
    parts = (
        (workload.cached_tokens, "cached"), (workload.prompt_tokens, "prompt"), (workload.thinking_tokens, "thinking"),
        (workload.output_tokens, "answer"),
    )  # fmt: skip
    users = f", {workload.users} users" if workload.users > 1 else ""
    return " + ".join(f"{tokens} {what}" for tokens, what in parts if tokens) + users
