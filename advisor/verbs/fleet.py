"""What a fleet can run, what blocks the rest, and which upgrade buys most. Equal machines are estimated once."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BufferedReader

from advisor.errors import BadDocument, UsageError
from advisor.inventory.fleet import DISK, Fleet, Judged, Profile, Standing, Upgrades
from advisor.inventory.gather import gather, instant
from advisor.inventory.host import Host, Inventory
from advisor.inventory.profile import key_of
from advisor.sizing.upgrade import purchases, totals
from advisor.verbs.fleet_outcome import Judge
from advisor.verbs.fleet_upgrades import Kind, Workshop, offers
from advisor.verbs.question import Request, build_question
from advisor.verbs.workspace import Workspace

STALE_DAYS = 90
"""Days after which what a host said is marked as stale: a quarter, in which machines are moved and refitted."""
SECOND_CHOICES = 5
"""Choices of a kind of machine: a host whose disk is too full for the first may take a later one."""
NAMED = 3
"""Of files that could not be read, in an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRequest:
    """What is asked of which hosts. `budget_usd` bounds the order of purchases."""

    paths: tuple[str, ...]
    request: Request
    reserve_bytes: int | None = None
    stale_days: int = STALE_DAYS
    upgrades: bool = True
    budget_usd: float | None = None


def evaluate(
    ask: FleetRequest,
    workspace: Workspace,
    *,
    stdin: BufferedReader | None = None,
    now: datetime | None = None,
    say: Callable[[str], None] | None = None,
) -> Fleet:
    """Judge every host. Raises UsageError and UnknownName for bad input, BadDocument where no host can be read.

    `say` is told what takes long.
    """
    _check(ask)
    catalog = workspace.catalog
    question = build_question(ask.request, catalog)
    inventory = gather(ask.paths, catalog.hardware, reserve_bytes=ask.reserve_bytes, stdin=stdin)
    if not inventory.hosts:
        raise _nothing_read(inventory)
    grouped = _grouped(inventory.hosts)
    if say is not None:
        say(f"{len(inventory.hosts)} hosts of {len(grouped)} kinds of machine")
    judge = Judge(question, workspace)
    return _judged_fleet(ask, inventory, grouped, judge, now or datetime.now(UTC))


def _judged_fleet(
    ask: FleetRequest, inventory: Inventory, grouped: Mapping[str, list[Host]], judge: Judge, now: datetime
) -> Fleet:
    profiles = {key: _profile(key, hosts, judge) for key, hosts in grouped.items()}
    oldest = now - timedelta(days=ask.stale_days)
    key_by_host = {id(host): key for key, hosts in grouped.items() for host in hosts}
    judged = tuple(_judged(host, profiles[key_by_host[id(host)]], oldest) for host in inventory.hosts)
    ordered = tuple(sorted(profiles.values(), key=lambda p: (-p.hosts, p.machine.name, p.id)))
    catalog = judge.workspace.catalog
    return Fleet(
        question=judge.question,
        inventory=inventory,
        profiles=ordered,
        hosts=judged,
        upgrades=_upgrades(ask, judge, ordered, judged) if ask.upgrades else None,
        reserve_bytes=ask.reserve_bytes,
        stale_days=ask.stale_days,
        budget_usd=ask.budget_usd,
        catalog_models=len(catalog.entries()),
        catalog_sha256=catalog.sha256,
    )


def _check(ask: FleetRequest) -> None:
    if not 0 <= ask.stale_days <= 36500:
        raise UsageError(f"--stale-days {ask.stale_days} is out of range", hint="give days, e.g. --stale-days 90")
    if ask.budget_usd is not None and not 0 < ask.budget_usd < 1e12:
        raise UsageError(f"--budget {ask.budget_usd:g} is out of range", hint="give US dollars, e.g. --budget 15000")
    if ask.budget_usd is not None and not ask.upgrades:
        raise UsageError("--budget is for upgrades", hint="drop --no-upgrades")


def _nothing_read(inventory: Inventory) -> BadDocument:
    """The first reasons, in one line."""
    told = "; ".join(f"{one.source} {one.reason}" for one in inventory.rejected[:NAMED])
    more = len(inventory.rejected) - NAMED
    rest = f"; and {more} more" if more > 0 else ""
    return BadDocument(
        f"no host could be read: {told}{rest}" if told else "no host could be read: there is none in what was given",
        hint="give files that `advisor probe --json` wrote, a folder of them, or a CSV with headings",
    )


def _grouped(hosts: Sequence[Host]) -> dict[str, list[Host]]:
    """Hosts by kind. Machines of one reader are shared objects, so that most keys are made once."""
    keys: dict[tuple[int, str | None, tuple[str, ...]], str] = {}
    found: dict[str, list[Host]] = {}
    for host in hosts:
        same = (id(host.machine), host.form, host.missing)
        if same not in keys:
            keys[same] = key_of(host.machine, host.form, host.missing)
        found.setdefault(keys[same], []).append(host)
    return found


def _profile(key: str, hosts: Sequence[Host], judge: Judge) -> Profile:
    first = hosts[0]
    return Profile(
        id=key,
        machine=first.machine,
        form=first.form,
        missing=first.missing,
        hosts=len(hosts),
        outcome=judge.outcome(first.machine, first.missing, choices=SECOND_CHOICES),
    )


def _judged(host: Host, profile: Profile, oldest: datetime) -> Judged:
    outcome, seen = profile.outcome, instant(host.probed_at)
    room = host.disk_free_bytes
    choice = next((c for c in outcome.choices if room is None or c.candidate.size.file_bytes <= room), None)
    full = bool(outcome.choices) and choice is None
    return Judged(
        host=host,
        profile=profile,
        standing=Standing.BLOCKED if full else outcome.standing,
        blocked_by=DISK if full else outcome.blocked_by,
        choice=choice,
        stale=None if seen is None else seen < oldest,
    )


def _upgrades(ask: FleetRequest, judge: Judge, profiles: Sequence[Profile], judged: Sequence[Judged]) -> Upgrades:
    """Hosts whose disk is full are left out: neither memory nor a card makes room there."""
    reached = Counter(j.profile.id for j in judged if j.blocked_by != DISK)
    kinds = [
        Kind(id=p.id, machine=p.machine, form=p.form, hosts=reached[p.id], seat=p.outcome.seat)
        for p in profiles
        if reached[p.id] and p.outcome.standing is not Standing.UNKNOWN
    ]
    offered = offers(judge.workspace.catalog.hardware)
    effects = tuple(e for e in Workshop(judge, ask.reserve_bytes).effects(kinds, offered) if e.helps)
    return Upgrades(offers=offered, effects=effects, totals=totals(effects), steps=purchases(effects, ask.budget_usd))


def with_model(request: Request, name: str, workspace: Workspace) -> Request:
    """The request for one model alone, by any of its names. Raises UnknownName."""
    model, quant = workspace.catalog.split_choice(name)
    return replace(request, model=model.id, quant=quant or request.quant)
