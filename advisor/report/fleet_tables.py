"""A judged fleet as tables for other programs: one row a host as CSV, one row a kind of machine as Markdown."""

import csv
import io
from collections.abc import Sequence

from advisor.inventory.fleet import Fleet, Judged, Profile, Upgrades
from advisor.report.fleet_text import STANDINGS, choice_words, hindrance_words, rate_of

_HOST_COLUMNS = (
    "host", "verdict", "blocked_by", "model", "quant", "tokens_per_s_p10", "tokens_per_s_p50", "tokens_per_s_p90",
    "ttft_s_p50", "quality", "quality_sd", "profile", "machine", "memory_bytes", "form", "stale", "probed_at", "source",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula; names of hosts come from outside."""


def fleet_csv(fleet: Fleet) -> str:
    """One row a host; unknown cells are empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HOST_COLUMNS)
    writer.writerows([_harmless(cell) for cell in _host_cells(judged)] for judged in fleet.hosts)
    return out.getvalue()


def _host_cells(judged: Judged) -> tuple[object, ...]:
    host, chosen = judged.host, judged.choice
    speed = chosen.estimate.speed if chosen else None
    rates = rate_of(chosen) if chosen else None
    return (
        host.id,
        judged.standing,
        judged.blocked_by,
        chosen.candidate.model_id if chosen else None,
        chosen.candidate.quant if chosen else None,
        *(f"{rate:.4g}" for rate in ((rates.p10, rates.p50, rates.p90) if rates else ())),
        *(("", "", "") if rates is None else ()),
        f"{speed.ttft_s.p50:.4g}" if speed else None,
        f"{chosen.candidate.score:.1f}" if chosen else None,
        f"{chosen.candidate.sd:.1f}" if chosen else None,
        judged.profile.id,
        judged.profile.machine.name,
        judged.profile.machine.memory.total_bytes,
        judged.profile.form,
        None if judged.stale is None else "yes" if judged.stale else "no",
        host.probed_at,
        host.source,
    )


def _harmless(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def fleet_markdown(fleet: Fleet) -> str:
    """Counts, kinds of machine and upgrades as tables for a page or a ticket."""
    lines = [f"# {len(fleet.hosts):,} hosts: {fleet.question.task.title}", ""]
    lines += _table(
        ("Verdict", "Hosts"), [(STANDINGS[s], f"{count:,}") for s, count in fleet.standings.items() if count]
    )
    if fleet.hindrances:
        blocked = [(hindrance_words(cause), f"{count:,}") for cause, count in fleet.hindrances.items()]
        lines += ["", *_table(("Blocked by", "Hosts"), blocked)]
    lines += ["", *_table(("Hosts", "Machine", "Form", "Verdict", "Choice"), [_profile_row(p) for p in fleet.profiles])]
    if fleet.upgrades is not None and fleet.upgrades.totals:
        lines += ["", *_upgrade_table(fleet.upgrades)]
    return "\n".join(lines)


def _profile_row(profile: Profile) -> tuple[str, ...]:
    outcome = profile.outcome
    found = choice_words(outcome.choices[0]) if outcome.choices else hindrance_words(outcome.blocked_by or "")
    return f"{profile.hosts:,}", profile.machine.name, profile.form or "", STANDINGS[outcome.standing], found


def _upgrade_table(upgrades: Upgrades) -> list[str]:
    rows = []
    for total in upgrades.totals:
        offer = upgrades.offer(total.upgrade)
        price = f"{offer.price.usd:,.0f} ({offer.price.kind}, {offer.price.date})" if offer.price else "?"
        rows.append(
            (
                offer.spec.name,
                f"{total.hosts:,}",
                f"{total.unlocked:,}",
                f"{total.points.p50:,.0f} ({total.points.p10:,.0f} to {total.points.p90:,.0f})",
                price,
                "?" if total.usd_per_unlocked is None else f"{total.usd_per_unlocked:,.0f}",
                "?" if total.usd_per_point is None else f"{total.usd_per_point:,.1f}",
            )
        )
    return _table(("Upgrade", "Hosts", "Unlocks", "Points", "USD each", "USD/unlocked", "USD/point"), rows)


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    def line(cells: tuple[str, ...]) -> str:
        escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;") for cell in cells)
        return f"| {' | '.join(escaped)} |"

    return [line(headings), f"|{' --- |' * len(headings)}", *(line(row) for row in rows)]
