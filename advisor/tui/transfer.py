"""How a download stands, as lines: the plan before, every file's progress during, the verdict after. Pure functions."""

from dataclasses import dataclass, field

from textual.content import Content

from advisor.domain.units import format_duration, format_size
from advisor.tui.messages import Transferred
from advisor.tui.session import DownloadOffer, OfferedFile
from advisor.tui.widgets.bars import Part, stacked
from advisor.tui.widgets.choice_lines import labelled
from advisor.tui.widgets.columns import fit
from advisor.tui.widgets.rule import rule_line

RATE_WINDOW_S = 5.0
"""The rate shown is the mean over this time."""


@dataclass(slots=True)
class Progress:
    """What has been told of a download so far."""

    files: dict[str, Transferred] = field(default_factory=dict)
    points: list[tuple[float, int]] = field(default_factory=list)
    """(time in s, bytes fetched of the current file)."""
    note: str = ""

    def take(self, message: Transferred) -> None:
        """Keep the newest of each file, and the recent points that the rate is made of."""
        known = self.files.get(message.file)
        if known is None or known.phase != message.phase:
            self.points = []
        self.files[message.file] = message
        if message.phase == "fetching":
            self.points.append((message.at_s, message.done_bytes))
            self.points = [p for p in self.points if p[0] >= message.at_s - RATE_WINDOW_S]

    @property
    def rate_bytes_per_s(self) -> float | None:
        """Of the last seconds; None before there are two points."""
        if len(self.points) < 2:
            return None
        (t0, b0), (t1, b1) = self.points[0], self.points[-1]
        return (b1 - b0) / (t1 - t0) if t1 > t0 else None


def offer_lines(offer: DownloadOffer, width: int) -> list[Content]:
    """The plan: what, from where, how much, and whether there is room."""
    room = offer.has_room
    free = Content(f"{format_size(offer.free_bytes)} free, {format_size(offer.needed_bytes)} needed")
    words = {True: ("there is room", "$text-success"), False: ("not enough room", "$text-error"), None: ("", "")}
    lines = [
        rule_line(offer.target, offer.licence or "licence unknown", width),
        labelled("from", f"{offer.repo} at {offer.revision[:12]}"),
        labelled("to", offer.folder),
        labelled(
            "size",
            Content.assemble(
                (format_size(offer.missing_bytes), "bold"), f" to fetch of {format_size(offer.total_bytes)}"
            ),
        ),
        labelled("disk", Content.assemble(free, "  ", words[room])),
        *(labelled("note", Content.styled(note, "$text-warning")) for note in offer.notes),
        Content(""),
    ]
    return [fit(line, width) if line.cell_length > width else line for line in lines]


def file_line(file: OfferedFile, told: Transferred | None, width: int) -> list[Content]:
    """Name and size, and below it the bar with what is being done."""
    done, phase = file.have_bytes, "to fetch"
    if file.have_bytes:
        phase = "partly there" if file.have_bytes < file.size_bytes else "there already"
    if told is not None:
        done, phase = told.done_bytes, told.phase
    share = done / file.size_bytes if file.size_bytes else 1.0
    style = "$text-success" if phase == "verified" else "$foreground-muted"
    bar = stacked([Part(name="done", value=share)], 1.0, max(10, min(60, width - 40)))
    word = "sha256 verified" if phase == "verified" else phase
    return [
        fit(file.path, width),
        Content.assemble("  ", bar, f" {share:>4.0%} of {format_size(file.size_bytes):>9}  ", (word, style)),
    ]


def progress_lines(offer: DownloadOffer, progress: Progress, width: int) -> list[Content]:
    """Every file, then the rate and what is left."""
    lines = [line for file in offer.files for line in file_line(file, progress.files.get(file.path), width)]
    rate = progress.rate_bytes_per_s
    if rate and rate > 0:
        fetched = sum(
            (t.size_bytes if t.phase != "fetching" else t.done_bytes) for t in progress.files.values()
        )  # fmt: skip
        left = max(0, offer.total_bytes - max(fetched, offer.total_bytes - offer.missing_bytes))
        lines += [Content(""), Content(f"{format_size(rate)}/s, {format_duration(left / rate)} left")]
    if progress.note:
        lines.append(Content.styled(fit(progress.note, width).plain.rstrip(), "$text-warning"))
    return lines
