"""Published formulas of two other programs for decode speed, re-implemented to stand beside ours.

llmfit 1.1.17: bandwidth times 0.55 over parameters times a byte table; processors by parameters alone. whichllm
0.5.21: bandwidth over file size times a factor by quantization and vendor. Where a table was not published the nearest
figure is used, so small differences from the real programs remain.
"""

from benchmarks.measurements import Case

LLMFIT_BYTES = (("Q2", 0.25), ("Q3", 0.375), ("Q4", 0.5), ("Q5", 0.625), ("Q6", 0.75), ("Q8", 1.0), ("16", 2.0))
WHICHLLM_SHARE = (("Q2", 0.40), ("Q3", 0.48), ("Q4", 0.56), ("Q5", 0.52), ("Q6", 0.50), ("Q8", 0.45), ("16", 0.50))
WHICHLLM_VENDOR = {"amd": 0.78, "apple": 0.82, "intel": 0.65}


def of(table, quant: str, usual: float) -> float:
    """The figure of the first part of the table that a quantization's name holds."""
    return next((value for part, value in table if part in quant.upper()), usual)


def llmfit(case: Case, params: float, active: float) -> float:
    """Tokens a second."""
    size = of(LLMFIT_BYTES, case.quant, 0.5)
    if case.vendor == "cpu":
        return 70.0 / (params / 1e9) * 0.3
    return case.bandwidth / case.count * 0.55 / (active * size)


def whichllm(case: Case, params: float, active: float) -> float:
    """Tokens a second."""
    if case.vendor == "cpu":
        return max(0.3, 18.0 / (params / 1e9))
    share = of(WHICHLLM_SHARE, case.quant, 0.5) * WHICHLLM_VENDOR.get(case.vendor, 1.0)
    return case.bandwidth / case.count / (case.file_bytes * active / params) * share
