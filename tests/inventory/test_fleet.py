"""A fleet judged: what each host can run, what blocks it, and that better hardware never makes it worse."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.catalog.machines import Stated
from advisor.domain.device import DeviceKind
from advisor.domain.machine import Machine
from advisor.errors import AdvisorError
from advisor.inventory.fleet import Standing
from advisor.inventory.form import form_of
from advisor.inventory.profile import key_of, lasting, rounded_down
from advisor.sizing.upgrade import Seat
from advisor.verbs.fleet import FleetRequest, evaluate, with_model
from advisor.verbs.fleet_outcome import Judge
from advisor.verbs.fleet_upgrades import Kind, Workshop, offers
from advisor.verbs.question import Request, build_question

GIB = 1024**3
NOW = datetime(2026, 11, 29, tzinfo=UTC)
ORDER = (Standing.UNKNOWN, Standing.BLOCKED, Standing.BELOW_TARGET, Standing.MEETS)


@pytest.fixture
def judge_fleet(workspace, tmp_path):
    def judged(*documents, request=None, model=None, **options):
        path = tmp_path / "fleet.jsonl"
        path.write_text("\n".join(json.dumps(document) for document in documents))
        asked = request or Request(task="chat")
        if model:
            asked = with_model(asked, model, workspace)
        options = {"upgrades": False, **options}
        return evaluate(FleetRequest(paths=(str(path),), request=asked, **options), workspace, now=NOW)

    return judged


def test_counts_add_up_and_equal_hosts_are_judged_once(judge_fleet, document):
    fleet = judge_fleet(*(document(f"h{i}", ram=16 if i % 3 else 32) for i in range(9)), document("small", ram=2))
    assert [p.hosts for p in fleet.profiles] == [6, 3, 1]
    assert sum(fleet.standings.values()) == len(fleet.hosts) == 10
    assert fleet.standings[Standing.MEETS] == 9
    assert fleet.hindrances == {"memory": 1}
    assert fleet.hosts[-1].profile.outcome.needs


@pytest.mark.parametrize(
    ("request_", "ram", "cause"),
    [
        (Request(task="chat"), 2, "memory"),
        (Request(task="chat", min_tokens_per_s=500), 64, "bandwidth"),
        (Request(task="rag", prompt_tokens=8000, max_ttft_s=0.5), 64, "compute"),
        (Request(task="chat", min_quality=99), 64, "below_min_quality"),
    ],
)
def test_what_blocks(judge_fleet, document, request_, ram, cause):
    fleet = judge_fleet(document("a", ram=ram), request=request_)
    assert fleet.hindrances == {cause: 1}
    assert fleet.standings[Standing.BLOCKED] == 1
    assert not fleet.met


def test_a_full_disk_takes_a_smaller_choice_or_blocks(judge_fleet, document):
    def disk(free):
        return [{"path": "/", "free_bytes": free, "total_bytes": 1 << 40, "sources": {}}]

    def sizes(ram):
        (profile,) = judge_fleet(document("any", ram=ram)).profiles
        return [choice.candidate.size.file_bytes for choice in profile.outcome.choices]

    ram, largest = next((ram, found[0]) for ram in (16, 32, 64, 8) if (found := sizes(ram))[0] > min(found))
    fleet = judge_fleet(
        document("empty", ram=ram, disks=disk(1 << 39)),
        document("tight", ram=ram, disks=disk(largest - 1)),
        document("full", ram=ram, disks=disk(1000)),
        document("unknown", ram=ram, disks=[]),
    )
    empty, tight, full, unknown = fleet.hosts
    assert len(fleet.profiles) == 1
    assert empty.choice is unknown.choice is fleet.profiles[0].outcome.choices[0]
    assert tight.choice.candidate.size.file_bytes < largest
    assert (full.standing, full.blocked_by, full.choice) == (Standing.BLOCKED, "disk", None)


def test_a_driver_that_is_missing_is_what_blocks(judge_fleet, document):
    broken = document("broken", ram=16, gpu="RTX 4090")
    broken["accelerators"][0]["usable"] = False
    asked = Request(task="chat", min_tokens_per_s=60, min_quality=60)
    fleet = judge_fleet(broken, document("none", ram=16), document("sound", ram=16, gpu="RTX 4090"), request=asked)
    assert [(h.standing, h.blocked_by) for h in fleet.hosts] == [
        (Standing.BLOCKED, "driver"),
        (Standing.BLOCKED, "bandwidth"),
        (Standing.MEETS, None),
    ]


def test_one_model_over_the_fleet(judge_fleet, document):
    asked = Request(task="chat", min_tokens_per_s=10)
    hosts = (document("a", ram=8), document("b", ram=32), document("c", ram=32, gpu="RTX 4090"))
    fleet = judge_fleet(*hosts, request=asked, model="qwen3-14b:Q4_K_M")
    assert [h.standing for h in fleet.hosts] == [Standing.BLOCKED, Standing.BLOCKED, Standing.MEETS]
    assert [h.blocked_by for h in fleet.hosts] == ["memory", "bandwidth", None]
    assert {c.candidate.model_id for p in fleet.profiles for c in p.outcome.choices} == {"Qwen/Qwen3-14B"}


def test_stale_hosts_are_marked(judge_fleet, document):
    dates = ("2026-11-28T00:00:00Z", "2026-08-01", None, "2031-01-01")
    fleet = judge_fleet(*(document(f"h{i}", probed_at=date) for i, date in enumerate(dates)))
    assert [h.stale for h in fleet.hosts] == [False, True, None, False]


def test_what_is_not_told_is_not_known_rather_than_blocked(judge_fleet, document):
    unknown = document("x")
    unknown["memory"] = {"total_bytes": None}
    no_cores = document("y")
    no_cores["cpu"] = {"name": "?"}
    fleet = judge_fleet(unknown, no_cores)
    assert [(h.standing, h.blocked_by) for h in fleet.hosts] == [
        (Standing.UNKNOWN, "memory_unknown"),
        (Standing.UNKNOWN, "cores_unknown"),
    ]


def test_upgrades_unlock_and_are_ordered(judge_fleet, document):
    asked = Request(task="chat", min_tokens_per_s=30, min_quality=55)
    fleet = judge_fleet(
        *(document(f"d{i}", ram=16) for i in range(5)),
        *(document(f"l{i}", ram=16, on_battery=False) for i in range(3)),
        document("vm", ram=16, virtualization="vm"),
        request=asked,
        upgrades=True,
        budget_usd=2000,
    )
    assert fleet.standings[Standing.BLOCKED] == 9
    upgrades = fleet.upgrades
    forms = {p.id: p.form for p in fleet.profiles}
    cards = {o.spec.id for o in upgrades.offers if o.kind == "gpu"}
    assert {forms[e.profile] for e in upgrades.effects if e.upgrade in cards} == {None}
    assert "virtual" not in {forms[e.profile] for e in upgrades.effects}
    assert all(e.unlocks for e in upgrades.effects)
    best = upgrades.steps[0]
    assert upgrades.offer(best.upgrade).kind == "gpu"
    assert upgrades.steps[-1].spent_usd <= 2000
    assert sum(s.hosts for s in upgrades.steps if s.instead_of is None) <= 8
    unpriced = {t.upgrade for t in upgrades.totals if t.usd is None}
    assert not unpriced & {s.upgrade for s in upgrades.steps}


def test_quotes_make_memory_worth_buying(tmp_path, document):
    from advisor.settings import Settings
    from advisor.verbs.workspace import Workspace

    quotes = tmp_path / "quotes.yaml"
    quotes.write_text(
        "devices:\n  - id: generic/main-memory-32gb\n    prices:\n"
        "      - {usd: 90, date: '2026-11-01', kind: quote, source: shop}\n"
    )
    path = tmp_path / "host.json"
    path.write_text(json.dumps(document("d", ram=8)))
    fleet = evaluate(
        FleetRequest(paths=(str(path),), request=Request(task="chat", min_tokens_per_s=5)),
        Workspace(Settings(catalogs=(quotes,))),
        now=NOW,
    )
    first = fleet.upgrades.steps[0]
    assert first.upgrade == "generic/main-memory-32gb"
    assert first.usd == 90
    assert fleet.upgrades.offer(first.upgrade).price.source == "shop"


def test_a_mac_and_soldered_memory_take_no_parts(workspace, hardware):
    judge = Judge(build_question(Request(task="chat"), workspace.catalog), workspace)
    for name in ("Apple M3 Pro", "Ryzen AI Max+ 395"):
        machine = lasting(hardware.machine(name))
        kind = Kind(id="k", machine=machine, form=form_of(machine), hosts=1, seat=judge.seat(machine))
        parts = [o for o in offers(hardware) if o.kind != "machine"]
        assert not list(Workshop(judge).effects([kind], parts))


def test_nothing_is_built_into_what_is_virtual(workspace, hardware):
    judge = Judge(build_question(Request(task="chat"), workspace.catalog), workspace)
    machine = lasting(hardware.stated(Stated(ram_bytes=8 * GIB)))
    some = [o for o in offers(hardware) if o.kind != "gpu"]
    kinds = {
        form: Kind(id="k", machine=machine, form=form, hosts=1, seat=Seat(works=False)) for form in (None, "virtual")
    }
    assert list(Workshop(judge).effects([kinds[None]], some))
    assert not list(Workshop(judge).effects([kinds["virtual"]], some))


@pytest.mark.parametrize("name", ["missing.json", "empty"])
def test_no_host_is_an_error(workspace, tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(AdvisorError) as caught:
        evaluate(FleetRequest(paths=(str(tmp_path / name),), request=Request()), workspace)
    assert caught.value.exit_code == 2


# -- what must hold of any machine ----------------------------------------------------------------------------------

CARDS = (None, "GTX 1650", "RTX 3060", "RX 7900 XTX", "RTX 4090")


@settings(max_examples=12, deadline=None)
@given(
    ram=st.integers(2, 64), more=st.integers(0, 64), card=st.sampled_from(CARDS), faster=st.floats(1, 4),
    task=st.sampled_from(("chat", "coding")), rate=st.one_of(st.none(), st.floats(3, 80)),
)  # fmt: skip
def test_more_memory_or_bandwidth_never_worsens_a_host(workspace, hardware, ram, more, card, faster, task, rate):
    gpus = (hardware.parse_gpu(card),) if card else ()
    cpu = hardware.get("generic/generic-dual-channel-ddr4-2400")
    judge = Judge(build_question(Request(task=task, min_tokens_per_s=rate), workspace.catalog), workspace)

    def worth(machine: Machine) -> tuple[int, float]:
        outcome = judge.outcome(lasting(machine))
        best = outcome.choices[0].candidate.utility if outcome.standing is Standing.MEETS else 0.0
        return ORDER.index(outcome.standing), best

    def stated(gib: int) -> Machine:
        return hardware.stated(Stated(cpu=cpu, gpus=gpus, ram_bytes=gib * GIB))

    small, large = stated(ram), stated(ram + more)
    assert worth(small) <= worth(large)
    memory = replace(small.memory, bandwidth_bytes_per_s=small.memory.bandwidth_bytes_per_s * faster)
    devices = tuple(replace(a, bandwidth_bytes_per_s=a.bandwidth_bytes_per_s * faster) for a in small.accelerators)
    assert worth(small) <= worth(replace(small, memory=memory, accelerators=devices))


@given(st.integers(0, 1 << 50), st.integers(0, 1 << 45), st.sampled_from([16, 32, 128]))
def test_rounding_never_promises_more_nor_turns_an_order_round(value, more, steps):
    low, high = rounded_down(value, steps), rounded_down(value + more, steps)
    assert 0 <= low <= high
    assert value * (1 - 1 / steps) <= low <= value
    assert rounded_down(low, steps) == low


def test_what_other_programs_hold_counts_as_free(hardware):
    machine = hardware.stated(Stated(gpus=(hardware.parse_gpu("RTX 3060"),), ram_bytes=16 * GIB))
    busy = replace(
        machine,
        memory=replace(machine.memory, available_bytes=GIB),
        accelerators=tuple(replace(a, memory_available_bytes=GIB) for a in machine.accelerators),
    )
    assert lasting(busy) == lasting(machine)
    assert lasting(busy).memory.available_bytes == 14 * GIB


def test_what_lasts_lasts_and_has_one_key(hardware):
    keys = set()
    for spec in hardware.devices(DeviceKind.MACHINE):
        machine = lasting(hardware.machine(spec))
        assert lasting(machine) == machine
        keys.add(key_of(machine))
        assert len(key_of(machine)) == 8
    assert len(keys) >= 38
