"""Records every answer a machine gave to a probe, redacted, and plays such a record back as a host.

`advisor.record/1` is what a bug report should carry; `redaction` says what is left out of it.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from advisor.errors import BadDocument
from advisor.probes.host import MISSING, CommandAnswer, Host
from advisor.probes.redaction import Names, names_of, narrowed, redact
from advisor.probes.text import clean

SCHEMA = "advisor.record/1"
MAX_ANSWERS = 50_000
KEPT_VARIABLES = (
    "HOME", "USERPROFILE", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION",
    "container", "OLLAMA_MODELS", "HF_HOME", "HF_HUB_CACHE", "ASCEND_RT_VISIBLE_DEVICES",
)  # fmt: skip


class RecordingHost:
    """Passes every question on to another host and keeps the answers."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.answers: dict[str, dict[str, Any]] = {k: {} for k in ("read", "names", "exists", "accessible", "link")}
        self.answers |= {"which": {}, "run": {}, "ask": {}}

    @property
    def platform(self) -> str:
        """The recorded host's."""
        return self._host.platform

    @property
    def environ(self) -> Mapping[str, str]:
        """The recorded host's."""
        return self._host.environ

    def read(self, path: str, limit_bytes: int = 1 << 20) -> str | None:
        """Kept with the longest text that was asked for."""
        text = self._host.read(path, limit_bytes)
        if len(text or "") >= len(self.answers["read"].get(path) or ""):
            self.answers["read"][path] = text
        return text

    def names(self, path: str) -> tuple[str, ...]:
        """Kept."""
        found = self._host.names(path)
        self.answers["names"][path] = list(found)
        return found

    def exists(self, path: str) -> bool:
        """Kept."""
        self.answers["exists"][path] = found = self._host.exists(path)
        return found

    def accessible(self, path: str) -> bool:
        """Kept."""
        self.answers["accessible"][path] = found = self._host.accessible(path)
        return found

    def link(self, path: str) -> str | None:
        """Kept."""
        self.answers["link"][path] = found = self._host.link(path)
        return found

    def which(self, program: str) -> str | None:
        """Kept."""
        self.answers["which"][program] = found = self._host.which(program)
        return found

    def run(self, argv: Sequence[str], timeout_s: float) -> CommandAnswer:
        """Kept with code, both outputs and failure."""
        answer = self._host.run(argv, timeout_s)
        kept = {"code": answer.code, "out": answer.out, "err": answer.err, "failure": answer.failure}
        self.answers["run"][" ".join(argv)] = kept
        return answer

    def ask(self, question: str, argument: str = "") -> Any:
        """Kept."""
        self.answers["ask"][f"{question} {argument}".rstrip()] = answer = self._host.ask(question, argument)
        return answer

    def document(self) -> dict[str, Any]:
        """The record, redacted."""
        environ = {name: value for name in KEPT_VARIABLES if (value := self._host.environ.get(name)) is not None}
        raw = {"schema": SCHEMA, "platform": self._host.platform, "environ": environ, "answers": narrowed(self.answers)}
        redacted: dict[str, Any] = json.loads(self.redact(json.dumps(raw, ensure_ascii=False)))
        return redacted

    def redact(self, text: str) -> str:
        """The text without what names this machine or its user."""
        return redact(text, self._names)

    @cached_property
    def _names(self) -> Names:
        return names_of(self._host.environ, self.answers)


class ReplayHost:
    """A host that answers from a record; what was not recorded is unknown."""

    def __init__(self, document: Any, name: str = "the record") -> None:
        """Raises BadDocument for anything that is no record."""
        self._platform, self._environ, self._answers = _parts(document, name)

    @property
    def platform(self) -> str:
        """As recorded."""
        return self._platform

    @property
    def environ(self) -> Mapping[str, str]:
        """As recorded."""
        return self._environ

    def _answer(self, kind: str, key: str) -> Any:
        return self._answers.get(kind, {}).get(key)

    def _text(self, kind: str, key: str) -> str | None:
        value = self._answer(kind, key)
        return value if isinstance(value, str) else None

    def read(self, path: str, limit_bytes: int = 1 << 20) -> str | None:
        """As recorded."""
        return self._text("read", path)

    def names(self, path: str) -> tuple[str, ...]:
        """As recorded."""
        value = self._answer("names", path)
        return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()

    def exists(self, path: str) -> bool:
        """As recorded."""
        return self._answer("exists", path) is True

    def accessible(self, path: str) -> bool:
        """As recorded."""
        return self._answer("accessible", path) is True

    def link(self, path: str) -> str | None:
        """As recorded."""
        return self._text("link", path)

    def which(self, program: str) -> str | None:
        """As recorded."""
        return self._text("which", program)

    def run(self, argv: Sequence[str], timeout_s: float) -> CommandAnswer:
        """As recorded."""
        value = self._answer("run", " ".join(argv))
        if not isinstance(value, Mapping):
            return MISSING
        code, failure = value.get("code"), value.get("failure")
        return CommandAnswer(
            code=code if isinstance(code, int) else None,
            out=str(value.get("out") or ""),
            err=str(value.get("err") or ""),
            failure=failure if isinstance(failure, str) else None,
        )

    def ask(self, question: str, argument: str = "") -> Any:
        """As recorded."""
        return self._answer("ask", f"{question} {argument}".rstrip())


def _parts(document: Any, name: str) -> tuple[str, dict[str, str], dict[str, Mapping[str, Any]]]:
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
        raise BadDocument(f"{name} is no {SCHEMA} document", hint="write one with `advisor doctor --record FILE`")
    platform, environ, answers = (document.get(key) for key in ("platform", "environ", "answers"))
    if not isinstance(platform, str) or not isinstance(environ, Mapping) or not isinstance(answers, Mapping):
        raise BadDocument(f"{name} lacks platform, environ or answers", hint="write it again with `advisor doctor`")
    kept = {str(kind): entries for kind, entries in answers.items() if isinstance(entries, Mapping)}
    if sum(len(entries) for entries in kept.values()) > MAX_ANSWERS:
        raise BadDocument(f"{name} has more than {MAX_ANSWERS} answers", hint="write it again with `advisor doctor`")
    return clean(platform, 20), {str(k): str(v) for k, v in environ.items()}, kept
