"""Every error a user can meet, with its exit code. Imports nothing.

AdvisorError                    1  the work failed
├── UsageError                  2  wrong usage or bad input
│   ├── UnknownName             2  a model, task, device or quantization nobody knows
│   └── BadDocument             2  a YAML, JSON, GGUF or safetensors file that cannot be accepted
├── NothingFits                 3  nothing meets the request
├── VerificationFailed          4  a download or a file is not what it should be
├── NetworkError                1  the network, or the hub behind it
│   └── Offline                 1  --offline forbids what was asked
├── DiskFull                    1  the disk has no room
├── EngineError                 1  an inference engine failed
│   └── OutOfMemory             1  the model did not fit into memory
└── StoreError                  1  the results store cannot be used
"""


class AdvisorError(Exception):
    """The work failed. `message` is one line: what, where; `hint` says what to do."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AdvisorError):
    """Wrong usage or bad input."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that no catalog knows. `suggestions` holds up to three close ones."""

    def __init__(self, message: str, *, suggestions: tuple[str, ...] = (), hint: str | None = None) -> None:
        if hint is None and suggestions:
            hint = "did you mean " + " or ".join(suggestions) + "?"
        super().__init__(message, hint=hint)
        self.suggestions = suggestions


class BadDocument(UsageError):
    """A file that cannot be accepted: malformed, hostile or too large."""


class NothingFits(AdvisorError):
    """Nothing meets the request; the result still lists the nearest misses."""

    exit_code = 3


class VerificationFailed(AdvisorError):
    """A download or a file is not what it should be."""

    exit_code = 4


class NetworkError(AdvisorError):
    """The network, or the hub behind it, did not give what was needed."""


class Offline(NetworkError):
    """The request needs the network and `--offline` forbids it."""


class DiskFull(AdvisorError):
    """The disk has no room for what was asked."""


class EngineError(AdvisorError):
    """An inference engine could not be started, or failed while running."""


class OutOfMemory(EngineError):
    """The model did not fit: refused before loading, ended while loading, or taken by the kernel."""


class StoreError(AdvisorError):
    """The results store cannot be read or written."""
