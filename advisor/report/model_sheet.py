"""One model for people: the four sizes that are compared, quality with its evidence, lineage, files, sources."""

from advisor.catalog.sheet import PROMPT_TOKENS, ModelSheet, best_mode
from advisor.domain.model import Artifact, Category, Model, Tuning
from advisor.domain.quantity import Z90
from advisor.domain.units import format_count, format_size
from advisor.report.catalog import size_text, tokens_per_parameter
from advisor.report.text_table import Column, shorten, table

MAX_FILES = 16
"""Files listed; the JSON has all."""
MAX_EVIDENCE = 20
"""Results listed; the JSON has all."""

TUNING_WORDS = {
    Tuning.BASE: "base: continues a text, was not taught to answer",
    Tuning.INSTRUCT: "taught to answer",
    None: "not stated",
}


def _facts(sheet: ModelSheet) -> list[tuple[str, str]]:
    model, entry = sheet.model, sheet.entry
    total, active = format_count(model.total_params), format_count(model.active_params)
    moe = bool(model.active_params and model.total_params and model.active_params < 0.95 * model.total_params)
    ratio = tokens_per_parameter(sheet)
    trained = f"{format_count(model.training_tokens)} tokens" if model.training_tokens else "?"
    commercial = {True: "commercial use allowed", False: "no commercial use", None: "commercial use unknown"}
    return [
        ("vendor", f"{model.vendor}, family {model.family}, released {model.released or '?'}"),
        ("kind", f"{model.category}, {model.kind or '?'}, {', '.join(model.modalities)}"),
        ("parameters", f"{total}, {active} active for each token" if moe else total),
        ("context", f"{model.context.native or '?'} tokens" + _extended(sheet)),
        ("thinking", model.thinking.value),
        *_taught(model),
        ("licence", f"{model.licence.id or '?'} ({commercial[model.licence.commercial]})"),
        ("engines", ", ".join(entry.engines) or ("none: it cannot be downloaded" if not entry.downloadable else "?")),
        ("training", trained if ratio is None else f"{trained}, {ratio:,.0f} for each parameter"),
        ("lineage", _lineage(sheet)),
    ]


def _taught(model: Model) -> list[tuple[str, str]]:
    """What was taught to a model that writes text; nothing for vectors and transcripts."""
    if model.category in (Category.EMBED, Category.RERANK, Category.ASR):
        return []
    tools = "calls tools" if "tools" in model.capabilities else "no source says that it calls them"
    return [("tuning", TUNING_WORDS[model.tuning]), ("tools", tools)]


def _extended(sheet: ModelSheet) -> str:
    context = sheet.model.context
    return f", {context.extended} by {context.method}" if context.extended else ""


def _lineage(sheet: ModelSheet) -> str:
    lineage = sheet.model.lineage
    if lineage.base is None:
        return "?"
    teacher = f", teacher {lineage.teacher}" if lineage.teacher else ""
    return f"{lineage.relation or 'made'} from {lineage.base}{teacher}"


def _memory(sheet: ModelSheet, width: int) -> list[str]:
    if not sheet.sizes:
        return ["memory      its architecture is not known, so nothing can be sized"]
    contexts = list(dict.fromkeys(size.context for size in sheet.sizes))
    columns = [Column("QUANTIZATION"), Column("BITS", right=True), Column("WEIGHTS", right=True)]
    columns += [Column(f"{context // 1024}K" if context >= 1024 else str(context), right=True) for context in contexts]
    rows = []
    for quant in dict.fromkeys(size.quant for size in sheet.sizes):
        of_quant = [size for size in sheet.sizes if size.quant == quant]
        name = quant if of_quant[0].published else f"{quant} (not published)"
        cells = [size_text(size) for size in of_quant]
        rows.append([name, f"{of_quant[0].bits_per_weight:.2f}", format_size(of_quant[0].weights_bytes), *cells])
    rough = "" if sheet.cache_known else "; the cache layout is the engine's own, so this is rough"
    return [f"memory: weights with an f16 cache, before what the engine adds{rough}", *table(columns, rows, width)]


def _flops(sheet: ModelSheet) -> list[str]:
    if sheet.flops_per_token is None or sheet.flops_per_prompt is None:
        return []
    token, prompt = format_count(sheet.flops_per_token), format_count(sheet.flops_per_prompt)
    return [f"work        {token} FLOPs for an output token, {prompt} for a prompt of {PROMPT_TOKENS} tokens"]


def _file_line(artifact: Artifact) -> list[str]:
    size = artifact.bytes or artifact.approx_bytes
    about = "" if artifact.bytes else "~"
    checked = "sha256 known" if any(file.sha256 for file in artifact.files) else ""
    return [artifact.quant, about + format_size(size) if size else "?", checked, artifact.repo]


def _files(sheet: ModelSheet, width: int) -> list[str]:
    artifacts = [a for a in sheet.model.artifacts if a.role == "model"]
    if not artifacts:
        return []
    columns = [Column("FILE"), Column("SIZE", right=True), Column(""), Column("REPOSITORY", grow=True)]
    lines = table(columns, [_file_line(a) for a in artifacts[:MAX_FILES]], width)
    more = len(artifacts) - MAX_FILES
    return ["", *lines, *([f"and {more} more (--json)"] if more > 0 else [])]


def _quality(sheet: ModelSheet) -> list[str]:
    names = dict.fromkeys(task for tasks in sheet.entry.quality.values() for task in tasks)
    lines = []
    for task in names:
        cell = best_mode(sheet.entry, task)
        if cell is not None:
            lines.append(f"  {task:<22} {cell[0]:5.1f} ± {Z90 * cell[1]:4.1f}  {cell[2]}")
    return ["", "quality, unquantized, best mode (80 % interval)", *lines] if lines else []


def _evidence(sheet: ModelSheet, width: int) -> list[str]:
    if not sheet.evidence:
        return ["", "evidence    none published that this catalog knows"]
    columns = [
        Column("RESULT"),
        Column("SCORE", right=True),
        Column("DATE", drop=1),
        Column("SOURCE", grow=True),
    ]
    rows = [
        [
            row.benchmark + (f" ({row.mode})" if row.mode else "") + ("" if row.fitted else " *"),
            row.figure,
            row.date or "?",
            row.source,
        ]
        for row in sheet.evidence[:MAX_EVIDENCE]
    ]
    more = len(sheet.evidence) - MAX_EVIDENCE
    notes = [f"and {more} more (--json)"] if more > 0 else []
    if not all(row.fitted for row in sheet.evidence):
        notes.append("* added by an overlay or from the hub: shown here, not counted in the scores above")
    return ["", *table(columns, rows, width), *notes]


def model_text(sheet: ModelSheet, width: int) -> str:
    """Everything about one model, for a person."""
    lines = [f"{sheet.model.name}  ({sheet.model.id})"]
    if sheet.model.note:
        lines.append(sheet.model.note)
    lines += [f"{name:<11} {value}" for name, value in _facts(sheet)]
    lines += [*_flops(sheet), "", *_memory(sheet, width), *_quality(sheet), *_files(sheet, width)]
    lines += _evidence(sheet, width)
    facts = [f"  {field:<16} {source}" for field, source in sorted(sheet.model.sources.items())]
    lines += ["", "sources", *(shorten(line, max(width, 60)) for line in facts)]
    return "\n".join(lines)
