"""One prompt answered by several models here: what each wrote, what it took, and what had been expected."""

from dataclasses import dataclass

from advisor.bench.result import Prediction
from advisor.bench.statistics import error_percent
from advisor.engines.answering import Answer
from advisor.errors import AdvisorError


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One model's answer. `chats`: its own chat template was used; else it went on with the text."""

    model: str
    quant: str | None
    path: str
    context: int
    """Tokens that were reserved."""
    gpu_layers: int
    chats: bool
    answer: Answer
    predicted: Prediction | None
    """For exactly the tokens that were read and written; None where the file was not understood."""

    @property
    def name(self) -> str:
        """Model and quantization as people write them."""
        return f"{self.model} {self.quant or ''}".strip()

    def errors(self) -> dict[str, float | None]:
        """Percent by which the prediction was off, by field of the document."""
        p, a = self.predicted, self.answer
        said = (
            (None, None, None, None)
            if p is None
            else (p.ttft_s.p50, p.prefill_tokens_per_s.p50, p.decode_tokens_per_s.p50, p.peak_memory_bytes)
        )
        was = (a.ttft_s, a.prefill_tokens_per_s, a.decode_tokens_per_s, a.peak_memory_bytes)
        names = ("ttft_s", "prefill_tps", "decode_tps", "peak_memory")
        return {name: error_percent(one, other) for name, one, other in zip(names, said, was, strict=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The answers in the order asked. `failure`: why the next model gave none; the ones before it stand."""

    prompt: str
    max_tokens: int
    replies: tuple[Reply, ...]
    interrupted: bool = False
    failure: AdvisorError | None = None
