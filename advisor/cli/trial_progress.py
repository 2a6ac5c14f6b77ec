"""Answers on stderr while they are written: the text itself on a terminal, one line a model elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from advisor.cli import diagnostics
from advisor.cli.bench_progress import describe
from advisor.engines.answering import Piece, TextListener
from advisor.engines.protocol import Listener, Phase, Progress
from advisor.settings import Settings
from advisor.verbs.trial import Watcher


class _Log(Watcher):
    """One line a model."""

    def begins(self, name: str) -> None:
        diagnostics.note(f"asking {name}")


class _Stream(Watcher):
    """The text as it comes, dim where it is thinking."""

    def __init__(self, color: bool) -> None:
        self._color = color
        self._live = self._thinks = self._began = False

    def begins(self, name: str) -> None:
        self._clear()
        self._write("\n" if self._began else "")
        self._began = True
        self._write(f"\n{name}\n" if not self._color else f"\n\x1b[1m{name}\x1b[0m\n")

    @property
    def listener(self) -> Listener:
        """Writes over one line until the first token comes."""
        return self._progress

    def _progress(self, progress: Progress) -> None:
        if progress.phase in (Phase.LOADING, Phase.PREFILL):
            self._write(f"\r\x1b[K{describe(progress)[:78]}")
            self._live = True

    @property
    def on_piece(self) -> TextListener:
        """Writes the text through: it is clean already."""
        return self._piece

    def _piece(self, piece: Piece) -> None:
        self._clear()
        if piece.thinking != self._thinks and self._color:
            self._write("\x1b[2m" if piece.thinking else "\x1b[0m\n")
        self._thinks = piece.thinking
        self._write(piece.text)

    def ends(self) -> None:
        """Leave the terminal as it was."""
        self._clear()
        self._write("\x1b[0m\n\n" if self._color else "\n\n")

    def _clear(self) -> None:
        if self._live:
            self._write("\r\x1b[K")
            self._live = False

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


@contextmanager
def make_watcher(settings: Settings) -> Iterator[Watcher]:
    """A watcher for the terminal, a log, or nobody."""
    if settings.quiet:
        yield Watcher()
    elif settings.json or not sys.stderr.isatty():
        yield _Log()
    else:
        stream = _Stream(diagnostics.use_color(settings.color))
        try:
            yield stream
        finally:
            stream.ends()
