"""Plain records of the compiled catalog into the domain's nouns. Needs neither pydantic nor YAML."""

from collections.abc import Mapping
from typing import Any

from advisor.domain.architecture import Architecture, Attention, AttentionKind, LinearAttention, Moe
from advisor.domain.model import (
    Artifact,
    ArtifactFile,
    Category,
    Context,
    EvidenceRow,
    Grade,
    Licence,
    Lineage,
    Model,
    TaskQuality,
    Thinking,
    Tuning,
)

Record = Mapping[str, Any]


def expand_layers(groups: str) -> str:
    """One letter a layer from repeat groups: `LLLF*2 S*3` is `LLLFLLLFSSS`."""
    out = []
    for group in groups.split():
        letters, _, count = group.partition("*")
        out.append(letters * int(count or 1))
    return "".join(out)


def _tupled(record: Record, *keys: str) -> dict[str, Any]:
    return {key: tuple(value) if key in keys and value is not None else value for key, value in record.items()}


def attention_of(record: Record) -> Attention:
    """`architecture.attention` of a record."""
    fields = _tupled(record, "kv_heads_by_layer", "compress_by_layer")
    return Attention(**{**fields, "kind": AttentionKind(fields.get("kind", "gqa"))})


def architecture_of(record: Record | None) -> Architecture | None:
    """`architecture` of a record; None where nothing is known."""
    if not record:
        return None
    fields = _tupled(record, "ffn_by_layer")
    fields["layers"] = expand_layers(fields.get("layers", ""))
    fields["attention"] = attention_of(fields["attention"])
    fields.setdefault("gguf_arch", None)
    if fields.get("linear"):
        fields["linear"] = LinearAttention(**fields["linear"])
    if fields.get("moe"):
        fields["moe"] = Moe(**fields["moe"])
    return Architecture(**fields)


def _files_of(file: Record) -> tuple[ArtifactFile, ...]:
    if file.get("parts"):
        return tuple(
            ArtifactFile(path=part) if isinstance(part, str) else ArtifactFile(**part) for part in file["parts"]
        )
    if not file.get("path"):
        return ()
    return (ArtifactFile(path=file["path"], bytes=file.get("bytes"), sha256=file.get("sha256")),)


def artifacts_of(records: list[Record], sources: Mapping[str, str]) -> tuple[Artifact, ...]:
    """One `Artifact` a published quantization. Bytes known of a whole but not of its parts are `approx_bytes`."""
    out = []
    for group in records:
        for file in group["files"]:
            files = _files_of(file)
            whole = file.get("approx_bytes")
            if whole is None and (len(files) != 1):
                whole = file.get("bytes")
            source = file.get("source") or group["source"]
            out.append(
                Artifact(
                    repo=group["repo"],
                    format=group["format"],
                    quant=file["quant"],
                    files=files,
                    revision=group.get("revision"),
                    role=group.get("role", "model"),
                    imatrix=group.get("imatrix"),
                    approx_bytes=whole,
                    source=sources.get(source, source),
                )
            )
    return tuple(out)


def quality_of(record: Record | None) -> dict[str, dict[str, TaskQuality]]:
    """Scores by mode, then task."""
    return {
        mode: {task: TaskQuality(score=row[0], sd=row[1], grade=Grade(row[2])) for task, row in tasks.items()}
        for mode, tasks in (record or {}).items()
    }


def describe_source(source: Record) -> str:
    """A source in one line: where, at which revision or date."""
    when = source.get("revision") or source.get("retrieved")
    return f"{source['at']} ({when})" if when else str(source["at"])


def model_of(record: Record, sources: Mapping[str, str]) -> Model:
    """The whole model. `sources` turns source ids into text."""
    params = record.get("params") or {}
    facts = record.get("facts") or {}
    return Model(
        id=record["id"],
        name=record["name"],
        family=record["family"],
        vendor=record["vendor"],
        category=Category(record["category"]),
        released=record.get("released"),
        total_params=params.get("total"),
        active_params=params.get("active"),
        kind=record.get("kind"),
        architecture=architecture_of(record.get("architecture")),
        context=Context(**(record.get("context") or {})),
        modalities=tuple(record.get("modalities") or ("text",)),
        capabilities=tuple(record.get("capabilities") or ()),
        thinking=Thinking(record.get("thinking") or "never"),
        tuning=Tuning(record["tuning"]) if record.get("tuning") else None,
        languages=tuple(record.get("languages") or ()),
        licence=Licence(**(record.get("licence") or {})),
        artifacts=artifacts_of(record.get("artifacts") or [], sources),
        engines=tuple(record.get("engines") or ()),
        downloadable=record.get("downloadable", True),
        official=record.get("official", True),
        lineage=Lineage(**(record.get("lineage") or {})),
        training_tokens=record.get("training_tokens"),
        aliases=tuple(record.get("aliases") or ()),
        domain=record.get("domain"),
        note=record.get("note"),
        sources={name: "; ".join(sources.get(s, s) for s in ids) for name, ids in facts.items()},
        quality=quality_of(record.get("quality")),
    )


def source_words(row: Record, sources: Mapping[str, Record]) -> str:
    """Where a benchmark result was read: title, address, commit and place in it."""
    source = sources.get(row["source"])
    if source is None:
        return ", ".join(str(row[part]) for part in ("source", "locator") if row.get(part))
    parts = [source.get("title"), source.get("url"), source.get("commit"), row.get("locator")]
    return ", ".join(str(part) for part in parts if part)


def evidence_of(row: Record, sources: Mapping[str, Record]) -> EvidenceRow:
    """One benchmark result. `sources`: entries of evidence/sources.yaml by id."""
    return EvidenceRow(
        benchmark=row["benchmark"],
        task=row["task"],
        score=row["score"],
        unit=row["unit"],
        date=row.get("date"),
        source=source_words(row, sources),
        mode=row.get("mode"),
        self_reported=bool(row.get("self_reported", False)),
        quant=row.get("quant"),
        fitted=row.get("fitted", True),
    )
