"""Names of models and quantizations as people type them: any case, separators loosened, close names suggested.

Addresses of the hub, file names and the tags of Ollama are understood too: `hf.co/Qwen/Qwen3-8B`,
`Qwen3-8B-Q4_K_M.gguf`, `llama3:8b-instruct-q4_0`. A tag's `text` or `base` is another model and never dropped.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

_SEPARATORS = re.compile(r"[\s_:/()-]+")
_MAX_TEXT = 200
"""Longer than any name; cut before anything quadratic looks at it."""


def key_of(text: str) -> str:
    """What names are compared by: lower case, without separators. Dots stay: 2.5 is not 25."""
    return _SEPARATORS.sub("", text[:_MAX_TEXT].strip().lower())


def _own_names(record: Record) -> list[tuple[int, str]]:
    """Names of a model with their rank: 0 its id, 1 stated aliases, 2 the repository's name, 3 its title."""
    model_id = str(record["id"])
    names = [(0, model_id), (2, model_id.split("/", 1)[-1]), (3, str(record["name"]))]
    return names + [(1, str(alias)) for alias in record.get("aliases") or ()]


def exact_key(text: str) -> str:
    """A name as written, but for case and outer spaces."""
    return text[:_MAX_TEXT].strip().lower()


_ADDRESS = re.compile(r"^(https?://)?((huggingface|hf)\.co/|ollama\.com/(library/)?|library/)", re.IGNORECASE)
_TUNED = re.compile(r"[-_ ](instruct|chat|it)$", re.IGNORECASE)
"""Words that say of a model what most models that people run are: tuned to answer."""
_IS_TUNED = re.compile(r"(?<![a-z])(instruct|chat|it)(?![a-z])")


def plainest(text: str) -> str:
    """A name without the hub's address, a file's ending and the tag that says nothing."""
    bare = _ADDRESS.sub("", text[:_MAX_TEXT].strip()).removesuffix(":latest")
    return bare[: -len(".gguf")] if bare.lower().endswith(".gguf") else bare


def spellings(text: str) -> Iterator[tuple[str, bool]]:
    """What may have been meant, most literal first; with True, only a model whose own name says that it is tuned."""
    plain, bare = text[:_MAX_TEXT].strip(), plainest(text)
    yield plain, False
    if bare != plain:
        yield bare, False
    untuned = _TUNED.sub("", bare)
    if untuned != bare:
        yield untuned, ":" not in untuned


_CONVERTED = re.compile(r"^[^/:]+/([^/:]+?)([-.]i1)?-GGUF$", re.IGNORECASE)


def converted(text: str) -> str | None:
    """The name of the model in that of a repository with converted files (`TheBloke/Llama-2-13B-chat-GGUF`)."""
    found = _CONVERTED.match(text[:_MAX_TEXT].strip())
    return found[1] if found else None


def endings(text: str) -> Iterator[tuple[str, str]]:
    """A text cut in two wherever a quantization may begin, the longest ending first: `UD-Q4_K_XL` before `Q4_K_XL`."""
    for cut in re.finditer(r"[:@.-]", text[:_MAX_TEXT]):
        yield text[: cut.start()], text[cut.end() :]


def says_tuned(model_id: str) -> bool:
    """Whether a model's name says that it is tuned to answer."""
    return _IS_TUNED.search(model_id.lower()) is not None


def beginning(name: str, key: str) -> bool:
    """Whether a name begins with the whole words of `key`: `codestral` begins `Codestral-22B`, not `Codestralite`."""
    at = 0
    for position, character in enumerate(name):
        if at == len(key):
            return _SEPARATORS.match(character) is not None and position > 0
        if _SEPARATORS.match(character):
            continue
        if character != key[at]:
            return False
        at += 1
    return False


def repository_index(records: Iterable[Record]) -> dict[str, list[str | None]]:
    """Model id and quantization (None: several) of each repository with published files, by its name."""
    found: dict[str, list[str | None]] = {}
    for record in records:
        for artifact in record.get("artifacts") or ():
            if artifact.get("role", "model") == "model" and artifact["format"] != "ollama":
                quants = {str(file["quant"]) for file in artifact["files"]}
                only = quants.pop() if len(quants) == 1 else None
                found.setdefault(exact_key(str(artifact["repo"])), [str(record["id"]), only])
    return dict(sorted(found.items()))


def name_index(records: Iterable[Record], key: Callable[[str], str] = key_of) -> dict[str, str]:
    """Model id by comparison key. Where two models claim a name, the better rank wins, then the smaller id."""
    best: dict[str, tuple[int, str]] = {}
    for record in records:
        for rank, name in _own_names(record):
            claim = (rank, str(record["id"]))
            if key(name) and (key(name) not in best or claim < best[key(name)]):
                best[key(name)] = claim
    return {name: claim[1] for name, claim in sorted(best.items())}


def clashes(records: Iterable[Record]) -> list[tuple[str, str, str]]:
    """Stated aliases that two models claim, or that name another model: (alias, id, other id)."""
    owners: dict[str, tuple[int, str]] = {}
    found = []
    claims = [(r == 1, r, n, str(m["id"])) for m in records for r, n in _own_names(m) if r < 3]
    for stated, rank, name, model_id in sorted(claims):
        rival = owners.setdefault(exact_key(name), (rank, model_id))
        if rival[1] != model_id and stated:
            found.append((name, model_id, rival[1]))
    return found


def quant_index(quantizations: Iterable[Record]) -> dict[str, str]:
    """Name of a quantization by comparison key, aliases included; a name beats an alias."""
    index: dict[str, str] = {}
    rows = list(quantizations)
    for row in rows:
        index[key_of(str(row["name"]))] = str(row["name"])
    for row in rows:
        for alias in row.get("aliases") or ():
            index.setdefault(key_of(str(alias)), str(row["name"]))
    return dict(sorted(index.items()))


SLIP = 0.88
"""Likeness of two licences' letters at which one is a slip for the other: above that of CC-BY-4.0 and CC-BY-NC-4.0."""


def near_licences(text: str, names: Sequence[str], *, limit: int = 3) -> tuple[str, ...]:
    """Licences that `text` begins, or is a slip of the hand for."""
    from difflib import SequenceMatcher

    key = key_of(text[:_MAX_TEXT])
    likeness = {name: SequenceMatcher(None, key, key_of(name)).ratio() for name in names}
    near = [name for name in names if key and (key_of(name).startswith(key) or likeness[name] >= SLIP)]
    return tuple(sorted(near, key=lambda name: -likeness[name])[:limit])


def close_names(text: str, names: Sequence[str], *, limit: int = 3) -> tuple[str, ...]:
    """Up to `limit` names near what was typed: shared words first, then spelling."""
    from difflib import SequenceMatcher

    wanted = text[:_MAX_TEXT].lower()
    words = set(re.findall(r"[a-z]+|\d+(?:\.\d+)?", wanted))
    scored = []
    for name in names:
        tail = name.split("/", 1)[-1].lower()
        shared = len(words & set(re.findall(r"[a-z]+|\d+(?:\.\d+)?", tail)))
        matcher = SequenceMatcher(None, wanted.split("/", 1)[-1], tail)
        if shared or matcher.real_quick_ratio() > 0.6:
            scored.append((matcher.ratio() + 0.25 * shared / max(1, len(words)), name))
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    return tuple(name for score, name in scored[:limit] if score > 0.5)


def where_else(text: str) -> str:
    """What to do with a name that is like none in the catalog."""
    if text.lower().endswith((".gguf", ".safetensors")) or text.startswith(("/", "./", "../", "~")):
        return "`advisor inspect FILE` reads a model file"
    return "`advisor catalog list` has every model; `advisor inspect ORG/NAME` reads a hub repository"
