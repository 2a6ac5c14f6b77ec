"""From files to a fleet: every document given to the importer of its source, and each host kept once, as last seen."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BufferedReader
from typing import Any

from advisor.catalog.hardware import HardwareCatalog
from advisor.errors import BadDocument
from advisor.inventory.columns import heading_of, roles_of, tells_of_machines
from advisor.inventory.facts import ansible_facts, ansible_row, kubernetes_rows, machine_among
from advisor.inventory.files import Found, Piece, Table, read_all
from advisor.inventory.host import Host, Inventory, Rejected, Unread
from advisor.inventory.probe_documents import SCHEMAS, ProbeReader
from advisor.inventory.table import TableReader
from advisor.probes.text import clean

_NODES = frozenset(("List", "NodeList", "Node"))
SHOWN_HEADINGS = 12
"""Headings without a meaning that are named of one table."""


def gather(
    paths: Sequence[str],
    hardware: HardwareCatalog,
    *,
    reserve_bytes: int | None = None,
    stdin: BufferedReader | None = None,
) -> Inventory:
    """All hosts of files, folders and standard input (`-`). Nothing is raised for what they hold: it is named.

    `reserve_bytes` of main memory stay with the system of each host; None: a tenth, at least 2 and at most 8 GiB.
    """
    importer = _Importer(ProbeReader(hardware, reserve_bytes), TableReader(hardware, reserve_bytes))
    fleet: dict[str, Host] = {}
    documents = duplicates = other = 0
    for found in read_all(paths, stdin):
        for host in importer.hosts(found):
            documents += 1
            known = fleet.setdefault(host.id.lower(), host)
            if known is not host:
                duplicates += 1
                other += known.machine != host.machine
                if not _older(host, known):
                    fleet[host.id.lower()] = host
    if other:
        importer.notes.append(f"{other} documents bear the name of another host with other hardware: the newest counts")
    return Inventory(
        hosts=tuple(fleet.values()),
        documents=documents,
        duplicates=duplicates,
        rejected=tuple(importer.rejected),
        unread=_unread(importer.rows.unread),
        notes=(*importer.notes, *_assumed(importer.rows)),
    )


def _unread(counted: Counter[tuple[str, str]]) -> tuple[Unread, ...]:
    return tuple(Unread(what=what, value=value, hosts=n) for (what, value), n in counted.most_common())


def _assumed(rows: TableReader) -> Iterator[str]:
    for column, unit in rows.assumed.items():
        yield f"figures of column `{clean(column, 40)}` have no unit: read as {unit}"


def _older(host: Host, known: Host) -> bool:
    """Whether the host as told now was read before it was as known; of equal dates the later document counts."""
    now, before = instant(host.probed_at), instant(known.probed_at)
    return before is not None and (now is None or now < before)


def instant(text: str | None) -> datetime | None:
    """A date as inventories write it (ISO 8601, with or without a time zone: then UTC); None for anything else."""
    try:
        found = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Importer:
    """Gives each value to the importer of its source; keeps what none understands."""

    probes: ProbeReader
    rows: TableReader
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _in_vain: set[str] = field(default_factory=set)

    def hosts(self, found: Found) -> Iterator[Host]:
        """The hosts of one value; none where it is refused."""
        if isinstance(found, Rejected):
            self.rejected.append(found)
        elif isinstance(found, Table):
            self._table(found)
        elif found.place.rpartition(":")[0] not in self._in_vain:
            try:
                yield from self._piece(found)
            except (BadDocument, RecursionError) as error:
                reason = str(error).removeprefix(found.place).lstrip(": ")
                self.rejected.append(Rejected(source=clean(found.place, 300), reason=clean(reason, 200)))

    def _table(self, table: Table) -> None:
        """A table that tells of no machines is refused once; headings without a meaning are named."""
        if not tells_of_machines(roles_of(table.headings)):
            some = ", ".join(clean(h, 30) for h in table.headings[:6])
            reason = f"has no columns that tell of machines, but {some}"
            self.rejected.append(Rejected(source=table.place, reason=clean(reason, 200)))
            self._in_vain.add(table.place)
            return
        unknown = [clean(h, 40) for h in table.headings if h and heading_of(h) is None]
        if unknown:
            more = f" and {len(unknown) - SHOWN_HEADINGS} more" if len(unknown) > SHOWN_HEADINGS else ""
            self.notes.append(f"{table.place}: columns left out: {', '.join(unknown[:SHOWN_HEADINGS])}{more}")

    def _piece(self, piece: Piece) -> Iterator[Host]:
        value, place = piece.value, piece.place
        if not isinstance(value, Mapping):
            raise BadDocument(f"holds no machine but {type(value).__name__}")
        if value.get("schema") in SCHEMAS:
            yield self.probes.host(value, place)
        elif value.get("kind") in _NODES:
            rows = list(kubernetes_rows(value))
            yield from (self.rows.host(row, f"{place}#{i + 1}", "kubernetes") for i, row in enumerate(rows))
            if not rows:
                raise BadDocument("lists no Kubernetes nodes")
        elif facts := ansible_facts(value):
            yield self._ansible(facts, place)
        else:
            yield self._row(value, place)

    def _ansible(self, facts: Mapping[str, Any], place: str) -> Host:
        document = machine_among(facts)
        if document is not None:
            return self.probes.host(document, place)
        return self.rows.host(ansible_row(facts), place, "ansible")

    def _row(self, value: Mapping[str, Any], place: str) -> Host:
        """A row of a CSV, or a flat object of some tool's answer."""
        if not tells_of_machines(roles_of(map(str, value))):
            raise BadDocument(_no_machine(value))
        return self.rows.host({str(key): _cell(item) for key, item in value.items()}, place)


def _cell(value: Any) -> str:
    """A value of JSON as a cell of a table: lists of texts joined, what nests left out."""
    if isinstance(value, list):
        return "; ".join(item for item in value[:64] if isinstance(item, str))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)[:1000]


def _no_machine(value: Mapping[str, Any]) -> str:
    if value.get("unreachable") or value.get("failed"):
        return f"Ansible did not reach it: {clean(str(value.get('msg', '')), 120)}"
    if "schema" in value:
        return f"is no advisor.machine/1 document but {clean(str(value['schema']), 60)}"
    return f"tells of no machine; it has {clean(', '.join(map(str, list(value)[:6])), 100) or 'nothing'}"
