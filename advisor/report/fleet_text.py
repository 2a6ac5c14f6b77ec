"""A judged fleet for people: counts, kinds of machine with their best choice, upgrades by value, what to buy first."""

from advisor.decide.assessment import Assessment
from advisor.domain.quantity import Z90, Quantity
from advisor.domain.units import format_duration
from advisor.inventory.fleet import Fleet, Profile, Standing, Upgrades
from advisor.report.columns import wrapped
from advisor.report.recommendation import question_line
from advisor.report.text_table import Column, table
from advisor.sizing.upgrade import Step, Total, basket

STANDINGS = {
    Standing.MEETS: "meets the request",
    Standing.BELOW_TARGET: "runs, below the task's target",
    Standing.BLOCKED: "blocked",
    Standing.UNKNOWN: "not known",
}
HINDRANCES = {
    "memory": "too little memory",
    "bandwidth": "too little memory bandwidth",
    "compute": "too little compute",
    "disk": "too little free disk",
    "driver": "an accelerator that its driver does not let be used",
    "speed_unknown": "speed not known",
    "no_engine": "no engine that loads it",
    "not_for_task": "no model for this task",
    "not_downloadable": "no files that are published for an engine here",
    "no_quality_known": "no known quality at this task",
    "below_min_quality": "no model of that quality",
    "context_too_short": "no model with such a window",
    "licence": "no model under that licence",
    "memory_unknown": "memory not told by the source",
    "cores_unknown": "cores not told by the source",
}
INDENT = " " * 9
"""Under the number of hosts."""
NAMED = 5
"""Files that could not be read, and values not understood, that are named; --json has all."""
_OFFER_COLUMNS = (
    Column("Upgrade", grow=True),
    Column("Hosts", right=True),
    Column("Unlocks", right=True),
    Column("Points a host", right=True),
    Column("USD each", right=True),
    Column("USD/unlocked", right=True, drop=1),
    Column("USD/point", right=True),
)
_STEP_COLUMNS = (
    Column("Buy"),
    Column("Upgrade", grow=True),
    Column("For"),
    Column("Unlocks", right=True),
    Column("Points", right=True),
    Column("USD", right=True),
    Column("Spent", right=True),
)


def fleet_text(fleet: Fleet, width: int, *, limit: int = 10, quiet: bool = False) -> str:
    """The whole answer; tables of at most `limit` rows."""
    lines = [*wrapped(_read_line(fleet), width), *wrapped(question_line(fleet.question), width), ""]
    lines += _standing_lines(fleet)
    lines += ["", "Kinds of machine, most hosts first:"]
    for profile in fleet.profiles[:limit]:
        lines += _profile_lines(profile, width)
    lines += _more(len(fleet.profiles) - limit, "kinds of machine")
    if fleet.upgrades is not None:
        lines += ["", *_upgrade_lines(fleet, fleet.upgrades, width, limit)]
    if not quiet:
        lines += ["", *_told_lines(fleet)]
    return "\n".join(lines)


def _read_line(fleet: Fleet) -> str:
    inventory = fleet.inventory
    stale = sum(judged.stale is True for judged in fleet.hosts)
    parts = [f"{_counted(len(inventory.hosts), 'host')} of {_counted(len(fleet.profiles), 'kind')} of machine"]
    parts.append(f"{_counted(inventory.duplicates, 'more document')} of the same hosts" if inventory.duplicates else "")
    parts.append(f"{stale:,} last seen more than {fleet.stale_days} days ago" if stale else "")
    parts.append(f"{len(inventory.rejected):,} not read" if inventory.rejected else "")
    return "; ".join(part for part in parts if part)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("s" if count != 1 else "")


def _standing_lines(fleet: Fleet) -> list[str]:
    total = len(fleet.hosts)
    rows = [(count, STANDINGS[standing]) for standing, count in fleet.standings.items() if count]
    lines = [f"{count:>7,}  {count / total:>4.0%}  {words}" for count, words in rows]
    blocked = [f"{count:>7,}        {hindrance_words(cause)}" for cause, count in fleet.hindrances.items()]
    return [*lines, *(["What stands in the way of those that do not meet it:", *blocked] if blocked else [])]


def hindrance_words(cause: str) -> str:
    """What blocks, in words."""
    return HINDRANCES.get(cause, cause.replace("_", " "))


def _profile_lines(profile: Profile, width: int) -> list[str]:
    outcome = profile.outcome
    kind = f" ({profile.form})" if profile.form else ""
    found = choice_words(outcome.choices[0]) if outcome.choices else hindrance_words(outcome.blocked_by or "")
    texts = [profile.machine.name + kind, f"{STANDINGS[outcome.standing]}: {found}"]
    if outcome.miss is not None and not outcome.choices and outcome.standing is not Standing.UNKNOWN:
        texts.append(f"nearest: {_name(outcome.miss)}" + "".join(f"; needs {n.text}" for n in outcome.needs[:1]))
    lines = [line for text in texts for line in wrapped(text, width - len(INDENT))]
    return [f"{profile.hosts:>7,}  {lines[0]}", *(INDENT + line for line in lines[1:])]


def _name(assessment: Assessment) -> str:
    return f"{assessment.candidate.system.entry.name} {assessment.candidate.quant}"


def choice_words(assessment: Assessment) -> str:
    """A choice with its speed and quality: medians, and the 80 % interval of both."""
    speed, candidate, rate = assessment.estimate.speed, assessment.candidate, rate_of(assessment)
    words = "speed not known"
    if speed is not None and rate is not None:
        p10, p50, p90 = (f"{r:.1f}" if r < 100 else f"{r:,.0f}" for r in (rate.p10, rate.p50, rate.p90))
        words = f"{p50} tok/s ({p10}–{p90}), first {format_duration(speed.ttft_s.p50)}"
    return f"{_name(assessment)}, {words}, quality {candidate.score:.0f}±{Z90 * candidate.sd:.0f}"


def rate_of(assessment: Assessment) -> Quantity | None:
    """Tokens written in a second; tokens read, where the work writes none."""
    speed = assessment.estimate.speed
    if speed is None:
        return None
    return speed.decode_tokens_per_s if assessment.workload.output_tokens else speed.prefill_tokens_per_s


def _more(count: int, what: str) -> list[str]:
    return [f"{INDENT}and {count:,} more {what}: --limit N or --json"] if count > 0 else []


def _upgrade_lines(fleet: Fleet, upgrades: Upgrades, width: int, limit: int) -> list[str]:
    if not upgrades.totals:
        return ["No upgrade of the catalog makes any host better at this."]
    lines = ["What an upgrade brings, over the hosts that it helps:"]
    lines += table(_OFFER_COLUMNS, [_offer_row(t, upgrades) for t in upgrades.totals[:limit]], width)
    lines += _more(len(upgrades.totals) - limit, "upgrades")
    unpriced = sum(total.usd is None for total in upgrades.totals)
    if unpriced:
        lines += wrapped(f"? price not known ({unpriced} upgrades): give quotes with --catalog FILE", width)
    if upgrades.steps:
        steps = basket(upgrades.steps) if fleet.budget_usd else upgrades.steps
        what = f"What to buy within {fleet.budget_usd:,.0f} USD" if fleet.budget_usd else "What to buy first"
        lines += ["", f"{what}, best value for money first:"]
        names = {profile.id: profile.machine.name for profile in fleet.profiles}
        lines += table(_STEP_COLUMNS, [_step_row(s, upgrades, names) for s in steps[:limit]], width)
        lines += _more(len(steps) - limit, "purchases")
    return lines


def _offer_row(total: Total, upgrades: Upgrades) -> tuple[str, ...]:
    offer = upgrades.offer(total.upgrade)
    each = _signed(total.points.scaled(1 / total.hosts))
    return (
        offer.spec.name,
        f"{total.hosts:,}",
        f"{total.unlocked:,}",
        each,
        _usd(offer.usd),
        _usd(total.usd_per_unlocked) if total.unlocked else "-",
        "?" if total.usd_per_point is None else f"{total.usd_per_point:,.1f}",
    )


def _signed(points: Quantity) -> str:
    return f"{points.p50:+.1f} ({points.p10:+.0f}…{points.p90:+.0f})"


def _usd(amount: float | None) -> str:
    return "?" if amount is None else f"{amount:,.0f}"


def _step_row(step: Step, upgrades: Upgrades, names: dict[str, str]) -> tuple[str, ...]:
    name = upgrades.offer(step.upgrade).spec.name
    instead = f" instead of {upgrades.offer(step.instead_of).spec.name}" if step.instead_of else ""
    return (
        f"{step.hosts:,}x",
        name + instead,
        names[step.profile].split(" · ")[0][:24],
        f"{step.unlocked:,}",
        f"{step.points:+,.0f}",
        f"{step.usd:,.0f}",
        f"{step.spent_usd:,.0f}",
    )


def _told_lines(fleet: Fleet) -> list[str]:
    """What was left out, what was assumed, and what the figures mean."""
    inventory = fleet.inventory
    told = [f"not read: {one.source}: {one.reason}" for one in inventory.rejected[:NAMED]]
    told += [
        f"not understood: {one.what} `{one.value}` ({_counted(one.hosts, 'host')})" for one in inventory.unread[:NAMED]
    ]
    told += [f"not told by the source: {fact} of {_counted(count, 'host')}" for fact, count in fleet.untold.items()]
    told += inventory.notes[:NAMED]
    reserve = "a tenth of main memory, 2 to 8 GiB," if fleet.reserve_bytes is None else "the stated reserve"
    told.append(f"speeds are estimated; hosts are taken as idle: {reserve} is kept for the system (--reserve)")
    if fleet.upgrades is not None and fleet.upgrades.totals:
        told.append(
            "a seat is worth the quality of its choice, nothing while none meets the request; prices without the work, "
            "and whether slot, power supply and sockets are free is for you to check"
        )
    return told
