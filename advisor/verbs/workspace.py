"""What the verbs share in one run: settings, catalog, machine, stored results. Each is read once, when first asked."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.domain.machine import Machine
from advisor.settings import Settings, config_folder, data_folder, models_folder, results_path
from advisor.verbs.selection import MachineSelection

if TYPE_CHECKING:
    from collections.abc import Callable

    from advisor.bench.store import Store
    from advisor.catalog.library import Catalog
    from advisor.domain.device import DeviceSpec


_LEFT_OUT_SHOWN = 3
"""Entries of overlays named in warnings."""


class _Devices:
    """The hardware catalog for probes, opened when one asks: on many machines none does."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def by_pci(self, pci_id: str, *, memory_bytes: int | None = None, revision: str | None = None) -> DeviceSpec | None:
        """See `domain.device.HardwareLookup`."""
        return self._workspace.catalog.hardware.by_pci(pci_id, memory_bytes=memory_bytes, revision=revision)

    def by_name(self, name: str, *, memory_bytes: int | None = None) -> DeviceSpec | None:
        """See `domain.device.HardwareLookup`."""
        return self._workspace.catalog.hardware.by_name(name, memory_bytes=memory_bytes)

    def shares_memory(self, pci_id: str) -> bool | None:
        """See `domain.device.HardwareLookup`."""
        return self._workspace.catalog.hardware.shares_memory(pci_id)

    def identify(
        self,
        *,
        pci_id: str | None,
        name: str | None,
        memory_bytes: int | None = None,
        revision: str | None = None,
        bandwidth_bytes_per_s: float | None = None,
    ) -> DeviceSpec | None:
        """See `domain.device.HardwareLookup`."""
        return self._workspace.catalog.hardware.identify(
            pci_id=pci_id,
            name=name,
            memory_bytes=memory_bytes,
            revision=revision,
            bandwidth_bytes_per_s=bandwidth_bytes_per_s,
        )


class Workspace:
    """One run's shared state. Everything is read when it is first asked for."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog with the user's overlays."""
        from advisor.catalog.source import load_catalog, user_overlays

        overlays = (*user_overlays(config_folder(), data_folder()), *self.settings.catalogs)
        catalog = load_catalog(overlays)
        self._say_left_out(catalog.left_out)
        return catalog

    def _say_left_out(self, entries: tuple[str, ...]) -> None:
        warn = self.settings.warn
        if warn is None:
            return
        for entry in entries[:_LEFT_OUT_SHOWN]:
            warn(f"{entry} (left out)")
        if len(entries) > _LEFT_OUT_SHOWN:
            warn(f"{len(entries) - _LEFT_OUT_SHOWN} more entries of overlays left out: `advisor catalog validate PATH`")

    @cached_property
    def here(self) -> Machine:
        """This machine, probed."""
        return self.probed()

    def probed(self, say: Callable[[str], None] | None = None) -> Machine:
        """This machine, probed anew; `say` is told what is being asked."""
        from advisor.probes.assemble import probe_machine

        host = None
        if say is not None:
            from advisor.probes.live import LiveHost
            from advisor.probes.watched import WatchedHost

            host = WatchedHost(LiveHost(), say)
        return probe_machine(_Devices(self), host=host, models=models_folder())

    def machine(self, selection: MachineSelection) -> Machine:
        """The machine that the flags mean. Raises UsageError for flags that contradict each other."""
        from advisor.verbs.stated_machine import select_machine

        return select_machine(selection, self)

    @cached_property
    def store(self) -> Store | None:
        """Stored results, or None while there are none: reading must not create files."""
        path = results_path()
        if not Path(path).exists():
            return None
        from advisor.bench.store import open_store

        return open_store(path)
