"""Everything that a hub and a network can do wrong during a download, each with its expected outcome.

A row is good (the file arrives whole, with at most `ratio` times its size sent) or an error of one kind, after which
either the fetched prefix is still there or nothing is. In no case does a wrong file become visible.
"""

from dataclasses import dataclass, field

import pytest

from advisor.errors import AdvisorError, NetworkError, UnknownName, VerificationFailed
from advisor.hub.download import download
from advisor.hub.plan import Wanted, plan_download
from tests.hub.fakehub import Content, Fault

WANTED = Wanted(model="m", repo="org/model-GGUF")
OTHER = Content(b"GGUF" + bytes(1_999_000))


@dataclass(frozen=True)
class Row:
    """One line of the table. `kept`: bytes of the part after an error, as a share of the file."""

    name: str
    storage: tuple[Fault, ...] = ()
    resolve: tuple[Fault, ...] = ()
    api: tuple[Fault, ...] = ()
    error: type[AdvisorError] | None = None
    says: str = ""
    ratio: float = 1.06
    kept: float | None = None
    options: dict = field(default_factory=dict)


def status(code, *headers):
    return (code, list(headers))


LATER = ("Retry-After", "86400")
SOON = ("Retry-After", "0")

ROWS = [
    Row("reset once", (Fault("reset", 1),)),
    Row("end once", (Fault("end", 1),)),
    Row("every connection dies early", (Fault("end_every", arg=100_000),)),
    Row("ends always at half", (Fault("end"),), error=NetworkError, says="without progress", kept=0.5),
    Row("closed early, no length", (Fault("no_length", 1),)),
    Row("closed early, no length, no size stated", (Fault("no_length", 1),), options={"state_sizes": False}),
    Row("chunked and cut", (Fault("chunked_cut", 1),)),
    Row("short length", (Fault("short_length", 1),), ratio=2.05, options={"state_sizes": False}),
    Row("long length", (Fault("long_length", 1),), ratio=2.05),
    Row("one byte flipped once", (Fault("corrupt", 1),), ratio=2.05),
    Row("one byte flipped always", (Fault("corrupt"),), error=VerificationFailed, says="wrong sha256", kept=0),
    Row("right headers, wrong bytes", (Fault("end", 1), Fault("wrong_offset", 1, arg=4096)), ratio=2.05),
    Row("another range", (Fault("end", 1), Fault("wrong_range", 2, arg=4096)), ratio=2.1),
    Row("content replaced", (Fault("swap", 1, arg=OTHER),), error=VerificationFailed, says="another file", kept=0.5),
    Row("range ignored twice", (Fault("end", 1), Fault("ignore_range", 2)), ratio=3.1),
    Row("range ignored always", (Fault("end", 1), Fault("ignore_range")), ratio=4.6),
    Row("captive portal", (Fault("page", 1),)),
    Row("captive portal always", (Fault("page"),), error=NetworkError, says="another size", kept=0),
    Row("captive portal on the API", api=(Fault("page", 1),)),
    Row("stall", (Fault("stall", 1, arg=5),)),
    Row("drip", (Fault("drip", arg=0.3),), error=NetworkError, says="what arrived is kept", kept=0.5),
    Row("429, come back now", (Fault("status", 1, arg=status(429, SOON)),)),
    Row("429, come back tomorrow", (Fault("status", 1, arg=status(429, LATER)),), error=NetworkError,
        says="come back in 24 h", kept=0),
    Row("429 on the API, tomorrow", api=(Fault("status", 1, arg=status(429, LATER)),), error=NetworkError,
        says="come back in 24 h"),
    Row("429 with a date", (Fault("status", 1, arg=status(429, ("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"))),)),
    Row("503 once", (Fault("status", 1, arg=503),)),
    Row("502 on the resume", (Fault("end", 1), Fault("status", 1, arg=502))),
    Row("403 from the storage: address expired", (Fault("end", 1), Fault("status", 1, arg=403))),
    Row("503 thrice on resolve", resolve=(Fault("status", 3, arg=503),)),
    Row("503 thrice on the API", api=(Fault("status", 3, arg=503),)),
    Row("reset on resolve", resolve=(Fault("reset", 2),)),
    Row("garbage on resolve", resolve=(Fault("garbage", 2),)),
    Row("garbage on the API", api=(Fault("garbage", 2),)),
    Row("ten times the bytes", (Fault("endless", arg=20),), error=VerificationFailed, says="announced size", kept=0,
        ratio=6),
    Row("gzip bomb", (Fault("gzip_bomb", arg=20),), error=NetworkError, says="compressed", kept=0),
    Row("redirects in a circle", (Fault("redirect_loop"),), error=NetworkError, says="redirects without end", kept=0),
    Row("redirect to plain http", resolve=(Fault("redirect", arg="http://storage.example/x"),), error=NetworkError,
        says="plain http", kept=0),
    Row("redirect to a file", resolve=(Fault("redirect", arg="file:///etc/passwd"),), error=NetworkError,
        says="not an http address", kept=0),
    Row("huge headers", resolve=(Fault("huge_headers", 1),)),
    Row("gone from the hub", resolve=(Fault("status", arg=404),), error=UnknownName, says="the hub has no", kept=0),
    Row("API: deep nesting", api=(Fault("raw", arg=b"[" * 200_000),), error=NetworkError, says="not JSON"),
    Row("API: wrong types", api=(Fault("raw", arg=b'{"sha": 1, "siblings": 2}'),), error=NetworkError,
        says="not understood"),
    Row("API: no size", api=(Fault("raw", arg=b'{"sha": "%s", "siblings": [{"rfilename": "a.gguf"}]}' % (b"a" * 40)),),
        error=NetworkError, says="no size"),
    Row("API: not UTF-8", api=(Fault("raw", arg=b"\xff\xfe\x00"),), error=NetworkError, says="not JSON"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_fault_ends_as_expected(row, hub, published, store, patience, weights):
    hub.faults.storage = [Fault(f.kind, f.times, f.at, f.arg) for f in row.storage]
    hub.faults.resolve = [Fault(f.kind, f.times, f.at, f.arg) for f in row.resolve]
    hub.faults.api = [Fault(f.kind, f.times, f.at, f.arg) for f in row.api]
    for name, value in row.options.items():
        setattr(hub, name, value)

    def run():
        return download(plan_download(WANTED, store, patience=patience), store, patience=patience)

    if row.error is None:
        assert run().path.read_bytes() == weights
        assert hub.served_bytes() <= row.ratio * len(weights) + 65536
    else:
        with pytest.raises(row.error, match=row.says) as caught:
            run()
        assert type(caught.value) is row.error
        assert not list(store.root.rglob("*.gguf"))
    struck = [f for queue in (hub.faults.storage, hub.faults.resolve, hub.faults.api) for f in queue]
    assert all(fault.hits for fault in struck), "every fault struck"
    sizes = [part.stat().st_size for part in store.root.rglob("*.part")]
    assert all(size <= len(weights) for size in sizes)
    if row.kept is not None:
        assert sum(sizes) == pytest.approx(row.kept * len(weights), rel=0.02, abs=1)


@pytest.mark.parametrize("row", [row for row in ROWS if row.kept == 0.5 and "swap" not in row.storage[0].kind],
                         ids=lambda row: row.name)  # fmt: skip
def test_after_the_fault_is_gone_only_the_rest_is_fetched(row, hub, published, store, patience, weights):
    hub.faults.storage = [Fault(f.kind, f.times, f.at, f.arg) for f in row.storage]
    plan = plan_download(WANTED, store, patience=patience)
    with pytest.raises(NetworkError):
        download(plan, store, patience=patience)
    hub.faults.storage = []
    again = plan_download(WANTED, store, patience=patience)
    assert again.missing_bytes < 0.51 * len(weights)
    result = download(again, store, patience=patience)
    assert result.files[0].fetched_bytes == again.missing_bytes
    assert result.path.read_bytes() == weights


HOSTILE_NAMES = [
    "../../x-Q4_K_M.gguf",
    "/etc/x-Q4_K_M.gguf",
    "a/../b-Q4_K_M.gguf",
    ".hidden/x-Q4_K_M.gguf",
    "C:\\x-Q4_K_M.gguf",
    "x\x1b[2J-Q4_K_M.gguf",
    "x\u202e-Q4_K_M.gguf",
    "x" * 300 + ".gguf",
]


def test_names_that_leave_the_folder_or_hide_are_not_offered(hub, published, store, patience):
    for hostile in HOSTILE_NAMES:
        hub.listed_names = {"model-Q4_K_M.gguf": hostile}
        with pytest.raises(AdvisorError):
            plan_download(WANTED, store, patience=patience)
    assert not store.root.exists()


def test_a_prefix_gone_bad_on_disk_costs_one_clean_start(hub, published, store, patience, weights):
    plan = plan_download(WANTED, store, patience=patience)
    store.prepare()
    store.part(plan.files[0].digest).write_bytes(b"\xff" + weights[1 : len(weights) // 2])
    assert download(plan, store, patience=patience).path.read_bytes() == weights
    assert hub.served_bytes() <= 1.5 * len(weights)


def test_a_part_longer_than_the_file_is_thrown_away(hub, published, store, patience, weights):
    plan = plan_download(WANTED, store, patience=patience)
    store.prepare()
    store.part(plan.files[0].digest).write_bytes(weights + b"more")
    assert download(plan, store, patience=patience).path.read_bytes() == weights


def test_a_bad_new_version_leaves_the_good_old_file(hub, published, store, patience, weights):
    first = download(plan_download(WANTED, store, patience=patience), store, patience=patience)
    hub.commit("org/model-GGUF", {"model-Q4_K_M.gguf": Content(weights[:-64] + bytes(64))})
    hub.faults.storage = [Fault("corrupt")]
    newer = Wanted(model="m", repo="org/model-GGUF", revision="main")
    with pytest.raises(VerificationFailed):
        download(plan_download(newer, store, patience=patience), store, patience=patience)
    assert first.path.read_bytes() == weights
