"""Writes a GGUF file that is all header: real names, types, shapes and settings, and a hole where the weights would be.

It takes kilobytes of disk whatever its length says, and lets an installed engine say what it would allocate.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from advisor.bench.gguf_metadata import file_architecture, metadata
from advisor.bench.gguf_writing import header, pair
from advisor.domain.architecture import Architecture
from advisor.estimate.tensor_types import aligned, tensor_bytes
from advisor.estimate.tensors import tensor_list
from advisor.estimate.traits import traits_of
from advisor.estimate.weighing import preset_types


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseModel:
    """What to write. `context`: the length the model was trained on, in tokens."""

    architecture: Architecture
    preset: str
    """A GGUF preset of `quant_rules`."""
    context: int | None = None
    nextn: bool = False
    """With the blocks of multi-token prediction."""

    def with_logits_of(self, outputs: int, tokens: int) -> "SparseModel":
        """The same with a vocabulary so small that logits of all `tokens` weigh what those of `outputs` tokens do now.

        llama-fit-params reserves logits for every token of a micro-batch, a server for one a slot.
        """
        vocab = max(1, -(-self.architecture.vocab * min(outputs, tokens) // tokens))
        a = replace(self.architecture, vocab=vocab, ple_vocab=vocab if self.architecture.ple_vocab else None)
        return replace(self, architecture=a)

    def with_window(self, factor: int) -> "SparseModel":
        """The same with a sliding window `factor` times as long."""
        attention = self.architecture.attention
        if not attention.window:
            return self
        wider = replace(attention, window=attention.window * factor)
        return replace(self, architecture=replace(self.architecture, attention=wider))


_HEAD_FIRST = frozenset(("gemma3n", "gemma4"))
"""Architectures whose loader asks for a tied output head before the table that serves as one, and so lists both, though
in main memory both are the same pages (src/models/gemma3n.cpp, gemma4.cpp, build b11434)."""


def listed_twice_bytes(model: SparseModel) -> int:
    """Bytes of a tied output head that llama.cpp lists a second time when everything is in main memory."""
    a = model.architecture
    tensors = list(tensor_list(a))
    if a.gguf_arch not in _HEAD_FIRST or any(t.name == "output.weight" for t in tensors):
        return 0
    types = preset_types(a, tensors, model.preset)
    return sum(aligned(tensor_bytes(t.shape, types[t.name])) for t in tensors if t.name == "token_embd.weight")


def write_sparse(path: Path, model: SparseModel) -> int:
    """Write the file; returns its length in bytes. Raises KeyError for an unknown preset, OSError from the disk."""
    a = model.architecture
    tensors = list(tensor_list(a, nextn=model.nextn))
    types = preset_types(a, tensors, model.preset)
    arch = file_architecture(a)
    settings = metadata(a, context=model.context, nextn=model.nextn)
    pairs = [pair("general.architecture", arch), pair("general.name", "shapes alone")]
    pairs += [pair(key if key.startswith("xielu.") else f"{arch}.{key}", value) for key, value in settings.items()]
    types_of_tokens = traits_of(a).token_types or 2
    pairs += [pair("tokenizer.ggml.model", "no_vocab"), pair("tokenizer.ggml.token_type_count", types_of_tokens)]
    head = header(pairs, tensors, types)
    length = len(head) + sum(aligned(tensor_bytes(t.shape, types[t.name])) for t in tensors)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(length)
    return length
