"""The catalog as every other room sees it. Nothing is read before it is asked for; ranking reads `index.json` alone.

Names: `resolve` takes an id, an alias or any loose spelling, and raises `UnknownName` with close ones.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.catalog.names import (
    beginning,
    close_names,
    converted,
    endings,
    exact_key,
    key_of,
    plainest,
    says_tuned,
    spellings,
    where_else,
)
from advisor.catalog.records import evidence_of, model_of
from advisor.domain.entry import CatalogEntry
from advisor.domain.model import EvidenceRow, Model
from advisor.domain.quantization import Quantization
from advisor.domain.sizes import ModelSizes, QuantSize
from advisor.domain.workload import Task
from advisor.errors import BadDocument, UnknownName

if TYPE_CHECKING:
    from advisor.catalog.hardware import HardwareCatalog
    from advisor.decide.candidates import Candidate
    from advisor.estimate.constants import Constants
    from advisor.estimate.shape import ModelShape
    from advisor.estimate.weights import WeightProfile

ROWS_ELSEWHERE = 12
"""Most results on other tasks that are shown for a score inferred from them."""
LEAST_BEGINNING = 4
"""Letters and digits of a beginning that may stand for a whole name: `phi` or `yi` alone could be anything."""


class Catalog:
    """A compiled catalog folder."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.folder = folder
        self.sha256: str = manifest["sha256"]
        self.count: int = manifest["models"]
        self.left_out: tuple[str, ...] = tuple(manifest.get("left_out", ()))
        """Entries of overlays that failed a gate: `file:line: model: where: reason`."""
        self._models: dict[str, Model] = {}
        self._lines: dict[str, bytes] = {}
        self._rows: dict[int, list[Any]] = {}
        self._shape_by_id: dict[str, ModelShape | None] = {}
        self._weights: dict[tuple[str, str, str], WeightProfile | None] = {}

    def _json(self, name: str) -> Any:
        try:
            return json.loads((self.folder / f"{name}.json").read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise BadDocument(f"{self.folder / name}.json: the compiled catalog cannot be read") from None

    @cached_property
    def _entries(self) -> tuple[CatalogEntry, ...]:
        return tuple(map(CatalogEntry._make, self._json("index")))

    @cached_property
    def _entry_by_id(self) -> dict[str, CatalogEntry]:
        return {entry.id: entry for entry in self._entries}

    @cached_property
    def _names(self) -> dict[str, Any]:
        names: dict[str, Any] = self._json("names")
        return names

    @cached_property
    def _places(self) -> dict[str, dict[str, list[int]]]:
        places: dict[str, dict[str, list[int]]] = self._json("places")
        return places

    @cached_property
    def _sources(self) -> dict[str, str]:
        sources: dict[str, str] = self._json("sources")
        return sources

    def _line(self, kind: str, model_id: str) -> Any:
        place = self._places[kind].get(model_id)
        if place is None:
            return None
        if kind not in self._lines:
            self._lines[kind] = (self.folder / f"{kind}.jsonl").read_bytes()
        return json.loads(self._lines[kind][place[0] : place[0] + place[1]])

    def entries(self) -> Sequence[CatalogEntry]:
        """Every model, in order of id."""
        return self._entries

    def entry(self, model_id: str) -> CatalogEntry:
        """One model's row. Raises `UnknownName`."""
        found = self._entry_by_id.get(model_id)
        return found if found is not None else self._entry_by_id[self.resolve_id(model_id)]

    def model(self, model_id: str) -> Model:
        """The whole model by its exact id. Raises `UnknownName`."""
        if model_id not in self._models:
            record = self._line("models", model_id)
            if record is None:
                raise self._unknown(model_id)
            self._models[model_id] = model_of(record, self._sources)
        return self._models[model_id]

    def _find(self, text: str) -> str | None:
        """The id that a typed name means, by its spelling alone."""
        exact: dict[str, str] = self._names["exact"]
        loose: dict[str, str] = self._names["models"]
        for spelling, tuned in spellings(text):
            found = exact.get(exact_key(spelling)) or loose.get(key_of(spelling))
            if found is not None and (not tuned or says_tuned(found)):
                return found
        return None

    def resolve_id(self, text: str) -> str:
        """The id that a typed name means. Raises `UnknownName`."""
        found = self._find(text)
        if found is not None:
            return found
        begun = self._begun(text)
        if len(begun) == 1:
            return begun[0]
        raise self._unknown(text, begun)

    def _begun(self, text: str) -> tuple[str, ...]:
        """Models whose names begin with what was typed, the vendors' own language models first, smallest first."""
        key = key_of(plainest(text))
        if len(key) < LEAST_BEGINNING or self._never_published(text) is not None:
            return ()
        found = {model_id for name, model_id in self._names["exact"].items() if beginning(name, key)}

        def usual(model_id: str) -> tuple[bool, bool, int, str]:
            entry = self._entry_by_id[model_id]
            return not entry.official, entry.category != "llm", entry.total_params or 0, model_id

        return tuple(sorted(found, key=usual))

    def resolve(self, text: str) -> Model:
        """The model that a typed name means. Raises `UnknownName` with up to three suggestions."""
        return self.model(self.resolve_id(text))

    def split_choice(self, text: str) -> tuple[Model, str | None]:
        """MODEL or MODEL:QUANT, where MODEL may hold a colon itself (`qwen3:8b`, `qwen3:8b-q8_0`).

        A repository with published files of a model is that model, in its quantization where it has only one.
        """
        typed = plainest(text)
        if self._find(text) is not None:
            return self.resolve(text), None
        for name, quant in self._splits(typed):
            if self._find(name) is not None:
                return self.resolve(name), quant
            if exact_key(name) in self._repositories:
                return self.model(str(self._repositories[exact_key(name)][0])), quant
        if exact_key(typed) in self._repositories:
            model_id, only = self._repositories[exact_key(typed)]
            return self.model(str(model_id)), only
        for name, ending in ((typed, None), *self._splits(typed)):
            copied = self._copied(name)
            if copied is not None:
                return self.model(copied), ending
        name, found, quant = typed.rpartition(":")
        if found and self._find(name) is not None:
            self.resolve_quant(quant)
        return self.resolve(text), None

    def _copied(self, repository: str) -> str | None:
        """The model that somebody's repository says it converted: taught to answer or not as that name says."""
        name = converted(repository)
        found = self._find(name) if name is not None else None
        return found if found is not None and says_tuned(found) == says_tuned(name or "") else None

    def _splits(self, text: str) -> Iterator[tuple[str, str]]:
        """Name and quantization, wherever the end of a text is one."""
        for name, quant in endings(text):
            known = self._names["quantizations"].get(key_of(quant))
            if known is not None:
                yield name, known

    @cached_property
    def _repositories(self) -> dict[str, list[str | None]]:
        repositories: dict[str, list[str | None]] = self._json("repositories")
        return repositories

    def _never_published(self, text: str) -> UnknownName | None:
        key = key_of(text)
        for row in self._names["never_published"]:
            if key in (key_of(name) for name in row["names"]):
                message = f"{text} was never published: {row['reason']}"
                return UnknownName(message, suggestions=(row["instead"],), hint=f"did you mean {row['instead']}?")
        return None

    def _unknown(self, text: str, begun: tuple[str, ...] = ()) -> UnknownName:
        explained = self._never_published(text)
        if explained is not None:
            return explained
        suggestions = begun[:3] or close_names(text, [entry.id for entry in self._entries])
        shown = "".join(c if c.isprintable() else "?" for c in text[:80])
        hint = None if suggestions else where_else(text)
        return UnknownName(f"no model named '{shown}' in the catalog", suggestions=suggestions, hint=hint)

    def evidence(self, model_id: str) -> tuple[EvidenceRow, ...]:
        """Published benchmark results on a model, by exact id."""
        sources = {str(s.get("id")): s for s in self.table("evidence_sources").get("sources", ())}
        return tuple(evidence_of(row, sources) for row in self._line("evidence", model_id) or ())

    def evidence_for(self, model_id: str, task: str) -> tuple[EvidenceRow, ...]:
        """What a model's score on a task rests on: the task's reference benchmarks first, newest first. Without results
        on the task itself: the newest ones on others, from which its score there was inferred.
        """
        rows = self.evidence(model_id)
        stated: Mapping[str, Any] = next(
            (row for row in self.table("tasks").get("tasks", ()) if row.get("name") == task), {}
        )
        reference = [r.get("benchmark") for r in stated.get("reference", ())]
        found = [row for row in rows if row.benchmark in reference or row.task == task]
        if not found:
            return tuple(sorted(rows, key=lambda row: row.date or "", reverse=True)[:ROWS_ELSEWHERE])
        found.sort(key=lambda row: row.date or "", reverse=True)
        return tuple(sorted(found, key=lambda row: row.benchmark not in reference))

    @cached_property
    def quantizations(self) -> tuple[Quantization, ...]:
        """Every known quantization format."""
        return tuple(
            Quantization(**{key: value for key, value in row.items() if key != "aliases"})
            for row in self._json("quantizations")
        )

    def resolve_quant(self, text: str) -> Quantization:
        """The quantization that a typed name means. Raises `UnknownName`."""
        name = self._names["quantizations"].get(key_of(text))
        if name is None:
            names = [q.name for q in self.quantizations]
            shown = "".join(c if c.isprintable() else "?" for c in text[:40])
            close = close_names(text, names)
            hint = None if close else "offered are " + ", ".join(sorted(self.default_quants))
            raise UnknownName(f"no quantization named '{shown}'", suggestions=close, hint=hint)
        return next(q for q in self.quantizations if q.name == name)

    @cached_property
    def default_quants(self) -> frozenset[str]:
        """Quantizations that are considered unless one is named."""
        return frozenset(q.name for q in self.quantizations if q.offered)

    def resolve_engine(self, text: str) -> str:
        """The engine that a typed name means. Raises `UnknownName`."""
        key = key_of(text)
        names = tuple(self.constants.engines)
        found = next((name for name in names if key_of(name) == key), None)
        if found is None:
            shown = "".join(c if c.isprintable() else "?" for c in text[:40])
            close = close_names(text, names)
            hint = None if close else "engines: " + ", ".join(names)
            raise UnknownName(f"no engine named '{shown}'", suggestions=close, hint=hint)
        return found

    def resolve_licence(self, text: str) -> str:
        """The licence that a typed name means: `any`, `commercial`, one that a model has, or else the text itself.

        Raises `UnknownName` for what is nearly the name of one: no model is under it, and nothing would be offered.
        """
        from advisor.catalog.names import near_licences

        known = {"any", "commercial", *(entry.licence for entry in self.entries() if entry.licence)}
        same = next((name for name in sorted(known) if key_of(name) == key_of(text)), None)
        close = () if same else near_licences(text, sorted(known))
        if close:
            shown = "".join(c if c.isprintable() else "?" for c in text[:40])
            raise UnknownName(f"no model is under the licence '{shown}'", suggestions=close)
        return same or text

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """Every task, in the order of tasks.yaml."""
        from advisor.catalog.tables import tasks_of

        return tasks_of(self._json("tasks"))

    def resolve_task(self, text: str) -> Task:
        """The task that a typed name means. Raises `UnknownName`."""
        key = key_of(text)
        for task in self.tasks:
            if key in (key_of(name) for name in (task.name, *task.aliases)):
                return task
        shown = "".join(c if c.isprintable() else "?" for c in text[:40])
        names = tuple(task.name for task in self.tasks)
        close = close_names(text, names)
        hint = None if close else "tasks: " + ", ".join(names)
        raise UnknownName(f"no task named '{shown}'", suggestions=close, hint=hint)

    @cached_property
    def _sizes(self) -> dict[str, Any]:
        sizes: dict[str, Any] = self._json("sizes")
        return sizes

    def _row(self, model_id: str) -> list[Any] | None:
        """[shape, {quantization: weights}] of a model; None where its architecture is unknown."""
        number = self._sizes["models"].get(model_id)
        if number is None:
            return None
        if number not in self._rows:
            self._rows[number] = self._line("shapes", str(number))
        return self._rows[number]

    def sizes(self, model_id: str) -> ModelSizes | None:
        """Bytes of every prepared quantization; None where the architecture is unknown."""
        number = self._sizes["models"].get(model_id)
        if number is None:
            return None
        total_params, expert_share, quants = self._sizes["rows"][number]
        return ModelSizes(total_params, expert_share, {q: QuantSize._make(size) for q, size in quants.items()})

    def size(self, model_id: str, quant: str, form: str = "gguf") -> QuantSize | None:
        """Bytes of one quantization in a file format, prepared or computed; None where it cannot be known."""
        from advisor.estimate.formats import in_format

        sizes, name = self.sizes(model_id), in_format(quant, (form,))
        if sizes is None:
            return None
        if name in sizes.quants:
            return sizes.quants[name]
        from advisor.catalog.precomputed import size_of

        profile = self.weights(model_id, quant, form)
        return size_of(profile) if profile else None

    def shape(self, model_id: str) -> "ModelShape | None":
        """Compact shape of a model by exact id; None where its architecture is unknown."""
        if model_id not in self._shape_by_id:
            from advisor.estimate.shape import ModelShape

            row = self._row(model_id)
            self._shape_by_id[model_id] = None if row is None else ModelShape.from_row(row[0])
        return self._shape_by_id[model_id]

    def weights(self, model_id: str, quant: str, form: str = "gguf") -> "WeightProfile | None":
        """Bytes of one quantization in a file format (a name may mean several: NVFP4, BF16).

        None where the architecture is unknown or nobody has described the quantization. Prepared for published ones
        that are offered, computed for any other.
        """
        key = (model_id, quant, form)
        if key not in self._weights:
            self._weights[key] = self._find_weights(*key)
        return self._weights[key]

    def blueprint(self, candidate: "Candidate") -> "tuple[ModelShape, WeightProfile]":
        """Shape and weights of a candidate, which has both, or it would have no size."""
        from advisor.decide.loading import file_format

        form = file_format(candidate.engine, candidate.quant) or "gguf"
        shape, weights = self.shape(candidate.model_id), self.weights(candidate.model_id, candidate.quant, form)
        if shape is None or weights is None:
            raise self._unknown(candidate.model_id)
        return shape, weights

    def _find_weights(self, model_id: str, quant: str, form: str) -> "WeightProfile | None":
        from advisor.catalog.recipes import computed
        from advisor.estimate.formats import in_format
        from advisor.estimate.weights import WeightProfile

        row, name = self._row(model_id), in_format(quant, (form,))
        if row is None:
            return None
        prepared = row[1].get(name)
        model = None if prepared else self.model(model_id)
        found = computed(model.architecture, name, model.artifacts) if model else WeightProfile.from_row(prepared)
        return replace(found, quant=quant) if found else None

    @cached_property
    def constants(self) -> "Constants":
        """Constants of the estimates, from calibration.yaml and engines.yaml."""
        from advisor.estimate.constants import Constants

        return Constants.from_mapping(self.table("calibration"), self.table("engines"))

    @cached_property
    def hardware(self) -> "HardwareCatalog":
        """Devices and whole machines."""
        from advisor.catalog.hardware import HardwareCatalog

        return HardwareCatalog.from_rows(self._json("hardware"))

    def table(self, name: str) -> Mapping[str, Any]:
        """A YAML table as written (engines, calibration, tasks, benchmarks); empty where there is none."""
        return self._json(name) or {}
