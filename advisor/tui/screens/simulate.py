"""Asks which machine to answer for: one of the catalog, or what is typed over it."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static

from advisor.catalog.machines import ASSUMED_RAM_BYTES
from advisor.domain.device import DeviceKind, DeviceSpec
from advisor.errors import UsageError
from advisor.tui.messages import DevicesRead, WorkFailed
from advisor.tui.simulation import COLUMNS, Simulation, device_rows, parse_simulation
from advisor.tui.widgets.table import Table

if TYPE_CHECKING:
    from advisor.tui.app import AdvisorApp

FIELDS = (
    ("count", "Count", "1"),
    ("vram", "VRAM", "its own"),
    ("bandwidth", "GB/s", "its own"),
    ("ram", "RAM", "its own"),
)
"""Name, label and what holds where nothing is typed."""
HINT = "type to search · enter answers for the device, changed as the fields say; without a search for the fields alone"


class SimulateScreen(ModalScreen[Simulation | None]):
    """Returns a simulation, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("down", "rows", show=False),
        Binding("ctrl+n", "rows", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._devices: tuple[DeviceSpec, ...] = ()

    def compose(self) -> ComposeResult:
        """Search, devices, fields, one line of help."""
        with Vertical(classes="dialog", id="simulate"):
            yield Input(placeholder="search: 4090, mi300, m4 max …", compact=True, id="search")
            yield Table(COLUMNS, title="Machine", id="devices")
            with Horizontal(id="stated"):
                for name, label, example in FIELDS:
                    yield Label(label, markup=False)
                    yield Input(placeholder=example, compact=True, id=name)
            yield Static(HINT, markup=False, id="simulate-hint")

    def on_mount(self) -> None:
        """Search first; the catalog opens meanwhile."""
        self.query_one("#simulate").border_title = "Simulate a machine"
        self.query_one("#devices", Table).show_note("reading the hardware catalog …")
        for field in self.query(Input):
            field.cursor_blink = False
        self.query_one("#search").focus()
        self._read()

    @work(thread=True, exclusive=True)
    def _read(self) -> None:
        app = cast("AdvisorApp", self.app)
        app.attempt("hardware", lambda: DevicesRead(tuple(app.session.devices())), self.post_message)

    def on_devices_read(self, message: DevicesRead) -> None:
        """Offer the devices."""
        self._devices = message.devices
        self._search("")

    def on_work_failed(self, message: WorkFailed) -> None:
        """Say why there are none."""
        self.query_one("#devices", Table).show_note(message.message)

    @on(Input.Changed, "#search")
    def _typed(self, event: Input.Changed) -> None:
        self._search(event.value)

    def _search(self, text: str) -> None:
        rows = device_rows(self._devices, text)
        table = self.query_one("#devices", Table)
        table.show_rows(rows)
        table.show_note(f"{len(rows)} of {len(self._devices)}")

    def action_rows(self) -> None:
        """From the search to the devices."""
        self.query_one("#devices", Table).list.focus()

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        """A card has no main memory: what is assumed of its host is shown."""
        event.stop()
        device = self._current()
        card = device is not None and device.kind is DeviceKind.GPU
        self.query_one("#ram", Input).placeholder = f"{ASSUMED_RAM_BYTES >> 30}GiB" if card else "its own"

    def _current(self) -> DeviceSpec | None:
        key = self.query_one("#devices", Table).current
        return next((device for device in self._devices if device.id == key), None)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self._answer(with_device=True)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        stated = any(self.query_one(f"#{name}", Input).value.strip() for name in ("vram", "bandwidth"))
        searched = bool(self.query_one("#search", Input).value.strip())
        self._answer(with_device=event.input.id == "search" or searched or not stated)

    def _answer(self, *, with_device: bool) -> None:
        device = self._current() if with_device else None
        texts = {name: self.query_one(f"#{name}", Input).value for name, _, _ in FIELDS}
        try:
            found = parse_simulation(device, texts)
        except UsageError as error:
            self.notify(f"{error.message} ({error.hint})", severity="error", markup=False)
            return
        if found.device is None and not (found.vram.strip() or found.ram.strip() or found.bandwidth_gb_s):
            self.notify("choose a device or state its memory", severity="warning", markup=False)
            return
        self.dismiss(found)
