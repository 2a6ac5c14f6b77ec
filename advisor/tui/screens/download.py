"""One download: plan, consent, progress, verdict. Leaving the screen leaves the download running."""

import threading
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Footer

from advisor.tui.actions import Scope, bindings
from advisor.tui.messages import OfferMade, TransferEnded, TransferNote, Transferred, WorkFailed
from advisor.tui.screens.base import AdvisorScreen
from advisor.tui.session import Cancelled, DownloadOffer
from advisor.tui.transfer import Progress, offer_lines, progress_lines
from advisor.tui.watches import PostingTransferWatch
from advisor.tui.widgets.lines import Lines


class DownloadScreen(AdvisorScreen):
    """Kept by the app while it lives. `stage`: planning, offered, running, done, stopped or failed."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.DOWNLOAD)]

    def __init__(self) -> None:
        super().__init__()
        self.stage = "planning"
        self.target = ""
        self.offer: DownloadOffer | None = None
        self.verdict = ""
        self.progress = Progress()
        self._stop_event = threading.Event()

    def compose(self) -> ComposeResult:
        """Lines and footer."""
        with VerticalScroll(id="download", can_focus=True):
            yield Lines(self._lines, id="download-text")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Keys scroll."""
        self.query_one("#download").focus()
        self._draw()

    def begin(self, target: str) -> bool:
        """Plan a download; False while another one runs."""
        if self.stage == "running":
            return False
        self.stage, self.target, self.offer, self.progress = "planning", target, None, Progress()
        self.call_after_refresh(self._draw)
        self.call_after_refresh(self._plan, target)
        return True

    @work(thread=True, exclusive=True, group="plan")
    def _plan(self, target: str) -> None:
        self.advisor.attempt("plan", lambda: OfferMade(self.advisor.session.offer(target)), self.post_message)

    @work(thread=True, exclusive=True, group="transfer")
    def _transfer(self, offer: DownloadOffer) -> None:
        watch = PostingTransferWatch(self.post_message, self._stop_event)

        def job() -> Message:
            try:
                return TransferEnded(self.advisor.session.download(offer, watch))
            except Cancelled:
                return TransferEnded(None)

        self.advisor.attempt("download", job, self.post_message)

    def on_offer_made(self, message: OfferMade) -> None:
        """Wait for a yes."""
        self.offer = message.offer
        self._enter("offered")

    def on_transferred(self, message: Transferred) -> None:
        """Progress."""
        self.progress.take(message)
        self._draw()

    def on_transfer_note(self, message: TransferNote) -> None:
        """A retry, a wait."""
        self.progress.note = message.text
        self._draw()

    def on_transfer_ended(self, message: TransferEnded) -> None:
        """The verdict."""
        if message.path is None:
            self.verdict = "stopped; what was fetched is kept and the next start resumes it"
            self._enter("stopped")
            return
        self.verdict = message.path
        self._enter("done")
        if self.app.screen is not self:
            self.app.notify(f"{self.target} is there and verified", markup=False)

    def on_work_failed(self, message: WorkFailed) -> None:
        """One line, and what to do."""
        self.verdict = f"{message.message}{f' ({message.hint})' if message.hint else ''}"
        self._enter("failed")
        if self.app.screen is not self:
            self.app.notify(self.verdict, severity="error", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Start and stop show only where they mean something."""
        if action == "start":
            return self.stage in ("offered", "stopped", "failed") and self.offer is not None
        return self.stage == "running" if action == "stop" else True

    def action_start(self) -> None:
        """Yes."""
        if self.offer is None:
            return
        if self.offer.has_room is False:
            self.notify("the disk has no room for this download", severity="error", markup=False)
            return
        self._stop_event.clear()
        self._enter("running")
        self._transfer(self.offer)

    def action_stop(self) -> None:
        """Stop at the next read."""
        self._stop_event.set()

    def _enter(self, stage: str) -> None:
        self.stage = stage
        self.refresh_bindings()
        self._draw()

    def _draw(self) -> None:
        if self.is_mounted:
            self.query_one(Lines).again()

    def _lines(self, width: int) -> list[Content]:
        if self.offer is None:
            word = self.verdict if self.stage == "failed" else f"planning the download of {self.target} …"
            return [Content.styled(word, "$text-error" if self.stage == "failed" else "$foreground-muted")]
        lines = [*offer_lines(self.offer, width), *progress_lines(self.offer, self.progress, width), Content("")]
        return [*lines, *self._verdict_lines(width)]

    def _verdict_lines(self, width: int) -> list[Content]:
        if self.stage == "offered":
            return [
                Content.assemble(
                    "Download? ", ("y", "bold $accent"), " starts, ", ("esc", "bold $accent"), " goes back"
                )
            ]
        if self.stage == "running":
            return [Content.styled("esc goes back and leaves it running; x stops it", "$foreground-muted")]
        styles = {"stopped": "$text-warning", "failed": "$text-error"}
        if self.stage == "done":
            where = list(Content.styled(f"Verified: {self.verdict}", "$text-success").wrap(width))
            return [*where, Content.styled("b on the choice measures it here", "$foreground-muted")]
        return list(Content.styled(self.verdict, styles[self.stage]).wrap(width))
