"""One machine of a fleet as an inventory tells of it, and what could not be read."""

from dataclasses import dataclass

from advisor.domain.machine import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine under the name its source gives it. `machine` is reduced to what lasts (see `profile.lasting`)."""

    id: str
    machine: Machine
    source: str
    """File, and line or position where it holds several."""
    kind: str
    """probe, table, ansible or kubernetes."""
    probed_at: str | None = None
    """When it was read, as the source writes it."""
    disk_free_bytes: int | None = None
    form: str | None = None
    """laptop, desktop, server or virtual."""
    missing: tuple[str, ...] = ()
    """Facts that the source does not tell: memory, cores, gpu."""
    named: bool = True
    """False: the source gives no name that tells hosts apart, so `id` is its place there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A file or a part of one that could not be read, and why in one line."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A column, or a value in one, that was not understood, and of how many hosts."""

    what: str
    value: str
    hosts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All hosts, each once, with what was left out on the way."""

    hosts: tuple[Host, ...]
    documents: int
    duplicates: int = 0
    rejected: tuple[Rejected, ...] = ()
    unread: tuple[Unread, ...] = ()
    notes: tuple[str, ...] = ()
    """How figures were read where that was not stated."""
