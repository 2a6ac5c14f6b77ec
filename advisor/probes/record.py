"""Records every answer a machine gave to a probe, redacted, and plays such a record back as a host.

What is redacted: host name, users' names in paths, UUIDs, container ids, network addresses of cards, mount sources, and
all environment variables but those that change what a probe finds. Equal secrets get equal stand-ins, so a record still
joins up. `advisor.record/1` is what a bug report should carry.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from advisor.errors import BadDocument
from advisor.probes.host import MISSING, CommandAnswer, Host
from advisor.probes.text import clean

SCHEMA = "advisor.record/1"
MAX_ANSWERS = 50_000
KEPT_VARIABLES = (
    "HOME", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION", "container", "OLLAMA_MODELS", "HF_HOME", "HF_HUB_CACHE",
)  # fmt: skip
_UUID = re.compile(r"[0-9a-fA-F]{8}([-_])(?:[0-9a-fA-F]{4}\1){3}[0-9a-fA-F]{12}")
_LONG_HEX = re.compile(r"[0-9a-f]{24,}")
_MAC = re.compile(r"\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b")
_HOME = re.compile(r"(/home/|/Users/|\\\\Users\\\\)[^/\s:\"\\]+")


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
        answers = {kind: dict(entries) for kind, entries in self.answers.items()}
        reads = answers["read"]
        for path, narrow in _NARROWED.items():
            if reads.get(path):
                reads[path] = narrow(reads[path])
        told = answers["ask"].get("psutil")
        if isinstance(told, dict):
            answers["ask"]["psutil"] = {**told, "node": "host"}
        raw = {"schema": SCHEMA, "platform": self._host.platform, "environ": environ, "answers": answers}
        redacted: dict[str, Any] = json.loads(redact(json.dumps(raw), home=self._host.environ.get("HOME")))
        return redacted


def _host_name(_: str) -> str:
    return "host"


def _allowed_cpus(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.startswith("Cpus_allowed_list"))


def _mounts(text: str) -> str:
    """cgroup mounts as they are; of others the place and kind of the roots that hold homes, without their sources."""
    kept: list[str] = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        place, kind = left.split(), right.split()
        if len(place) < 5 or not kind:
            continue
        if kind[0] in ("cgroup", "cgroup2"):
            kept.append(line)
        elif place[4] in ("/", "/home", "/mnt", "/data", "/models"):
            kept.append(f"{' '.join(place[:5])} rw - {kind[0]} none rw")
    return "\n".join(kept)


_NARROWED = {
    "/proc/sys/kernel/hostname": _host_name,
    "/proc/self/status": _allowed_cpus,
    "/proc/self/mountinfo": _mounts,
}
"""Files of which a record keeps only what a probe reads."""


def redact(text: str, *, home: str | None = None) -> str:
    """The text with secrets replaced by numbered stand-ins of the same shape."""
    seen: dict[str, int] = {}

    def number(secret: str) -> int:
        return seen.setdefault(secret.lower(), len(seen) + 1)

    if home and home not in ("/", "/root"):
        text = text.replace(json.dumps(home)[1:-1], "/home/user")
    text = _HOME.sub(r"\1user", text)
    text = _UUID.sub(lambda m: f"00000000-0000-0000-0000-{number(m[0]):012d}", text)
    text = _MAC.sub("00:00:00:00:00:00", text)
    return _LONG_HEX.sub(lambda m: f"id{number(m[0])}", text)


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
