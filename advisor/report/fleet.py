"""`advisor.fleet/1`: what hosts can run, what blocks the rest, and which upgrade buys most."""

from dataclasses import asdict
from typing import Any

from advisor.decide.assessment import Assessment
from advisor.domain.machine import Machine
from advisor.inventory.fleet import Fleet, Judged, Offer, Profile, Upgrades
from advisor.report.quantities import placement_document, quantity
from advisor.report.recommendation import request_document
from advisor.sizing.upgrade import Effect, Step, Total

SCHEMA = "advisor.fleet/1"


def fleet_document(fleet: Fleet) -> dict[str, Any]:
    """`fleet eval --json`."""
    inventory = fleet.inventory
    return {
        "schema": SCHEMA,
        "request": {
            **request_document(fleet.question),
            "model": fleet.question.model,
            "reserve_bytes": fleet.reserve_bytes,
            "stale_days": fleet.stale_days,
            "budget_usd": fleet.budget_usd,
        },
        "catalog": {"models": fleet.catalog_models, "sha256": fleet.catalog_sha256},
        "inventory": {
            "documents": inventory.documents,
            "hosts": len(inventory.hosts),
            "duplicates": inventory.duplicates,
            "stale": sum(judged.stale is True for judged in fleet.hosts),
            "undated": sum(judged.stale is None for judged in fleet.hosts),
            "rejected": [asdict(one) for one in inventory.rejected],
            "not_understood": [asdict(one) for one in inventory.unread],
            "not_told": fleet.untold,
            "notes": list(inventory.notes),
        },
        "verdicts": {str(standing): count for standing, count in fleet.standings.items()},
        "blocked_by": fleet.hindrances,
        "profiles": [profile_document(profile) for profile in fleet.profiles],
        "hosts": [host_document(judged) for judged in fleet.hosts],
        "upgrades": None if fleet.upgrades is None else upgrades_document(fleet.upgrades),
    }


def profile_document(profile: Profile) -> dict[str, Any]:
    """A kind of machine and its choices, best first."""
    outcome = profile.outcome
    miss = outcome.miss
    return {
        "profile": profile.id,
        "hosts": profile.hosts,
        "machine": machine_summary(profile.machine),
        "form": profile.form,
        "not_told": list(profile.missing),
        "verdict": str(outcome.standing),
        "blocked_by": outcome.blocked_by,
        "choices": [choice_summary(choice) for choice in outcome.choices],
        "nearest_miss": None if miss is None else choice_summary(miss),
        "needs": [need.text for need in outcome.needs],
    }


def machine_summary(machine: Machine) -> dict[str, Any]:
    """What an estimate rests on. `available_bytes`: of an idle host, less the reserve."""
    memory, cpu = machine.memory, machine.cpu
    return {
        "name": machine.name,
        "os": machine.os,
        "cpu": cpu.name,
        "cores": cpu.physical_cores,
        "memory_bytes": memory.total_bytes,
        "memory_available_bytes": None if memory.total_bytes is None else memory.available_bytes,
        "memory_bandwidth_bytes_per_s": memory.bandwidth_bytes_per_s,
        "accelerators": [
            {
                "name": a.name,
                "memory_bytes": a.memory_total_bytes,
                "unified": a.unified,
                "bandwidth_bytes_per_s": a.bandwidth_bytes_per_s,
                "usable": a.usable,
            }
            for a in machine.accelerators
        ],
    }


def choice_summary(assessment: Assessment) -> dict[str, Any]:
    """A choice on one kind of machine, without what is the same on all (files, evidence, licence)."""
    candidate, estimate = assessment.candidate, assessment.estimate
    speed = estimate.speed
    return {
        "model": candidate.model_id,
        "name": candidate.system.entry.name,
        "quant": candidate.quant,
        "mode": candidate.system.mode,
        "engine": estimate.engine,
        "placement": placement_document(estimate.placement),
        "context": estimate.context,
        "file_bytes": candidate.size.file_bytes,
        "memory_bytes": estimate.footprint.total_bytes,
        "fits": estimate.fits,
        "speed": None
        if speed is None
        else {
            "ttft_s": quantity(speed.ttft_s),
            "tpot_s": quantity(speed.tpot_s),
            "prefill_tps": quantity(speed.prefill_tokens_per_s),
            "decode_tps": quantity(speed.decode_tokens_per_s),
            "latency_s": quantity(speed.latency_s),
        },
        "quality": {
            "score": round(candidate.score, 2),
            "sd": round(candidate.sd, 2),
            "grade": str(candidate.system.grade),
        },
        "meets_budget": assessment.works,
        "p_meets_budget": round(assessment.verdict.probability, 4),
        "basis": str(estimate.basis),
    }


def host_document(judged: Judged) -> dict[str, Any]:
    """One host; figures of its choice stand in its profile, at the place `choice`."""
    host, choices = judged.host, judged.profile.outcome.choices
    chosen = judged.choice
    return {
        "host": host.id,
        "source": host.source,
        "kind": host.kind,
        "probed_at": host.probed_at,
        "stale": judged.stale,
        "profile": judged.profile.id,
        "verdict": str(judged.standing),
        "blocked_by": judged.blocked_by,
        "choice": None if chosen is None else next(i for i, c in enumerate(choices) if c is chosen),
        "model": None if chosen is None else chosen.candidate.model_id,
        "quant": None if chosen is None else chosen.candidate.quant,
        "disk_free_bytes": host.disk_free_bytes,
    }


def upgrades_document(upgrades: Upgrades) -> dict[str, Any]:
    """What each upgrade brings over all hosts that it helps, to each kind of machine, and the order of buying."""
    return {
        "offers": [_total_document(total, upgrades.offer(total.upgrade)) for total in upgrades.totals],
        "effects": [_effect_document(effect) for effect in upgrades.effects],
        "order": [_step_document(step) for step in upgrades.steps],
        "basis": "estimated",
    }


def _price_document(offer: Offer) -> dict[str, Any] | None:
    price = offer.price
    return None if price is None else {"usd": price.usd, "date": price.date, "kind": price.kind, "source": price.source}


def _total_document(total: Total, offer: Offer) -> dict[str, Any]:
    return {
        "upgrade": total.upgrade,
        "name": offer.spec.name,
        "kind": offer.kind,
        "price": _price_document(offer),
        "hosts": total.hosts,
        "unlocked": total.unlocked,
        "quality_points": quantity(total.points),
        "usd": total.usd,
        "usd_per_unlocked": total.usd_per_unlocked,
        "usd_per_point": total.usd_per_point,
    }


def _effect_document(effect: Effect) -> dict[str, Any]:
    return {
        "upgrade": effect.upgrade,
        "profile": effect.profile,
        "hosts": effect.hosts,
        "unlocks": effect.unlocks,
        "model": effect.after.model,
        "quality_points": quantity(effect.points_interval),
        "usd": effect.usd,
    }


def _step_document(step: Step) -> dict[str, Any]:
    return asdict(step)
