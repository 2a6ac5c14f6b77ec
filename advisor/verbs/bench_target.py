"""What `advisor bench TARGET` means: a GGUF file, a downloaded model, or without a target the newest download."""

from dataclasses import dataclass
from pathlib import Path

from advisor.errors import BadDocument, UnknownName, UsageError
from advisor.hub.choose import canonical_quant
from advisor.hub.gguf_header import read_gguf_file
from advisor.hub.names import clean_text, means_a_path
from advisor.hub.store import Manifest, Store
from advisor.settings import models_folder
from advisor.verbs.gguf_identity import Identity, identify
from advisor.verbs.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchTarget:
    """A file on disk and what it holds. `file_bytes` counts all parts of a split file."""

    path: Path
    file_bytes: int
    identity: Identity


def find_target(text: str | None, workspace: Workspace) -> BenchTarget:
    """Raises UsageError for what is not downloaded, UnknownName for no model, BadDocument for a file that is none."""
    if text is None:
        return _newest(workspace)
    path = Path(text).expanduser()
    if path.is_file():
        return _from_file(path, workspace)
    if path.suffix.lower() == ".gguf" or means_a_path(text):
        raise UsageError(f"there is no file {clean_text(text, 200)}")
    found = find_downloaded(text, workspace)
    if found is None:
        if "/" not in text:
            workspace.catalog.split_choice(text)
        raise UsageError(
            f"{clean_text(text, 120)} is not downloaded",
            hint=f"advisor download {clean_text(text, 120)}; --sliced measures some of its layers without a download",
        )
    return found


def _from_file(path: Path, workspace: Workspace, model: str | None = None, more_bytes: int = 0) -> BenchTarget:
    try:
        header = read_gguf_file(path)
        size = path.stat().st_size
    except OSError as error:
        raise BadDocument(f"{path} cannot be read: {error.strerror}") from error
    except BadDocument as error:
        raise BadDocument(f"{path}: {error.message}", hint=error.hint) from error
    identity = identify(header, path, workspace.catalog, model=model)
    return BenchTarget(path=path, file_bytes=size + more_bytes, identity=identity)


def _from_manifest(manifest: Manifest, store: Store, workspace: Workspace) -> BenchTarget:
    ggufs = sorted((f for f in manifest.files if f.path.lower().endswith(".gguf")), key=lambda f: f.path)
    if not ggufs:
        raise UsageError(
            f"{manifest.repo} was downloaded as {manifest.quant}, not as GGUF",
            hint="a benchmark here runs GGUF files: download a GGUF quantization",
        )
    path = store.name_of(manifest.repo, ggufs[0].path)
    if not path.is_file():
        raise UsageError(f"{path} is gone", hint=f"advisor download {manifest.model}:{manifest.quant}")
    rest = sum(f.bytes for f in ggufs[1:])
    return _from_file(path, workspace, manifest.model, rest)


def _newest(workspace: Workspace) -> BenchTarget:
    store = Store(models_folder())
    manifests = [m for m in store.read_manifests() if any(f.path.lower().endswith(".gguf") for f in m.files)]
    if not manifests:
        raise UsageError(
            "nothing is downloaded yet",
            hint="advisor bench --quick needs no model; or name a GGUF file, or `advisor download` one",
        )
    newest = max(manifests, key=lambda m: _age_key(store, m))
    return _from_manifest(newest, store, workspace)


def _age_key(store: Store, manifest: Manifest) -> float:
    path = store.name_of(manifest.repo, manifest.files[0].path)
    return path.lstat().st_mtime if path.is_symlink() or path.exists() else 0.0


def _names(text: str, workspace: Workspace) -> tuple[set[str], str | None]:
    """Names that the text may mean, lower case, and the quantization it asks for."""
    try:
        model, quant = workspace.catalog.split_choice(text)
    except UnknownName:
        name, _, quant_text = text.partition(":")
        return {name.lower()}, canonical_quant(quant_text) if quant_text else None
    repos = {artifact.repo.lower() for artifact in model.artifacts}
    return {model.id.lower(), text.partition(":")[0].lower()} | repos, canonical_quant(quant) if quant else None


def find_downloaded(text: str, workspace: Workspace) -> BenchTarget | None:
    """The newest download that the text may mean; None where there is none."""
    names, quant = _names(text, workspace)
    store = Store(models_folder())
    found = [
        m
        for m in store.read_manifests()
        if names & {m.model.lower(), m.repo.lower()} and quant in (None, canonical_quant(m.quant))
    ]
    if not found:
        return None
    return _from_manifest(max(found, key=lambda m: _age_key(store, m)), store, workspace)
